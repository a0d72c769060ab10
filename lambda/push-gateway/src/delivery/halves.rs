//! Divides the samples of a request into parts, each in the order of [`Series::samples`].
//!
//! Parts of a series have to be sent one after the other: everything of it in one part is older than in the next.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use remote_write::{Origin, Sample, Series, Version};

/// The first part to send and the second.
pub(super) type Halves = (Vec<Sample>, Vec<Sample>);

/// Cuts `samples` into two parts of about the same size on the wire. `None` when only one sample would be written.
pub(super) fn halves_by_size(series: &Series, samples: &[Sample]) -> Option<Halves> {
    let len = |samples| series.encoded_len(samples, Version::V1);
    let half = len(samples) / 2;
    cut(samples, |a, b| b.supersedes(a), |at| len(&samples[..at]) < half)
}

/// Cuts `samples` between two series, near the middle. `None` when all are of one series.
pub(super) fn halves_by_series(samples: &[Sample]) -> Option<Halves> {
    cut(samples, |a, b| a.series == b.series, |at| at < samples.len() / 2)
}

/// Cuts `samples` at the first place that is not before the half, or else at the last one. Neighbours that belong together
/// stay so. `None` when all do.
fn cut(
    samples: &[Sample],
    belong_together: impl Fn(&Sample, &Sample) -> bool,
    is_before_half: impl Fn(usize) -> bool,
) -> Option<Halves> {
    let places: Vec<_> =
        (1..samples.len()).filter(|&at| !belong_together(&samples[at - 1], &samples[at])).collect();
    let last = places.len().checked_sub(1)?;
    let at = places[places.partition_point(|&at| is_before_half(at)).min(last)];
    Some((samples[..at].to_vec(), samples[at..].to_vec()))
}

/// Divides `samples` into at most `limit` groups of about the same number of points, which have no series in common.
pub(super) fn disjoint(samples: &[Sample], limit: usize) -> Vec<Vec<Sample>> {
    // The first origin of each series, and for each origin the origin to which it is connected.
    let mut parents: HashMap<Origin, Origin> = samples.iter().map(|s| (s.origin, s.origin)).collect();
    for run in samples.chunk_by(|a, b| a.series == b.series) {
        let first = root(&mut parents, run[0].origin);
        for sample in run {
            let other = root(&mut parents, sample.origin);
            parents.insert(other, first);
        }
    }
    let mut sizes: HashMap<Origin, usize> = HashMap::new();
    let origins: Vec<_> = parents.keys().copied().collect();
    for origin in origins {
        *sizes.entry(root(&mut parents, origin)).or_default() += 1;
    }
    let mut components: Vec<_> = sizes.into_iter().collect();
    components.sort_unstable_by_key(|&(origin, size)| (Reverse(size), origin));
    let mut groups = vec![(0, Vec::new()); limit.min(components.len())];
    let mut group_of = HashMap::new();
    for (origin, size) in components {
        let smallest = (0..groups.len()).min_by_key(|&at| groups[at].0).unwrap_or_default();
        groups[smallest].0 += size;
        group_of.insert(origin, smallest);
    }
    for sample in samples {
        let component = root(&mut parents, sample.origin);
        groups[group_of[&component]].1.push(sample.clone());
    }
    groups.into_iter().map(|(_, samples)| samples).collect()
}

/// The representative of the origins that `origin` is connected to.
fn root(parents: &mut HashMap<Origin, Origin>, origin: Origin) -> Origin {
    let mut at = origin;
    while parents[&at] != at {
        let next = parents[&parents[&at]];
        parents.insert(at, next);
        at = next;
    }
    at
}

/// Divides `samples` into those of the earlier half of their origins and those of the later half. `None` when they are
/// all of one origin.
///
/// Of origins with the same timestamp the one that arrived last goes first, because its samples supersede the others':
/// once it is delivered the others need not be sent, and if it is rejected they still can be, in order.
pub(super) fn halves_by_origin(samples: &[Sample]) -> Option<Halves> {
    let origins = origins_by_time(samples);
    if origins.len() < 2 {
        return None;
    }
    let earlier: HashSet<Origin> = origins[..origins.len() / 2].iter().copied().collect();
    Some(samples.iter().cloned().partition(|sample| earlier.contains(&sample.origin)))
}

/// The samples of each point, in the order in which points are sent.
pub(super) fn points(samples: &[Sample]) -> Vec<Vec<Sample>> {
    let mut by_origin: HashMap<Origin, Vec<Sample>> = HashMap::new();
    for sample in samples {
        by_origin.entry(sample.origin).or_default().push(sample.clone());
    }
    origins_by_time(samples).iter().filter_map(|origin| by_origin.remove(origin)).collect()
}

/// The first eight origins in the order of time, the middle one and the last one; `None` if that is a large part of them.
pub(super) fn probes(samples: &[Sample]) -> Option<Vec<Origin>> {
    let origins = origins_by_time(samples);
    let later = [origins.len() / 2, origins.len().checked_sub(1)?].map(|at| origins[at]);
    (origins.len() >= 32).then(|| origins[..8].iter().copied().chain(later).collect())
}

/// All origins, by timestamp; of equal ones the last that arrived is first.
fn origins_by_time(samples: &[Sample]) -> Vec<Origin> {
    let mut origins: Vec<_> = samples.iter().map(|s| (s.timestamp_ms, Reverse(s.origin))).collect();
    origins.sort_unstable();
    origins.dedup();
    origins.into_iter().map(|(_, Reverse(origin))| origin).collect()
}

#[cfg(test)]
mod tests {
    use remote_write::{MetricName, NameEscaping, Point, SeriesBuilder, Value};

    use super::*;

    /// One sample for each metric and timestamp; its origin is its index.
    fn group(samples: &[(&str, i64)]) -> Series {
        let mut builder = SeriesBuilder::default();
        for &(metric, timestamp_ms) in samples {
            let name = MetricName::new(metric, NameEscaping::Reject).unwrap();
            let metrics = vec![(name, Value::float(0.5))];
            builder.add(&[Point { timestamp_ms, metrics, ..Point::default() }]).unwrap();
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
                assert_eq!(series.encode(&part, Version::V1).samples, 1);
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
