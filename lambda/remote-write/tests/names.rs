//! Names that escaping makes equal: for any records, no series has two of them, and all others are kept.

// Each test file uses a part of what they share.
#[allow(dead_code)]
mod support;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use remote_write::NameEscaping::{self, Underscores, Values};
use remote_write::{LabelName, Labels, MetricName, Point, Series, SeriesBuilder, Value, Version};
use support::{Received, decode, receive};

/// A point: its labels and metrics as they are given.
type Given = (BTreeMap<String, String>, BTreeSet<String>);

/// A series, after escaping or before it.
type Names = BTreeMap<String, String>;

fn point<'p>((labels, metrics): &'p Given, escaping: NameEscaping, timestamp_ms: i64) -> Option<Point<'p>> {
    let label = |(name, value): (&'p String, &'p String)| {
        Some((LabelName::new(name.as_str(), escaping).ok()?, Cow::Borrowed(value.as_str())))
    };
    let metric = |name: &'p String| {
        // The value is different for each given name, so that one that overwrites another is seen.
        let value = name.bytes().fold(0.0, |sum, byte| sum * 256.0 + f64::from(byte));
        Some((MetricName::new(name.as_str(), escaping).ok()?, Value::float(value)))
    };
    Some(Point {
        labels: Labels::new(labels.iter().map(label).collect::<Option<_>>()?).ok()?,
        timestamp_ms,
        metrics: metrics.iter().map(metric).collect::<Option<_>>()?,
        ..Point::default()
    })
}

/// The series of a point after escaping, with those before it.
fn series_of(point: &Point<'_>, (labels, _): &Given) -> Vec<(Names, Names)> {
    let escaped: Names = point.labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    let with = |labels: &Names, metric: &str| {
        labels.clone().into_iter().chain([("__name__".to_owned(), metric.to_owned())]).collect()
    };
    let names =
        point.metrics.iter().map(|(name, _)| (with(&escaped, name.as_str()), with(labels, name.given())));
    names.collect()
}

fn received(series: &Series) -> Received {
    let mut received = Received::new();
    receive(&mut received, &decode(&series.encode(series.samples(), Version::V1)));
    received
}

fn records() -> impl Strategy<Value = Vec<Vec<Given>>> {
    let name = || prop_oneof![6 => "[ab][._-][ab]", 2 => "[ab_4]{1,2}", 1 => "U__a_2e_b|a😀b|4a|_4a"];
    let given =
        (prop::collection::btree_map(name(), "[xy]", 0..3), prop::collection::btree_set(name(), 1..3));
    prop::collection::vec(prop::collection::vec(given, 0..3), 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn no_series_has_different_given_names(
        records in records(),
        escaping in prop::sample::select(vec![Underscores, Values]),
    ) {
        let mut builder = SeriesBuilder::default();
        let mut known: BTreeMap<Names, Names> = BTreeMap::new();
        let (mut expected, mut points) = (Received::new(), 0);
        for (timestamp_ms, record) in (0..).zip(&records) {
            let Some(read) = record.iter().map(|given| point(given, escaping, timestamp_ms)).collect::<Option<Vec<_>>>()
            else {
                continue;
            };
            let mut with_record = known.clone();
            let series: Vec<_> = read.iter().zip(record).flat_map(|(point, given)| series_of(point, given)).collect();
            let meets = |(escaped, given): &(Names, Names)| {
                with_record.entry(escaped.clone()).or_insert_with(|| given.clone()) != given
            };
            let is_collision = series.iter().any(meets);
            let added = builder.add(&read);
            prop_assert_eq!(added.is_err(), is_collision, "{:?}: {:?}", record, added);
            if let Ok(origins) = added {
                prop_assert_eq!(origins, points..points + u32::try_from(read.len()).unwrap());
                points += u32::try_from(read.len()).unwrap();
                known = with_record;
                for point in &read {
                    let mut builder = SeriesBuilder::default();
                    builder.add(std::slice::from_ref(point)).unwrap();
                    for (labels, samples) in received(&builder.group()) {
                        let all = expected.entry(labels).or_default();
                        all.retain(|(at, _)| *at != timestamp_ms);
                        all.extend(samples);
                    }
                }
            }
        }
        let series = builder.group();
        prop_assert_eq!(series.count(), known.len());
        prop_assert_eq!(received(&series), expected);
    }
}

/// Adds a point for each pair of labels and metric, and returns the messages of those that collide.
fn collisions(points: &[(&[(&str, &str)], &str)]) -> Vec<String> {
    let mut builder = SeriesBuilder::default();
    let add = |(labels, metric): &(&[(&str, &str)], &str)| {
        let labels = labels.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let given = (labels, BTreeSet::from([(*metric).to_owned()]));
        let point = point(&given, Underscores, 0).expect("names that can be escaped");
        builder.add(&[point]).err().map(|(_, collision)| collision.to_string())
    };
    points.iter().filter_map(add).collect()
}

#[test]
fn a_collision_names_what_was_given() {
    let both = |first, second, escaped| {
        vec![format!("names {first:?} and {second:?} are both {escaped:?} after escaping")]
    };
    assert_eq!(collisions(&[(&[], "cpu.load"), (&[], "cpu-load")]), both("cpu.load", "cpu-load", "cpu_load"));
    assert_eq!(collisions(&[(&[], "cpu_load"), (&[], "cpu.load")]), both("cpu_load", "cpu.load", "cpu_load"));
    assert_eq!(collisions(&[(&[], "cpu.load"), (&[], "cpu_load")]), both("cpu.load", "cpu_load", "cpu_load"));
    let labels: [&[_]; 3] =
        [&[("a.b", "1"), ("z", "2")], &[("a-b", "1"), ("z", "2")], &[("a_b", "1"), ("z", "2")]];
    assert_eq!(collisions(&[(labels[0], "m"), (labels[1], "m")]), both("a.b", "a-b", "a_b"));
    assert_eq!(collisions(&[(labels[0], "m"), (labels[2], "m")]), both("a.b", "a_b", "a_b"));
    assert_eq!(collisions(&[(labels[2], "m"), (labels[0], "m")]), both("a_b", "a.b", "a_b"));
}

#[test]
fn names_that_do_not_meet_in_a_series_do_not_collide() {
    assert_eq!(collisions(&[(&[("a", "1")], "cpu.load"), (&[("a", "2")], "cpu-load")]), [""; 0]);
    assert_eq!(collisions(&[(&[("a.b", "1")], "up"), (&[("a-b", "1")], "down")]), [""; 0]);
    assert_eq!(collisions(&[(&[], "cpu.load"), (&[], "cpu.load"), (&[], "4xx"), (&[], "5xx")]), [""; 0]);
}
