//! The yardstick: a function that is handed the payload as `Box<RawValue>` and answers at once.
//!
//! It is what every function in Rust pays before its own first line runs: one request to the runtime API, one scan
//! and one copy of the payload, one answer. The benchmark sets glibc's thresholds in its environment so that the
//! allocator gives no pages back between invocations; a call of `mallopt` would need unsafe code.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::value::RawValue;
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let nothing = async |_event: LambdaEvent<Box<RawValue>>| -> Result<Value, Error> {
        Ok(json!({ "batchItemFailures": [] }))
    };
    lambda_runtime::run(service_fn(nothing)).await
}
