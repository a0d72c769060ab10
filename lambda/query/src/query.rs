//! The operations `query` and `range_query`: evaluate PromQL (AMP, `QueryMetrics`).

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::api::Api;
use crate::api_response::{Annotations, ApiResponse};
use crate::downsample::downsample;
use crate::error::Error;
use crate::input::Input;
use crate::parameter::{END, MAX_RANGE_SERIES, MAX_SERIES, QUERY, START, STEP, TIME};
use crate::time::{Timestamp, decimal_seconds};
use crate::truncation::{Caller, Limits, Truncation, json_array};

/// The default number of series for an agent.
pub(crate) const SERIES_FOR_AGENT: usize = 50;

/// The default range, one hour.
const DEFAULT_RANGE_MS: i64 = 3_600_000;

/// The default number of points in a series: more than a chart or a model needs.
const DEFAULT_POINTS: i64 = 250;

/// Prometheus rejects more steps ("exceeded maximum resolution of 11,000 points per timeseries").
const MAX_STEPS: i64 = 11_000;

const NARROW: &str = "add label matchers, aggregate with sum by (...) or take topk(10, ...)";

const NARROW_RANGE: &str =
    "add label matchers, aggregate with sum by (...), take topk(10, ...), a larger step or a shorter range";

/// Evaluates an expression at one time.
pub(crate) async fn query(input: &Input, api: &Api, caller: Caller) -> Result<Box<RawValue>, Error> {
    let expression = input.required_string(&QUERY)?.to_owned();
    let time = input.timestamp(&TIME)?.unwrap_or_else(|| input.now());
    let parameters = [("query", expression), ("time", time.seconds())];
    let limits = caller.limits(input.count(&MAX_SERIES)?, SERIES_FOR_AGENT);
    let body = api.get_or_post("/api/v1/query", &parameters).await?;
    data(body.api_response()?, limits, caller, NARROW)
}

/// Evaluates an expression over a range of time.
pub(crate) async fn range_query(input: &Input, api: &Api, caller: Caller) -> Result<Box<RawValue>, Error> {
    let parameters = range_parameters(input, caller)?;
    // Points are left out before series are.
    let limits = caller.limits(input.count(&MAX_RANGE_SERIES)?, usize::MAX);
    let body = api.get_or_post("/api/v1/query_range", &parameters).await?;
    data(body.api_response()?, limits, caller, NARROW_RANGE)
}

fn range_parameters(input: &Input, caller: Caller) -> Result<[(&'static str, String); 4], Error> {
    let expression = input.required_string(&QUERY)?.to_owned();
    let step = input.duration_ms(&STEP)?;
    let end = match input.timestamp(&END)? {
        Some(end) => end,
        None if caller == Caller::Agent => aligned(input.now(), step, input.timestamp(&START)?),
        None => input.now(),
    };
    let start = input.timestamp(&START)?.unwrap_or_else(|| Timestamp::from_ms(end.ms() - DEFAULT_RANGE_MS));
    if start > end {
        let name = if input.has(&END) { "end" } else { "now" };
        return Err(input.invalid(&START, format!("a time not after {name}, {}", end.rfc3339())));
    }
    let range_ms = end.ms() - start.ms();
    let step_ms = step.unwrap_or_else(|| default_step_ms(range_ms));
    if range_ms / step_ms > MAX_STEPS {
        let min = range_ms / (MAX_STEPS + 1) / 1_000 + 1;
        let expected =
            format!("at least {min}s for this range, because Prometheus allows at most {MAX_STEPS} steps");
        return Err(input.invalid(&STEP, expected));
    }
    Ok([
        ("query", expression),
        ("start", start.seconds()),
        ("end", end.seconds()),
        ("step", decimal_seconds(step_ms)),
    ])
}

/// The last multiple of the step before `now`, so that points have round times, which take fewer bytes, and equal ones when
/// the same is asked again. A start that is later stays in the range.
fn aligned(now: Timestamp, step: Option<i64>, start: Option<Timestamp>) -> Timestamp {
    let range_ms = start.map_or(DEFAULT_RANGE_MS, |start| (now.ms() - start.ms()).max(0));
    let step_ms = step.unwrap_or_else(|| default_step_ms(range_ms));
    let end = Timestamp::from_ms(now.ms() - now.ms() % step_ms);
    if start.is_some_and(|start| start > end) { now } else { end }
}

/// Whole seconds, and at most [`DEFAULT_POINTS`] steps.
fn default_step_ms(range_ms: i64) -> i64 {
    let seconds = (range_ms + DEFAULT_POINTS * 1_000 - 1) / (DEFAULT_POINTS * 1_000);
    seconds.max(1) * 1_000
}

/// The `data` of a response: the result as Prometheus wrote it, up to the limits. Agents get downsampled series.
fn data(
    response: ApiResponse<'_>,
    limits: Limits,
    caller: Caller,
    narrow: &'static str,
) -> Result<Box<RawValue>, Error> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Data {
        result_type: String,
        result: Box<RawValue>,
        #[serde(flatten)]
        annotations: Annotations,
        #[serde(flatten)]
        truncation: Option<Truncation>,
        #[serde(rename = "every_nth_point", skip_serializing_if = "Option::is_none")]
        nth: Option<usize>,
    }
    // The two elements of a scalar, its time and its value, are not series.
    let is_list = matches!(response.result_type.as_str(), "vector" | "matrix");
    let limits = if is_list { limits } else { Limits { elements: 2, ..limits } };
    let elements = response.elements.iter().map(|element| element.get());
    let ((result, returned), nth) = if caller == Caller::Agent {
        let (series, nth) = downsample(elements.take(limits.elements), limits.bytes);
        (json_array(series.iter().map(|series| series.json(nth)), limits)?, Some(nth).filter(|nth| *nth > 1))
    } else {
        (json_array(elements, limits)?, None)
    };
    let left_out = response.is_complete.then(|| response.elements.len() - returned);
    let is_truncated = left_out != Some(0) || nth.is_some();
    Ok(to_raw_value(&Data {
        result_type: response.result_type,
        result,
        annotations: response.annotations,
        truncation: is_truncated.then(|| Truncation::new(returned, left_out, narrow)),
        nth,
    })?)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::operation::Operation;

    const NOW: i64 = 1_700_000_000;

    fn range(payload: &Value) -> Result<[String; 3], String> {
        range_for(Caller::Direct, payload)
    }

    fn range_for(caller: Caller, payload: &Value) -> Result<[String; 3], String> {
        let input = Input::of(payload, Operation::RangeQuery).unwrap();
        let [query, rest @ ..] = range_parameters(&input, caller).map_err(|error| error.to_string())?;
        assert_eq!(query, ("query", "up".to_owned()));
        Ok(rest.map(|(_, value)| value))
    }

    #[test]
    fn the_default_range_is_an_hour_in_about_250_points() {
        assert_eq!(range(&json!({"query": "up"})).unwrap(), ["1699996400", "1700000000", "15"]);
        assert_eq!(range(&json!({"query": "up", "end": 7_200})).unwrap(), ["3600", "7200", "15"]);
        for range_s in [1, 60, 250, 251, 3_600, 86_400, 30 * 86_400] {
            let [_, _, step] = range(&json!({"query": "up", "start": NOW - range_s})).unwrap();
            let step: i64 = step.parse().unwrap();
            let points = range_s / step + 1;
            assert!(points <= 251, "{range_s} s: {points}");
            assert!(points > 225 || step <= 2, "{range_s} s: {points}");
        }
    }

    #[test]
    fn the_default_range_of_an_agent_ends_at_a_multiple_of_its_step() {
        for (payload, expected) in [
            (json!({"query": "up"}), ["1699996395", "1699999995", "15"]),
            (json!({"query": "up", "step": "1h"}), ["1699995600", "1699999200", "3600"]),
            (json!({"query": "up", "start": "-6h"}), ["1699978400", "1699999923", "87"]),
            (json!({"query": "up", "start": "-30m", "step": "1d"}), ["1699998200", "1700000000", "86400"]),
            (json!({"query": "up", "end": "now"}), ["1699996400", "1700000000", "15"]),
        ] {
            let [start, end, step] = range_for(Caller::Agent, &payload).unwrap();
            assert_eq!([&*start, &*end, &*step], expected, "{payload}");
        }
    }

    #[test]
    fn invalid_ranges_are_rejected() {
        for (payload, expected) in [
            (
                json!({"query": "up", "start": 20, "end": 10}),
                "invalid parameter start: expected a time not after end, 1970-01-01T00:00:10Z, got 20",
            ),
            (
                json!({"query": "up", "start": "2030-01-01"}),
                "invalid parameter start: expected a time not after now, 2023-11-14T22:13:20Z, got \"2030",
            ),
            (
                json!({"query": "up", "start": 0, "end": 86_400, "step": "1s"}),
                "invalid parameter step: expected at least 8s for this range",
            ),
            (json!({"start": 20}), "missing required parameter: query"),
        ] {
            let message = range(&payload).unwrap_err();
            assert!(message.starts_with(expected), "{message}");
        }
    }

    #[test]
    fn the_smallest_step_in_the_error_is_accepted() {
        for range_s in [11_001, 22_001, 22_002, 86_400, 10_000_000] {
            let payload = |step: &str| json!({"query": "up", "start": 0, "end": range_s, "step": step});
            let error = range(&payload("1s")).unwrap_err();
            let min = error.split("at least ").nth(1).unwrap().split(' ').next().unwrap();
            assert!(range(&payload(min)).is_ok(), "{range_s}: {min}");
        }
        assert!(range(&json!({"query": "up", "start": 0, "end": 11_000, "step": 1})).is_ok());
    }
}
