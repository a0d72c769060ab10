//! A request of OTLP. Every data point that a generated decoder finds is accepted or refused.
#![no_main]

use formats::{Content, Format};
use libfuzzer_sys::fuzz_target;
use prometheus_proto::otlp::ExportMetricsServiceRequest;
use prometheus_proto::otlp::metric::Data;
use prost::Message as _;
use push_gateway_fuzz::exposition::{read_content, samples};
use remote_write::NameEscaping;

fuzz_target!(|body: &[u8]| {
    let read = |format, body: &[u8]| read_content(format, body, NameEscaping::Reject, points);
    let _ = read(Format::OtlpJson, body);
    let _ = read(Format::Otlp, body);
    // Encoded again, a message has each of its fields once.
    let Ok(request) = ExportMetricsServiceRequest::decode(body) else { return };
    let Ok(points) = read(Format::Otlp, &request.encode_to_vec()) else { return };
    let scopes = request.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
    let data = scopes.flat_map(|scope| &scope.metrics).filter_map(|metric| metric.data.as_ref());
    let expected = data.map(|data| match data {
        Data::Gauge(data) => data.data_points.len(),
        Data::Sum(data) => data.data_points.len(),
        Data::Histogram(data) => data.data_points.len(),
        Data::ExponentialHistogram(data) => data.data_points.len(),
        Data::Summary(data) => data.data_points.len(),
    });
    assert_eq!(points, expected.sum::<usize>());
});

/// The number of data points, accepted or refused. Those that are accepted have samples.
fn points(content: &Content<'_, '_>) -> usize {
    samples(content);
    assert!(content.data_points <= content.points.len());
    let refused: usize = content.refused.iter().map(|refused| refused.points).sum();
    content.data_points + refused
}
