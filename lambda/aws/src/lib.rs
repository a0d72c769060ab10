//! The signed HTTP client of one workspace: a request in, an [`Outcome`] out.
//!
//! | module          | in → out                                              | I/O |
//! |-----------------|-------------------------------------------------------|-----|
//! | [`endpoint`]    | a URL → [`Endpoint`] with the region that it names    | no  |
//! | [`network`]     | the environment → certificates to trust, a proxy      | no  |
//! | [`sign`]        | request, credentials, time → signed request           | no  |
//! | [`outcome`]     | status → [`Verdict`]; answer → [`Outcome`]            | no  |
//! | [`retry`]       | attempt, `Retry-After`, time left → wait or stop      | no  |
//! | `throttling`    | answer of an AWS service → whether it is throttled    | no  |
//! | `redact`        | an answer's body → the same without secrets           | no  |
//! | `credentials`   | the standard chain → credentials, cached              | yes |
//! | [`client`]      | request, deadline → answer, over its attempts         | yes |
//! | [`writer`]      | the body of a write request → outcome                 | yes |
//! | [`reader`]      | path and parameters of a query → answer               | yes |
//!
//! Time, credentials and randomness come in as arguments; [`Client`] is given its clock and its jitter when it is
//! built.

pub mod client;
mod credentials;
pub mod endpoint;
mod external_labels;
mod function;
mod http_client;
pub mod logging;
mod members;
pub mod network;
pub mod outcome;
pub mod reader;
mod redact;
pub mod retry;
pub mod runtime;
pub mod runtime_api;
pub mod sign;
mod throttling;
pub mod writer;

pub use client::{Client, Request, World};
pub use endpoint::{Endpoint, InvalidEndpoint, is_region};
pub use external_labels::{InvalidLabels, external_labels};
pub use function::{Environment, environment, now, start};
pub use members::Members;
pub use network::{InvalidNetwork, Network};
pub use outcome::{Answer, Attempts, Cause, Failure, Outcome, Sent, Verdict, verdict_of_status};
pub use reader::Reader;
pub use runtime::{Diagnostic, Invocation};
pub use sign::Scope;
pub use writer::{RemoteWriter, Written};
