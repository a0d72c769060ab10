//! Decides which samples are sent when.
//!
//! Whatever is likely to be rejected or to take long goes after everything else, and no step may use the time of the
//! others. Within a series the order of time is kept over all steps.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use remote_write::{Sample, Series, Version};

/// AMP rejects samples older than an hour (its quotas page). A minute more is for clocks that differ, so that no sample
/// that AMP may accept is taken for one of these.
const OLD_MS: i64 = 61 * 60 * 1_000;

/// Samples that are sent before those of the next step.
#[derive(Debug)]
pub(super) struct Step<'a> {
    /// Sent one after the other, oldest first.
    pub(super) slices: Vec<Slice<'a>>,
    /// The share of the time that is left, relative to the steps after it.
    pub(super) weight: u32,
}

/// Samples that may be sent at the same time, in the order of [`Series::samples`].
///
/// All but old ones span at most the receiver's out-of-order window. A request whose response was lost is sent again, and
/// a receiver accepts a sample that it has already stored only within that window.
#[derive(Debug)]
pub(super) struct Slice<'a> {
    pub(super) samples: Cow<'a, [Sample]>,
    pub(super) age: Age,
}

/// Decides the age of samples. All in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ages {
    /// The time of day.
    pub(super) now: i64,
    /// The newest timestamp that the receiver has or will have, at least the time of day: its window ends there.
    pub(super) newest: i64,
    /// The receiver's out-of-order window.
    pub(super) window: i64,
}

/// The age of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    /// Older than AMP accepts.
    Old,
    /// Behind the out-of-order window: the receiver rejects such a sample unless it is newer than its series.
    Late,
    /// Within the window.
    Fresh,
}

/// The kinds of series, in the order in which they are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    /// All samples are fresh.
    Fresh,
    /// Some samples are late or old, and others are not old.
    Late,
    /// All samples are of records that need more than one request. The smallest record goes first: its size in bytes, and
    /// the record.
    Large(usize, u32),
    /// All samples are old.
    Old,
}

impl Kind {
    /// The share of the time of its step.
    fn weight(self) -> u32 {
        match self {
            Self::Fresh => 6,
            Self::Late => 3,
            Self::Large(..) | Self::Old => 1,
        }
    }
}

/// Divides all samples of `series` into steps, one for each kind of series. `record_of` has the record of each origin.
pub(super) fn steps<'a>(
    series: &'a Series,
    record_of: &[u32],
    ages: &Ages,
    max_request_bytes: usize,
) -> Vec<Step<'a>> {
    let all = series.samples();
    let large = large_records(series, record_of, max_request_bytes);
    let runs = || all.chunk_by(|a, b| a.series == b.series);
    let kind = |run: &[Sample]| match only_of_large(run, record_of, &large) {
        Some((size, record)) => Kind::Large(size, record),
        None if ages.of(run[0].timestamp_ms) == Age::Fresh => Kind::Fresh,
        None if ages.of(run[run.len() - 1].timestamp_ms) == Age::Old => Kind::Old,
        None => Kind::Late,
    };
    // Growing step by step would hold each list twice.
    let mut counts: BTreeMap<Kind, usize> = BTreeMap::new();
    for run in runs() {
        *counts.entry(kind(run)).or_default() += run.len();
    }
    if counts.len() == 1 {
        return vec![Step { slices: slices(Cow::Borrowed(all), ages), weight: 1 }];
    }
    let mut by_kind: BTreeMap<_, _> =
        counts.into_iter().map(|(kind, count)| (kind, Vec::with_capacity(count))).collect();
    for run in runs() {
        by_kind.entry(kind(run)).or_default().extend_from_slice(run);
    }
    let step = |(kind, samples): (Kind, Vec<Sample>)| Step {
        slices: slices(Cow::Owned(samples), ages),
        weight: kind.weight(),
    };
    by_kind.into_iter().map(step).collect()
}

/// The records that need more than one request, with their size on the wire in bytes; none if there is only one record.
fn large_records(series: &Series, record_of: &[u32], max_request_bytes: usize) -> HashMap<u32, usize> {
    let mut sizes = HashMap::new();
    let is_alone = record_of.first() == record_of.last();
    if is_alone || series.encoded_len(series.samples(), Version::V1) <= max_request_bytes {
        return sizes;
    }
    let record = |sample: &Sample| record_of[sample.origin.0 as usize];
    for run in series.samples().chunk_by(|a, b| a.series == b.series && record(a) == record(b)) {
        *sizes.entry(record(&run[0])).or_default() += series.encoded_len(run, Version::V1);
    }
    sizes.retain(|_, size| *size > max_request_bytes);
    sizes
}

/// The largest record of a series of which every sample is from a large record, with its size.
fn only_of_large(run: &[Sample], record_of: &[u32], large: &HashMap<u32, usize>) -> Option<(usize, u32)> {
    if large.is_empty() {
        return None;
    }
    let mut largest = None;
    for sample in run {
        let record = record_of[sample.origin.0 as usize];
        largest = largest.max(Some((*large.get(&record)?, record)));
    }
    largest
}

/// Cuts samples by age, and those that are not old also by time.
fn slices<'a>(samples: Cow<'a, [Sample]>, ages: &Ages) -> Vec<Slice<'a>> {
    let window = if ages.window == 0 { i64::MAX } else { ages.window };
    let belongs = |start: i64, time: i64| {
        let age = ages.of(start);
        age == ages.of(time) && (age == Age::Old || time.saturating_sub(start) <= window)
    };
    let times = samples.iter().map(|sample| sample.timestamp_ms);
    let Some((first, last)) = times.clone().min().zip(times.clone().max()) else { return Vec::new() };
    if belongs(first, last) {
        return vec![Slice { samples, age: ages.of(first) }];
    }
    let mut times: Vec<_> = times.collect();
    times.sort_unstable();
    times.dedup_by(|time, start| belongs(*start, *time));
    let starts = times;
    let mut slices = vec![Vec::new(); starts.len()];
    for sample in samples.iter() {
        slices[starts.partition_point(|&start| start <= sample.timestamp_ms) - 1].push(sample.clone());
    }
    let slice = |(samples, start)| Slice { samples: Cow::Owned(samples), age: ages.of(start) };
    slices.into_iter().zip(starts).map(slice).collect()
}

impl Ages {
    /// The age of a sample with this timestamp. A sixth of the window is for samples that others write meanwhile.
    pub(super) fn of(&self, timestamp_ms: i64) -> Age {
        let window = self.window - self.window / 6;
        if self.now.saturating_sub(timestamp_ms) > OLD_MS {
            Age::Old
        } else if self.newest.saturating_sub(timestamp_ms) > window {
            Age::Late
        } else {
            Age::Fresh
        }
    }
}
