//! Random batches against receivers that fail at random: every message ends in at least one way, and the receiver stores
//! exactly the delivered samples. Everything follows from a seed, which a failure names.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use local_amp::{Action, Fault, Ingestion, Matcher};
use local_lambda::sqs::{QueueMessage, sqs_event};

use crate::outcomes::refuse;
use crate::queue::{Queue, with_queue};
use crate::support::{NOW_MS, QUEUE, Setup, Stage, given_back, padding_labels};

/// The metric, device and timestamp of a sample.
type Place = (String, String, i64);

/// A message with its expected outcome.
#[derive(Debug, Clone)]
struct Expected {
    body: String,
    /// Empty for a body that is not an event.
    samples: BTreeMap<Place, f64>,
    /// Whether it has a sample of the series that the receiver rejects.
    is_rejected: bool,
}

const POISON: [&str; 8] = [
    "hello",
    "{}",
    "[{}]",
    r#"{"dimensions":{},"timestamp":1}"#,
    r#"{"dimensions":{"a":"1","a":"2"},"timestamp":1676398017000,"metrics":{"m":1}}"#,
    r#"{"dimensions":{},"timestamp":"1676398017000","metrics":{"m":1}}"#,
    r#"{"dimensions":{},"timestamp":1676398017000,"metrics":{"m":"12hello","n":1}}"#,
    r#"[{"dimensions":{},"timestamp":1676398017000,"metrics":{"m":1}},{"metrics":{}}]"#,
];

/// Events of a few devices within the receiver's out-of-order window, with unique timestamps, in a random order.
fn batch(random: &mut fastrand::Rng) -> Vec<Expected> {
    let count = random.usize(5..65);
    // In a third of the rounds every event is a large series of its own, which makes several requests.
    let padding = if random.u8(..3) == 0 { "x".repeat(6_500) } else { String::new() };
    let mut timestamp = NOW_MS;
    let mut batch = Vec::new();
    for _ in 0..count {
        if random.u8(..8) == 0 {
            let body = POISON[random.usize(..POISON.len())].to_owned();
            batch.push(Expected { body, samples: BTreeMap::new(), is_rejected: false });
            continue;
        }
        let mut events = Vec::new();
        let mut samples = BTreeMap::new();
        let mut is_rejected = false;
        for _ in 0..=random.u8(..3) {
            timestamp += random.i64(1..=200);
            let mut device = ["a", "b", "c", "d", "e", "f", "g", "bad"][random.usize(..8)];
            if device == "bad" && random.bool() {
                device = "a";
            }
            is_rejected |= device == "bad";
            let mut metrics = Vec::new();
            for metric in ["temperature", "ph", "level"] {
                if metrics.is_empty() || random.bool() {
                    let value = f64::from(random.u32(..1 << 24)) / 8.0;
                    metrics.push(format!(r#""{metric}":{value:?}"#));
                    samples.insert((metric.to_owned(), device.to_owned(), timestamp), value);
                }
            }
            let pad = if padding.is_empty() { String::new() } else { format!("{timestamp}-{padding}") };
            let pad = padding_labels(&pad);
            events.push(format!(
                r#"{{"dimensions":{{"device":"{device}"{pad}}},"timestamp":{timestamp},"metrics":{{{}}}}}"#,
                metrics.join(",")
            ));
        }
        let body = if events.len() == 1 { events.remove(0) } else { format!("[{}]", events.join(",")) };
        batch.push(Expected { body, samples, is_rejected });
    }
    random.shuffle(&mut batch);
    batch
}

/// Faults that end by themselves or with the next redelivery.
fn faults(random: &mut fastrand::Rng) -> Vec<Fault> {
    let mut faults = Vec::new();
    for _ in 0..random.u8(..4) {
        let action = match random.u8(..7) {
            0 => Action::Reset,
            1 => Action::Hang,
            2 => Action::retry_after(429, "0"),
            3 => Action::status(403, "not you"),
            4 => Action::SlowTrickle { code: 502, interval: Duration::from_millis(50) },
            _ => Action::status([500, 502, 503, 504, 408, 429][random.usize(..6)], "not now"),
        };
        let when = match random.u8(..3) {
            0 => Matcher::series("device", ["a", "b", "c"][random.usize(..3)]),
            1 => Matcher::SamplesOver(random.usize(..40)),
            _ => Matcher::Any,
        };
        faults.push(Fault::times(random.u32(1..=4), when, action));
    }
    if random.u8(..4) == 0 {
        faults.push(Fault::always(Matcher::SamplesOver(random.usize(5..65)), Action::status(413, "")));
    }
    faults
}

/// The stored samples by their place.
fn stored(stage: &Stage) -> BTreeMap<Place, f64> {
    let mut stored = BTreeMap::new();
    for (mut labels, samples) in stage.amp.series() {
        let mut take = |name: &str| labels.remove(name).unwrap_or_default();
        let (metric, device) = (take("__name__"), take("device"));
        stored.extend(samples.into_iter().map(|(at, value)| ((metric.clone(), device.clone(), at), value)));
    }
    stored
}

/// Sends one batch and its redeliveries until only messages are left that cannot be delivered.
///
/// A call to the dead-letter queue that was not answered in time may have arrived, so its messages may be given back and
/// moved, or moved twice. No others may.
async fn round(seed: u64, queue: Option<&Queue>) {
    let mut random = fastrand::Rng::with_seed(seed);
    let ingestion = if random.bool() { Ingestion::KeepGood } else { Ingestion::RollBack };
    let setup = Setup::new().timeout_s(3).amp(|amp| amp.ingestion = ingestion);
    let setup = match queue {
        Some(queue) => with_queue(setup, &queue.url),
        None => setup,
    };
    let mut stage = setup.start().await;
    let all = batch(&mut random);
    let refusal = refuse("bad", [400, 409, 422][random.usize(..3)]);
    let mut waiting: Vec<usize> = (0..all.len()).collect();
    // The messages of calls that were not answered in time.
    let mut unsure: BTreeSet<usize> = BTreeSet::new();
    for delivery in 0.. {
        assert!(delivery < 8, "seed {seed}: {} messages are never done", waiting.len());
        let mut faults = if delivery == 0 { faults(&mut random) } else { Vec::new() };
        faults.push(refusal.clone());
        stage.amp.set_faults(faults);
        // A message keeps its id: a dead letter may arrive after the invocation that sent it.
        let messages: Vec<_> = waiting
            .iter()
            .map(|&at| QueueMessage::new(u64::try_from(at).expect("a small number"), &all[at].body, NOW_MS))
            .collect();
        let invocation = stage.invoke(sqs_event(QUEUE, &messages)).await;
        let returned: BTreeSet<usize> =
            given_back(&invocation, &messages).into_iter().map(|at| waiting[at]).collect();
        if invocation.logs.iter().any(|line| line.contains("could not be moved")) {
            unsure.extend(&returned);
        }
        let mut moved = BTreeSet::new();
        if let Some(queue) = queue {
            for letter in queue.letters().await {
                let at =
                    messages.iter().position(|message| message.message_id == letter.attributes["messageId"]);
                let at =
                    waiting[at.unwrap_or_else(|| panic!("seed {seed}: a dead letter of an unknown message"))];
                assert_eq!(letter.body, all[at].body, "seed {seed}");
                let reason = if all[at].samples.is_empty() { "invalid" } else { "rejected" };
                assert_eq!(letter.attributes["reason"], reason, "seed {seed}: {}", all[at].body);
                let is_first = moved.insert(at);
                assert!(is_first || unsure.contains(&at), "seed {seed}: message {at} was moved twice");
            }
        }
        let stored = stored(&stage);
        for &at in &waiting {
            let (expected, is_returned, is_moved) = (&all[at], returned.contains(&at), moved.contains(&at));
            assert!(
                !(is_returned && is_moved) || unsure.contains(&at),
                "seed {seed}: message {at} was given back and moved"
            );
            if !is_returned && !is_moved {
                assert!(
                    !expected.is_rejected && !expected.samples.is_empty(),
                    "seed {seed}: {} was lost",
                    expected.body
                );
                for (place, value) in &expected.samples {
                    assert_eq!(stored.get(place), Some(value), "seed {seed}: {place:?} is not stored");
                }
            }
            assert!(
                !is_moved || expected.is_rejected || expected.samples.is_empty(),
                "seed {seed}: {} is good",
                expected.body
            );
        }
        for (place, value) in &stored {
            let brought = all.iter().any(|expected| expected.samples.get(place) == Some(value));
            assert!(brought && place.1 != "bad", "seed {seed}: {place:?} = {value} was invented");
        }
        stage.assert_nothing_overlapped();
        waiting = returned.into_iter().collect();
        let is_undeliverable =
            |&at: &usize| queue.is_none() && (all[at].is_rejected || all[at].samples.is_empty());
        if delivery > 0 && waiting.iter().all(is_undeliverable) {
            break;
        }
    }
    let good = all.iter().filter(|expected| !expected.is_rejected);
    let expected: BTreeMap<_, _> = good.flat_map(|expected| expected.samples.clone()).collect();
    let mut stored = stored(&stage);
    // A message that is refused for one of its events may have good ones, which are written as far as possible.
    stored.retain(|place, _| expected.contains_key(place));
    assert_eq!(stored, expected, "seed {seed}");
}

#[tokio::test]
async fn every_message_is_delivered_or_given_back() {
    for seed in 100..120 {
        round(seed, None).await;
    }
}

#[tokio::test]
async fn with_a_queue_every_bad_message_is_moved_once() {
    for seed in 200..220 {
        let queue = Queue::create(&format!("random-{seed}")).await;
        round(seed, Some(&queue)).await;
    }
}
