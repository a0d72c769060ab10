//! Lane: the requests of one lane → the fates of their origins. Takes apart what is refused, holds back what has to wait.
//!
//! In: planned requests that share series, in order. Out: fates and figures in the [`Delivery`] that all lanes share, and
//! the series that are held back. It may assume that no other lane has any of its series.

use std::cell::{Cell, RefCell};
use std::hash::BuildHasher;
use std::rc::Rc;

use aws::{Cause, Failure, Response};
use hashbrown::{HashMap, HashSet};
use remote_write::{EncodedRequest, PlannedRequest, Series, SeriesId, SeriesSample, halves_by_origin};
use tokio::time::Instant;

use super::{Delivery, Fate, Limits, Meaning, NotDelivered, Timed, classify};

/// Series of which something was not delivered, and why. Nothing later of them is sent.
pub(super) type HeldBack = HashMap<SeriesId, Rc<NotDelivered>>;

/// What the lanes of one part of a delivery have in common.
pub(super) struct Shared<'a, S> {
    pub(super) series: &'a Series,
    /// What the ranges of the lanes are of.
    pub(super) samples: &'a [SeriesSample],
    pub(super) limits: Limits,
    pub(super) send: &'a S,
    /// How many requests may still be spent on taking refused ones apart.
    pub(super) extra_requests: &'a Cell<u32>,
    /// How many of these are for samples that are sent later.
    pub(super) reserved_requests: u32,
    /// The reason for what there was no time for.
    pub(super) out_of_time: Rc<NotDelivered>,
    /// What is held back of samples that were sent earlier.
    pub(super) held_back: &'a HeldBack,
    /// What became of everything so far. Borrowed for a moment each time, never while a request travels.
    pub(super) result: &'a RefCell<Delivery>,
}

/// Sends one lane. Lanes have no series in common, so all of its state is its own but for the result.
struct LaneSender<'a, S> {
    shared: &'a Shared<'a, S>,
    held_back: HeldBack,
    /// The request that was sent last, by a hash of its bytes.
    sent: u64,
    /// The requests that were refused, by the same hash: their bytes are never sent again.
    refused: HashMap<u64, Refusal>,
    /// Samples that were delivered by a part of a refused request; they supersede what is left of it.
    delivered: HashSet<(SeriesId, i64)>,
}

/// Sends the requests of `lane` one after the other.
pub(super) async fn send_lane<S: AsyncFn(EncodedRequest) -> Timed>(
    shared: &Shared<'_, S>,
    lane: &[PlannedRequest],
) -> HeldBack {
    let sender = LaneSender {
        shared,
        held_back: HeldBack::new(),
        sent: 0,
        refused: HashMap::new(),
        delivered: HashSet::new(),
    };
    sender.send(lane).await
}

impl<S: AsyncFn(EncodedRequest) -> Timed> LaneSender<'_, S> {
    async fn send(mut self, lane: &[PlannedRequest]) -> HeldBack {
        for planned in lane {
            let whole = &self.shared.samples[planned.samples.clone()];
            if Instant::now() >= self.shared.limits.deadline {
                // A payload may be good for many thousands of requests, so what is left is passed over quickly.
                self.shared
                    .result
                    .borrow_mut()
                    .settle_all(whole, &Fate::NotDelivered(Rc::clone(&self.shared.out_of_time)));
                continue;
            }
            let whole = self.without_held_back(whole.to_vec());
            if whole.is_empty() {
                continue;
            }
            match self.send_request(&whole).await {
                Outcome::Delivered => self.shared.result.borrow_mut().settle_all(&whole, &Fate::Delivered),
                Outcome::Retryable(failure) => self.hold_back(&whole, NotDelivered::Failed(failure)),
                Outcome::Rejected(answer) => self.take_apart(whole, Refusal::OfData(answer)).await,
                Outcome::TooLarge(answer) => self.take_apart(whole, Refusal::OfSize(answer)).await,
            }
        }
        self.held_back
    }

    /// Finds out what is wrong with a refused request by sending its parts, in time order and one after the other.
    async fn take_apart(&mut self, refused: Vec<SeriesSample>, refusal: Refusal) {
        self.delivered.clear();
        // The last one is next, so the later half goes below the earlier one.
        let mut parts = Vec::new();
        self.refuse(&refused, refusal, &mut parts);
        while let Some(Part { samples: part, refusal, of_written }) = parts.pop() {
            let part = self.without_held_back(part);
            let part = self.without_superseded(part);
            if part.is_empty() {
                continue;
            }
            // When all that it lacks is superseded, it may be on the wire what was refused already.
            if written(&part) == of_written
                && let Some(refusal) = self.known_refusal(&part)
            {
                self.split(&part, refusal, &mut parts);
                continue;
            }
            let left = self.shared.extra_requests.get();
            if left <= self.shared.reserved_requests {
                self.hold_back(&part, NotDelivered::Unclear { answer: refusal.answer() });
                continue;
            }
            self.shared.extra_requests.set(left - 1);
            match self.send_request(&part).await {
                Outcome::Delivered => {
                    self.delivered.extend(part.iter().map(|s| (s.series, s.sample.timestamp_ms())));
                    self.shared.result.borrow_mut().settle_all(&part, &Fate::Delivered);
                }
                Outcome::Retryable(failure) => self.hold_back(&part, NotDelivered::Failed(failure)),
                Outcome::Rejected(answer) => self.refuse(&part, Refusal::OfData(answer), &mut parts),
                Outcome::TooLarge(answer) => self.refuse(&part, Refusal::OfSize(answer), &mut parts),
            }
        }
    }

    /// Remembers that the request just sent, which was `part`, is refused, and splits it.
    fn refuse(&mut self, part: &[SeriesSample], refusal: Refusal, parts: &mut Vec<Part>) {
        self.refused.insert(self.sent, refusal.clone());
        self.split(part, refusal, parts);
    }

    /// What is known of a request of `samples` because the same bytes were sent before.
    fn known_refusal(&self, samples: &[SeriesSample]) -> Option<Refusal> {
        let body = self.shared.series.encode(samples).body;
        self.refused.get(&self.refused.hasher().hash_one(body)).cloned()
    }

    /// Puts the halves of a refused part on `parts`, or settles the fate of one that cannot be halved.
    fn split(&mut self, part: &[SeriesSample], refusal: Refusal, parts: &mut Vec<Part>) {
        let of_written = written(part);
        let halves = match &refusal {
            Refusal::OfData(_) => halves_by_origin(part),
            Refusal::OfSize(_) => self.shared.series.halves_by_size(part).or_else(|| halves_by_origin(part)),
        };
        match halves {
            Some((earlier, later)) => {
                parts.push(Part { samples: later, refusal: refusal.clone(), of_written });
                parts.push(Part { samples: earlier, refusal, of_written });
            }
            None => {
                self.shared.result.borrow_mut().settle_all(part, &Fate::Rejected(Rc::new(refusal.answer())));
            }
        }
    }

    async fn send_request(&mut self, samples: &[SeriesSample]) -> Outcome {
        if Instant::now() >= self.shared.limits.deadline {
            // Encoding takes time too.
            return Outcome::Retryable(Cause::OutOfTime.into());
        }
        let request = self.shared.series.encode(samples);
        let (samples, bytes) = (request.samples, request.body.len());
        self.sent = self.refused.hasher().hash_one(&request.body);
        if bytes > self.shared.limits.max_request_bytes {
            // Snappy makes a message of random bytes a little longer. What the receiver would say is known.
            return Outcome::TooLarge(Response::new(413, "larger than a request may be"));
        }
        let Timed { response, latency_ms } = (self.shared.send)(request).await;
        let attempts =
            response.as_ref().map_or_else(|failure| failure.attempts, |response| response.attempts);
        let outcome = Outcome::from(response);
        let mut result = self.shared.result.borrow_mut();
        let figures = &mut result.figures;
        if attempts.count > 0 {
            figures.requests += 1;
            figures.retries += attempts.count as usize - 1;
            figures.bytes += bytes;
            figures.latencies_ms.push(latency_ms);
        }
        if matches!(outcome, Outcome::Delivered) {
            figures.samples += samples;
        }
        outcome
    }

    fn hold_back(&mut self, samples: &[SeriesSample], reason: NotDelivered) {
        let reason = Rc::new(reason);
        for sample in samples {
            self.held_back.entry(sample.series).or_insert_with(|| Rc::clone(&reason));
        }
        self.shared.result.borrow_mut().settle_all(samples, &Fate::NotDelivered(reason));
    }

    /// Takes out the samples of series that are held back, and settles their fate.
    fn without_held_back(&mut self, mut samples: Vec<SeriesSample>) -> Vec<SeriesSample> {
        if self.held_back.is_empty() && self.shared.held_back.is_empty() {
            return samples;
        }
        samples.retain(|sample| {
            let reason = self.held_back.get(&sample.series).or(self.shared.held_back.get(&sample.series));
            if let Some(reason) = reason {
                self.shared.result.borrow_mut().settle(sample.origin, &Fate::NotDelivered(Rc::clone(reason)));
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
                self.shared.result.borrow_mut().settle(s.origin, &Fate::Delivered);
            }
            !superseded
        });
        samples
    }
}

/// What became of one request.
enum Outcome {
    Delivered,
    Rejected(Response),
    TooLarge(Response),
    Retryable(Failure),
}

impl From<Result<Response, Failure>> for Outcome {
    fn from(response: Result<Response, Failure>) -> Self {
        match response {
            Ok(response) => match classify(response.status) {
                Meaning::Written => Self::Delivered,
                Meaning::Rejected => Self::Rejected(response),
                Meaning::TooLarge => Self::TooLarge(response),
                Meaning::NotNow => {
                    let attempts = response.attempts;
                    Self::Retryable(Failure::new(Cause::Answered(response), attempts))
                }
            },
            Err(failure) => Self::Retryable(failure),
        }
    }
}

/// A part of a refused request.
struct Part {
    samples: Vec<SeriesSample>,
    /// What was said to the request that it is a part of.
    refusal: Refusal,
    /// How many samples that request had.
    of_written: usize,
}

/// How many of `samples` are written: one for each timestamp of a series.
fn written(samples: &[SeriesSample]) -> usize {
    samples
        .chunk_by(|a, b| (a.series, a.sample.timestamp_ms()) == (b.series, b.sample.timestamp_ms()))
        .count()
}

/// What a receiver refuses about a request, with its answer.
#[derive(Clone, Debug)]
enum Refusal {
    OfData(Response),
    OfSize(Response),
}

impl Refusal {
    fn answer(self) -> Response {
        match self {
            Self::OfData(answer) | Self::OfSize(answer) => answer,
        }
    }
}
