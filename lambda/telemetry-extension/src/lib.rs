//! The Lambda extension: a function's own telemetry in, Prometheus metrics out.
//!
//! A delivery of the Telemetry API walks through the modules in this order, and never back:
//!
//! | module            | in → out                                                     | may fail with               | I/O |
//! |-------------------|--------------------------------------------------------------|-----------------------------|-----|
//! | [`listener`]      | HTTP requests → bodies, bounded                              | cannot: what is too large is counted | yes |
//! | [`intake`]        | body → events, one by one                                    | cannot: what is wrong is counted | no |
//! | [`event`]         | JSON → event                                                 | invalid event: that one alone | no |
//! | [`metrics`]       | events → counters, histograms, gauges → snapshot             | cannot                      | no  |
//! | [`schedule`]      | how much, since when → whether to dispatch                   | cannot                      | no  |
//! | [`series`], [`exposition`], [`json_events`] | snapshot → samples, text, events   | cannot                      | no  |
//! | [`destination`]   | snapshot → requests → outcome                                | never stops: superseded by the next | yes |
//!
//! [`seen`] knows what came before, [`labels`] what all series have in common. [`extension_api`] speaks to Lambda;
//! [`run`] is the loop of events that puts it all together; `main.rs` holds clock, environment and randomness.
//!
//! The library exists for the binary, its tests and its fuzz target; it is no public interface.

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
