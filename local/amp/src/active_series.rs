//! The limit on active series.
//!
//! In: what is stored, the limit, the time. Out: for each series of a request whether there is room for it.

use super::AmpOptions;
use super::answer::Refusal;
use super::store::{StoredSamples, StoredSeries};

/// AMP quotas: "A series is active if a sample has been reported in the past 2 hours".
const ACTIVE_SPAN_MS: i64 = 2 * 3_600_000;

/// The series that may still become active.
#[derive(Debug)]
pub(super) struct Room {
    left: usize,
    oldest_ms: i64,
}

impl Room {
    /// The room for a request of so many series.
    pub(super) fn of(options: &AmpOptions, stored: &StoredSeries, series: usize) -> Self {
        let oldest_ms = options.clock.now_ms().saturating_sub(ACTIVE_SPAN_MS);
        let left = options.active_series.map_or(usize::MAX, |limit| {
            // While all series there ever were would fit, nobody has to count the active ones.
            if stored.len().saturating_add(series) <= limit {
                return usize::MAX;
            }
            limit.saturating_sub(stored.values().filter(|samples| is_active(samples, oldest_ms)).count())
        });
        Self { left, oldest_ms }
    }

    /// Makes a series active. At the limit AMP answers 400 with these words (AMP troubleshooting); like every soft
    /// error of Cortex's ingester it costs the other series of the request nothing.
    pub(super) fn take(
        &mut self,
        options: &AmpOptions,
        stored: Option<&StoredSamples>,
    ) -> Result<(), Refusal> {
        if stored.is_some_and(|samples| is_active(samples, self.oldest_ms)) {
            return Ok(());
        }
        let Some(left) = self.left.checked_sub(1) else {
            return Err(Refusal::bad_request(format!(
                "user={}: per-user series limit of {} exceeded",
                options.workspace,
                options.active_series.unwrap_or_default()
            )));
        };
        self.left = left;
        Ok(())
    }
}

fn is_active(samples: &StoredSamples, oldest_ms: i64) -> bool {
    samples.last_key_value().is_some_and(|(newest, _)| *newest >= oldest_ms)
}
