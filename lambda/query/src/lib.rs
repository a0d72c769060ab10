//! The read side of the serverless Prometheus push gateway: five operations that query an AMP workspace.
//!
//! An invocation walks through the modules in this order, and never back:
//!
//! | module         | in → out                                                            | may fail with        | I/O |
//! |----------------|---------------------------------------------------------------------|----------------------|-----|
//! | [`operation`]  | handler or tool name → operation, with its parameters               | unknown tool         | no  |
//! | [`payload`]    | bytes → parameters by their names, and whether they came by HTTP    | [`InvalidInput`]     | no  |
//! | [`input`]      | parameters → read by their kinds ([`timestamp`], [`duration`])      | [`InvalidInput`]     | no  |
//! | [`workspace`]  | parameters, configuration → the one API that may be asked           | [`InvalidInput`]     | no  |
//! | [`api`]        | path and parameters → body of a 2xx answer                          | [`Error`]            | yes |
//! | [`document`]   | body, perhaps cut short → its elements                              | unreadable           | no  |
//! | [`compact`]    | a series → the same with values as numbers, for models              | cannot               | no  |
//! | [`selection`]  | elements → as many as an answer may hold, and how many are left out | cannot               | no  |
//! | [`answer`]     | data or error → what the caller gets                                | cannot               | no  |
//!
//! Each operation is a module of its own: [`query`], [`range_query`], [`list_metrics`], [`server_info`] and
//! [`find_workspace`], with [`metadata`] and [`control_plane`]. [`handler`] chooses between them; [`parameter`] defines
//! what they can be told and [`schema`] describes it to an agent gateway and to people. [`config`] reads the
//! environment; `main.rs` holds clock, environment and randomness.
//!
//! Requests are signed, sent and repeated by the crate `amp`. The library exists for the binary and its tests; it is no
//! public interface.
//!
//! [`InvalidInput`]: input::InvalidInput
//! [`Error`]: error::Error

pub mod answer;
pub mod api;
pub mod compact;
pub mod config;
pub mod control_plane;
pub mod document;
pub mod duration;
pub mod error;
pub mod find_workspace;
pub mod handler;
pub mod input;
pub mod list_metrics;
pub mod metadata;
mod number;
pub mod operation;
pub mod parameter;
pub mod payload;
pub mod query;
pub mod range_query;
pub mod schema;
pub mod selection;
pub mod server_info;
pub mod timestamp;
pub mod workspace;
