//! What became of each event: found in the receiver's memory, in the dead-letter queue, or given back.
//!
//! In: what was sent, the stand-in, the dead letters, the function's answers. Out: for each event the places where
//! it was found, and every difference from what must be.

use local_amp::{AmpStandIn, StoredSeries};
use local_lambda::sqs::ReceivedMessage;

use super::Visit;
use super::events::Message;

/// Where an event ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Delivered,
    DeadLettered,
    GivenBack,
}

/// An event that was not delivered.
#[derive(Debug)]
pub(crate) struct Refused {
    /// What was wrong with it.
    pub(crate) flaw: &'static str,
    pub(crate) end: End,
    pub(crate) reason: String,
    pub(crate) status: String,
    pub(crate) detail: String,
}

/// The sums and what does not fit them.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) sent: usize,
    pub(crate) delivered: usize,
    pub(crate) dead_lettered: usize,
    pub(crate) given_back: usize,
    pub(crate) refused: Vec<Refused>,
    pub(crate) problems: Vec<String>,
}

impl Ledger {
    /// Looks for each event that was sent, and for anything that nobody sent.
    pub(crate) fn draw_up(visits: &[Visit], amp: &AmpStandIn, dead_letters: &[ReceivedMessage]) -> Self {
        let mut ledger = Self::default();
        let stored = amp.series();
        let mut expected_samples = 0;
        for visit in visits {
            let given_back = visit.invocation.batch_item_failures().unwrap_or_default();
            if visit.invocation.response().is_none() {
                ledger.problems.push(format!("{}: no answer from the function", visit.delivery.name));
            }
            for message in &visit.delivery.messages {
                // SQS stores a message at least once, so there may be a second copy.
                let dead = dead_letters.iter().find(|dead| is_letter_of(dead, message));
                let mut ends = Vec::new();
                if is_stored(&stored, message) {
                    expected_samples += message.samples.len();
                    ends.push(End::Delivered);
                }
                ends.extend(dead.map(|_| End::DeadLettered));
                if given_back.contains(&message.queued.message_id) {
                    ends.push(End::GivenBack);
                }
                ledger.enter(message, &ends, dead);
            }
        }
        let is_ours = |dead: &&ReceivedMessage| {
            visits
                .iter()
                .flat_map(|visit| &visit.delivery.messages)
                .any(|message| is_letter_of(dead, message))
        };
        let strangers = dead_letters.iter().filter(|dead| !is_ours(dead)).count();
        ledger.find_strangers(&stored, expected_samples, strangers);
        ledger.read_journal(amp);
        ledger
    }

    /// Whether every event ended in exactly one place, and in the right one.
    pub(crate) fn adds_up(&self) -> bool {
        self.problems.is_empty() && self.sent == self.delivered + self.dead_lettered + self.given_back
    }

    fn enter(&mut self, message: &Message, ends: &[End], dead: Option<&ReceivedMessage>) {
        self.sent += 1;
        for end in ends {
            match end {
                End::Delivered => self.delivered += 1,
                End::DeadLettered => self.dead_lettered += 1,
                End::GivenBack => self.given_back += 1,
            }
        }
        let must = if message.flaw.is_some() { End::DeadLettered } else { End::Delivered };
        if ends != [must] {
            let id = &message.queued.message_id;
            self.problems.push(format!("event {id} must be {must:?}, but is found as {ends:?}"));
        }
        let attribute =
            |name: &str| dead.and_then(|dead| dead.attributes.get(name)).cloned().unwrap_or_default();
        let (reason, must_be) = (attribute("reason"), message.flaw.map_or("", |flaw| flaw.reason));
        if dead.is_some() && reason != must_be {
            self.problems.push(format!("a dead letter has the reason {reason:?}, not {must_be:?}"));
        }
        if let Some(end) = ends.iter().copied().find(|end| *end != End::Delivered) {
            self.refused.push(Refused {
                flaw: message.flaw.map_or("a good event", |flaw| flaw.text),
                end,
                reason,
                status: attribute("status"),
                detail: attribute("detail"),
            });
        }
    }

    /// What lies in the workspace or in the queue must come from an event of ours.
    fn find_strangers(&mut self, stored: &StoredSeries, expected_samples: usize, dead_letters: usize) {
        let samples: usize = stored.values().map(std::collections::BTreeMap::len).sum();
        if samples != expected_samples {
            self.problems
                .push(format!("{samples} samples are stored, {expected_samples} were sent and delivered"));
        }
        if dead_letters > 0 {
            self.problems.push(format!("{dead_letters} dead letters are not messages of ours"));
        }
    }

    /// The receiver may complain about the old sample, and about nothing else.
    fn read_journal(&mut self, amp: &AmpStandIn) {
        for request in amp.requests() {
            if let Some(complaint) = request.violation.filter(|words| !words.starts_with("timestamp too old"))
            {
                self.problems.push(format!("the receiver complained: {complaint}"));
            }
        }
        for overlap in amp.overlaps() {
            let series = overlap.series;
            self.problems.push(format!("two requests with the series {series:?} travelled at once"));
        }
    }
}

fn is_letter_of(dead: &ReceivedMessage, message: &Message) -> bool {
    dead.body == message.queued.body && dead.attributes.get("messageId") == Some(&message.queued.message_id)
}

/// Every sample of the event is there, with its very bits.
fn is_stored(stored: &StoredSeries, message: &Message) -> bool {
    let is_there = |(labels, timestamp, value): &(_, i64, f64)| {
        let found = stored.get(labels).and_then(|samples| samples.get(timestamp));
        found.is_some_and(|found| found.to_bits() == value.to_bits())
    };
    !message.samples.is_empty() && message.samples.iter().all(is_there)
}
