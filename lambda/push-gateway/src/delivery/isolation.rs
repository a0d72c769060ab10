//! Finds the points at fault in a rejected request by sending its parts.
//!
//! A receiver may discard a request that it rejects (Prometheus) or keep its valid samples (AMP), and its answer does not
//! tell which. So every part is sent until it was accepted, or one point was rejected alone. Parts that share a series are
//! sent in the order of time.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::time::Duration;

use aws::{Failure, Patience, Response};
use futures_util::{StreamExt, stream};
use remote_write::{EncodedRequest, Sample, SeriesId};
use tokio::time::Instant;

use super::MAX_ISOLATION_REQUESTS;
use super::answer::{Answer, Rejection};
use super::halves::{disjoint, halves_by_origin, halves_by_size, points, probes};
use super::sender::{Sender, instant, is_one_point, out_of_time};
use super::steps::Age;
use crate::outcome::{Outcome, Reason};

/// The limit of parts of one request that are sent at the same time.
const GROUPS: usize = 4;

/// The requests that an invocation may spend on the isolation of one record, if that is more than an equal share.
const MIN_REQUESTS_OF_RECORD: u32 = 64;

/// What the isolation of one request has found.
struct Isolation {
    /// The rejections by the hash of the body: the same bytes are never sent again.
    rejections: RefCell<HashMap<u64, Rejection>>,
    /// The instants of a series for which there is more than one sample.
    contested: HashSet<(SeriesId, i64)>,
}

/// A part of a rejected request.
struct Part {
    samples: Vec<Sample>,
    /// The rejection of the request that it is a part of.
    rejection: Rejection,
    /// The number of samples in that request.
    written: usize,
    role: Role,
}

/// The place of a part in the request that was divided.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The half after this one is next.
    FirstHalf,
    /// Its first half was accepted, so this one has the fault.
    AtFault,
    Other,
}

impl Isolation {
    fn is_contested(&self, sample: &Sample) -> bool {
        self.contested.contains(&instant(sample))
    }
}

impl<S: AsyncFn(EncodedRequest, Patience) -> Result<Response, Failure>> Sender<'_, S> {
    /// Finds the points at fault in `rejected`, whose request had a body with this hash.
    pub(super) async fn isolate(&self, rejected: &[Sample], hash: u64, rejection: Rejection) {
        self.remember_delivered();
        self.reject_only_record(rejected, &rejection);
        let several = rejected.windows(2).filter(|pair| pair[1].supersedes(&pair[0]));
        let isolation = Isolation {
            rejections: RefCell::new(HashMap::from([(hash, rejection.clone())])),
            contested: several.map(|pair| instant(&pair[0])).collect(),
        };
        let groups = match rejection {
            Rejection::Data(_) if self.are_all_too_old(rejected, &isolation).await => return,
            Rejection::Data(_) => disjoint(rejected, GROUPS),
            Rejection::Size(_) => Vec::new(),
        };
        if groups.len() <= 1 {
            let mut parts = Vec::new();
            self.divide(rejected, rejection, &isolation, &mut parts);
            return self.isolate_parts(parts, &isolation).await;
        }
        let written = count_written(rejected);
        stream::iter(groups)
            .for_each_concurrent(GROUPS, async |samples| {
                let part = Part { samples, rejection: rejection.clone(), written, role: Role::Other };
                self.isolate_parts(vec![part], &isolation).await;
            })
            .await;
    }

    /// Sends `parts`, the last one first, and divides those that are rejected.
    async fn isolate_parts(&self, mut parts: Vec<Part>, isolation: &Isolation) {
        while let Some(Part { samples, rejection, written, role }) = parts.pop() {
            let samples = self.sendable(samples, |sample| isolation.is_contested(sample));
            if samples.is_empty() {
                continue;
            }
            // A part that lacks only superseded samples has the bytes of the whole.
            let may_be_known = count_written(&samples) == written;
            if role == Role::AtFault && !is_one_point(&samples) {
                self.divide(&samples, rejection, isolation, &mut parts);
                continue;
            }
            let may_send = self.may_isolate(&samples);
            if !may_send && !may_be_known {
                self.give_up(&samples, &rejection);
                continue;
            }
            let (request, hash) = self.encode(&samples);
            let known = isolation.rejections.borrow().get(&hash).cloned();
            if let Some(rejection) = known {
                self.divide(&samples, rejection, isolation, &mut parts);
                continue;
            }
            if !may_send {
                self.give_up(&samples, &rejection);
                continue;
            }
            self.isolation_requests.set(self.isolation_requests.get() - 1);
            match self.send(&samples, request, self.in_share(4, Duration::ZERO)).await {
                Answer::Done(outcome) => {
                    self.done(&samples, &outcome);
                    self.count_isolated(0, count_points(&samples));
                    if let (Role::FirstHalf, Some(second)) = (role, parts.last_mut()) {
                        second.role = Role::AtFault;
                    }
                }
                Answer::Rejected(rejection) => {
                    isolation.rejections.borrow_mut().insert(hash, rejection.clone());
                    self.reject_only_record(&samples, &rejection);
                    self.divide(&samples, rejection, isolation, &mut parts);
                }
                Answer::Failed(reason) => self.block(&samples, &reason),
                Answer::Busy(failure) => Box::pin(self.send_smaller(&samples, failure)).await,
            }
        }
    }

    /// Adds the halves of rejected `samples` to `parts`, or settles the outcome of what cannot be halved.
    fn divide(&self, samples: &[Sample], rejection: Rejection, isolation: &Isolation, parts: &mut Vec<Part>) {
        let written = count_written(samples);
        if matches!(rejection, Rejection::Data(_)) && self.are_most_rejected() && !is_one_point(samples) {
            let part = |samples| Part { samples, rejection: rejection.clone(), written, role: Role::Other };
            parts.extend(points(samples).into_iter().rev().map(part));
            return;
        }
        let halves = match &rejection {
            Rejection::Data(_) => halves_by_origin(samples),
            Rejection::Size(_) => halves_by_size(self.series, samples).or_else(|| halves_by_origin(samples)),
        };
        let role = match &rejection {
            Rejection::Data(_) => Role::FirstHalf,
            Rejection::Size(_) => Role::Other,
        };
        if let Some((earlier, later)) = halves {
            // The last one is next, so the later half goes below the earlier one.
            parts.push(Part { samples: later, rejection: rejection.clone(), written, role: Role::Other });
            parts.push(Part { samples: earlier, rejection, written, role });
            return;
        }
        self.settle(samples, &Outcome::rejected(rejection.response()));
        self.count_isolated(1, 0);
        // Samples of other points for the same instants are superseded only by what the receiver has.
        let contested: Vec<_> =
            samples.iter().filter(|sample| isolation.is_contested(sample)).cloned().collect();
        let smaller = if contested.len() < samples.len() {
            vec![contested]
        } else {
            halves_by_size(self.series, &contested)
                .map_or_else(Vec::new, |(first, second)| vec![second, first])
        };
        let part = |samples| Part { samples, rejection: rejection.clone(), written, role: Role::Other };
        parts.extend(smaller.into_iter().map(part));
    }

    /// Whether all of `rejected` are proven to be too old for the receiver, which are then settled. Of samples that are too
    /// old for AMP by its documentation, ten points stand for all if each of them is rejected alone.
    async fn are_all_too_old(&self, rejected: &[Sample], isolation: &Isolation) -> bool {
        if rejected.iter().any(|sample| self.ages.of(sample.timestamp_ms) != Age::Old) {
            return false;
        }
        let Some(probes) = probes(rejected) else { return false };
        let mut last = None;
        for origin in probes {
            if !self.may_isolate(&[]) {
                return false;
            }
            let samples: Vec<_> = rejected.iter().filter(|sample| sample.origin == origin).cloned().collect();
            let (request, hash) = self.encode(&samples);
            match self.send(&samples, request, self.in_share(4, Duration::ZERO)).await {
                Answer::Rejected(Rejection::Data(response)) => {
                    isolation.rejections.borrow_mut().insert(hash, Rejection::Data(response.clone()));
                    self.settle(&samples, &Outcome::rejected(&response));
                    last = Some(response);
                }
                Answer::Done(outcome) => {
                    self.done(&samples, &outcome);
                    return false;
                }
                Answer::Rejected(Rejection::Size(_)) => return false,
                answer @ (Answer::Failed(_) | Answer::Busy(_)) => {
                    Box::pin(self.settle_troubled(&samples, hash, answer)).await;
                    return false;
                }
            }
        }
        if let Some(response) = last {
            self.settle(rejected, &Outcome::rejected(&response));
        }
        true
    }

    /// Whether most points are rejected that were sent in isolation. Then halves are, too, and cost more than points.
    fn are_most_rejected(&self) -> bool {
        let (rejected, accepted) = self.isolated.get();
        rejected >= 8 && rejected >= accepted
    }

    fn count_isolated(&self, rejected: usize, accepted: usize) {
        let before = self.isolated.get();
        self.isolated.set((before.0 + rejected, before.1 + accepted));
    }

    /// Settles a record of which a request with nothing else in it was rejected, unless its parts may be accepted.
    fn reject_only_record(&self, samples: &[Sample], rejection: &Rejection) {
        if let (Some(record), Rejection::Data(response)) = (self.only_record(samples), rejection)
            && !self.with_parts.contains(&record)
        {
            self.reject_record(record, &Outcome::rejected(response));
        }
    }

    /// Whether another request may be spent on isolation, of these samples.
    pub(super) fn may_isolate(&self, samples: &[Sample]) -> bool {
        if self.isolation_requests.get() == 0 || self.is_late() || Instant::now() >= self.limits.isolate_until
        {
            return false;
        }
        let Some(record) = self.only_record(samples) else { return true };
        let mut spent = self.spent_on_record.borrow_mut();
        let spent = spent.entry(record).or_default();
        *spent += 1;
        *spent <= MIN_REQUESTS_OF_RECORD.max(MAX_ISOLATION_REQUESTS / self.records.max(1))
    }

    /// The record that all of `samples` are from, if it is one.
    fn only_record(&self, samples: &[Sample]) -> Option<u32> {
        let record = |sample: &Sample| self.record_of[sample.origin.0 as usize];
        let first = record(samples.first()?);
        samples.iter().all(|sample| record(sample) == first).then_some(first)
    }

    /// Settles samples of a rejected request of which no more is sent.
    fn give_up(&self, samples: &[Sample], rejection: &Rejection) {
        if let Some(outcome) = self.only_record(samples).and_then(|record| self.rejected_record(record)) {
            return self.settle(samples, &outcome);
        }
        let not_isolated = || Rc::new(Reason::NotIsolated(rejection.response().clone()));
        let reason = if self.is_late() { out_of_time() } else { not_isolated() };
        self.block(samples, &reason);
    }
}

fn count_points(samples: &[Sample]) -> usize {
    samples.iter().map(|sample| sample.origin).collect::<HashSet<_>>().len()
}

/// The number of samples that a request of `samples` contains: one for each timestamp of a series.
fn count_written(samples: &[Sample]) -> usize {
    samples.chunk_by(|a, b| b.supersedes(a)).count()
}
