//! `Invoke` of type `Event`: accepted, run, tried again.

use std::time::Duration;

use local_lambda::service::AsyncPolicy;
use serde_json::json;

use crate::service::{service, service_of};
use crate::support::{eventually, obedient};

const EVENT: (&str, &str) = ("x-amz-invocation-type", "Event");

fn impatient() -> AsyncPolicy {
    let pause = Duration::from_millis(10);
    AsyncPolicy { retry_pauses: vec![pause, pause], throttle_pause: pause }
}

/// Lambda API, `Invoke`, "InvocationType": `Event` answers 202 at once.
#[tokio::test]
async fn an_event_is_accepted_at_once_and_runs() {
    let service = service().await;
    let answer = service.invoke(r#"{"do":"sleep","ms":300}"#, &[EVENT]).await;
    assert_eq!((answer.status, answer.body.as_str()), (202, ""));
    assert_eq!(service.pool.counts().invocations, 0, "it is accepted before it is over");
    eventually("the event runs", || service.pool.counts().invocations == 1).await;
}

/// Lambda Developer Guide, "asynchronous invocation": "Lambda attempts to run it two more times".
#[tokio::test]
async fn an_event_that_fails_is_tried_two_more_times() {
    let service = service_of(obedient(), 10, impatient()).await;
    service.invoke(r#"{"do":"fail"}"#, &[EVENT]).await;
    eventually("three attempts", || service.pool.counts().errors == 3).await;
    // A fourth attempt would be under way long before this synchronous invocation has an answer.
    service.invoke(r#"{"do":"sleep","ms":300}"#, &[]).await;
    assert_eq!(service.pool.counts().invocations, 4);
}

/// The same page: "two more times, with a one-minute wait between the first two attempts, and two minutes ...".
#[test]
fn the_pauses_are_one_and_two_minutes() {
    assert_eq!(AsyncPolicy::default().retry_pauses, [Duration::from_mins(1), Duration::from_mins(2)]);
}

/// The same page: throttled events go back to the queue and are tried again.
#[tokio::test]
async fn a_throttled_event_is_retried() {
    let service = service_of(obedient(), 1, impatient()).await;
    for _ in 0..3 {
        service.invoke(r#"{"do":"sleep","ms":100}"#, &[EVENT]).await;
    }
    eventually("all three run", || service.pool.counts().invocations == 3).await;
    assert!(service.pool.counts().throttles > 0);
    assert_eq!(service.pool.counts().errors, 0);
}

/// Lambda quotas, "Invocation payload": 1 MB asynchronous.
#[tokio::test]
async fn one_megabyte_is_the_limit_of_an_event() {
    let service = service().await;
    let fits = json!({ "a": "x".repeat(1_024 * 1_024 - 8) }).to_string();
    assert_eq!(fits.len(), 1_024 * 1_024);
    assert_eq!(service.invoke(&fits, &[EVENT]).await.status, 202);
    let answer = service.invoke(&format!("{fits} "), &[EVENT]).await;
    assert_eq!((answer.status, answer.header("x-amzn-errortype")), (413, Some("RequestTooLargeException")));
}
