//! Real clients write to the gateway behind a function URL, and PromQL reads back what they wrote.
//!
//! `npm run conformance` builds those that are compiled, and runs the tests that others ignore.

mod agent;
mod collector;
mod mcp;
mod metrics;
mod otlp;
mod outage;
mod program;
mod promtool;
mod pushes;
mod stage;
mod target;
