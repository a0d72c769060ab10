//! The rules of the storage engine for order, duplicates and the out-of-order window.
//!
//! They are those of Prometheus (`tsdb/head_append.go`), which Cortex embeds. Every sample of a request is checked against
//! what was stored before the request, and a failure is answered. When the request is stored, each one is checked again,
//! now with the earlier ones of the same request in place, and the engine drops failures of that check without an answer.

use super::series::{Entries, Entry, Value};
use super::text::number;

/// The engine takes a sample in order only if it is not older than half a block of 2 hours behind the head.
const IN_ORDER_SPAN_MS: i64 = 3_600_000;

/// Cortex, `-blocks-storage.tsdb.out-of-order-cap-max`.
const LATE_CHUNK_SAMPLES: usize = 32;

/// The times that decide on a sample, fixed when a request begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// The newest sample of the workspace.
    head_ms: i64,
    window_ms: i64,
}

/// The reasons for which a sample is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum AppendError {
    #[error("out of bounds")]
    OutOfBounds,
    #[error("out of order sample")]
    OutOfOrder,
    #[error("too old sample")]
    TooOld,
    #[error("duplicate sample for timestamp {timestamp}; overrides not allowed: existing {existing}, new value {new}", new = number(*new))]
    Duplicate { timestamp: i64, existing: String, new: f64 },
    #[error("duplicate sample for timestamp")]
    DuplicateHistogram,
}

impl Bounds {
    pub(super) fn new(head_ms: i64, window_ms: i64) -> Self {
        Self { head_ms, window_ms }
    }

    /// Without an out-of-order window, the engine refuses a sample this old before it looks for its series.
    pub(super) fn check_before_the_series(self, timestamp: i64) -> Result<(), AppendError> {
        if self.window_ms == 0 && timestamp < self.oldest_in_order() {
            return Err(AppendError::OutOfBounds);
        }
        Ok(())
    }

    /// Whether a sample is late, given the newest sample of its series. The engine does not check whether a late one is
    /// already stored.
    pub(super) fn check(
        self,
        newest: Option<(i64, &Value)>,
        timestamp: i64,
        value: &Value,
    ) -> Result<bool, AppendError> {
        if timestamp >= self.oldest_in_order() {
            match newest {
                Some((last, existing)) if timestamp == last => {
                    return no_other_value(timestamp, existing, value).map(|()| false);
                }
                Some((last, _)) if timestamp < last => {}
                _ => return Ok(false),
            }
        }
        if self.window_ms == 0 {
            return Err(AppendError::OutOfOrder);
        }
        if timestamp < self.head_ms.saturating_sub(self.window_ms) {
            return Err(AppendError::TooOld);
        }
        Ok(true)
    }

    /// The entries that these samples add to a series, in the order in which they came. A late sample replaces one that came
    /// in order or into an earlier chunk; of two in a chunk the first stays.
    pub(super) fn store(self, stored: Option<&Entries>, samples: Vec<(i64, Value)>) -> Entries {
        let mut gained = Entries::new();
        let mut late_chunk = None;
        for (timestamp, value) in samples {
            let last = stored.and_then(newest).into_iter().chain(newest(&gained));
            let last = last.max_by_key(|(timestamp, _)| *timestamp);
            let is_repeated = last.is_some_and(|(last, _)| last == timestamp);
            match self.check(last, timestamp, &value) {
                Ok(false) if !is_repeated => {
                    gained.insert(timestamp, Entry { value, late_chunk: None });
                }
                Ok(true) => {
                    let chunk = late_chunk.get_or_insert_with(|| LateChunk::of(stored));
                    let before = gained.get(&timestamp).or_else(|| stored?.get(&timestamp));
                    if let Some(number) = chunk.insert(before) {
                        gained.insert(timestamp, Entry { value, late_chunk: Some(number) });
                    }
                }
                _ => {}
            }
        }
        gained
    }

    fn oldest_in_order(self) -> i64 {
        self.head_ms.saturating_sub(IN_ORDER_SPAN_MS)
    }
}

/// The chunk that the late samples of a series fill. The engine looks for a timestamp in this one only.
#[derive(Debug, Default)]
struct LateChunk {
    number: usize,
    samples: usize,
}

impl LateChunk {
    fn of(entries: Option<&Entries>) -> Self {
        let numbers = || entries.into_iter().flatten().filter_map(|(_, entry)| entry.late_chunk);
        let number = numbers().max().unwrap_or_default();
        Self { number, samples: numbers().filter(|chunk| *chunk == number).count() }
    }

    /// The number of the chunk that takes a sample; `None` if it has one of the same time, `before`.
    fn insert(&mut self, before: Option<&Entry>) -> Option<usize> {
        if self.samples == LATE_CHUNK_SAMPLES {
            *self = Self { number: self.number + 1, samples: 0 };
        }
        if before.is_some_and(|before| before.late_chunk == Some(self.number)) {
            return None;
        }
        self.samples += 1;
        Some(self.number)
    }
}

/// The newest sample of a series.
pub(super) fn newest(entries: &Entries) -> Option<(i64, &Value)> {
    entries.last_key_value().map(|(timestamp, entry)| (*timestamp, &entry.value))
}

/// The series' newest sample is taken again if it is the same.
fn no_other_value(timestamp: i64, existing: &Value, new: &Value) -> Result<(), AppendError> {
    match (existing, new) {
        _ if existing.is_same(new) => Ok(()),
        (_, Value::Histogram(_)) => Err(AppendError::DuplicateHistogram),
        (Value::Float(existing), Value::Float(new)) => {
            Err(AppendError::Duplicate { timestamp, existing: number(*existing), new: *new })
        }
        (Value::Histogram(_), Value::Float(new)) => {
            Err(AppendError::Duplicate { timestamp, existing: "is a histogram".to_owned(), new: *new })
        }
    }
}
