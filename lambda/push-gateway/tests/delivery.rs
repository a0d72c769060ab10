//! Delivery to receivers that reject, fail and limit at random: nothing is lost, invented or out of order, and only
//! points at fault are rejected.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use aws::{Attempts, Failure, Patience, Response};
use prometheus_proto::WriteRequest;
use proptest::prelude::*;
use prost::Message;
use push_gateway::delivery::{self, Delivery, Limits, deliver};
use push_gateway::outcome::Outcome;
use remote_write::{EncodedRequest, Labels, MetricName, NameEscaping, Point, Series, SeriesBuilder, Value};
use tokio::time::Instant;

/// One event: a timestamp, and the values of some of the series `a` to `e`.
#[derive(Clone, Debug)]
struct Event {
    timestamp_ms: i64,
    values: BTreeMap<char, i32>,
}

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
    stored: HashMap<(char, i64), f64>,
    /// Samples of requests that were answered with success, by series in the order of their answers.
    succeeded: BTreeMap<char, Vec<i64>>,
}

impl Receiver {
    /// Rejects these values, rolls back, and has no other fault.
    fn rejecting(rejected: HashSet<i32>) -> Self {
        let (max_samples, max_request_bytes) = (usize::MAX, 1_000_000);
        Self { rejected, keeps_valid: false, max_samples, fails: HashSet::new(), max_request_bytes }
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
        if samples.iter().any(|&(_, _, value)| is_rejected(value)) {
            if self.keeps_valid {
                let valid = samples.iter().filter(|&&(_, _, value)| !is_rejected(value));
                seen.stored.extend(valid.map(|&(series, timestamp, value)| ((series, timestamp), value)));
            }
            return 400;
        }
        for (series, timestamp, value) in samples {
            seen.stored.insert((series, timestamp), value);
            seen.succeeded.entry(series).or_default().push(timestamp);
        }
        200
    }
}

fn samples_of(request: &EncodedRequest) -> Vec<(char, i64, f64)> {
    let message = snap::raw::Decoder::new().decompress_vec(&request.body).unwrap();
    let request = WriteRequest::decode(&message[..]).unwrap();
    let series = |labels: &[prometheus_proto::Label]| labels[0].value.chars().next().unwrap();
    request
        .timeseries
        .iter()
        .flat_map(|t| t.samples.iter().map(|s| (series(&t.labels), s.timestamp, s.value)))
        .collect()
}

fn series_of(events: &[Event]) -> Series {
    let mut builder = SeriesBuilder::default();
    for event in events {
        let metric = |(name, value): (&char, &i32)| {
            let name = MetricName::new(name.to_string(), NameEscaping::Reject).unwrap();
            (name, Value::float(f64::from(*value)))
        };
        let metrics = event.values.iter().map(metric).collect();
        builder
            .add(&[Point { labels: Labels::default(), timestamp_ms: event.timestamp_ms, metrics }])
            .unwrap();
    }
    builder.group()
}

/// Between the timestamps of the events, so that some of them are old, late and ahead.
const NOW_MS: i64 = 15 * TICK_MS;
const TICK_MS: i64 = 10 * 60 * 1_000;

fn run(events: &[Event], receiver: &Receiver, seconds: u64) -> (Delivery, Seen) {
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
    let series = series_of(events);
    let record_of: Vec<u32> = (0..).take(events.len()).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let delivery = runtime.block_on(async {
        let limits = Limits {
            now_ms: NOW_MS,
            out_of_order_window_ms: 60_000,
            isolate_until: Instant::now() + Duration::from_secs(seconds),
            deadline: Instant::now() + Duration::from_secs(seconds),
            max_request_bytes: receiver.max_request_bytes,
        };
        deliver(&series, &record_of, limits, &delivery::Receiver::default(), &send).await
    });
    (delivery, seen.into_inner())
}

/// The outcome of one event.
fn outcome(delivery: &Delivery, at: usize) -> Outcome {
    let at = u32::try_from(at).unwrap();
    delivery.outcome(at..at + 1)
}

/// Whether a later event of the invocation has a sample for the same series and timestamp.
fn is_superseded(events: &[Event], at: usize, series: char) -> bool {
    let timestamp = events[at].timestamp_ms;
    events[at + 1..].iter().any(|e| e.timestamp_ms == timestamp && e.values.contains_key(&series))
}

fn events(max: usize) -> impl Strategy<Value = Vec<Event>> {
    let values = prop::collection::btree_map(prop::char::range('a', 'e'), 0..40i32, 1..4);
    let event = (0..30i64, values).prop_map(|(tick, values)| Event { timestamp_ms: tick * TICK_MS, values });
    prop::collection::vec(event, 1..max)
}

fn receiver() -> impl Strategy<Value = Receiver> {
    (
        prop::collection::hash_set(0..40i32, 0..3),
        any::<bool>(),
        prop_oneof![Just(usize::MAX), 1..20usize],
        prop_oneof![Just(HashSet::new()), prop::collection::hash_set(0..30usize, 0..5)],
        // From one sample to all in a request, so that there are one lane, many, and lanes of many requests.
        prop_oneof![Just(1_000_000), 60..400usize],
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
        events in events(40),
        receiver in receiver(),
    ) {
        let (delivery, seen) = run(&events, &receiver, 60);
        for (at, event) in events.iter().enumerate() {
            let is_at_fault = |(_, value): (&char, &i32)| receiver.rejected.contains(value);
            match outcome(&delivery, at) {
                Outcome::Delivered => {
                    for (&series, &value) in &event.values {
                        let stored = seen.stored.get(&(series, event.timestamp_ms));
                        if !is_superseded(&events, at, series) {
                            prop_assert_eq!(stored, Some(&f64::from(value)), "event {} series {}", at, series);
                        }
                        prop_assert!(stored.is_some(), "event {} series {}: not even superseded", at, series);
                    }
                }
                Outcome::Invalid(_) | Outcome::Deduplicated | Outcome::Spilled => {
                    prop_assert!(false, "event {} is valid, of no replica, and no push", at);
                }
                Outcome::Rejected { status, .. } => {
                    prop_assert!(event.values.iter().any(is_at_fault), "event {} is not at fault", at);
                    prop_assert_eq!(status, 400, "a single sample is never too large here");
                }
                Outcome::Retry(_) => {
                    prop_assert!(seen.failures > 0, "event {} had no reason to stay", at);
                }
            }
        }
        for (&(series, timestamp), &value) in &seen.stored {
            let brought = events.iter().any(|event| {
                event.timestamp_ms == timestamp && event.values.get(&series).map(|&v| f64::from(v)) == Some(value)
            });
            prop_assert!(brought, "{series} at {timestamp} = {value} was invented");
        }
    }

    #[test]
    fn samples_of_a_series_ascend_over_all_requests(
        events in events(60),
        receiver in receiver(),
    ) {
        let (_, seen) = run(&events, &receiver, 60);
        for (series, timestamps) in &seen.succeeded {
            prop_assert!(timestamps.windows(2).all(|w| w[0] < w[1]), "series {}: {:?}", series, timestamps);
        }
    }

    #[test]
    fn a_failed_sample_blocks_later_ones_of_its_series(
        events in events(60),
        receiver in receiver(),
    ) {
        let (delivery, seen) = run(&events, &receiver, 60);
        for (at, event) in events.iter().enumerate() {
            let is_at_fault = event.values.values().any(|value| receiver.rejected.contains(value));
            if is_at_fault || !matches!(outcome(&delivery, at), Outcome::Retry(_)) {
                continue;
            }
            for &series in event.values.keys() {
                let succeeded = seen.succeeded.get(&series).map_or(&[][..], |timestamps| timestamps);
                let waits = !succeeded.contains(&event.timestamp_ms);
                prop_assert!(
                    !waits || succeeded.iter().all(|&t| t < event.timestamp_ms),
                    "series {}: {:?} after {}", series, succeeded, event.timestamp_ms
                );
            }
        }
    }

    #[test]
    fn only_points_at_fault_are_rejected(
        events in events(40),
        rejected in 0..40i32,
        keeps_valid in any::<bool>(),
    ) {
        let rejected = HashSet::from([rejected]);
        let receiver = Receiver { keeps_valid, ..Receiver::rejecting(rejected) };
        let (delivery, seen) = run(&events, &receiver, 60);
        drop(seen);
        for (at, event) in events.iter().enumerate() {
            let is_at_fault = event.values.iter().any(|(_, value)| receiver.rejected.contains(value));
            match outcome(&delivery, at) {
                // A sample at fault that a later event supersedes is not sent at all.
                Outcome::Delivered => prop_assert!(
                    !is_at_fault || event.values.iter().any(|(&s, v)| receiver.rejected.contains(v) && is_superseded(&events, at, s))
                ),
                Outcome::Rejected { .. } => prop_assert!(is_at_fault),
                other => prop_assert!(false, "event {}: {}", at, other),
            }
        }
    }
}

fn one_each(events: i32) -> Vec<Event> {
    (0..events)
        .map(|at| Event { timestamp_ms: NOW_MS + i64::from(at), values: BTreeMap::from([('a', at)]) })
        .collect()
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
    let events = vec![same; 500];
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
    let events: Vec<_> = old.chain(fresh).collect();
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
    let events = [at(0, 1), at(-12, 9), at(-1, 2)];
    let receiver = Receiver::rejecting(HashSet::from([9]));
    let (delivery, seen) = run(&events, &receiver, 60);
    assert_eq!(
        seen.requests, 3,
        "one is rejected as it is, and the good ones go through at the first attempt"
    );
    assert_eq!(seen.succeeded[&'a'], [NOW_MS - TICK_MS, NOW_MS]);
    assert!(matches!(outcome(&delivery, 1), Outcome::Rejected { .. }));
}

#[test]
fn a_failed_old_sample_blocks_later_ones() {
    let events = [(-12, 'a'), (0, 'a'), (0, 'b')].map(|(ticks, series)| Event {
        timestamp_ms: NOW_MS + ticks * TICK_MS,
        values: BTreeMap::from([(series, 1)]),
    });
    let receiver = Receiver { fails: HashSet::from([1]), ..Receiver::rejecting(HashSet::new()) };
    let (delivery, seen) = run(&events, &receiver, 60);
    assert_eq!(seen.stored, HashMap::from([(('b', NOW_MS), 1.0)]));
    assert_eq!(count(&delivery, 3, |outcome| matches!(outcome, Outcome::Retry(_))), 2);
}

#[test]
fn the_later_of_two_points_for_one_instant_is_written() {
    let both = |first, second| {
        [first, second].map(|value| Event { timestamp_ms: 7, values: BTreeMap::from([('a', value)]) })
    };
    let receiver = Receiver::rejecting(HashSet::from([9]));
    let (_, seen) = run(&both(1, 2), &receiver, 60);
    assert_eq!(seen.stored, HashMap::from([(('a', 7), 2.0)]));
    let (delivery, seen) = run(&both(1, 9), &receiver, 60);
    assert_eq!(
        seen.stored,
        HashMap::from([(('a', 7), 1.0)]),
        "the earlier value is not lost with the later one"
    );
    assert!(matches!(outcome(&delivery, 0), Outcome::Delivered));
    assert!(matches!(outcome(&delivery, 1), Outcome::Rejected { .. }));
}
