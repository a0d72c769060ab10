//! HTTP requests as Lambda function URLs, API Gateway and load balancers pass them on, for every function that has an
//! HTTP endpoint.
//!
//! | module            | contains                                                              | I/O |
//! |-------------------|-----------------------------------------------------------------------|-----|
//! | [`request`]       | one type of request for the events of all services                    | no  |
//! | `event`           | which event is of which service                                       | no  |
//! | `payload_2`       | function URLs, and HTTP APIs with payload format 2.0                   | no  |
//! | `payload_1`       | REST APIs, which have payload format 1.0                               | no  |
//! | `alb`             | application load balancers, with headers of one or of several values   | no  |
//! | [`headers`]       | the headers that matter                                                | no  |
//! | `query`           | the query of each service                                              | no  |
//! | [`settings`]      | `HTTP_AUTH`, `HTTP_AUTH_SECRET`, `HTTP_BASE_PATH`                      | no  |
//! | [`authenticator`] | who may send requests                                                  | yes |
//! | [`answer`]        | the answer, as the services read it                                    | no  |
//!
//! A request is read only as far as its authentication needs: its body is decoded by [`Request::body`].

mod alb;
pub mod answer;
pub mod authenticator;
mod event;
pub mod headers;
mod payload_1;
mod payload_2;
mod query;
pub mod request;
pub mod settings;

pub use answer::{Answer, Reply};
pub use authenticator::{Authenticator, Denied};
pub use headers::Headers;
pub use request::{Request, Service, UnreadableBody};
pub use settings::{HttpAuth, base_path, http_auth};
