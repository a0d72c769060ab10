//! The limits of a body in the formats that are read sample by sample.

/// The limit of the samples of a body, and of its families.
///
/// Every sample takes a few hundred bytes until it is written. With this and the next limit a hostile body, inflated
/// and read, stays within half of the memory of the smallest function.
pub(crate) const MAX_SAMPLES: usize = 50_000;

/// The limit of the labels of all samples, and of the buckets of native histograms. Every classic bucket repeats the labels
/// of its histogram, so a body can name far more of them than it has bytes.
pub(crate) const MAX_LABELS: usize = 200_000;

/// The limit of the label names that are known from the sample before: AMP accepts 150 labels for a series.
pub(crate) const KNOWN_LABELS: usize = 150;

/// A body with more than 50,000 samples, or 200,000 labels and buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected at most {MAX_SAMPLES} samples with {MAX_LABELS} labels and buckets in a body, got more")]
pub struct TooMany;

/// The number that `labels` count as: each as one, and more if it is long.
pub(crate) fn count_of<'l>(labels: impl IntoIterator<Item = (&'l str, &'l str)>) -> usize {
    labels.into_iter().map(|(name, value)| 1 + labels_in(name.len() + value.len())).sum()
}

/// The number of labels that a text of `bytes` counts as in addition. A body may have it once and repeat it in each of its
/// points; AMP accepts names of 1,024 bytes and values of 2,048.
pub(crate) fn labels_in(bytes: usize) -> usize {
    bytes / 256
}

impl TooMany {
    /// An error if `samples` or `labels` are too many.
    pub(crate) fn check(samples: usize, labels: usize) -> Result<(), Self> {
        if samples > MAX_SAMPLES || labels > MAX_LABELS { Err(Self) } else { Ok(()) }
    }
}
