//! The gateway and real receivers: what Prometheus's own OTLP receiver stores of the same requests, and the rules of a sender of
//! remote write.
//!
//! `npm test` runs the rules against the Prometheus that is installed. `npm run conformance` runs everything, with Prometheus 3
//! (`PROMETHEUS3`) and Cortex (`CORTEX`).

mod gateway;
mod otlp;
mod results;
mod senders;
mod stored;
