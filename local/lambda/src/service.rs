//! The Lambda service: functions by name, each with as many execution environments as its concurrency allows, behind the
//! invoke API. An invocation continues when its caller disconnects, as on Lambda.

mod api;
mod asynchronous;
mod client;
mod idle_shutdown;
mod pool;
mod request;

pub use api::LambdaApi;
pub use asynchronous::AsyncPolicy;
pub use client::{InvokeError, LambdaClient};
pub use idle_shutdown::IdleShutdown;
pub use pool::{ConcurrencyExceeded, Counts, Environment, Pool, PoolEvent};
