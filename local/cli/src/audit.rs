//! Compares the sent events with the workspace, Prometheus and the dead-letter queue.
//!
//! Every sample must be stored with its exact bits, every flawed event must be a dead letter, and nothing else may
//! be there. The answers of the function are not used.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::time::Duration;

use local_amp::StoredSeries;
use local_lambda::sqs::ReceivedMessage;
use local_testing::prometheus::{self, QueryError};
use local_testing::truncate;
use owo_colors::OwoColorize as _;

use crate::console::{print_line, print_verdict};
use crate::events::Sent;
use crate::stack::{Figures, Stack};

/// Differences shown one by one.
const SHOWN: usize = 10;

/// The result.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    sent: u64,
    delivered: u64,
    dead_lettered: u64,
    samples: usize,
    /// The dead letters.
    pub(crate) letters: Vec<ReceivedMessage>,
    /// Second copies of dead letters, which a queue that delivers at least once may have.
    repeated: u64,
    has_prometheus: bool,
    problems: Vec<String>,
}

impl Audit {
    pub(crate) async fn new(stack: &Stack, sent: &Sent) -> Result<Self, Box<dyn Error>> {
        let mut audit = Self { sent: sent.events + sent.flawed.len() as u64, ..Self::default() };
        let stored = stack.amp().series();
        audit.compare("the workspace", &sent.samples, &stored);
        audit.samples = sent.samples.values().map(BTreeMap::len).sum();
        audit.delivered = delivered_events(sent, &stored);
        if let Some(url) = &stack.endpoints().prometheus {
            audit.has_prometheus = true;
            audit.compare("Prometheus", &sent.samples, &in_prometheus(url, sent).await?);
        }
        audit.letters = stack.sqs().receive_all(&stack.endpoints().dead_letter_queue_url).await?;
        audit.check_letters(sent);
        Ok(audit)
    }

    /// Whether every event is in exactly one place, and in the right one.
    pub(crate) fn adds_up(&self) -> bool {
        self.problems.is_empty() && self.sent == self.delivered + self.dead_lettered
    }

    fn compare(&mut self, store: &str, expected: &StoredSeries, found: &StoredSeries) {
        let mut check = |labels, timestamp, expected: Option<&f64>, found: Option<&f64>| {
            if expected.map(|value| value.to_bits()) != found.map(|value| value.to_bits()) {
                self.problems.push(format!(
                    "{store}: {labels:?} at {timestamp}: expected {expected:?}, got {found:?}"
                ));
            }
        };
        let none = BTreeMap::new();
        for (labels, samples) in expected {
            let found = found.get(labels).unwrap_or(&none);
            for (timestamp, value) in samples {
                check(labels, timestamp, Some(value), found.get(timestamp));
            }
        }
        for (labels, samples) in found {
            let expected = expected.get(labels).unwrap_or(&none);
            for (timestamp, value) in samples.iter().filter(|(at, _)| !expected.contains_key(at)) {
                check(labels, timestamp, None, Some(value));
            }
        }
    }

    fn check_letters(&mut self, sent: &Sent) {
        let mut seen = BTreeSet::new();
        for letter in &self.letters {
            if !sent.flawed.contains(&letter.body) {
                let (reason, detail) = (attribute(letter, "reason"), attribute(letter, "detail"));
                let body = &letter.body;
                self.problems.push(format!("a valid event is a dead letter ({reason}: {detail}): {body}"));
            } else if !seen.insert(&letter.body) {
                self.repeated += 1;
            }
        }
        for missing in sent.flawed.iter().filter(|body| !seen.contains(body)) {
            self.problems.push(format!("no dead letter for {missing}"));
        }
        self.dead_lettered = seen.len() as u64;
    }

    /// Prints the sums and every difference.
    pub(crate) fn print(&self, figures: &Figures) {
        let stores = if self.has_prometheus { "workspace and Prometheus" } else { "workspace" };
        print_line!("  {} samples compared one by one with {stores}", self.samples);
        let mut reasons = BTreeMap::<_, usize>::new();
        for letter in &self.letters {
            *reasons.entry(attribute(letter, "reason")).or_default() += 1;
        }
        let reasons: Vec<String> =
            reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        print_line!("  dead letters: {}; {} of them repeated", reasons.join(", "), self.repeated);
        print_line!(
            "  {} invocations, {} of which failed; {} write requests",
            figures.function.invocations,
            figures.function.errors,
            figures.amp.requests
        );
        for problem in self.problems.iter().take(SHOWN) {
            print_line!("  {} {}", "✗".red(), truncate(problem, 300));
        }
        if self.problems.len() > SHOWN {
            print_line!("  … and {} more", self.problems.len() - SHOWN);
        }
        let sum = format!(
            "{} events sent = {} delivered + {} dead-lettered + {} in flight",
            self.sent,
            self.delivered,
            self.dead_lettered,
            figures.queue.visible + figures.queue.in_flight
        );
        print_verdict(self.adds_up(), &sum);
    }
}

/// A message attribute of a dead letter.
pub(crate) fn attribute<'a>(letter: &'a ReceivedMessage, name: &str) -> &'a str {
    letter.attributes.get(name).map_or("", String::as_str)
}

/// Everything that Prometheus holds. One query for each device keeps the answers small.
async fn in_prometheus(url: &str, sent: &Sent) -> Result<StoredSeries, QueryError> {
    // The oldest flawed sample is two hours older than its message: it would be found, had it been stored.
    const LOOKBACK: Duration = Duration::from_hours(24);
    let devices: BTreeSet<&str> =
        sent.samples.keys().filter_map(|labels| labels.get("device")).map(String::as_str).collect();
    let known: Vec<&str> = devices.iter().copied().collect();
    let selectors = devices.iter().map(|device| format!("{{__name__=~\".+\",device=\"{device}\"}}"));
    let others = format!("{{__name__=~\".+\",device!~\"{}\"}}", known.join("|"));
    let mut stored = StoredSeries::new();
    for selector in selectors.chain([others]) {
        stored.extend(prometheus::samples(url, &selector, LOOKBACK).await?);
    }
    Ok(stored)
}

/// Events with every sample stored. Each event has two, of the same device at the same time.
fn delivered_events(sent: &Sent, stored: &StoredSeries) -> u64 {
    const SAMPLES_PER_EVENT: u64 = 2;
    let present = sent.samples.iter().map(|(labels, samples)| {
        stored
            .get(labels)
            .map_or(0, |theirs| samples.keys().filter(|at| theirs.contains_key(at)).count() as u64)
    });
    present.sum::<u64>() / SAMPLES_PER_EVENT
}
