//! The messages of Prometheus remote write 1.0, generated from `remote.proto` and `types.proto` at build time.
//!
//! In: the body of a write request after snappy. Out: plain structs. The gateway does not use this crate to
//! encode (it writes the same bytes directly); receivers decode with it and tests hold the encoder against it.

// What is generated carries no documentation of its own; the `.proto` files hold it.
#![allow(missing_docs, clippy::pedantic)]

include!(concat!(env!("OUT_DIR"), "/prometheus.rs"));
