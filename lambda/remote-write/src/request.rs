//! Plans write requests, each within a size, in lanes.
//!
//! A lane is a sequence of requests that have to be sent one after the other, because they share a series whose
//! samples must arrive in order. Different lanes have no series in common and may be sent at the same time (remote
//! write 1.0: parallel requests are fine as long as the samples of a series stay in order).
//!
//! A request is planned as a range of samples and encoded only when it is sent. One payload of 6 MB can name a
//! hundred thousand metrics under one large label set, which on the wire are gigabytes.

use std::ops::Range;

use crate::sample::Sample;
use crate::series::Series;
use crate::wire;

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
    pub fn plan(&self, samples: &[Sample], max_bytes: usize) -> Vec<PlannedRequest> {
        let whole = self.pack(samples, max_bytes, Cut::OnlyOversized);
        if whole.len() <= 1 || whole.len() <= self.encoded_len(samples).div_ceil(max_bytes) {
            return whole;
        }
        let cut = self.pack(samples, max_bytes, Cut::Anywhere);
        if cut.len() < whole.len() { cut } else { whole }
    }

    fn pack(&self, samples: &[Sample], max_bytes: usize, cut: Cut) -> Vec<PlannedRequest> {
        let mut packer = Packer { plan: Vec::new(), start: 0, len: 0, continues: false };
        let mut at = 0;
        for run in samples.chunk_by(|a, b| a.series == b.series) {
            let labels = self.label_fields(run[0].series);
            let whole_len = self.encoded_len(run);
            let fits = packer.len + whole_len <= max_bytes;
            let oversized = whole_len > max_bytes;
            if fits {
                packer.len += whole_len;
            } else if !oversized && cut == Cut::OnlyOversized {
                packer.close(at, false);
                packer.len = whole_len;
            } else {
                // Sample by sample; `samples_len` is what this series has in the open request.
                let (mut samples_len, mut from) = (0, 0);
                for same in run.chunk_by(|a, b| b.supersedes(a)) {
                    let one_len = wire::sample_field_len(&same[same.len() - 1]);
                    if packer.len + wire::series_len(labels, samples_len + one_len) > max_bytes {
                        packer.close(at + from, samples_len > 0);
                        samples_len = 0;
                    }
                    samples_len += one_len;
                    from += same.len();
                }
                packer.len += wire::series_len(labels, samples_len);
            }
            at += run.len();
        }
        packer.close(at, false);
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

/// The request that is being filled, and those that are closed.
struct Packer {
    plan: Vec<PlannedRequest>,
    /// The first sample of the open request.
    start: usize,
    /// The size of the whole series in the open request, in bytes.
    len: usize,
    /// Whether the open request continues a series of the request before it.
    continues: bool,
}

impl Packer {
    /// Closes the open request before sample `end`; `mid_series` when the next one continues the same series.
    fn close(&mut self, end: usize, mid_series: bool) {
        if end == self.start {
            return;
        }
        self.plan.push(PlannedRequest { samples: self.start..end, continues: self.continues });
        self.continues = mid_series;
        self.start = end;
        self.len = 0;
    }
}
