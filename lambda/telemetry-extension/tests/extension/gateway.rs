//! The push gateway as the destination: its queue, on moto's SQS, and its function. The push gateway's own code parses the
//! events.

use std::collections::BTreeMap;
use std::time::Duration;

use formats::{Format, OtlpDelta, Rules};
use local_lambda::sqs::Sqs;
use local_testing::scripted::{Answer, Request, ScriptedServer};
use push_gateway::envelopes::Envelope;
use push_gateway::records::{MAX_SAMPLE_BYTES, Records};
use remote_write::{Labels, NameEscaping};
use serde_json::Value;

use crate::host::{Setup, credentials};
use crate::secret;

/// The values of `aws_lambda_invocations_total` by time and status. The gateway must accept every event.
fn invocations(payloads: &[String]) -> BTreeMap<(i64, String), f64> {
    let mut found = BTreeMap::new();
    for payload in payloads {
        let envelope = Envelope::read(payload.as_bytes()).expect("a payload of the gateway");
        let rules = Rules {
            escaping: NameEscaping::Reject,
            external_labels: &Labels::default(),
            max_sample_bytes: MAX_SAMPLE_BYTES,
            grouping: &Vec::new(),
            received_ms: 0,
            now_ms: i64::MAX,
            max_future: Duration::ZERO,
            otlp_delta: OtlpDelta::Refuse,
        };
        let (records, _) = Records::read(&envelope, Format::Event, rules);
        assert!(records.records.iter().all(|record| record.points.is_ok()), "{payload}");
        for event in serde_json::from_str::<Vec<Value>>(payload).expect("an array of events") {
            let metrics = &event["metrics"];
            assert!(event["dimensions"]["instance"].as_str().is_some_and(|instance| instance.len() == 8));
            if let Some(value) = metrics["aws_lambda_invocations_total"].as_f64() {
                let status = event["dimensions"]["status"].as_str().expect("a status").to_owned();
                found.insert((event["timestamp"].as_i64().expect("a time"), status), value);
            }
        }
    }
    found
}

/// The values ascend from zero to `last`, and the first increment is a step: ten zeros within ten milliseconds before it.
fn assert_zero_then(found: &BTreeMap<(i64, String), f64>, status: &str, last: f64) {
    let of_status = found.iter().filter(|((_, s), _)| s == status);
    let (times, values): (Vec<_>, Vec<_>) = of_status.map(|((at, _), value)| (*at, *value)).unzip();
    assert!(values.is_sorted() && values.first() == Some(&0.0) && values.last() == Some(&last), "{values:?}");
    let first = values.iter().position(|value| *value > 0.0).expect("an increment");
    let expected: Vec<_> = (times[first] - 10..times[first]).collect();
    assert_eq!(times[first - 10..first], expected, "{status}");
}

#[tokio::test]
async fn a_queue_receives_arrays_of_events() {
    let moto = secret::moto().await;
    let sqs = Sqs::new(moto.endpoint(), "eu-west-1", credentials());
    for name in ["metrics", "metrics.fifo"] {
        let queue = sqs.create_queue(name).await.expect("a queue");
        let setup =
            Setup::new().env("TELEMETRY_QUEUE_URL", &*queue).env("AWS_ENDPOINT_URL_SQS", moto.endpoint());
        let mut host = setup.start().await.ready().await;
        host.invoke_and_report("success").await;
        host.invoke_and_report("error").await;
        host.invoke_and_report("success").await;
        assert!(host.shut_down().await.success());
        let messages = sqs.receive_all(&queue).await.expect("messages");
        assert!(messages.len() >= 3, "two dispatches and the last");
        let payloads: Vec<_> = messages.into_iter().map(|message| message.body).collect();
        let bytes: Vec<_> = payloads.iter().map(String::len).collect();
        println!("bytes of a message: {bytes:?}");
        assert!(bytes.iter().sum::<usize>() <= 128 * 1_024, "{bytes:?}");
        let found = invocations(&payloads);
        assert_zero_then(&found, "success", 2.0);
        assert_zero_then(&found, "error", 1.0);
    }
}

/// SQS throttles with status 400, which does not mean that the message is at fault.
#[tokio::test]
async fn a_throttled_queue_is_a_failure_not_a_rejection() {
    // API reference, `SendMessageBatch`, "Errors": `RequestThrottled`.
    let throttled = Answer::new(400, r#"{"__type":"com.amazonaws.sqs#RequestThrottled"}"#);
    let server = ScriptedServer::in_order(vec![throttled, Answer::new(200, "{}")]).await;
    let url = server.url();
    let setup = Setup::new()
        .env("TELEMETRY_QUEUE_URL", format!("{url}/123456789012/metrics"))
        .env("AWS_ENDPOINT_URL_SQS", url);
    let mut host = setup.start().await.ready().await;
    host.invoke_and_report("success").await;
    host.invoke_and_report("success").await;
    assert!(host.shut_down().await.success());
    let last = server.requests().last().expect("a call").json();
    let last = last["Entries"][0]["MessageBody"].as_str().expect("text");
    let events: Vec<Value> = serde_json::from_str(last).expect("an array of events");
    let dispatches = |outcome: &str| {
        let of_outcome = events.iter().filter(|event| event["dimensions"]["outcome"] == outcome);
        of_outcome
            .filter_map(|event| event["metrics"]["aws_lambda_telemetry_dispatches_total"].as_f64())
            .next_back()
    };
    assert_eq!((dispatches("failed"), dispatches("rejected")), (Some(1.0), Some(0.0)), "{events:?}");
    // The throttled message was not stored, so the step begins at zero again.
    assert_zero_then(&invocations(&[last.to_owned()]), "success", 2.0);
}

#[tokio::test]
async fn a_function_is_invoked_with_arrays_of_events() {
    // API reference, Invoke: 202 for invocation type `Event`.
    let server = ScriptedServer::in_order(vec![Answer::new(202, "")]).await;
    let url = server.url();
    let setup = Setup::new()
        .env("TELEMETRY_FUNCTION", "arn:aws:lambda:eu-west-1:123456789012:function:gateway:live")
        .env("AWS_ENDPOINT_URL_LAMBDA", url);
    let mut host = setup.start().await.ready().await;
    host.invoke_and_report("success").await;
    host.invoke_and_report("timeout").await;
    assert!(host.shut_down().await.success());
    let invoked = server.requests();
    for request in &invoked {
        let arn = "arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Agateway%3Alive";
        assert_eq!(request.path(), format!("/2015-03-31/functions/{arn}/invocations"));
        assert_eq!(request.header("x-amz-invocation-type"), "Event");
        assert!(request.header("authorization").contains("/eu-west-1/lambda/aws4_request"));
    }
    let payloads: Vec<_> = invoked.iter().map(Request::text).collect();
    assert!(payloads.len() >= 2, "a dispatch and the last");
    let found = invocations(&payloads);
    assert_zero_then(&found, "success", 1.0);
    assert_zero_then(&found, "timeout", 1.0);
}
