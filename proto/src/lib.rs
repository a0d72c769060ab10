//! The messages of Prometheus remote write 1.0, generated from `remote.proto` and `types.proto` at build time.
//!
//! Receivers decode write requests with them after snappy, and tests compare the encoder with them. The gateway writes
//! the same bytes without this crate.

// Generated code has no documentation; the `.proto` files have it.
#![allow(missing_docs, clippy::pedantic)]

include!(concat!(env!("OUT_DIR"), "/prometheus.rs"));
