//! A function that cannot start reports in one line which variable to set.

use local_lambda::runtime::InitError;
use tokio::process::Command;

use crate::support::{Setup, function_binary};

const AMP: &str = "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write";

/// Starts with these variables, which must fail, and checks the error message.
async fn check(variables: &[(&str, &str)], words: &[&str]) {
    let setup = variables.iter().fold(Setup::new(), |setup, (name, value)| setup.env(name, value));
    let error = setup.try_start().await.map(|_| ()).expect_err("it came up");
    let InitError::Reported { error_type, message, logs } = error else { panic!("{variables:?}: {error:?}") };
    assert!(!error_type.is_empty(), "{variables:?}");
    assert_eq!(message.lines().count(), 1, "{message}");
    for word in words {
        assert!(message.contains(word), "{variables:?}: {message}");
    }
    assert!(logs.iter().any(|line| line.contains(words[0])), "{logs:?}");
}

#[tokio::test]
async fn a_missing_url_is_named_with_what_to_set() {
    // The stage sets a URL first; a variable that is empty counts as not set.
    for empty in ["", " "] {
        check(&[("REMOTE_WRITE_URL", empty)], &["REMOTE_WRITE_URL", "is not set", "/api/v1/remote_write"])
            .await;
    }
}

#[tokio::test]
async fn a_bad_url_is_named_without_being_repeated() {
    for url in [
        "example.com",
        "ftp://example.com/write",
        "https://",
        "https://aps-workspaces.eu-west-1.amazonaws.com",
        "https://example.com/a/../write",
        "https://user:hunter2@example.com/write",
        "https://exa mple.com/write",
        "/api/v1/remote_write",
    ] {
        check(&[("REMOTE_WRITE_URL", url)], &["REMOTE_WRITE_URL"]).await;
        let setup = Setup::new().env("REMOTE_WRITE_URL", url);
        let error = setup.try_start().await.map(|_| ()).expect_err("it came up");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}

#[tokio::test]
async fn bad_external_labels_are_named() {
    for labels in [
        "env=prod",
        "{",
        "[]",
        "null",
        "\"x\"",
        r#"{"a":1}"#,
        r#"{"a":null}"#,
        r#"{"":"x"}"#,
        r#"{"__name__":"x"}"#,
        r#"{"a.b":"x"}"#,
        r#"{"a":"1","a":"2"}"#,
    ] {
        check(&[("EXTERNAL_LABELS", labels)], &["EXTERNAL_LABELS"]).await;
    }
}

#[tokio::test]
async fn a_bad_choice_is_named_with_what_is_allowed() {
    check(&[("REMOTE_WRITE_AUTH", "basic")], &["REMOTE_WRITE_AUTH", "sigv4", "none"]).await;
    check(&[("NAME_ESCAPING", "dots")], &["NAME_ESCAPING", "underscores", "values", "reject"]).await;
}

/// The value may be a secret that was put into the wrong variable.
#[tokio::test]
async fn a_bad_choice_is_not_repeated() {
    let setup = Setup::new().env("REMOTE_WRITE_AUTH", "Bearer hunter2");
    let error = setup.try_start().await.map(|_| ()).expect_err("it came up");
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
}

#[tokio::test]
async fn a_bad_queue_url_is_named() {
    check(&[("DEAD_LETTER_QUEUE_URL", "dead-letters")], &["DEAD_LETTER_QUEUE_URL"]).await;
    let queue = "https://sqs.eu-west-1.amazonaws.com/123456789012/dead-letters";
    let endpoint = ("AWS_ENDPOINT_URL_SQS", "localhost");
    check(&[("DEAD_LETTER_QUEUE_URL", queue), endpoint], &["AWS_ENDPOINT_URL_SQS"]).await;
}

#[tokio::test]
async fn an_unsigned_writer_needs_no_region_and_no_credentials() {
    let setup = Setup::new().env("REMOTE_WRITE_AUTH", "none").amp(|amp| amp.credentials = None);
    let mut stage = setup.start().await;
    assert_eq!(stage.summary(crate::support::event("a", crate::support::NOW_MS, 1)).await, [1, 1, 1, 1]);
    assert!(stage.amp.requests()[0].headers.get("authorization").is_none());
}

/// Runs the program in a shell's way; returns whether it succeeded, and its output.
async fn by_hand(variables: &[(&str, &str)]) -> (bool, String) {
    let mut command = Command::new(function_binary());
    command.env_clear().envs(variables.iter().copied()).kill_on_drop(true);
    let output = tokio::time::timeout(std::time::Duration::from_secs(20), command.output()).await;
    let output = output.expect("it ends by itself").expect("it can be run");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[tokio::test]
async fn by_hand_it_names_lambda() {
    let (success, said) = by_hand(&[("REMOTE_WRITE_URL", AMP)]).await;
    assert!(!success && said.contains("Lambda") && said.contains("AWS_LAMBDA_RUNTIME_API"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[tokio::test]
async fn by_hand_it_names_the_missing_variable() {
    let (success, said) = by_hand(&[]).await;
    assert!(!success && said.contains("REMOTE_WRITE_URL is not set"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[tokio::test]
async fn an_init_error_does_not_wait_for_the_runtime_api() {
    let (success, said) = by_hand(&[("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9")]).await;
    assert!(!success && said.contains("REMOTE_WRITE_URL is not set"), "{said}");
}
