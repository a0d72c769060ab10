//! Delivery of points of every format to receivers that reject, fail and limit at random: nothing is lost, invented or out
//! of order, and only points at fault are rejected.

mod events;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use aws::{Attempts, Failure, Patience, Response};
use formats::Format;
use prometheus_proto::WriteRequest;
use prometheus_proto::histogram::Count;
use proptest::prelude::*;
use prost::Message;
use push_gateway::delivery::{self, Delivery, Limits, deliver};
use push_gateway::outcome::Outcome;
use remote_write::EncodedRequest;
use tokio::time::Instant;

use events::{Event, Events, Unit, events, series_name};

/// A receiver that decides by simple rules.
#[derive(Clone, Debug)]
struct Receiver {
    /// Values that it rejects.
    rejected: HashSet<i32>,
    /// Whether it writes the valid samples of a request that it rejects.
    keeps_valid: bool,
    /// The limit of samples in one request.
    max_samples: usize,
    /// The numbers of the requests that it fails to handle: even ones for now, odd ones for good.
    fails: HashSet<usize>,
    /// The sender's own limit of bytes in a request.
    max_request_bytes: usize,
}

/// The requests of a receiver.
#[derive(Debug, Default)]
struct Seen {
    requests: usize,
    failures: usize,
    /// The stored values, by series and timestamp.
    stored: HashMap<(String, i64), f64>,
    /// Samples of requests that were answered with success, by series in the order of their answers.
    succeeded: BTreeMap<String, Vec<i64>>,
}

impl Receiver {
    /// Rejects these values, rolls back, and has no other fault.
    fn rejecting(rejected: HashSet<i32>) -> Self {
        let (max_samples, max_request_bytes) = (usize::MAX, 1_000_000);
        Self { rejected, keeps_valid: false, max_samples, fails: HashSet::new(), max_request_bytes }
    }

    fn rejects(&self, unit: &Unit) -> bool {
        unit.values.values().any(|value| self.rejected.contains(value))
    }

    fn status(&self, request: &EncodedRequest, seen: &mut Seen) -> u16 {
        let samples = samples_of(request);
        // The test whether this is a receiver.
        if samples.is_empty() {
            return 200;
        }
        let number = seen.requests;
        seen.requests += 1;
        if self.fails.contains(&number) {
            seen.failures += 1;
            return if number.is_multiple_of(2) { 503 } else { 403 };
        }
        if samples.len() > self.max_samples {
            return 413;
        }
        #[expect(clippy::cast_possible_truncation, reason = "the values are small integers")]
        let is_rejected = |value: f64| self.rejected.contains(&(value as i32));
        if samples.iter().any(|(_, _, value)| is_rejected(*value)) {
            if self.keeps_valid {
                let valid = samples.iter().filter(|(_, _, value)| !is_rejected(*value));
                seen.stored
                    .extend(valid.map(|(series, timestamp, value)| ((series.clone(), *timestamp), *value)));
            }
            return 400;
        }
        for (series, timestamp, value) in samples {
            seen.stored.insert((series.clone(), timestamp), value);
            seen.succeeded.entry(series).or_default().push(timestamp);
        }
        200
    }
}

/// Series, timestamp and value of each sample; of a native histogram, its count.
fn samples_of(request: &EncodedRequest) -> Vec<(String, i64, f64)> {
    let message = snap::raw::Decoder::new().decompress_vec(&request.body).unwrap();
    let request = WriteRequest::decode(&message[..]).unwrap();
    let mut all = Vec::new();
    for one in &request.timeseries {
        let value =
            |name: &str| one.labels.iter().find(|label| label.name == name).map(|label| &*label.value);
        let series = series_name(value("__name__").unwrap(), value("le"));
        all.extend(one.samples.iter().map(|sample| (series.clone(), sample.timestamp, sample.value)));
        for histogram in &one.histograms {
            let Some(Count::CountInt(count)) = histogram.count else { panic!("{histogram:?}") };
            all.push((series.clone(), histogram.timestamp, f64::from(u32::try_from(count).unwrap())));
        }
    }
    all
}

/// Between the timestamps of the events, so that some of them are old, late and ahead.
const NOW_MS: i64 = 15 * TICK_MS;
const TICK_MS: i64 = 10 * 60 * 1_000;

fn run(events: &Events, receiver: &Receiver, seconds: u64) -> (Delivery, Seen) {
    run_with(events, receiver, seconds, seconds)
}

/// Isolation and sending end after these times.
fn run_with(events: &Events, receiver: &Receiver, isolation_seconds: u64, seconds: u64) -> (Delivery, Seen) {
    let seen = RefCell::new(Seen::default());
    let send = async |request: EncodedRequest, _: Patience| {
        // Yields, so that lanes interleave as they do over a network.
        tokio::task::yield_now().await;
        let status = receiver.status(&request, &mut seen.borrow_mut());
        tokio::task::yield_now().await;
        let attempts = Attempts { count: 1, elapsed: Duration::ZERO };
        let response =
            Response { attempts, ..Response::new(status, if status == 200 { "" } else { "rejected" }) };
        if status == 503 { Err(Failure::answered(response)) } else { Ok(response) }
    };
    let (series, record_of, with_parts) = events.read();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let delivery = runtime.block_on(async {
        let limits = Limits {
            now_ms: NOW_MS,
            out_of_order_window_ms: 60_000,
            isolate_until: Instant::now() + Duration::from_secs(isolation_seconds),
            deadline: Instant::now() + Duration::from_secs(seconds),
            max_request_bytes: receiver.max_request_bytes,
        };
        deliver(&series, &record_of, &with_parts, limits, &delivery::Receiver::default(), &send).await
    });
    (delivery, seen.into_inner())
}

/// The outcome of one unit.
fn outcome(delivery: &Delivery, at: usize) -> Outcome {
    let at = u32::try_from(at).unwrap();
    delivery.outcome_of_points(at..at + 1)
}

/// Whether a later unit of the invocation has a sample for the same series and timestamp.
fn is_superseded(units: &[Unit], at: usize, series: &str) -> bool {
    let timestamp = units[at].timestamp_ms;
    units[at + 1..].iter().any(|unit| unit.timestamp_ms == timestamp && unit.values.contains_key(series))
}

fn receiver() -> impl Strategy<Value = Receiver> {
    (
        prop::collection::hash_set(0..40i32, 0..3),
        any::<bool>(),
        prop_oneof![Just(usize::MAX), 1..20usize],
        prop_oneof![Just(HashSet::new()), prop::collection::hash_set(0..30usize, 0..5)],
        // From one sample to all in a request, so that there are one lane, many, and lanes of many requests.
        prop_oneof![Just(1_000_000), 90..500usize],
    )
        .prop_map(|(rejected, keeps_valid, max_samples, fails, max_request_bytes)| Receiver {
            rejected,
            keeps_valid,
            max_samples,
            fails,
            max_request_bytes,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn every_point_has_one_outcome_and_no_sample_is_lost(
        events in events(40, TICK_MS),
        receiver in receiver(),
    ) {
        let (delivery, seen) = run(&events, &receiver, 60);
        let units = events.units();
        for (at, unit) in units.iter().enumerate() {
            match outcome(&delivery, at) {
                Outcome::Delivered => {
                    for (series, &value) in &unit.values {
                        let stored = seen.stored.get(&(series.clone(), unit.timestamp_ms));
                        if !is_superseded(&units, at, series) {
                            prop_assert_eq!(stored, Some(&f64::from(value)), "unit {} series {}", at, series);
                        }
                        prop_assert!(stored.is_some(), "unit {} series {}: not even superseded", at, series);
                    }
                }
                Outcome::Invalid(_) | Outcome::Deduplicated | Outcome::Spilled => {
                    prop_assert!(false, "unit {} is valid, of no replica, and no push", at);
                }
                Outcome::Rejected { status, .. } => {
                    prop_assert!(receiver.rejects(unit), "unit {} is not at fault", at);
                    prop_assert_eq!(status, 400, "a single sample is never too large here");
                }
                Outcome::Retry(_) => {
                    prop_assert!(seen.failures > 0, "unit {} had no reason to stay", at);
                }
            }
        }
        for ((series, timestamp), &value) in &seen.stored {
            let brought = units.iter().any(|unit| {
                unit.timestamp_ms == *timestamp && unit.values.get(series).map(|&v| f64::from(v)) == Some(value)
            });
            prop_assert!(brought, "{series} at {timestamp} = {value} was invented");
        }
    }

    #[test]
    fn samples_of_a_series_ascend_over_all_requests(
        events in events(60, TICK_MS),
        receiver in receiver(),
    ) {
        let (_, seen) = run(&events, &receiver, 60);
        for (series, timestamps) in &seen.succeeded {
            prop_assert!(timestamps.windows(2).all(|w| w[0] < w[1]), "series {}: {:?}", series, timestamps);
        }
    }

    #[test]
    fn a_failed_sample_blocks_later_ones_of_its_series(
        events in events(60, TICK_MS),
        receiver in receiver(),
    ) {
        let (delivery, seen) = run(&events, &receiver, 60);
        for (at, unit) in events.units().iter().enumerate() {
            if receiver.rejects(unit) || !matches!(outcome(&delivery, at), Outcome::Retry(_)) {
                continue;
            }
            for series in unit.values.keys() {
                let succeeded = seen.succeeded.get(series).map_or(&[][..], |timestamps| timestamps);
                let waits = !succeeded.contains(&unit.timestamp_ms);
                prop_assert!(
                    !waits || succeeded.iter().all(|&t| t < unit.timestamp_ms),
                    "series {}: {:?} after {}", series, succeeded, unit.timestamp_ms
                );
            }
        }
    }

    #[test]
    fn only_points_at_fault_are_rejected(
        events in events(40, TICK_MS),
        rejected in 0..40i32,
        keeps_valid in any::<bool>(),
    ) {
        let rejected = HashSet::from([rejected]);
        let receiver = Receiver { keeps_valid, ..Receiver::rejecting(rejected) };
        let (delivery, seen) = run(&events, &receiver, 60);
        drop(seen);
        let units = events.units();
        for (at, unit) in units.iter().enumerate() {
            let is_at_fault = receiver.rejects(unit);
            match outcome(&delivery, at) {
                // A sample at fault that a later unit supersedes is not sent at all.
                Outcome::Delivered => prop_assert!(
                    !is_at_fault || unit.values.iter().any(|(s, v)| receiver.rejected.contains(v) && is_superseded(&units, at, s))
                ),
                Outcome::Rejected { .. } => prop_assert!(is_at_fault),
                other => prop_assert!(false, "unit {}: {}", at, other),
            }
        }
    }
}

fn one_each(events: i32) -> Events {
    let event = |at| Event { timestamp_ms: NOW_MS + i64::from(at), values: BTreeMap::from([('a', at)]) };
    Events::json((0..events).map(event))
}

fn count(delivery: &Delivery, events: usize, is_kind: impl Fn(&Outcome) -> bool) -> usize {
    (0..events).filter(|&at| is_kind(&outcome(delivery, at))).count()
}

#[test]
fn one_of_a_thousand_is_isolated_in_twenty_requests() {
    let events = one_each(1_000);
    let receiver = Receiver::rejecting(HashSet::from([617]));
    let (delivery, seen) = run(&events, &receiver, 60);
    assert!(matches!(outcome(&delivery, 617), Outcome::Rejected { .. }));
    assert_eq!(count(&delivery, 1_000, |outcome| matches!(outcome, Outcome::Delivered)), 999);
    assert!(seen.requests <= 21, "{}", seen.requests);
}

#[test]
fn rejected_bytes_are_never_sent_again() {
    let same = Event { timestamp_ms: NOW_MS, values: BTreeMap::from([('a', 5)]) };
    let events = Events::json(vec![same; 500]);
    let receiver = Receiver::rejecting(HashSet::from([5]));
    let (delivery, seen) = run(&events, &receiver, 60);
    assert_eq!(seen.requests, 1);
    assert_eq!(count(&delivery, 500, |outcome| matches!(outcome, Outcome::Rejected { .. })), 500);
}

#[test]
fn old_samples_leave_isolation_requests_for_others() {
    let at = |timestamp_ms, series, value| Event { timestamp_ms, values: BTreeMap::from([(series, value)]) };
    let old = (0..100).map(|at_ms| at(NOW_MS - 12 * TICK_MS + at_ms, 'b', 9));
    let fresh = (0..200).map(|at_ms| at(NOW_MS + at_ms, 'a', if at_ms == 77 { 9 } else { 1 }));
    let events = Events::json(old.chain(fresh));
    let receiver = Receiver::rejecting(HashSet::from([9]));
    let (delivery, _) = run(&events, &receiver, 60);
    assert!(matches!(outcome(&delivery, 177), Outcome::Rejected { .. }));
    assert_eq!((100..300).filter(|&at| matches!(outcome(&delivery, at), Outcome::Delivered)).count(), 199);
}

#[test]
fn nothing_is_sent_when_there_is_no_time() {
    let events = one_each(3);
    let receiver = Receiver::rejecting(HashSet::new());
    let (delivery, seen) = run(&events, &receiver, 0);
    assert_eq!(seen.requests, 0);
    assert_eq!(count(&delivery, 3, |outcome| matches!(outcome, Outcome::Retry(_))), 3);
}

#[test]
fn samples_outside_the_window_have_their_own_requests() {
    let at = |ticks: i64, value| Event {
        timestamp_ms: NOW_MS + ticks * TICK_MS,
        values: BTreeMap::from([('a', value), ('b', value)]),
    };
    let events = Events::json([at(0, 1), at(-12, 9), at(-1, 2)]);
    let receiver = Receiver::rejecting(HashSet::from([9]));
    let (delivery, seen) = run(&events, &receiver, 60);
    assert_eq!(
        seen.requests, 3,
        "one is rejected as it is, and the good ones go through at the first attempt"
    );
    assert_eq!(seen.succeeded["a"], [NOW_MS - TICK_MS, NOW_MS]);
    assert!(matches!(outcome(&delivery, 1), Outcome::Rejected { .. }));
}

#[test]
fn a_failed_old_sample_blocks_later_ones() {
    let events = Events::json([(-12, 'a'), (0, 'a'), (0, 'b')].map(|(ticks, series)| Event {
        timestamp_ms: NOW_MS + ticks * TICK_MS,
        values: BTreeMap::from([(series, 1)]),
    }));
    let receiver = Receiver { fails: HashSet::from([1]), ..Receiver::rejecting(HashSet::new()) };
    let (delivery, seen) = run(&events, &receiver, 60);
    assert_eq!(seen.stored, HashMap::from([(("b".to_owned(), NOW_MS), 1.0)]));
    assert_eq!(count(&delivery, 3, |outcome| matches!(outcome, Outcome::Retry(_))), 2);
}

#[test]
fn the_later_of_two_points_for_one_instant_is_written() {
    let both = |first, second| {
        Events::json(
            [first, second].map(|value| Event { timestamp_ms: 7, values: BTreeMap::from([('a', value)]) }),
        )
    };
    let receiver = Receiver::rejecting(HashSet::from([9]));
    let (_, seen) = run(&both(1, 2), &receiver, 60);
    assert_eq!(seen.stored, HashMap::from([(("a".to_owned(), 7), 2.0)]));
    let (delivery, seen) = run(&both(1, 9), &receiver, 60);
    assert_eq!(
        seen.stored,
        HashMap::from([(("a".to_owned(), 7), 1.0)]),
        "the earlier value is not lost with the later one"
    );
    assert!(matches!(outcome(&delivery, 0), Outcome::Delivered));
    assert!(matches!(outcome(&delivery, 1), Outcome::Rejected { .. }));
}

/// A part is proven to be at fault only by a request of its own. A record without parts stands or falls as a whole.
#[test]
fn a_part_that_isolation_did_not_reach_is_retried() {
    for (format, has_parts) in [
        (Format::Event, false),
        (Format::Text, false),
        (Format::Otlp, true),
        (Format::OtlpJson, true),
        (Format::RemoteWrite1, true),
        (Format::RemoteWrite2, true),
    ] {
        let values = BTreeMap::from([('a', 1), ('b', 9), ('c', 2)]);
        let events = Events { format, events: vec![Event { timestamp_ms: NOW_MS, values }] };
        let (delivery, seen) = run_with(&events, &Receiver::rejecting(HashSet::from([9])), 0, 60);
        assert_eq!(seen.requests, 1);
        for at in 0..events.units().len() {
            let outcome = outcome(&delivery, at);
            let is_right = if has_parts { outcome.is_retry() } else { outcome.is_rejected() };
            assert!(is_right, "{format:?}: unit {at}: {outcome}");
        }
    }
}
