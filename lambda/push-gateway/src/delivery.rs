//! Delivery: series → what became of each origin's samples at the receiver.
//!
//! Lanes travel at once, the requests of a lane one after the other. What the receiver refuses is taken apart until
//! the guilty origins stand alone; what it could not take now holds back everything later of the same series.
//!
//! Samples that no receiver is likely to take for their age go in requests of their own. A receiver that keeps the
//! good samples of a request it refuses (AMP) does not take them a second time once they are behind its out-of-order
//! window, so what is good is better not sent along with what is bad.
//!
//! In: [`Series`], and a function that sends one encoded request. Out: a [`Fate`] for every origin. Nothing here
//! knows HTTP, SQS or events, so that the property tests can put any receiver in its place.

use std::borrow::Cow;
use std::cell::Cell;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use amp::{Answer, Failure, Outcome, Written};
use futures_util::StreamExt;
use futures_util::stream;
use hashbrown::{HashMap, HashSet};
use remote_write::{
    EncodedRequest, Origin, PlannedRequest, Series, SeriesId, SeriesSample, halves_by_origin, lanes,
};
use tokio::time::Instant;

/// How many requests are in flight at most. A full batch makes one or two, so this is for the odd large one.
const LANES_AT_ONCE: usize = 4;

/// How many requests an invocation may spend on taking refused ones apart. A workspace at its series limit refuses
/// everything, and nothing is gained by asking it about every event.
const MAX_EXTRA_REQUESTS: u32 = 64;

/// AMP refuses samples older than an hour (its quotas page), a minute less for clocks that differ.
const OLD_MS: i64 = 59 * 60 * 1_000;

/// Prometheus and Cortex refuse samples more than ten minutes ahead, a minute less for clocks that differ.
const AHEAD_MS: i64 = 9 * 60 * 1_000;

/// What became of the samples of one origin.
#[derive(Clone, Debug)]
pub enum Fate {
    /// The receiver has all of them, or newer ones of the same invocation for the same timestamp.
    Delivered,
    /// The receiver refuses this origin's samples, and no other's, with this answer.
    Rejected(Rc<Answer>),
    /// Not all of them could be delivered now.
    NotDelivered(Rc<NotDelivered>),
}

/// Why something was not delivered, although nothing is wrong with it as far as is known.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NotDelivered {
    /// Its request could not be delivered.
    #[error("{0}")]
    Failed(Failure),
    /// It was in a refused request, and there was no room to find out whether it is guilty.
    #[error(
        "its request was refused with {answer}, and of the {MAX_EXTRA_REQUESTS} further requests of the invocation \
         none was left to find out whether it was the reason"
    )]
    Unclear {
        /// What the receiver said to the request.
        answer: Answer,
    },
    /// It was never sent.
    #[error("BUG: it was not sent")]
    Unsettled,
}

/// What a delivery did, in figures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Samples that the receiver took.
    pub samples: usize,
    /// Write requests, each counted once however often it was sent.
    pub requests: usize,
    /// How often a request was sent again.
    pub retries: usize,
    /// Bytes of all requests, compressed.
    pub bytes: usize,
    /// How long each request took with its retries, in milliseconds.
    pub latencies_ms: Vec<f64>,
}

/// A request as it went, and how long it took.
#[derive(Debug)]
pub struct Timed {
    /// What became of it.
    pub written: Written,
    /// How long that took, in milliseconds.
    pub latency_ms: f64,
}

/// What became of every origin, and the figures.
#[derive(Debug, Default)]
pub struct Delivery {
    fates: HashMap<Origin, Fate>,
    /// What was done.
    pub figures: Figures,
}

impl Delivery {
    /// What became of the samples of `origin`. One that nothing is known of counts as not delivered, so that even a
    /// mistake of ours loses nothing.
    pub fn fate(&self, origin: Origin) -> Fate {
        let known = self.fates.get(&origin).cloned();
        known.unwrap_or_else(|| Fate::NotDelivered(Rc::new(NotDelivered::Unsettled)))
    }

    /// A failure outweighs a rejection, because what is tried again is refused again, and either outweighs success.
    fn settle(&mut self, origin: Origin, fate: &Fate) {
        let known = self.fates.entry(origin).or_insert(Fate::Delivered);
        match (&*known, fate) {
            (Fate::Delivered, _) | (Fate::Rejected(_), Fate::NotDelivered(_)) => *known = fate.clone(),
            _ => {}
        }
    }

    fn settle_all(&mut self, samples: &[SeriesSample], fate: &Fate) {
        for sample in samples {
            self.settle(sample.origin, fate);
        }
    }

    fn add(&mut self, other: Self) {
        for (origin, fate) in other.fates {
            self.settle(origin, &fate);
        }
        self.figures.samples += other.figures.samples;
        self.figures.requests += other.figures.requests;
        self.figures.retries += other.figures.retries;
        self.figures.bytes += other.figures.bytes;
        self.figures.latencies_ms.extend(other.figures.latencies_ms);
    }
}

/// What a delivery may do.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The time of day in milliseconds, which tells which samples are unlikely to be taken.
    pub now_ms: i64,
    /// When sending has to end.
    pub deadline: Instant,
    /// The most bytes of a request, decoded as well as compressed.
    pub max_request_bytes: usize,
}

/// Sends all of `series` through `send`, as long as there is time.
pub async fn deliver(
    series: &Series,
    limits: Limits,
    send: &impl AsyncFn(EncodedRequest) -> Timed,
) -> Delivery {
    let extra_requests = Cell::new(MAX_EXTRA_REQUESTS);
    let out_of_time = Rc::new(NotDelivered::Failed(Failure::OutOfTime));
    let (mut all, mut held_back) = (Delivery::default(), HeldBack::new());
    let parts = by_prospect(series.samples(), limits.now_ms);
    // One after the other, oldest first, because the same series may be in each.
    for (at, samples) in parts.iter().enumerate() {
        // What is hopeless must not use up what the rest may need.
        let reserved_requests = if at + 1 < parts.len() { MAX_EXTRA_REQUESTS / 2 } else { 0 };
        let plan = series.plan(samples, limits.max_request_bytes);
        let send_lane = |lane| {
            let sender = LaneSender {
                series,
                samples,
                limits,
                send,
                extra_requests: &extra_requests,
                reserved_requests,
                out_of_time: &out_of_time,
                held_back_before: &held_back,
                held_back: HeldBack::new(),
                refused: HashMap::new(),
                delivered: HashSet::new(),
                result: Delivery::default(),
            };
            sender.send(lane)
        };
        let (results, later) = stream::iter(lanes(&plan))
            .map(send_lane)
            .buffer_unordered(LANES_AT_ONCE)
            .fold((all, HeldBack::new()), async |(mut all, mut later), (result, held_back)| {
                all.add(result);
                later.extend(held_back);
                (all, later)
            })
            .await;
        all = results;
        held_back.extend(later);
    }
    all
}

/// Divides samples into those that are too old for most receivers, those that are not, and those too far ahead.
/// Nearly always, all are of one kind.
fn by_prospect(samples: &[SeriesSample], now_ms: i64) -> Vec<Cow<'_, [SeriesSample]>> {
    let prospect = |s: &SeriesSample| match s.sample.timestamp_ms() {
        old if old < now_ms.saturating_sub(OLD_MS) => 0,
        ahead if ahead > now_ms.saturating_add(AHEAD_MS) => 2,
        _ => 1,
    };
    let Some(first) = samples.first().map(prospect) else { return Vec::new() };
    if samples.iter().all(|sample| prospect(sample) == first) {
        return vec![Cow::Borrowed(samples)];
    }
    let of_kind = |kind| samples.iter().filter(|s| prospect(s) == kind).copied().collect::<Vec<_>>();
    (0..=2).map(of_kind).filter(|samples| !samples.is_empty()).map(Cow::Owned).collect()
}

/// Series of which something was not delivered, and why. Nothing later of them is sent.
type HeldBack = HashMap<SeriesId, Rc<NotDelivered>>;

/// Sends one lane. Lanes have no series in common, so all but the number of extra requests is its own.
struct LaneSender<'a, S> {
    series: &'a Series,
    /// What the lane's ranges are of.
    samples: &'a [SeriesSample],
    limits: Limits,
    send: &'a S,
    extra_requests: &'a Cell<u32>,
    /// How many of these are not for this lane.
    reserved_requests: u32,
    out_of_time: &'a Rc<NotDelivered>,
    /// What is held back of samples sent before this lane.
    held_back_before: &'a HeldBack,
    held_back: HeldBack,
    /// The requests that were refused, by their bytes: the same bytes are never sent again.
    refused: HashMap<u64, Refusal>,
    /// Samples that were delivered by a part of a refused request; they supersede what is left of it.
    delivered: HashSet<(SeriesId, i64)>,
    result: Delivery,
}

impl<S: AsyncFn(EncodedRequest) -> Timed> LaneSender<'_, S> {
    async fn send(mut self, lane: &[PlannedRequest]) -> (Delivery, HeldBack) {
        for planned in lane {
            let whole = &self.samples[planned.samples.clone()];
            if Instant::now() >= self.limits.deadline {
                // A payload may be good for many thousands of requests, so what is left is passed over quickly.
                self.result.settle_all(whole, &Fate::NotDelivered(Rc::clone(self.out_of_time)));
                continue;
            }
            let whole = self.without_held_back(whole.to_vec());
            if whole.is_empty() {
                continue;
            }
            match self.send_request(&whole).await {
                Outcome::Delivered => self.result.settle_all(&whole, &Fate::Delivered),
                Outcome::Retryable(failure) => self.hold_back(&whole, NotDelivered::Failed(failure)),
                Outcome::Rejected(answer) => self.take_apart(&whole, Refusal::OfData(answer)).await,
                Outcome::TooLarge(answer) => self.take_apart(&whole, Refusal::OfSize(answer)).await,
            }
        }
        (self.result, self.held_back)
    }

    /// Finds out what is wrong with a refused request by sending its parts, in time order and one after the other.
    async fn take_apart(&mut self, refused: &[SeriesSample], refusal: Refusal) {
        self.delivered.clear();
        // The last one is next, so the later half goes below the earlier one.
        let mut parts = Vec::new();
        self.split(refused, refusal, &mut parts);
        while let Some((part, refusal)) = parts.pop() {
            let part = self.without_held_back(part);
            let part = self.without_superseded(part);
            if part.is_empty() {
                continue;
            }
            if let Some(refusal) = self.refused.get(&fingerprint(&self.series.encode(&part))).cloned() {
                // The samples that it lacks are superseded, so on the wire it is what was refused already.
                self.split(&part, refusal, &mut parts);
                continue;
            }
            let left = self.extra_requests.get();
            if left <= self.reserved_requests {
                self.hold_back(&part, NotDelivered::Unclear { answer: refusal.answer() });
                continue;
            }
            self.extra_requests.set(left - 1);
            match self.send_request(&part).await {
                Outcome::Delivered => {
                    self.delivered.extend(part.iter().map(|s| (s.series, s.sample.timestamp_ms())));
                    self.result.settle_all(&part, &Fate::Delivered);
                }
                Outcome::Retryable(failure) => self.hold_back(&part, NotDelivered::Failed(failure)),
                Outcome::Rejected(answer) => self.split(&part, Refusal::OfData(answer), &mut parts),
                Outcome::TooLarge(answer) => self.split(&part, Refusal::OfSize(answer), &mut parts),
            }
        }
    }

    /// Puts the halves of a refused part on `parts`, or settles the fate of one that cannot be halved.
    fn split(
        &mut self,
        part: &[SeriesSample],
        refusal: Refusal,
        parts: &mut Vec<(Vec<SeriesSample>, Refusal)>,
    ) {
        self.refused.insert(fingerprint(&self.series.encode(part)), refusal.clone());
        let halves = match &refusal {
            Refusal::OfData(_) => halves_by_origin(part),
            Refusal::OfSize(_) => self.series.halves_by_size(part).or_else(|| halves_by_origin(part)),
        };
        match halves {
            Some((earlier, later)) => {
                parts.push((later, refusal.clone()));
                parts.push((earlier, refusal));
            }
            None => self.result.settle_all(part, &Fate::Rejected(Rc::new(refusal.answer()))),
        }
    }

    async fn send_request(&mut self, samples: &[SeriesSample]) -> Outcome {
        if Instant::now() >= self.limits.deadline {
            // Encoding takes time too.
            return Outcome::Retryable(Failure::OutOfTime);
        }
        let request = self.series.encode(samples);
        let (samples, bytes) = (request.samples, request.body.len());
        if bytes > self.limits.max_request_bytes {
            // Snappy makes a message of random bytes a little longer. What the receiver would say is known.
            return Outcome::TooLarge(Answer { status: 413, body: "larger than a request may be".into() });
        }
        let Timed { written, latency_ms } = (self.send)(request).await;
        let figures = &mut self.result.figures;
        if written.attempts > 0 {
            figures.requests += 1;
            figures.retries += written.attempts as usize - 1;
            figures.bytes += bytes;
            figures.latencies_ms.push(latency_ms);
        }
        if matches!(written.outcome, Outcome::Delivered) {
            figures.samples += samples;
        }
        written.outcome
    }

    fn hold_back(&mut self, samples: &[SeriesSample], reason: NotDelivered) {
        let reason = Rc::new(reason);
        for sample in samples {
            self.held_back.entry(sample.series).or_insert_with(|| Rc::clone(&reason));
        }
        self.result.settle_all(samples, &Fate::NotDelivered(reason));
    }

    /// Takes out the samples of series that are held back, and settles their fate.
    fn without_held_back(&mut self, mut samples: Vec<SeriesSample>) -> Vec<SeriesSample> {
        if self.held_back.is_empty() && self.held_back_before.is_empty() {
            return samples;
        }
        samples.retain(|sample| {
            let reason = self.held_back.get(&sample.series).or(self.held_back_before.get(&sample.series));
            if let Some(reason) = reason {
                self.result.settle(sample.origin, &Fate::NotDelivered(Rc::clone(reason)));
            }
            reason.is_none()
        });
        samples
    }

    /// Takes out the samples that a delivered part supersedes, and settles their fate.
    fn without_superseded(&mut self, mut samples: Vec<SeriesSample>) -> Vec<SeriesSample> {
        samples.retain(|s| {
            let superseded = self.delivered.contains(&(s.series, s.sample.timestamp_ms()));
            if superseded {
                self.result.settle(s.origin, &Fate::Delivered);
            }
            !superseded
        });
        samples
    }
}

/// Tells the bytes of one request from those of the few others that an invocation has refused.
fn fingerprint(request: &EncodedRequest) -> u64 {
    let mut hasher = DefaultHasher::new();
    request.body.hash(&mut hasher);
    hasher.finish()
}

/// What a receiver refuses about a request, with its answer.
#[derive(Clone, Debug)]
enum Refusal {
    OfData(Answer),
    OfSize(Answer),
}

impl Refusal {
    fn answer(self) -> Answer {
        match self {
            Self::OfData(answer) | Self::OfSize(answer) => answer,
        }
    }
}
