//! HTTP endpoints in front of a function: a function URL, an API of API Gateway, an Application Load Balancer.
//!
//! [`HttpServer`] listens on a loopback address. It makes of each request the event that AWS makes of it, invokes the function,
//! and makes of its response the answer that AWS gives. [`Kind::event`] and [`Endpoint::event`] make the event alone, without
//! a socket, for example of a recorded request.
//!
//! | | [`FunctionUrl`] | [`HttpApi`] | [`RestApi`] | [`Alb`], [`AlbMultiValue`] |
//! |---|---|---|---|---|
//! | payload | 2.0 | 2.0 | 1.0 | the load balancer's |
//! | path | encoded | decoded, cut at a decoded `?`, after the stage | encoded, without stage | encoded |
//! | query | encoded, and a decoded map | as beside | decoded maps | maps, encoded |
//! | header names | lower case | lower case | the client's | lower case |
//! | repeated headers | joined by a comma | joined by a comma | last value, and all values | last value, or all values |
//! | plain body | `text/*`, `application/{json,javascript,xml}` | as beside | without binary media types | as function URLs, unless `Content-Encoding` is set |
//! | gzip body | passed on | passed on | decompressed, the header stays | passed on |
//! | function failed | 502 | 500 | 502 | 502 |
//! | function throttled | 429 | 429 | 429 | 502 |
//! | body or event too large | 413 (6 MB) | 413 (6 MB) | 413 (6 MB) | 413 (1 MB) |
//! | time limit | the function's | 30 s: 503 | 29 s: 504 | the function's |
//! | `WWW-Authenticate` | renamed | kept | renamed | kept |
//!
//! Every other body is base64. A body that is passed on plain and is not UTF-8 has U+FFFD in place of each invalid sequence, and
//! is lost by that, as on AWS. Function URLs and REST APIs rename the header `WWW-Authenticate` of a response to
//! `x-amzn-Remapped-WWW-Authenticate`.
//!
//! Sources: Lambda Developer Guide, "Invoking Lambda function URLs"; API Gateway Developer Guide, "Create AWS Lambda proxy
//! integrations for HTTP APIs", "Lambda proxy integrations in API Gateway", "Amazon API Gateway important notes"; Elastic Load
//! Balancing, "Use Lambda functions as targets of an Application Load Balancer". What AWS does not document is as others have
//! observed it: the path of an HTTP API, the base64 rule of function URLs and HTTP APIs, the renamed header of function URLs. A
//! throttled function behind a load balancer, and a request without content type to a function URL (base64 here), are
//! inferred.
//!
//! With [`Endpoint::streams`], a response of the content type `application/vnd.awslambda.http-integration-response` is passed on
//! while it arrives, and the connection breaks if the function fails in the middle of it. The bytes of any other response are the
//! body.
//!
//! Not emulated: TLS, HTTP/2, CORS, the bandwidth of streams, streams of a REST API, throttling by API Gateway itself, rules of
//! a load balancer. With [`Endpoint::iam`], a request must have a signature, which is not verified.
//!
//! [`FunctionUrl`]: Kind::FunctionUrl
//! [`HttpApi`]: Kind::HttpApi
//! [`RestApi`]: Kind::RestApi
//! [`Alb`]: Kind::Alb
//! [`AlbMultiValue`]: Kind::AlbMultiValue

mod answer;
mod body;
mod event;
mod refusal;
mod request;
mod server;
mod stream;

use std::time::Duration;

use serde_json::Value;

use crate::runtime::MAX_PAYLOAD_BYTES;

pub use request::Request;
pub use server::HttpServer;

/// The service in front of the function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A function URL.
    FunctionUrl,
    /// An HTTP API of API Gateway, payload format 2.0.
    HttpApi,
    /// A REST API of API Gateway, payload format 1.0.
    RestApi,
    /// An Application Load Balancer whose target group has no multi-value headers.
    Alb,
    /// An Application Load Balancer whose target group has multi-value headers.
    AlbMultiValue,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::FunctionUrl, Self::HttpApi, Self::RestApi, Self::Alb, Self::AlbMultiValue];

    /// The event that the function gets for a request, with the defaults of [`Endpoint::new`].
    pub fn event(self, request: &Request) -> Value {
        Endpoint::new(self).event(request)
    }

    fn is_alb(self) -> bool {
        matches!(self, Self::Alb | Self::AlbMultiValue)
    }

    /// The largest body of a request: the load balancer's limit, otherwise that of an event.
    fn max_body_bytes(self) -> usize {
        const ALB_BYTES: usize = 1_024 * 1_024;
        if self.is_alb() { ALB_BYTES } else { MAX_PAYLOAD_BYTES }
    }

    /// How long the function may take, besides its own timeout.
    fn time_limit(self) -> Option<Duration> {
        match self {
            Self::HttpApi => Some(Duration::from_secs(30)),
            Self::RestApi => Some(Duration::from_secs(29)),
            Self::FunctionUrl | Self::Alb | Self::AlbMultiValue => None,
        }
    }
}

/// An endpoint and its configuration.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The service.
    pub kind: Kind,
    /// Its region.
    pub region: String,
    /// The stage of an API, which is the first segment of its URL's path; `None` stands for the stage `$default` of an
    /// HTTP API.
    pub stage: Option<String>,
    /// Whether callers must sign (auth type `AWS_IAM`); their identity is then in the event. A load balancer cannot.
    pub iam: bool,
    /// Whether a REST API has the binary media type `*/*`. Without it, every body is passed on plain.
    pub takes_binary: bool,
    /// Whether the invoke mode of a function URL is `RESPONSE_STREAM`.
    pub streams: bool,
}

impl Endpoint {
    /// An endpoint in `eu-west-1` that anyone may call: the stage is `prod` for a REST API and `$default` for an HTTP API, and
    /// a REST API has the binary media type `*/*`.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            region: "eu-west-1".to_owned(),
            stage: (kind == Kind::RestApi).then(|| "prod".to_owned()),
            iam: false,
            takes_binary: true,
            streams: false,
        }
    }

    /// The event that the function gets for a request.
    pub fn event(&self, request: &Request) -> Value {
        event::of(self, request)
    }
}
