//! Answers: data or an error → what the caller gets, in the form that API Gateway and function URLs pass on.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::error::Error;
use crate::operation::Operation;
use crate::timestamp::Timestamp;

/// What the caller gets.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The HTTP status.
    pub status_code: u16,
    /// The HTTP headers.
    pub headers: Headers,
    /// Data or error.
    pub body: Body,
}

/// The same for every answer. Browsers may read them from any origin: they hold nothing that a cookie protects.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the names are those of HTTP")]
pub struct Headers {
    #[serde(rename = "Content-Type")]
    pub content_type: &'static str,
    #[serde(rename = "Access-Control-Allow-Origin")]
    pub access_control_allow_origin: &'static str,
}

/// Data or error.
#[derive(Debug, Serialize)]
pub struct Body {
    /// Whether there is data.
    pub success: bool,
    /// What was asked, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<&'static str>,
    /// When it was asked, RFC 3339.
    pub timestamp: String,
    /// What was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Box<RawValue>>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Prometheus's `errorType`.
    #[serde(rename = "errorType", skip_serializing_if = "Option::is_none")]
    pub error_type: Option<String>,
}

impl Answer {
    /// The answer to `operation`, asked at `now`; `result` is JSON or why there is none.
    pub fn new(operation: Option<Operation>, now: Timestamp, result: Result<String, Error>) -> Self {
        let result = result.and_then(|data| {
            RawValue::from_string(data).map_err(|error| Error::Unreadable(error.to_string()))
        });
        let status_code = result.as_ref().map_or_else(Error::status, |_| 200);
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
        let headers = Headers { content_type: "application/json", access_control_allow_origin: "*" };
        Self { status_code, headers, body }
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
            serde_json::to_value(Answer::new(Some(Operation::Query), Timestamp::from_ms(NOW), result))
                .unwrap()
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
}
