//! The cloud on one machine, as far as the gateway can see it: everything listens on 127.0.0.1 only.
//!
//! - [`amp`]: a strict stand-in for one workspace of Amazon Managed Service for Prometheus. It verifies what a
//!   receiver can verify, keeps what it accepted, writes down every request, and fails on demand.
//! - [`prometheus`]: a real Prometheus, to store what the stand-in accepts and to answer queries.
//! - [`runtime`]: the Lambda runtime API around a real binary, with true deadlines and measured costs.
//! - [`event_source`]: the event source mapping between a queue and a function.
//! - [`sqs`]: batches as the event source mapping builds them, and a real SQS API (moto).
//!
//! Nothing here shares code with the gateway's encoder or signer: protobuf is decoded by generated code and
//! signatures are verified from the published algorithm. A witness must not repeat the mistakes of the accused.

// They panic when the reader is gone.
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod amp;
pub mod children;
pub mod clock;
pub mod credentials;
pub mod event_source;
mod http_server;
pub mod lambda;
pub mod prometheus;
pub mod runtime;
pub mod sqs;
pub mod stack;
