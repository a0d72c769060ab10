//! The limit on active series.

use super::AmpOptions;
use super::series::{Entries, EntriesBySeries};

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
    pub(super) fn of(options: &AmpOptions, stored: &EntriesBySeries, series: usize) -> Self {
        let oldest_ms = options.clock.now_ms().saturating_sub(ACTIVE_SPAN_MS);
        let left = options.active_series.map_or(usize::MAX, |limit| {
            // Active series need no counting while all stored series would fit.
            if stored.len().saturating_add(series) <= limit {
                return usize::MAX;
            }
            limit.saturating_sub(stored.values().filter(|entries| is_active(entries, oldest_ms)).count())
        });
        Self { left, oldest_ms }
    }

    /// Makes a series active. At the limit AMP answers 400 with this text (AMP troubleshooting) and keeps the other
    /// series of the request, as after every soft error of Cortex's ingester.
    pub(super) fn take(&mut self, options: &AmpOptions, stored: Option<&Entries>) -> Result<(), String> {
        if stored.is_some_and(|entries| is_active(entries, self.oldest_ms)) {
            return Ok(());
        }
        self.left = self.left.checked_sub(1).ok_or_else(|| {
            let limit = options.active_series.unwrap_or_default();
            format!(
                "per-user series limit of {limit} exceeded, please contact administrator to raise it (local limit: \
                 {limit} global limit: 0 actual local limit: {limit})"
            )
        })?;
        Ok(())
    }
}

fn is_active(entries: &Entries, oldest_ms: i64) -> bool {
    entries.last_key_value().is_some_and(|(newest, _)| *newest >= oldest_ms)
}
