//! Downsamples series for models: sample values as JSON numbers, native histograms as count, sum and quantiles and, if
//! there are too many points, every n-th only.
//!
//! <https://prometheus.io/docs/prometheus/latest/querying/api/#expression-query-result-formats>

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::native_histogram::summary;

/// A series, or another element of a result, with sample values as JSON numbers.
#[derive(Debug)]
pub(crate) struct Series<'a> {
    /// The JSON before the points.
    head: Cow<'a, str>,
    /// The points in `values` and `histograms`.
    points: Vec<(&'static str, Vec<Cow<'a, str>>)>,
    /// The JSON after the points.
    tail: &'static str,
}

impl<'a> Series<'a> {
    /// Reads an element of a result. An element that is neither a series nor a number stays as it is.
    pub(crate) fn parse(element: &'a str) -> Self {
        #[derive(Deserialize)]
        struct Json<'a> {
            #[serde(borrow)]
            metric: &'a RawValue,
            #[serde(borrow)]
            value: Option<Sample<'a>>,
            #[serde(borrow)]
            values: Option<Vec<Sample<'a>>>,
            #[serde(borrow)]
            histogram: Option<&'a RawValue>,
            #[serde(borrow)]
            histograms: Option<Vec<&'a RawValue>>,
        }
        let whole = |json: &'a str| Self { head: json.into(), points: Vec::new(), tail: "" };
        let quoted = element.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        if let Some(number) = quoted.and_then(exact_number) {
            return whole(number);
        }
        let Ok(series) = serde_json::from_str::<Json<'_>>(element) else { return whole(element) };
        let mut head = format!("{{\"metric\":{}", series.metric);
        if let Some(sample) = series.value {
            let _ = write!(head, ",\"value\":{}", sample.json());
        }
        if let Some(histogram) = series.histogram {
            let _ = write!(head, ",\"histogram\":{}", summary(histogram.get()));
        }
        let mut points = Vec::new();
        if let Some(samples) = series.values {
            points.push(("values", samples.iter().map(|sample| sample.json().into()).collect()));
        }
        if let Some(histograms) = series.histograms {
            points
                .push(("histograms", histograms.iter().map(|histogram| summary(histogram.get())).collect()));
        }
        Self { head: head.into(), points, tail: "}" }
    }

    /// JSON with every `nth` point, counted from the last one.
    pub(crate) fn json(&self, nth: usize) -> String {
        let mut json = self.head.clone().into_owned();
        for (name, points) in &self.points {
            let _ = write!(json, ",\"{name}\":[");
            for (at, point) in every(nth, points).enumerate() {
                if at > 0 {
                    json.push(',');
                }
                json.push_str(point);
            }
            json.push(']');
        }
        json.push_str(self.tail);
        json
    }

    /// The bytes of [`Series::json`] and a comma, or a few more.
    fn size(&self, nth: usize) -> usize {
        let points = |(name, points): &(&str, Vec<Cow<'_, str>>)| {
            name.len() + 6 + every(nth, points).map(|point| point.len() + 1).sum::<usize>()
        };
        self.head.len() + self.points.iter().map(points).sum::<usize>() + 2
    }

    fn len(&self) -> usize {
        self.points.iter().map(|(_, points)| points.len()).max().unwrap_or(0)
    }
}

/// The series that may fit into `bytes`, and the least `nth` with which all of them do. Points are left out before series
/// are: each series keeps its last point.
pub(crate) fn downsample<'a>(
    elements: impl Iterator<Item = &'a str>,
    bytes: usize,
) -> (Vec<Series<'a>>, usize) {
    let mut heads = 0;
    let may_fit = |series: &Series<'_>| {
        heads += series.head.len();
        heads < bytes
    };
    let all: Vec<_> = elements.map(Series::parse).take_while(may_fit).collect();
    let longest = all.iter().map(Series::len).max().unwrap_or(0).max(1);
    let fit = |nth: &usize| all.iter().map(|series| series.size(*nth)).sum::<usize>() < bytes;
    let nth = (1..longest).find(fit).unwrap_or(longest);
    (all, nth)
}

/// Every `nth` of `points`, counted from the last one.
fn every<T>(nth: usize, points: &[T]) -> impl Iterator<Item = &T> {
    points.iter().skip(points.len().saturating_sub(1) % nth).step_by(nth)
}

/// A timestamp and a value: `[1700000000,"1.5"]`.
#[derive(Deserialize)]
struct Sample<'a>(#[serde(borrow)] &'a RawValue, &'a str);

impl Sample<'_> {
    fn json(&self) -> String {
        let Self(timestamp, value) = self;
        match exact_number(value) {
            Some(number) => format!("[{timestamp},{number}]"),
            None => format!("[{timestamp},\"{value}\"]"),
        }
    }
}

/// A sample value as a JSON number with the same digits, so that it is the same double. `NaN`, `+Inf` and `-Inf` are
/// not JSON numbers. Many parsers read `-0` as an integer, which has no sign.
pub(crate) fn exact_number(value: &str) -> Option<&str> {
    if value == "-0" {
        return Some("-0.0");
    }
    let is_number = value.starts_with(|c: char| c == '-' || c.is_ascii_digit())
        && serde_json::from_str::<serde_json::Number>(value).is_ok();
    is_number.then_some(value)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn values_become_numbers_with_the_same_digits() {
        for (given, expected) in [
            (r#"{"metric":{"a":"\"x\""},"value":[1.5,"2"]}"#, r#"{"metric":{"a":"\"x\""},"value":[1.5,2]}"#),
            (
                r#"{"metric":{},"values":[[1,"0.1"],[2,"NaN"],[3,"+Inf"],[4,"-Inf"],[5,"-0"],[6,"1e-7"],[7,"1e+21"]]}"#,
                r#"{"metric":{},"values":[[1,0.1],[2,"NaN"],[3,"+Inf"],[4,"-Inf"],[5,-0.0],[6,1e-7],[7,1e+21]]}"#,
            ),
            (r#"{"metric":{},"values":[]}"#, r#"{"metric":{},"values":[]}"#),
            (
                r#"{"metric":{},"histogram":[1,{"count":"5","sum":"NaN"}]}"#,
                r#"{"metric":{},"histogram":[1,{"count":5,"sum":"NaN"}]}"#,
            ),
            (
                r#"{"metric":{},"values":[[1,"2"]],"histograms":[[3,{"count":"5"}]]}"#,
                r#"{"metric":{},"values":[[1,2]],"histograms":[[3,{"count":"5"}]]}"#,
            ),
            (r#""1.5""#, "1.5"),
            (r#""+Inf""#, r#""+Inf""#),
            ("1700000000.123", "1700000000.123"),
            (r#""a \"text\"""#, r#""a \"text\"""#),
        ] {
            let series = Series::parse(given);
            assert_eq!(series.json(1), expected);
            assert!((expected.len()..expected.len() + 10).contains(&series.size(1)), "{given}");
        }
    }

    fn series_of(points: usize) -> String {
        let values: Vec<_> = (0..points).map(|at| json!([at, "0.5"])).collect();
        json!({"metric": {"points": points}, "values": values}).to_string()
    }

    fn times(json: &str) -> Vec<u64> {
        let series: Value = serde_json::from_str(json).unwrap();
        series["values"].as_array().unwrap().iter().map(|value| value[0].as_u64().unwrap()).collect()
    }

    #[test]
    fn points_are_evenly_spaced_up_to_the_last() {
        let text = series_of(11);
        let series = Series::parse(&text);
        assert_eq!(times(&series.json(1)), (0..11).collect::<Vec<_>>());
        assert_eq!(times(&series.json(3)), [1, 4, 7, 10]);
        assert_eq!(times(&series.json(11)), [10]);
        assert_eq!(times(&series.json(500)), [10]);
        assert_eq!(times(&Series::parse(&series_of(0)).json(3)), [0; 0]);
    }

    #[test]
    fn no_more_points_are_left_out_than_necessary() {
        for (lengths, bytes) in [
            (vec![11_000], 5_000),
            (vec![1_000; 10], 20_000),
            (vec![1, 400, 30], 3_000),
            (vec![100; 3], 100_000),
        ] {
            let texts: Vec<_> = lengths.iter().map(|points| series_of(*points)).collect();
            let (all, nth) = downsample(texts.iter().map(String::as_str), bytes);
            let size = |nth| all.iter().map(|series| series.json(nth).len() + 1).sum::<usize>();
            assert_eq!(all.len(), lengths.len());
            assert!(size(nth) <= bytes, "{nth}");
            assert!(nth == 1 || size(nth - 1) > bytes - 100, "{nth}");
        }
    }

    #[test]
    fn every_series_keeps_a_point_while_they_fit() {
        let texts: Vec<_> = (0..200).map(|_| series_of(250)).collect();
        let bytes = 200 * texts[0].len() / 40;
        let (all, nth) = downsample(texts.iter().map(String::as_str), bytes);
        assert_eq!(all.len(), 200);
        let size: usize = all.iter().map(|series| series.json(nth).len() + 1).sum();
        assert!(size <= bytes && all.iter().all(|series| !times(&series.json(nth)).is_empty()), "{nth}");
        let (all, nth) = downsample(texts.iter().map(String::as_str), 1_000);
        assert!(all.len() < 200 && times(&all[0].json(nth)) == [249], "{nth}");
        let text = series_of(500);
        let (all, nth) = downsample([text.as_str()].into_iter(), 200);
        assert!(all[0].json(nth).len() < 200, "{nth}");
        assert!(downsample([text.as_str()].into_iter(), 10).0.is_empty());
    }
}
