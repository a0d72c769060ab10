//! The labels of resources and scopes, and `target_info`.

use prometheus_proto::otlp::{
    ExportMetricsServiceRequest, InstrumentationScope, NumberDataPoint, ResourceMetrics, ScopeMetrics,
};

use crate::{NOW, NOW_MS, double, gauge, metric, one, read_request, request, resource, texts};

const SECOND: u64 = 1_000_000_000;

#[test]
fn a_resource_with_a_service_is_a_job() {
    for (attributes, expected) in [
        (&[("service.name", "api")][..], "job=\"api\""),
        (&[("service.name", "api"), ("service.namespace", "shop")], "job=\"shop/api\""),
        (
            &[("service.instance.id", "i-1"), ("service.name", "api"), ("service.namespace", "")],
            "instance=\"i-1\",job=\"/api\"",
        ),
        (&[("service.namespace", "shop"), ("service.instance.id", "i-1")], "instance=\"i-1\""),
        (&[("service.namespace", "shop"), ("host.name", "h")], ""),
    ] {
        let read = read_request(&request(attributes, vec![one("m")]));
        assert_eq!(read.samples, [format!("m{{{expected}}} 1")], "{attributes:?}");
    }
}

#[test]
fn other_attributes_of_a_resource_are_on_target_info() {
    let attributes = [("service.name", "api"), ("host.name", "h"), ("host-name", "x"), ("job", "no")];
    let read = read_request(&request(&attributes, vec![one("m")]));
    assert_eq!(read.samples, ["m{job=\"api\"} 1", "target_info{host_name=\"x;h\",job=\"api\"} 1"]);
    assert_eq!(read.metadata, ["Gauge m \"\" \"\"", "Gauge target_info \"Target metadata\" \"\""]);
    assert_eq!((read.points, read.data_points), (2, 1), "target_info is of no data point");
}

#[test]
fn target_info_has_a_sample_every_150_seconds() {
    let at = |seconds: u64| NumberDataPoint { time_unix_nano: NOW - seconds * SECOND, ..double(1.0) };
    let times = |points: Vec<NumberDataPoint>| {
        let attributes = [("service.name", "api"), ("a", "b")];
        let read = read_request(&request(&attributes, vec![metric("m", gauge(points))]));
        let samples = read.samples.iter().zip(read.timestamps);
        let targets = samples.filter(|(sample, _)| sample.starts_with("target_info"));
        targets.map(|(_, timestamp_ms)| (NOW_MS - timestamp_ms) / 1_000).collect::<Vec<_>>()
    };
    assert_eq!(times(vec![at(0)]), [0]);
    assert_eq!(times(vec![at(10), at(310), at(100)]), [310, 160, 10]);
    assert_eq!(times(vec![at(300), at(0)]), [300, 150, 0]);
    // AMP rejects samples that are older than an hour.
    assert_eq!(times(vec![at(1_000_000_000), at(0)]).len(), 25);
}

#[test]
fn a_target_has_one_set_of_attributes() {
    let job = |value, seconds| {
        let point = NumberDataPoint { time_unix_nano: NOW - seconds * SECOND, ..double(1.0) };
        resource(&[("service.name", "api"), ("a", value)], vec![metric("m", gauge(vec![point]))])
    };
    let resource_metrics = vec![job("first", 3), job("other", 2), job("first", 1)];
    let read = read_request(&ExportMetricsServiceRequest { resource_metrics });
    let targets: Vec<_> = read.samples.iter().filter(|sample| sample.starts_with("target_info")).collect();
    assert_eq!(targets, ["target_info{a=\"first\",job=\"api\"} 1"; 2]);
}

#[test]
fn target_info_that_cannot_be_written_is_a_warning() {
    for (attributes, reason) in [
        (texts(&[("service.name", "api"), ("@", "x")]), "nothing but underscores"),
        (texts(&[("service.name", "api"), ("a", &"x".repeat(100_000))]), "expected at most 100000 bytes"),
    ] {
        let mut resource = resource(&[], vec![one("m")]);
        resource.resource.as_mut().unwrap().attributes = attributes;
        let read = read_request(&ExportMetricsServiceRequest { resource_metrics: vec![resource] });
        assert_eq!(read.samples, ["m{job=\"api\"} 1"]);
        let [(0, message)] = &*read.refused else { panic!("{read:?}") };
        assert!(message.contains(reason), "{message}");
    }
}

fn scoped(scope: InstrumentationScope, schema_url: &str) -> ExportMetricsServiceRequest {
    let scope =
        ScopeMetrics { scope: Some(scope), metrics: vec![one("m")], schema_url: schema_url.to_owned() };
    let resource = ResourceMetrics { scope_metrics: vec![scope], ..resource(&[], vec![]) };
    ExportMetricsServiceRequest { resource_metrics: vec![resource] }
}

#[test]
fn the_scope_is_in_the_labels() {
    let scope = InstrumentationScope {
        name: "lib".to_owned(),
        version: "1.2".to_owned(),
        attributes: texts(&[("b.c", "2"), ("b_c", "3"), ("name", "no"), ("schema.url", "no"), ("empty", "")]),
    };
    let read = read_request(&scoped(scope, "https://example.com"));
    assert_eq!(
        read.samples,
        ["m{otel_scope_b_c=\"2;3\",otel_scope_name=\"lib\",otel_scope_schema_url=\"https://example.com\",\
          otel_scope_version=\"1.2\"} 1"]
    );
    let scope =
        InstrumentationScope { attributes: texts(&[("version", "no")]), ..InstrumentationScope::default() };
    assert_eq!(read_request(&scoped(scope, "")).samples, ["m{} 1"]);
}
