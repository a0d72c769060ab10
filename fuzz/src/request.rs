//! Decodes the body of a write request with generated code, and checks it against remote write 1.0.

use prometheus_proto::{TimeSeries, WriteRequest};
use prost::Message as _;
use remote_write::EncodedRequest;

use crate::names::{is_label_name, is_metric_name};

/// Decodes `request` and checks every rule of a sender within one request.
pub fn checked(request: &EncodedRequest) -> WriteRequest {
    let message =
        snap::raw::Decoder::new().decompress_vec(&request.body).expect("not in snappy block format");
    assert_eq!(message.len(), request.decoded_len);
    let decoded = WriteRequest::decode(&*message).expect("not a write request");
    for series in &decoded.timeseries {
        check_series(series);
    }
    let mut label_sets: Vec<_> = decoded.timeseries.iter().map(labels).collect();
    label_sets.sort_unstable();
    assert!(label_sets.windows(2).all(|pair| pair[0] != pair[1]), "duplicate label set");
    assert_eq!(decoded.timeseries.len(), request.series);
    assert_eq!(decoded.timeseries.iter().map(|series| series.samples.len()).sum::<usize>(), request.samples);
    decoded
}

/// The labels of a series, in their order.
pub fn labels(series: &TimeSeries) -> Vec<(&str, &str)> {
    series.labels.iter().map(|label| (&*label.name, &*label.value)).collect()
}

fn check_series(series: &TimeSeries) {
    let labels = labels(series);
    assert!(labels.windows(2).all(|pair| pair[0].0 < pair[1].0), "labels not sorted and unique: {labels:?}");
    assert!(labels.iter().all(|(_, value)| !value.is_empty()), "empty value: {labels:?}");
    assert!(labels.iter().all(|(name, _)| is_label_name(name)), "invalid label name: {labels:?}");
    let name = labels.iter().find(|(name, _)| *name == "__name__").expect("no metric name").1;
    assert!(is_metric_name(name), "invalid metric name: {name:?}");
    assert!(!series.samples.is_empty(), "a series without samples: {labels:?}");
    let ascends = series.samples.windows(2).all(|pair| pair[0].timestamp < pair[1].timestamp);
    assert!(ascends, "samples do not ascend: {series:?}");
}
