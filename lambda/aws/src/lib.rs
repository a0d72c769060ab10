//! The AWS side of every binary: settings, logging, the Lambda runtime, and a signed HTTP client for AMP, SQS and other
//! services.
//!
//! | module           | contains                                                       | I/O |
//! |------------------|----------------------------------------------------------------|-----|
//! | [`settings`]     | settings that the binaries share                               | no  |
//! | [`endpoint`]     | a checked URL, with the region that an AMP host names          | no  |
//! | [`workspace`]    | URLs of AMP workspaces                                         | no  |
//! | [`network`]      | certificates to trust, a proxy                                 | no  |
//! | [`sign`]         | AWS Signature Version 4                                        | no  |
//! | [`response`]     | a response, or the failure of all attempts                     | no  |
//! | [`retry`]        | whether to send a request again, when, and for how long        | no  |
//! | `throttling`     | errors with status 400 that report throttling                  | no  |
//! | `redact`         | response bodies without secrets of the request                 | no  |
//! | `credentials`    | the standard credential chain, cached                          | yes |
//! | [`client`]       | sends a request until there is a final response                | yes |
//! | `unread`         | the rest of a response's body as a stream                      | yes |
//! | [`forward`]      | passes on requests of other clients, with responses as streams | yes |
//! | [`remote_write`] | write requests                                                 | no  |
//! | [`secret`]       | a username and a password in Secrets Manager                   | no  |
//! | [`sqs`]          | messages to a queue                                            | yes |
//! | [`logging`]      | the log on standard output                                     | yes |
//! | `world`          | the clock and the environment of the process                   | yes |
//! | `function`       | starts a function                                              | yes |
//! | [`lambda_api`]   | requests to the APIs of an execution environment               | yes |
//! | [`runtime`], [`runtime_api`] | the loop of invocations                            | yes |
//!
//! Time, credentials and randomness are arguments: [`Client`] is built with a clock and a source of jitter.

pub mod client;
mod credentials;
pub mod endpoint;
pub mod forward;
mod function;
mod http_client;
pub mod lambda_api;
pub mod logging;
pub mod network;
mod redact;
pub mod remote_write;
pub mod response;
pub mod retry;
pub mod runtime;
pub mod runtime_api;
pub mod secret;
pub mod settings;
pub mod sign;
pub mod sqs;
pub mod text;
mod throttling;
mod unread;
pub mod workspace;
mod world;

pub use crate::remote_write::RemoteWrite;
pub use client::{Client, Patience, Request};
pub use credentials::Renewal;
pub use endpoint::{Endpoint, InvalidEndpoint, is_region};
pub use forward::{Forwarded, Repeat, StreamedBody};
pub use function::start;
pub use network::Network;
pub use response::{Attempts, Cause, Failure, Response};
pub use retry::{RetryAction, retry_action};
pub use runtime::{Answer, Diagnostic, Invocation};
pub use secret::{Login, NoLogin, Secret, Service};
pub use settings::{InvalidSetting, Settings};
pub use sign::Scope;
pub use world::{Environment, World, environment, now};
