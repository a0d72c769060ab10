//! AWS Lambda on one machine: the runtime, extensions and telemetry APIs, the invoke API, HTTP endpoints and
//! SQS event sources.
//!
//! - [`runtime`]: the Lambda runtime API around a real binary, with real deadlines and measured costs.
//! - [`service`]: functions with their execution environments, and the invoke API.
//! - [`http`]: function URLs, APIs of API Gateway and load balancers in front of a function.
//! - [`event_source`]: the event source mapping between a queue and a function.
//! - [`sqs`]: payloads as the event source mapping builds them, and a client of an SQS API.
//! - [`credentials`]: an endpoint of credentials that expire.

mod backoff;
mod bodies;
pub mod credentials;
pub mod event_source;
pub mod http;
pub mod runtime;
pub mod service;
pub mod sqs;
