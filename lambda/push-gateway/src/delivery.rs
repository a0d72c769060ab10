//! Sends series and finds the outcome of each point.
//!
//! Lanes are sent at the same time, the requests of a lane one after the other. A rejected request is divided until the
//! points at fault are isolated. Once a sample could not be delivered, nothing later of its series is sent.
//!
//! Samples outside the time window of most receivers get their own requests. A receiver that keeps the valid
//! samples of a request it rejects (AMP) does not accept them a second time once they are behind its out-of-order
//! window, so valid samples are better not sent together with those that are not.
//!
//! Nothing here depends on HTTP, SQS or a format: the property tests replace the receiver by a function.

mod halves;

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::hash::BuildHasher;
use std::rc::Rc;
use std::time::Duration;

use aws::{Attempts, Cause, Failure, Response};
use futures_util::{StreamExt, stream};
use hashbrown::{DefaultHashBuilder, HashMap, HashSet};
use remote_write::{EncodedRequest, Origin, PlannedRequest, Sample, Series, SeriesId, lanes};
use tokio::time::Instant;

use crate::outcome::{Outcome, Reason};
use halves::{halves_by_origin, halves_by_size};

/// The limit of requests in flight. A full batch makes one or two, so this is for the odd large one.
const LANES_AT_ONCE: usize = 4;

/// The limit of requests that an invocation may spend on isolation. A workspace at its series limit rejects
/// everything, and one request for each point would gain nothing.
pub const MAX_ISOLATION_REQUESTS: u32 = 64;

/// AMP rejects samples older than an hour (its quotas page), a minute less for clocks that differ.
const OLD_MS: i64 = 59 * 60 * 1_000;

/// Prometheus and Cortex reject samples more than ten minutes ahead, a minute less for clocks that differ.
const AHEAD_MS: i64 = 9 * 60 * 1_000;

/// The meaning of a remote-write receiver's status for the samples of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The receiver has them.
    Written,
    /// The receiver rejects some of the data, and will reject it again.
    DataRejected,
    /// The request is too large; parts of it may be accepted.
    TooLarge,
    /// They cannot be written now: the receiver is unavailable, or the setup is wrong (credentials, permissions, URL).
    NotNow,
}

/// The meaning of `status`, for remote write alone. Total: undefined statuses are not about the data.
///
/// Remote write 1.0, "Retries & Backoff": a receiver answers 400 to data that it rejects. AMP and Cortex also use 409
/// and 422 (<https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-troubleshooting.html>).
pub fn classify(status: u16) -> Meaning {
    match status {
        200..=299 => Meaning::Written,
        400 | 409 | 422 => Meaning::DataRejected,
        413 => Meaning::TooLarge,
        _ => Meaning::NotNow,
    }
}

/// The limits of a delivery.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The time of day in milliseconds, by which samples are old or ahead.
    pub now_ms: i64,
    /// When sending has to end.
    pub deadline: Instant,
    /// The size limit of a request in bytes, decoded as well as compressed.
    pub max_request_bytes: usize,
}

/// The outcome of every point, and the figures.
#[derive(Debug, Default)]
pub struct Delivery {
    /// By origin; `None` while it is unknown.
    outcomes: Vec<Option<Outcome>>,
    /// The figures.
    pub figures: Figures,
}

/// The figures of a delivery.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Samples that the receiver accepted.
    pub samples: usize,
    /// Write requests, each counted once however often it was sent.
    pub requests: usize,
    /// Repeated attempts.
    pub retries: usize,
    /// Bytes of all requests, compressed.
    pub bytes: usize,
    /// The duration of each request with its retries.
    pub latencies: Vec<Duration>,
}

impl Delivery {
    /// The outcome of a point. An unknown one counts as not sent, so that even a mistake of ours loses nothing.
    pub fn outcome(&self, origin: Origin) -> Outcome {
        let known = self.outcomes.get(origin.0 as usize).cloned().flatten();
        known.unwrap_or_else(|| Outcome::Retry(Reason::NotSent.into()))
    }

    /// Sets the outcome of these samples' points, unless a worse one is known: a point that has to be sent again has all
    /// of its samples sent again.
    fn settle(&mut self, samples: &[Sample], outcome: &Outcome) {
        for sample in samples {
            let at = sample.origin.0 as usize;
            if at >= self.outcomes.len() {
                self.outcomes.resize(at + 1, None);
            }
            let known = self.outcomes[at].get_or_insert(Outcome::Delivered);
            if outcome.severity() > known.severity() {
                *known = outcome.clone();
            }
        }
    }

    fn count(&mut self, bytes: usize, attempts: Attempts) {
        let figures = &mut self.figures;
        if attempts.count > 0 {
            figures.requests += 1;
            figures.retries += attempts.count as usize - 1;
            figures.bytes += bytes;
            figures.latencies.push(attempts.elapsed);
        }
    }
}

/// Sends all of `series` with `send`, until the deadline.
pub async fn deliver(
    series: &Series,
    limits: Limits,
    send: &impl AsyncFn(EncodedRequest) -> Result<Response, Failure>,
) -> Delivery {
    let sender = Sender {
        series,
        limits,
        send,
        hasher: DefaultHashBuilder::default(),
        isolation_requests: Cell::new(MAX_ISOLATION_REQUESTS),
        blocked: RefCell::default(),
        delivery: RefCell::default(),
    };
    let parts = by_age(series.samples(), limits.now_ms);
    // One after the other, oldest first, because the same series may be in each.
    for (at, samples) in parts.iter().enumerate() {
        let is_last = at + 1 == parts.len();
        // Samples that are too old must not use up the requests that the others may need.
        let reserved_requests = if is_last { 0 } else { MAX_ISOLATION_REQUESTS / 2 };
        sender.send_part(samples, reserved_requests, is_last).await;
    }
    sender.delivery.into_inner()
}

/// Divides samples into those that are too old for most receivers, those that are not, and those too far ahead.
/// Nearly always, all are of one kind.
fn by_age(samples: &[Sample], now_ms: i64) -> Vec<Cow<'_, [Sample]>> {
    let age = |sample: &Sample| match sample.timestamp_ms {
        old if old < now_ms.saturating_sub(OLD_MS) => 0,
        ahead if ahead > now_ms.saturating_add(AHEAD_MS) => 2,
        _ => 1,
    };
    let Some(first) = samples.first().map(age) else { return Vec::new() };
    if samples.iter().all(|sample| age(sample) == first) {
        return vec![Cow::Borrowed(samples)];
    }
    let of_age = |kind| samples.iter().filter(|sample| age(sample) == kind).cloned().collect::<Vec<_>>();
    (0..=2).map(of_age).filter(|samples| !samples.is_empty()).map(Cow::Owned).collect()
}

/// Sends the samples of one delivery. Lanes have no series in common, so two of them never use the same state of a series.
struct Sender<'a, S> {
    series: &'a Series,
    limits: Limits,
    send: &'a S,
    hasher: DefaultHashBuilder,
    /// The number of requests that may still be spent on isolation.
    isolation_requests: Cell<u32>,
    /// Series of which a sample was not delivered, and why. Nothing later of them is sent.
    blocked: RefCell<HashMap<SeriesId, Rc<Reason>>>,
    /// Borrowed for a moment each time, never while a request is in flight.
    delivery: RefCell<Delivery>,
}

/// What a receiver rejects about a request, with its response.
#[derive(Clone, Debug)]
enum Rejection {
    Data(Response),
    Size(Response),
}

/// A part of a rejected request.
struct Part {
    samples: Vec<Sample>,
    /// The rejection of the request that it is a part of.
    rejection: Rejection,
    /// The number of samples in that request.
    written: usize,
}

impl<S: AsyncFn(EncodedRequest) -> Result<Response, Failure>> Sender<'_, S> {
    /// Sends `samples`, and leaves `reserved_requests` of the isolation requests to later parts. After the last part no series is sent again.
    async fn send_part(&self, samples: &[Sample], reserved_requests: u32, is_last: bool) {
        let plan = self.series.plan(samples, self.limits.max_request_bytes);
        // A payload can have hundreds of thousands of lanes; none is started after the deadline.
        let mut started = 0;
        let in_time = lanes(&plan).take_while(|lane| {
            let is_in_time = !self.is_late();
            started += if is_in_time { lane.len() } else { 0 };
            is_in_time
        });
        stream::iter(in_time)
            .for_each_concurrent(LANES_AT_ONCE, async |lane| {
                self.send_lane(samples, lane, reserved_requests).await;
                // There may be hundreds of thousands of series.
                if is_last {
                    self.unblock(lane.iter().flat_map(|planned| &samples[planned.samples.clone()]));
                }
            })
            .await;
        if let Some(first) = plan.get(started) {
            self.settle(&samples[first.samples.start..], &out_of_time());
        }
    }

    /// Sends the requests of `lane` one after the other.
    async fn send_lane(&self, samples: &[Sample], lane: &[PlannedRequest], reserved_requests: u32) {
        for planned in lane {
            let whole = &samples[planned.samples.clone()];
            if self.is_late() {
                self.settle(whole, &out_of_time());
                continue;
            }
            let whole = self.without_blocked(whole.to_vec());
            if whole.is_empty() {
                continue;
            }
            let request = self.series.encode(&whole);
            let hash = self.hasher.hash_one(&request.body);
            match self.send(request).await {
                Ok(None) => self.settle(&whole, &Outcome::Delivered),
                Ok(Some(rejection)) => self.isolate(&whole, hash, rejection, reserved_requests).await,
                Err(failure) => self.block(&whole, Reason::Failed(failure)),
            }
        }
    }

    /// Sends one request. `None` means that it was written.
    ///
    /// # Errors
    /// The reason why it could not be delivered now.
    async fn send(&self, request: EncodedRequest) -> Result<Option<Rejection>, Failure> {
        if self.is_late() {
            // Encoding takes time too.
            return Err(Cause::OutOfTime.into());
        }
        let (samples, bytes) = (request.samples, request.body.len());
        if bytes > self.limits.max_request_bytes {
            // Snappy makes a message of random bytes a little longer, and the receiver's answer is known.
            return Ok(Some(Rejection::Size(Response::new(413, "larger than a request may be"))));
        }
        let result = (self.send)(request).await;
        let mut delivery = self.delivery.borrow_mut();
        delivery.count(
            bytes,
            result.as_ref().map_or_else(|failure| failure.attempts, |response| response.attempts),
        );
        let response = result?;
        match classify(response.status) {
            Meaning::Written => {
                delivery.figures.samples += samples;
                Ok(None)
            }
            Meaning::DataRejected => Ok(Some(Rejection::Data(response))),
            Meaning::TooLarge => Ok(Some(Rejection::Size(response))),
            Meaning::NotNow => Err(Failure::answered(response)),
        }
    }

    /// Finds the points at fault in a rejected request by sending its parts, in time order and one after the other.
    /// `hash` is that of its body.
    async fn isolate(&self, rejected: &[Sample], hash: u64, rejection: Rejection, reserved_requests: u32) {
        // By the hashes of the bodies that were rejected: the same bytes are never sent again.
        let mut known: HashMap<u64, Rejection> = HashMap::new();
        known.insert(hash, rejection.clone());
        // Samples that a part delivered; they supersede the rest.
        let mut delivered: HashSet<(SeriesId, i64)> = HashSet::new();
        // The last one is next, so the later half goes below the earlier one.
        let mut parts = Vec::new();
        self.divide(rejected, rejection, &mut parts);
        while let Some(Part { samples, rejection, written }) = parts.pop() {
            let samples = self.without_superseded(self.without_blocked(samples), &delivered);
            if samples.is_empty() {
                continue;
            }
            let left = self.isolation_requests.get();
            let may_send = left > reserved_requests && !self.is_late();
            // A part that lacks only superseded samples has the bytes of the whole.
            let may_be_known = count_written(&samples) == written;
            if !may_send && !may_be_known {
                self.block(&samples, self.not_isolated(rejection));
                continue;
            }
            let request = self.series.encode(&samples);
            let hash = self.hasher.hash_one(&request.body);
            if let Some(rejection) = known.get(&hash).cloned() {
                self.divide(&samples, rejection, &mut parts);
                continue;
            }
            if !may_send {
                self.block(&samples, self.not_isolated(rejection));
                continue;
            }
            self.isolation_requests.set(left - 1);
            match self.send(request).await {
                Ok(None) => {
                    delivered.extend(samples.iter().map(|sample| (sample.series, sample.timestamp_ms)));
                    self.settle(&samples, &Outcome::Delivered);
                }
                Ok(Some(rejection)) => {
                    known.insert(hash, rejection.clone());
                    self.divide(&samples, rejection, &mut parts);
                }
                Err(failure) => self.block(&samples, Reason::Failed(failure)),
            }
        }
    }

    /// Adds the halves of a rejected part to `parts`, or settles the outcome of one that cannot be halved.
    fn divide(&self, samples: &[Sample], rejection: Rejection, parts: &mut Vec<Part>) {
        let halves = match &rejection {
            Rejection::Data(_) => halves_by_origin(samples),
            Rejection::Size(_) => halves_by_size(self.series, samples).or_else(|| halves_by_origin(samples)),
        };
        match (halves, rejection) {
            (Some((earlier, later)), rejection) => {
                let written = count_written(samples);
                parts.push(Part { samples: later, rejection: rejection.clone(), written });
                parts.push(Part { samples: earlier, rejection, written });
            }
            (None, Rejection::Data(response) | Rejection::Size(response)) => {
                self.settle(samples, &Outcome::rejected(&response));
            }
        }
    }

    /// The reason why a part of a rejected request is not sent.
    fn not_isolated(&self, rejection: Rejection) -> Reason {
        let (Rejection::Data(response) | Rejection::Size(response)) = rejection;
        if self.is_late() { Reason::Failed(Cause::OutOfTime.into()) } else { Reason::NotIsolated(response) }
    }

    fn is_late(&self) -> bool {
        Instant::now() >= self.limits.deadline
    }

    fn settle(&self, samples: &[Sample], outcome: &Outcome) {
        self.delivery.borrow_mut().settle(samples, outcome);
    }

    /// Settles samples that could not be delivered now, and blocks their series.
    fn block(&self, samples: &[Sample], reason: Reason) {
        let reason = Rc::new(reason);
        let mut blocked = self.blocked.borrow_mut();
        for sample in samples {
            blocked.entry(sample.series).or_insert_with(|| Rc::clone(&reason));
        }
        self.settle(samples, &Outcome::Retry(reason));
    }

    /// Forgets that the series of `samples` are blocked.
    fn unblock<'s>(&self, samples: impl Iterator<Item = &'s Sample>) {
        let mut blocked = self.blocked.borrow_mut();
        if !blocked.is_empty() {
            samples.for_each(|sample| drop(blocked.remove(&sample.series)));
        }
    }

    /// Removes the samples of blocked series, and settles them.
    fn without_blocked(&self, mut samples: Vec<Sample>) -> Vec<Sample> {
        let blocked = self.blocked.borrow();
        if !blocked.is_empty() {
            samples.retain(|sample| match blocked.get(&sample.series) {
                Some(reason) => {
                    self.settle(std::slice::from_ref(sample), &Outcome::Retry(Rc::clone(reason)));
                    false
                }
                None => true,
            });
        }
        samples
    }

    /// Removes the samples that a delivered part supersedes, and settles them.
    fn without_superseded(
        &self,
        mut samples: Vec<Sample>,
        delivered: &HashSet<(SeriesId, i64)>,
    ) -> Vec<Sample> {
        samples.retain(|sample| {
            let is_superseded = delivered.contains(&(sample.series, sample.timestamp_ms));
            if is_superseded {
                self.settle(std::slice::from_ref(sample), &Outcome::Delivered);
            }
            !is_superseded
        });
        samples
    }
}

/// The number of samples that a request of `samples` contains: one for each timestamp of a series.
fn count_written(samples: &[Sample]) -> usize {
    samples.chunk_by(|a, b| b.supersedes(a)).count()
}

fn out_of_time() -> Outcome {
    Outcome::Retry(Reason::Failed(Cause::OutOfTime.into()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_one_meaning() {
        for status in 100..=599 {
            let expected = match status {
                200..300 => Meaning::Written,
                413 => Meaning::TooLarge,
                _ if [400, 409, 422].contains(&status) => Meaning::DataRejected,
                _ => Meaning::NotNow,
            };
            assert_eq!(classify(status), expected, "{status}");
        }
    }
}
