//! Compares all samples with the contents of Cortex, and accounts for every message.

use std::collections::BTreeMap;
use std::time::Duration;

use local_testing::truncate;
use owo_colors::OwoColorize as _;

use super::letters::Letter;
use super::messages::{COLLIDING, Instant, Kind, Message};
use super::queue::{End, Queued, number};
use super::stored::Stored;
use crate::console::{print_line, print_verdict};

/// Differences shown one by one.
const SHOWN: usize = 10;

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fate {
    Delivered,
    /// Flawed, and a dead letter with its own reason.
    FlawReported,
    /// A dead letter because of a record with another name in its invocation.
    CollisionReported,
    /// Rejected because a record of another invocation, with another name, has the same instant.
    InstantTaken,
    /// Rejected although all of it is stored: behind the window.
    StoredAndRejected,
    /// Rejected when it came again behind the window.
    RejectedLate,
    /// Given back five times, and behind the window by then.
    RedrivenLate,
    /// Anything else.
    Unexplained,
}

impl Fate {
    const ALL: [(Self, &'static str); 8] = [
        (Self::Delivered, "delivered"),
        (Self::FlawReported, "dead-lettered for their flaw"),
        (Self::CollisionReported, "dead-lettered for a name that collides in their invocation"),
        (Self::InstantTaken, "dead-lettered for an instant that a name of another invocation had taken"),
        (Self::StoredAndRejected, "stored though reported rejected (behind the window)"),
        (Self::RejectedLate, "rejected when they came again behind the window"),
        (Self::RedrivenLate, "redriven after five receives, behind the window"),
        (Self::Unexplained, "unexplained"),
    ];
}

/// The result.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// Messages by fate.
    pub(super) fates: BTreeMap<Fate, u64>,
    /// Instants that must be or may be stored.
    pub(super) instants: usize,
    pub(super) absent: u64,
    pub(super) foreign: u64,
    pub(super) changed: u64,
    letters: usize,
    repeated: usize,
    problems: Vec<String>,
}

/// What one instant may hold.
#[derive(Debug, Default)]
struct Expected {
    values: Vec<f64>,
    is_required: bool,
}

/// What is known when everything is over.
#[derive(Debug)]
struct Facts<'a> {
    stored: &'a Stored,
    window_ms: i64,
}

impl Verdict {
    pub(super) fn new(queued: &[Queued], letters: &[Letter], stored: &Stored, window: Duration) -> Self {
        let window_ms = i64::try_from(window.as_millis()).unwrap_or(i64::MAX);
        let facts = Facts { stored, window_ms };
        let mut verdict = Self { letters: letters.len(), ..Self::default() };
        let mut by_message = BTreeMap::<usize, &Letter>::new();
        for letter in letters {
            match number(&letter.message_id).filter(|at| queued.get(*at).is_some()) {
                Some(at) if queued[at].message.body == letter.body => {
                    verdict.repeated += usize::from(by_message.insert(at, letter).is_some());
                }
                _ => verdict.problems.push(format!("a dead letter of no message: {letter:?}")),
            }
        }
        let mut expected = BTreeMap::<Instant, Expected>::new();
        for (at, queued) in queued.iter().enumerate() {
            let letter = by_message.get(&at).copied();
            let fate = facts.fate(queued, letter);
            *verdict.fates.entry(fate).or_default() += 1;
            if fate == Fate::Unexplained {
                let Queued { message, receives, end } = queued;
                let state = if facts.all_stored(message) { "stored" } else { "not stored" };
                verdict.problems.push(format!(
                    "message {at}, {:?}, {state}, {receives} receives, {end:?}, letter {letter:?}: {}",
                    message.kind, message.body
                ));
            }
            for (instant, value) in &queued.message.samples {
                let entry = expected.entry(*instant).or_default();
                entry.values.push(*value);
                entry.is_required |= fate == Fate::Delivered;
            }
        }
        verdict.instants = expected.len();
        verdict.compare(&expected, stored);
        verdict
    }

    /// Whether nothing is absent, foreign, changed or unexplained.
    pub(super) fn is_good(&self) -> bool {
        self.problems.is_empty()
    }

    fn compare(&mut self, expected: &BTreeMap<Instant, Expected>, stored: &Stored) {
        for (instant, Expected { values, is_required }) in expected {
            match stored.samples.get(instant) {
                None if *is_required => {
                    self.absent += 1;
                    self.problems.push(format!("absent: {instant:?} {values:?}"));
                }
                Some(found) if !values.iter().any(|value| same(*value, *found)) => {
                    self.changed += 1;
                    self.problems.push(format!("changed: {instant:?}: expected {values:?}, got {found:?}"));
                }
                _ => {}
            }
        }
        let foreign = stored.samples.keys().filter(|instant| !expected.contains_key(instant));
        let foreign = foreign.map(|instant| format!("{instant:?}")).chain(stored.unknown.iter().cloned());
        for what in foreign {
            self.foreign += 1;
            self.problems.push(format!("foreign: {what}"));
        }
    }

    /// Prints the sums and the first differences.
    pub(super) fn print(&self) {
        let messages: u64 = self.fates.values().sum();
        for (fate, text) in Fate::ALL {
            print_line!("  {:>8}  {text}", self.fates.get(&fate).unwrap_or(&0));
        }
        print_line!("  {messages:>8}  messages in all");
        print_line!("  {} dead letters, {} of them repeated", self.letters, self.repeated);
        for problem in self.problems.iter().take(SHOWN) {
            print_line!("  {} {}", "✗".red(), truncate(problem, 1_000));
        }
        if self.problems.len() > SHOWN {
            print_line!("  … and {} more", self.problems.len() - SHOWN);
        }
        let sum = format!(
            "{} samples compared one by one with cortex: {} absent, {} foreign, {} changed",
            self.instants, self.absent, self.foreign, self.changed
        );
        print_verdict(self.is_good(), &sum);
    }
}

impl Facts<'_> {
    fn fate(&self, queued: &Queued, letter: Option<&Letter>) -> Fate {
        let Queued { message, receives, end } = queued;
        let is_behind = |newest_ms: i64| message.timestamp_ms + self.window_ms < newest_ms;
        let Some(letter) = letter else {
            return match (end, message.kind) {
                (Some(End::Deleted), Kind::Valid | Kind::Colliding(_)) => Fate::Delivered,
                (Some(End::Redriven { newest_ms }), _) if is_behind(*newest_ms) => Fate::RedrivenLate,
                _ => Fate::Unexplained,
            };
        };
        let is_behind = is_behind(letter.newest_ms);
        match message.kind {
            Kind::Flawed(flaw) => {
                let (reason, detail) = flaw.expected();
                let is_own = letter.reason == reason && letter.detail.contains(detail);
                let is_late = letter.reason == "rejected" && is_behind;
                if is_own || is_late { Fate::FlawReported } else { Fate::Unexplained }
            }
            Kind::Colliding(name) if letter.reason == "invalid" => {
                let names = |name: &&str| letter.detail.contains(&format!("{name:?}"));
                let is_first = *receives == 1 && self.all_stored(message);
                let is_named = names(&name) && COLLIDING.iter().filter(|name| names(name)).count() >= 2;
                if is_named && !is_first { Fate::CollisionReported } else { Fate::Unexplained }
            }
            _ if letter.reason != "rejected" => Fate::Unexplained,
            _ if self.all_stored(message) && is_behind => Fate::StoredAndRejected,
            Kind::Colliding(_) if self.other_stored(message) => Fate::InstantTaken,
            _ if *receives > 1 && is_behind => Fate::RejectedLate,
            _ => Fate::Unexplained,
        }
    }

    fn all_stored(&self, message: &Message) -> bool {
        let is_stored = |(instant, value): &_| {
            self.stored.samples.get(instant).is_some_and(|found| same(*value, *found))
        };
        message.samples.iter().all(is_stored)
    }

    /// Whether one of its instants has another value.
    fn other_stored(&self, message: &Message) -> bool {
        message.samples.iter().any(|(instant, value)| {
            self.stored.samples.get(instant).is_some_and(|found| !same(*value, *found))
        })
    }
}

/// Equal bits, except that Cortex stores −0 as 0, and that the text `NaN` has no bits.
fn same(sent: f64, found: f64) -> bool {
    let sent = if sent == 0.0 { 0.0 } else { sent };
    sent.to_bits() == found.to_bits() || (sent.is_nan() && found.is_nan())
}
