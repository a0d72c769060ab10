//! The Lambda function of the serverless Prometheus push gateway: events in, remote write out.
//!
//! An invocation walks through the modules in this order, and never back:
//!
//! | module          | in → out                                                      | may fail with              | I/O |
//! |-----------------|---------------------------------------------------------------|----------------------------|-----|
//! | [`payload`]     | bytes → direct events or SQS messages                         | unknown payload: the invocation | no |
//! | [`event`]       | text → event                                                  | invalid event: that record alone | no |
//! | [`intake`]      | records → samples with origins, and the invalid records       | cannot                     | no  |
//! | [`delivery`]    | series → requests → the fate of every origin                  | never an error: a fate     | through its argument |
//! | [`fate`]        | fates of origins → fates of records                           | cannot                     | no  |
//! | [`dead_letter`] | invalid and refused messages → the dead-letter queue          | falls back to giving back  | yes |
//! | [`response`]    | fates → `batchItemFailures`, summary or error                 | cannot                     | no  |
//! | [`report`]      | figures → one log line, one line of metrics                   | cannot                     | no  |
//!
//! [`payload`] and [`event`] each have a fast path for what is usual.
//!
//! Series and requests are made by the crate `remote-write`, signed and sent by the crate `amp`. [`handler`] puts
//! it all together; `main.rs` holds clock, environment and randomness.
//!
//! The library exists for the binary, its tests and its benchmarks; it is no public interface.

pub mod config;
pub mod dead_letter;
pub mod delivery;
pub mod event;
pub mod fate;
pub mod handler;
pub mod intake;
mod json;
pub mod payload;
pub mod report;
pub mod response;
mod text;
pub mod value;
