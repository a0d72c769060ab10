//! The Lambda response, in the form that API Gateway and function URLs pass on.
//!
//! Both require `body` to be a string; other callers get an object, so that they need not parse twice.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>

use std::time::Duration;

use serde::Serialize;
use serde::ser::{Error as _, SerializeStruct as _, Serializer};
use serde_json::value::RawValue;

use crate::error::Error;
use crate::operation::Operation;
use crate::time::Timestamp;
use crate::truncation::Caller;

/// The response of an invocation.
#[derive(Debug)]
pub struct Response {
    status: u16,
    body: Body,
    caller: Caller,
}

/// The HTTP headers. Browsers may read the responses from any origin: no cookie protects them.
#[derive(Serialize)]
struct Headers {
    #[serde(rename = "Content-Type")]
    content_type: &'static str,
    #[serde(rename = "Access-Control-Allow-Origin")]
    access_control_allow_origin: &'static str,
}

const HEADERS: Headers = Headers { content_type: "application/json", access_control_allow_origin: "*" };

#[derive(Debug, Serialize)]
struct Body {
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<&'static str>,
    /// The time of the invocation, RFC 3339.
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(rename = "errorType", skip_serializing_if = "Option::is_none")]
    error_type: Option<String>,
}

impl Response {
    pub(crate) fn new(
        operation: Option<Operation>,
        caller: Caller,
        now: Timestamp,
        result: Result<Box<RawValue>, Error>,
    ) -> Self {
        let error = result.as_ref().err();
        let status = error.map_or(200, Error::status);
        let body = Body {
            success: error.is_none(),
            operation: operation.map(Operation::name),
            timestamp: now.rfc3339(),
            error: error.map(ToString::to_string),
            error_type: error.and_then(Error::error_type).map(str::to_owned),
            data: result.ok(),
        };
        Self { status, body, caller }
    }

    /// Logs the invocation in one line, and a second one at level ERROR if the function or the workspace failed.
    pub(crate) fn log(&self, took: Duration) {
        let operation = self.body.operation.unwrap_or("unknown");
        let (status, error) = (self.status, self.body.error.as_deref());
        let bytes = self.body.data.as_ref().map_or(0, |data| data.get().len());
        let ms = took.as_millis();
        if status >= 500 {
            tracing::error!(operation, status, error, "The query failed.");
        }
        tracing::info!(operation, status, error, bytes, ms, "Invocation done.");
    }
}

impl Serialize for Response {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut response = serializer.serialize_struct("Response", 3)?;
        response.serialize_field("statusCode", &self.status)?;
        response.serialize_field("headers", &HEADERS)?;
        if self.caller == Caller::Http {
            response
                .serialize_field("body", &serde_json::to_string(&self.body).map_err(S::Error::custom)?)?;
        } else {
            response.serialize_field("body", &self.body)?;
        }
        response.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn response(result: Result<&str, Error>) -> Value {
        let result = result.map(|json| RawValue::from_string(json.to_owned()).unwrap());
        let now = Timestamp::from_ms(1_672_574_400_000);
        serde_json::to_value(Response::new(Some(Operation::Query), Caller::Direct, now, result)).unwrap()
    }

    #[test]
    fn data_and_errors_have_one_envelope() {
        let headers = json!({"Content-Type": "application/json", "Access-Control-Allow-Origin": "*"});
        assert_eq!(
            response(Ok(r#"{"a":1}"#)),
            json!({"statusCode": 200, "headers": headers, "body": {
                "success": true, "operation": "query", "timestamp": "2023-01-01T12:00:00Z", "data": {"a": 1}}})
        );
        let error = Error::Server {
            status: 422,
            error_type: Some("execution".to_owned()),
            message: "query timed out".to_owned(),
        };
        assert_eq!(
            response(Err(error)),
            json!({"statusCode": 422, "headers": headers, "body": {
                "success": false, "operation": "query", "timestamp": "2023-01-01T12:00:00Z",
                "error": "query timed out", "errorType": "execution"}})
        );
    }
}
