//! The Lambda service with a real function on a real runtime (`examples/obedient_function.rs`), by plain HTTP.

mod asynchronous;
mod concurrency;
mod invoke;
mod support;
