//! The Lambda function of the serverless Prometheus push gateway.
//!
//! An invocation goes through the modules in this order:
//!
//! | module           | what it does                                                              | may fail with                   |
//! |------------------|---------------------------------------------------------------------------|---------------------------------|
//! | [`envelopes`]    | recognizes the payload, yields its records, writes the reply              | unknown payload: the invocation |
//! | [`routes`]       | the route of an HTTP request, and the format of its body                  | an HTTP answer                  |
//! | [`pushgateway`]  | the labels in the path of a push                                          | an HTTP answer                  |
//! | [`records`]      | reads records into points, by the crate `formats`, and points into series | invalid: that record alone      |
//! | [`delivery`]     | sends series and finds the outcome of each point                          | never: an [`outcome`]           |
//! | [`outcome`]      | the outcomes of points and records                                        | cannot                          |
//! | [`metadata`]     | sends the metadata of metric families                                     | cannot                          |
//! | [`dead_letters`] | moves invalid and rejected messages to the dead-letter queue              | returns them to their queue     |
//! | [`spill`]        | sends HTTP pushes that cannot be delivered now to a queue                 | answers 503                     |
//! | [`report`]       | logs the figures, and emits them as metrics                               | cannot                          |
//!
//! HTTP requests are read and authenticated by the crate `http-endpoint`, series and requests are made by the crate
//! `remote-write`, signed and sent by the crate `aws`. [`handler`] is the whole pipeline; `main.rs` has clock, environment
//! and randomness.
//!
//! The library exists for the binary, its tests and its benchmarks; it is not a public interface.

pub mod config;
pub mod content_type;
pub mod dead_letters;
pub mod delivery;
pub mod envelopes;
pub mod handler;
pub mod inflate;
pub mod metadata;
pub mod outcome;
pub mod push_times;
pub mod pushgateway;
pub mod records;
pub mod report;
pub mod routes;
pub mod spill;
