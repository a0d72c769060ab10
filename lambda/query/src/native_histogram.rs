//! Native histograms for models, who do not need hundreds of buckets: count, sum, and three quantiles.
//!
//! <https://prometheus.io/docs/prometheus/latest/querying/api/#native-histograms>

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::downsample::exact_number;

/// The quantiles, with their names.
const QUANTILES: [(&str, f64); 3] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)];

/// A timestamp and a histogram.
#[derive(Deserialize)]
struct Sample<'a>(#[serde(borrow)] &'a RawValue, #[serde(borrow)] Histogram<'a>);

#[derive(Deserialize)]
struct Histogram<'a> {
    #[serde(borrow)]
    count: Cow<'a, str>,
    #[serde(borrow)]
    sum: Cow<'a, str>,
    #[serde(default)]
    buckets: Vec<Bucket>,
}

/// The rule of the boundaries, the boundaries and the count.
#[derive(Deserialize)]
struct Bucket(u8, Number, Number, Number);

#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct Number(f64);

impl TryFrom<String> for Number {
    type Error = std::num::ParseFloatError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

/// The summary of a histogram with its timestamp; JSON of another form stays as it is.
pub(crate) fn summary(json: &str) -> Cow<'_, str> {
    let Ok(Sample(timestamp, histogram)) = serde_json::from_str::<Sample<'_>>(json) else {
        return json.into();
    };
    let mut members: Vec<_> = [("count", &histogram.count), ("sum", &histogram.sum)]
        .map(|(name, text)| (name, number(text)))
        .into();
    for (name, q) in QUANTILES {
        if let Some(quantile) = quantile(q, &histogram.buckets) {
            members.push((name, rounded(quantile)));
        }
    }
    let members: Vec<_> = members.iter().map(|(name, number)| format!("\"{name}\":{number}")).collect();
    format!("[{timestamp},{{{}}}]", members.join(",")).into()
}

/// A value of Prometheus as a number, or as text where JSON has no such number.
fn number(text: &str) -> String {
    exact_number(text).map_or_else(|| Value::from(text).to_string(), str::to_owned)
}

/// Four digits: a bucket is at least 0.2 % wide.
fn rounded(value: f64) -> String {
    let rounded = format!("{value:.3e}").parse().unwrap_or(value);
    serde_json::Number::from_f64(rounded)
        .map_or_else(|| format!("\"{rounded}\""), |number| number.to_string())
}

impl Bucket {
    /// Whether it cannot be one of a standard schema. The first custom bucket begins at -Inf and includes both boundaries;
    /// the others are left-open, and Prometheus leaves out empty ones. Custom boundaries that are those of a standard schema
    /// as well, such as 2 and 4, are not recognized.
    fn is_custom(&self) -> bool {
        let Self(rule, Number(lower), Number(upper), _) = *self;
        match rule {
            3 => lower == f64::NEG_INFINITY,
            0 if lower <= 0.0 || (upper == f64::INFINITY && lower < f64::MAX) => true,
            // The observation of an infinite value.
            0 if upper == f64::INFINITY => false,
            0 => {
                // Both are whole numbers: the boundaries are powers of 2^(2^-schema).
                let width = upper.log2() - lower.log2();
                [width.log2(), upper.log2() / width]
                    .iter()
                    .any(|number| (number - number.round()).abs() > 1e-6)
            }
            _ => false,
        }
    }
}

/// The value below which the part `q` of the observations are, as `histogram_quantile` of Prometheus 3 estimates it:
/// exponentially within the buckets of standard schemas, linearly within the zero bucket and within custom buckets. `None`
/// without observations.
fn quantile(q: f64, buckets: &[Bucket]) -> Option<f64> {
    let total: f64 = buckets.iter().map(|Bucket(_, _, _, count)| count.0).sum();
    let is_custom = buckets.iter().any(Bucket::is_custom);
    let has_negative = buckets.iter().any(|Bucket(_, _, upper, _)| upper.0 < 0.0);
    let has_positive = buckets.iter().any(|Bucket(_, lower, _, _)| lower.0 > 0.0);
    let mut rank = q * total;
    let last = buckets.iter().rposition(|Bucket(_, _, _, count)| count.0 > 0.0)?;
    for (at, Bucket(_, lower, upper, count)) in buckets.iter().enumerate() {
        let (mut lower, mut upper, count) = (lower.0, upper.0, count.0);
        if count <= 0.0 || (rank > count && at < last) {
            rank -= count.max(0.0);
            continue;
        }
        let fraction = (rank / count).clamp(0.0, 1.0);
        if is_custom {
            if lower == f64::NEG_INFINITY {
                if upper <= 0.0 {
                    return Some(upper);
                }
                lower = 0.0;
            }
            return Some(if upper == f64::INFINITY { lower } else { lower + (upper - lower) * fraction });
        }
        if lower < 0.0 && upper > 0.0 {
            if !has_negative && has_positive {
                lower = 0.0;
            } else if !has_positive && has_negative {
                upper = 0.0;
            }
            return Some(lower + (upper - lower) * fraction);
        }
        let (near, far) = (lower.abs().log2(), upper.abs().log2());
        return Some(if lower > 0.0 {
            (near + (far - near) * fraction).exp2()
        } else {
            -(far + (near - far) * (1.0 - fraction)).exp2()
        });
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn summarized(histogram: &Value) -> Value {
        serde_json::from_str(&summary(&json!([1.5, histogram]).to_string())).unwrap()
    }

    /// Half of the observations are below the middle of the second of three buckets, in logarithms.
    #[test]
    fn quantiles_are_estimated_within_exponential_buckets() {
        let buckets = json!([[0, "1", "2", "10"], [0, "2", "4", "10"], [0, "4", "8", "10"]]);
        let summary = summarized(&json!({"count": "30", "sum": "90.5", "buckets": buckets}));
        assert_eq!(
            summary,
            json!([1.5, {"count": 30, "sum": 90.5, "p50": 2.828, "p90": 6.498, "p99": 7.835}])
        );
        let negative = json!([[1, "-4", "-2", "10"], [1, "-2", "-1", "10"]]);
        let summary = summarized(&json!({"count": "20", "sum": "-45", "buckets": negative}));
        assert_eq!(summary[1]["p50"], -2.0);
        assert_eq!(summary[1]["p90"], -1.149);
    }

    #[test]
    fn quantiles_are_linear_within_the_zero_bucket() {
        let buckets = json!([[3, "-0.5", "0.5", "8"], [0, "0.5", "1", "2"]]);
        let summary = summarized(&json!({"count": "10", "sum": "1", "buckets": buckets}));
        assert_eq!(summary[1]["p50"], 0.3125);
        // The square root of a half, between 0.5 and 1.
        assert_eq!(summary[1]["p90"].to_string(), "0.7071");
        let alone = json!([[3, "-0.5", "0.5", "8"]]);
        let summary = summarized(&json!({"count": "8", "sum": "0", "buckets": alone}));
        assert_eq!((&summary[1]["p50"], &summary[1]["p90"]), (&json!(0.0), &json!(0.4)));
    }

    #[test]
    fn quantiles_are_linear_within_custom_buckets() {
        let buckets = json!([[3, "-Inf", "1", "5"], [0, "1", "5", "4"], [0, "5", "+Inf", "1"]]);
        let summary = summarized(&json!({"count": "10", "sum": "NaN", "buckets": buckets}));
        assert_eq!(summary[1], json!({"count": 10, "sum": "NaN", "p50": 1.0, "p90": 5.0, "p99": 5.0}));
        let inner = json!([[0, "5", "10", "10"]]);
        assert_eq!(summarized(&json!({"count": "10", "sum": "0", "buckets": inner}))[1]["p50"], 7.5);
        let first = json!([[3, "-Inf", "1", "10"]]);
        assert_eq!(summarized(&json!({"count": "10", "sum": "0", "buckets": first}))[1]["p50"], 0.5);
        // 2^(1/256) and its square.
        let standard = json!([[0, "1.0027112750502025", "1.0054299011128027", "10"]]);
        let summary = summarized(&json!({"count": "10", "sum": "0", "buckets": standard}));
        assert_eq!(summary[1]["p50"].to_string(), "1.004");
    }

    #[test]
    fn no_histogram_has_no_quantiles_and_none_panics() {
        for (given, expected) in [
            (r#"[1,{"count":"0","sum":"0"}]"#, r#"[1,{"count":0,"sum":0}]"#),
            (r#"[1,{"count":"0","sum":"0","buckets":[[0,"1","2","0"]]}]"#, r#"[1,{"count":0,"sum":0}]"#),
            (r#"[1,{"count":5}]"#, r#"[1,{"count":5}]"#),
            (
                r#"[1,{"count":"1","sum":"x","buckets":[[0,"NaN","2","1"]]}]"#,
                r#"[1,{"count":1,"sum":"x","p50":"NaN","p90":"NaN","p99":"NaN"}]"#,
            ),
        ] {
            assert_eq!(summary(given), expected);
        }
    }
}
