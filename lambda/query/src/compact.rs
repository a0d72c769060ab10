//! Compact: a series as Prometheus writes it → the same for a model, with sample values as JSON numbers and, if there
//! are too many, only every n-th of its points.
//!
//! <https://prometheus.io/docs/prometheus/latest/querying/api/#expression-query-result-formats>

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::value::RawValue;

/// The fewest points that the longest series keeps for other series to have room too.
const LEAST_POINTS: usize = 20;

/// A series, or a value of a scalar, with sample values as JSON numbers. What is neither stays as it is.
#[derive(Debug)]
pub struct Compact<'a> {
    /// The element, but for its points and its end.
    head: Cow<'a, str>,
    /// The points in each of its lists: `values`, `histograms`.
    lists: Vec<(&'static str, Vec<Cow<'a, str>>)>,
    /// The end.
    tail: &'static str,
}

impl<'a> Compact<'a> {
    /// Reads an element of a result.
    pub fn parse(element: &'a str) -> Self {
        #[derive(Deserialize)]
        struct Series<'a> {
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
        let whole = |head| Self { head, lists: Vec::new(), tail: "" };
        if let Some(number) = element.strip_prefix('"').and_then(|text| exact_number(text.strip_suffix('"')?))
        {
            return whole(number);
        }
        let Ok(series) = serde_json::from_str::<Series<'_>>(element) else { return whole(element.into()) };
        let mut head = format!("{{\"metric\":{}", series.metric);
        if let Some(sample) = series.value {
            let _ = write!(head, ",\"value\":{}", sample.compact());
        }
        if let Some(histogram) = series.histogram {
            let _ = write!(head, ",\"histogram\":{histogram}");
        }
        let mut lists = Vec::new();
        if let Some(samples) = series.values {
            lists.push(("values", samples.iter().map(|sample| sample.compact().into()).collect()));
        }
        if let Some(histograms) = series.histograms {
            lists.push(("histograms", histograms.iter().map(|histogram| histogram.get().into()).collect()));
        }
        Self { head: head.into(), lists, tail: "}" }
    }

    /// JSON with every `nth` point, of which the last is one.
    pub fn json(&self, nth: usize) -> String {
        let mut text = self.head.clone().into_owned();
        for (name, points) in &self.lists {
            let _ = write!(text, ",\"{name}\":[");
            for (place, point) in every(nth, points).enumerate() {
                if place > 0 {
                    text.push(',');
                }
                text.push_str(point);
            }
            text.push(']');
        }
        text.push_str(self.tail);
        text
    }

    /// The bytes of [`Compact::json`] and a comma, or a few more.
    fn size(&self, nth: usize) -> usize {
        let points = |(name, points): &(&str, Vec<Cow<'_, str>>)| {
            name.len() + 6 + every(nth, points).map(|point| point.len() + 1).sum::<usize>()
        };
        self.head.len() + self.lists.iter().map(points).sum::<usize>() + 2
    }

    /// How many points the longest of its lists has.
    fn points(&self) -> usize {
        self.lists.iter().map(|(_, points)| points.len()).max().unwrap_or(0)
    }
}

/// The series of `elements` that may find room in `bytes`, and the least `nth` for which all of them do. Where that
/// would leave but a few points of each, it is enough that the first series finds room.
pub fn thinned<'a>(elements: impl Iterator<Item = &'a str>, bytes: usize) -> (Vec<Compact<'a>>, usize) {
    let mut heads = 0;
    let fits = |series: &Compact<'_>| {
        heads += series.head.len();
        heads < bytes
    };
    let all: Vec<_> = elements.map(Compact::parse).take_while(fits).collect();
    let longest = all.iter().map(Compact::points).max().unwrap_or(0).max(1);
    let fit =
        |series: &[Compact<'_>], nth| series.iter().map(|series| series.size(nth)).sum::<usize>() < bytes;
    let first = &all[..all.len().min(1)];
    let is_enough = |nth: &usize| fit(&all, *nth) || longest / nth <= LEAST_POINTS && fit(first, *nth);
    let nth = (1..longest).find(is_enough).unwrap_or(longest);
    (all, nth)
}

/// Every `nth` of `points`, of which the last is one.
fn every<T>(nth: usize, points: &[T]) -> impl Iterator<Item = &T> {
    points.iter().skip(points.len().saturating_sub(1) % nth).step_by(nth)
}

/// A timestamp and a value, as Prometheus writes them: `[1700000000,"1.5"]`.
#[derive(Deserialize)]
struct Sample<'a>(#[serde(borrow)] &'a RawValue, &'a str);

impl Sample<'_> {
    fn compact(&self) -> String {
        let Self(timestamp, value) = self;
        match exact_number(value) {
            Some(number) => format!("[{timestamp},{number}]"),
            None => format!("[{timestamp},\"{value}\"]"),
        }
    }
}

/// The JSON number of a sample value. Its digits stay as they are, so it is the same double; `NaN`, `+Inf` and `-Inf`
/// are no JSON numbers. Many parsers read `-0` as an integer, which has no sign.
fn exact_number(value: &str) -> Option<Cow<'_, str>> {
    if value == "-0" {
        return Some(Cow::Borrowed("-0.0"));
    }
    let is_number = value.starts_with(|c: char| c == '-' || c.is_ascii_digit())
        && serde_json::from_str::<serde_json::Number>(value).is_ok();
    is_number.then_some(Cow::Borrowed(value))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn an_agent_gets_numbers_that_are_the_same_doubles() {
        for (given, expected) in [
            (r#"{"metric":{"a":"\"x\""},"value":[1.5,"2"]}"#, r#"{"metric":{"a":"\"x\""},"value":[1.5,2]}"#),
            (
                r#"{"metric":{},"values":[[1,"0.1"],[2,"NaN"],[3,"+Inf"],[4,"-Inf"],[5,"-0"],[6,"1e-7"],[7,"1e+21"]]}"#,
                r#"{"metric":{},"values":[[1,0.1],[2,"NaN"],[3,"+Inf"],[4,"-Inf"],[5,-0.0],[6,1e-7],[7,1e+21]]}"#,
            ),
            (r#"{"metric":{},"values":[]}"#, r#"{"metric":{},"values":[]}"#),
            (
                r#"{"metric":{},"histogram":[1,{"count":"5"}]}"#,
                r#"{"metric":{},"histogram":[1,{"count":"5"}]}"#,
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
            let compact = Compact::parse(given);
            assert_eq!(compact.json(1), expected);
            assert!((expected.len()..expected.len() + 10).contains(&compact.size(1)), "{given}");
        }
    }

    fn series(points: usize) -> String {
        let values: Vec<_> = (0..points).map(|at| json!([at, "0.5"])).collect();
        json!({"metric": {"points": points}, "values": values}).to_string()
    }

    fn times(json: &str) -> Vec<u64> {
        let series: Value = serde_json::from_str(json).unwrap();
        series["values"].as_array().unwrap().iter().map(|value| value[0].as_u64().unwrap()).collect()
    }

    #[test]
    fn thinned_points_are_evenly_spaced_up_to_the_last() {
        let text = series(11);
        let compact = Compact::parse(&text);
        assert_eq!(times(&compact.json(1)), (0..11).collect::<Vec<_>>());
        assert_eq!(times(&compact.json(3)), [1, 4, 7, 10]);
        assert_eq!(times(&compact.json(11)), [10]);
        assert_eq!(times(&compact.json(500)), [10]);
        assert_eq!(times(&Compact::parse(&series(0)).json(3)), [0; 0]);
    }

    #[test]
    fn points_are_left_out_only_as_far_as_it_takes() {
        for (lengths, bytes) in [
            (vec![11_000], 5_000),
            (vec![1_000; 10], 20_000),
            (vec![1, 400, 30], 3_000),
            (vec![100; 3], 100_000),
        ] {
            let texts: Vec<_> = lengths.iter().map(|points| series(*points)).collect();
            let (all, nth) = thinned(texts.iter().map(String::as_str), bytes);
            let size = |nth| all.iter().map(|series| series.json(nth).len() + 1).sum::<usize>();
            assert_eq!(all.len(), lengths.len());
            assert!(size(nth) <= bytes, "{nth}");
            assert!(nth == 1 || size(nth - 1) > bytes - 100, "{nth}");
        }
    }

    #[test]
    fn series_keep_some_points_where_not_all_find_room() {
        let texts: Vec<_> = (0..1_000).map(|_| series(250)).collect();
        let (all, nth) = thinned(texts.iter().map(String::as_str), 10_000);
        assert_eq!((nth, times(&all[0].json(nth)).len()), (12, 21));
        let text = series(500);
        let (all, nth) = thinned([text.as_str()].into_iter(), 200);
        assert!(all[0].json(nth).len() < 200, "{nth}");
        assert!(thinned([text.as_str()].into_iter(), 10).0.is_empty());
    }
}
