//! Lambda on one machine: the runtime, extensions and telemetry APIs, the invoke API and SQS event sources.
//!
//! - [`runtime`]: the Lambda runtime API around a real binary, with true deadlines and measured costs.
//! - [`lambda`]: the Lambda service: environments of each function, and the invoke API.
//! - [`event_source`]: the event source mapping between a queue and a function.
//! - [`sqs`]: batches as the event source mapping builds them, and a client of an SQS API.
//! - [`credentials`]: an endpoint of credentials that expire.

pub mod credentials;
pub mod event_source;
pub mod lambda;
pub mod runtime;
pub mod sqs;
