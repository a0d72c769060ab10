//! Native histograms, exemplars and metadata.

use local_amp::proto::histogram::{Count, ZeroCount};
use local_amp::proto::metric_metadata::MetricType;
use local_amp::proto::{BucketSpan, Histogram, Label, MetricMetadata, Sample, TimeSeries};
use prost::Message;

use crate::case::{Case, case};
use crate::request::{Request, Times};

pub(super) fn cases(t: Times) -> Vec<Case> {
    [histograms(t), custom_buckets(t), exemplars(t), metadata(t)].into_iter().flatten().collect()
}

/// A zero bucket and three others: 1 + 1 + 2 + 3 observations.
pub(super) fn integer(t: Times) -> Histogram {
    Histogram {
        count: Some(Count::CountInt(7)),
        sum: 10.0,
        zero_threshold: 0.001,
        zero_count: Some(ZeroCount::ZeroCountInt(1)),
        positive_spans: vec![BucketSpan { offset: 0, length: 2 }, BucketSpan { offset: 1, length: 1 }],
        positive_deltas: vec![1, 1, 1],
        timestamp: t.now_ms,
        ..Histogram::default()
    }
}

fn float(t: Times) -> Histogram {
    Histogram {
        count: Some(Count::CountFloat(7.0)),
        zero_count: Some(ZeroCount::ZeroCountFloat(1.0)),
        positive_counts: vec![1.0, 2.0, 3.0],
        positive_deltas: Vec::new(),
        ..integer(t)
    }
}

/// A zero bucket and 300 others, each with one observation.
fn wide(t: Times, schema: i32) -> Histogram {
    let mut deltas = vec![0; 300];
    deltas[0] = 1;
    Histogram {
        count: Some(Count::CountInt(301)),
        schema,
        positive_spans: vec![BucketSpan { offset: 0, length: 300 }],
        positive_deltas: deltas,
        ..integer(t)
    }
}

fn wide_float(t: Times) -> Histogram {
    Histogram {
        count: Some(Count::CountFloat(301.0)),
        zero_count: Some(ZeroCount::ZeroCountFloat(1.0)),
        positive_counts: vec![1.0; 300],
        positive_deltas: Vec::new(),
        ..wide(t, 0)
    }
}

/// The series `h`.
pub(super) fn h(t: Times, histogram: Histogram) -> TimeSeries {
    TimeSeries { histograms: vec![histogram], ..t.named("h", &[]) }
}

fn histograms(t: Times) -> Vec<Case> {
    let one = |name, histogram| case(name).write([h(t, histogram)]);
    let stored = "h +0s=H(count=7,buckets=4)";
    let more = Histogram { count: Some(Count::CountInt(8)), positive_deltas: vec![1, 1, 2], ..integer(t) };
    vec![
        one("NH integer", integer(t)).stores(stored),
        one("NH float", float(t)).stores(stored),
        one("NH twice", integer(t)).write([h(t, integer(t))]).stores(stored),
        one("NH 300 buckets schema 0 (limit 200)", wide(t, 0)).stores("h +0s=H(count=301,buckets=152)"),
        one("NH 300 buckets schema -4", wide(t, -4))
            .refuses("native histogram bucket count exceeded for metric (limit: 200) metric: \"h\""),
        one("NH 300 float buckets (sample > 2048 B)", wide_float(t))
            .refuses("native histogram sample size bytes exceeded for metric (actual: 24"),
        one("NH schema 9", Histogram { schema: 9, ..integer(t) })
            .refuses("invalid native histogram schema 9 for metric: \"h\". supported schema from -4 to 8"),
        one("NH schema -53 custom buckets", Histogram { schema: -53, zero_count: None, ..integer(t) })
            .refuses("only 0 custom bounds defined which is insufficient to cover total span length of 4: histogram"),
        one("NH count below buckets", Histogram { count: Some(Count::CountInt(2)), ..integer(t) }).refuses(
            "invalid native histogram, validation err: 7 observations found in buckets, but the Count field is 2: histogram's",
        ),
        one(
            "NH spans longer than buckets",
            Histogram { positive_spans: vec![BucketSpan { offset: 0, length: 5 }], positive_deltas: vec![1, 1], ..integer(t) },
        )
        .refuses("validation err: positive side: spans need 5 buckets, have 2 buckets: histogram spans"),
        one(
            "NH negative bucket",
            Histogram { positive_deltas: vec![1, -2, 1], ..integer(t) },
        )
        .refuses("validation err: positive side: bucket number 2 has observation count of -1: histogram has"),
        one(
            "NH negative span",
            Histogram {
                positive_spans: vec![BucketSpan { offset: 0, length: 2 }, BucketSpan { offset: -1, length: 1 }],
                ..integer(t)
            },
        )
        .refuses("validation err: positive side: span number 2 with offset -1: histogram has"),
        one("NH same ts other value", integer(t))
            .write([h(t, more)])
            .refuses("err: duplicate sample for timestamp. series={__name__=\"h\"}")
            .stores(stored),
        one("NH then a float same ts", integer(t))
            .write([t.named("h", &[(0, 1.0)])])
            .refuses("overrides not allowed: existing is a histogram, new value 1. series={__name__=\"h\"}")
            .stores(stored),
        case("NH and float sample in one series")
            .write([TimeSeries { histograms: vec![integer(t)], ..t.named("h", &[(0, 1.0)]) }])
            .stores("h +0s=1"),
        one("NH 2 h old", Histogram { timestamp: t.now_ms - 7_200_000, ..integer(t) }).refuses("timestamp too old: "),
    ]
}

/// Three buckets of five: 1 + 2 + 3 observations.
fn custom(t: Times) -> Histogram {
    Histogram {
        schema: -53,
        count: Some(Count::CountInt(6)),
        zero_threshold: 0.0,
        zero_count: None,
        custom_values: vec![0.1, 0.5, 1.0, 2.5],
        ..integer(t)
    }
}

fn custom_buckets(t: Times) -> Vec<Case> {
    let one = |name, histogram| case(name).write([h(t, histogram)]);
    let bounds = |name, custom_values| one(name, Histogram { custom_values, ..custom(t) });
    let invalid = "invalid native histogram, validation err: custom buckets: ";
    let counts = Histogram {
        count: Some(Count::CountFloat(6.0)),
        positive_counts: vec![1.0, 2.0, 3.0],
        positive_deltas: Vec::new(),
        ..custom(t)
    };
    let below = vec![BucketSpan { offset: 0, length: 1 }];
    let backwards = vec![BucketSpan { offset: -1, length: 3 }];
    let many = Histogram {
        count: Some(Count::CountInt(201)),
        positive_spans: vec![BucketSpan { offset: 0, length: 201 }],
        positive_deltas: (0..201).map(|position| i64::from(position == 0)).collect(),
        custom_values: (0..200_u8).map(f64::from).collect(),
        ..custom(t)
    };
    vec![
        one("NHCB integer", custom(t)).stores("h +0s=H(count=6,buckets=3)"),
        one("NHCB float", counts).stores("h +0s=H(count=6,buckets=3)"),
        one("NHCB count above buckets", Histogram { count: Some(Count::CountInt(7)), ..custom(t) })
            .refuses("6 observations found in buckets, but the Count field is 7: histogram's"),
        bounds("NHCB too few bounds", vec![0.1, 0.5]).refuses("only 2 custom bounds defined which"),
        bounds("NHCB bound twice", vec![0.1, 0.5, 0.5, 1.0])
            .refuses("previous bound is 0.500000 and current is 0.500000: "),
        bounds("NHCB bound NaN", vec![0.1, 0.5, 1.0, f64::NAN]).refuses("custom bounds must not be NaN"),
        bounds("NHCB bound +Inf", vec![0.1, 0.5, 1.0, f64::INFINITY]).refuses("last +Inf bound must not be"),
        bounds("NHCB bound -Inf in the middle", vec![0.1, f64::NEG_INFINITY, 1.0, 2.0])
            .refuses("current is -Inf: "),
        one("NHCB first span backwards", Histogram { positive_spans: backwards, ..custom(t) })
            .refuses("custom buckets: span number 1 with offset -1: "),
        one("NHCB zero count", Histogram { zero_count: Some(ZeroCount::ZeroCountInt(1)), ..custom(t) })
            .refuses(invalid),
        one("NHCB zero threshold", Histogram { zero_threshold: 0.001, ..custom(t) })
            .refuses("custom buckets: must have zero threshold of 0"),
        one("NHCB negative spans", Histogram { negative_spans: below, ..custom(t) }).refuses(invalid),
        one("NHCB negative buckets", Histogram { negative_deltas: vec![1], ..custom(t) }).refuses(invalid),
        one("NHCB 201 buckets", many)
            .refuses("native histogram bucket count exceeded for metric (limit: 200) metric: \"h\""),
        one("NH with custom bounds", Histogram { custom_values: vec![0.1], ..integer(t) })
            .refuses("validation err: histogram with exponential schema must not have custom bounds"),
    ]
}

/// A write request with exemplars, which the crate of messages does not have.
#[derive(Clone, PartialEq, Message)]
struct WithExemplars {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<Series>,
}

#[derive(Clone, PartialEq, Message)]
struct Series {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    exemplars: Vec<Exemplar>,
}

#[derive(Clone, PartialEq, Message)]
struct Exemplar {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(double, tag = "2")]
    value: f64,
    #[prost(int64, tag = "3")]
    timestamp: i64,
}

/// A request with these series, each with one exemplar.
pub(super) fn with_exemplar(series: Vec<TimeSeries>, label: Option<(&str, &str)>, timestamp: i64) -> Request {
    let label = label.map(|(name, value)| Label { name: name.to_owned(), value: value.to_owned() });
    let exemplar = Exemplar { labels: label.into_iter().collect(), value: 1.0, timestamp };
    let timeseries = series.into_iter().map(|TimeSeries { labels, samples, .. }| Series {
        labels,
        samples,
        exemplars: vec![exemplar.clone()],
    });
    Request::of_message(&WithExemplars { timeseries: timeseries.collect() })
}

fn exemplars(t: Times) -> Vec<Case> {
    let m = || vec![t.m(&[(0, 1.0)])];
    let trace = Some(("t", "a"));
    vec![
        case("exemplar").send(with_exemplar(m(), trace, t.now_ms)).stores("m +0s=1"),
        case("exemplar without labels")
            .send(with_exemplar(m(), None, t.now_ms))
            .refuses("exemplar missing labels, timestamp: "),
        case("exemplar without ts")
            .send(with_exemplar(m(), trace, 0))
            .refuses(r#"exemplar missing timestamp, timestamp: 0 series: {__name__="m"} labels: {t="a"}"#),
        case("exemplar labels > 128 chars")
            .send(with_exemplar(m(), Some(("t", &"é".repeat(128))), t.now_ms))
            .refuses("exemplar combined labelset exceeds 128 characters, timestamp: "),
        case("exemplar labels of 128 chars")
            .send(with_exemplar(m(), Some(("t", &"é".repeat(127))), t.now_ms))
            .stores("m +0s=1"),
        case("exemplar only, no sample").send(with_exemplar(vec![t.m(&[])], trace, t.now_ms)),
    ]
}

fn metadata(t: Times) -> Vec<Case> {
    let of = |name: &str, help: &str| MetricMetadata {
        r#type: MetricType::Gauge.into(),
        metric_family_name: name.to_owned(),
        help: help.to_owned(),
        unit: String::new(),
    };
    let m = || vec![t.m(&[(0, 1.0)])];
    vec![
        case("metadata + sample").send(Request::with_metadata(m(), vec![of("m", "help")])).stores("m +0s=1"),
        case("metadata only").send(Request::with_metadata(Vec::new(), vec![of("m", "help")])),
        case("metadata without name + good")
            .send(Request::with_metadata(m(), vec![of("", "help")]))
            .refuses("metadata missing metric name")
            .stores("m +0s=1"),
        case("metadata help 2000 B + good")
            .send(Request::with_metadata(m(), vec![of("m", &"h".repeat(2_000))]))
            .refuses("metadata 'HELP' value too long: \"hhh")
            .stores("m +0s=1"),
        case("metadata help of 1024 B")
            .send(Request::with_metadata(m(), vec![of("m", &"h".repeat(1_024))]))
            .stores("m +0s=1"),
    ]
}
