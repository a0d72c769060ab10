//! The functions from their payloads to their answers: against scripted servers, a real Prometheus and moto's control
//! plane in process, and as the real binary under the Lambda runtime emulator.

mod agents;
mod binary;
mod cloud;
mod http;
mod inputs;
mod limits;
mod metrics;
mod prometheus;
mod promql;
mod retries;
mod scripted;
mod server;
mod signature;
mod support;
mod targets;
mod workspaces;
