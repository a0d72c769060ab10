//! Registration of extensions.

use local_lambda::runtime::Function;
use serde_json::{Value, json};

use crate::support::{NAME, answers, answers_to, lines_of, with_extension};

fn register(name: &str, body: &Value) -> Value {
    json!({
        "method": "POST",
        "path": "/2020-01-01/extension/register",
        "headers": { "Lambda-Extension-Name": name, "Lambda-Extension-Accept-Feature": "other, accountId" },
        "body": body,
    })
}

async fn refusals(calls: Value) -> Vec<(u16, String)> {
    let answers = answers(with_extension(&json!({ "before": calls }))).await;
    let (last, refused) = answers.split_last().expect("the extension registers at last");
    assert_eq!(last.0, 200, "{last:?}");
    let error_type = |(status, body): &(u16, String)| {
        let json: Value = serde_json::from_str(body).expect("JSON");
        assert!(json["errorMessage"].is_string(), "{body}");
        (*status, json["errorType"].as_str().expect("a type").to_owned())
    };
    refused.iter().map(error_type).collect()
}

/// Extensions API reference, Register: "Response body contains the function name, function version, and handler name";
/// "`accountId` – If specified, the Extension registration response contains the account ID". Here a first registration has
/// it, so the extension's own is a second one.
#[tokio::test]
async fn a_registration_returns_the_function() {
    let options = with_extension(&json!({ "before": [register(NAME, &json!({ "events": ["INVOKE"] }))] }));
    let error = Function::spawn(options).await.expect_err("it lost its identifier");
    let lines = lines_of(error.logs(), "answer");
    let answer = lines[0].strip_prefix("200 ").expect("it is registered");
    let expected = json!({
        "functionName": "push-gateway",
        "functionVersion": "$LATEST",
        "handler": "bootstrap",
        "accountId": "123456789012",
    });
    assert_eq!(serde_json::from_str::<Value>(answer).expect("JSON"), expected);
    assert!(lines[1].starts_with("403 ") && lines[1].contains("Extension.AlreadyRegistered"), "{lines:?}");
}

/// Extensions API, "Init phase": "Lambda uses the full file name of the extension to validate that the extension has
/// completed the bootstrap sequence."
#[tokio::test]
async fn only_the_file_name_can_register() {
    let events = json!({ "events": ["INVOKE"] });
    let refused = refusals(json!([
        register("obedient", &events),
        register("", &events),
        { "method": "POST", "path": "/2020-01-01/extension/register", "body": events },
    ]));
    let refused = refused.await;
    assert_eq!(refused, vec![(403, "Extension.InvalidExtensionName".to_owned()); 3]);
}

/// Extensions API reference, Register: "Valid strings: `INVOKE`, `SHUTDOWN`."
#[tokio::test]
async fn only_the_two_events_can_be_registered_for() {
    let refused = refusals(json!([
        register(NAME, &json!({ "events": ["INVOKE", "PAUSE"] })),
        register(NAME, &json!({ "events": "INVOKE" })),
        register(NAME, &json!("no object")),
    ]));
    let types = refused.await;
    assert_eq!(types[0], (403, "Extension.InvalidEventType".to_owned()));
    assert_eq!(types[1..], vec![(400, "InvalidRequestFormat".to_owned()); 2]);
}

/// Extensions API reference: 403 for Next, Init error and Exit error without a known identifier; Telemetry API: "you must
/// have an extension ID".
#[tokio::test]
async fn requests_without_a_known_identifier_are_rejected() {
    let unknown = json!({
        "Lambda-Extension-Identifier": "00000000-0000-4000-9000-ffffffffffff",
        "Lambda-Extension-Function-Error-Type": "Extension.Unknown",
    });
    let calls: Vec<Value> = [
        ("GET", "/2020-01-01/extension/event/next"),
        ("POST", "/2020-01-01/extension/init/error"),
        ("POST", "/2020-01-01/extension/exit/error"),
        ("PUT", "/2022-07-01/telemetry"),
    ]
    .iter()
    .flat_map(|(method, path)| {
        [&unknown, &json!({})].map(|headers| json!({ "method": method, "path": path, "headers": headers }))
    })
    .collect();
    let refused = refusals(calls.into()).await;
    assert_eq!(refused.len(), 8);
    assert!(refused.iter().all(|(status, _)| *status == 403), "{refused:?}");
}

/// Extensions API reference, Init error: `Lambda-Extension-Function-Error-Type` is required; 400 is a bad request.
#[tokio::test]
async fn an_error_without_a_type_is_a_bad_request() {
    let call = json!({
        "method": "POST",
        "path": "/2020-01-01/extension/init/error",
        "headers": { "Lambda-Extension-Identifier": "$ID" },
    });
    assert_eq!(answers_to(json!([call])).await[1].0, 400);
}
