//! The Extensions and Telemetry APIs of the runtime emulator, with a real function and a real extension
//! (`examples/obedient_function.rs`, `examples/obedient_extension.rs`, `examples/crate_extension.rs`).

mod aws_crate;
mod failures;
mod lifecycle;
mod listener;
mod pool;
mod registration;
mod subscription;
mod support;
mod telemetry;
