//! The samples of a full batch in the forms that agents take.
//!
//! In: the number of the batch. Out: headers and body. Timestamps go on from batch to batch and are not in the past,
//! because the agent of Prometheus sends on only what is newer than itself.

use std::fmt::Write as _;

use local_testing::clock::Clock;
use prometheus_proto::{Label, Sample, TimeSeries, WriteRequest};
use prost::Message as _;

/// As many label sets as the usual batch has, each with its metrics.
const CUSTOMERS: u32 = 500;
const METRICS: [&str; 2] = ["temperature", "ph"];
/// Samples of each series.
const SAMPLES: u32 = 11;
/// As many samples as a full batch has.
pub(super) const SAMPLES_OF_A_BATCH: usize = 11_000;

/// The form of the samples.
#[derive(Debug, Clone, Copy)]
pub(super) enum Input {
    /// The JSON lines of `VictoriaMetrics`: one for each series.
    JsonLines,
    /// Influx line protocol: one for each event.
    InfluxLines,
    /// A remote-write request.
    RemoteWrite,
}

impl Input {
    /// Headers and body of a batch.
    pub(super) fn batch(self, number: u32) -> (&'static str, Vec<u8>) {
        let first = Clock::system().now_ms();
        match self {
            Self::JsonLines => ("", json_lines(first, number).into_bytes()),
            Self::InfluxLines => ("", influx_lines(first, number).into_bytes()),
            Self::RemoteWrite => (
                "content-encoding: snappy\r\ncontent-type: application/x-protobuf\r\n\
                 x-prometheus-remote-write-version: 0.1.0\r\n",
                remote_write(first, number),
            ),
        }
    }
}

/// Each batch starts where the one before it ended, and later when time has passed.
fn timestamp(first: i64, batch: u32, sample: u32) -> i64 {
    first + i64::from(batch) * i64::from(SAMPLES) + i64::from(sample)
}

fn value(customer: u32, sample: u32) -> f64 {
    f64::from(1_400 + (customer * 7 + sample * 13) % 400) / 100.0
}

fn json_lines(first: i64, batch: u32) -> String {
    let mut lines = String::new();
    for customer in 0..CUSTOMERS {
        for metric in METRICS {
            let samples = || 0..SAMPLES;
            let values: Vec<_> = samples().map(|at| format!("{:.2}", value(customer, at))).collect();
            let times: Vec<_> = samples().map(|at| timestamp(first, batch, at).to_string()).collect();
            let (values, times) = (values.join(","), times.join(","));
            let metric = format!(r#"{{"__name__":"{metric}","customerId":"customer{customer}"}}"#);
            writeln!(lines, r#"{{"metric":{metric},"values":[{values}],"timestamps":[{times}]}}"#)
                .expect("a string takes everything");
        }
    }
    lines
}

fn influx_lines(first: i64, batch: u32) -> String {
    let mut lines = String::new();
    for at in 0..SAMPLES {
        for customer in 0..CUSTOMERS {
            let (value, nanos) = (value(customer, at), timestamp(first, batch, at) * 1_000_000);
            writeln!(
                lines,
                "sensor,customerId=customer{customer} temperature={value:.2},ph={:.2} {nanos}",
                value / 2.0
            )
            .expect("a string takes everything");
        }
    }
    lines
}

fn remote_write(first: i64, batch: u32) -> Vec<u8> {
    let label = |name: &str, value: String| Label { name: name.to_owned(), value };
    let series = |customer, metric: &str| TimeSeries {
        labels: vec![
            label("__name__", metric.to_owned()),
            label("customerId", format!("customer{customer}")),
        ],
        samples: (0..SAMPLES)
            .map(|at| Sample { value: value(customer, at), timestamp: timestamp(first, batch, at) })
            .collect(),
    };
    let timeseries = (0..CUSTOMERS).flat_map(|customer| METRICS.map(|metric| series(customer, metric)));
    let message = WriteRequest { timeseries: timeseries.collect() }.encode_to_vec();
    snap::raw::Encoder::new().compress_vec(&message).expect("a request is far below snappy's limit")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_eleven_thousand_samples_in_every_form() {
        assert_eq!(json_lines(0, 0).lines().count(), 1_000);
        assert_eq!(influx_lines(0, 0).lines().count(), 5_500);
        let message = snap::raw::Decoder::new().decompress_vec(&remote_write(0, 0)).expect("snappy");
        let request = WriteRequest::decode(&*message).expect("a write request");
        assert_eq!(request.timeseries.iter().map(|series| series.samples.len()).sum::<usize>(), 11_000);
    }
}
