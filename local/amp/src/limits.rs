//! Limits per second, as token buckets.
//!
//! AMP quotas, "Ingestion throttling": the bucket "refills at a set rate", and a request for more than it holds gets
//! nothing.

use http::StatusCode;

use super::AmpOptions;
use super::answer::Refusal;
use super::distributor::Validated;
use super::text::number;

/// The buckets of a workspace; both are full at first.
#[derive(Debug, Default)]
pub(super) struct Limits {
    samples: TokenBucket,
    calls: TokenBucket,
}

impl Limits {
    /// AMP quotas, "Number of `RemoteWrite` API operations": AWS answers 429 before it applies any other rule.
    pub(super) fn take_call(&mut self, options: &AmpOptions) -> Result<(), Refusal> {
        let Some(rate) = options.remote_write_calls_per_second else { return Ok(()) };
        if self.calls.take(1, rate, options.clock.now_ms()) {
            return Ok(());
        }
        Err(Refusal::json(StatusCode::TOO_MANY_REQUESTS, "Rate exceeded"))
    }

    /// AMP quotas, "Ingestion rate": "the entire request is rejected"; Cortex's text. Everything counts that passed the
    /// distributor's rules.
    pub(super) fn take_samples(
        &mut self,
        options: &AmpOptions,
        validated: &Validated,
    ) -> Result<(), Refusal> {
        let Some(rate) = options.ingestion_rate else { return Ok(()) };
        let Validated { samples, exemplars, metadata, .. } = validated;
        let metadata = metadata.len();
        if self.samples.take(samples + exemplars + metadata, rate, options.clock.now_ms()) {
            return Ok(());
        }
        let rate = number(rate);
        let text = format!(
            "ingestion rate limit ({rate}) exceeded while adding {samples} samples and {metadata} metadata"
        );
        Err(Refusal::text(StatusCode::TOO_MANY_REQUESTS, text))
    }
}

/// Holds at most the refill of one second: AMP's quotas call the rate the size of the bucket and list no burst. A
/// request with more samples than that can never pass.
#[derive(Debug, Default)]
struct TokenBucket {
    /// How many tokens were left, and when; `None` before the first use.
    left: Option<(f64, i64)>,
}

impl TokenBucket {
    fn take(&mut self, wanted: usize, rate: f64, now_ms: i64) -> bool {
        let wanted = f64::from(u32::try_from(wanted).unwrap_or(u32::MAX));
        let (tokens, latest_ms) = match self.left {
            None => (rate, now_ms),
            // A clock that is set back refills nothing, and refills nothing twice when it comes forward again.
            Some((tokens, at_ms)) => {
                (refilled(tokens, rate, now_ms.saturating_sub(at_ms)), now_ms.max(at_ms))
            }
        };
        let enough = wanted <= tokens;
        self.left = Some((if enough { tokens - wanted } else { tokens }, latest_ms));
        enough
    }
}

fn refilled(tokens: f64, rate: f64, elapsed_ms: i64) -> f64 {
    // After a second the bucket is full.
    let elapsed_ms = f64::from(i32::try_from(elapsed_ms.clamp(0, 1_000)).unwrap_or(1_000));
    (tokens + rate * elapsed_ms / 1_000.0).min(rate)
}
