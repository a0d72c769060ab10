//! What the tests of this crate share: building samples from plain data and reading requests as a receiver does.

use std::borrow::Cow;
use std::collections::BTreeMap;

use prometheus_proto::WriteRequest;
use prost::Message;
use remote_write::{
    EncodedRequest, LabelName, Labels, MetricName, NameEscaping, Origin, Sample, Series, SeriesBuilder,
};

/// One sample in plain words; its origin is its place in the slice.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) metric: String,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) timestamp_ms: i64,
    pub(crate) value: f64,
}

pub(crate) fn given(metric: &str, labels: &[(&str, &str)], timestamp_ms: i64, value: f64) -> Given {
    let labels = labels.iter().map(|&(n, v)| (n.to_owned(), v.to_owned())).collect();
    Given { metric: metric.to_owned(), labels, timestamp_ms, value }
}

pub(crate) fn group(samples: &[Given]) -> Series {
    let mut builder = SeriesBuilder::default();
    for (at, sample) in samples.iter().enumerate() {
        let pair = |(n, v): &(String, String)| {
            (LabelName::new(n.clone(), NameEscaping::Underscores).unwrap(), Cow::Owned(v.clone()))
        };
        let labels = builder.labels(&Labels::new(sample.labels.iter().map(pair).collect()).unwrap());
        let name = MetricName::new(sample.metric.as_str(), NameEscaping::Underscores).unwrap();
        let series = builder.series(labels, &name);
        let origin = Origin(u32::try_from(at).unwrap());
        builder.push(series, Sample::new(sample.timestamp_ms, sample.value), origin);
    }
    builder.group()
}

/// Decodes with the generated types, which this crate's encoder knows nothing of.
pub(crate) fn decode(request: &EncodedRequest) -> WriteRequest {
    let message = snap::raw::Decoder::new().decompress_vec(&request.body).expect("snappy block format");
    assert_eq!(message.len(), request.decoded_len);
    WriteRequest::decode(&message[..]).expect("protobuf")
}

/// A series as a receiver names it, with its samples as (timestamp, value bits) in the order of the wire.
pub(crate) type Received = BTreeMap<Vec<(String, String)>, Vec<(i64, u64)>>;

pub(crate) fn receive(into: &mut Received, request: &WriteRequest) {
    for series in &request.timeseries {
        let labels = series.labels.iter().map(|l| (l.name.clone(), l.value.clone())).collect();
        let samples = series.samples.iter().map(|s| (s.timestamp, s.value.to_bits()));
        into.entry(labels).or_default().extend(samples);
    }
}
