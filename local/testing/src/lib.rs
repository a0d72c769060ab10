//! The parts that every local stand-in and every end-to-end test needs, all on 127.0.0.1.
//!
//! - [`http_server`]: an HTTP server whose handler decides how a connection ends.
//! - [`children`]: child processes that never outlive this one.
//! - [`clock`]: the time of day as an argument.
//! - [`conformance`]: the results of conformance suites.
//! - [`cortex`]: a real Cortex, the engine that AMP is built on.
//! - [`moto`]: SQS, Secrets Manager and AMP's control plane.
//! - [`prometheus`]: a real Prometheus, which stores samples and answers queries.
//! - [`promql`]: expressions for comparisons with it.
//! - [`scripted`]: an HTTP server that answers as a test specifies and records every request.

pub mod children;
pub mod clock;
pub mod conformance;
pub mod cortex;
pub mod http_server;
pub mod moto;
pub mod prometheus;
pub mod promql;
pub mod scripted;
mod text;

pub use text::truncate;

/// The AWS account of everything that runs locally.
pub const ACCOUNT: &str = "123456789012";
