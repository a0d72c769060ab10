//! Write requests of both versions. Each sample that a generated decoder finds is read, or refused with its series.
#![no_main]

use formats::{Content, Format};
use libfuzzer_sys::fuzz_target;
use prometheus_proto::{WriteRequest, v2};
use prost::Message as _;
use push_gateway_fuzz::exposition::read_content;
use push_gateway_fuzz::names::{is_label_name, is_metric_name};
use remote_write::NameEscaping;

fuzz_target!(|body: &[u8]| {
    let one = WriteRequest::decode(body).map(|request| {
        request.timeseries.iter().map(|one| one.samples.len() + one.histograms.len()).sum::<usize>()
    });
    let two = v2::Request::decode(body).map(|request| {
        request.timeseries.iter().map(|one| one.samples.len() + one.histograms.len()).sum::<usize>()
    });
    for (format, expected) in [(Format::RemoteWrite1, one), (Format::RemoteWrite2, two)] {
        let samples = read(format, body);
        if let (Some(samples), Ok(expected)) = (samples, expected) {
            assert_eq!(samples, expected, "{format:?}");
        }
    }
});

/// The number of samples that are read or refused; `None` if the request is invalid.
fn read(format: Format, body: &[u8]) -> Option<usize> {
    read_content(format, body, NameEscaping::Underscores, check).map_err(|reason| is_bounded(&reason)).ok()
}

fn check(content: &Content<'_, '_>) -> usize {
    for point in content.points {
        let labels: Vec<_> = point.labels.iter().collect();
        assert!(labels.windows(2).all(|pair| pair[0].0 < pair[1].0), "not sorted and unique: {labels:?}");
        assert!(labels.iter().all(|(name, value)| is_label_name(name) && !value.is_empty()), "{labels:?}");
        assert!(point.metrics.len() == 1 && is_metric_name(point.metrics[0].0.as_str()), "{point:?}");
    }
    content.refused.iter().for_each(|refused| is_bounded(&refused.reason));
    content.points.len() + content.refused.iter().map(|refused| refused.points).sum::<usize>()
}

fn is_bounded(reason: &str) {
    assert!(reason.len() < 1_000 && !reason.contains('\n'), "{reason}");
}
