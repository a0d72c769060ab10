//! The messages of Prometheus remote write 1.0, generated from `remote.proto` and `types.proto` at build time, those of 2.0 in
//! [`v2`], from `remote_v2.proto`, in [`client`] the metric families of client libraries, from `metrics.proto`, and in
//! [`otlp`] the metrics of OpenTelemetry, from `otlp.proto`.
//!
//! Receivers decode write requests with them after snappy, and tests compare the encoder with them. The gateway writes
//! the same bytes without this crate.

// Generated code has no documentation; the `.proto` files have it.
#![allow(missing_docs, clippy::pedantic)]

include!(concat!(env!("OUT_DIR"), "/prometheus.rs"));

/// Metric families, as client libraries push them.
pub mod client {
    include!(concat!(env!("OUT_DIR"), "/io.prometheus.client.rs"));
}

/// Metrics of the OpenTelemetry protocol, and the answers to them.
pub mod otlp {
    include!(concat!(env!("OUT_DIR"), "/opentelemetry.rs"));
}

/// Remote write 2.0.
pub mod v2 {
    include!(concat!(env!("OUT_DIR"), "/io.prometheus.write.v2.rs"));
}
