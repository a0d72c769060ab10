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

/// The outcome of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
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

impl Outcome {
    const ALL: [(Self, &'static str); 8] = [
        (Self::Delivered, "delivered"),
        (Self::FlawReported, "dead-lettered for their flaw"),
        (Self::CollisionReported, "dead-lettered for a name that collides in their invocation"),
        (Self::InstantTaken, "dead-lettered for the instant of a name in another invocation that collides"),
        (Self::StoredAndRejected, "stored though reported rejected (behind the window)"),
        (Self::RejectedLate, "rejected when they came again behind the window"),
        (Self::RedrivenLate, "redriven after five receives, behind the window"),
        (Self::Unexplained, "unexplained"),
    ];
}

/// The result.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// Messages by outcome.
    pub(super) outcomes: BTreeMap<Outcome, u64>,
    /// Instants that must be or may be stored.
    pub(super) instants: usize,
    pub(super) absent: u64,
    pub(super) foreign: u64,
    pub(super) changed: u64,
    letters: usize,
    repeated: usize,
    problems: Vec<String>,
}

/// The values that one instant may have.
#[derive(Debug, Default)]
struct Expected {
    values: Vec<f64>,
    is_required: bool,
}

/// The contents of Cortex and its out-of-order window.
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
            let outcome = facts.outcome(queued, letter);
            *verdict.outcomes.entry(outcome).or_default() += 1;
            if outcome == Outcome::Unexplained {
                let Queued { message, receives, end } = queued;
                let state = if facts.all_stored(message) { "stored" } else { "not stored" };
                let letter = letter.map(|letter| format!("{}: {}", letter.reason, letter.detail));
                verdict.problems.push(format!(
                    "message {at}, {:?}, {state}, {receives} receives, {end:?}, dead letter {letter:?}: {}",
                    message.kind, message.body
                ));
            }
            for (instant, value) in &queued.message.samples {
                let entry = expected.entry(*instant).or_default();
                entry.values.push(*value);
                entry.is_required |= outcome == Outcome::Delivered;
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
        let messages: u64 = self.outcomes.values().sum();
        for (outcome, text) in Outcome::ALL {
            print_line!("  {:>8}  {text}", self.outcomes.get(&outcome).unwrap_or(&0));
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
    fn outcome(&self, queued: &Queued, letter: Option<&Letter>) -> Outcome {
        let Queued { message, receives, end } = queued;
        let is_behind = |newest_ms: i64| message.timestamp_ms + self.window_ms < newest_ms;
        let Some(letter) = letter else {
            return match (end, message.kind) {
                (Some(End::Deleted), Kind::Valid | Kind::Colliding(_)) => Outcome::Delivered,
                (Some(End::Redriven { newest_ms }), _) if is_behind(*newest_ms) => Outcome::RedrivenLate,
                _ => Outcome::Unexplained,
            };
        };
        let is_behind = is_behind(letter.newest_ms);
        match message.kind {
            Kind::Flawed(flaw) => {
                let (reason, detail) = flaw.expected();
                let is_own = letter.reason == reason && letter.detail.contains(detail);
                let is_late = letter.reason == "rejected" && is_behind;
                if is_own || is_late { Outcome::FlawReported } else { Outcome::Unexplained }
            }
            Kind::Colliding(name) if letter.reason == "invalid" => {
                let names = |name: &&str| letter.detail.contains(&format!("{name:?}"));
                let is_first = *receives == 1 && self.all_stored(message);
                let is_named = names(&name) && COLLIDING.iter().filter(|name| names(name)).count() >= 2;
                if is_named && !is_first { Outcome::CollisionReported } else { Outcome::Unexplained }
            }
            _ if letter.reason != "rejected" => Outcome::Unexplained,
            _ if self.all_stored(message) && is_behind => Outcome::StoredAndRejected,
            Kind::Colliding(_) if self.other_stored(message) => Outcome::InstantTaken,
            _ if *receives > 1 && is_behind => Outcome::RejectedLate,
            _ => Outcome::Unexplained,
        }
    }

    fn all_stored(&self, message: &Message) -> bool {
        let is_stored =
            |(instant, value): &_| self.stored.samples.get(instant).is_some_and(|found| same(*value, *found));
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

#[cfg(test)]
mod tests {
    use super::super::messages::{CPU_LOAD, Flaw, Series, TEMPERATURE};
    use super::*;

    const WINDOW: Duration = Duration::from_mins(1);

    /// A newest timestamp that leaves a sample at 1 ms inside the window, and one that does not.
    const INSIDE: i64 = 60_001;
    const BEHIND: i64 = 60_002;

    fn instant(metric: &'static str) -> Instant {
        (Series { device: 0, metric }, 1)
    }

    fn queued(kind: Kind, metric: &'static str, value: f64) -> Queued {
        let samples = vec![(instant(metric), value)];
        let message = Message { body: "body".to_owned(), kind, samples, timestamp_ms: 1 };
        Queued { message, receives: 1, end: Some(End::Deleted) }
    }

    fn letter(reason: &str, detail: &str, newest_ms: i64) -> Letter {
        let (reason, detail) = (reason.to_owned(), detail.to_owned());
        Letter { message_id: "00000000-0000".to_owned(), body: "body".to_owned(), reason, detail, newest_ms }
    }

    fn stored(samples: &[(Instant, f64)]) -> Stored {
        Stored { samples: samples.iter().copied().collect(), unknown: Vec::new() }
    }

    fn differences(sent: &[Queued], found: &[(Instant, f64)]) -> [u64; 3] {
        let verdict = Verdict::new(sent, &[], &stored(found), WINDOW);
        assert_eq!(verdict.is_good(), verdict.absent + verdict.foreign + verdict.changed == 0);
        [verdict.absent, verdict.foreign, verdict.changed]
    }

    #[test]
    fn absent_foreign_and_changed_samples_are_counted() {
        let sent = [queued(Kind::Valid, TEMPERATURE, 1.0)];
        let (own, other) = (instant(TEMPERATURE), instant(CPU_LOAD));
        assert_eq!(differences(&sent, &[(own, 1.0)]), [0, 0, 0]);
        assert_eq!(differences(&sent, &[]), [1, 0, 0]);
        assert_eq!(differences(&sent, &[(own, 1.0), (other, 1.0)]), [0, 1, 0]);
        assert_eq!(differences(&sent, &[(own, 1.0_f64.next_up())]), [0, 0, 1]);
    }

    #[test]
    fn only_the_sign_of_zero_and_the_bits_of_nan_may_differ() {
        assert!(same(-0.0, 0.0) && same(f64::from_bits(0x7ff0_0000_0000_0002), f64::NAN));
        assert!(!same(0.0, -0.0) && !same(f64::NAN, 0.0) && !same(0.0, f64::from_bits(1)));
    }

    #[test]
    fn either_value_of_two_names_may_be_stored() {
        let names = [("cpu.load", 1.0), ("cpu-load", 2.0)];
        let sent = names.map(|(name, value)| queued(Kind::Colliding(name), CPU_LOAD, value));
        for (found, changed) in [(1.0, 0), (2.0, 0), (3.0, 1)] {
            assert_eq!(differences(&sent, &[(instant(CPU_LOAD), found)]), [0, 0, changed], "{found}");
        }
    }

    /// Asserts the outcome of one message, sent with the value 1.
    fn assert_outcome(kind: Kind, receives: u8, letter: &Letter, found: Option<f64>, outcome: Outcome) {
        let sent = [Queued { receives, ..queued(kind, CPU_LOAD, 1.0) }];
        let found: Vec<_> = found.map(|value| (instant(CPU_LOAD), value)).into_iter().collect();
        let verdict = Verdict::new(&sent, std::slice::from_ref(letter), &stored(&found), WINDOW);
        assert_eq!(
            verdict.outcomes,
            BTreeMap::from([(outcome, 1)]),
            "{kind:?} {receives} {letter:?} {found:?}"
        );
    }

    #[test]
    fn a_valid_dead_letter_is_explained_by_the_window_only() {
        let behind = letter("rejected", "too old sample", BEHIND);
        assert_outcome(Kind::Valid, 1, &behind, Some(1.0), Outcome::StoredAndRejected);
        assert_outcome(Kind::Valid, 2, &behind, None, Outcome::RejectedLate);
        assert_outcome(Kind::Valid, 1, &behind, None, Outcome::Unexplained);
        let inside = letter("rejected", "too old sample", INSIDE);
        assert_outcome(Kind::Valid, 2, &inside, Some(1.0), Outcome::Unexplained);
        assert_outcome(Kind::Valid, 2, &inside, None, Outcome::Unexplained);
        assert_outcome(Kind::Valid, 2, &letter("invalid", "", BEHIND), None, Outcome::Unexplained);
    }

    #[test]
    fn a_flawed_message_must_be_reported_with_its_flaw() {
        let too_old = Kind::Flawed(Flaw::TooOld);
        let own = letter("rejected", "timestamp too old: 1", INSIDE);
        assert_outcome(too_old, 1, &own, None, Outcome::FlawReported);
        assert_outcome(Kind::Flawed(Flaw::LongName), 1, &own, None, Outcome::Unexplained);
        assert_outcome(Kind::Flawed(Flaw::Ahead), 1, &own, None, Outcome::Unexplained);
        let verdict = Verdict::new(&[queued(too_old, CPU_LOAD, 1.0)], &[], &stored(&[]), WINDOW);
        assert_eq!(verdict.outcomes, BTreeMap::from([(Outcome::Unexplained, 1)]));
    }

    #[test]
    fn a_collision_must_be_reported_with_both_names() {
        let dot = Kind::Colliding("cpu.load");
        let both = letter("invalid", r#"names "cpu-load" and "cpu.load" are both "cpu_load""#, INSIDE);
        assert_outcome(dot, 1, &both, None, Outcome::CollisionReported);
        assert_outcome(dot, 1, &both, Some(1.0), Outcome::Unexplained);
        assert_outcome(dot, 2, &both, Some(1.0), Outcome::CollisionReported);
        let one = letter("invalid", r#"name "cpu.load" is invalid"#, INSIDE);
        assert_outcome(dot, 1, &one, None, Outcome::Unexplained);
        let taken = letter("rejected", "duplicate sample for timestamp", INSIDE);
        assert_outcome(dot, 1, &taken, Some(2.0), Outcome::InstantTaken);
    }

    #[test]
    fn a_message_without_dead_letter_is_delivered_or_redriven() {
        for (end, outcome) in [
            (Some(End::Deleted), Outcome::Delivered),
            (Some(End::Redriven { newest_ms: BEHIND }), Outcome::RedrivenLate),
            (Some(End::Redriven { newest_ms: INSIDE }), Outcome::Unexplained),
            (None, Outcome::Unexplained),
        ] {
            let sent = [Queued { end, ..queued(Kind::Valid, CPU_LOAD, 1.0) }];
            let found = stored(&[(instant(CPU_LOAD), 1.0)]);
            assert_eq!(Verdict::new(&sent, &[], &found, WINDOW).outcomes, BTreeMap::from([(outcome, 1)]));
        }
    }
}
