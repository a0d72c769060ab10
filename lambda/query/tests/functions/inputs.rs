//! Payloads: what reaches the server of them, and what is refused before anything is sent.

use serde_json::{Value, json};

use crate::scripted::{Reply, Server};
use crate::support::{Function, data, error};

/// What the server is asked for a payload.
async fn asked(handler: &str, payload: Value) -> crate::scripted::Seen {
    let server = Server::in_order(vec![Reply::nothing()]).await;
    let answer = Function::of(handler, &server).ask(payload).await;
    data(&answer);
    server.seen().remove(0)
}

#[tokio::test]
async fn flat_and_wrapped_payloads_ask_the_same() {
    let flat = json!({"query": "sum(rate(a[5m]))", "time": "2023-01-01T12:00:00Z"});
    for payload in [flat.clone(), json!({"body": flat}), json!({"body": flat.to_string()})] {
        let seen = asked("query", payload).await;
        assert_eq!((seen.method.as_str(), seen.path()), ("GET", "/api/v1/query"));
        assert_eq!(seen.parameter("query").as_deref(), Some("sum(rate(a[5m]))"));
        assert_eq!(seen.parameter("time").as_deref(), Some("1672574400"));
    }
}

#[tokio::test]
async fn the_time_of_an_instant_query_is_now_unless_given() {
    assert_eq!(asked("query", json!({"query": "up"})).await.parameter("time").as_deref(), Some("1700000000"));
    for (given, expected) in [
        (json!(1_600_000_000.25), "1600000000.25"),
        (json!("1600000000"), "1600000000"),
        (json!("2020-09-13T14:26:40.5+02:00"), "1600000000.5"),
        (json!("2020-09-13"), "1599955200"),
        (json!("now"), "1700000000"),
        (json!("now-1h"), "1699996400"),
        (json!("-6h"), "1699978400"),
    ] {
        let seen = asked("query", json!({"query": "up", "time": given})).await;
        assert_eq!(seen.parameter("time").as_deref(), Some(expected));
    }
}

#[tokio::test]
async fn a_range_is_asked_with_start_end_and_step_in_seconds() {
    let parameters = async |payload| {
        let seen = asked("range_query", payload).await;
        assert_eq!(seen.path(), "/api/v1/query_range");
        ["query", "start", "end", "step"].map(|name| seen.parameter(name).unwrap())
    };
    assert_eq!(parameters(json!({"query": "up"})).await, ["up", "1699996400", "1700000000", "15"]);
    let given = json!({"query": "up", "start": "2023-01-01T00:00:00Z", "end": "2023-01-01T01:00:00Z", "step": "1m30s"});
    assert_eq!(parameters(given).await, ["up", "1672531200", "1672534800", "90"]);
    let relative = json!({"query": "up", "start": "-6h", "end": "now-5h", "step": "1m"});
    assert_eq!(parameters(relative).await, ["up", "1699978400", "1699982000", "60"]);
    let fractions = json!({"query": "up", "start": 0.5, "end": 10, "step": "0.25"});
    assert_eq!(parameters(fractions).await, ["up", "0.5", "10", "0.25"]);
}

#[tokio::test]
async fn metrics_are_listed_between_relative_times() {
    let server = Server::by(|_, _| Reply::json(200, &json!({"status": "success", "data": []}))).await;
    let payload = json!({"start": "now-1d", "end": "-1h"});
    data(&Function::of("list_metrics", &server).ask(payload).await);
    let seen = server.seen().remove(0);
    assert_eq!(seen.parameter("start").as_deref(), Some("1699913600"));
    assert_eq!(seen.parameter("end").as_deref(), Some("1699996400"));
}

#[tokio::test]
async fn milliseconds_are_refused_with_the_seconds() {
    for (handler, name) in [("query", "time"), ("range_query", "start"), ("range_query", "end")] {
        for given in [json!(1_699_999_999_000_i64), json!("1699999999000")] {
            let answer = Function::new(handler, &[("WORKSPACE_URL", "http://127.0.0.1:9")])
                .ask(json!({"query": "up", name: given}))
                .await;
            let (status, error) = error(&answer);
            assert_eq!(status, 400);
            assert!(
                error.starts_with(&format!("invalid parameter {name}: expected an RFC 3339 time")),
                "{error}"
            );
            assert!(
                error.ends_with("which seems to be in milliseconds; in seconds it is 1699999999"),
                "{error}"
            );
        }
    }
}

#[tokio::test]
async fn a_limit_may_be_a_whole_float() {
    let series =
        json!([{"metric": {"a": "1"}, "value": [1, "1"]}, {"metric": {"a": "2"}, "value": [1, "1"]}]);
    let reply = json!({"status": "success", "data": {"resultType": "vector", "result": series}});
    let server = Server::in_order(vec![Reply::json(200, &reply)]).await;
    let answer = Function::of("query", &server).ask(json!({"query": "a", "limit": 1.0})).await;
    assert_eq!((&data(&answer)["returned"], &data(&answer)["left_out"]), (&json!(1), &json!(1)));
}

/// What reaches a function although its caller sent no JSON object that can be read.
pub(crate) fn unreadable_payloads() -> Vec<Vec<u8>> {
    vec![
        br#"{"query":"\ud83d"}"#.to_vec(),
        br#"{"query":"up","time":1e999}"#.to_vec(),
        b"{\"query\":\"\xff\"}".to_vec(),
        b"\xff\xfe".to_vec(),
        b"".to_vec(),
        b"{\"query\":".to_vec(),
        b"[\"up\"]".to_vec(),
    ]
}

#[tokio::test]
async fn unreadable_payloads_are_answered_with_400() {
    let server = Server::in_order(vec![Reply::nothing()]).await;
    let function = Function::of("query", &server);
    for payload in unreadable_payloads() {
        for tool in [None, Some("t___query")] {
            let answer = function.ask_bytes(tool, &payload).await;
            let (status, error) = error(&answer);
            assert_eq!((status, &answer["body"]["operation"]), (400, &json!("query")), "{answer}");
            assert!(error.starts_with("invalid payload: expected a JSON object of parameters"), "{error}");
        }
    }
    assert!(server.seen().is_empty());
}

/// The depth of a list does not matter: it is not read.
#[tokio::test]
async fn a_deep_list_is_answered_with_400() {
    let function = Function::new("query", &[("WORKSPACE_URL", "http://127.0.0.1:9")]);
    for depth in [200, 2_000_000] {
        let list = "[".repeat(depth) + &"]".repeat(depth);
        let answer = function.ask_bytes(None, format!("{{\"query\":{list}}}").as_bytes()).await;
        let expected = format!(
            "invalid parameter query: expected a text of at most 1000000 bytes, got {}…",
            "[".repeat(100)
        );
        assert_eq!(error(&answer), (400, expected.as_str()));
    }
}

#[tokio::test]
async fn long_queries_travel_as_a_form() {
    let long = format!("up{{a=~\"{}\"}} + on() vector(1)", "ä|".repeat(2_000));
    for handler in ["query", "range_query"] {
        let seen = asked(handler, json!({"query": long})).await;
        assert_eq!(seen.method, "POST");
        assert!(!seen.target.contains('?'), "{}", seen.target);
        assert_eq!(seen.header("content-type"), Some("application/x-www-form-urlencoded"));
        assert_eq!(seen.parameter("query").as_deref(), Some(long.as_str()));
    }
}

#[tokio::test]
async fn bad_parameters_are_answered_with_400_and_never_sent() {
    for (handler, payload, expected) in [
        ("query", json!({}), "missing required parameter: query"),
        ("query", json!({"query": ""}), "missing required parameter: query"),
        (
            "query",
            json!({"query": ["up"]}),
            "invalid parameter query: expected a text of at most 1000000 bytes, got [\"up\"]",
        ),
        (
            "query",
            json!({"query": "up", "time": "soon"}),
            "invalid parameter time: expected an RFC 3339 time",
        ),
        ("query", json!({"query": "up", "tiem": 5}), "unknown parameter \"tiem\"; query takes query, time,"),
        (
            "query",
            json!({"query": "up", "limit": -1}),
            "invalid parameter limit: expected a whole number from 1 to 100000, got -1",
        ),
        (
            "query",
            json!({"query": "up", "tiem": [5]}),
            "unknown parameter \"tiem\"; query takes query, time,",
        ),
        ("query", json!(["up"]), "invalid payload: expected a JSON object"),
        ("query", json!({"body": "up"}), "invalid payload: expected a JSON object"),
        (
            "range_query",
            json!({"query": "up", "step": "15", "start": "x"}),
            "invalid parameter start: expected an RFC 3339",
        ),
        (
            "range_query",
            json!({"query": "up", "step": "0s"}),
            "invalid parameter step: expected a Prometheus",
        ),
        (
            "list_metrics",
            json!({"start": 20, "end": 10}),
            "invalid parameter start: expected a time not after",
        ),
        ("list_metrics", json!({"metadata": "maybe"}), "invalid parameter metadata: expected true"),
        ("list_metrics", json!({"regex": "a".repeat(501)}), "invalid parameter regex: expected a text of at"),
        (
            "server_info",
            json!({"workspace_id": "../x"}),
            "invalid parameter workspace_id: expected the id of a workspace",
        ),
        (
            "find_workspace",
            json!({}),
            "missing required parameter: alias (or workspace_id, or list_all: true)",
        ),
        (
            "find_workspace",
            json!({"alias": "a", "list_all": true}),
            "invalid parameter alias: expected only one of alias",
        ),
        (
            "find_workspace",
            json!({"alias": "a", "region": "x.evil"}),
            "invalid parameter region: expected the code",
        ),
    ] {
        let server = Server::in_order(vec![Reply::nothing()]).await;
        let answer = Function::of(handler, &server).ask(payload.clone()).await;
        let (status, error) = error(&answer);
        assert_eq!(status, 400, "{payload}");
        assert!(error.starts_with(expected), "{error}");
        assert!(server.seen().is_empty(), "{payload}");
    }
}

#[tokio::test]
async fn an_answer_has_the_envelope_of_an_http_api() {
    let server = Server::in_order(vec![Reply::nothing()]).await;
    assert_eq!(
        Function::of("query", &server).ask(json!({"query": "up"})).await,
        json!({
            "statusCode": 200,
            "headers": {"Content-Type": "application/json", "Access-Control-Allow-Origin": "*"},
            "body": {
                "success": true,
                "operation": "query",
                "timestamp": "2023-11-14T22:13:20Z",
                "data": {"resultType": "vector", "result": []}
            }
        })
    );
}
