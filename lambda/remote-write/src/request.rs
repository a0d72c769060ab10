//! Requests: series → a plan of write requests, each within a size, in lanes.
//!
//! A lane is a sequence of requests that have to be sent one after the other, because they share a series whose
//! samples must arrive in order. Different lanes have no series in common and may travel at once (remote write 1.0:
//! parallel requests are fine as long as the samples of a series stay in order).
//!
//! A request is planned as a range of samples and encoded only when it is sent. One payload of 6 MB can name a
//! hundred thousand metrics under one large label set, which on the wire are gigabytes.

use std::ops::Range;

use crate::series::{Series, SeriesSample, supersedes};
use crate::wire;

/// The most that one request may have, decoded as well as compressed. AMP takes 1 MB and does not say of which;
/// Cortex, whose error texts AMP shows, applies its limit to both.
pub const MAX_REQUEST_BYTES: usize = 1_000_000;

/// A request that is to be encoded and sent.
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
    /// Series stay whole where that takes no more requests, because then every request is a lane of its own.
    /// Otherwise a series may run over into the next request, in the same lane. A series that alone is larger than
    /// `max_bytes` always does; a single sample with its labels is never cut, so only a label set that is itself
    /// too large (see [`crate::SeriesBuilder::smallest_request`]) makes a request larger than `max_bytes`.
    pub fn plan(&self, samples: &[SeriesSample], max_bytes: usize) -> Vec<PlannedRequest> {
        let whole = self.pack(samples, max_bytes, Cut::OnlyOversized);
        if whole.len() <= 1 || whole.len() <= self.encoded_len(samples).div_ceil(max_bytes) {
            return whole;
        }
        let cut = self.pack(samples, max_bytes, Cut::Anywhere);
        if cut.len() < whole.len() { cut } else { whole }
    }

    fn pack(&self, samples: &[SeriesSample], max_bytes: usize, cut: Cut) -> Vec<PlannedRequest> {
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
                let mut samples_len = 0;
                let mut from = 0;
                while from < run.len() {
                    let to = next_cut(run, from);
                    let one_len = wire::sample_field_len(run[to - 1].sample);
                    if packer.len + wire::series_len(labels, samples_len + one_len) > max_bytes {
                        packer.close(at + from, samples_len > 0);
                        samples_len = 0;
                    }
                    samples_len += one_len;
                    from = to;
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
    /// Any series that does not fit into what is left of a request.
    Anywhere,
}

/// The request that is being filled, and those that are closed.
struct Packer {
    plan: Vec<PlannedRequest>,
    /// Where the open request starts.
    start: usize,
    /// What the open request holds of whole series, in bytes.
    len: usize,
    /// Whether the open request goes on with a series of the request before it.
    continues: bool,
}

impl Packer {
    /// Closes the open request before sample `end`; `mid_series` when the next one goes on with the same series.
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

/// The first place after `from` where the samples may be cut: not between a sample and the one that supersedes it.
pub(crate) fn next_cut(samples: &[SeriesSample], from: usize) -> usize {
    let mut to = from + 1;
    while to < samples.len() && supersedes(&samples[to], &samples[to - 1]) {
        to += 1;
    }
    to
}
