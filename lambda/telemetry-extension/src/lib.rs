//! A Lambda extension that sends a function's own telemetry as Prometheus metrics.
//!
//! A delivery of the Telemetry API passes through the modules in this order:
//!
//! | module            | does                                                         | I/O |
//! |-------------------|--------------------------------------------------------------|-----|
//! | [`listener`]      | receives deliveries of bounded size                          | yes |
//! | [`intake`]        | splits a delivery into events                                | no  |
//! | [`event`]         | parses an event; an invalid one is counted and affects no other | no |
//! | [`metrics`]       | counts events, each once ([`seen`]), and takes snapshots     | no  |
//! | [`schedule`]      | decides when to dispatch                                     | no  |
//! | [`series`], [`exposition`], [`json_events`] | write a snapshot as samples, text or events | no |
//! | [`destination`]   | sends them; the next dispatch supersedes a failed one        | yes |
//!
//! [`labels`] has the labels of all series, [`extension_api`] the requests to Lambda, and [`run`] the loop of events.
//!
//! The library exists for the binary, its tests and its fuzz target; it is not a public interface.

#![expect(clippy::missing_errors_doc, reason = "the error types describe their cases")]

pub mod config;
pub mod destination;
pub mod event;
pub mod exposition;
pub mod extension_api;
pub mod intake;
pub mod json_events;
pub mod labels;
pub mod listener;
pub mod metrics;
pub mod run;
pub mod schedule;
pub mod seen;
pub mod series;
