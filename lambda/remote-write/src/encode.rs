//! Encode: the samples of one write request → protobuf with exact lengths in one pass → snappy block format.
//!
//! In: samples in the order of [`Series`], whole or filtered. Out: [`EncodedRequest`]. Nothing can fail: names,
//! order and uniqueness are settled by then. The same bytes could be had from the generated types of
//! `prometheus-proto`, at the price of building them first; the tests hold this module against them.

use crate::sample::Sample;
use crate::series::{Series, SeriesSample, supersedes};
use crate::wire;

/// The body of one write request.
#[derive(Clone, Debug)]
pub struct EncodedRequest {
    /// The protobuf message in snappy block format: what is sent.
    pub body: Vec<u8>,
    /// The size of the message before snappy, in bytes.
    pub decoded_len: usize,
    /// The samples in the message.
    pub samples: usize,
    /// The series in the message.
    pub series: usize,
}

impl Series {
    /// Encodes a request of `samples`, which are some of [`Series::samples`] in the same order. Of several samples
    /// with one timestamp in one series, the last is written.
    pub fn encode(&self, samples: &[SeriesSample]) -> EncodedRequest {
        let mut message = Vec::with_capacity(self.encoded_len(samples));
        let (mut series, mut written) = (0, 0);
        for run in samples.chunk_by(|a, b| a.series == b.series) {
            let fields = self.label_fields(run[0].series);
            series += 1;
            wire::put_series(&mut message, fields, samples_len(run));
            for sample in winners(run) {
                written += 1;
                wire::put_sample(&mut message, sample);
            }
        }
        debug_assert_eq!(message.len(), self.encoded_len(samples));
        let body = snap::raw::Encoder::new()
            .compress_vec(&message)
            .expect("a request is far below snappy's limit of 2^32 bytes");
        EncodedRequest { body, decoded_len: message.len(), samples: written, series }
    }

    /// The exact size in bytes of the message that [`Series::encode`] makes of `samples`, before snappy.
    pub fn encoded_len(&self, samples: &[SeriesSample]) -> usize {
        samples
            .chunk_by(|a, b| a.series == b.series)
            .map(|run| wire::series_len(self.label_fields(run[0].series), samples_len(run)))
            .sum()
    }
}

/// The size of all samples of a series as fields of its `TimeSeries`.
fn samples_len(run: &[SeriesSample]) -> usize {
    winners(run).map(wire::sample_field_len).sum()
}

/// The samples of one series that are written: the last one of each timestamp.
fn winners(run: &[SeriesSample]) -> impl Iterator<Item = Sample> {
    run.iter().enumerate().filter_map(|(at, this)| match run.get(at + 1) {
        Some(next) if supersedes(next, this) => None,
        _ => Some(this.sample),
    })
}
