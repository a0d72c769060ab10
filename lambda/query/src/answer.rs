//! Answers: data or an error → what the caller gets, in the form that API Gateway and function URLs pass on.
//!
//! Both require `body` as text; other callers get an object, so they need not parse twice.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>

use std::time::Duration;

use serde::Serialize;
use serde::ser::{Error as _, SerializeStruct as _, Serializer};
use serde_json::value::RawValue;

use crate::error::Error;
use crate::operation::Operation;
use crate::selection::Audience;
use crate::timestamp::Timestamp;

/// What the caller gets.
#[derive(Debug)]
pub struct Answer {
    status: u16,
    body: Body,
    audience: Audience,
}

/// The HTTP headers, the same for every answer. Browsers may read them from any origin: they hold nothing that a cookie
/// protects.
#[derive(Serialize)]
struct Headers {
    #[serde(rename = "Content-Type")]
    content_type: &'static str,
    #[serde(rename = "Access-Control-Allow-Origin")]
    access_control_allow_origin: &'static str,
}

const HEADERS: Headers = Headers { content_type: "application/json", access_control_allow_origin: "*" };

/// Data or error.
#[derive(Debug, Serialize)]
struct Body {
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<&'static str>,
    /// When it was asked, RFC 3339.
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// Prometheus's `errorType`.
    #[serde(rename = "errorType", skip_serializing_if = "Option::is_none")]
    error_type: Option<String>,
}

impl Answer {
    /// The answer to `operation`, if that is known, asked by `audience` at `now`; `result` is JSON or an error.
    pub fn new(
        operation: Option<Operation>,
        audience: Audience,
        now: Timestamp,
        result: Result<String, Error>,
    ) -> Self {
        let result = result.and_then(|data| {
            RawValue::from_string(data).map_err(|error| Error::Unreadable(error.to_string()))
        });
        let status = result.as_ref().map_or_else(Error::status, |_| 200);
        let error_type = result.as_ref().err().and_then(Error::error_type).map(str::to_owned);
        let error = result.as_ref().err().map(ToString::to_string);
        let body = Body {
            success: result.is_ok(),
            operation: operation.map(Operation::name),
            timestamp: now.rfc3339(),
            data: result.ok(),
            error,
            error_type,
        };
        Self { status, body, audience }
    }

    /// Logs what came of an invocation that took so long, in one line unless the function or the workspace failed.
    pub fn log(&self, took: Duration) {
        let operation = self.body.operation.unwrap_or("unknown");
        let (status, error) = (self.status, self.body.error.as_deref());
        let bytes = self.body.data.as_ref().map_or(0, |data| data.get().len());
        let ms = took.as_millis();
        if status >= 500 {
            tracing::error!(operation, status, error, "The query could not be answered.");
        }
        tracing::info!(operation, status, error, bytes, ms, "Invocation done.");
    }
}

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut answer = serializer.serialize_struct("Answer", 3)?;
        answer.serialize_field("statusCode", &self.status)?;
        answer.serialize_field("headers", &HEADERS)?;
        if self.audience == Audience::Http {
            answer.serialize_field("body", &serde_json::to_string(&self.body).map_err(S::Error::custom)?)?;
        } else {
            answer.serialize_field("body", &self.body)?;
        }
        answer.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_672_574_400_000;

    #[test]
    fn data_and_errors_have_one_envelope() {
        let answer = |result| {
            let now = Timestamp::from_ms(NOW);
            serde_json::to_value(Answer::new(Some(Operation::Query), Audience::Program, now, result)).unwrap()
        };
        let headers = json!({"Content-Type": "application/json", "Access-Control-Allow-Origin": "*"});
        assert_eq!(
            answer(Ok("{\"a\":1}".to_owned())),
            json!({"statusCode": 200, "headers": headers, "body": {
                "success": true, "operation": "query", "timestamp": "2023-01-01T12:00:00Z", "data": {"a": 1}}})
        );
        let refused = Error::Refused {
            status: 422,
            error_type: Some("execution".to_owned()),
            words: "query timed out".to_owned(),
        };
        assert_eq!(
            answer(Err(refused)),
            json!({"statusCode": 422, "headers": headers, "body": {
                "success": false, "operation": "query", "timestamp": "2023-01-01T12:00:00Z",
                "error": "query timed out", "errorType": "execution"}})
        );
    }

    #[test]
    fn the_body_of_an_answer_to_http_is_the_same_as_text() {
        let answer = |audience| {
            let now = Timestamp::from_ms(NOW);
            let data = Ok(r#"{"a":"\"é\""}"#.to_owned());
            serde_json::to_value(Answer::new(Some(Operation::Query), audience, now, data)).unwrap()
        };
        let (mut http, program) = (answer(Audience::Http), answer(Audience::Program));
        http["body"] = serde_json::from_str(http["body"].as_str().unwrap()).unwrap();
        assert_eq!(http, program);
        assert_eq!(answer(Audience::Agent), program);
    }
}
