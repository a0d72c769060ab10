//! Queries without a Prometheus: the rules of the read API, and the answer 501.

use prost::Message as _;
use serde_json::json;

use crate::reader::{form, get, get_raw, question};
use crate::sender::{
    NOW_MS, Signing, check, credentials, ph, request, send, signed, stand_in, write_request,
};
use local_amp::proto::MetricMetadata;
use local_amp::proto::metric_metadata::MetricType;
use local_amp::{Action, Fault, Matcher};

/// The query that reaches the endpoint: without a Prometheus it is answered with 501.
const ADMITTED: u16 = 501;

/// Prometheus's error form.
#[tokio::test]
async fn without_a_prometheus_the_answer_names_what_to_install() {
    let amp = stand_in(|_| ()).await;
    check(&amp, &[ph("a", NOW_MS, 1.0)], 200, "").await;
    let paths =
        ["query", "query_range", "series", "labels", "label/device/values", "metadata", "status/buildinfo"];
    for path in paths {
        let (status, answer) = get(&amp, path, &[("query", "ph")]).await;
        assert_eq!(status, 501, "{path}");
        let error = answer["error"].as_str().expect("a text");
        assert!(error.contains("apt-get install prometheus") && error.contains("--prometheus"), "{error}");
        assert_eq!(answer, json!({ "status": "error", "errorType": "unavailable", "error": error }));
    }
}

/// AMP User Guide, "Prometheus-compatible APIs".
#[tokio::test]
async fn a_query_is_signed_like_a_write_request() {
    let amp = stand_in(|options| options.credentials = Some(credentials())).await;
    let parameters = [("query", "ph{a=\"b c+d/é\", e!~\"%\"}"), ("time", "1676398017")];
    for unsigned in [question(&amp, "query", &parameters), form(&amp, "query", &parameters)] {
        let missing = send(unsigned.clone()).await;
        assert_eq!(missing, (403, "{\"message\":\"Missing Authentication Token\"}".to_owned()));
        let mut changed = signed(unsigned.clone(), Signing::default());
        *changed.body_mut() = b"query=up".to_vec();
        assert_eq!(send(changed).await.0, 403);
        let answer = send(signed(unsigned, Signing::default())).await;
        assert_eq!(answer.0, ADMITTED, "{answer:?}");
    }
}

/// Receivers read a `+` in a query as a blank, so it is signed as one.
#[tokio::test]
async fn a_plus_sign_in_a_query_is_signed_as_a_blank() {
    let amp = stand_in(|options| options.credentials = Some(credentials())).await;
    let mut plus = question(&amp, "query", &[]);
    *plus.uri_mut() = format!("{}?query=ph+%7b%7d", amp.query_url()).parse().expect("a URI");
    let answer = send(signed(plus, Signing::default())).await;
    assert_eq!(answer.0, ADMITTED, "{answer:?}");
}

/// AMP quotas, "Request size": 1 MB "for ingestion or query".
#[tokio::test]
async fn a_query_over_the_limit_is_too_large() {
    let amp = stand_in(|_| ()).await;
    let long = format!("ph{{a=\"{}\"}}", "x".repeat(1_000_000));
    assert_eq!(send(form(&amp, "query", &[("query", &long)])).await.0, 413);
}

#[tokio::test]
async fn another_path_workspace_or_method_is_refused() {
    let amp = stand_in(|_| ()).await;
    for path in ["nothing", "label//values", "label/a/b/values", "query/", "targets"] {
        assert_eq!(get_raw(&amp, path).await.0, 404, "{path}");
    }
    let mut other = question(&amp, "query", &[("query", "ph")]);
    *other.uri_mut() = other.uri().to_string().replace("ws-local", "ws-other").parse().expect("a URI");
    assert_eq!(send(other).await.0, 404);
    for (method, path) in
        [("PUT", "query"), ("DELETE", "series"), ("POST", "label/a/values"), ("POST", "metadata")]
    {
        let mut request = question(&amp, path, &[]);
        *request.method_mut() = method.parse().expect("a method");
        assert_eq!(send(request).await.0, 405, "{method} {path}");
    }
}

#[tokio::test]
async fn faults_and_journal_are_about_write_requests() {
    let amp = stand_in(|_| ()).await;
    amp.set_faults(vec![Fault::always(Matcher::Any, Action::Hang)]);
    assert_eq!(get(&amp, "query", &[("query", "ph")]).await.0, ADMITTED);
    assert_eq!(amp.requests().len(), 0);
}

/// Cortex answers metadata from memory, and so does the stand-in: Prometheus discards it.
#[tokio::test]
async fn metadata_is_what_was_written_last() {
    let amp = stand_in(|_| ()).await;
    for help in ["first", "last"] {
        let mut message = write_request(&[]);
        message.metadata = vec![MetricMetadata {
            r#type: MetricType::Counter.into(),
            metric_family_name: "requests".to_owned(),
            help: help.to_owned(),
            unit: "requests".to_owned(),
        }];
        let body = snap::raw::Encoder::new().compress_vec(&message.encode_to_vec()).unwrap();
        assert_eq!(send(request(&amp, body)).await.0, 200);
    }
    let expected = json!({ "requests": [{ "type": "counter", "help": "last", "unit": "requests" }] });
    assert_eq!(get(&amp, "metadata", &[]).await, (200, json!({ "status": "success", "data": expected })));
}
