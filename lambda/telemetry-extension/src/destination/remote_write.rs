//! Sends write requests one at a time.
//!
//! The zeros of new series have a request of their own, and no other sample of a series is sent before the response to it: a
//! repeated zero is then the newest sample of its series, which every receiver accepts again. Values are not repeated,
//! because later ones supersede them.

use aws::{Client, Endpoint, Failure, Scope};
use bytes::Bytes;
use remote_write::{MAX_REQUEST_BYTES, Version};

use super::timeline::Timeline;
use super::{Dispatch, Identity, Undelivered, send};
use crate::series::Samples;

/// Every receiver takes it, and the metrics of a function are few.
const VERSION: Version = Version::V1;

/// A receiver of remote write.
#[derive(Debug)]
pub struct RemoteWrite {
    client: Client,
    receiver: aws::RemoteWrite,
    identity: Identity,
    timeline: Timeline,
}

impl RemoteWrite {
    /// Writes to `endpoint`, signed if there is a scope.
    pub fn new(client: Client, endpoint: Endpoint, scope: Option<Scope>, identity: Identity) -> Self {
        let user_agent = concat!("telemetry-extension/", env!("CARGO_PKG_VERSION"));
        let receiver = aws::RemoteWrite::new(endpoint, scope, user_agent);
        Self { client, receiver, identity, timeline: Timeline::default() }
    }

    pub(super) async fn dispatch(&mut self, dispatch: &Dispatch) -> Result<(), Undelivered> {
        let Dispatch { snapshot, now_ms, .. } = dispatch;
        let mut samples = Samples::new(&self.identity.labels);
        let zeros = self.timeline.zeros(snapshot, *now_ms);
        if dispatch.is_last {
            // The end: missing zeros, the last values, and a stale marker.
            samples.extend(zeros);
            samples.extend(&self.timeline.samples(snapshot, *now_ms));
            samples.end(snapshot, self.timeline.end_ms());
            return self.write(samples, dispatch).await;
        }
        if !zeros.is_empty() {
            let mut ahead = Samples::new(&self.identity.labels);
            ahead.extend(zeros);
            self.write_zeros(ahead, dispatch).await?;
            self.timeline.begin();
        }
        samples.extend(&self.timeline.samples(snapshot, *now_ms));
        let sent = self.write(samples, dispatch).await;
        match sent {
            Ok(()) => self.timeline.delivered(),
            Err(Undelivered::Failed(_)) => self.timeline.failed(),
            Err(_) => {}
        }
        sent
    }

    /// A receiver that rejects a zero, which may be too old, rejects it again, so the series has none.
    async fn write_zeros(&self, zeros: Samples<'_>, dispatch: &Dispatch) -> Result<(), Undelivered> {
        match self.write(zeros, dispatch).await {
            Err(Undelivered::Rejected(answer)) => {
                tracing::warn!(%answer, "The receiver rejected the zeros at the start of counters.");
                Ok(())
            }
            result => result,
        }
    }

    async fn write(&self, samples: Samples<'_>, dispatch: &Dispatch) -> Result<(), Undelivered> {
        let series = samples.group();
        // One request, except with very long external labels.
        for (at, planned) in series.plan(series.samples(), MAX_REQUEST_BYTES, VERSION).into_iter().enumerate()
        {
            let body = series.encode(&series.samples()[planned.samples], VERSION).body;
            let sent = send(&self.client, &self.receiver.request(Bytes::from(body), VERSION), dispatch).await;
            let stored = sent.and_then(|response| {
                // Something else answered than a receiver: the URL may be wrong.
                let failed = || Undelivered::Failed(Failure::answered(response.clone()));
                response.is_stored().then_some(()).ok_or_else(failed)
            });
            stored.map_err(|undelivered| match undelivered {
                // The requests before it were delivered.
                Undelivered::Failed(failure) if at > 0 => Undelivered::Unknown(failure),
                other => other,
            })?;
        }
        Ok(())
    }
}
