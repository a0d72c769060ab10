//! The differences from Prometheus's OTLP receiver, each with its reason.

use std::collections::{BTreeMap, BTreeSet};

use local_amp::proto::otlp::any_value::Value as Any;
use local_amp::proto::otlp::metric::Data;
use local_amp::proto::otlp::{ExponentialHistogramDataPoint, KeyValue, NumberDataPoint};

use super::cases::{Case, Written};
use crate::results::Results;
use crate::stored::{Float, Histogram, Labels, Stored, Value};

/// A difference.
struct Rule {
    name: &'static str,
    reason: &'static str,
    /// Makes of what Prometheus wrote what the gateway has to write. A part that is not compared is removed from both.
    apply: fn(&Case<'_>, &mut Written, &mut Written),
}

const RULES: &[Rule] = &[
    Rule {
        name: "target_info has a type",
        reason: "Prometheus leaves out the label, but its metadata is that of a gauge",
        apply: |case, theirs, _| {
            if case.metric.is_none() {
                relabel(theirs, |labels| {
                    labels.insert("__type__".to_owned(), "gauge".to_owned());
                });
            }
        },
    },
    Rule {
        name: "attributes job and instance do not identify a resource",
        reason: "OpenTelemetry's specification makes the identity of service attributes; Prometheus takes any label",
        apply: |case, theirs, _| {
            let is_identity = |attribute: &KeyValue| {
                let value = attribute.value.as_ref().and_then(|value| value.value.as_ref());
                match &*attribute.key {
                    "service.name" => {
                        value.is_some_and(|value| *value != Any::StringValue(String::new()))
                            || case.attributes().any(|attribute| attribute.key == "service.namespace")
                    }
                    "service.instance.id" => {
                        value.is_some_and(|value| *value != Any::StringValue(String::new()))
                    }
                    _ => false,
                }
            };
            if case.metric.is_none() && !case.attributes().any(is_identity) {
                theirs.series.clear();
            }
        },
    },
    Rule {
        name: "a scope without a name has labels",
        reason: "OpenTelemetry's specification makes version and schema URL labels whether there is a name or not",
        apply: |case, theirs, _| {
            let Some((scope, _)) = case.metric else { return };
            let named = scope.scope.as_ref().is_some_and(|scope| !scope.name.is_empty());
            let version = scope.scope.as_ref().map_or("", |scope| &scope.version);
            if !named {
                relabel(theirs, |labels| {
                    for (name, value) in
                        [("otel_scope_version", version), ("otel_scope_schema_url", &scope.schema_url)]
                    {
                        if !value.is_empty() {
                            labels.insert(name.to_owned(), value.to_owned());
                        }
                    }
                });
            }
        },
    },
    Rule {
        name: "the label __unit__ has no runs of underscores",
        reason: "Prometheus translates the unit a second time for this label; its metadata is that of the gateway",
        apply: |_, _, ours| {
            relabel(ours, |labels| {
                if let Some(unit) = labels.get_mut("__unit__") {
                    *unit = unit.replace("__", "_");
                }
            });
        },
    },
    Rule {
        name: "an attribute stays if its scope has no such label",
        reason: "the empty version or schema URL of a scope removes the attribute otel_scope_version in Prometheus",
        apply: |case, theirs, ours| {
            let Some((scope, _)) = case.metric else { return };
            let Some(named) = scope.scope.as_ref().filter(|scope| !scope.name.is_empty()) else { return };
            if named.version.is_empty() && theirs.series.keys().all(|labels| !labels.contains_key(VERSION)) {
                relabel(ours, |labels| {
                    labels.remove(VERSION);
                });
            }
        },
    },
    Rule {
        name: "attributes of a scope with one label are joined",
        reason: "OpenTelemetry's specification joins values of keys that become one name; Prometheus keeps the last",
        apply: |case, theirs, ours| {
            let keys = case.metric.and_then(|(scope, _)| scope.scope.as_ref()).into_iter();
            let keys: Vec<_> =
                keys.flat_map(|scope| &scope.attributes).map(|attribute| &*attribute.key).collect();
            if keys.contains(&"a.b") && keys.contains(&"a_b") {
                for written in [theirs, ours] {
                    relabel(written, |labels| {
                        labels.remove("otel_scope_a_b");
                    });
                }
            }
        },
    },
    Rule {
        name: "a key of a resource without a valid character costs target_info only",
        reason: "Prometheus refuses the whole request, in which the data points are valid",
        apply: |case, theirs, _| {
            // Prometheus got the resource again without the key.
            if case.has_bad_key() && !theirs.is_accepted {
                theirs.is_accepted = true;
                if case.metric.is_none() {
                    theirs.series.clear();
                }
            }
        },
    },
    Rule {
        name: "NaN and infinities in lists and maps are text",
        reason: "OpenTelemetry's specification of attributes writes them so; Prometheus leaves the label out",
        apply: |_, theirs, ours| {
            let is_special = |value: &String| SPECIAL.iter().any(|special| value.contains(special));
            let labels = ours.series.keys().flatten().filter(|(_, value)| is_special(value));
            let names: BTreeSet<_> = labels.map(|(name, _)| name.clone()).collect();
            for written in [theirs, ours] {
                relabel(written, |labels| labels.retain(|name, _| !names.contains(name)));
            }
        },
    },
    Rule {
        name: "no bytes in lists and maps are an empty text",
        reason: "base64 of no bytes; Prometheus writes null",
        apply: |case, theirs, ours| {
            if format!("{case:?}").contains("BytesValue([])") {
                for written in [theirs, ours] {
                    relabel(written, |labels| {
                        for value in labels.values_mut() {
                            *value = value.replace("null", "\"\"");
                        }
                    });
                }
            }
        },
    },
    Rule {
        name: "a double halfway between two shortest texts has the upper one",
        reason: "both read back as the same number; Prometheus writes the even one",
        apply: |_, theirs, _| {
            relabel(theirs, |labels| labels.values_mut().for_each(|value| *value = upper_text(value)));
        },
    },
    Rule {
        name: "of a duplicate quantile or bound, the last counts",
        reason: "the last sample of a series and time counts in all formats; Prometheus keeps the first",
        apply: |case, theirs, _| {
            let last = match case.metric.and_then(|(_, metric)| metric.data.as_ref()) {
                Some(Data::Summary(summary)) => match &*summary.data_points[0].quantile_values {
                    [first, last] if first.quantile.to_bits() == last.quantile.to_bits() => {
                        Some(("quantile", last.quantile.to_string(), last.value))
                    }
                    _ => None,
                },
                Some(Data::Histogram(histogram)) if histogram.data_points[0].explicit_bounds == TWICE => {
                    Some(("le", "2".to_owned(), 6.0))
                }
                _ => None,
            };
            let Some((name, value, last)) = last else { return };
            for (_, samples) in
                theirs.series.iter_mut().filter(|(labels, _)| labels.get(name) == Some(&value))
            {
                for sample in samples.values_mut() {
                    *sample = Value::Float(last.into());
                }
            }
        },
    },
    Rule {
        name: "a metric without data has no points",
        reason: "it may be of a kind that is added later; Prometheus refuses the whole request",
        apply: |case, theirs, _| {
            if case.metrics().any(|metric| metric.data.is_none()) {
                *theirs = Written { is_accepted: true, series: Stored::new() };
            }
        },
    },
    Rule {
        name: "counts over 64 bits, over 63 in native histograms, are refused",
        reason: "Prometheus writes the low bits of their sum, or refuses the request",
        apply: |case, theirs, _| {
            let is_over = |counts: &Vec<u64>, limit: u64| {
                counts.iter().map(|count| u128::from(*count)).sum::<u128>() > limit.into()
            };
            let is_case = case.metrics().any(|metric| match &metric.data {
                Some(Data::Histogram(histogram)) => {
                    histogram.data_points.iter().any(|point| is_over(&point.bucket_counts, u64::MAX))
                }
                Some(Data::ExponentialHistogram(histogram)) => {
                    let points = histogram.data_points.iter().filter(|point| point.flags == 0);
                    let mut buckets = points.flat_map(|point| [&point.positive, &point.negative]).flatten();
                    // Native histograms have signed differences.
                    buckets.any(|buckets| is_over(&buckets.bucket_counts, i64::MAX.unsigned_abs()))
                }
                _ => false,
            });
            if is_case {
                *theirs = Written::default();
            }
        },
    },
    Rule {
        name: "a stale marker needs no valid buckets",
        reason: "Prometheus checks scale and counts of a data point whose buckets have no meaning",
        apply: |case, theirs, ours| {
            let is_case = case.metrics().any(|metric| {
                matches!(&metric.data, Some(Data::ExponentialHistogram(histogram))
                    if histogram.data_points.iter().any(|point| point.flags == 1))
            });
            if is_case && !theirs.is_accepted && ours.is_accepted {
                let has_marker_only = ours.series.len() == 1 && ours.series.values().all(BTreeMap::is_empty);
                assert!(case.metric.is_none() || has_marker_only, "{case:?} {ours:?}");
                *theirs = ours.clone();
            }
        },
    },
    Rule {
        name: "target_info stays if the receiver refuses the data points of its resource",
        reason: "they are valid for the gateway; Prometheus writes nothing of a request with a wrong number of observations",
        apply: |case, theirs, ours| {
            let is_wrong = |point: &ExponentialHistogramDataPoint| {
                let buckets = [&point.positive, &point.negative].into_iter().flatten();
                let counts = buckets.flat_map(|buckets| &buckets.bucket_counts).chain([&point.zero_count]);
                point.flags == 0 && counts.map(|count| u128::from(*count)).sum::<u128>() != point.count.into()
            };
            let is_case = case.metrics().any(|metric| {
                matches!(&metric.data, Some(Data::ExponentialHistogram(histogram))
                    if histogram.data_points.iter().any(is_wrong))
            });
            if is_case && case.metric.is_none() && !theirs.is_accepted && !ours.is_accepted {
                theirs.series.clone_from(&ours.series);
            }
        },
    },
    Rule {
        name: "a number without a value is refused",
        reason: "Prometheus writes 0, which was not measured",
        apply: |case, theirs, _| {
            let is_none = |point: &NumberDataPoint| point.value.is_none() && point.flags == 0;
            let has_none = case.metrics().any(|metric| match &metric.data {
                Some(Data::Gauge(gauge)) => gauge.data_points.iter().any(is_none),
                Some(Data::Sum(sum)) => sum.data_points.iter().any(is_none),
                _ => false,
            });
            if has_none {
                *theirs = Written::default();
            }
        },
    },
    Rule {
        name: "an exponential histogram without a sum is refused",
        reason: "OpenTelemetry's specification requires it; Prometheus writes a sum of 0",
        apply: |case, theirs, _| {
            if is_without_sum(case) {
                *theirs = Written::default();
            }
        },
    },
    Rule {
        name: "a native histogram has at most 200 buckets and 2,048 bytes",
        reason: "AMP refuses larger ones, so their resolution is reduced; no observation is lost",
        apply: |_, theirs, ours| {
            for (labels, samples) in &mut theirs.series {
                for (at, value) in samples {
                    let found = ours.series.get(labels).and_then(|samples| samples.get(at));
                    if let (Value::Histogram(histogram), Some(Value::Histogram(found))) = (value, found)
                        && histogram.buckets.len() > LARGE
                        && histogram.buckets.len() > found.buckets.len()
                        && let Some(merged) = merged(histogram, found)
                    {
                        *histogram = merged;
                    }
                }
            }
        },
    },
];

/// Values in lists and maps.
const SPECIAL: [&str; 3] = ["\"NaN\"", "\"Infinity\"", "\"-Infinity\""];

/// Bounds with one of them twice.
pub(crate) const TWICE: [f64; 3] = [2.0, 1.0, 2.0];

const VERSION: &str = "otel_scope_version";

/// So many buckets may take 2,048 bytes.
const LARGE: usize = 100;

fn is_without_sum(case: &Case<'_>) -> bool {
    let is_without = |point: &ExponentialHistogramDataPoint| point.sum.is_none() && point.flags == 0;
    case.metrics().any(|metric| match &metric.data {
        Some(Data::ExponentialHistogram(histogram)) => histogram.data_points.iter().any(is_without),
        _ => false,
    })
}

/// `text` with each double as Rust writes it, if that differs in the last digit only. Integers are written in full.
fn upper_text(text: &str) -> String {
    let is_number = |c: char| c.is_ascii_digit() || ".e+-".contains(c);
    let mut rest = text;
    let mut upper = String::with_capacity(text.len());
    while let Some(start) = rest.find(is_number) {
        let end = rest[start..].find(|c| !is_number(c)).map_or(rest.len(), |length| start + length);
        let number = &rest[start..end];
        let without_last = |text: &str| text.strip_suffix(|c: char| c.is_ascii_digit()).map(str::to_owned);
        upper.push_str(&rest[..start]);
        match number.parse::<f64>().map(|value| value.to_string()) {
            Ok(other) if number.contains('.') && without_last(&other) == without_last(number) => {
                upper.push_str(&other);
            }
            _ => upper.push_str(number),
        }
        rest = &rest[end..];
    }
    upper + rest
}

/// Changes the labels of all series.
fn relabel(written: &mut Written, change: impl Fn(&mut Labels)) {
    let series = std::mem::take(&mut written.series).into_iter().map(|(mut labels, samples)| {
        change(&mut labels);
        (labels, samples)
    });
    written.series = series.collect::<Stored>();
}

/// `histogram` with the buckets of `coarse`, if each of its own is within one of these.
fn merged(histogram: &Histogram, coarse: &Histogram) -> Option<Histogram> {
    let mut counts = BTreeMap::<usize, f64>::new();
    for [lower, upper, count] in &histogram.buckets {
        let within = |bucket: &[Float; 3]| bucket[0].get() <= lower.get() && upper.get() <= bucket[1].get();
        *counts.entry(coarse.buckets.iter().position(within)?).or_default() += count.get();
    }
    let bucket = |(at, count): (usize, f64)| {
        let [lower, upper, _] = coarse.buckets[at];
        [lower, upper, count.into()]
    };
    Some(Histogram { buckets: counts.into_iter().map(bucket).collect(), ..histogram.clone() })
}

/// The rules that have explained something.
#[derive(Default)]
pub(crate) struct Used(BTreeMap<&'static str, usize>);

impl Used {
    pub(crate) fn apply(&mut self, case: &Case<'_>, theirs: &mut Written, ours: &mut Written) {
        for rule in RULES {
            let before = (theirs.clone(), ours.clone());
            (rule.apply)(case, theirs, ours);
            if before != (theirs.clone(), ours.clone()) {
                *self.0.entry(rule.name).or_default() += 1;
            }
        }
    }

    /// Adds a case for each rule, which fails if the rule has explained nothing.
    pub(crate) fn add_to(&self, results: &mut Results) {
        for rule in RULES {
            let is_used = self.0.contains_key(rule.name);
            let result = if is_used { Ok(()) } else { Err("it explains no difference".to_owned()) };
            results.differ(rule.name, rule.reason, result);
        }
    }
}
