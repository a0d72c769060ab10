//! Remote write: a dispatch → write requests, sent one after the other.
//!
//! The zeros of new series go ahead in a request of their own and nothing of a series is sent before its zero was
//! answered: while a zero is repeated it is the newest of its series, which every receiver takes again. Values are
//! never repeated; later ones supersede them.

use std::sync::Arc;

use amp::{Client, Endpoint, RemoteWriter, Scope};
use bytes::Bytes;
use remote_write::{MAX_REQUEST_BYTES, Series};

use super::timeline::{Timeline, Zeros};
use super::{Dispatch, Identity, Undelivered, send};
use crate::series::Samples;

/// A receiver of remote write.
#[derive(Debug)]
pub struct RemoteWrite {
    client: Arc<Client>,
    writer: RemoteWriter,
    identity: Identity,
    timeline: Timeline,
}

impl RemoteWrite {
    /// Writes to `endpoint`, signed if there is a scope.
    pub fn new(client: Client, endpoint: Endpoint, scope: Option<Scope>, identity: Identity) -> Self {
        let client = Arc::new(client);
        let writer = RemoteWriter::new(
            Arc::clone(&client),
            endpoint,
            scope,
            concat!("telemetry-extension/", env!("CARGO_PKG_VERSION")),
        );
        let timeline = Timeline::new(identity.since_ms);
        Self { client, writer, identity, timeline }
    }

    pub(super) async fn dispatch(&mut self, dispatch: &Dispatch) -> Result<(), Undelivered> {
        if dispatch.is_last {
            return self.write_all(dispatch).await;
        }
        // Twice at most: those that were asked for earlier, then those that have come since.
        while let Some(zeros) = self.timeline.zeros(&dispatch.snapshot, dispatch.now_ms) {
            self.write_zeros(&zeros, dispatch).await?;
            self.timeline.begin();
        }
        let timestamp_ms = self.timeline.next_ms(dispatch.now_ms);
        let mut samples = Samples::new(&self.identity.labels);
        for point in dispatch.snapshot.points() {
            samples.value(point, timestamp_ms);
        }
        let series = samples.group();
        self.write(&series, dispatch).await
    }

    /// A receiver that refuses a zero (it may be too old by now) will refuse it again: then the series goes without.
    async fn write_zeros(&self, zeros: &Zeros, dispatch: &Dispatch) -> Result<(), Undelivered> {
        let mut samples = Samples::new(&self.identity.labels);
        for point in &zeros.points {
            samples.zero(point, zeros.timestamp_ms);
        }
        match self.write(&samples.group(), dispatch).await {
            Err(Undelivered::Rejected(answer)) => {
                tracing::warn!(%answer, "The receiver refused the zeros that counters begin with.");
                Ok(())
            }
            result => result,
        }
    }

    /// The end: zeros that are still missing, the last values, and a stale marker after them.
    async fn write_all(&mut self, dispatch: &Dispatch) -> Result<(), Undelivered> {
        let snapshot = &dispatch.snapshot;
        let mut all_zeros = Vec::new();
        while let Some(zeros) = self.timeline.zeros(snapshot, dispatch.now_ms) {
            self.timeline.begin();
            all_zeros.push(zeros);
        }
        let timestamp_ms = self.timeline.next_ms(dispatch.now_ms);
        let end_ms = self.timeline.next_ms(dispatch.now_ms);
        let mut samples = Samples::new(&self.identity.labels);
        for zeros in &all_zeros {
            for point in &zeros.points {
                samples.zero(point, zeros.timestamp_ms);
            }
        }
        for point in snapshot.points() {
            samples.value(point, timestamp_ms);
        }
        samples.end(snapshot, end_ms);
        self.write(&samples.group(), dispatch).await
    }

    async fn write(&self, series: &Series, dispatch: &Dispatch) -> Result<(), Undelivered> {
        // One request, unless external labels are very long.
        for planned in series.plan(series.samples(), MAX_REQUEST_BYTES) {
            let body = series.encode(&series.samples()[planned.samples]).body;
            send(&self.client, &self.writer.request(Bytes::from(body)), dispatch).await?;
        }
        Ok(())
    }
}
