//! Fields of the protobuf messages of remote write 1.0 and 2.0, and their exact sizes.

use prost::Message as _;
use prost::encoding::{WireType, decode_varint, encode_key, encode_varint, encoded_len_varint, key_len};

use crate::encode::Version;
use crate::name::METRIC_NAME_LABEL;
use crate::sample::{Kind, Sample, SampleValue, Value};
use crate::series::LabelsId;

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

// The messages of 2.0, as `proto/remote_v2.proto` gives them, where they differ:
//
// message Request { repeated string symbols = 4; repeated TimeSeries timeseries = 5; }
const SYMBOLS_2: u32 = 4;
const TIMESERIES_2: u32 = 5;
// message TimeSeries { repeated uint32 labels_refs = 1; repeated Sample samples = 2; repeated Histogram histograms = 3;
//                      Metadata metadata = 5; }
const LABELS_REFS_2: u32 = 1;
const HISTOGRAMS_2: u32 = 3;
const METADATA_2: u32 = 5;
// message Sample { …; int64 start_timestamp = 3; }
const START_TIMESTAMP_2: u32 = 3;
// message Histogram { …; int64 start_timestamp = 17; }
const HISTOGRAM_START_TIMESTAMP_2: u32 = 17;
// message Metadata { MetricType type = 1; uint32 help_ref = 3; uint32 unit_ref = 4; }
const METADATA_FIELDS_2: [u32; 3] = [1, 3, 4];

/// The times with the longest encoding of 1.0: a negative varint has ten bytes.
const LONGEST_TIMES: Times = Times { timestamp_ms: -1, start_ms: 0 };

/// The labels of one series as protobuf fields, except for the metric name, which is text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LabelFields<'a> {
    /// The label set of the other labels.
    pub(crate) set: LabelsId,
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
    pub(crate) fn len(&self) -> usize {
        let name = field_len(field_len(METRIC_NAME_LABEL.len()) + field_len(self.name.len()));
        self.before_name.len() + name + self.after_name.len()
    }
}

/// The names and values in label fields that [`put_label`] has written, in their order.
pub(crate) fn label_texts(mut fields: &[u8]) -> impl Iterator<Item = [&[u8]; 2]> {
    std::iter::from_fn(move || {
        if fields.is_empty() {
            return None;
        }
        take_len(&mut fields);
        Some([(); 2].map(|()| {
            let len = take_len(&mut fields);
            let (text, rest) = fields.split_at(len);
            fields = rest;
            text
        }))
    })
}

/// Reads the key and the length of a field.
fn take_len(fields: &mut &[u8]) -> usize {
    *fields = &fields[1..];
    let len = decode_varint(fields).expect("a length that was written");
    usize::try_from(len).expect("a length that was in memory")
}

/// Writes one symbol as a field of a `Request` of 2.0.
pub(crate) fn put_symbol(out: &mut Vec<u8>, text: &[u8]) {
    put_key(out, SYMBOLS_2, WireType::LengthDelimited);
    put_len(out, text.len());
    out.extend_from_slice(text);
}

/// The labels and the metadata of a series of 2.0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Description<'a> {
    /// The symbols of its label names and values.
    pub(crate) labels: &'a [u32],
    /// The type of its metric, and the symbols of its help and unit.
    pub(crate) metadata: Option<[u32; 3]>,
}

impl Description<'_> {
    /// Its size as fields of a `TimeSeries`.
    pub(crate) fn len(&self) -> usize {
        field_len(self.labels_len()) + self.metadata_len().map_or(0, field_len)
    }

    fn labels_len(&self) -> usize {
        self.labels.iter().map(|&symbol| encoded_len_varint(symbol.into())).sum()
    }

    fn metadata_len(&self) -> Option<usize> {
        let len = |value: u32| if value == 0 { 0 } else { 1 + encoded_len_varint(value.into()) };
        self.metadata.map(|values| values.map(len).iter().sum())
    }
}

/// Writes a series as a field of a `Request` of 2.0, with its samples, which take `samples_len` bytes.
pub(crate) fn put_series_2<'s>(
    out: &mut Vec<u8>,
    description: Description<'_>,
    samples_len: usize,
    samples: impl Iterator<Item = (&'s Sample, Times)>,
) {
    put_key(out, TIMESERIES_2, WireType::LengthDelimited);
    put_len(out, description.len() + samples_len);
    put_key(out, LABELS_REFS_2, WireType::LengthDelimited);
    put_len(out, description.labels_len());
    description.labels.iter().for_each(|&symbol| encode_varint(symbol.into(), out));
    samples.for_each(|(sample, times)| put_sample(out, sample, times, Version::V2));
    if let (Some(len), Some(values)) = (description.metadata_len(), description.metadata) {
        put_key(out, METADATA_2, WireType::LengthDelimited);
        put_len(out, len);
        for (field, value) in METADATA_FIELDS_2.into_iter().zip(values) {
            if value != 0 {
                put_key(out, field, WireType::Varint);
                encode_varint(value.into(), out);
            }
        }
    }
}

/// The size of a request with one sample, whatever its timestamp, under labels that take `labels_len` bytes.
pub(crate) fn smallest_request_len(labels_len: usize, metric: &str, value: &SampleValue) -> usize {
    let name = label_len(METRIC_NAME_LABEL, metric);
    // The size of a float is that of any but zero, so that it depends on the series alone.
    let one = Value::float(1.0);
    let value = if value.is_histogram() { value } else { one.sample() };
    field_len(labels_len + name + field_len(value_len(value, LONGEST_TIMES)))
}

/// The timestamp of a sample, and since when it counts, in milliseconds since the Unix epoch. Proto3 omits zeros.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) timestamp_ms: i64,
    /// Always 0 in 1.0.
    pub(crate) start_ms: i64,
}

impl Times {
    /// The times that are written, with their fields.
    fn fields(self, value: &SampleValue) -> impl Iterator<Item = (u32, i64)> {
        let [timestamp, start] = match value.0 {
            Kind::Float(_) => [TIMESTAMP, START_TIMESTAMP_2],
            Kind::Histogram(_) => [HISTOGRAM_TIMESTAMP, HISTOGRAM_START_TIMESTAMP_2],
        };
        [(timestamp, self.timestamp_ms), (start, self.start_ms)].into_iter().filter(|&(_, time)| time != 0)
    }
}

/// Writes one sample as a field of its `TimeSeries`.
pub(crate) fn put_sample(out: &mut Vec<u8>, sample: &Sample, times: Times, version: Version) {
    let len = value_len(&sample.value, times);
    match &sample.value.0 {
        Kind::Float(value) => {
            put_key(out, SAMPLES, WireType::LengthDelimited);
            put_len(out, len);
            if is_written(*value) {
                put_key(out, VALUE, WireType::SixtyFourBit);
                out.extend_from_slice(&value.to_le_bytes());
            }
        }
        Kind::Histogram(histogram) => {
            let histograms = if version == Version::V1 { HISTOGRAMS } else { HISTOGRAMS_2 };
            put_key(out, histograms, WireType::LengthDelimited);
            put_len(out, len);
            histogram.encode_raw(out);
        }
    }
    for (field, time) in times.fields(&sample.value) {
        encode_key(field, WireType::Varint, out);
        encode_varint(time.cast_unsigned(), out);
    }
}

/// The size of one sample as a field of its `TimeSeries`.
pub(crate) fn sample_field_len(sample: &Sample, times: Times) -> usize {
    field_len(value_len(&sample.value, times))
}

fn value_len(value: &SampleValue, times: Times) -> usize {
    let len = match &value.0 {
        Kind::Float(value) if is_written(*value) => key_len(VALUE) + size_of::<f64>(),
        Kind::Float(_) => 0,
        Kind::Histogram(histogram) => histogram.encoded_len(),
    };
    let times =
        times.fields(value).map(|(field, time)| key_len(field) + encoded_len_varint(time.cast_unsigned()));
    len + times.sum::<usize>()
}

/// Fields with a number below 16, whose key is one byte.
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

/// The size of a length-delimited field of `len` bytes, with a number below 16.
pub(crate) fn field_len(len: usize) -> usize {
    key_len(TIMESERIES) + encoded_len_varint(len as u64) + len
}
