//! The sums: every sample that had to be stored, every message that had to be set aside, and nothing else.
//!
//! In: what was sent, the workspace's memory, Prometheus, the dead-letter queue. Out: the sums for a person, and every
//! difference from what must be.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::time::Duration;

use crate::stack::{Figures, Stack};
use local_amp::StoredSeries;
use local_testing::prometheus::{self, QueryError};

use super::load::Sent;
use crate::stdout::print_line;
use crate::terminal::{Style, Terminal};
use crate::wording::{clip, grouped};

/// Differences shown one by one.
const SHOWN: usize = 10;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Audit {
    sent: u64,
    copies: u64,
    delivered: u64,
    dead_lettered: u64,
    samples: usize,
    /// Dead letters by their reason.
    reasons: BTreeMap<String, u64>,
    /// Dead letters that came twice, as a queue that delivers at least once may do.
    repeated: u64,
    has_prometheus: bool,
    problems: Vec<String>,
}

impl Audit {
    pub(super) async fn draw_up(stack: &Stack, sent: &Sent) -> Result<Self, Box<dyn Error>> {
        let poison = sent.poison.len() as u64;
        let mut audit = Self { sent: sent.events + poison, copies: sent.copies, ..Self::default() };
        let stored = stack.amp().series();
        audit.compare("the workspace", &sent.samples, &stored);
        audit.samples = sent.samples.values().map(BTreeMap::len).sum();
        audit.delivered = delivered_events(sent, &stored);
        if let Some(url) = &stack.endpoints().prometheus {
            audit.has_prometheus = true;
            audit.compare("Prometheus", &sent.samples, &in_prometheus(url, sent).await?);
        }
        audit.read_dead_letters(stack, sent).await?;
        Ok(audit)
    }

    /// Whether everything is as it must be.
    pub(super) fn adds_up(&self) -> bool {
        self.problems.is_empty() && self.sent == self.delivered + self.dead_lettered
    }

    fn compare(&mut self, whose: &str, expected: &StoredSeries, found: &StoredSeries) {
        for (labels, samples) in expected {
            let none = BTreeMap::new();
            let theirs = found.get(labels).unwrap_or(&none);
            for (timestamp, value) in samples {
                match theirs.get(timestamp) {
                    None => self.problems.push(format!("{whose} lacks {labels:?} at {timestamp}")),
                    Some(other) if other.to_bits() != value.to_bits() => {
                        self.problems
                            .push(format!("{whose} has {other}, not {value}, for {labels:?} at {timestamp}"));
                    }
                    Some(_) => {}
                }
            }
        }
        for (labels, samples) in found {
            let expected = expected.get(labels);
            let strangers =
                samples.keys().filter(|at| expected.is_none_or(|expected| !expected.contains_key(at)));
            for timestamp in strangers {
                self.problems.push(format!("{whose} has {labels:?} at {timestamp}, which nobody sent"));
            }
        }
    }

    async fn read_dead_letters(&mut self, stack: &Stack, sent: &Sent) -> Result<(), Box<dyn Error>> {
        let mut seen = BTreeSet::new();
        for letter in stack.sqs().receive_all(&stack.endpoints().dead_letter_queue_url).await? {
            let reason = letter.attributes.get("reason").map_or("no reason", String::as_str);
            if !sent.poison.contains(&letter.body) {
                let detail = letter.attributes.get("detail").map_or("", String::as_str);
                self.problems
                    .push(format!("a good message is a dead letter ({reason}: {detail}): {}", letter.body));
            } else if seen.insert(letter.body) {
                *self.reasons.entry(reason.to_owned()).or_default() += 1;
            } else {
                self.repeated += 1;
            }
        }
        self.dead_lettered = seen.len() as u64;
        for missing in sent.poison.difference(&seen) {
            self.problems.push(format!("no dead letter for {missing}"));
        }
        Ok(())
    }

    pub(super) fn print(&self, terminal: Terminal, figures: &Figures, time: Duration) {
        terminal.heading("What became of it");
        let reasons: Vec<String> =
            self.reasons.iter().map(|(reason, count)| format!("{} {reason}", grouped(count))).collect();
        let witnesses = if self.has_prometheus { "workspace and Prometheus" } else { "workspace" };
        print_line!("  {} samples compared one by one with {witnesses}", grouped(self.samples));
        print_line!("  dead letters: {}; {} of them came twice", reasons.join(", "), grouped(self.repeated));
        print_line!(
            "  {} second copies; {} invocations, {} of which failed; {} write requests; {} s in all",
            grouped(self.copies),
            grouped(figures.function.invocations),
            grouped(figures.function.errors),
            grouped(figures.amp.requests),
            time.as_secs(),
        );
        let in_flight = figures.queue.visible + figures.queue.in_flight;
        let sum = format!(
            "{} events sent = {} delivered + {} dead-lettered + {} in flight",
            grouped(self.sent),
            grouped(self.delivered),
            grouped(self.dead_lettered),
            grouped(in_flight),
        );
        let (mark, style) = if self.adds_up() { ("✓", Style::Good) } else { ("✗", Style::Bad) };
        for problem in self.problems.iter().take(SHOWN) {
            print_line!("  {} {}", terminal.paint(Style::Bad, "✗"), clip(problem, 300));
        }
        if self.problems.len() > SHOWN {
            print_line!("  … and {} more", self.problems.len() - SHOWN);
        }
        print_line!("\n{} {}\n", terminal.paint(style, mark), terminal.paint(Style::Bold, &sum));
    }
}

/// Everything that Prometheus holds, whoever sent it; a device at a time keeps the answers small.
async fn in_prometheus(url: &str, sent: &Sent) -> Result<StoredSeries, QueryError> {
    // The oldest poison is two hours older than its message: it would be seen, had it been stored.
    const LOOKBACK: Duration = Duration::from_hours(24);
    let devices: BTreeSet<&str> =
        sent.samples.keys().filter_map(|labels| labels.get("device")).map(String::as_str).collect();
    let mut stored = StoredSeries::new();
    for device in &devices {
        let selector = format!("{{__name__=~\".+\",device=\"{device}\"}}");
        stored.extend(prometheus::samples(url, &selector, LOOKBACK).await?);
    }
    let known: Vec<&str> = devices.into_iter().collect();
    let strangers = format!("{{__name__=~\".+\",device!~\"{}\"}}", known.join("|"));
    stored.extend(prometheus::samples(url, &strangers, LOOKBACK).await?);
    Ok(stored)
}

/// Events of which every sample is stored. Every event has two, of the same device at the same time.
fn delivered_events(sent: &Sent, stored: &StoredSeries) -> u64 {
    const SAMPLES_PER_EVENT: u64 = 2;
    let present = sent.samples.iter().map(|(labels, samples)| {
        stored
            .get(labels)
            .map_or(0, |theirs| samples.keys().filter(|at| theirs.contains_key(at)).count() as u64)
    });
    present.sum::<u64>() / SAMPLES_PER_EVENT
}
