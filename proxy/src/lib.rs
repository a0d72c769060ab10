//! Signs requests of clients that cannot sign, and passes them on to one workspace of Amazon Managed Service for Prometheus.
//!
//! | module        | contains                                                               | I/O |
//! |---------------|------------------------------------------------------------------------|-----|
//! | [`arguments`] | the command line                                                       | no  |
//! | [`config`]    | the workspace and the address of the command line and the environment  | no  |
//! | `workspace`   | the URL and the credential scope of all signed requests                | no  |
//! | `route`       | the target of a request, or why it is refused                          | no  |
//! | `headers`     | the headers that are passed on                                         | no  |
//! | `refusal`     | error responses in the form of Prometheus                              | no  |
//! | `bodies`      | request bodies in bounded memory                                       | yes |
//! | `metrics`     | the proxy's own metrics                                                | no  |
//! | [`proxy`]     | answers one request                                                    | yes |
//! | [`server`]    | connections, and their graceful end                                    | yes |
//! | [`renewal`]   | keeps credentials fresh                                                | yes |
//!
//! A request is signed for the configured workspace only: the target is the URL of the workspace and a path below it that
//! has been checked. Nothing else of the request decides its host, its region or its credentials.

pub mod arguments;
mod bodies;
pub mod config;
mod headers;
mod metrics;
pub mod proxy;
mod refusal;
pub mod renewal;
mod route;
pub mod server;
mod workspace;

pub use arguments::Arguments;
pub use config::{Config, InvalidConfig};
pub use proxy::Proxy;
pub use workspace::Workspace;
