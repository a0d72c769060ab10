//! The functions from payload to response: in process against scripted servers, a real Prometheus and moto's control
//! plane, and as the real binary under the Lambda runtime emulator.

mod binary;
mod cloud;
mod enforced;
mod http_api;
mod list_metrics;
mod mcp;
mod mcp_expressions;
mod payloads;
mod prometheus;
mod promql;
mod random_promql;
mod results;
mod retries;
mod scripted;
mod served;
mod server_info;
mod signature;
mod streaming;
mod support;
mod workspaces;
