//! Random batches against receivers that fail at random: every message ends in one way at least, and what is stored is
//! what was delivered. Everything follows from a seed, which a failure names.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use local_amp::{Action, Fault, Ingestion, Matcher};
use local_lambda::sqs::{QueueMessage, sqs_event};

use crate::outcomes::refuse;
use crate::queue::{Queue, with_queue};
use crate::support::{NOW_MS, QUEUE, Setup, Stage, given_back};

/// `SplitMix64`: small, and the same on every machine.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).expect("it is below a usize")
    }

    pub(crate) fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at + 1));
        }
    }
}

/// Where a sample belongs: metric, device, timestamp.
type Place = (String, String, i64);

/// A message with what has to become of it.
#[derive(Debug, Clone)]
struct Told {
    body: String,
    /// None for what is no event.
    samples: BTreeMap<Place, f64>,
    /// Whether it has a sample of the series that the receiver refuses.
    is_guilty: bool,
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

/// Events of a few devices within the receiver's out-of-order window, no timestamp twice, in a random order.
fn batch(random: &mut Random) -> Vec<Told> {
    let count = 5 + random.below(60);
    // In a third of the rounds every event is a large series of its own, which makes several requests.
    let padding = if random.below(3) == 0 { "x".repeat(6_500) } else { String::new() };
    let mut timestamp = NOW_MS;
    let mut told = Vec::new();
    for _ in 0..count {
        if random.below(8) == 0 {
            let body = (*random.pick(&POISON)).to_owned();
            told.push(Told { body, samples: BTreeMap::new(), is_guilty: false });
            continue;
        }
        let mut events = Vec::new();
        let mut samples = BTreeMap::new();
        let mut is_guilty = false;
        for _ in 0..=random.below(3) {
            timestamp += 1 + i64::try_from(random.below(200)).expect("it is small");
            let mut device = *random.pick(&["a", "b", "c", "d", "e", "f", "g", "bad"]);
            if device == "bad" && random.below(2) == 0 {
                device = "a";
            }
            is_guilty |= device == "bad";
            let mut metrics = Vec::new();
            for metric in ["temperature", "ph", "level"] {
                if metrics.is_empty() || random.below(2) == 0 {
                    let value = f64::from(u32::try_from(random.next() >> 40).expect("24 bits")) / 8.0;
                    metrics.push(format!(r#""{metric}":{value:?}"#));
                    samples.insert((metric.to_owned(), device.to_owned(), timestamp), value);
                }
            }
            let pad = if padding.is_empty() { String::new() } else { format!("{timestamp}-{padding}") };
            events.push(format!(
                r#"{{"dimensions":{{"device":"{device}","pad":"{pad}"}},"timestamp":{timestamp},"metrics":{{{}}}}}"#,
                metrics.join(",")
            ));
        }
        let body = if events.len() == 1 { events.remove(0) } else { format!("[{}]", events.join(",")) };
        told.push(Told { body, samples, is_guilty });
    }
    random.shuffle(&mut told);
    told
}

/// Faults that go away, or that stay until the next redelivery.
fn faults(random: &mut Random) -> Vec<Fault> {
    let mut faults = Vec::new();
    for _ in 0..random.below(4) {
        let action = match random.below(7) {
            0 => Action::Reset,
            1 => Action::Hang,
            2 => Action::retry_after(429, "0"),
            3 => Action::status(403, "not you"),
            4 => Action::SlowTrickle { code: 502, interval: Duration::from_millis(50) },
            _ => Action::status(*random.pick(&[500, 502, 503, 504, 408, 429]), "not now"),
        };
        let when = match random.below(3) {
            0 => Matcher::series("device", ["a", "b", "c"][random.below(3)]),
            1 => Matcher::SamplesOver(random.below(40)),
            _ => Matcher::Any,
        };
        faults.push(Fault::times(u32::try_from(1 + random.below(4)).expect("it is small"), when, action));
    }
    if random.below(4) == 0 {
        faults.push(Fault::always(Matcher::SamplesOver(5 + random.below(60)), Action::status(413, "")));
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

/// One batch and its redeliveries until nothing but what never can be delivered is left.
///
/// SQS delivers at least once, and so does the function: a call to the dead-letter queue that was not answered in time
/// may have arrived, so its messages may be given back and moved, or moved twice. Only these may.
async fn round(seed: u64, queue: Option<&Queue>) {
    let mut random = Random::new(seed);
    let ingestion = *random.pick(&[Ingestion::KeepGood, Ingestion::RollBack]);
    let setup = Setup::new().timeout_s(3).amp(|amp| amp.ingestion = ingestion);
    let setup = match queue {
        Some(queue) => with_queue(setup, &queue.url),
        None => setup,
    };
    let mut stage = setup.start().await;
    let all = batch(&mut random);
    let refusal = refuse("bad", *random.pick(&[400, 409, 422]));
    let mut waiting: Vec<usize> = (0..all.len()).collect();
    // Messages of calls that were not answered in time.
    let mut unsure: BTreeSet<usize> = BTreeSet::new();
    for delivery in 0.. {
        assert!(delivery < 8, "seed {seed}: {} messages are never done", waiting.len());
        let mut faults = if delivery == 0 { faults(&mut random) } else { Vec::new() };
        faults.push(refusal.clone());
        stage.amp.set_faults(faults);
        // A message keeps its id: a letter may arrive after the invocation that sent it.
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
        let mut buried = BTreeSet::new();
        if let Some(queue) = queue {
            for letter in queue.letters().await {
                let at =
                    messages.iter().position(|message| message.message_id == letter.attributes["messageId"]);
                let at = waiting[at.unwrap_or_else(|| panic!("seed {seed}: a letter of no one"))];
                assert_eq!(letter.body, all[at].body, "seed {seed}");
                let reason = if all[at].samples.is_empty() { "invalid" } else { "rejected" };
                assert_eq!(letter.attributes["reason"], reason, "seed {seed}: {}", all[at].body);
                let is_first = buried.insert(at);
                assert!(is_first || unsure.contains(&at), "seed {seed}: message {at} was moved twice");
            }
        }
        let stored = stored(&stage);
        for &at in &waiting {
            let (told, is_returned, is_buried) = (&all[at], returned.contains(&at), buried.contains(&at));
            assert!(
                !(is_returned && is_buried) || unsure.contains(&at),
                "seed {seed}: message {at} was given back and moved"
            );
            if !is_returned && !is_buried {
                assert!(!told.is_guilty && !told.samples.is_empty(), "seed {seed}: {} was lost", told.body);
                for (place, value) in &told.samples {
                    assert_eq!(stored.get(place), Some(value), "seed {seed}: {place:?} is not stored");
                }
            }
            assert!(
                !is_buried || told.is_guilty || told.samples.is_empty(),
                "seed {seed}: {} is good",
                told.body
            );
        }
        for (place, value) in &stored {
            let brought = all.iter().any(|told| told.samples.get(place) == Some(value));
            assert!(brought && place.1 != "bad", "seed {seed}: {place:?} = {value} was invented");
        }
        stage.assert_nothing_overlapped();
        waiting = returned.into_iter().collect();
        let is_hopeless = |&at: &usize| queue.is_none() && (all[at].is_guilty || all[at].samples.is_empty());
        if delivery > 0 && waiting.iter().all(is_hopeless) {
            break;
        }
    }
    let good = all.iter().filter(|told| !told.is_guilty);
    let expected: BTreeMap<_, _> = good.flat_map(|told| told.samples.clone()).collect();
    let mut stored = stored(&stage);
    // A message that is refused for one of its events may have good ones, which are written as far as possible.
    stored.retain(|place, _| expected.contains_key(place));
    assert_eq!(stored, expected, "seed {seed}");
}

#[tokio::test]
async fn every_message_is_delivered_or_given_back_and_redelivery_completes_what_is_stored() {
    for seed in 100..120 {
        round(seed, None).await;
    }
}

#[tokio::test]
async fn with_a_dead_letter_queue_no_message_is_lost_and_each_is_moved_once() {
    for seed in 200..220 {
        let queue = Queue::create(&format!("random-{seed}")).await;
        round(seed, Some(&queue)).await;
    }
}
