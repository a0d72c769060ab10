//! The Lambda service on this machine: functions by name, each with as many execution environments as its
//! concurrency allows, behind the real invoke API.
//!
//! In: functions, invocations from the API or from an event source. Out: their outcomes, and an account of each
//! for whoever watches. An invocation goes on when its caller goes away, as it does on Lambda.

mod answer;
mod api;
mod asynchronous;
mod client;
mod idle_end;
mod pool;
mod request;

pub use answer::FunctionError;
pub use api::LambdaApi;
pub use asynchronous::AsyncPolicy;
pub use client::{Answered, InvokeError, LambdaClient};
pub use idle_end::IdleEnd;
pub use pool::{ConcurrencyExceeded, Counts, Environment, Pool, Seen, SeenInvocation};
