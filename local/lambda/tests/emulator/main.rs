//! Real functions and extensions (`examples/`) in the emulator: the runtime, extensions and telemetry APIs, and the invoke API
//! by plain HTTP.

mod asynchronous;
mod aws_crate;
mod concurrency;
mod failures;
mod invoke;
mod lifecycle;
mod listener;
mod pool;
mod registration;
mod runtime;
mod service;
mod subscription;
mod support;
mod telemetry;
