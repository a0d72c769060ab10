//! Compact: a series as Prometheus writes it → the same for a model, with sample values as JSON numbers.
//!
//! <https://prometheus.io/docs/prometheus/latest/querying/api/#expression-query-result-formats>

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::value::RawValue;

/// A series, or the value of a scalar, with sample values as JSON numbers. What is neither stays as it is.
pub fn compact(element: &str) -> Cow<'_, str> {
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
        histograms: Option<&'a RawValue>,
    }
    if let Some(number) = element.strip_prefix('"').and_then(|text| exact_number(text.strip_suffix('"')?)) {
        return number;
    }
    let Ok(series) = serde_json::from_str::<Series<'_>>(element) else { return Cow::Borrowed(element) };
    let mut text = format!("{{\"metric\":{}", series.metric);
    if let Some(sample) = series.value {
        text.push_str(",\"value\":");
        sample.write(&mut text);
    }
    if let Some(samples) = series.values {
        text.push_str(",\"values\":[");
        for (place, sample) in samples.iter().enumerate() {
            if place > 0 {
                text.push(',');
            }
            sample.write(&mut text);
        }
        text.push(']');
    }
    for (name, histogram) in [("histogram", series.histogram), ("histograms", series.histograms)] {
        if let Some(histogram) = histogram {
            let _ = write!(text, ",\"{name}\":{histogram}");
        }
    }
    text.push('}');
    Cow::Owned(text)
}

/// A timestamp and a value, as Prometheus writes them: `[1700000000,"1.5"]`.
#[derive(Deserialize)]
struct Sample<'a>(#[serde(borrow)] &'a RawValue, &'a str);

impl Sample<'_> {
    fn write(&self, text: &mut String) {
        let Self(timestamp, value) = self;
        let _ = match exact_number(value) {
            Some(number) => write!(text, "[{timestamp},{number}]"),
            None => write!(text, "[{timestamp},\"{value}\"]"),
        };
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
            (r#""1.5""#, "1.5"),
            (r#""+Inf""#, r#""+Inf""#),
            ("1700000000.123", "1700000000.123"),
            (r#""a \"text\"""#, r#""a \"text\"""#),
        ] {
            assert_eq!(compact(given), expected);
        }
    }
}
