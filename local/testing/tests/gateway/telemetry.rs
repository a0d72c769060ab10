//! Log lines and embedded metrics, without secrets.

use local_amp::{Action, Fault, Matcher};
use local_lambda::runtime::Invocation;
use local_lambda::sqs::sqs_event;
use serde_json::Value;

use crate::outcomes::refuse;
use crate::queue::stage_with_queue;
use crate::support::{NOW_MS, QUEUE, SECRET, Setup, Stage, TOKEN, event, messages, one_event_each};

/// Every line of an invocation; each must be a JSON object.
fn lines(invocation: &Invocation) -> Vec<Value> {
    let parse =
        |line: &String| serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
    let lines: Vec<_> = invocation.logs.iter().map(parse).collect();
    assert!(lines.iter().all(Value::is_object), "{lines:?}");
    lines
}

/// The lines that have this field.
pub(crate) fn lines_with(invocation: &Invocation, field: &str) -> Vec<Value> {
    lines(invocation).into_iter().filter(|line| line.get(field).is_some()).collect()
}

fn info(invocation: &Invocation) -> Value {
    let lines = lines(invocation);
    let mut info = lines.into_iter().filter(|line| line["level"] == "INFO");
    let (Some(line), None) = (info.next(), info.next()) else {
        panic!("not one INFO line: {:?}", invocation.logs)
    };
    line
}

fn embedded_metrics(invocation: &Invocation) -> Value {
    let found = lines_with(invocation, "_aws");
    assert_eq!(found.len(), 1, "{:?}", invocation.logs);
    found[0].clone()
}

fn assert_no_secret(what: &str) {
    for secret in [SECRET, TOKEN] {
        assert!(!what.contains(secret), "{secret} is in {what}");
    }
}

/// One delivered, two invalid and one refused event.
async fn busy_invocation(stage: &mut Stage) -> Invocation {
    stage.fail(refuse("bad", 400));
    let bodies = [
        event("a", NOW_MS, 1),
        "hello".to_owned(),
        event("bad", NOW_MS, 1),
        event("x", NOW_MS, "true"),
        event("a", NOW_MS + 1, 1),
    ];
    stage.invoke(sqs_event(QUEUE, &messages(&bodies))).await
}

#[tokio::test]
async fn an_invocation_is_one_info_line_with_its_figures() {
    let mut stage = Stage::start().await;
    let invocation = busy_invocation(&mut stage).await;
    let line = info(&invocation);
    for (field, count) in
        [("events", 5), ("samples", 2), ("series", 2), ("invalid", 2), ("rejected", 1), ("retried", 0)]
    {
        assert_eq!(line[field].as_u64(), Some(count), "{field} in {line}");
    }
    let requests = stage.amp.requests();
    assert_eq!(line["requests"].as_u64(), Some(requests.len() as u64), "{line}");
    let bytes: usize = requests.iter().map(|request| request.body_bytes).sum();
    assert_eq!(line["bytes"].as_u64(), Some(bytes as u64), "{line}");
    assert!(line["ms"].as_f64().is_some_and(|ms| ms > 0.0), "{line}");
    assert!(line["timestamp"].is_string() && line["message"].is_string(), "{line}");
}

#[tokio::test]
async fn embedded_metrics_follow_the_format_and_carry_the_figures() {
    let mut stage = Stage::start().await;
    let line = embedded_metrics(&busy_invocation(&mut stage).await);
    let directives = line["_aws"]["CloudWatchMetrics"].as_array().expect("directives");
    assert_eq!((directives.len(), &directives[0]["Namespace"]), (1, &Value::from("PrometheusPushGateway")));
    assert!(line["_aws"]["Timestamp"].as_i64().is_some_and(|at| at > NOW_MS), "{line}");
    let declared: Vec<_> = directives[0]["Metrics"].as_array().expect("metrics").iter().collect();
    for metric in &declared {
        let name = metric["Name"].as_str().expect("a name");
        let value = &line[name];
        assert!(
            value.is_number() || value.as_array().is_some_and(|values| !values.is_empty()),
            "{name}: {value}"
        );
    }
    for dimension in directives[0]["Dimensions"]
        .as_array()
        .expect("dimension sets")
        .iter()
        .filter_map(Value::as_array)
        .flatten()
    {
        assert!(line[dimension.as_str().expect("a name")].is_string(), "{dimension}");
    }
    let names: Vec<_> = declared.iter().filter_map(|metric| metric["Name"].as_str()).collect();
    for name in [
        "Events",
        "Samples",
        "InvalidEvents",
        "RejectedEvents",
        "FailedEvents",
        "WriteRequests",
        "WriteRetries",
        "WriteLatency",
    ] {
        assert!(names.contains(&name), "{name} is not in {names:?}");
    }
    let counts = ["Events", "Samples", "InvalidEvents", "RejectedEvents", "FailedEvents", "WriteRetries"];
    assert_eq!(counts.map(|name| line[name].as_u64()), [5, 2, 2, 1, 0, 0].map(Some));
    assert_eq!(line["WriteRequests"].as_u64(), Some(stage.amp.requests().len() as u64));
}

#[tokio::test]
async fn retries_and_failures_are_counted() {
    let mut stage = Setup::new().timeout_s(3).start().await;
    stage.amp.set_faults(vec![Fault::times(2, Matcher::Any, Action::status(503, ""))]);
    let invocation = stage.invoke(event("a", NOW_MS, 1)).await;
    assert_eq!(info(&invocation)["retried"].as_u64(), Some(2));
    assert_eq!(embedded_metrics(&invocation)["WriteRetries"].as_u64(), Some(2));
    stage.fail(Fault::always(Matcher::Any, Action::status(403, "")));
    let invocation = stage.invoke(sqs_event(QUEUE, &messages(&one_event_each(3)))).await;
    assert_eq!(embedded_metrics(&invocation)["FailedEvents"].as_u64(), Some(3));
    assert!(lines(&invocation).iter().any(|line| line["level"] == "ERROR"), "someone must act");
}

#[tokio::test]
async fn a_thousand_bad_events_are_a_handful_of_lines() {
    let (mut stage, _queue) = stage_with_queue("telemetry-lines").await;
    let bodies: Vec<_> = (0..1_000).map(|at| event("x", at, "\"hello\"")).collect();
    let invocation = stage.invoke(sqs_event(QUEUE, &messages(&bodies))).await;
    assert!(invocation.logs.len() < 12, "{} lines", invocation.logs.len());
    assert_eq!(info(&invocation)["invalid"].as_u64(), Some(1_000));
    assert_eq!(lines(&invocation).iter().filter(|line| line["level"] == "ERROR").count(), 0);
}

#[tokio::test]
async fn an_unknown_payload_is_logged() {
    let mut stage = Stage::start().await;
    let invocation = stage.invoke("12").await;
    assert!(lines(&invocation).iter().any(|line| line["level"] == "ERROR"), "{:?}", invocation.logs);
}

#[tokio::test]
async fn the_log_level_of_lambda_is_obeyed() {
    let mut stage = Setup::new().env("AWS_LAMBDA_LOG_LEVEL", "ERROR").start().await;
    let invocation = busy_invocation(&mut stage).await;
    assert!(lines(&invocation).iter().all(|line| line.get("level").is_none_or(|level| level == "ERROR")));
    embedded_metrics(&invocation);
}

#[tokio::test]
async fn the_log_format_of_lambda_is_obeyed() {
    let mut stage = Setup::new().env("AWS_LAMBDA_LOG_FORMAT", "Text").start().await;
    let invocation = stage.invoke(event("a", NOW_MS, 1)).await;
    let info: Vec<_> = invocation.logs.iter().filter(|line| line.contains("INFO")).collect();
    assert!(info.len() == 1 && !info[0].starts_with('{') && info[0].contains("samples=1"), "{info:?}");
}

#[tokio::test]
async fn no_level_of_logging_shows_a_secret() {
    for (variable, level) in [("AWS_LAMBDA_LOG_LEVEL", "TRACE"), ("RUST_LOG", "trace")] {
        let setup =
            crate::queue::with_queue(Setup::new().env(variable, level), "http://127.0.0.1/no/such-queue");
        let mut stage = setup.start().await;
        let invocation = busy_invocation(&mut stage).await;
        assert!(invocation.logs.len() > 3, "{level} is not obeyed");
        assert_no_secret(&invocation.logs.join("\n"));
    }
}

/// AMP answers a signature that does not match with the canonical request that it expected, in which the session
/// token is a header like any other.
#[tokio::test]
async fn a_session_token_in_an_answer_is_not_repeated() {
    let mut stage = Stage::start().await;
    let words = format!(
        "{{\"message\":\"The request signature we calculated does not match the signature you provided. The Canonical \
         String for this request should have been 'POST\\n/workspaces/ws/api/v1/remote_write\\n\\nhost:x\\n\
         x-amz-date:20230214T180657Z\\nx-amz-security-token:{TOKEN}\\n'\"}}"
    );
    for status in [403, 400, 503] {
        stage.amp.set_faults(vec![Fault::times(1, Matcher::Any, Action::status(status, &words))]);
        let invocation = stage.invoke(event("a", NOW_MS, 1)).await;
        assert_no_secret(&invocation.logs.join("\n"));
        if let Some((_, message)) = invocation.function_error() {
            assert_no_secret(message);
        }
    }
}
