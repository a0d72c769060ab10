//! Split: the samples of a request that was refused → two parts, to be sent one after the other.
//!
//! By size, when the receiver takes only smaller requests; by origin, when it refuses something in the request and
//! the guilty input has to be found. Either way both parts are in the order of [`Series::samples`], and everything
//! of a series that is in the first part is older than what is in the second.

use std::cmp::Reverse;
use std::collections::HashSet;

use crate::request::next_cut;
use crate::sample::Origin;
use crate::series::{Series, SeriesSample, supersedes};
use crate::wire;

/// The first part to send and the second.
pub type Halves = (Vec<SeriesSample>, Vec<SeriesSample>);

impl Series {
    /// Cuts `samples`, which are in the order of [`Series::samples`], into two parts of about the same size on the
    /// wire, to be sent one after the other. `None` when only one sample would be written.
    pub fn halves_by_size(&self, samples: &[SeriesSample]) -> Option<Halves> {
        let half = self.encoded_len(samples) / 2;
        let (mut len, mut at) = (0, 0);
        while at < samples.len() && len < half {
            let to = next_cut(samples, at);
            let opens_series = at == 0 || samples[at].series != samples[at - 1].series;
            let sample_len = wire::sample_field_len(samples[to - 1].sample);
            len += if opens_series {
                wire::series_len(self.label_fields(samples[at].series), sample_len)
            } else {
                sample_len
            };
            at = to;
        }
        if at == samples.len() {
            // The last sample is the larger half.
            at = last_cut(samples);
        }
        (at > 0).then(|| (samples[..at].to_vec(), samples[at..].to_vec()))
    }
}

/// Cuts `samples` into those of the earlier half of their origins and those of the later half. `None` when they are
/// all of one origin.
///
/// Origins go by the timestamp of their first sample. Of origins with the same timestamp the one that arrived last
/// goes first, because its samples supersede the others': once it is delivered the others need not be sent, and if
/// it is refused they still can be, in order. An origin has to have one timestamp per series for order to hold.
pub fn halves_by_origin(samples: &[SeriesSample]) -> Option<Halves> {
    let mut origins: Vec<_> = samples.iter().map(|s| (s.sample.timestamp_ms(), s.origin)).collect();
    origins.sort_unstable_by_key(|&(timestamp_ms, origin)| (origin, timestamp_ms));
    origins.dedup_by_key(|&mut (_, origin)| origin);
    if origins.len() < 2 {
        return None;
    }
    origins.sort_unstable_by_key(|&(timestamp_ms, origin)| (timestamp_ms, Reverse(origin)));
    let earlier: HashSet<Origin> = origins[..origins.len() / 2].iter().map(|&(_, origin)| origin).collect();
    Some(samples.iter().partition(|s| earlier.contains(&s.origin)))
}

/// The last place where the samples may be cut; 0 when there is none.
fn last_cut(samples: &[SeriesSample]) -> usize {
    let mut at = samples.len().saturating_sub(1);
    while at > 0 && supersedes(&samples[at], &samples[at - 1]) {
        at -= 1;
    }
    at
}
