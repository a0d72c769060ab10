//! Encodes the samples of one write request: protobuf in one pass, then the snappy block format.
//!
//! Names, order and uniqueness are settled before, so encoding cannot fail. Tests compare the bytes with those of the
//! generated types of `prometheus-proto`, which would have to be built first.

use crate::sample::Sample;
use crate::series::Series;
use crate::wire;

/// The body of one write request.
#[derive(Clone, Debug)]
pub struct EncodedRequest {
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
    /// with one timestamp in one series, the last is written.
    pub fn encode(&self, samples: &[Sample]) -> EncodedRequest {
        let mut message = Vec::with_capacity(self.encoded_len(samples));
        let (mut series, mut written) = (0, 0);
        for run in samples.chunk_by(|a, b| a.series == b.series) {
            series += 1;
            wire::put_series(&mut message, self.label_fields(run[0].series), samples_len(run));
            for sample in latest(run) {
                written += 1;
                wire::put_sample(&mut message, sample);
            }
        }
        debug_assert_eq!(message.len(), self.encoded_len(samples));
        compress(&message, written, series)
    }

    /// The exact size in bytes of the message that [`Series::encode`] makes of `samples`, before compression.
    pub fn encoded_len(&self, samples: &[Sample]) -> usize {
        samples
            .chunk_by(|a, b| a.series == b.series)
            .map(|run| wire::series_len(self.label_fields(run[0].series), samples_len(run)))
            .sum()
    }
}

/// The request whose message is `message`, with these numbers of samples and series.
pub(crate) fn compress(message: &[u8], samples: usize, series: usize) -> EncodedRequest {
    let body = snap::raw::Encoder::new()
        .compress_vec(message)
        .expect("a request is far below snappy's limit of 2^32 bytes");
    EncodedRequest { body, decoded_len: message.len(), samples, series }
}

fn samples_len(run: &[Sample]) -> usize {
    latest(run).map(wire::sample_field_len).sum()
}

/// The samples of one series that are written: the last one of each timestamp.
fn latest(run: &[Sample]) -> impl Iterator<Item = &Sample> {
    run.chunk_by(|a, b| b.supersedes(a)).map(|same| &same[same.len() - 1])
}
