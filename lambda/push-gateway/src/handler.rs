//! The pipeline: envelope, records, points, series, delivery, outcomes, dead letters, reply.

use std::collections::HashSet;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws::{Client, Patience, RemoteWrite};
use formats::Rules;
use http_endpoint::{Answer, Authenticator};
use remote_write::{EncodedRequest, MAX_REQUEST_BYTES, Series, Version};
use tokio::time::Instant;

use crate::config::{Config, HttpDelivery};
use crate::dead_letters::{DeadLetterQueue, Moved};
use crate::delivery::{Delivery, Limits, Receiver, Written, deliver};
use crate::envelopes::http::Http;
use crate::envelopes::http::answer::{to_invalid_body, to_route};
use crate::envelopes::{Envelope, Error, Reply};
use crate::metadata::SentMetadata;
use crate::outcome::{Outcome, Reason};
use crate::push_times;
use crate::records::{MAX_SAMPLE_BYTES, Records};
use crate::report::Report;
use crate::routes::{Route, is_public};
use crate::spill::{SpillError, SpillQueue};

/// The realm of HTTP authentication (RFC 9110, section 11.5).
const REALM: &str = "push-gateway";

const USER_AGENT: &str = concat!("serverless-prometheus-push-gateway/", env!("CARGO_PKG_VERSION"));

/// The time at the end of an invocation for moving dead letters and posting the reply, half of it each.
const MARGIN: Duration = Duration::from_millis(500);

/// The limit of a request of metadata, for which a caller may be waiting.
const METADATA_TIME: Duration = Duration::from_secs(2);

/// The time limit of an HTTP request. Clients wait for ten seconds or more, and Prometheus's for 30.
const HTTP_TIME: Duration = Duration::from_secs(8);

/// The time limit of an OTLP request. Exporters wait for ten seconds over all their attempts, so this leaves time for a second.
const OTLP_TIME: Duration = Duration::from_secs(4);

/// The share of the time of a push that is left for the spill queue.
const SPILL_SHARE: u32 = 3;

/// The time in which the failure of pushes is written; with less left, it is not.
const FAILURE_TIME: Duration = Duration::from_millis(300);

/// The function, built once and used by every invocation.
#[derive(Debug)]
pub struct Gateway {
    config: Config,
    client: Arc<Client>,
    remote_write: RemoteWrite,
    receiver: Receiver,
    sent_metadata: SentMetadata,
    authenticator: Authenticator,
    dead_letter_queue: Option<DeadLetterQueue>,
    spill_queue: Option<SpillQueue>,
}

/// One invocation.
#[derive(Clone, Copy, Debug)]
pub struct Invocation<'a> {
    /// Its payload.
    pub payload: &'a [u8],
    /// Its request id.
    pub id: &'a str,
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
            receiver: Receiver::new(config.protocol),
            sent_metadata: SentMetadata::default(),
            authenticator: Authenticator::new(config.http_auth.clone(), Arc::clone(&client)),
            remote_write: RemoteWrite::new(config.remote_write.clone(), config.auth.clone(), USER_AGENT),
            spill_queue: (config.spill_queue.clone())
                .map(|queue| SpillQueue::new(Arc::clone(&client), queue)),
            dead_letter_queue: queue.map(|queue| DeadLetterQueue::new(Arc::clone(&client), queue)),
            client,
            config,
        }
    }

    /// Handles one invocation. An SQS batch fails as a whole only if it is malformed as a whole.
    pub async fn handle(&self, invocation: Invocation<'_>) -> (Result<Reply, Error>, Report) {
        let started = Instant::now();
        let mut envelope = match Envelope::read(invocation.payload) {
            Ok(envelope) => envelope,
            Err(error) => return (Err(error.into()), Report::default()),
        };
        let now_ms = millis_since_epoch(invocation.now);
        let mut time = invocation.time;
        if let Envelope::Http(http) = &mut envelope {
            time = time.min(HTTP_TIME);
            let deadline = started + time - MARGIN.min(time / 5);
            if let Err(answer) = self.admit(http, now_ms, deadline).await {
                return (Ok(Reply::Http(http.reply(answer))), Report::default());
            }
            if http.records().any(|record| record.format.is_otlp()) {
                time = time.min(OTLP_TIME);
            }
        }
        let (records, series) = Records::read(&envelope, self.config.default_format, self.rules(now_ms));
        let margin = MARGIN.min(time / 5);
        let move_until = started + time - margin / 2;
        let reserved = self.time_to_move(&envelope, &records).min(time / 4);
        let mut write_until = move_until - margin / 2 - reserved;
        let push = envelope.push(self.config.http_base_path.as_deref());
        let queue = push.and_then(|push| Some((push, self.spill_queue.as_ref()?)));
        if queue.is_some() {
            write_until -= write_until.saturating_duration_since(started) / SPILL_SHARE;
        }
        let is_queued_at_once = push.is_some() && self.config.http_delivery == HttpDelivery::Queue;
        let delivery = if is_queued_at_once {
            Delivery::default()
        } else {
            let isolate_until = self.isolate_until(&envelope, started, write_until);
            let (record_of, with_parts) = (records.record_of(), records.with_parts());
            self.deliver(&series, &record_of, &with_parts, now_ms, isolate_until, write_until).await
        };
        let mut outcomes = records.outcomes(&delivery);
        if matches!(envelope, Envelope::Http(_)) {
            // No dead-letter queue keeps a request of which one part is rejected and another not delivered.
            for (record, outcome) in records.records.iter().zip(&mut outcomes) {
                let retry = record.points.clone().ok().and_then(|origins| delivery.retry(origins));
                *outcome = retry.unwrap_or_else(|| outcome.clone());
            }
        }
        if let Some((push, queue)) = queue
            && outcomes.iter().any(Outcome::is_retry)
        {
            let spilled = queue.take(push, invocation.id, move_until).await.map_err(Rc::new);
            for outcome in &mut outcomes {
                spill(outcome, spilled.as_ref().err(), is_queued_at_once);
            }
        }
        let moved = match &self.dead_letter_queue {
            Some(queue) => queue.take(envelope.messages(), &outcomes, move_until).await,
            None => Moved::new(),
        };
        if !outcomes.iter().any(Outcome::is_retry) {
            self.send_metadata(&series, write_until).await;
        }
        self.write_failures(&records, &outcomes, now_ms, started, move_until).await;
        let is_http = matches!(envelope, Envelope::Http(_));
        let written = if is_http { delivery.written(&series) } else { Written::default() };
        let data_points = records.data_points(&delivery);
        let mut report = Report::new(&records, &outcomes, &series, delivery.figures, moved.len());
        report.written = written;
        report.data_points = data_points;
        if self.receiver.version() == Version::V1 {
            report.start_timestamps = series.start_timestamps();
        }
        (envelope.reply(&records, &outcomes, &moved, &report), report)
    }

    /// Decodes what a request is to write, if its caller may write.
    ///
    /// # Errors
    /// The answer to any other request.
    async fn admit(&self, http: &mut Http<'_>, now_ms: i64, deadline: Instant) -> Result<(), Answer> {
        let path = http.request().path(self.config.http_base_path.as_deref());
        if !is_public(path) {
            self.authenticator.check(http.request(), deadline).await.map_err(|reason| {
                log_refusal(&reason);
                Answer::denied(&reason, REALM)
            })?;
        }
        let route = Route::of(&http.request().method, path).map_err(|reason| {
            log_refusal(&reason);
            Answer::from(reason)
        })?;
        if let Some(answer) = to_route(&route) {
            return Err(answer);
        }
        let format = http.format_of(&route).ok();
        http.admit(route, now_ms).map_err(|reason| {
            log_refusal(&reason);
            to_invalid_body(format, &reason)
        })
    }

    async fn deliver(
        &self,
        series: &Series,
        record_of: &[u32],
        with_parts: &HashSet<u32>,
        now_ms: i64,
        isolate_until: Instant,
        write_until: Instant,
    ) -> Delivery {
        let limits = Limits {
            now_ms,
            out_of_order_window_ms: self.config.out_of_order_window_ms,
            isolate_until,
            deadline: write_until,
            max_request_bytes: MAX_REQUEST_BYTES,
        };
        let send = async |request: EncodedRequest, patience: Patience| {
            let request = self.remote_write.request(request.body.into(), request.version);
            self.client.send_with(&request, patience).await
        };
        deliver(series, record_of, with_parts, limits, &self.receiver, &send).await
    }

    /// Sends the metadata of `series`, which a request of 2.0 has itself.
    async fn send_metadata(&self, series: &Series, write_until: Instant) {
        if self.receiver.version() == Version::V2 {
            return;
        }
        let send = async |request: EncodedRequest| {
            let request = self.remote_write.request(request.body.into(), request.version);
            let deadline = write_until.min(Instant::now() + METADATA_TIME);
            self.client.send_once(&request, deadline).await
        };
        self.sent_metadata.send(series.metadata(), Instant::now(), send).await;
    }

    /// Writes when pushes failed, if there is time.
    async fn write_failures(
        &self,
        records: &Records,
        outcomes: &[Outcome],
        now_ms: i64,
        started: Instant,
        until: Instant,
    ) {
        let deadline = Instant::now() + FAILURE_TIME;
        if deadline > until {
            return;
        }
        let now_ms =
            now_ms.saturating_add_unsigned(u64::try_from(started.elapsed().as_millis()).unwrap_or(0));
        let failures = push_times::failures(records, outcomes, &self.config.external_labels, now_ms);
        if let Some((series, record_of)) = failures {
            let delivery =
                self.deliver(&series, &record_of, &HashSet::new(), now_ms, deadline, deadline).await;
            let points = 0..u32::try_from(record_of.len()).unwrap_or_default();
            let outcome = delivery.outcome(points);
            if !outcome.is_done() {
                tracing::warn!(%outcome, "The time of failed pushes could not be written.");
            }
        }
    }

    fn rules(&self, now_ms: i64) -> Rules<'_> {
        Rules {
            escaping: self.config.escaping,
            external_labels: &self.config.external_labels,
            max_sample_bytes: MAX_SAMPLE_BYTES,
            grouping: const { &Vec::new() },
            received_ms: now_ms,
            now_ms,
            max_future: self.config.max_future,
            otlp_delta: self.config.otlp_delta,
        }
    }

    /// A third of the time is left for moving the messages at fault, if there are messages.
    fn isolate_until(&self, envelope: &Envelope<'_>, started: Instant, write_until: Instant) -> Instant {
        let is_moved = self.dead_letter_queue.is_some() && !envelope.messages().is_empty();
        let third = write_until.saturating_duration_since(started) / 3;
        write_until - if is_moved { third } else { Duration::ZERO }
    }

    /// The time for dead letters that are known before anything is sent.
    fn time_to_move(&self, envelope: &Envelope<'_>, records: &Records) -> Duration {
        match &self.dead_letter_queue {
            Some(queue) if !envelope.messages().is_empty() => queue.time_for(records.invalid()),
            _ => Duration::ZERO,
        }
    }
}

/// Logs why a request writes nothing, because many clients ignore the answer.
fn log_refusal(reason: &dyn fmt::Display) {
    tracing::warn!(%reason, "A request was refused.");
}

/// The outcome of a record of a push that was sent to the spill queue.
fn spill(outcome: &mut Outcome, error: Option<&Rc<SpillError>>, is_queued_at_once: bool) {
    if let Outcome::Retry(reason) = outcome {
        *outcome = match error {
            None => Outcome::Spilled,
            Some(error) if is_queued_at_once => Outcome::Retry(Reason::NotQueued(Rc::clone(error)).into()),
            Some(error) => {
                let (reason, spill) = (Rc::clone(reason), Rc::clone(error));
                Outcome::Retry(Reason::NotSpilled { reason, spill }.into())
            }
        };
    }
}

fn millis_since_epoch(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
