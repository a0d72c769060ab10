//! Fields of the protobuf messages of remote write 1.0, and their exact sizes.

use prost::Message as _;
use prost::encoding::{WireType, encode_varint, encoded_len_varint, key_len};

use crate::name::METRIC_NAME_LABEL;
use crate::sample::{Kind, Sample, Value};

// The messages, as `proto/remote.proto` and `proto/types.proto` give them:
//
// message WriteRequest { repeated TimeSeries timeseries = 1; }
const TIMESERIES: u32 = 1;
// message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; repeated Histogram histograms = 4; }
const LABELS: u32 = 1;
const SAMPLES: u32 = 2;
const HISTOGRAMS: u32 = 4;
// message Label { string name = 1; string value = 2; }
const LABEL_NAME: u32 = 1;
const LABEL_VALUE: u32 = 2;
// message Sample { double value = 1; int64 timestamp = 2; }
const VALUE: u32 = 1;
const TIMESTAMP: u32 = 2;
// message Histogram { …; int64 timestamp = 15; }
const HISTOGRAM_TIMESTAMP: u32 = 15;

/// The timestamp with the longest encoding: a negative varint has ten bytes.
const LONGEST_TIMESTAMP: i64 = -1;

/// The labels of one series as protobuf fields, except for the metric name, which is text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LabelFields<'a> {
    pub(crate) before_name: &'a [u8],
    pub(crate) name: &'a [u8],
    pub(crate) after_name: &'a [u8],
}

/// Begins a series as a field of a `WriteRequest`; its samples, which take `samples_len` bytes, follow.
pub(crate) fn put_series(out: &mut Vec<u8>, labels: LabelFields<'_>, samples_len: usize) {
    put_key(out, TIMESERIES, WireType::LengthDelimited);
    put_len(out, labels.len() + samples_len);
    out.extend_from_slice(labels.before_name);
    put_label(out, METRIC_NAME_LABEL.as_bytes(), labels.name);
    out.extend_from_slice(labels.after_name);
}

/// Writes one label as a field of a `TimeSeries`.
pub(crate) fn put_label(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    put_key(out, LABELS, WireType::LengthDelimited);
    put_len(out, field_len(name.len()) + field_len(value.len()));
    for (field, text) in [(LABEL_NAME, name), (LABEL_VALUE, value)] {
        put_key(out, field, WireType::LengthDelimited);
        put_len(out, text.len());
        out.extend_from_slice(text);
    }
}

/// The size of one label as a field of a `TimeSeries`.
pub(crate) fn label_len(name: &str, value: &str) -> usize {
    field_len(field_len(name.len()) + field_len(value.len()))
}

impl LabelFields<'_> {
    fn len(&self) -> usize {
        let name = field_len(field_len(METRIC_NAME_LABEL.len()) + field_len(self.name.len()));
        self.before_name.len() + name + self.after_name.len()
    }
}

/// The size of a series as a field of a `WriteRequest`.
pub(crate) fn series_len(labels: LabelFields<'_>, samples_len: usize) -> usize {
    field_len(labels.len() + samples_len)
}

/// The size of a request with one sample, whatever its timestamp, under labels that take `labels_len` bytes.
pub(crate) fn smallest_request_len(labels_len: usize, metric: &str, value: &Value) -> usize {
    let name = label_len(METRIC_NAME_LABEL, metric);
    // The size of a float is that of any but zero, so that it depends on the series alone.
    let value = match &value.0 {
        Kind::Float(_) => &Value::float(1.0),
        Kind::Histogram(_) => value,
    };
    field_len(labels_len + name + field_len(value_len(value, LONGEST_TIMESTAMP)))
}

/// Writes one sample as a field of its `TimeSeries`.
pub(crate) fn put_sample(out: &mut Vec<u8>, sample: &Sample) {
    let len = value_len(&sample.value, sample.timestamp_ms);
    match &sample.value.0 {
        Kind::Float(value) => {
            put_key(out, SAMPLES, WireType::LengthDelimited);
            put_len(out, len);
            if is_written(*value) {
                put_key(out, VALUE, WireType::SixtyFourBit);
                out.extend_from_slice(&value.to_le_bytes());
            }
            put_timestamp(out, TIMESTAMP, sample.timestamp_ms);
        }
        Kind::Histogram(histogram) => {
            put_key(out, HISTOGRAMS, WireType::LengthDelimited);
            put_len(out, len);
            histogram.encode_raw(out);
            put_timestamp(out, HISTOGRAM_TIMESTAMP, sample.timestamp_ms);
        }
    }
}

/// The size of one sample as a field of its `TimeSeries`.
pub(crate) fn sample_field_len(sample: &Sample) -> usize {
    field_len(value_len(&sample.value, sample.timestamp_ms))
}

fn value_len(value: &Value, timestamp_ms: i64) -> usize {
    let (value, timestamp) = match &value.0 {
        Kind::Float(value) if is_written(*value) => (key_len(VALUE) + size_of::<f64>(), TIMESTAMP),
        Kind::Float(_) => (0, TIMESTAMP),
        Kind::Histogram(histogram) => (histogram.encoded_len(), HISTOGRAM_TIMESTAMP),
    };
    match timestamp_ms {
        0 => value,
        set => value + key_len(timestamp) + encoded_len_varint(set.cast_unsigned()),
    }
}

fn put_timestamp(out: &mut Vec<u8>, field: u32, timestamp_ms: i64) {
    if timestamp_ms != 0 {
        put_key(out, field, WireType::Varint);
        encode_varint(timestamp_ms.cast_unsigned(), out);
    }
}

/// All field numbers are below 16, so a key is one byte.
#[expect(clippy::cast_possible_truncation, reason = "it is one byte")]
fn put_key(out: &mut Vec<u8>, field: u32, wire_type: WireType) {
    out.push((field << 3 | wire_type as u32) as u8);
}

/// Nearly every length is one byte, which is written in line.
fn put_len(out: &mut Vec<u8>, len: usize) {
    match u8::try_from(len) {
        Ok(byte @ ..0x80) => out.push(byte),
        _ => encode_varint(len as u64, out),
    }
}

/// Proto3 omits a field that has its default value. That is +0.0 alone: −0.0 is written, as the reference
/// implementations do, because omitting it would lose its sign.
fn is_written(value: f64) -> bool {
    value.to_bits() != 0
}

/// The size of a length-delimited field of `len` bytes.
fn field_len(len: usize) -> usize {
    key_len(TIMESERIES) + encoded_len_varint(len as u64) + len
}
