//! The pipeline: envelope, records, points, series, delivery, outcomes, dead letters, reply.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws::{Client, Patience, RemoteWrite};
use formats::Rules;
use remote_write::{EncodedRequest, MAX_REQUEST_BYTES};
use tokio::time::Instant;

use crate::config::Config;
use crate::dead_letters::{DeadLetterQueue, Moved};
use crate::delivery::{Limits, Receiver, deliver};
use crate::envelopes::{Envelope, Error, Reply};
use crate::records::{MAX_SAMPLE_BYTES, Records};
use crate::report::Report;

const USER_AGENT: &str = concat!("serverless-prometheus-push-gateway/", env!("CARGO_PKG_VERSION"));

/// The time at the end of an invocation for moving dead letters and posting the reply, half of it each.
const MARGIN: Duration = Duration::from_millis(500);

/// The function, built once and used by every invocation.
#[derive(Debug)]
pub struct Gateway {
    config: Config,
    client: Arc<Client>,
    remote_write: RemoteWrite,
    receiver: Receiver,
    dead_letter_queue: Option<DeadLetterQueue>,
}

/// One invocation.
#[derive(Clone, Copy, Debug)]
pub struct Invocation<'a> {
    /// Its payload.
    pub payload: &'a [u8],
    /// The time of day.
    pub now: SystemTime,
    /// The time until it has to be answered.
    pub time: Duration,
}

impl Gateway {
    /// Builds the function, which sends with `client`.
    pub fn new(config: Config, client: Client) -> Self {
        let client = Arc::new(client);
        let queue = config.dead_letter_queue.clone();
        Self {
            receiver: Receiver::default(),
            remote_write: RemoteWrite::new(config.remote_write.clone(), config.auth.clone(), USER_AGENT),
            dead_letter_queue: queue.map(|queue| DeadLetterQueue::new(Arc::clone(&client), queue)),
            client,
            config,
        }
    }

    /// Handles one invocation. An SQS batch fails as a whole only if it is malformed as a whole.
    pub async fn handle(&self, invocation: Invocation<'_>) -> (Result<Reply, Error>, Report) {
        let started = Instant::now();
        let envelope = match Envelope::read(invocation.payload) {
            Ok(envelope) => envelope,
            Err(error) => return (Err(error.into()), Report::default()),
        };
        let now_ms = millis_since_epoch(invocation.now);
        let (records, series) = Records::read(&envelope, self.rules(now_ms));
        let margin = MARGIN.min(invocation.time / 5);
        let move_until = started + invocation.time - margin / 2;
        let reserved = self.time_to_move(&envelope, &records).min(invocation.time / 4);
        let write_until = move_until - margin / 2 - reserved;
        let limits = Limits {
            now_ms,
            out_of_order_window_ms: self.config.out_of_order_window_ms,
            isolate_until: self.isolate_until(started, write_until),
            deadline: write_until,
            max_request_bytes: MAX_REQUEST_BYTES,
        };
        let send = async |request: EncodedRequest, patience: Patience| {
            self.client.send_with(&self.remote_write.request(request.body.into()), patience).await
        };
        let delivery = deliver(&series, &records.record_of(), limits, &self.receiver, &send).await;
        let outcomes = records.outcomes(&delivery);
        let moved = match &self.dead_letter_queue {
            Some(queue) => queue.take(envelope.messages(), &outcomes, move_until).await,
            None => Moved::new(),
        };
        let report = Report::new(&records, &outcomes, series.count(), delivery.figures, moved.len());
        (envelope.reply(&records, &outcomes, &moved, &report), report)
    }

    fn rules(&self, now_ms: i64) -> Rules<'_> {
        Rules {
            escaping: self.config.escaping,
            external_labels: &self.config.external_labels,
            max_sample_bytes: MAX_SAMPLE_BYTES,
            now_ms,
            max_future: self.config.max_future,
        }
    }

    /// A third of the time is left for moving the messages at fault.
    fn isolate_until(&self, started: Instant, write_until: Instant) -> Instant {
        let third = write_until.saturating_duration_since(started) / 3;
        write_until - if self.dead_letter_queue.is_some() { third } else { Duration::ZERO }
    }

    /// The time for dead letters that are known before anything is sent.
    fn time_to_move(&self, envelope: &Envelope<'_>, records: &Records) -> Duration {
        match &self.dead_letter_queue {
            Some(queue) if !envelope.messages().is_empty() => queue.time_for(records.invalid()),
            _ => Duration::ZERO,
        }
    }
}

fn millis_since_epoch(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
