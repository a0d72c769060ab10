//! The read side of the serverless Prometheus push gateway: operations that query an AMP workspace.
//!
//! An invocation passes through these modules in order:
//!
//! | module           | in → out                                                     | fails with     | I/O |
//! |------------------|--------------------------------------------------------------|----------------|-----|
//! | `operation`      | handler or tool name → operation and its parameters          | unknown tool   | no  |
//! | `payload`        | bytes → raw parameters, and whether the event came by HTTP   | 400            | no  |
//! | `input`          | raw parameters → typed values (`time` reads times)           | 400            | no  |
//! | `workspace`      | parameters, configuration → URL and credential scope         | 400            | no  |
//! | `api`            | path, parameters → body of a 2xx response                    | server's status| yes |
//! | `api_response`   | body, possibly cut → the elements of its result              | 502            | no  |
//! | `downsample`     | series → every n-th point, for models                        | never          | no  |
//! | `truncation`     | elements → JSON array within the limits                      | never          | no  |
//! | `response`       | data or error → Lambda response                              | never          | no  |
//!
//! The operations are `query` (instant and range queries), `list_metrics`, `labels` (labels, their values and series),
//! `rules` (rules and alerts), `server_info` and `find_workspace`, which uses `control_plane`. `operations` dispatches to
//! them. `handler` passes HTTP requests to `http_api`, which passes them on to the HTTP API of the workspace, restricted by
//! `enforce`, or to `mcp`, which offers the operations to agents as tools. `parameter` defines the parameters once, and [`schema`] generates
//! the tool definitions and the tables of the README from those definitions. `config` reads the environment, `main.rs`
//! provides clock, environment and randomness, and the crate `aws` signs, sends and retries.
//!
//! The library exists for the binary and its tests; it is not a public interface.

mod api;
mod api_response;
mod config;
mod control_plane;
mod downsample;
mod enforce;
mod error;
mod find_workspace;
mod handler;
mod http_api;
mod input;
mod labels;
mod list_metrics;
mod mcp;
mod native_histogram;
mod operation;
mod operations;
mod parameter;
mod payload;
mod query;
mod response;
mod rules;
pub mod schema;
mod server_info;
mod time;
mod truncation;
mod workspace;

pub use config::{Config, InvalidConfig};
pub use enforce::{Enforced, Unenforceable};
pub use handler::{Handler, Invocation, JsonReply, Reply};
pub use http_api::HttpResponse;
pub use response::Response;
