//! Wire: labels and samples → their fields in the protobuf messages of remote write 1.0, and the exact sizes of these.
//!
//! In: names, values and samples that are valid already. Out: bytes appended to a buffer, or how many there would be.

use prost::bytes::BufMut;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};

use crate::name::METRIC_NAME_LABEL;
use crate::sample::Sample;

// The messages, as `proto/remote.proto` and `proto/types.proto` give them:
//
// message WriteRequest { repeated TimeSeries timeseries = 1; }
const TIMESERIES: u32 = 1;
// message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; }
const LABELS: u32 = 1;
const SAMPLES: u32 = 2;
// message Label { string name = 1; string value = 2; }
const LABEL_NAME: u32 = 1;
const LABEL_VALUE: u32 = 2;
// message Sample { double value = 1; int64 timestamp = 2; }
const VALUE: u32 = 1;
const TIMESTAMP: u32 = 2;

/// The longest a sample can be inside its series: key, length, a double, and the ten bytes of a negative varint.
pub(crate) const MAX_SAMPLE_LEN: usize = 2 + (1 + 8) + (1 + 10);

/// The labels of one series as protobuf fields, except for the metric name, which is text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LabelFields<'a> {
    pub(crate) before_name: &'a [u8],
    pub(crate) name: &'a [u8],
    pub(crate) after_name: &'a [u8],
}

/// Opens a series as a field of a `WriteRequest`: all of it but its samples, which take `samples_len` bytes.
pub(crate) fn put_series(out: &mut Vec<u8>, labels: LabelFields<'_>, samples_len: usize) {
    encode_key(TIMESERIES, WireType::LengthDelimited, out);
    encode_varint(message_len(labels, samples_len) as u64, out);
    put_labels(out, labels);
}

/// Writes one label as a field of a `TimeSeries`.
pub(crate) fn put_label(out: &mut Vec<u8>, name: &str, value: &str) {
    encode_key(LABELS, WireType::LengthDelimited, out);
    encode_varint((field_len(name.len()) + field_len(value.len())) as u64, out);
    put_text(out, LABEL_NAME, name.as_bytes());
    put_text(out, LABEL_VALUE, value.as_bytes());
}

/// The size of a series as a field of a `WriteRequest`.
pub(crate) fn series_len(labels: LabelFields<'_>, samples_len: usize) -> usize {
    field_len(message_len(labels, samples_len))
}

/// The size of one sample as a field of its `TimeSeries`.
pub(crate) fn sample_field_len(sample: Sample) -> usize {
    field_len(sample_len(sample))
}

fn message_len(labels: LabelFields<'_>, samples_len: usize) -> usize {
    labels.before_name.len() + field_len(name_label_len(labels.name)) + labels.after_name.len() + samples_len
}

fn put_labels(out: &mut Vec<u8>, labels: LabelFields<'_>) {
    out.extend_from_slice(labels.before_name);
    encode_key(LABELS, WireType::LengthDelimited, out);
    encode_varint(name_label_len(labels.name) as u64, out);
    put_text(out, LABEL_NAME, METRIC_NAME_LABEL.as_bytes());
    put_text(out, LABEL_VALUE, labels.name);
    out.extend_from_slice(labels.after_name);
}

fn name_label_len(name: &[u8]) -> usize {
    field_len(METRIC_NAME_LABEL.len()) + field_len(name.len())
}

/// Writes one sample as a field of a `TimeSeries`.
pub(crate) fn put_sample(out: &mut Vec<u8>, sample: Sample) {
    encode_key(SAMPLES, WireType::LengthDelimited, out);
    encode_varint(sample_len(sample) as u64, out);
    if has_value(sample) {
        encode_key(VALUE, WireType::SixtyFourBit, out);
        out.put_f64_le(sample.value());
    }
    if sample.timestamp_ms() != 0 {
        encode_key(TIMESTAMP, WireType::Varint, out);
        encode_varint(sample.timestamp_ms().cast_unsigned(), out);
    }
}

fn sample_len(sample: Sample) -> usize {
    let value = if has_value(sample) { key_len(VALUE) + size_of::<f64>() } else { 0 };
    let timestamp = match sample.timestamp_ms() {
        0 => 0,
        timestamp => key_len(TIMESTAMP) + encoded_len_varint(timestamp.cast_unsigned()),
    };
    value + timestamp
}

/// Proto3 leaves out a field that holds its default. That is +0.0 alone: −0.0 has other bits and is written, as the
/// reference implementations do, for leaving it out would lose its sign.
fn has_value(sample: Sample) -> bool {
    sample.value().to_bits() != 0
}

fn put_text(out: &mut Vec<u8>, field: u32, text: &[u8]) {
    encode_key(field, WireType::LengthDelimited, out);
    encode_varint(text.len() as u64, out);
    out.extend_from_slice(text);
}

/// The size of a length-delimited field of `len` bytes. All field numbers are below 16, so a key is one byte.
fn field_len(len: usize) -> usize {
    key_len(TIMESERIES) + encoded_len_varint(len as u64) + len
}
