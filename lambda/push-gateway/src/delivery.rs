//! Sends series and finds the outcome of each point.
//!
//! | module       | what it does                                                             |
//! |--------------|--------------------------------------------------------------------------|
//! | `steps`      | decides which samples are sent when                                      |
//! | `sender`     | sends the requests of a step, and keeps the outcomes                     |
//! | `answer`     | sends one request, and decides what its answer means                     |
//! | `isolation`  | divides a rejected request until the points at fault are isolated        |
//! | `smaller`    | divides a request that the receiver cannot take now                      |
//! | `halves`     | divides samples into parts that keep the order of each series            |
//!
//! Nothing here depends on HTTP, SQS or a format: the property tests replace the receiver by a function.

mod answer;
mod halves;
mod isolation;
mod sender;
mod smaller;
mod steps;

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use aws::{Attempts, Failure, Patience, Response};
use remote_write::{EncodedRequest, Origin, Sample, Series, Version};
use tokio::time::Instant;

use crate::outcome::{Outcome, Reason};
use sender::Sender;
use steps::{Ages, steps};

/// The limit of requests that an invocation may spend on isolation. Time is the usual limit; this one bounds the cost of
/// an invocation of many minutes.
pub const MAX_ISOLATION_REQUESTS: u32 = 5_000;

/// The meaning of a remote-write receiver's status for the samples of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The receiver has them.
    Written,
    /// The receiver has those of another replica and stored none of these.
    Deduplicated,
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
/// and 422 (<https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-troubleshooting.html>). Cortex answers 202 to
/// a replica that is not elected (<https://cortexmetrics.io/docs/guides/ha-pair-handling/>).
pub fn classify(status: u16) -> Meaning {
    match status {
        202 => Meaning::Deduplicated,
        200..=299 => Meaning::Written,
        400 | 409 | 422 => Meaning::DataRejected,
        413 => Meaning::TooLarge,
        _ => Meaning::NotNow,
    }
}

/// The limits of a delivery.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The time of day in milliseconds, by which samples are old.
    pub now_ms: i64,
    /// The receiver's out-of-order window in milliseconds.
    pub out_of_order_window_ms: i64,
    /// When the isolation of points at fault has to end.
    pub isolate_until: Instant,
    /// When sending has to end.
    pub deadline: Instant,
    /// The size limit of a request in bytes, decoded as well as compressed.
    pub max_request_bytes: usize,
}

/// The version of remote write in which is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// This one.
    Fixed(Version),
    /// 2.0 until the receiver turns out not to take it, then 1.0.
    Auto,
}

impl Default for Protocol {
    fn default() -> Self {
        Self::Fixed(Version::V1)
    }
}

/// The receiver, as far as it is known in this environment.
#[derive(Debug, Default)]
pub struct Receiver {
    protocol: Protocol,
    /// Whether it has turned out not to take 2.0.
    is_of_1: AtomicBool,
    /// Whether it has accepted a write request, so that a rejection is not caused by the URL.
    is_proven: AtomicBool,
    /// The newest timestamp that it has accepted, in milliseconds.
    newest_ms: AtomicI64,
}

/// The outcome of every point, and the figures.
#[derive(Debug, Default)]
pub struct Delivery {
    /// By origin; `None` while it is unknown.
    outcomes: Vec<Option<Outcome>>,
    /// Whether any point is rejected.
    has_rejected: bool,
    /// Records of which the receiver rejected a request with nothing else in it, without those that have parts.
    rejected_records: HashMap<u32, Outcome>,
    /// The figures.
    pub figures: Figures,
}

/// The figures of a delivery.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Samples that the receiver accepted.
    pub samples: usize,
    /// Write requests. Attempts of the client to send the same one again are retries.
    pub requests: usize,
    /// Repeated attempts.
    pub retries: usize,
    /// Bytes of all requests, compressed.
    pub bytes: usize,
    /// The duration of each request with its retries.
    pub latencies: Vec<Duration>,
}

/// The samples that the receiver has, by the kind of their values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Floats.
    pub floats: usize,
    /// Native histograms.
    pub histograms: usize,
    /// Samples that were replaced by one of these, with the same series and timestamp.
    pub replaced: usize,
}

impl Written {
    /// All of them, with those that were replaced.
    pub fn samples(&self) -> usize {
        self.floats + self.histograms + self.replaced
    }
}

impl Receiver {
    /// A receiver of which nothing is known.
    pub fn new(protocol: Protocol) -> Self {
        Self { protocol, ..Self::default() }
    }

    /// The version in which is written now.
    pub fn version(&self) -> Version {
        match self.protocol {
            Protocol::Fixed(version) => version,
            Protocol::Auto if self.is_of_1.load(Ordering::Relaxed) => Version::V1,
            Protocol::Auto => Version::V2,
        }
    }

    /// Whether `response` to a request of `version` shows that 1.0 has to be written from now on, this request too.
    ///
    /// Remote write 2.0, "Protocol Versions and Negotiation": a receiver of 1.0 answers 415, or reads a message without
    /// series and sends no number of written samples, or 0. Some answer 400 instead, as receivers of 2.0 do to invalid data.
    /// Other requests of 2.0 may be in flight then, although one of 1.0 proves the receiver before they are answered.
    fn falls_back(&self, version: Version, response: &Response) -> bool {
        let is_silent = response.written.is_none();
        let may_be_of_1 = !self.is_proven() || self.is_of_1.load(Ordering::Relaxed);
        let has_none = response.written == Some(0) && may_be_of_1;
        let falls_back = self.protocol == Protocol::Auto
            && version == Version::V2
            && match response.status {
                415 => true,
                400 => is_silent && may_be_of_1,
                _ => (is_silent || has_none) && response.is_stored(),
            };
        if falls_back && !self.is_of_1.swap(true, Ordering::Relaxed) {
            tracing::warn!(%response, "The receiver does not take remote write 2.0; 1.0 is written from now on.");
        }
        falls_back
    }

    fn is_proven(&self) -> bool {
        self.is_proven.load(Ordering::Relaxed)
    }

    fn prove(&self) {
        self.is_proven.store(true, Ordering::Relaxed);
    }

    /// The newest timestamp that the receiver has, or will have after `samples`.
    fn newest_ms(&self, samples: &[Sample]) -> i64 {
        let newest = samples.iter().map(|sample| sample.timestamp_ms).max().unwrap_or_default();
        newest.max(self.newest_ms.load(Ordering::Relaxed))
    }

    fn accept(&self, samples: &[Sample]) {
        self.newest_ms.fetch_max(self.newest_ms(samples), Ordering::Relaxed);
    }
}

impl Delivery {
    /// The outcome of a record with points of these origins: the worst of them. An unknown one counts as not sent, so that
    /// even a mistake of ours loses nothing.
    pub fn outcome(&self, origins: Range<u32>) -> Outcome {
        if origins.is_empty() {
            // Nothing to deliver.
            return Outcome::Delivered;
        }
        let of_record = self.rejected_records.get(&origins.start).cloned();
        let of_points = self.outcome_of_points(origins);
        of_record.into_iter().chain([of_points]).max_by_key(Outcome::severity).unwrap_or(Outcome::Delivered)
    }

    /// The worst outcome of some points, of which each stands for itself.
    pub fn outcome_of_points(&self, origins: Range<u32>) -> Outcome {
        let of_points = origins.map(|origin| {
            let known = self.outcomes.get(origin as usize).cloned().flatten();
            known.unwrap_or_else(|| Outcome::Retry(Reason::NotSent.into()))
        });
        of_points.max_by_key(Outcome::severity).unwrap_or(Outcome::Delivered)
    }

    /// The outcome of the first of some points that has to be delivered again.
    pub fn retry(&self, origins: Range<u32>) -> Option<Outcome> {
        let known = origins.filter_map(|origin| self.outcomes.get(origin as usize).cloned().flatten());
        known.into_iter().find(Outcome::is_retry)
    }

    /// The samples of `series` that the receiver has.
    pub fn written(&self, series: &Series) -> Written {
        let mut written = Written::default();
        let is_delivered = |sample: &&Sample| {
            matches!(self.outcomes.get(sample.origin.0 as usize), Some(Some(Outcome::Delivered)))
        };
        for instant in series.samples().chunk_by(|a, b| b.supersedes(a)) {
            let mut delivered = instant.iter().filter(is_delivered);
            if let Some(last) = delivered.next_back() {
                let is_float = !last.value.is_histogram();
                *(if is_float { &mut written.floats } else { &mut written.histograms }) += 1;
                written.replaced += delivered.count();
            }
        }
        written
    }

    /// The number of points that the receiver rejects.
    pub fn rejected(&self, origins: impl Iterator<Item = u32>) -> usize {
        origins.filter(|&origin| self.is_rejected(Origin(origin))).count()
    }

    fn is_rejected(&self, origin: Origin) -> bool {
        matches!(self.outcomes.get(origin.0 as usize), Some(Some(Outcome::Rejected { .. })))
    }

    /// Sets the outcome of these samples' points, unless a worse one is known: a point that has to be sent again has all
    /// of its samples sent again.
    fn settle(&mut self, samples: &[Sample], outcome: &Outcome) {
        self.has_rejected |= outcome.is_rejected();
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

/// Sends all of `series` with `send`, until the deadline. `record_of` has the record of each origin, by the origin of its
/// first point; those `with_parts` are records whose points do not depend on each other.
pub async fn deliver(
    series: &Series,
    record_of: &[u32],
    with_parts: &HashSet<u32>,
    limits: Limits,
    receiver: &Receiver,
    send: &impl AsyncFn(EncodedRequest, Patience) -> Result<Response, Failure>,
) -> Delivery {
    let ages = Ages {
        now: limits.now_ms,
        newest: limits.now_ms.max(receiver.newest_ms(series.samples())),
        window: limits.out_of_order_window_ms,
    };
    let sender = Sender::new(series, record_of, with_parts, limits, ages, receiver, send);
    if sender.is_late() {
        sender.block(series.samples(), &sender::out_of_time());
        return sender.into_delivery();
    }
    let steps = steps(series, record_of, &ages, limits.max_request_bytes);
    let mut weight_left: u32 = steps.iter().map(|step| step.weight).sum();
    for step in steps {
        let step_ends = sender::share_until(limits.deadline, step.weight, weight_left);
        weight_left -= step.weight;
        let slices = step.slices.len();
        for (at, slice) in step.slices.into_iter().enumerate() {
            // A slice that takes long leaves time for those after it.
            let is_last = at + 1 == slices;
            sender.end_at(if is_last { step_ends } else { sender::share_until(step_ends, 1, 4) });
            sender.send_slice(slice).await;
        }
    }
    sender.into_delivery()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_one_meaning() {
        for status in 100..=599 {
            let expected = match status {
                202 => Meaning::Deduplicated,
                200..300 => Meaning::Written,
                413 => Meaning::TooLarge,
                _ if [400, 409, 422].contains(&status) => Meaning::DataRejected,
                _ => Meaning::NotNow,
            };
            assert_eq!(classify(status), expected, "{status}");
        }
    }
}
