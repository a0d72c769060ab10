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

mod lane;

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use aws::{Cause, Failure, Response};
use futures_util::StreamExt;
use futures_util::stream;
use remote_write::{EncodedRequest, Origin, Series, SeriesSample, lanes};
use tokio::time::Instant;

use lane::{HeldBack, Shared, send_lane};

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
    Rejected(Rc<Response>),
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
        answer: Response,
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

/// What the status of a remote-write receiver means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The receiver has the samples.
    Written,
    /// The receiver rejects the data; parts of it may be fine.
    Rejected,
    /// The receiver takes only smaller requests.
    TooLarge,
    /// It could not be delivered now.
    NotNow,
}

/// The meaning of `status`, for remote write alone.
pub fn classify(status: u16) -> Meaning {
    match status {
        200..=299 => Meaning::Written,
        400 | 409 | 422 => Meaning::Rejected,
        413 => Meaning::TooLarge,
        _ => Meaning::NotNow,
    }
}

/// A request as it went, and how long it took.
#[derive(Debug)]
pub struct Timed {
    /// What became of it.
    pub response: Result<Response, Failure>,
    /// How long that took, in milliseconds.
    pub latency_ms: f64,
}

/// What became of every origin, and the figures.
#[derive(Debug, Default)]
pub struct Delivery {
    /// By origin, which are dense; `None` where nothing is known.
    fates: Vec<Option<Fate>>,
    /// What was done.
    pub figures: Figures,
}

impl Delivery {
    /// What became of the samples of `origin`. One that nothing is known of counts as not delivered, so that even a
    /// mistake of ours loses nothing.
    pub fn fate(&self, origin: Origin) -> Fate {
        let known = self.fates.get(origin.0 as usize).cloned().flatten();
        known.unwrap_or_else(|| Fate::NotDelivered(Rc::new(NotDelivered::Unsettled)))
    }

    /// A failure outweighs a rejection, because what is tried again is refused again, and either outweighs success.
    fn settle(&mut self, origin: Origin, fate: &Fate) {
        let at = origin.0 as usize;
        if at >= self.fates.len() {
            self.fates.resize(at + 1, None);
        }
        let known = self.fates[at].get_or_insert(Fate::Delivered);
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
    let out_of_time = Rc::new(NotDelivered::Failed(Cause::OutOfTime.into()));
    let (result, mut held_back) = (RefCell::new(Delivery::default()), HeldBack::new());
    let parts = by_prospect(series.samples(), limits.now_ms);
    // One after the other, oldest first, because the same series may be in each.
    for (at, samples) in parts.iter().enumerate() {
        let is_last = at + 1 == parts.len();
        // What is hopeless must not use up what the rest may need.
        let reserved_requests = if is_last { 0 } else { MAX_EXTRA_REQUESTS / 2 };
        let plan = series.plan(samples, limits.max_request_bytes);
        let shared = Shared {
            series,
            samples,
            limits,
            send,
            extra_requests: &extra_requests,
            reserved_requests,
            out_of_time: Rc::clone(&out_of_time),
            held_back: &held_back,
            result: &result,
        };
        // A payload can have hundreds of thousands of lanes; none is started after the deadline.
        let begun = Cell::new(0);
        let in_time = lanes(&plan).take_while(|lane| {
            let is_in_time = Instant::now() < limits.deadline;
            begun.set(begun.get() + if is_in_time { lane.len() } else { 0 });
            is_in_time
        });
        let later = stream::iter(in_time)
            .map(|lane| send_lane(&shared, lane))
            .buffer_unordered(LANES_AT_ONCE)
            .fold(HeldBack::new(), async |mut later, held_back| {
                // After the last part nothing is left to hold back, and there may be hundreds of thousands of series.
                if !is_last {
                    later.extend(held_back);
                }
                later
            })
            .await;
        held_back.extend(later);
        if let Some(first) = plan.get(begun.get()) {
            let fate = Fate::NotDelivered(Rc::clone(&out_of_time));
            result.borrow_mut().settle_all(&samples[first.samples.start..], &fate);
        }
    }
    result.into_inner()
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
