//! `Invoke`, synchronous.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use local_lambda::runtime::FunctionOptions;
use local_lambda::service::AsyncPolicy;
use serde_json::json;

use crate::service::{service, service_of};
use crate::support::{eventually, obedient};

/// Lambda API, `Invoke`: 200, the version and the function's answer.
#[tokio::test]
async fn the_answer_of_the_function_comes_back() {
    let service = service().await;
    let answer = service.invoke(r#"{"a":1}"#, &[]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["echo"], json!({ "a": 1 }));
    assert_eq!(answer.header("x-amz-executed-version"), Some("$LATEST"));
    assert_eq!(answer.header("x-amz-function-error"), None);
    assert_eq!(answer.header("x-amz-log-result"), None, "not requested");
    assert_eq!(answer.header("x-amzn-requestid"), answer.json()["requestId"].as_str());
    // A function always gets JSON.
    assert_eq!(service.invoke("", &[]).await.json()["echo"], json!({}));
}

/// Lambda API, `Invoke`, "FunctionName": a name, with a qualifier, or an ARN, partial or full.
#[tokio::test]
async fn a_function_is_found_by_every_form_of_its_name() {
    let service = service().await;
    for name in [
        "push-gateway",
        "push-gateway:$LATEST",
        "push-gateway%3A%24LATEST",
        "123456789012:function:push-gateway",
        "arn:aws:lambda:eu-west-1:123456789012:function:push-gateway",
        "arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Apush-gateway:live",
    ] {
        assert_eq!(service.post(name, "{}".to_owned(), &[]).await.status, 200, "{name}");
    }
}

/// Lambda API, `Invoke`, "Errors"; "ClientContext": "Up to 3,583 bytes of base64-encoded data".
#[tokio::test]
async fn an_invalid_request_is_rejected_and_runs_nothing() {
    const CONTEXT: &str = "x-amz-client-context";
    let service = service().await;
    let [text, list, too_long] =
        ["not JSON", "[]", &format!(r#"{{"custom":{{"a":"{}"}}}}"#, "x".repeat(2_700))]
            .map(|context| STANDARD.encode(context));
    for (name, payload, header, status, error) in [
        ("nobody", "{}", None, 404, "ResourceNotFoundException"),
        ("push-gateway", "{", None, 400, "InvalidRequestContentException"),
        ("push-gateway", "hello", None, 400, "InvalidRequestContentException"),
        ("push-gateway", "{} {}", None, 400, "InvalidRequestContentException"),
        ("push-gateway", "\u{feff}{}", None, 400, "InvalidRequestContentException"),
        (
            "push-gateway",
            "{}",
            Some(("x-amz-invocation-type", "Later")),
            400,
            "InvalidParameterValueException",
        ),
        ("push-gateway", "{}", Some((CONTEXT, "not base64!")), 400, "InvalidRequestContentException"),
        ("push-gateway", "{}", Some((CONTEXT, &text)), 400, "InvalidRequestContentException"),
        ("push-gateway", "{}", Some((CONTEXT, &list)), 400, "InvalidRequestContentException"),
        ("push-gateway", "{}", Some((CONTEXT, &too_long)), 400, "InvalidRequestContentException"),
    ] {
        let headers: Vec<_> = header.into_iter().collect();
        let answer = service.post(name, payload.to_owned(), &headers).await;
        assert_eq!((answer.status, answer.header("x-amzn-errortype")), (status, Some(error)), "{answer:?}");
        if status == 404 {
            let message = "Function not found: arn:aws:lambda:eu-west-1:123456789012:function:nobody";
            assert_eq!(answer.json()["message"], message);
        }
    }
    assert_eq!(service.pool.counts().invocations, 0);
}

/// Lambda API, `Invoke`, "X-Amz-Function-Error": set with status 200 when the function fails. Lambda, "Troubleshoot invocation
/// issues" and "Troubleshoot deployment issues"; Runtime API, "Initialization error".
#[tokio::test]
async fn a_function_that_fails_is_an_error_with_its_type() {
    for (options, order, error_type, message) in [
        (obedient(), r#"{"do":"fail"}"#, "", "as ordered"),
        (obedient(), r#"{"do":"exit"}"#, "Runtime.ExitError", "Runtime exited with error: exit status: 7"),
        (obedient().env("INIT", "report"), "{}", "BadConfig", "REMOTE_WRITE_URL is not set"),
        (
            FunctionOptions::new("/nowhere/bootstrap"),
            "{}",
            "Runtime.InvalidEntrypoint",
            "cannot start /nowhere/bootstrap: No such file or directory (os error 2)",
        ),
    ] {
        let service = service_of(options, 1, AsyncPolicy::default()).await;
        let error = service.invoke(order, &[]).await.function_error();
        assert!(error.0.contains(error_type) && error.1.ends_with(message), "{error:?}");
        assert_eq!(service.pool.counts().errors, 1);
        if order != "{}" {
            assert_eq!(service.invoke("{}", &[]).await.header("x-amz-function-error"), None, "it runs again");
        }
    }
}

/// Lambda, "Configure Lambda function timeout": the invocation is stopped and the environment starts again.
#[tokio::test]
async fn a_function_over_its_timeout_is_started_again() {
    let mut options = obedient();
    options.timeout = Duration::from_secs(2);
    let service = service_of(options, 1, AsyncPolicy::default()).await;
    let first = service.invoke("{}", &[]).await.json()["pid"].clone();
    let (error_type, message) = service.invoke(r#"{"do":"sleep","ms":60000}"#, &[]).await.function_error();
    assert_eq!(error_type, "Sandbox.Timedout");
    assert!(message.ends_with("Error: Task timed out after 2.00 seconds"), "{message}");
    let second = service.invoke("{}", &[]).await;
    assert_eq!(second.status, 200);
    assert_ne!(second.json()["pid"], first);
}

/// A process that was killed while idle is replaced.
#[tokio::test]
async fn a_function_that_ended_while_idle_is_started_again() {
    let service = service().await;
    let pid = service.invoke("{}", &[]).await.json()["pid"].as_i64().expect("a process id");
    let process = nix::unistd::Pid::from_raw(i32::try_from(pid).expect("a small number"));
    nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGKILL).expect("it runs");
    let status = format!("/proc/{pid}/status");
    eventually("the process ends", || {
        std::fs::read_to_string(&status).map_or(true, |status| status.contains("Z (zombie)"))
    })
    .await;
    let next = service.invoke("{}", &[]).await;
    assert_eq!((next.status, next.header("x-amz-function-error")), (200, None), "{next:?}");
    assert_ne!(next.json()["pid"], pid);
}

/// Lambda quotas, "Invocation payload": 6 MB, and the limit itself is allowed.
#[tokio::test]
async fn six_megabytes_are_the_limit_of_a_synchronous_payload() {
    const LIMIT: usize = 6 * 1_024 * 1_024;
    let service = service().await;
    let fits = format!("\"{}\"", "x".repeat(LIMIT - 2));
    let answer = service.invoke(&fits, &[]).await;
    // It is handed over; its echo is longer than an answer may be.
    assert_eq!(answer.function_error().0, "Function.ResponseSizeTooLarge");
    let answer = service.invoke(&format!("{fits} "), &[]).await;
    assert_eq!((answer.status, answer.header("x-amzn-errortype")), (413, Some("RequestTooLargeException")));
    assert_eq!(
        answer.json()["message"],
        "Request must be smaller than 6291456 bytes for the InvokeFunction operation"
    );
}

/// Lambda API, `Invoke`, "InvocationType": `DryRun` answers 204 and runs nothing.
#[tokio::test]
async fn a_dry_run_runs_nothing() {
    let service = service().await;
    let answer = service.invoke("{}", &[("x-amz-invocation-type", "DryRun")]).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    assert_eq!(service.pool.counts().invocations, 0);
    assert_eq!(service.pool.environments(), []);
    let unknown = service.post("nobody", String::new(), &[("x-amz-invocation-type", "DryRun")]).await;
    assert_eq!(unknown.status, 404);
}

/// Lambda API, `Invoke`, "ClientContext": base64 of JSON, given to the function in its context object.
#[tokio::test]
async fn the_client_context_reaches_the_function() {
    let context = STANDARD.encode(r#"{ "custom": { "tool": "query___range", "who": "Zoë 🐟" } }"#);
    let answer = service().await.invoke("{}", &[("x-amz-client-context", &context)]).await;
    assert_eq!(answer.json()["custom"], json!({ "tool": "query___range", "who": "Zoë 🐟" }));
}

/// Lambda API, `Invoke`, "LogType": the last 4 KB of the log, base64.
#[tokio::test]
async fn the_log_tail_has_lines_of_lambda_and_the_function() {
    let answer = service().await.invoke(r#"{"do":"log"}"#, &[("x-amz-log-type", "Tail")]).await;
    let tail = answer.log_tail();
    let lines: Vec<&str> = tail.lines().collect();
    let id = answer.header("x-amzn-requestid").expect("an id");
    assert_eq!(lines.first().copied(), Some(format!("START RequestId: {id} Version: $LATEST").as_str()));
    assert!(lines.contains(&"to stdout") && lines.contains(&"to stderr"), "{tail}");
    assert_eq!(lines[lines.len() - 2], format!("END RequestId: {id}"));
    let report = lines[lines.len() - 1];
    for part in [
        "REPORT RequestId: ",
        "\tDuration: ",
        "\tBilled Duration: ",
        "\tMemory Size: 128 MB",
        "\tInit Duration: ",
    ] {
        assert!(report.contains(part), "{report}");
    }
}

#[tokio::test]
async fn a_long_log_has_a_tail_of_four_kilobytes() {
    let order = json!({ "do": "write", "text": "é".repeat(50), "lines": 200 }).to_string();
    let tail = service().await.invoke(&order, &[("x-amz-log-type", "Tail")]).await.log_tail();
    assert!((4_095..=4_096).contains(&tail.len()), "{} bytes", tail.len());
    assert!(tail.trim_end().lines().last().is_some_and(|line| line.starts_with("REPORT")), "{tail}");
}

/// All other operations return an error that names them.
#[tokio::test]
async fn other_operations_are_rejected() {
    let service = service().await;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = format!("{}/2015-03-31/functions", service.api.endpoint());
    let response = reqwest::Client::new().get(url).send().await.expect("the API answers");
    assert_eq!(response.status(), 404);
    assert!(response.text().await.expect("text").contains("only Invoke is"));
}
