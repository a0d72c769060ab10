//! Requests, right or wrong.

use http::Method;
use local_amp::proto::{Label, MetricMetadata, Sample, TimeSeries, WriteRequest};
use prost::Message;

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) headers: Vec<(&'static str, &'static str)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn of_series(timeseries: Vec<TimeSeries>) -> Self {
        Self::of_message(&WriteRequest { timeseries, ..WriteRequest::default() })
    }

    pub(crate) fn with_metadata(timeseries: Vec<TimeSeries>, metadata: Vec<MetricMetadata>) -> Self {
        Self::of_message(&WriteRequest { timeseries, metadata })
    }

    pub(crate) fn of_message(message: &impl Message) -> Self {
        Self::of_bytes(&message.encode_to_vec())
    }

    /// A request with these bytes, compressed.
    pub(crate) fn of_bytes(message: &[u8]) -> Self {
        Self::of_body(snap::raw::Encoder::new().compress_vec(message).expect("a message below 4 GB"))
    }

    pub(crate) fn of_body(body: Vec<u8>) -> Self {
        let headers = vec![
            ("content-type", "application/x-protobuf"),
            ("content-encoding", "snappy"),
            ("user-agent", "test/1"),
            ("x-prometheus-remote-write-version", "0.1.0"),
        ];
        Self { method: Method::POST, headers, body }
    }

    pub(crate) fn without(mut self, header: &str) -> Self {
        self.headers.retain(|(name, _)| *name != header);
        self
    }

    pub(crate) fn with(self, header: &'static str, value: &'static str) -> Self {
        let mut request = self.without(header);
        request.headers.push((header, value));
        request
    }

    /// The status and the text of the answer.
    pub(crate) async fn send(&self, url: &str, tenant: Option<&str>) -> (u16, String) {
        // An error means that there already is a provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let mut request = client.request(self.method.clone(), url).body(self.body.clone());
        for (name, value) in &self.headers {
            request = request.header(*name, *value);
        }
        if let Some(tenant) = tenant {
            request = request.header("x-scope-orgid", tenant);
        }
        let response = request.send().await.expect("an answer");
        (response.status().as_u16(), response.text().await.expect("a text").trim_end().to_owned())
    }
}

/// Makes series with times relative to now, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) now_ms: i64,
}

impl Times {
    /// The series `m` without further labels.
    pub(crate) fn m(self, samples: &[(i64, f64)]) -> TimeSeries {
        self.named("m", samples)
    }

    /// The series `n` without further labels.
    pub(crate) fn n(self, samples: &[(i64, f64)]) -> TimeSeries {
        self.named("n", samples)
    }

    pub(crate) fn named(self, name: &str, samples: &[(i64, f64)]) -> TimeSeries {
        self.series(&[("__name__", name)], samples)
    }

    /// A series of `m` with this label now.
    pub(crate) fn with(self, label: &str, value: &str) -> TimeSeries {
        self.series(&[("__name__", "m"), (label, value)], &[(0, 1.0)])
    }

    pub(crate) fn series(self, labels: &[(&str, &str)], samples: &[(i64, f64)]) -> TimeSeries {
        let label =
            |(name, value): &(&str, &str)| Label { name: (*name).to_owned(), value: (*value).to_owned() };
        let sample = |(offset, value): &(i64, f64)| Sample {
            timestamp: self.now_ms.wrapping_add(*offset),
            value: *value,
        };
        TimeSeries {
            labels: labels.iter().map(label).collect(),
            samples: samples.iter().map(sample).collect(),
            histograms: Vec::new(),
        }
    }

    /// The relative time of an absolute one.
    pub(crate) fn at(self, timestamp_ms: i64) -> i64 {
        timestamp_ms.wrapping_sub(self.now_ms)
    }
}
