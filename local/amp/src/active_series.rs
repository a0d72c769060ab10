//! The limit on active series.

use super::AmpOptions;
use super::answer::Refusal;
use super::series::{StoredSamples, StoredSeries};

/// AMP quotas: "A series is active if a sample has been reported in the past 2 hours".
const ACTIVE_SPAN_MS: i64 = 2 * 3_600_000;

/// How many more series may become active.
#[derive(Debug)]
pub(super) struct Room {
    left: usize,
    oldest_ms: i64,
}

impl Room {
    /// The room for a request with this number of series.
    pub(super) fn of(options: &AmpOptions, stored: &StoredSeries, series: usize) -> Self {
        let oldest_ms = options.clock.now_ms().saturating_sub(ACTIVE_SPAN_MS);
        let left = options.active_series.map_or(usize::MAX, |limit| {
            // Active series need no counting while all stored series would fit.
            if stored.len().saturating_add(series) <= limit {
                return usize::MAX;
            }
            limit.saturating_sub(stored.values().filter(|samples| is_active(samples, oldest_ms)).count())
        });
        Self { left, oldest_ms }
    }

    /// Makes a series active. At the limit AMP answers 400 with this text (AMP troubleshooting) and keeps the other
    /// series of the request, as after every soft error of Cortex's ingester.
    pub(super) fn take(
        &mut self,
        options: &AmpOptions,
        stored: Option<&StoredSamples>,
    ) -> Result<(), Refusal> {
        if stored.is_some_and(|samples| is_active(samples, self.oldest_ms)) {
            return Ok(());
        }
        self.left = self.left.checked_sub(1).ok_or_else(|| {
            let limit = options.active_series.unwrap_or_default();
            let workspace = &options.workspace;
            Refusal::bad_request(format!("user={workspace}: per-user series limit of {limit} exceeded"))
        })?;
        Ok(())
    }
}

fn is_active(samples: &StoredSamples, oldest_ms: i64) -> bool {
    samples.last_key_value().is_some_and(|(newest, _)| *newest >= oldest_ms)
}
