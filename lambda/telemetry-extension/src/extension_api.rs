//! The Extensions and Telemetry APIs of Lambda.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api-reference.html>

use std::time::Duration;

use aws::lambda_api::{ApiError, LambdaApi};
use bytes::Bytes;
use http::header::HeaderName;
use http::{HeaderValue, Method, StatusCode};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

const NAME: HeaderName = HeaderName::from_static("lambda-extension-name");
const IDENTIFIER: HeaderName = HeaderName::from_static("lambda-extension-identifier");
const ERROR_TYPE: HeaderName = HeaderName::from_static("lambda-extension-function-error-type");

/// The newest first. Managed Instances accept only that one; emulators may know older ones only.
const SCHEMA_VERSIONS: [&str; 3] = ["2025-01-29", "2022-12-13", "2022-07-01"];

/// The buffer of Lambda in bytes: the minimum, because counting needs no large deliveries.
pub const BUFFER_BYTES: usize = 262_144;

/// The buffer of Lambda in events: the maximum, so that short lines do not cause many deliveries.
pub const BUFFER_ITEMS: usize = 10_000;

/// The time that Lambda collects events before it delivers them, in milliseconds.
const BUFFER_TIMEOUT_MS: u32 = 500;

/// The attempts of a request for the next event on connections that break.
const NEXT_ATTEMPTS: u32 = 4;

/// The first pause between them; each is longer by as much.
const NEXT_PAUSE: Duration = Duration::from_millis(20);

/// The APIs of one execution environment.
#[derive(Debug)]
pub struct ExtensionApi {
    api: LambdaApi,
    identifier: Option<HeaderValue>,
}

/// An event of the Extensions API.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NextEvent {
    /// `INVOKE` or `SHUTDOWN`; any other is an event that this extension did not register for.
    pub event_type: String,
    /// The id of an invocation.
    #[serde(default)]
    pub request_id: String,
    /// When the function times out, or the extension is killed at a shutdown, in milliseconds since the epoch.
    #[serde(default, deserialize_with = "number_or_string")]
    pub deadline_ms: Option<u64>,
}

/// A number, or a string as in the documentation's example of a shutdown.
fn number_or_string<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(value.as_u64().or_else(|| value.as_str()?.parse().ok()))
}

impl ExtensionApi {
    /// The APIs at `address`, the value of `AWS_LAMBDA_RUNTIME_API`.
    pub fn new(address: &str) -> Result<Self, ApiError> {
        Ok(Self { api: LambdaApi::new(address)?, identifier: None })
    }

    /// Registers for `events` under `name`, the file name of the program.
    pub async fn register(&mut self, name: &HeaderValue, events: &[&str]) -> Result<(), ApiError> {
        const PATH: &str = "/2020-01-01/extension/register";
        let body = serde_json::json!({ "events": events }).to_string();
        let headers = [(NAME, name.clone())];
        let answer = self.request(Method::POST, PATH, &headers, body.into()).await?;
        let identifier = answer.headers().get(IDENTIFIER).cloned();
        let missing = || incomplete(PATH, "the header Lambda-Extension-Identifier");
        self.identifier = Some(identifier.ok_or_else(missing)?);
        Ok(())
    }

    /// Reports that everything is done, and waits for the next event without a time limit.
    pub async fn next(&self) -> Result<NextEvent, ApiError> {
        const PATH: &str = "/2020-01-01/extension/event/next";
        let mut attempts = 1;
        let answer = loop {
            match self.request(Method::GET, PATH, &[], Bytes::new()).await {
                // If this extension ends, Lambda ends the environment, so one broken connection must not end it.
                Err(ApiError::Unreachable { .. }) if attempts < NEXT_ATTEMPTS => {
                    tokio::time::sleep(NEXT_PAUSE * attempts).await;
                    attempts += 1;
                }
                answered => break answered?,
            }
        };
        serde_json::from_slice(answer.body()).map_err(|_| incomplete(PATH, "an event"))
    }

    /// Subscribes to all telemetry, delivered to `uri`, with the first schema version that Lambda accepts. Returns `false` for
    /// 202: the API exists but does nothing, as in local tests.
    pub async fn subscribe(&self, uri: &str) -> Result<bool, ApiError> {
        const PATH: &str = "/2022-07-01/telemetry";
        let mut refusal = incomplete(PATH, "a schema version");
        for version in SCHEMA_VERSIONS {
            let body = serde_json::json!({
                "schemaVersion": version,
                "types": ["platform", "function", "extension"],
                "buffering": {
                    "maxItems": BUFFER_ITEMS, "maxBytes": BUFFER_BYTES, "timeoutMs": BUFFER_TIMEOUT_MS,
                },
                "destination": { "protocol": "HTTP", "URI": uri },
            });
            match self.request(Method::PUT, PATH, &[], body.to_string().into()).await {
                Ok(answer) => return Ok(answer.status() != StatusCode::ACCEPTED),
                Err(error) if error.status() == Some(StatusCode::BAD_REQUEST) => refusal = error,
                Err(error) => return Err(error),
            }
        }
        Err(refusal)
    }

    /// Reports why the extension cannot start (`phase` is `init`) or ends (`exit`). No other request is allowed afterwards.
    pub async fn report_error(
        &self,
        phase: &str,
        error_type: &'static str,
        message: &str,
    ) -> Result<(), ApiError> {
        let path = format!("/2020-01-01/extension/{phase}/error");
        let body = serde_json::json!({ "errorType": error_type, "errorMessage": message, "stackTrace": [] });
        let headers = [(ERROR_TYPE, HeaderValue::from_static(error_type))];
        self.request(Method::POST, &path, &headers, body.to_string().into()).await.map(drop)
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, HeaderValue)],
        body: Bytes,
    ) -> Result<http::Response<Bytes>, ApiError> {
        let identifier = self.identifier.iter().map(|identifier| (IDENTIFIER, identifier.clone()));
        let headers: Vec<_> = headers.iter().cloned().chain(identifier).collect();
        self.api.request(method, path, &headers, body).await
    }
}

fn incomplete(path: &str, part: &'static str) -> ApiError {
    ApiError::Incomplete { path: path.to_owned(), part }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Extensions API, "Invoke phase" and "Shutdown phase": the examples.
    #[test]
    fn the_documented_examples_are_valid() {
        let invoke = r#"{"eventType":"INVOKE","deadlineMs":676051,"requestId":"3da1f2dc-3222-475e-9205-e2e6c6318895","invokedFunctionArn":"arn:aws:lambda:us-east-1:123456789012:function:ExtensionTest","tracing":{"type":"X-Amzn-Trace-Id","value":"Root=1-5f35ae12"}}"#;
        let parse = |json: &str| serde_json::from_str::<NextEvent>(json).ok();
        let event = |event_type: &str, request_id: &str, deadline_ms| {
            Some(NextEvent {
                event_type: event_type.to_owned(),
                request_id: request_id.to_owned(),
                deadline_ms,
            })
        };
        let expected = event("INVOKE", "3da1f2dc-3222-475e-9205-e2e6c6318895", Some(676_051));
        assert_eq!(parse(invoke), expected);
        let shutdown = r#"{"eventType":"SHUTDOWN","shutdownReason":"SPINDOWN","deadlineMs":"676051"}"#;
        assert_eq!(parse(shutdown), event("SHUTDOWN", "", Some(676_051)));
        let unreadable = r#"{"eventType":"SHUTDOWN","deadlineMs":"the time and date"}"#;
        assert_eq!(parse(unreadable), event("SHUTDOWN", "", None));
        assert_eq!(parse(r#"{"eventType":"THAW"}"#), event("THAW", "", None));
        assert_eq!(parse("{}"), None);
    }
}
