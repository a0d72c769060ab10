//! Encodes the samples of one write request: protobuf, then the snappy block format.
//!
//! Names, order and uniqueness are settled before, so encoding cannot fail. Tests compare the bytes with those of the
//! generated types of `prometheus-proto`, which would have to be built first.

use std::iter;

use crate::sample::Sample;
use crate::series::Series;
use crate::symbols::{Size, Symbols};
use crate::wire::{self, Times};

/// A version of the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Version {
    /// 1.0: the message `prometheus.WriteRequest`.
    #[default]
    V1,
    /// 2.0: the message `io.prometheus.write.v2.Request`.
    V2,
}

impl Version {
    /// The name of its message, as content types have it.
    pub fn message(self) -> &'static str {
        match self {
            Self::V1 => "prometheus.WriteRequest",
            Self::V2 => "io.prometheus.write.v2.Request",
        }
    }
}

/// The body of one write request.
#[derive(Clone, Debug)]
pub struct EncodedRequest {
    /// The version of its message.
    pub version: Version,
    /// The protobuf message in snappy block format: the HTTP body.
    pub body: Vec<u8>,
    /// The size of the message before compression, in bytes.
    pub decoded_len: usize,
    /// The number of samples in the message.
    pub samples: usize,
    /// The number of series in the message.
    pub series: usize,
}

impl Series {
    /// Encodes a request of `samples`, which are some of [`Series::samples`] in the same order. Of several samples
    /// with one timestamp in one series, the last is written. A request of 2.0 has the metadata of its series.
    pub fn encode(&self, samples: &[Sample], version: Version) -> EncodedRequest {
        match version {
            Version::V1 => self.encode_1(samples),
            Version::V2 => self.encode_2(samples),
        }
    }

    fn encode_1(&self, samples: &[Sample]) -> EncodedRequest {
        let mut message = Vec::with_capacity(self.encoded_len(samples, Version::V1));
        let (mut series, mut written) = (0, 0);
        for run in timeseries(samples, Version::V1) {
            series += 1;
            let samples_len = self.samples_len(run, Version::V1);
            wire::put_series(&mut message, self.label_fields(run[0].series), samples_len);
            for sample in latest(run) {
                written += 1;
                wire::put_sample(&mut message, sample, self.times(sample, Version::V1), Version::V1);
            }
        }
        debug_assert_eq!(message.len(), self.encoded_len(samples, Version::V1));
        compress(&message, Version::V1, written, series)
    }

    fn encode_2(&self, samples: &[Sample]) -> EncodedRequest {
        let (mut symbols, mut timeseries_fields) = (Symbols::default(), Vec::new());
        let (mut series, mut written) = (0, 0);
        let mut last = None;
        for run in timeseries(samples, Version::V2) {
            let id = run[0].series;
            series += usize::from(last.replace(id) != Some(id));
            written += latest(run).count();
            let description = symbols.describe(self, id);
            let samples_len = self.samples_len(run, Version::V2);
            let samples = latest(run).map(|sample| (sample, self.times(sample, Version::V2)));
            wire::put_series_2(&mut timeseries_fields, description, samples_len, samples);
        }
        let mut message = Vec::with_capacity(symbols.len() + timeseries_fields.len());
        symbols.put(&mut message);
        message.append(&mut timeseries_fields);
        debug_assert_eq!(message.len(), self.encoded_len(samples, Version::V2));
        compress(&message, Version::V2, written, series)
    }

    /// The exact size in bytes of the message that [`Series::encode`] makes of `samples`, before compression.
    pub fn encoded_len(&self, samples: &[Sample], version: Version) -> usize {
        let mut size = Size::new(self, version);
        for run in timeseries(samples, version) {
            let head = size.head(run[0].series);
            size.len += head.len(self.samples_len(run, version));
        }
        size.len
    }

    /// The size of the samples of a `TimeSeries` as its fields.
    pub(crate) fn samples_len(&self, run: &[Sample], version: Version) -> usize {
        latest(run).map(|sample| wire::sample_field_len(sample, self.times(sample, version))).sum()
    }

    /// The times of a sample that `version` has.
    pub(crate) fn times(&self, sample: &Sample, version: Version) -> Times {
        let start_ms = if version == Version::V2 { self.start_ms(sample) } else { 0 };
        Times { timestamp_ms: sample.timestamp_ms, start_ms }
    }
}

/// The request whose message is `message`, with these numbers of samples and series.
pub(crate) fn compress(message: &[u8], version: Version, samples: usize, series: usize) -> EncodedRequest {
    let body = snap::raw::Encoder::new()
        .compress_vec(message)
        .expect("a request is far below snappy's limit of 2^32 bytes");
    EncodedRequest { version, body, decoded_len: message.len(), samples, series }
}

/// The samples of each message `TimeSeries` of a request: those of one series, in 2.0 either floats or histograms (2.0,
/// "Samples and Histogram Samples"). Samples that supersede each other stay together.
pub(crate) fn timeseries(samples: &[Sample], version: Version) -> impl Iterator<Item = &[Sample]> {
    let mut rest = samples;
    iter::from_fn(move || {
        let series = rest.first()?.series;
        let (mut len, mut has_histograms) = (0, None);
        for instant in rest.chunk_by(|a, b| b.supersedes(a)) {
            let written = &instant[instant.len() - 1];
            let is_histogram = version == Version::V2 && written.value.is_histogram();
            if written.series != series || *has_histograms.get_or_insert(is_histogram) != is_histogram {
                break;
            }
            len += instant.len();
        }
        let (run, after) = rest.split_at(len);
        rest = after;
        Some(run)
    })
}

/// The samples of one series that are written: the last one of each timestamp.
fn latest(run: &[Sample]) -> impl Iterator<Item = &Sample> {
    run.chunk_by(|a, b| b.supersedes(a)).map(|same| &same[same.len() - 1])
}
