//! Recognizes throttling by AWS services that report it with status 400.
//!
//! In the AWS JSON protocol the error's type is the member `__type`, after a namespace and `#`
//! (<https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html#operation-error-serialization>). SQS throttles with
//! `RequestThrottled` and `KmsThrottled`
//! (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html#API_SendMessageBatch_Errors>),
//! Secrets Manager and others with `ThrottlingException`.

use crate::response::Response;

/// The error types of throttling.
const THROTTLED: [&str; 3] = ["RequestThrottled", "KmsThrottled", "ThrottlingException"];

/// Whether a service with the AWS JSON protocol rejects the rate of requests, not this request.
pub(crate) fn is_throttled(response: &Response) -> bool {
    response.status == 400
        && error_type(&response.body).is_some_and(|kind| THROTTLED.contains(&kind.as_str()))
}

/// The type of an error, without its namespace.
fn error_type(body: &[u8]) -> Option<String> {
    let error: serde_json::Value = serde_json::from_slice(body).ok()?;
    let kind = error.get("__type")?.as_str()?;
    Some(kind.rsplit('#').next().unwrap_or(kind).to_owned())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::header::HeaderName;
    use http::{HeaderValue, Method, Uri};

    use super::*;
    use crate::{Request, RetryAction};

    #[test]
    fn only_the_aws_json_protocol_reports_throttling_with_400() {
        let request = |headers| Request {
            method: Method::POST,
            uri: Uri::from_static("https://sqs.eu-west-1.amazonaws.com/"),
            headers,
            body: Bytes::new(),
            scope: None,
            wanted_body: 0,
        };
        let call = request(vec![(
            HeaderName::from_static("x-amz-target"),
            HeaderValue::from_static("AmazonSQS.SendMessageBatch"),
        )]);
        let write = request(Vec::new());
        let throttled = Response::new(400, r#"{"__type":"com.amazonaws.sqs#RequestThrottled"}"#);
        assert_eq!(call.retry_action(&throttled), RetryAction::Retry);
        assert_eq!(call.retry_action(&Response::new(400, "{}")), RetryAction::Done);
        assert_eq!(write.retry_action(&throttled), RetryAction::Done);
    }

    #[test]
    fn other_errors_with_status_400_are_not_throttling() {
        let is_throttled = |status, body: &'static str| is_throttled(&Response::new(status, body));
        for throttled in [
            r#"{"__type":"com.amazonaws.sqs#RequestThrottled","message":"Request is throttled."}"#,
            r#"{"__type":"com.amazonaws.sqs#KmsThrottled"}"#,
            r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#,
        ] {
            assert!(is_throttled(400, throttled), "{throttled}");
            assert!(!is_throttled(200, throttled), "{throttled}");
        }
        for other in [
            r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"RequestThrottled"}"#,
            r#"{"__type":"com.amazonaws.sqs#NotRequestThrottled"}"#,
            r#"{"__type":null}"#,
            r#"{"message":"ThrottlingException"}"#,
            "[]",
            "ThrottlingException",
            "",
        ] {
            assert!(!is_throttled(400, other), "{other}");
        }
    }
}
