//! Requests of known points: what a receiver reads, where requests are cut, how lanes are formed.

// Each test file uses a part of what they share.
#[allow(dead_code)]
mod support;

use std::borrow::Cow;

use prometheus_proto::v2;
use remote_write::{
    Histogram, LabelName, Labels, Metadata, MetricName, MetricType, NORMAL_NAN, NameEscaping, PlannedRequest,
    Point, Series, SeriesBuilder, Value, Version, lanes,
};
use support::{
    Given, GivenValue, Received, decode, decode_2, generated, given, group, histogram, point, receive,
};

fn all_requests(series: &Series, max_bytes: usize) -> Vec<Vec<usize>> {
    let len = |planned: &PlannedRequest| {
        let request = series.encode(&series.samples()[planned.samples.clone()], Version::V1);
        assert!(request.decoded_len <= max_bytes, "{} > {max_bytes}", request.decoded_len);
        request.samples
    };
    lanes(&series.plan(series.samples(), max_bytes, Version::V1))
        .map(|lane| lane.iter().map(len).collect())
        .collect()
}

fn hot_series(samples: i64) -> Vec<Given> {
    (0..samples).map(|t| given("hot", &[("device", "d1")], 1_700_000_000_000 + t, 0.5)).collect()
}

#[test]
fn a_receiver_reads_the_example_event() {
    let labels = [("customerId", "customer1")];
    let series = group(&[
        given("temperature", &labels, 1_676_398_017_000, 14.3),
        given("ph", &labels, 1_676_398_017_000, 6.7),
    ]);
    let request = series.encode(series.samples(), Version::V1);
    assert_eq!((request.samples, request.series), (2, 2));
    let read = format!("{:?}", decode(&request));
    let expected = |name: &str, value: &str| {
        format!(
            "TimeSeries {{ labels: [Label {{ name: \"__name__\", value: \"{name}\" }}, \
             Label {{ name: \"customerId\", value: \"customer1\" }}], \
             samples: [Sample {{ value: {value}, timestamp: 1676398017000 }}], histograms: [] }}"
        )
    };
    assert_eq!(
        read,
        format!(
            "WriteRequest {{ timeseries: [{}, {}], metadata: [] }}",
            expected("temperature", "14.3"),
            expected("ph", "6.7")
        )
    );
}

#[test]
fn the_metric_name_is_sorted_among_the_labels() {
    let series = group(&[given("m", &[("a", "1"), ("Z", "2"), ("__address__", "3"), ("___", "4")], 1, 1.0)]);
    let names: Vec<_> = decode(&series.encode(series.samples(), Version::V1)).timeseries[0]
        .labels
        .iter()
        .map(|l| l.name.clone())
        .collect();
    assert_eq!(names, ["Z", "___", "__address__", "__name__", "a"]);
}

#[test]
fn special_values_arrive_with_their_bits() {
    let values = [0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE / 8.0, f64::MAX];
    let samples: Vec<_> = (0..).zip(values).map(|(t, value)| given("m", &[], t, value)).collect();
    let series = group(&samples);
    let read = decode(&series.encode(series.samples(), Version::V1));
    let bits: Vec<_> = read.timeseries[0].samples.iter().map(|s| s.value.to_bits()).collect();
    let mut expected = values.map(f64::to_bits);
    expected[2] = NORMAL_NAN.to_bits();
    assert_eq!(bits, expected);
}

#[test]
fn timestamps_may_be_zero_negative_and_extreme() {
    let timestamps = [i64::MIN, -1, 0, 1, i64::MAX];
    let series = group(&timestamps.map(|t| given("m", &[], t, 1.0)));
    let read = decode(&series.encode(series.samples(), Version::V1));
    assert_eq!(read.timeseries[0].samples.iter().map(|s| s.timestamp).collect::<Vec<_>>(), timestamps);
}

#[test]
fn of_equal_timestamps_the_last_that_arrived_is_written() {
    let series = group(&[given("m", &[], 5, 1.0), given("m", &[], 4, 2.0), given("m", &[], 5, 3.0)]);
    let request = series.encode(series.samples(), Version::V1);
    assert_eq!(request.samples, 2);
    let mut received = Received::new();
    receive(&mut received, &decode(&request));
    assert_eq!(received.into_values().next().unwrap(), [(4, 2.0f64.to_bits()), (5, 3.0f64.to_bits())]);
    assert_eq!(series.samples().len(), 3, "the superseded sample keeps its origin");
}

#[test]
fn a_full_batch_is_one_request() {
    let devices: Vec<_> = (0..500).map(|d| d.to_string()).collect();
    let samples: Vec<_> = (0..5_500)
        .flat_map(|at: i64| {
            let labels = [("customerId", devices[usize::try_from(at % 500).unwrap()].as_str())];
            ["temperature", "ph"].map(|metric| given(metric, &labels, 1_700_000_000_000 + at, 1.5))
        })
        .collect();
    assert_eq!(all_requests(&group(&samples), 1_000_000), [[11_000]]);
}

#[test]
fn a_series_larger_than_a_request_runs_through_one_lane() {
    let series = group(&hot_series(60_000));
    let sizes = all_requests(&series, 400_000);
    assert_eq!(sizes.len(), 1, "one series, one lane");
    assert_eq!(sizes[0].len(), 3);
    assert_eq!(sizes[0].iter().sum::<usize>(), 60_000);
}

#[test]
fn a_series_is_cut_where_that_saves_a_request() {
    // Three series of 60 % of a request each: three requests when kept whole, two when one of them is cut.
    let samples: Vec<_> = ["a", "b", "c"]
        .iter()
        .flat_map(|metric| (0..3_000).map(move |t| given(metric, &[], 1_700_000_000_000 + t, 0.5)))
        .collect();
    let one = group(&samples[..3_000]);
    let max_bytes = one.encoded_len(one.samples(), Version::V1) * 10 / 6;
    let sizes = all_requests(&group(&samples), max_bytes);
    assert_eq!(sizes.len(), 1, "they share a series, so they travel one after the other");
    assert_eq!(sizes[0].len(), 2);
}

#[test]
fn small_series_stay_whole_and_requests_are_lanes() {
    let names: Vec<_> = (0..1_000).map(|n| format!("metric_{n}")).collect();
    let samples: Vec<_> =
        names.iter().map(|name| given(name, &[("device", "d1")], 1_700_000_000_000, 1.0)).collect();
    let sizes = all_requests(&group(&samples), 10_000);
    assert!(sizes.len() > 3, "{sizes:?}");
    assert!(sizes.iter().all(|lane| lane.len() == 1), "{sizes:?}");
}

#[test]
fn a_receiver_reads_native_histograms() {
    let custom = Histogram { custom_values: vec![2.5], schema: -53, ..histogram(2) };
    let at = |timestamp_ms, histogram| Given {
        value: GivenValue::Histogram(Box::new(histogram)),
        ..given("latency", &[("route", "/")], timestamp_ms, 0.0)
    };
    let series = group(&[at(20, histogram(3)), at(10, histogram(1)), at(20, custom.clone())]);
    let request = series.encode(series.samples(), Version::V1);
    assert_eq!((request.series, request.samples), (1, 2));
    let expected = [generated(&histogram(1), 10), generated(&custom, 20)];
    assert_eq!(decode(&request).timeseries[0].histograms, expected);
}

/// Each histogram takes more than half a request, so that every cut would have to split one.
#[test]
fn a_histogram_is_never_split() {
    let samples: Vec<_> = (0..20)
        .map(|t| Given {
            value: GivenValue::Histogram(Box::new(histogram(60))),
            ..given("latency", &[], t, 0.0)
        })
        .collect();
    let series = group(&samples);
    let plan = series.plan(series.samples(), 1_000, Version::V1);
    assert_eq!(plan.len(), 20);
    for (t, planned) in (0..).zip(&plan) {
        let request = decode(&series.encode(&series.samples()[planned.samples.clone()], Version::V1));
        assert_eq!(request.timeseries[0].histograms, [generated(&histogram(60), t)]);
    }
}

#[test]
fn a_receiver_reads_metadata() {
    let metadata = Metadata {
        metric_type: MetricType::GaugeHistogram.into(),
        family: "latency_seconds".to_owned(),
        help: "Time to answer.".to_owned(),
        unit: "seconds".to_owned(),
    };
    let read = decode(&Metadata::encode(vec![metadata]));
    let expected = prometheus_proto::MetricMetadata {
        r#type: prometheus_proto::metric_metadata::MetricType::Gaugehistogram.into(),
        metric_family_name: "latency_seconds".to_owned(),
        help: "Time to answer.".to_owned(),
        unit: "seconds".to_owned(),
    };
    assert_eq!((read.timeseries.len(), read.metadata), (0, vec![expected]));
}

#[test]
fn a_sample_that_no_request_can_carry_is_found() {
    let long = "x".repeat(900);
    let float = given("m", &[("label", &long)], -1, 1.0);
    assert_eq!(point(&float).oversized(1_000), None);
    for value in [GivenValue::Float(1.0), GivenValue::Histogram(Box::new(histogram(20)))] {
        let given = Given { value, ..float.clone() };
        let series = group(std::slice::from_ref(&given));
        let needed = series.encoded_len(series.samples(), Version::V1);
        assert_eq!(point(&given).oversized(needed), None);
        let oversized = point(&given)
            .oversized(needed - 1)
            .map(|oversized| (oversized.metric.to_owned(), oversized.needed));
        assert_eq!(oversized, Some(("m".to_owned(), needed)));
    }
}

#[test]
fn a_request_of_2_0_has_symbols_start_times_and_metadata() {
    let route = LabelName::new("route", NameEscaping::Reject).unwrap();
    let metric = |name| MetricName::new(name, NameEscaping::Reject).unwrap();
    let point = Point {
        labels: Labels::new(vec![(route, Cow::Borrowed("/"))]).unwrap(),
        timestamp_ms: 20,
        start_ms: 10,
        metrics: vec![
            (metric("jobs_total"), Value::float(5.0)),
            (metric("latency"), Value::histogram(histogram(2))),
        ],
    };
    let without = |start_ms| Point {
        start_ms,
        metrics: vec![(metric("temperature"), Value::float(0.5))],
        ..point.clone()
    };
    let mut builder = SeriesBuilder::default();
    builder.add([&without(0), &point, &without(20)]).unwrap();
    let metadata = |metric_type: MetricType, family: &str, help: &str, unit: &str| Metadata {
        metric_type: metric_type.into(),
        family: family.to_owned(),
        help: help.to_owned(),
        unit: unit.to_owned(),
    };
    builder.describe([
        metadata(MetricType::Counter, "jobs", "Finished.", ""),
        metadata(MetricType::Histogram, "latency", "Finished.", "seconds"),
    ]);
    let series = builder.group();
    let request = series.encode(series.samples(), Version::V2);
    assert_eq!((request.samples, request.series, series.start_timestamps()), (3, 3, 2));
    let read = decode_2(&request);
    assert_eq!(
        read.symbols,
        ["", "__name__", "route", "/", "temperature", "jobs_total", "Finished.", "latency", "seconds"]
    );
    let [temperature, jobs, latency] = &read.timeseries[..] else { panic!("three series") };
    assert_eq!(jobs.labels_refs, [1, 5, 2, 3]);
    assert_eq!(jobs.samples, [v2::Sample { value: 5.0, timestamp: 20, start_timestamp: 10 }]);
    assert_eq!(jobs.metadata, Some(v2::Metadata { r#type: 1, help_ref: 6, unit_ref: 0 }));
    assert_eq!(temperature.samples, [v2::Sample { value: 0.5, timestamp: 20, start_timestamp: 0 }]);
    assert_eq!(temperature.metadata, None);
    assert_eq!((latency.histograms[0].timestamp, latency.histograms[0].start_timestamp), (20, 10));
    assert_eq!(latency.metadata, Some(v2::Metadata { r#type: 3, help_ref: 6, unit_ref: 8 }));
}

#[test]
fn floats_and_histograms_of_a_series_are_apart_in_2_0() {
    let histogram = |timestamp_ms| Given {
        value: GivenValue::Histogram(Box::new(histogram(1))),
        ..given("latency", &[], timestamp_ms, 0.0)
    };
    // The last of each timestamp is written: a histogram at 1 and 2, a float at 3 and 4.
    let series = group(&[
        given("latency", &[], 1, 0.5),
        histogram(1),
        histogram(2),
        histogram(3),
        given("latency", &[], 3, 0.5),
        given("latency", &[], 4, 0.5),
    ]);
    let request = series.encode(series.samples(), Version::V2);
    assert_eq!((request.samples, request.series), (4, 1));
    let read = decode_2(&request);
    let times = |series: &v2::TimeSeries| -> (Vec<i64>, Vec<i64>) {
        let histograms = series.histograms.iter().map(|histogram| histogram.timestamp).collect();
        (series.samples.iter().map(|sample| sample.timestamp).collect(), histograms)
    };
    assert_eq!(
        read.timeseries.iter().map(times).collect::<Vec<_>>(),
        [(vec![], vec![1, 2]), (vec![3, 4], vec![])]
    );
}

#[test]
fn a_request_of_2_0_without_samples_has_the_empty_symbol() {
    let request = group(&[]).encode(&[], Version::V2);
    assert_eq!(decode_2(&request), v2::Request { symbols: vec![String::new()], timeseries: Vec::new() });
}
