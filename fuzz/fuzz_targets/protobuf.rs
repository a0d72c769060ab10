//! Delimited protobuf. No metric is lost that a generated decoder finds. It rejects more, such as an invalid exemplar.
#![no_main]

use formats::Format;
use libfuzzer_sys::fuzz_target;
use prometheus_proto::client::{MetricFamily, MetricType};
use prost::Message as _;
use push_gateway_fuzz::exposition::read;
use remote_write::NameEscaping;

fuzz_target!(|body: &[u8]| {
    let _ = read(Format::Protobuf, body, NameEscaping::Values);
    let Ok(samples) = read(Format::Protobuf, body, NameEscaping::Underscores) else { return };
    let (mut rest, mut values) = (body, 0);
    while !rest.is_empty() {
        let Ok(family) = MetricFamily::decode_length_delimited(&mut rest) else { return };
        match family.r#type() {
            MetricType::Counter | MetricType::Gauge | MetricType::Untyped => values += family.metric.len(),
            // Each has a count and a sum, or is a native histogram.
            _ => {
                values += family
                    .metric
                    .iter()
                    .map(|metric| 1 + usize::from(metric.summary.is_some()))
                    .sum::<usize>();
            }
        }
    }
    assert!(samples.len() >= values, "{} samples of at least {values}", samples.len());
});
