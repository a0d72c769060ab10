//! `range_query`: a PromQL expression over a range of time → series of points (AMP, `QueryMetrics`).

use crate::api::Api;
use crate::error::Error;
use crate::input::{Input, InvalidInput};
use crate::number::decimal_seconds;
use crate::parameter::{END, MAX_SERIES, QUERY, START, STEP};
use crate::query::SERIES_FOR_AGENT;
use crate::selection::{Audience, query_data};
use crate::timestamp::Timestamp;

/// Without a start, the range begins so long before its end.
const DEFAULT_RANGE_MS: i64 = 3_600_000;

/// Without a step, a series has about so many points: more than a chart or a model needs.
const DEFAULT_POINTS: i64 = 250;

/// Prometheus refuses a range of more steps ("exceeded maximum resolution of 11,000 points per timeseries").
const MAX_STEPS: i64 = 11_000;

const NARROW: &str =
    "add label matchers, aggregate with sum by (...), take topk(10, ...), a larger step or a shorter range";

/// What is asked.
#[derive(Debug, PartialEq, Eq)]
pub struct RangeQuery {
    expression: String,
    start: Timestamp,
    end: Timestamp,
    step_ms: i64,
    limit: Option<usize>,
}

impl RangeQuery {
    /// Reads the parameters; the range is the hour before the invocation unless given.
    ///
    /// # Errors
    /// A parameter is missing or wrong, or the three of the range do not fit together.
    pub fn read(input: &Input) -> Result<Self, InvalidInput> {
        let expression = input.required_text(&QUERY)?.to_owned();
        let end = input.timestamp(&END)?.unwrap_or_else(|| input.now());
        let start = input.timestamp(&START)?;
        let start = start.unwrap_or_else(|| Timestamp::from_ms(end.ms() - DEFAULT_RANGE_MS));
        if start > end {
            let what = if input.has(&END) { "end" } else { "now" };
            return Err(input.invalid(&START, format!("a time not after {what}, {}", end.rfc3339())));
        }
        let range_ms = end.ms() - start.ms();
        let step_ms = input.duration_ms(&STEP)?.unwrap_or_else(|| default_step_ms(range_ms));
        if range_ms / step_ms > MAX_STEPS {
            let least = range_ms / (MAX_STEPS + 1) / 1_000 + 1;
            let allowed = format!(
                "at least {least}s for this range, because Prometheus takes at most {MAX_STEPS} steps"
            );
            return Err(input.invalid(&STEP, allowed));
        }
        Ok(Self { expression, start, end, step_ms, limit: input.count(&MAX_SERIES)? })
    }

    /// Asks.
    ///
    /// # Errors
    /// Why there is no data.
    pub async fn run(self, api: &Api, audience: Audience) -> Result<String, Error> {
        let parameters = [
            ("query", self.expression),
            ("start", self.start.seconds()),
            ("end", self.end.seconds()),
            ("step", decimal_seconds(self.step_ms)),
        ];
        let body = api.get_or_post("/api/v1/query_range", &parameters).await?;
        let limits = audience.limits(self.limit, SERIES_FOR_AGENT);
        query_data(&body.document()?, limits, audience, NARROW)
    }
}

/// Whole seconds, and not more than the default number of steps.
fn default_step_ms(range_ms: i64) -> i64 {
    let seconds = (range_ms + DEFAULT_POINTS * 1_000 - 1) / (DEFAULT_POINTS * 1_000);
    seconds.max(1) * 1_000
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::operation::Operation;

    const NOW: i64 = 1_700_000_000_000;

    fn read(payload: &Value) -> Result<RangeQuery, InvalidInput> {
        let parameters = serde_json::from_str(&payload.to_string()).unwrap();
        RangeQuery::read(&Input::new(parameters, Operation::RangeQuery, Timestamp::from_ms(NOW)).unwrap())
    }

    #[test]
    fn the_defaults_are_the_last_hour_in_about_250_points() {
        let query = read(&json!({"query": "up"})).unwrap();
        assert_eq!((query.start.ms(), query.end.ms()), (NOW - 3_600_000, NOW));
        assert_eq!(query.step_ms, 15_000);
        for range_s in [1, 60, 250, 251, 3_600, 86_400, 30 * 86_400] {
            let query = read(&json!({"query": "up", "start": NOW / 1_000 - range_s})).unwrap();
            let points = range_s * 1_000 / query.step_ms + 1;
            assert!(points <= 251, "{range_s} s: {points}");
            assert!(points > 225 || query.step_ms <= 2_000, "{range_s} s: {points}");
        }
    }

    #[test]
    fn a_start_is_given_relative_to_the_end_that_was_given() {
        let query = read(&json!({"query": "up", "end": 7_200})).unwrap();
        assert_eq!((query.start.ms(), query.end.ms()), (3_600_000, 7_200_000));
    }

    #[test]
    fn start_and_end_may_both_be_relative_to_now() {
        let query = read(&json!({"query": "up", "start": "-6h", "end": "now-1h"})).unwrap();
        assert_eq!((query.start.ms(), query.end.ms()), (NOW - 6 * 3_600_000, NOW - 3_600_000));
    }

    #[test]
    fn ranges_that_cannot_be_are_refused() {
        for (payload, expected) in [
            (
                json!({"query": "up", "start": 20, "end": 10}),
                "invalid parameter start: expected a time not after end, 1970-01-01T00:00:10Z, got 20",
            ),
            (
                json!({"query": "up", "start": "2030-01-01T00:00:00Z"}),
                "invalid parameter start: expected a time not after now, 2023-11-14T22:13:20Z, got \"2030",
            ),
            (
                json!({"query": "up", "start": 0, "end": 86_400, "step": "1s"}),
                "invalid parameter step: expected at least 8s for this range",
            ),
            (json!({"start": 20}), "missing required parameter: query"),
        ] {
            let message = read(&payload).unwrap_err().to_string();
            assert!(message.starts_with(expected), "{message}");
        }
    }

    /// Prometheus, `web/api/v1`: a query is refused if `end - start` over `step` is more than 11,000.
    #[test]
    fn the_smallest_step_that_is_proposed_is_accepted() {
        for range_s in [11_001, 22_001, 22_002, 86_400, 10_000_000] {
            let payload = |step: &str| json!({"query": "up", "start": 0, "end": range_s, "step": step});
            let refused = read(&payload("1s")).unwrap_err().to_string();
            let least = refused.split("at least ").nth(1).unwrap().split(' ').next().unwrap();
            assert!(read(&payload(least)).is_ok(), "{range_s}: {least}");
        }
        assert!(read(&json!({"query": "up", "start": 0, "end": 11_000, "step": 1})).is_ok());
    }
}
