//! Plans write requests, each within a size, in lanes.
//!
//! A lane is a sequence of requests that have to be sent one after the other, because they share a series whose
//! samples must arrive in order. Different lanes have no series in common and may be sent at the same time (remote
//! write 1.0: parallel requests are fine as long as the samples of a series stay in order).
//!
//! A request is planned as a range of samples and encoded only when it is sent. One payload of 6 MB can name a
//! hundred thousand metrics under one large label set, which on the wire are gigabytes.

use std::ops::Range;

use crate::encode::{Version, timeseries};
use crate::sample::Sample;
use crate::series::Series;
use crate::symbols::Size;

/// The size limit of one request, decoded as well as compressed. AMP accepts 1 MB and does not say which of the two;
/// Cortex, whose error texts AMP returns, applies its limit to both.
pub const MAX_REQUEST_BYTES: usize = 1_000_000;

/// A request that has yet to be encoded and sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedRequest {
    /// Its samples, by their places among those that were planned.
    pub samples: Range<usize>,
    /// Whether it is in the lane of the request before it.
    pub continues: bool,
}

/// Divides a plan into its lanes.
pub fn lanes(plan: &[PlannedRequest]) -> impl Iterator<Item = &[PlannedRequest]> {
    plan.chunk_by(|_, next| next.continues)
}

impl Series {
    /// Plans as few requests of at most `max_bytes` decoded bytes as possible for `samples`, which are some of
    /// [`Series::samples`] in the same order.
    ///
    /// Series stay whole where that needs no more requests, because then every request is a lane of its own.
    /// Otherwise a series may continue in the next request of the same lane. A series that alone is larger than
    /// `max_bytes` always does. A sample is never split, and neither are samples that supersede each other, so only a
    /// sample that is too large itself (see [`crate::Point::oversized`]) makes a request larger than `max_bytes`.
    pub fn plan(&self, samples: &[Sample], max_bytes: usize, version: Version) -> Vec<PlannedRequest> {
        let whole = self.pack(samples, max_bytes, version, Cut::OnlyOversized);
        if whole.len() <= 1 || whole.len() <= self.encoded_len(samples, version).div_ceil(max_bytes) {
            return whole;
        }
        let cut = self.pack(samples, max_bytes, version, Cut::Anywhere);
        if cut.len() < whole.len() { cut } else { whole }
    }

    fn pack(&self, samples: &[Sample], max_bytes: usize, version: Version, cut: Cut) -> Vec<PlannedRequest> {
        let mut packer = Packer { samples, plan: Vec::new(), start: 0 };
        let mut size = Size::new(self, version);
        let mut at = 0;
        for run in timeseries(samples, version) {
            let series = run[0].series;
            // A request that does not take the series is closed, and its symbols are dropped with it.
            let mut head = size.head(series);
            let len = head.len(self.samples_len(run, version));
            if size.len + len <= max_bytes {
                size.len += len;
            } else if cut == Cut::OnlyOversized && self.encoded_len(run, version) <= max_bytes {
                packer.close(at);
                size = Size::new(self, version);
                size.len += size.head(series).len(self.samples_len(run, version));
            } else {
                // Sample by sample; `in_request` is what this series has in the open request.
                let (mut in_request, mut from) = (0, 0);
                for same in run.chunk_by(|a, b| b.supersedes(a)) {
                    let one = self.samples_len(same, version);
                    if size.len + head.len(in_request + one) > max_bytes {
                        packer.close(at + from);
                        size = Size::new(self, version);
                        head = size.head(series);
                        in_request = 0;
                    }
                    in_request += one;
                    from += same.len();
                }
                size.len += head.len(in_request);
            }
            at += run.len();
        }
        packer.close(at);
        packer.plan
    }
}

/// Where a series may be cut in two.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// Only a series that does not fit into one request.
    OnlyOversized,
    /// Any series that does not fit into the rest of a request.
    Anywhere,
}

/// The requests that are closed, and the beginning of the open one.
struct Packer<'s> {
    samples: &'s [Sample],
    plan: Vec<PlannedRequest>,
    /// The first sample of the open request.
    start: usize,
}

impl Packer<'_> {
    /// Closes the open request before sample `end`.
    fn close(&mut self, end: usize) {
        if end == self.start {
            return;
        }
        let series = |at: usize| self.samples[at].series;
        let continues = self.start > 0 && series(self.start - 1) == series(self.start);
        self.plan.push(PlannedRequest { samples: self.start..end, continues });
        self.start = end;
    }
}
