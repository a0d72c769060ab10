//! Divides the samples of a rejected request into two parts, to be sent one after the other.
//!
//! Both parts are in the order of [`Series::samples`], and everything of a series in the first part is older than in the
//! second.

use std::cmp::Reverse;
use std::collections::HashSet;

use remote_write::{Origin, Sample, Series};

/// The first part to send and the second.
pub(super) type Halves = (Vec<Sample>, Vec<Sample>);

/// Cuts `samples` into two parts of about the same size on the wire. `None` when only one sample would be written.
pub(super) fn halves_by_size(series: &Series, samples: &[Sample]) -> Option<Halves> {
    let half = series.encoded_len(samples) / 2;
    let mut cuts: Vec<_> = samples
        .chunk_by(|a, b| b.supersedes(a))
        .scan(0, |at, same| {
            *at += same.len();
            Some(*at)
        })
        .collect();
    // The last sample has no cut after it.
    cuts.pop();
    let at =
        cuts.partition_point(|&at| series.encoded_len(&samples[..at]) < half).min(cuts.len().checked_sub(1)?);
    Some((samples[..cuts[at]].to_vec(), samples[cuts[at]..].to_vec()))
}

/// Divides `samples` into those of the earlier half of their origins and those of the later half. `None` when they are
/// all of one origin.
///
/// Of origins with the same timestamp the one that arrived last goes first, because its samples supersede the others':
/// once it is delivered the others need not be sent, and if it is rejected they still can be, in order.
pub(super) fn halves_by_origin(samples: &[Sample]) -> Option<Halves> {
    let mut origins: Vec<_> = samples.iter().map(|s| (s.timestamp_ms, Reverse(s.origin))).collect();
    origins.sort_unstable();
    origins.dedup();
    if origins.len() < 2 {
        return None;
    }
    let earlier: HashSet<Origin> =
        origins[..origins.len() / 2].iter().map(|&(_, Reverse(origin))| origin).collect();
    Some(samples.iter().cloned().partition(|sample| earlier.contains(&sample.origin)))
}

#[cfg(test)]
mod tests {
    use remote_write::{Labels, MetricName, NameEscaping, Point, SeriesBuilder, Value};

    use super::*;

    /// One sample for each metric and timestamp; its origin is its index.
    fn group(samples: &[(&str, i64)]) -> Series {
        let mut builder = SeriesBuilder::default();
        for &(metric, timestamp_ms) in samples {
            let name = MetricName::new(metric, NameEscaping::Reject).unwrap();
            let metrics = vec![(name, Value::float(0.5))];
            builder.add(&[Point { labels: Labels::default(), timestamp_ms, metrics }]).unwrap();
        }
        builder.group()
    }

    fn origins(samples: &[Sample]) -> Vec<u32> {
        let mut origins: Vec<_> = samples.iter().map(|sample| sample.origin.0).collect();
        origins.sort_unstable();
        origins
    }

    #[test]
    fn superseded_samples_stay_with_the_one_that_supersedes_them() {
        let series = group(&[("m", 1), ("m", 1), ("m", 2)]);
        let (first, second) = halves_by_size(&series, series.samples()).unwrap();
        assert_eq!((first.len(), second.len()), (2, 1));
        assert!(halves_by_size(&series, &first).is_none(), "only one of these two would be written");
        assert!(halves_by_size(&series, &second).is_none());
        assert!(halves_by_size(&series, &[]).is_none());
    }

    #[test]
    fn halving_by_size_ends_at_single_samples() {
        let samples: Vec<_> = (0..100).map(|t| (if t % 3 == 0 { "a" } else { "b" }, t / 2)).collect();
        let series = group(&samples);
        let (mut pending, mut kept) = (vec![series.samples().to_vec()], 0);
        while let Some(part) = pending.pop() {
            if let Some((first, second)) = halves_by_size(&series, &part) {
                assert!(!first.is_empty() && !second.is_empty());
                pending.extend([first, second]);
            } else {
                assert_eq!(series.encode(&part).samples, 1);
                kept += part.len();
            }
        }
        assert_eq!(kept, 100);
    }

    #[test]
    fn origins_are_halved_by_time_and_the_last_of_equals_is_first() {
        let series = group(&[("a", 30), ("a", 10), ("b", 20), ("a", 20), ("b", 20)]);
        let (first, second) = halves_by_origin(series.samples()).unwrap();
        assert_eq!((origins(&first), origins(&second)), (vec![1, 4], vec![0, 2, 3]));
        let (third, fourth) = halves_by_origin(&second).unwrap();
        assert_eq!((origins(&third), origins(&fourth)), (vec![3], vec![0, 2]));
        assert!(halves_by_origin(&third).is_none());
    }
}
