//! Histograms in events: an object with `buckets` is a classic one, an object with `schema` a native one.
//!
//! `{"count":9,"sum":4.5,"buckets":{"0.5":3,"1":7,"+Inf":9}}`,
//! `{"count":9,"sum":4.5,"schema":3,"zero_threshold":0.001,"zero_count":2,"positive":{"-1":3,"4":4}}`

use std::borrow::Cow;

use remote_write::histogram::{BucketSpan, Count, SCHEMAS, ZeroCount};
use remote_write::{Histogram, MetricName, NameEscaping, Value};
use serde_json::value::RawValue;

use super::InvalidEvent;
use super::careful::{members, metric_name, wrong_type};
use super::value::{parse_number, parse_text};
use crate::exposition::go::float;
use crate::limits::MAX_SAMPLES;
use crate::text::{Text, text_of, truncated};

/// The highest index of a bucket, of either sign. At schema 8, that of the largest float is 262,144.
const MAX_INDEX: i32 = 1_000_000;

/// The members of the object of a histogram.
struct Reader<'a, 'f> {
    /// The metric, as errors name it.
    field: &'f str,
    members: Vec<(Text<'a>, &'a RawValue)>,
    /// The number of values that a float64 cannot hold exactly.
    inexact_values: usize,
}

/// A number of observations.
#[derive(Clone, Copy)]
struct Observations {
    float: f64,
    /// The number, if it is an integer that a difference can have.
    integer: Option<i64>,
}

/// Reads the histogram of the metric `name` into `metrics`. Returns the number of its values that a float64 cannot hold
/// exactly.
pub(super) fn histogram<'a>(
    name: Cow<'a, str>,
    field: &str,
    raw: &'a RawValue,
    escaping: NameEscaping,
    metrics: &mut Vec<(MetricName<'a>, Value)>,
) -> Result<usize, InvalidEvent> {
    let members = members(raw, field, "an object")?;
    let mut reader = Reader { field, members, inexact_values: 0 };
    match (reader.get("buckets"), reader.get("schema")) {
        (Some(buckets), None) => {
            let Classic { buckets, sum, count } = reader.classic(buckets)?;
            let with = |suffix| metric_name(Cow::Owned(format!("{name}_{suffix}")), escaping);
            let bucket = with("bucket")?;
            let value = |(bound, count): (f64, f64)| Value::float(count).with_bound("le", float(bound));
            metrics.extend(buckets.into_iter().map(|bucket_of| (bucket.clone(), value(bucket_of))));
            metrics.push((with("sum")?, Value::float(sum)));
            metrics.push((with("count")?, Value::float(count)));
        }
        (None, Some(schema)) => {
            let histogram = reader.native(schema)?;
            metrics.push((metric_name(name, escaping)?, Value::histogram(histogram)));
        }
        _ => return Err(wrong_type(field.to_owned(), "a histogram with either `buckets` or `schema`", raw)),
    }
    Ok(reader.inexact_values)
}

/// A classic histogram: the upper bounds of its buckets with their cumulative counts.
struct Classic {
    buckets: Vec<(f64, f64)>,
    sum: f64,
    count: f64,
}

impl<'a> Reader<'a, '_> {
    fn get(&self, key: &str) -> Option<&'a RawValue> {
        self.members.iter().find(|(Text(name), _)| name == key).map(|&(_, raw)| raw)
    }

    fn required(&self, key: &str) -> Result<&'a RawValue, InvalidEvent> {
        self.get(key).ok_or_else(|| InvalidEvent::Type {
            field: self.path(key),
            expected: "a number",
            found: "nothing".to_owned(),
        })
    }

    fn path(&self, key: &str) -> String {
        format!("{}.{key}", self.field)
    }

    fn invalid(&self, key: &str, expected: impl Into<String>, found: impl Into<String>) -> InvalidEvent {
        InvalidEvent::Histogram { field: self.path(key), expected: expected.into(), found: found.into() }
    }

    /// A number, or a string with one.
    fn number(&mut self, path: &str, raw: &RawValue) -> Result<f64, InvalidEvent> {
        let number = match text_of(raw.get()) {
            Some(text) => parse_text(&text?),
            None => parse_number(raw.get()),
        };
        let number =
            number.ok_or_else(|| wrong_type(path.to_owned(), "a number or a string with a number", raw))?;
        self.inexact_values += usize::from(number.inexact);
        Ok(number.float)
    }

    /// A number of at least 0.
    fn positive(&mut self, path: &str, raw: &RawValue) -> Result<f64, InvalidEvent> {
        let float = self.number(path, raw)?;
        if (0.0..f64::INFINITY).contains(&float) {
            return Ok(float);
        }
        Err(wrong_type(path.to_owned(), "a finite number of at least 0", raw))
    }

    fn observations(&mut self, path: &str, raw: &RawValue) -> Result<Observations, InvalidEvent> {
        let float = self.positive(path, raw)?;
        Ok(Observations { float, integer: raw.get().trim_matches('"').parse().ok() })
    }

    /// The counts in the object `key` by their keys, which `read` reads.
    fn buckets<K: PartialOrd + Copy>(
        &mut self,
        key: &str,
        raw: &'a RawValue,
        read: impl Fn(&str) -> Option<K>,
        expected: &'static str,
    ) -> Result<Vec<(K, Observations)>, InvalidEvent> {
        let path = self.path(key);
        let members = members(raw, &path, "an object of counts")?;
        if members.len() > MAX_SAMPLES {
            let expected = format!("at most {MAX_SAMPLES} buckets");
            return Err(self.invalid(key, expected, members.len().to_string()));
        }
        let mut buckets = Vec::with_capacity(members.len());
        for (Text(name), raw) in members {
            let of = read(&name).ok_or_else(|| self.invalid(key, expected, truncated(&name)))?;
            let path = format!("{path}.{}", truncated(&name));
            buckets.push((of, self.observations(&path, raw)?));
        }
        buckets.sort_by(|(a, _), (b, _)| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
        match buckets.array_windows().find(|[(a, _), (b, _)]| a == b) {
            Some(_) => Err(self.invalid(key, "each bucket once", "one in two spellings")),
            None => Ok(buckets),
        }
    }

    fn classic(&mut self, buckets: &'a RawValue) -> Result<Classic, InvalidEvent> {
        let count = self.observations(&self.path("count"), self.required("count")?)?.float;
        let sum = self.number(&self.path("sum"), self.required("sum")?)?;
        let bound = |text: &str| parse_text(text).map(|number| number.float).filter(|bound| !bound.is_nan());
        let mut buckets = self.buckets("buckets", buckets, bound, "an upper bound")?;
        if buckets.last().is_none_or(|(bound, _)| *bound < f64::INFINITY) {
            buckets.push((f64::INFINITY, Observations { float: count, integer: None }));
        }
        let counts = || buckets.iter().map(|(_, count)| count.float);
        if !counts().is_sorted() {
            return Err(self.invalid("buckets", "cumulative counts", "a lower one after a higher one"));
        }
        match counts().next_back() {
            Some(last) if (last - count).abs() > 0.0 => {
                let expected = format!("that of the bucket +Inf, {last}");
                return Err(self.invalid("count", expected, count.to_string()));
            }
            _ => {}
        }
        let buckets = buckets.into_iter().map(|(bound, count)| (bound, count.float)).collect();
        Ok(Classic { buckets, sum, count })
    }

    fn native(&mut self, schema: &'a RawValue) -> Result<Histogram, InvalidEvent> {
        let valid = schema.get().parse::<i32>().ok().filter(|schema| SCHEMAS.contains(schema));
        let schema =
            valid.ok_or_else(|| wrong_type(self.path("schema"), "an integer from -4 to 8", schema))?;
        let count = self.observations(&self.path("count"), self.required("count")?)?;
        let sum = self.number(&self.path("sum"), self.required("sum")?)?;
        let zero_threshold = match self.get("zero_threshold") {
            Some(raw) => self.positive(&self.path("zero_threshold"), raw)?,
            None => 0.0,
        };
        let zero = match self.get("zero_count") {
            Some(raw) => self.observations(&self.path("zero_count"), raw)?,
            None => Observations { float: 0.0, integer: Some(0) },
        };
        let [negative, positive] = ["negative", "positive"].map(|side| match self.get(side) {
            Some(raw) => {
                let is_valid = |index: &i32| (-MAX_INDEX..=MAX_INDEX).contains(index);
                let index = |text: &str| text.parse().ok().filter(is_valid);
                self.buckets(side, raw, index, "the index of a bucket, at most 1000000")
            }
            None => Ok(Vec::new()),
        });
        let (negative, positive) = (negative?, positive?);
        let mut histogram = Histogram {
            sum,
            schema,
            zero_threshold,
            negative_spans: spans(&negative),
            positive_spans: spans(&positive),
            ..Histogram::default()
        };
        let integers = (count.integer, zero.integer, deltas(&negative), deltas(&positive));
        let (Some(count_int), Some(zero_int), Some(negative_deltas), Some(positive_deltas)) = integers else {
            let floats =
                |buckets: &[(i32, Observations)]| buckets.iter().map(|(_, count)| count.float).collect();
            histogram.count = Some(Count::Float(count.float));
            histogram.zero_count = Some(ZeroCount::Float(zero.float));
            (histogram.negative_counts, histogram.positive_counts) = (floats(&negative), floats(&positive));
            return Ok(histogram);
        };
        let integers = negative.iter().chain(&positive).filter_map(|(_, count)| count.integer);
        let in_buckets = integers.map(i128::from).sum::<i128>() + i128::from(zero_int);
        // An observation of NaN is in no bucket, and makes the sum one.
        if in_buckets > count_int.into() || (in_buckets < count_int.into() && !sum.is_nan()) {
            let expected = format!("the sum of the buckets, {in_buckets}");
            return Err(self.invalid("count", expected, count_int.to_string()));
        }
        histogram.count = Some(Count::Int(count_int.unsigned_abs()));
        histogram.zero_count = Some(ZeroCount::Int(zero_int.unsigned_abs()));
        (histogram.negative_deltas, histogram.positive_deltas) = (negative_deltas, positive_deltas);
        Ok(histogram)
    }
}

/// The spans of buckets, which ascend.
fn spans(buckets: &[(i32, Observations)]) -> Vec<BucketSpan> {
    let mut spans: Vec<BucketSpan> = Vec::new();
    let mut next = 0;
    for &(index, _) in buckets {
        match spans.last_mut() {
            Some(span) if index == next => span.length += 1,
            _ => spans.push(BucketSpan { offset: index - next, length: 1 }),
        }
        next = index + 1;
    }
    spans
}

/// The counts as differences, if all are integers.
fn deltas(buckets: &[(i32, Observations)]) -> Option<Vec<i64>> {
    let mut before = 0;
    let delta = |&(_, count): &(i32, Observations)| {
        let count = count.integer?;
        Some(count - std::mem::replace(&mut before, count))
    };
    buckets.iter().map(delta).collect()
}
