//! `OpenMetrics` 1.0, by its specification:
//! <https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md>.

use formats::Format;
use remote_write::NameEscaping;

use crate::{RECEIVED_MS, Read, read};

fn open_metrics(body: &str) -> Result<Read, String> {
    read(Format::OpenMetrics, body.as_bytes(), NameEscaping::Underscores, &[])
}

#[test]
fn every_type_is_read() {
    let body = "\
# TYPE acme_http_router_request_seconds summary
# UNIT acme_http_router_request_seconds seconds
# HELP acme_http_router_request_seconds Latency \\\"though\\\" \\\\ \\x
acme_http_router_request_seconds_sum{path=\"/api/v1\"} 9036.32
acme_http_router_request_seconds_count{path=\"/api/v1\"} 807283.0
acme_http_router_request_seconds{path=\"/api/v1\",quantile=\"0.50\"} 1
acme_http_router_request_seconds_created{path=\"/api/v1\"} 1605281325.0
# TYPE go_goroutines gauge
go_goroutines 69
# TYPE process_cpu_seconds counter
# UNIT process_cpu_seconds seconds
process_cpu_seconds_total 4.20072246e+06
process_cpu_seconds_created 1605281325
# TYPE build info
build_info{version=\"1.2\"} 1
# TYPE state stateset
state{state=\"a\"} 1
state{state=\"b\"} 0
# TYPE h histogram
h_bucket{le=\"1.0\"} 1
h_bucket{le=\"+Inf\"} 2
h_count 2
h_sum 3
h_created 5
# TYPE g gaugehistogram
g_bucket{le=\"+Inf\"} 2
g_gcount 2
g_gsum 3
# TYPE u unknown
u 1
# EOF
";
    let read = open_metrics(body).unwrap();
    let expected = [
        "acme_http_router_request_seconds_sum{path=\"/api/v1\"} 9036.32",
        "acme_http_router_request_seconds_count{path=\"/api/v1\"} 807283",
        "acme_http_router_request_seconds{path=\"/api/v1\",quantile=\"0.5\"} 1",
        "acme_http_router_request_seconds_created{path=\"/api/v1\"} 1605281325",
        "go_goroutines{} 69",
        "process_cpu_seconds_total{} 4200722.46",
        "process_cpu_seconds_created{} 1605281325",
        "build_info{version=\"1.2\"} 1",
        "state{state=\"a\"} 1",
        "state{state=\"b\"} 0",
        "h_bucket{le=\"1\"} 1",
        "h_bucket{le=\"+Inf\"} 2",
        "h_count{} 2",
        "h_sum{} 3",
        "h_created{} 5",
        "g_bucket{le=\"+Inf\"} 2",
        "g_gcount{} 2",
        "g_gsum{} 3",
        "u{} 1",
    ];
    assert_eq!(read.samples, expected);
    let expected = [
        "Summary acme_http_router_request_seconds \"Latency \\\"though\\\" \\\\ \\\\x\" \"seconds\"",
        "Gauge go_goroutines \"\" \"\"",
        "Counter process_cpu_seconds \"\" \"seconds\"",
        "Info build \"\" \"\"",
        "StateSet state \"\" \"\"",
        "Histogram h \"\" \"\"",
        "GaugeHistogram g \"\" \"\"",
    ];
    assert_eq!(read.metadata, expected);
}

#[test]
fn timestamps_are_seconds() {
    let body = "a 1 1520879607.789\nb 1 1.5e9\nc 1 0\nd 1\ne 1 -0.0015\n# EOF";
    assert_eq!(
        open_metrics(body).unwrap().timestamps,
        [1_520_879_607_789, 1_500_000_000_000, 0, RECEIVED_MS, -2]
    );
}

#[test]
fn exemplars_are_counted_and_dropped() {
    let body = "\
# TYPE foo counter
foo_total 17.0 1520879607.789 # {trace_id=\"KOO5S4vxi0o\"} 0.67
# TYPE bar histogram
bar_bucket{le=\"0.01\"} 0
bar_bucket{le=\"+Inf\"} 17 # {} 9.8 1520879607.789
bar_count 17
# EOF
";
    let read = open_metrics(body).unwrap();
    assert_eq!((read.exemplars, read.samples.len()), (2, 4));
    assert_eq!(read.timestamps[0], 1_520_879_607_789);
}

#[test]
fn unknown_escapes_stay() {
    let read = open_metrics("a{b=\"c\\d\\\\\\n\"} 1\n# EOF\n").unwrap();
    assert_eq!(read.samples, ["a{b=\"c\\\\d\\\\\\n\"} 1"]);
}

#[test]
fn what_the_specification_forbids_is_named() {
    for (body, reason) in [
        ("", "line 1: expected \"# EOF\" as the last line"),
        ("a 1\n", "line 2: expected \"# EOF\" as the last line"),
        ("a 1\n# EOF\n\n", "line 2: unexpected data after \"# EOF\""),
        ("a 1\n# EOF\na 1\n", "line 2: unexpected data after \"# EOF\""),
        ("a 1\n\n# EOF\n", "line 2: empty line"),
        ("# hello\n# EOF\n", "line 1: expected TYPE, HELP, UNIT or EOF after '#', got \"hello\""),
        ("# TYPE a Counter\n# EOF\n", "line 1: unknown metric type \"Counter\""),
        ("# TYPE a untyped\n# EOF\n", "line 1: unknown metric type \"untyped\""),
        ("# TYPE a gauge\n# TYPE a gauge\n# EOF\n", "line 2: second TYPE line for metric name \"a\""),
        ("a 1\n# TYPE a gauge\n# EOF\n", "line 2: second TYPE line for metric name \"a\""),
        ("# UNIT a_s s\n# UNIT a_s s\n# EOF\n", "line 2: second UNIT line for metric name \"a_s\""),
        ("# UNIT as s\n# EOF\n", "line 1: unit \"s\" not a suffix of metric \"as\""),
        ("a 1 x\n# EOF\n", "line 1: expected seconds as timestamp, got \"x\""),
        ("a 1 NaN\n# EOF\n", "line 1: expected seconds as timestamp, got \"NaN\""),
        ("a 1 1e300\n# EOF\n", "line 1: expected seconds as timestamp, got \"1e300\""),
        ("a 1 1 1\n# EOF\n", "line 1: expected an exemplar or the end of the line, got \"1\""),
        ("a 1 # x\n# EOF\n", "line 1: expected an exemplar or the end of the line, got \"x\""),
        ("a 1 # {\"b\"} 1\n# EOF\n", "line 1: expected '=' after label name, found '}'"),
        ("a 1 # {} x\n# EOF\n", "line 1: expected float as value, got \"x\""),
        ("# TYPE h histogram\nh_bucket 1\n# EOF\n", "line 2: expected label \"le\" for metric \"h_bucket\""),
        ("# TYPE s summary\ns 1\n# EOF\n", "line 2: expected label \"quantile\" for metric \"s\""),
        ("a{b=\"c\"", "line 1: unexpected end of input stream"),
    ] {
        let found = open_metrics(body).unwrap_err();
        assert!(found.starts_with(&format!("openmetrics parsing error in {reason}")), "{body:?}: {found}");
    }
    assert!(open_metrics("a 1\na 1\n# EOF\n").unwrap_err().ends_with("same name and label values"));
}
