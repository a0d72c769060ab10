//! Handler: the pipeline on one screen. The only module that knows all the others.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws::{Client, RemoteWrite, Scope};
use remote_write::{EncodedRequest, MAX_REQUEST_BYTES};
use tokio::time::Instant;

use crate::config::{Auth, Config};
use crate::dead_letter::{DeadLetter, DeadLetterQueue, dead_letters};
use crate::delivery::{Delivery, Limits, Timed, deliver};
use crate::fate::{RecordFate, fates_of_records, keep_groups_in_order};
use crate::intake::{Intake, Read, Record, Rules};
use crate::payload::{Message, Payload};
use crate::report::{Report, millis};
use crate::response::{Error, Response, Summary, respond_to_batch, respond_to_direct};

const USER_AGENT: &str = concat!("serverless-prometheus-push-gateway/", env!("CARGO_PKG_VERSION"));

/// What is kept free at the end of an invocation: half of it to move dead letters, half to post the answer.
const SAFETY_MARGIN: Duration = Duration::from_millis(500);

/// The function, built once and used by every invocation.
#[derive(Debug)]
pub struct Gateway {
    config: Config,
    client: Arc<Client>,
    receiver: RemoteWrite,
    dead_letter_queue: Option<DeadLetterQueue>,
}

/// One invocation.
#[derive(Clone, Copy, Debug)]
pub struct Invocation<'a> {
    /// The bytes of its payload.
    pub payload: &'a [u8],
    /// The time of day.
    pub now: SystemTime,
    /// How long there is until it has to be answered.
    pub time: Duration,
}

impl Gateway {
    /// Builds the function, which sends with `client`.
    pub fn new(config: Config, client: Client) -> Self {
        let client = Arc::new(client);
        let scope = match &config.auth {
            Auth::SigV4 { region } => Some(Scope { region: region.clone(), service: "aps" }),
            Auth::None => None,
        };
        let queue = config.dead_letter_queue.clone();
        Self {
            receiver: RemoteWrite::new(config.remote_write.clone(), scope, USER_AGENT),
            dead_letter_queue: queue.map(|queue| DeadLetterQueue::new(Arc::clone(&client), queue)),
            client,
            config,
        }
    }

    /// Handles one invocation. The report tells what was done, also when the invocation fails.
    ///
    /// # Errors
    /// [`Error`], which Lambda reports to the caller. An SQS batch fails only as a whole when it is malformed as a
    /// whole.
    pub async fn handle(&self, invocation: Invocation<'_>, report: &mut Report) -> Result<Response, Error> {
        let Invocation { payload, now, time } = invocation;
        let started = Instant::now();
        let margin = SAFETY_MARGIN.min(time / 5);
        let (write_until, move_until) = (started + time - margin, started + time - margin / 2);

        let payload = Payload::parse(payload)?;
        let messages = payload.messages();
        let is_fifo = messages.first().is_some_and(Message::is_fifo);

        let Intake { samples, records, left_out, inexact_values, .. } = Intake::read(&payload, self.rules());
        let series = samples.group();

        // Invalid messages need not wait for the receiver, unless one before them may have to stay in its queue.
        let invalid = if is_fifo { Vec::new() } else { self.dead_letters(messages, &records) };
        let tried = invalid.iter().map(|letter| letter.at).collect();
        let limits = Limits {
            now_ms: millis_since_epoch(now),
            deadline: write_until,
            max_request_bytes: MAX_REQUEST_BYTES,
        };
        let write = async |request| self.write(request, write_until).await;
        let (delivery, mut moved) =
            tokio::join!(deliver(&series, limits, &write), self.bury(invalid, move_until));

        let mut fates = fates_of_records(&records, &delivery);
        if is_fifo {
            keep_groups_in_order(messages, &mut fates);
        }
        let refused = self.dead_letters_of(messages, &fates, &tried);
        moved.extend(self.bury(refused, move_until).await);

        *report = Report::new(&records, &fates, &series, &delivery);
        (report.inexact_values, report.dead_lettered) = (inexact_values, moved.len());
        report.events += left_out;
        report.invalid += left_out;
        match &payload {
            Payload::Sqs(messages) => Ok(respond_to_batch(messages, &fates, &moved)),
            Payload::Direct(_) => respond_to_direct(&records, &fates, left_out, Summary::of(report)),
        }
    }

    fn rules(&self) -> Rules<'_> {
        Rules { escaping: self.config.escaping, external_labels: &self.config.external_labels }
    }

    async fn write(&self, request: EncodedRequest, until: Instant) -> Timed {
        let started = Instant::now();
        let response = self.client.send(&self.receiver.request(request.body.into()), until).await;
        Timed { response, latency_ms: millis(started.elapsed()) }
    }

    /// The letters that are known before anything is sent: those of invalid records.
    fn dead_letters(&self, messages: &[Message<'_>], records: &[Record]) -> Vec<DeadLetter> {
        if records.iter().all(|record| matches!(record.read, Read::Valid(_))) {
            return Vec::new();
        }
        let known = fates_of_records(records, &Delivery::default());
        self.dead_letters_of(messages, &known, &HashSet::new())
    }

    fn dead_letters_of(
        &self,
        messages: &[Message<'_>],
        fates: &[RecordFate],
        tried: &HashSet<usize>,
    ) -> Vec<DeadLetter> {
        match &self.dead_letter_queue {
            Some(queue) => dead_letters(messages, fates, tried, queue.is_fifo()),
            None => Vec::new(),
        }
    }

    async fn bury(&self, letters: Vec<DeadLetter>, until: Instant) -> HashSet<usize> {
        match &self.dead_letter_queue {
            Some(queue) if !letters.is_empty() => queue.take(&letters, until).await,
            _ => HashSet::new(),
        }
    }
}

fn millis_since_epoch(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
