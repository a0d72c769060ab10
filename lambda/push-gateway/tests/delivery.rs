//! Delivery against receivers that refuse, fail and limit at random: nothing is lost, invented or put out of order,
//! and only the guilty are refused.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use aws::{Attempts, Cause, Failure, Response};
use prometheus_proto::WriteRequest;
use proptest::prelude::*;
use prost::Message;
use push_gateway::delivery::{Delivery, Fate, Limits, Timed, deliver};
use remote_write::{EncodedRequest, Labels, MetricName, NameEscaping, Origin, Sample, Series, SeriesBuilder};
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
    /// Values that it refuses.
    refused: HashSet<i32>,
    /// Whether it writes the good samples of a refused request.
    keeps_good: bool,
    /// The most samples it takes in one request.
    max_samples: usize,
    /// Which of the requests, by number, it fails to handle.
    fails: HashSet<usize>,
    /// The most bytes of a request, which is the sender's own limit.
    max_request_bytes: usize,
}

/// What a receiver saw.
#[derive(Debug, Default)]
struct Seen {
    requests: usize,
    failures: usize,
    /// What is stored, by series and timestamp.
    stored: HashMap<(char, i64), f64>,
    /// Samples of requests that were answered with success, by series in the order of their answers.
    succeeded: BTreeMap<char, Vec<i64>>,
}

impl Receiver {
    /// Refuses these values, rolls back, and has no other fault.
    fn refusing(refused: HashSet<i32>) -> Self {
        let (max_samples, max_request_bytes) = (usize::MAX, 1_000_000);
        Self { refused, keeps_good: false, max_samples, fails: HashSet::new(), max_request_bytes }
    }

    fn answer(&self, request: &EncodedRequest, seen: &mut Seen) -> Result<Response, Failure> {
        let attempts = Attempts { count: 1, ..Attempts::default() };
        let answer = |status: u16| Ok(Response { attempts, ..Response::new(status, "refused") });
        let number = seen.requests;
        seen.requests += 1;
        let samples = samples_of(request);
        if self.fails.contains(&number) {
            seen.failures += 1;
            return Err(Failure::new(Cause::Answered(Response::new(503, "busy")), attempts));
        }
        if samples.len() > self.max_samples {
            return answer(413);
        }
        #[expect(clippy::cast_possible_truncation, reason = "the values are small integers")]
        let is_refused = |value: f64| self.refused.contains(&(value as i32));
        if samples.iter().any(|&(_, _, value)| is_refused(value)) {
            if self.keeps_good {
                let good = samples.iter().filter(|&&(_, _, value)| !is_refused(value));
                seen.stored.extend(good.map(|&(series, timestamp, value)| ((series, timestamp), value)));
            }
            return answer(400);
        }
        for (series, timestamp, value) in samples {
            seen.stored.insert((series, timestamp), value);
            seen.succeeded.entry(series).or_default().push(timestamp);
        }
        answer(200)
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
    let labels = builder.labels(&Labels::default());
    for (origin, event) in (0..).zip(events) {
        for (name, value) in &event.values {
            let name = MetricName::new(name.to_string(), NameEscaping::Reject).unwrap();
            let series = builder.series(labels, &name);
            builder.push(series, Sample::new(event.timestamp_ms, f64::from(*value)), Origin(origin));
        }
    }
    builder.group()
}

/// Between the timestamps of the events, so that some of them are too old and some too far ahead.
const NOW_MS: i64 = 15 * TICK_MS;
const TICK_MS: i64 = 10 * 60 * 1_000;

fn run(events: &[Event], receiver: &Receiver, seconds: u64) -> (Delivery, Seen) {
    let seen = RefCell::new(Seen::default());
    let send = async |request: EncodedRequest| {
        // Yields, so that lanes interleave as they do over a network.
        tokio::task::yield_now().await;
        let response = receiver.answer(&request, &mut seen.borrow_mut());
        tokio::task::yield_now().await;
        Timed { response, latency_ms: 0.0 }
    };
    let series = series_of(events);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let delivery = runtime.block_on(async {
        let limits = Limits {
            now_ms: NOW_MS,
            deadline: Instant::now() + Duration::from_secs(seconds),
            max_request_bytes: receiver.max_request_bytes,
        };
        deliver(&series, limits, &send).await
    });
    (delivery, seen.into_inner())
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
        .prop_map(|(refused, keeps_good, max_samples, fails, max_request_bytes)| Receiver {
            refused,
            keeps_good,
            max_samples,
            fails,
            max_request_bytes,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn every_event_ends_in_exactly_one_way_and_no_sample_is_lost_or_invented(
        events in events(40),
        receiver in receiver(),
    ) {
        let (delivery, seen) = run(&events, &receiver, 60);
        for (at, event) in events.iter().enumerate() {
            let is_guilty = |(_, value): (&char, &i32)| receiver.refused.contains(value);
            match delivery.fate(Origin(u32::try_from(at).unwrap())) {
                Fate::Delivered => {
                    for (&series, &value) in &event.values {
                        let stored = seen.stored.get(&(series, event.timestamp_ms));
                        if !is_superseded(&events, at, series) {
                            prop_assert_eq!(stored, Some(&f64::from(value)), "event {} series {}", at, series);
                        }
                        prop_assert!(stored.is_some(), "event {} series {}: not even superseded", at, series);
                    }
                }
                Fate::Rejected(answer) => {
                    prop_assert!(event.values.iter().any(is_guilty), "event {} is innocent", at);
                    prop_assert_eq!(answer.status, 400, "a single sample is never too large here");
                }
                Fate::NotDelivered(_) => {
                    prop_assert!(seen.failures > 0 || seen.requests > 32, "event {} had no reason to stay", at);
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
    fn the_samples_of_a_series_ascend_over_all_requests_that_succeeded(
        events in events(60),
        receiver in receiver(),
    ) {
        let (_, seen) = run(&events, &receiver, 60);
        for (series, timestamps) in &seen.succeeded {
            prop_assert!(timestamps.windows(2).all(|w| w[0] < w[1]), "series {}: {:?}", series, timestamps);
        }
    }

    #[test]
    fn nothing_later_of_a_series_is_sent_once_something_of_it_has_to_wait(
        events in events(60),
        receiver in receiver(),
    ) {
        let (delivery, seen) = run(&events, &receiver, 60);
        for (at, event) in events.iter().enumerate() {
            let is_guilty = event.values.values().any(|value| receiver.refused.contains(value));
            if is_guilty || !matches!(delivery.fate(Origin(u32::try_from(at).unwrap())), Fate::NotDelivered(_)) {
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
    fn a_receiver_that_only_refuses_is_left_with_every_good_event_and_only_the_guilty_are_reported(
        events in events(40),
        refused in 0..40i32,
        keeps_good in any::<bool>(),
    ) {
        let refused = HashSet::from([refused]);
        let receiver = Receiver { keeps_good, ..Receiver::refusing(refused) };
        let (delivery, seen) = run(&events, &receiver, 60);
        prop_assume!(seen.requests <= 32);
        for (at, event) in events.iter().enumerate() {
            let guilty = event.values.iter().any(|(_, value)| receiver.refused.contains(value));
            match delivery.fate(Origin(u32::try_from(at).unwrap())) {
                // A guilty sample that a later event supersedes is not sent at all.
                Fate::Delivered => prop_assert!(
                    !guilty || event.values.iter().any(|(&s, v)| receiver.refused.contains(v) && is_superseded(&events, at, s))
                ),
                Fate::Rejected(_) => prop_assert!(guilty),
                Fate::NotDelivered(reason) => prop_assert!(false, "event {} was not delivered: {}", at, reason),
            }
        }
    }
}

fn one_each(events: i32) -> Vec<Event> {
    (0..events)
        .map(|at| Event { timestamp_ms: NOW_MS + i64::from(at), values: BTreeMap::from([('a', at)]) })
        .collect()
}

fn count(delivery: &Delivery, events: usize, is_kind: impl Fn(&Fate) -> bool) -> usize {
    (0..events).filter(|&at| is_kind(&delivery.fate(Origin(u32::try_from(at).unwrap())))).count()
}

#[test]
fn a_receiver_that_refuses_everything_is_asked_65_times_and_no_one_is_called_guilty_without_proof() {
    let events = one_each(1_000);
    let receiver = Receiver::refusing((0..1_000).collect());
    let (delivery, seen) = run(&events, &receiver, 60);
    assert_eq!(seen.requests, 65);
    let rejected = count(&delivery, 1_000, |fate| matches!(fate, Fate::Rejected(_)));
    let unclear = count(&delivery, 1_000, |fate| matches!(fate, Fate::NotDelivered(_)));
    assert!(rejected > 0, "some stood alone before the end");
    assert_eq!(rejected + unclear, 1_000);
}

#[test]
fn one_guilty_event_of_a_thousand_is_found_with_twenty_requests() {
    let events = one_each(1_000);
    let receiver = Receiver::refusing(HashSet::from([617]));
    let (delivery, seen) = run(&events, &receiver, 60);
    assert!(matches!(delivery.fate(Origin(617)), Fate::Rejected(_)));
    assert_eq!(count(&delivery, 1_000, |fate| matches!(fate, Fate::Delivered)), 999);
    assert!(seen.requests <= 21, "{}", seen.requests);
}

#[test]
fn what_a_half_lacks_only_because_it_is_superseded_is_not_sent_again_to_be_refused_again() {
    let same = Event { timestamp_ms: NOW_MS, values: BTreeMap::from([('a', 5)]) };
    let events = vec![same; 500];
    let receiver = Receiver::refusing(HashSet::from([5]));
    let (delivery, seen) = run(&events, &receiver, 60);
    assert_eq!(seen.requests, 1);
    assert_eq!(count(&delivery, 500, |fate| matches!(fate, Fate::Rejected(_))), 500);
}

#[test]
fn what_is_hopeless_leaves_requests_for_what_is_not() {
    let at = |timestamp_ms, series, value| Event { timestamp_ms, values: BTreeMap::from([(series, value)]) };
    let old = (0..100).map(|at_ms| at(NOW_MS - 12 * TICK_MS + at_ms, 'b', 9));
    let fresh = (0..200).map(|at_ms| at(NOW_MS + at_ms, 'a', if at_ms == 77 { 9 } else { 1 }));
    let events: Vec<_> = old.chain(fresh).collect();
    let receiver = Receiver::refusing(HashSet::from([9]));
    let (delivery, _) = run(&events, &receiver, 60);
    assert!(matches!(delivery.fate(Origin(177)), Fate::Rejected(_)));
    assert_eq!((100..300).filter(|&at| matches!(delivery.fate(Origin(at)), Fate::Delivered)).count(), 199);
}

#[test]
fn nothing_is_sent_when_there_is_no_time() {
    let events = one_each(3);
    let receiver = Receiver::refusing(HashSet::new());
    let (delivery, seen) = run(&events, &receiver, 0);
    assert_eq!(seen.requests, 0);
    assert_eq!(count(&delivery, 3, |fate| matches!(fate, Fate::NotDelivered(_))), 3);
}

#[test]
fn what_is_too_old_or_too_far_ahead_does_not_travel_with_what_is_not() {
    let at = |ticks: i64, value| Event {
        timestamp_ms: NOW_MS + ticks * TICK_MS,
        values: BTreeMap::from([('a', value), ('b', value)]),
    };
    let events = [at(1, 5), at(0, 1), at(-12, 9), at(-1, 2)];
    let receiver = Receiver::refusing(HashSet::from([5, 9]));
    let (delivery, seen) = run(&events, &receiver, 60);
    assert_eq!(
        seen.requests, 3,
        "two are refused as they are, and the good ones go through at the first attempt"
    );
    assert_eq!(seen.succeeded[&'a'], [NOW_MS - TICK_MS, NOW_MS]);
    assert!(matches!(delivery.fate(Origin(0)), Fate::Rejected(_)));
    assert!(matches!(delivery.fate(Origin(2)), Fate::Rejected(_)));
}

#[test]
fn what_is_held_back_of_the_old_holds_back_the_rest_of_its_series() {
    let events = [(-12, 'a'), (0, 'a'), (0, 'b')].map(|(ticks, series)| Event {
        timestamp_ms: NOW_MS + ticks * TICK_MS,
        values: BTreeMap::from([(series, 1)]),
    });
    let receiver = Receiver { fails: HashSet::from([0]), ..Receiver::refusing(HashSet::new()) };
    let (delivery, seen) = run(&events, &receiver, 60);
    assert_eq!(seen.stored, HashMap::from([(('b', NOW_MS), 1.0)]));
    assert_eq!(count(&delivery, 3, |fate| matches!(fate, Fate::NotDelivered(_))), 2);
}

#[test]
fn two_events_for_one_instant_end_with_the_later_one_unless_it_is_refused() {
    let both = |first, second| {
        [first, second].map(|value| Event { timestamp_ms: 7, values: BTreeMap::from([('a', value)]) })
    };
    let receiver = Receiver::refusing(HashSet::from([9]));
    let (_, seen) = run(&both(1, 2), &receiver, 60);
    assert_eq!(seen.stored, HashMap::from([(('a', 7), 2.0)]));
    let (delivery, seen) = run(&both(1, 9), &receiver, 60);
    assert_eq!(
        seen.stored,
        HashMap::from([(('a', 7), 1.0)]),
        "the earlier value is not lost with the later one"
    );
    assert!(matches!(delivery.fate(Origin(0)), Fate::Delivered));
    assert!(matches!(delivery.fate(Origin(1)), Fate::Rejected(_)));
}
