//! Extension API: registration, events, subscription and errors ↔ HTTP requests to Lambda, on the loopback.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api-reference.html>

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::HeaderName;
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use serde_json::value::RawValue;

const NAME: HeaderName = HeaderName::from_static("lambda-extension-name");
const IDENTIFIER: HeaderName = HeaderName::from_static("lambda-extension-identifier");
const ERROR_TYPE: HeaderName = HeaderName::from_static("lambda-extension-function-error-type");

/// Answers are a few hundred bytes; an ARN and a trace header have no room to be larger.
const MAX_ANSWER: usize = 64 * 1_024;

/// How often an event is asked for on connections that break.
const NEXT_ATTEMPTS: u32 = 4;

/// The first pause between them; each is longer by as much.
const NEXT_PAUSE: Duration = Duration::from_millis(20);

/// How much of an answer an error repeats, in characters.
const SHOWN_CHARS: usize = 200;

/// The APIs of one execution environment.
#[derive(Debug)]
pub struct ExtensionApi {
    http: Client<HttpConnector, Full<Bytes>>,
    base: String,
    identifier: Option<HeaderValue>,
}

/// What an extension is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextEvent {
    /// An invocation begins.
    Invoke {
        /// Its id.
        request_id: String,
        /// When the function times out, in milliseconds since the epoch.
        deadline_ms: Option<u64>,
    },
    /// The environment goes away.
    Shutdown {
        /// When the extension is killed, in milliseconds since the epoch.
        deadline_ms: Option<u64>,
    },
    /// Something that this extension has not asked for.
    Unknown,
}

/// Why an API did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// No answer.
    #[error("{path} cannot be reached: {why}")]
    Unreachable {
        /// Which one.
        path: &'static str,
        /// Why.
        why: String,
    },
    /// An answer that says no.
    #[error("{path} answered {status}: {words}")]
    Refused {
        /// Which one.
        path: &'static str,
        /// The HTTP status.
        status: u16,
        /// The beginning of what it said.
        words: String,
    },
    /// An answer without what it must have.
    #[error("{path} gave an answer without {what}")]
    Incomplete {
        /// Which one.
        path: &'static str,
        /// What is missing.
        what: &'static str,
    },
}

impl ApiError {
    /// The status of an answer that says no.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }
}

/// Whether telemetry will come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subscribed {
    /// It will.
    Yes,
    /// 202: the API is there but does nothing, as in local tests.
    NotHere,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    #[serde(rename = "eventType")]
    kind: String,
    #[serde(default)]
    request_id: String,
    /// A number. The documentation's example of a shutdown has a text.
    #[serde(borrow)]
    deadline_ms: Option<&'a RawValue>,
}

impl ExtensionApi {
    /// The APIs at `authority`, which is the value of `AWS_LAMBDA_RUNTIME_API`.
    pub fn new(authority: &str) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let http = Client::builder(TokioExecutor::new()).build(connector);
        Self { http, base: format!("http://{authority}"), identifier: None }
    }

    /// Registers under `name`, which is the file name of the program, for `events`.
    ///
    /// # Errors
    /// [`ApiError`]
    pub async fn register(&mut self, name: &HeaderValue, events: &[&str]) -> Result<(), ApiError> {
        const PATH: &str = "/2020-01-01/extension/register";
        let body = serde_json::json!({ "events": events }).to_string();
        let headers = [(NAME, name.clone())];
        let answer = self.ask(Method::POST, PATH, &headers, body.into()).await?;
        let identifier = answer.headers().get(IDENTIFIER).cloned();
        let missing = ApiError::Incomplete { path: PATH, what: "the header Lambda-Extension-Identifier" };
        self.identifier = Some(identifier.ok_or(missing)?);
        Ok(())
    }

    /// Says that everything is done, and waits for what comes next, for as long as it takes.
    ///
    /// # Errors
    /// [`ApiError`]
    pub async fn next(&self) -> Result<NextEvent, ApiError> {
        const PATH: &str = "/2020-01-01/extension/event/next";
        let mut attempts = 1;
        let answer = loop {
            match self.ask(Method::GET, PATH, &[], Bytes::new()).await {
                // The end of this extension is the end of its function's environment, so not for one broken connection.
                Err(ApiError::Unreachable { .. }) if attempts < NEXT_ATTEMPTS => {
                    tokio::time::sleep(NEXT_PAUSE * attempts).await;
                    attempts += 1;
                }
                answered => break answered?,
            }
        };
        NextEvent::parse(answer.body()).ok_or(ApiError::Incomplete { path: PATH, what: "an event" })
    }

    /// Subscribes to all telemetry, which is to be delivered to `uri`, by the first of `schema_versions` that Lambda
    /// takes.
    ///
    /// # Errors
    /// [`ApiError`]: none was taken.
    pub async fn subscribe(
        &self,
        uri: &str,
        buffering: Buffering,
        schema_versions: &[&str],
    ) -> Result<Subscribed, ApiError> {
        const PATH: &str = "/2022-07-01/telemetry";
        let Buffering { max_items, max_bytes, timeout_ms } = buffering;
        let mut refusal = ApiError::Incomplete { path: PATH, what: "a schema version to ask for" };
        for version in schema_versions {
            let body = serde_json::json!({
                "schemaVersion": version,
                "types": ["platform", "function", "extension"],
                "buffering": { "maxItems": max_items, "maxBytes": max_bytes, "timeoutMs": timeout_ms },
                "destination": { "protocol": "HTTP", "URI": uri },
            });
            match self.ask(Method::PUT, PATH, &[], body.to_string().into()).await {
                Ok(answer) if answer.status() == StatusCode::ACCEPTED => return Ok(Subscribed::NotHere),
                Ok(_) => return Ok(Subscribed::Yes),
                Err(error) if error.status() == Some(400) => refusal = error,
                Err(error) => return Err(error),
            }
        }
        Err(refusal)
    }

    /// Says why the extension cannot start. Nothing else may be asked afterwards.
    ///
    /// # Errors
    /// [`ApiError`]
    pub async fn init_error(&self, error_type: &'static str, message: &str) -> Result<(), ApiError> {
        self.report_error("/2020-01-01/extension/init/error", error_type, message).await
    }

    /// Says why the extension cannot go on. Nothing else may be asked afterwards.
    ///
    /// # Errors
    /// [`ApiError`]
    pub async fn exit_error(&self, error_type: &'static str, message: &str) -> Result<(), ApiError> {
        self.report_error("/2020-01-01/extension/exit/error", error_type, message).await
    }

    async fn report_error(
        &self,
        path: &'static str,
        error_type: &'static str,
        message: &str,
    ) -> Result<(), ApiError> {
        let body = serde_json::json!({ "errorType": error_type, "errorMessage": message, "stackTrace": [] });
        let headers = [(ERROR_TYPE, HeaderValue::from_static(error_type))];
        self.ask(Method::POST, path, &headers, body.to_string().into()).await.map(drop)
    }

    /// The answer to a request, if it is a 2xx.
    async fn ask(
        &self,
        method: Method,
        path: &'static str,
        headers: &[(HeaderName, HeaderValue)],
        body: Bytes,
    ) -> Result<http::Response<Bytes>, ApiError> {
        let unreachable = |error: &dyn fmt::Display| ApiError::Unreachable { path, why: error.to_string() };
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if let Some(identifier) = &self.identifier {
            request = request.header(IDENTIFIER, identifier);
        }
        let request = request.body(Full::new(body)).map_err(|error| unreachable(&error))?;
        let response = self.http.request(request).await.map_err(|error| unreachable(&error))?;
        let (head, body) = response.into_parts();
        let body =
            Limited::new(body, MAX_ANSWER).collect().await.map_err(|error| unreachable(&error))?.to_bytes();
        if head.status.is_success() {
            return Ok(http::Response::from_parts(head, body));
        }
        let words = String::from_utf8_lossy(&body);
        let words = words.chars().take(SHOWN_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
        Err(ApiError::Refused { path, status: head.status.as_u16(), words })
    }
}

/// How Lambda collects telemetry before it delivers it (Telemetry API, "Configuring memory usage and buffering").
#[derive(Clone, Copy, Debug)]
pub struct Buffering {
    /// Events: 1,000 to 10,000.
    pub max_items: u32,
    /// Bytes: 262,144 to 1,048,576.
    pub max_bytes: usize,
    /// Milliseconds: 25 to 30,000.
    pub timeout_ms: u32,
}

impl NextEvent {
    fn parse(json: &[u8]) -> Option<Self> {
        let event: Event<'_> = serde_json::from_slice(json).ok()?;
        let deadline_ms = event.deadline_ms.and_then(|raw| raw.get().trim_matches('"').parse().ok());
        Some(match event.kind.as_str() {
            "INVOKE" => Self::Invoke { request_id: event.request_id, deadline_ms },
            "SHUTDOWN" => Self::Shutdown { deadline_ms },
            _ => Self::Unknown,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Extensions API, "Invoke phase" and "Shutdown phase": the examples.
    #[test]
    fn the_examples_of_the_documentation_are_read() {
        let invoke = r#"{"eventType":"INVOKE","deadlineMs":676051,"requestId":"3da1f2dc-3222-475e-9205-e2e6c6318895","invokedFunctionArn":"arn:aws:lambda:us-east-1:123456789012:function:ExtensionTest","tracing":{"type":"X-Amzn-Trace-Id","value":"Root=1-5f35ae12"}}"#;
        let request_id = "3da1f2dc-3222-475e-9205-e2e6c6318895".to_owned();
        let expected = NextEvent::Invoke { request_id, deadline_ms: Some(676_051) };
        assert_eq!(NextEvent::parse(invoke.as_bytes()), Some(expected));
        let shutdown = r#"{"eventType":"SHUTDOWN","shutdownReason":"SPINDOWN","deadlineMs":"676051"}"#;
        let expected = NextEvent::Shutdown { deadline_ms: Some(676_051) };
        assert_eq!(NextEvent::parse(shutdown.as_bytes()), Some(expected));
        let unreadable = br#"{"eventType":"SHUTDOWN","deadlineMs":"the time and date"}"#;
        assert_eq!(NextEvent::parse(unreadable), Some(NextEvent::Shutdown { deadline_ms: None }));
        assert_eq!(NextEvent::parse(br#"{"eventType":"THAW"}"#), Some(NextEvent::Unknown));
        assert_eq!(NextEvent::parse(b"{}"), None);
    }
}
