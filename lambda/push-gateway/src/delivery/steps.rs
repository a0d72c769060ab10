//! Decides which samples are sent when.
//!
//! Whatever is likely to be rejected or to take long goes after everything else, and no step may use the time of the
//! others. Within a series the order of time is kept over all steps.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use remote_write::{Sample, Series, SeriesId};

use super::Limits;

/// AMP rejects samples older than an hour (its quotas page), a minute less for clocks that differ.
const OLD_MS: i64 = 59 * 60 * 1_000;

/// The share of the time of a step with the samples of most records; any other step has a share of one.
const USUAL_WEIGHT: u32 = 6;

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

/// The age of samples, by the clock of the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    /// Older than AMP accepts.
    Old,
    /// Behind the out-of-order window: the receiver rejects such a sample unless it is newer than its series.
    Late,
    /// Within the window.
    Fresh,
}

/// Divides all samples of `series` into steps. `record_of` has the record of each origin.
///
/// 1. Old samples of series that also have others, because those must arrive after them.
/// 2. All others, except for those of the steps below.
/// 3. The series of each record that needs more than one request, the smallest record first.
/// 4. The remaining old samples.
pub(super) fn steps<'a>(series: &'a Series, record_of: &[u32], limits: &Limits) -> Vec<Step<'a>> {
    let all = series.samples();
    let is_old = |sample: &Sample| limits.age(sample.timestamp_ms) == Age::Old;
    let old = all.iter().filter(|sample| is_old(sample)).count();
    let large = large_records(series, record_of, limits.max_request_bytes);
    if large.is_empty() && (old == 0 || old == all.len()) {
        return if all.is_empty() { Vec::new() } else { vec![Step::new(Cow::Borrowed(all), 1, limits)] };
    }
    let fresh: HashSet<SeriesId> =
        if old == 0 { HashSet::new() } else { all.iter().filter(|s| !is_old(s)).map(|s| s.series).collect() };
    let (mut before, mut usual, mut after) = (Vec::new(), Vec::new(), Vec::new());
    let mut by_record: HashMap<u32, Vec<Sample>> = HashMap::new();
    for run in all.chunk_by(|a, b| a.series == b.series) {
        if let Some(record) = only_of_large(run, record_of, &large) {
            by_record.entry(record).or_default().extend_from_slice(run);
            continue;
        }
        let (run_old, run_fresh): (Vec<_>, Vec<_>) = run.iter().cloned().partition(is_old);
        let of_old = if fresh.contains(&run[0].series) { &mut before } else { &mut after };
        of_old.extend(run_old);
        usual.extend(run_fresh);
    }
    let mut by_size: Vec<_> = by_record.into_iter().collect();
    by_size.sort_unstable_by_key(|(record, _)| (large[record], *record));
    let large = by_size.into_iter().map(|(_, samples)| (samples, 1));
    [(before, 1), (usual, USUAL_WEIGHT)]
        .into_iter()
        .chain(large)
        .chain([(after, 1)])
        .filter(|(samples, _)| !samples.is_empty())
        .map(|(samples, weight)| Step::new(Cow::Owned(samples), weight, limits))
        .collect()
}

/// The records that need more than one request, with their size on the wire in bytes; none if there is only one record.
fn large_records(series: &Series, record_of: &[u32], max_request_bytes: usize) -> HashMap<u32, usize> {
    let mut sizes = HashMap::new();
    let is_alone = record_of.first() == record_of.last();
    if is_alone || series.encoded_len(series.samples()) <= max_request_bytes {
        return sizes;
    }
    for sample in series.samples() {
        let len = series.encoded_len(std::slice::from_ref(sample));
        *sizes.entry(record_of[sample.origin.0 as usize]).or_default() += len;
    }
    sizes.retain(|_, size| *size > max_request_bytes);
    sizes
}

/// The largest record of a series of which every sample is from a large record.
fn only_of_large(run: &[Sample], record_of: &[u32], large: &HashMap<u32, usize>) -> Option<u32> {
    if large.is_empty() {
        return None;
    }
    let records = run.iter().map(|sample| record_of[sample.origin.0 as usize]);
    let sizes: Option<Vec<_>> = records.map(|record| Some((*large.get(&record)?, record))).collect();
    sizes?.into_iter().max().map(|(_, record)| record)
}

impl<'a> Step<'a> {
    fn new(samples: Cow<'a, [Sample]>, weight: u32, limits: &Limits) -> Self {
        Self { slices: slices(samples, limits), weight }
    }
}

/// Cuts samples by age, and those that are not old also by time.
fn slices<'a>(samples: Cow<'a, [Sample]>, limits: &Limits) -> Vec<Slice<'a>> {
    let window = if limits.out_of_order_window_ms == 0 { i64::MAX } else { limits.out_of_order_window_ms };
    let belongs = |start: i64, time: i64| {
        let age = limits.age(start);
        age == limits.age(time) && (age == Age::Old || time.saturating_sub(start) <= window)
    };
    let times = samples.iter().map(|sample| sample.timestamp_ms);
    let Some((first, last)) = times.clone().min().zip(times.clone().max()) else { return Vec::new() };
    if belongs(first, last) {
        return vec![Slice { samples, age: limits.age(first) }];
    }
    let mut times: Vec<_> = times.collect();
    times.sort_unstable();
    times.dedup_by(|time, start| belongs(*start, *time));
    let starts = times;
    let mut slices = vec![Vec::new(); starts.len()];
    for sample in samples.iter() {
        slices[starts.partition_point(|&start| start <= sample.timestamp_ms) - 1].push(sample.clone());
    }
    let slice = |(samples, start)| Slice { samples: Cow::Owned(samples), age: limits.age(start) };
    slices.into_iter().zip(starts).map(slice).collect()
}

impl Limits {
    /// The age of a sample with this timestamp.
    pub(super) fn age(&self, timestamp_ms: i64) -> Age {
        match self.now_ms.saturating_sub(timestamp_ms) {
            old if old > OLD_MS => Age::Old,
            late if late > self.out_of_order_window_ms => Age::Late,
            _ => Age::Fresh,
        }
    }
}
