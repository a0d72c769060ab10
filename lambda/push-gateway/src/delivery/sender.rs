//! Sends the requests of one slice after the other, and keeps the outcome of every point.
//!
//! Lanes are sent at the same time, the requests of a lane one after the other. A lane whose request is rejected, or
//! cannot be taken now, is continued after all others were sent once.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;
use std::rc::Rc;
use std::time::Duration;

use aws::{Cause, Failure, Patience, Response};
use futures_util::{StreamExt, stream};
use hashbrown::DefaultHashBuilder;
use remote_write::{EncodedRequest, PlannedRequest, Sample, Series, SeriesId, lanes};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::answer::Answer;
use super::steps::{Age, Ages, Slice};
use super::{Delivery, Limits, MAX_ISOLATION_REQUESTS, Receiver};
use crate::outcome::{Outcome, Reason};

/// The limit of lanes in flight. A full batch makes one or two, so this is for the odd large one.
const LANES_AT_ONCE: usize = 4;

/// Sends the samples of one delivery. Lanes have no series in common, so two of them never use the same state of a series.
pub(super) struct Sender<'a, S> {
    pub(super) series: &'a Series,
    pub(super) record_of: &'a [u32],
    /// The records whose points do not depend on each other.
    pub(super) with_parts: &'a HashSet<u32>,
    /// The number of records.
    pub(super) records: u32,
    pub(super) limits: Limits,
    pub(super) ages: Ages,
    pub(super) receiver: &'a Receiver,
    pub(super) send: &'a S,
    hasher: DefaultHashBuilder,
    /// When the current step has to end.
    until: Cell<Instant>,
    /// The number of requests that may still be spent on isolation.
    pub(super) isolation_requests: Cell<u32>,
    /// The points that were rejected alone, and those that were accepted, in isolation.
    pub(super) isolated: Cell<(usize, usize)>,
    /// The number of requests spent on the isolation of one record, by record.
    pub(super) spent_on_record: RefCell<HashMap<u32, u32>>,
    /// The number of requests since the last one that the receiver took.
    pub(super) failures_in_a_row: Cell<u32>,
    /// By series of which a sample was not delivered: the reason. Nothing later of them is sent.
    blocked: RefCell<Vec<Option<Rc<Reason>>>>,
    /// By series: whether a sample of it was delivered.
    is_written: RefCell<Vec<bool>>,
    /// Samples that were delivered since a request was divided; each supersedes the rest of its instant.
    delivered: RefCell<Option<HashSet<(SeriesId, i64)>>>,
    /// The reason to send nothing more: the URL is not that of a receiver.
    pub(super) wrong_url: RefCell<Option<Rc<Reason>>>,
    /// Locked while the receiver is tested.
    pub(super) testing: Mutex<()>,
    /// Borrowed for a moment each time, never while a request is in flight.
    pub(super) delivery: RefCell<Delivery>,
}

/// Requests that have to be sent one after the other.
#[derive(Clone, Copy)]
struct Lane<'a> {
    samples: &'a [Sample],
    requests: &'a [PlannedRequest],
}

/// A lane that needs more requests than planned.
struct Troubled<'a> {
    /// The samples of its request, with the hash of the body and the answer.
    samples: Vec<Sample>,
    hash: u64,
    answer: Answer,
    /// The requests after it.
    rest: Lane<'a>,
}

impl<'a, S: AsyncFn(EncodedRequest, Patience) -> Result<Response, Failure>> Sender<'a, S> {
    pub(super) fn new(
        series: &'a Series,
        record_of: &'a [u32],
        with_parts: &'a HashSet<u32>,
        limits: Limits,
        ages: Ages,
        receiver: &'a Receiver,
        send: &'a S,
    ) -> Self {
        Self {
            series,
            record_of,
            with_parts,
            records: (0..).zip(record_of).map(|(at, &record): (u32, _)| u32::from(at == record)).sum(),
            limits,
            ages,
            receiver,
            send,
            hasher: DefaultHashBuilder::default(),
            until: Cell::new(limits.deadline),
            isolation_requests: Cell::new(MAX_ISOLATION_REQUESTS),
            isolated: Cell::default(),
            spent_on_record: RefCell::default(),
            failures_in_a_row: Cell::new(0),
            blocked: RefCell::default(),
            is_written: RefCell::default(),
            delivered: RefCell::default(),
            wrong_url: RefCell::default(),
            testing: Mutex::default(),
            delivery: RefCell::default(),
        }
    }

    pub(super) fn into_delivery(self) -> Delivery {
        self.delivery.into_inner()
    }

    /// Sets when the samples that are sent next have to be done.
    pub(super) fn end_at(&self, until: Instant) {
        self.until.set(until);
    }

    /// Sends the samples of a slice.
    ///
    /// The first late sample of each series is sent before the rest. A receiver that keeps the valid samples of a request
    /// that it rejects (AMP) does not accept late ones a second time, except for the newest of a series. So a request that
    /// may be rejected has one sample of each. Once one of a series was accepted, the rest is in order.
    pub(super) async fn send_slice(&self, slice: Slice<'_>) {
        let mut rest = slice.samples;
        while slice.age == Age::Late && self.is_risky(&rest) {
            if self.is_late() || !self.may_isolate(&[]) {
                let is_unknown = |sample: &&Sample| !self.is_known(sample.series);
                let unknown: Vec<_> = rest.iter().filter(is_unknown).cloned().collect();
                self.block(&unknown, &out_of_time());
                break;
            }
            let (first, later) = self.first_instants(&rest);
            drop(rest);
            self.send_all(&first).await;
            rest = Cow::Owned(later);
        }
        self.send_all(&rest).await;
    }

    /// Whether nothing of a series has to be sent before the rest: a sample was delivered, or it is blocked.
    fn is_known(&self, series: SeriesId) -> bool {
        let at = series.index();
        self.is_written.borrow().get(at) == Some(&true)
            || self.blocked.borrow().get(at).is_some_and(Option::is_some)
    }

    /// Whether a request of `samples` may be rejected for a series of which nothing was delivered yet, and has several
    /// samples of one series, which would then be sent again.
    fn is_risky(&self, samples: &[Sample]) -> bool {
        let is_several = |pair: &[Sample]| {
            pair[0].series == pair[1].series && pair[0].timestamp_ms != pair[1].timestamp_ms
        };
        samples.windows(2).any(is_several) && samples.iter().any(|sample| !self.is_known(sample.series))
    }

    /// The samples at the first timestamp of each series of which nothing was delivered yet, and the rest.
    fn first_instants(&self, samples: &[Sample]) -> (Vec<Sample>, Vec<Sample>) {
        let (mut first, mut later) = (Vec::new(), Vec::new());
        for run in samples.chunk_by(|a, b| a.series == b.series) {
            let instant = run.iter().take_while(|sample| sample.timestamp_ms == run[0].timestamp_ms).count();
            let (sent, rest) = run.split_at(if self.is_known(run[0].series) { 0 } else { instant });
            first.extend_from_slice(sent);
            later.extend_from_slice(rest);
        }
        (first, later)
    }

    /// Sends samples that are in the order of [`Series::samples`].
    async fn send_all(&self, samples: &[Sample]) {
        if self.is_late() {
            return self.block(samples, &out_of_time());
        }
        let groups = self.series.by_replica(samples);
        let version = self.receiver.version();
        let plan =
            |group: &Cow<'_, [Sample]>| self.series.plan(group, self.limits.max_request_bytes, version);
        let plans: Vec<_> = groups.iter().map(plan).collect();
        // A payload can have hundreds of thousands of lanes; none is started after the deadline.
        let mut all = groups
            .iter()
            .zip(&plans)
            .flat_map(|(samples, plan)| lanes(plan).map(|requests| Lane { samples, requests }));
        let in_time = all.by_ref().take_while(|lane| {
            let is_late = self.is_late();
            if is_late {
                self.block_lane(*lane);
            }
            !is_late
        });
        let troubled = RefCell::new(Vec::new());
        stream::iter(in_time)
            .for_each_concurrent(LANES_AT_ONCE, async |lane| {
                let more = self.send_lane(lane).await;
                troubled.borrow_mut().extend(more);
            })
            .await;
        all.for_each(|lane| self.block_lane(lane));
        stream::iter(troubled.into_inner())
            .for_each_concurrent(LANES_AT_ONCE, async |troubled| {
                let mut next = Some(troubled);
                while let Some(Troubled { samples, hash, answer, rest }) = next {
                    self.settle_troubled(&samples, hash, answer).await;
                    next = self.send_lane(rest).await;
                }
            })
            .await;
    }

    /// Sends the requests of `lane` one after the other, up to the first that needs more requests.
    async fn send_lane<'l>(&self, lane: Lane<'l>) -> Option<Troubled<'l>> {
        for (at, planned) in lane.requests.iter().enumerate() {
            let samples = self.sendable(lane.samples[planned.samples.clone()].to_vec(), |_| false);
            if samples.is_empty() {
                continue;
            }
            let (request, hash) = self.encode(&samples);
            match self.send(&samples, request, self.in_share(4, Duration::ZERO)).await {
                Answer::Done(outcome) => self.done(&samples, &outcome),
                Answer::Failed(reason) => self.block(&samples, &reason),
                // It is known at once, and there may be hundreds of lanes of the same point.
                answer @ Answer::Rejected(_) if is_one_point(&samples) => {
                    self.isolation_requests.set(self.isolation_requests.get().saturating_sub(1));
                    self.settle_troubled(&samples, hash, answer).await;
                }
                answer => {
                    let rest = Lane { requests: &lane.requests[at + 1..], ..lane };
                    return Some(Troubled { samples, hash, answer, rest });
                }
            }
        }
        None
    }

    /// Finds the outcomes of `samples`, whose request had this answer.
    pub(super) async fn settle_troubled(&self, samples: &[Sample], hash: u64, answer: Answer) {
        match answer {
            Answer::Done(outcome) => self.done(samples, &outcome),
            Answer::Failed(reason) => self.block(samples, &reason),
            Answer::Rejected(rejection) => self.isolate(samples, hash, rejection).await,
            Answer::Busy(failure) => self.send_smaller(samples, failure).await,
        }
    }

    /// Encodes a request, and hashes its body.
    pub(super) fn encode(&self, samples: &[Sample]) -> (EncodedRequest, u64) {
        let request = self.series.encode(samples, self.receiver.version());
        let hash = self.hasher.hash_one(&request.body);
        (request, hash)
    }

    /// Whether the time is used up.
    pub(super) fn is_late(&self) -> bool {
        Instant::now() >= self.until.get()
    }

    /// The end of the time.
    pub(super) fn until(&self) -> Instant {
        self.until.get()
    }

    /// The end of one of `shares` equal shares of the time that the step has left, but at least of `least`.
    pub(super) fn in_share(&self, shares: u32, least: Duration) -> Instant {
        Instant::now() + (time_left(self.until.get()) / shares).max(least)
    }

    /// Settles samples that the receiver has.
    pub(super) fn done(&self, samples: &[Sample], outcome: &Outcome) {
        self.settle(samples, outcome);
        self.receiver.accept(samples);
        let mut is_written = self.is_written.borrow_mut();
        is_written.resize(self.series.count(), false);
        for sample in samples {
            is_written[sample.series.index()] = true;
        }
        if let Some(delivered) = &mut *self.delivered.borrow_mut() {
            delivered.extend(samples.iter().map(instant));
        }
    }

    /// Begins to remember the samples that are delivered, because others for the same instants may be sent.
    pub(super) fn remember_delivered(&self) {
        self.delivered.borrow_mut().get_or_insert_default();
    }

    /// The outcome of a record of which a request with nothing else in it was rejected.
    pub(super) fn rejected_record(&self, record: u32) -> Option<Outcome> {
        self.delivery.borrow().rejected_records.get(&record).cloned()
    }

    pub(super) fn settle(&self, samples: &[Sample], outcome: &Outcome) {
        self.delivery.borrow_mut().settle(samples, outcome);
    }

    /// Settles the samples of a lane for which there is no time.
    fn block_lane(&self, lane: Lane<'_>) {
        for planned in lane.requests {
            self.block(&lane.samples[planned.samples.clone()], &out_of_time());
        }
    }

    /// Settles a record of which a request with nothing else in it was rejected.
    pub(super) fn reject_record(&self, record: u32, outcome: &Outcome) {
        self.delivery.borrow_mut().rejected_records.insert(record, outcome.clone());
    }

    /// Settles samples that could not be delivered now, and blocks their series.
    pub(super) fn block(&self, samples: &[Sample], reason: &Rc<Reason>) {
        let mut blocked = self.blocked.borrow_mut();
        blocked.resize(self.series.count(), None);
        for sample in samples {
            blocked[sample.series.index()].get_or_insert_with(|| Rc::clone(reason));
        }
        self.settle(samples, &Outcome::Retry(Rc::clone(reason)));
    }

    /// Removes the samples of blocked series and those that are superseded by a delivered one, and settles them. Removes
    /// those of rejected points, which need no more requests, except those to keep.
    pub(super) fn sendable(&self, mut samples: Vec<Sample>, keep: impl Fn(&Sample) -> bool) -> Vec<Sample> {
        let (blocked, delivered) = (self.blocked.borrow(), self.delivered.borrow());
        let mut delivery = self.delivery.borrow_mut();
        if blocked.is_empty() && delivered.is_none() && !delivery.has_rejected {
            return samples;
        }
        samples.retain(|sample| {
            let outcome = match blocked.get(sample.series.index()) {
                Some(Some(reason)) => Outcome::Retry(Rc::clone(reason)),
                _ if delivered.as_ref().is_some_and(|delivered| delivered.contains(&instant(sample))) => {
                    Outcome::Delivered
                }
                _ => return keep(sample) || !delivery.is_rejected(sample.origin),
            };
            delivery.settle(std::slice::from_ref(sample), &outcome);
            false
        });
        samples
    }
}

/// The end of one of several shares of the time until `end`.
pub(super) fn share_until(end: Instant, weight: u32, weight_left: u32) -> Instant {
    Instant::now() + time_left(end) * weight / weight_left
}

fn time_left(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now())
}

pub(super) fn out_of_time() -> Rc<Reason> {
    Reason::Failed(Cause::OutOfTime.into()).into()
}

/// Whether all of `samples` are of one point.
pub(super) fn is_one_point(samples: &[Sample]) -> bool {
    samples.iter().all(|sample| sample.origin == samples[0].origin)
}

/// The series and timestamp of a sample.
pub(super) fn instant(sample: &Sample) -> (SeriesId, i64) {
    (sample.series, sample.timestamp_ms)
}
