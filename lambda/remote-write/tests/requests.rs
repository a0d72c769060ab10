//! From samples to requests on known inputs: what a receiver reads, how requests are cut, how lanes are formed.

// Each test file uses a part of what they share.
#[allow(dead_code)]
mod support;

use remote_write::{NORMAL_NAN, PlannedRequest, Series, SeriesSample, halves_by_origin, lanes};
use support::{Given, Received, decode, given, group, receive};

fn all_requests(series: &Series, max_bytes: usize) -> Vec<Vec<usize>> {
    let len = |planned: &PlannedRequest| {
        let request = series.encode(&series.samples()[planned.samples.clone()]);
        assert!(request.decoded_len <= max_bytes, "{} > {max_bytes}", request.decoded_len);
        request.samples
    };
    lanes(&series.plan(series.samples(), max_bytes)).map(|lane| lane.iter().map(len).collect()).collect()
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
    let request = series.encode(series.samples());
    assert_eq!((request.samples, request.series), (2, 2));
    let read = format!("{:?}", decode(&request));
    let expected = |name: &str, value: &str| {
        format!(
            "TimeSeries {{ labels: [Label {{ name: \"__name__\", value: \"{name}\" }}, \
             Label {{ name: \"customerId\", value: \"customer1\" }}], \
             samples: [Sample {{ value: {value}, timestamp: 1676398017000 }}] }}"
        )
    };
    assert_eq!(
        read,
        format!(
            "WriteRequest {{ timeseries: [{}, {}] }}",
            expected("temperature", "14.3"),
            expected("ph", "6.7")
        )
    );
}

#[test]
fn the_metric_name_takes_its_place_among_labels_in_byte_order() {
    let series = group(&[given("m", &[("a", "1"), ("Z", "2"), ("__address__", "3"), ("___", "4")], 1, 1.0)]);
    let names: Vec<_> = decode(&series.encode(series.samples())).timeseries[0]
        .labels
        .iter()
        .map(|l| l.name.clone())
        .collect();
    assert_eq!(names, ["Z", "___", "__address__", "__name__", "a"]);
}

#[test]
fn zero_negative_zero_nan_and_infinities_arrive_with_their_bits() {
    let values = [0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE / 8.0, f64::MAX];
    let samples: Vec<_> = (0..).zip(values).map(|(t, value)| given("m", &[], t, value)).collect();
    let series = group(&samples);
    let read = decode(&series.encode(series.samples()));
    let bits: Vec<_> = read.timeseries[0].samples.iter().map(|s| s.value.to_bits()).collect();
    let mut expected = values.map(f64::to_bits);
    expected[2] = NORMAL_NAN.to_bits();
    assert_eq!(bits, expected);
}

#[test]
fn timestamps_may_be_zero_negative_and_extreme() {
    let timestamps = [i64::MIN, -1, 0, 1, i64::MAX];
    let series = group(&timestamps.map(|t| given("m", &[], t, 1.0)));
    let read = decode(&series.encode(series.samples()));
    assert_eq!(read.timeseries[0].samples.iter().map(|s| s.timestamp).collect::<Vec<_>>(), timestamps);
}

#[test]
fn of_two_samples_at_one_timestamp_the_last_that_arrived_is_written() {
    let series = group(&[given("m", &[], 5, 1.0), given("m", &[], 4, 2.0), given("m", &[], 5, 3.0)]);
    let request = series.encode(series.samples());
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
fn series_that_fill_requests_badly_run_over_rather_than_cost_a_request_more() {
    // Three series of 60 % of a request each: three requests when kept whole, two when one of them is cut.
    let samples: Vec<_> = ["a", "b", "c"]
        .iter()
        .flat_map(|metric| (0..3_000).map(move |t| given(metric, &[], 1_700_000_000_000 + t, 0.5)))
        .collect();
    let one = group(&samples[..3_000]);
    let max_bytes = one.encoded_len(one.samples()) * 10 / 6;
    let sizes = all_requests(&group(&samples), max_bytes);
    assert_eq!(sizes.len(), 1, "they share a series, so they travel one after the other");
    assert_eq!(sizes[0].len(), 2);
}

#[test]
fn small_series_stay_whole_and_every_request_is_a_lane_of_its_own() {
    let names: Vec<_> = (0..1_000).map(|n| format!("metric_{n}")).collect();
    let samples: Vec<_> =
        names.iter().map(|name| given(name, &[("device", "d1")], 1_700_000_000_000, 1.0)).collect();
    let sizes = all_requests(&group(&samples), 10_000);
    assert!(sizes.len() > 3, "{sizes:?}");
    assert!(sizes.iter().all(|lane| lane.len() == 1), "{sizes:?}");
}

#[test]
fn halves_keep_superseded_samples_with_the_one_that_supersedes_them() {
    let series = group(&[given("m", &[], 1, 1.0), given("m", &[], 1, 2.0), given("m", &[], 2, 3.0)]);
    let (first, second) = series.halves_by_size(series.samples()).unwrap();
    assert_eq!((first.len(), second.len()), (2, 1));
    assert!(series.halves_by_size(&first).is_none(), "only one sample of these two would be written");
    assert!(series.halves_by_size(&second).is_none());
    assert!(series.halves_by_size(&[]).is_none());
}

#[test]
fn halving_by_size_ends_at_single_samples_without_losing_one() {
    let samples: Vec<_> =
        (0..100).map(|t| given(if t % 3 == 0 { "a" } else { "b" }, &[], t / 2, 1.0)).collect();
    let series = group(&samples);
    let (mut pending, mut kept) = (vec![series.samples().to_vec()], 0);
    while let Some(part) = pending.pop() {
        if let Some((first, second)) = series.halves_by_size(&part) {
            assert!(!first.is_empty() && !second.is_empty());
            pending.extend([first, second]);
        } else {
            assert_eq!(series.encode(&part).samples, 1);
            kept += part.len();
        }
    }
    assert_eq!(kept, 100);
}

#[test]
fn halves_by_origin_go_by_time_and_by_the_last_arrival_among_equals() {
    let series = group(&[
        given("a", &[], 30, 0.0),
        given("a", &[], 10, 1.0),
        given("b", &[], 20, 2.0),
        given("a", &[], 20, 3.0),
        given("b", &[], 20, 4.0),
    ]);
    let origins = |part: &[SeriesSample]| {
        let mut origins: Vec<_> = part.iter().map(|s| s.origin.0).collect();
        origins.sort_unstable();
        origins
    };
    let (first, second) = halves_by_origin(series.samples()).unwrap();
    assert_eq!((origins(&first), origins(&second)), (vec![1, 4], vec![0, 2, 3]));
    let (third, fourth) = halves_by_origin(&second).unwrap();
    assert_eq!((origins(&third), origins(&fourth)), (vec![3], vec![0, 2]));
    assert!(halves_by_origin(&third).is_none());
}
