//! The MCP server at `/mcp`: protocol, tools, hints, resources and prompts, and what it does not do.

use std::time::Duration;

use serde_json::{Value, json};

use crate::scripted::{Answer, Request, ScriptedServer, empty, json_text, parameter};
use crate::support::{Function, NOW_S};

const VERSION: &str = "2025-11-25";

/// A request to `/mcp` of a function URL.
pub(crate) fn post(body: &str) -> Value {
    json!({
        "version": "2.0",
        "rawPath": "/mcp",
        "rawQueryString": "",
        "headers": {
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
            "mcp-protocol-version": VERSION,
        },
        "requestContext": {
            "domainName": "abc.lambda-url.eu-west-1.on.aws",
            "http": {"method": "POST", "path": "/mcp"},
            "timeEpoch": NOW_S * 1_000,
        },
        "body": body,
        "isBase64Encoded": false,
    })
}

fn request(method: &str, params: &Value) -> Value {
    post(&json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string())
}

pub(crate) fn function(server: &ScriptedServer) -> Function {
    Function::new("api", &[("WORKSPACE_URL", &server.url()), ("HTTP_AUTH", "none")])
}

/// The JSON-RPC response to a request.
pub(crate) async fn rpc(function: &Function, method: &str, params: Value) -> Value {
    let answer = function.invoke(request(method, &params)).await;
    assert_eq!(answer["statusCode"], 200, "{answer}");
    assert_eq!(answer["headers"]["Content-Type"], "application/json");
    serde_json::from_str(answer["body"].as_str().expect("text")).expect("JSON")
}

/// The texts of a tool's result, and whether it is an error.
pub(crate) async fn call(function: &Function, tool: &str, arguments: Value) -> (Vec<String>, bool) {
    let response = rpc(function, "tools/call", json!({"name": tool, "arguments": arguments})).await;
    let result = &response["result"];
    let content = result["content"].as_array().unwrap_or_else(|| panic!("{response}"));
    let texts = content.iter().map(|block| block["text"].as_str().expect("text").to_owned()).collect();
    (texts, result["isError"] == true)
}

fn list(values: &[&str]) -> Answer {
    Answer::json(200, &json!({"status": "success", "data": values}))
}

fn vector(result: &Value) -> Answer {
    Answer::json(200, &json!({"status": "success", "data": {"resultType": "vector", "result": result}}))
}

/// The hints after one call, and the requests that the workspace got.
async fn hints(answers: Vec<Answer>, tool: &str, arguments: Value) -> (Vec<String>, Vec<Request>) {
    let server = ScriptedServer::in_order(answers).await;
    let (mut texts, _) = call(&function(&server), tool, arguments).await;
    texts.remove(0);
    (texts, server.requests())
}

#[tokio::test]
async fn a_client_learns_what_the_server_has() {
    let server = ScriptedServer::in_order(vec![empty()]).await;
    let function = function(&server);
    let params = json!({
        "protocolVersion": VERSION, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"},
    });
    let initialized = rpc(&function, "initialize", params).await;
    let result = &initialized["result"];
    assert_eq!(result["protocolVersion"], VERSION);
    assert_eq!(result["serverInfo"]["name"], "prometheus");
    for capability in ["tools", "resources", "prompts", "completions"] {
        assert!(result["capabilities"].get(capability).is_some(), "{capability}");
    }
    let notification = post(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    assert_eq!(function.invoke(notification).await["statusCode"], 202);
    let listed = rpc(&function, "tools/list", json!({})).await;
    let tools = listed["result"]["tools"].as_array().unwrap();
    let names: Vec<_> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    let expected =
        ["query", "range_query", "list_metrics", "labels", "label_values", "series", "rules", "alerts"];
    assert_eq!(names, expected);
    for tool in tools {
        assert_eq!(tool["annotations"]["readOnlyHint"], true);
        assert!(tool["description"].as_str().unwrap().len() > 40);
        let properties = tool["inputSchema"]["properties"].as_object().unwrap();
        assert!(!properties.contains_key("workspace_url") && !properties.contains_key("region"));
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_tool_returns_the_data_of_its_operation() {
    let server =
        ScriptedServer::in_order(vec![vector(&json!([{"metric": {"job": "a"}, "value": [NOW_S, "0.5"]}]))])
            .await;
    let (texts, is_error) = call(&function(&server), "query", json!({"query": "up", "time": "now-1h"})).await;
    assert!(!is_error);
    let expected =
        format!(r#"{{"resultType":"vector","result":[{{"metric":{{"job":"a"}},"value":[{NOW_S},0.5]}}]}}"#);
    assert_eq!(texts, [expected]);
    assert_eq!(parameter(&server.requests()[0], "time"), Some((NOW_S - 3_600).to_string()));
}

#[tokio::test]
async fn labels_series_and_rules_are_listed() {
    let rules = json!({"groups": [{"name": "g", "rules": [{"name": "a:b", "type": "recording"}]}]});
    for (tool, arguments, answer, path, expected) in [
        (
            "labels",
            json!({"match": "up"}),
            list(&["job"]),
            "/api/v1/labels",
            r#"{"labels":["job"],"total":1}"#,
        ),
        (
            "label_values",
            json!({"label": "job", "start": "now-1h"}),
            list(&["a", "b"]),
            "/api/v1/label/job/values",
            r#"{"values":["a","b"],"total":2}"#,
        ),
        (
            "series",
            json!({"match": "up", "limit": 1}),
            json_text(200, r#"{"status":"success","data":[{"__name__":"up"},{"__name__":"up","a":"b"}]}"#),
            "/api/v1/series",
            r#"{"series":[{"__name__":"up"}],"total":2,"truncated":true,"returned":1,"left_out":1,"narrow":"add label matchers to match, or a shorter range"}"#,
        ),
        (
            "rules",
            json!({"type": "record"}),
            Answer::json(200, &json!({"status": "success", "data": rules})),
            "/api/v1/rules",
            r#"{"rules":[{"group":"g","name":"a:b","type":"recording"}],"total":1}"#,
        ),
        (
            "alerts",
            json!({}),
            json_text(200, r#"{"status":"success","data":{"alerts":[{"state":"firing"}]}}"#),
            "/api/v1/alerts",
            r#"{"alerts":[{"state":"firing"}],"total":1}"#,
        ),
    ] {
        let server = ScriptedServer::in_order(vec![answer]).await;
        let (texts, is_error) = call(&function(&server), tool, arguments).await;
        assert_eq!((texts, is_error), (vec![expected.to_owned()], false), "{tool}");
        assert_eq!(server.requests()[0].path(), path);
    }
}

#[tokio::test]
async fn a_mistake_is_a_result_that_a_model_can_read() {
    let server = ScriptedServer::in_order(vec![empty()]).await;
    let function = function(&server);
    for (tool, arguments, error, hint) in [
        ("query", json!({}), "missing required parameter: query", None),
        (
            "range_query",
            json!({"query": "up", "start": 1_700_000_000_000_i64}),
            "seems to be in milliseconds; in seconds it is 1700000000",
            None,
        ),
        ("query", json!({"query": "up", "start": "now-1h"}), "unknown parameter", Some("use range_query")),
        (
            "query",
            json!({"query": "up", "workspace_url": server.url()}),
            "unknown parameter \"workspace_url\"; query takes query, time, limit",
            Some("leave the parameter out"),
        ),
        ("labels", json!({"match": ["up"]}), "invalid parameter match", None),
        ("label_values", json!({}), "missing required parameter: label", None),
        (
            "label_values",
            json!({"label": ".."}),
            "invalid parameter label: expected the name of a label",
            None,
        ),
        (
            "label_values",
            json!({"label": "job", "match": "a".repeat(2_001)}),
            "invalid parameter match: expected at most 2000 bytes",
            Some("get no hints"),
        ),
        ("series", json!({}), "missing required parameter: match", None),
        ("rules", json!({"type": "all"}), "invalid parameter type: expected alert or record", None),
    ] {
        let (texts, is_error) = call(&function, tool, arguments).await;
        assert!(is_error && texts[0].contains(error), "{texts:?}");
        assert_eq!(
            texts.get(1).is_some_and(|text| hint.is_some_and(|hint| text.contains(hint))),
            hint.is_some()
        );
    }
    let unknown = rpc(&function, "tools/call", json!({"name": "delete", "arguments": {}})).await;
    assert!(unknown["error"]["message"].as_str().unwrap().contains("expected one of query, range_query"));
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn an_unknown_metric_is_answered_with_similar_ones() {
    let (hints, requests) = hints(
        vec![empty(), list(&["http_requests_total", "up"])],
        "query",
        json!({"query": "http_request_total"}),
    )
    .await;
    assert_eq!(
        hints,
        ["Hint: no metric is called \"http_request_total\"; similar names: http_requests_total"]
    );
    assert_eq!(requests[1].path(), "/api/v1/label/__name__/values");
}

#[tokio::test]
async fn a_value_that_no_series_has_is_answered_with_those_that_exist() {
    let answers = vec![empty(), list(&["up"]), empty(), list(&["production", "staging"])];
    let (hints, requests) = hints(answers, "range_query", json!({"query": "up{env=\"prod\"}"})).await;
    assert_eq!(hints, ["Hint: no value of env of up matches \"prod\"; values: production, staging"]);
    assert_eq!(requests.len(), 4, "one and three more");
    assert_eq!(parameter(&requests[3], "match[]").as_deref(), Some(r#"{__name__="up"}"#));
}

#[tokio::test]
async fn a_long_argument_is_not_in_a_hint() {
    let query = "a".repeat(1_000_000);
    let (hints, requests) = hints(vec![empty()], "query", json!({"query": query})).await;
    assert!(hints.len() == 1 && hints[0].len() < 200, "{}", hints.len());
    assert_eq!(requests.len(), 1);
}

#[tokio::test]
async fn a_series_without_new_samples_is_answered_with_the_last_time() {
    let last = vector(&json!([{"metric": {}, "value": [NOW_S, "1699990000"]}]));
    let (hints, requests) = hints(vec![empty(), list(&["up"]), last], "query", json!({"query": "up"})).await;
    assert!(hints[0].contains("{__name__=\"up\"} was last seen at 2023-11-14T19:26:40Z"), "{hints:?}");
    let query = parameter(&requests[2], "query").unwrap();
    assert_eq!(query, "max(max_over_time(timestamp({__name__=\"up\"})[7d:5m]))");
}

/// The requests of hints as well, which an empty answer has.
#[tokio::test]
async fn enforced_labels_restrict_every_tool() {
    let call_of =
        |tool: &str, arguments: Value| ("tools/call", json!({"name": tool, "arguments": arguments}));
    let metric = |name: &str| json!({"uri": format!("prometheus://metrics{name}")});
    let prefix = json!({"name": "name", "value": "u"});
    let reference = json!({"type": "ref/resource", "uri": "prometheus://metrics/{name}"});
    for ((method, params), sent) in [
        (call_of("query", json!({"query": "up{env=\"prod\"}"})), 4),
        (call_of("range_query", json!({"query": "rate(up[5m])"})), 3),
        (call_of("list_metrics", json!({"glob": "u*", "metadata": true})), 2),
        (call_of("labels", json!({"match": "up"})), 3),
        (call_of("label_values", json!({"label": "tenant", "match": "up"})), 2),
        (call_of("series", json!({"match": "up"})), 3),
        (("resources/read", metric("")), 1),
        (("resources/read", metric("/up")), 2),
        (("completion/complete", json!({"ref": reference, "argument": prefix})), 1),
    ] {
        let answers = match (method, sent) {
            ("tools/call", _) => vec![empty(), list(&["up"]), empty(), list(&["x"])],
            _ => vec![list(&["up"])],
        };
        let server = ScriptedServer::in_order(answers).await;
        let enforced = ("ENFORCE_LABELS", r#"{"tenant":"a"}"#);
        let variables = [("WORKSPACE_URL", &*server.url()), ("HTTP_AUTH", "none"), enforced];
        let response = rpc(&Function::new("api", &variables), method, params.clone()).await;
        assert!(response.get("error").is_none(), "{response}");
        assert_eq!(server.requests().len(), sent, "{params}");
        for request in server.requests() {
            let selected = parameter(&request, "query").or_else(|| parameter(&request, "match[]"));
            assert!(selected.is_some_and(|text| text.contains(r#"tenant="a""#)), "{params}: {request:?}");
        }
    }
    let server = ScriptedServer::in_order(vec![empty()]).await;
    let enforced = ("ENFORCE_LABELS", r#"{"tenant":"a"}"#);
    let variables = [("WORKSPACE_URL", &*server.url()), ("HTTP_AUTH", "none"), enforced];
    let function = Function::new("api", &variables);
    let tools = rpc(&function, "tools/list", json!({})).await.to_string();
    assert!(tools.contains("\"range_query\"") && !tools.contains("\"alerts\""), "{tools}");
    let prompts = rpc(&function, "prompts/list", json!({})).await.to_string();
    assert!(prompts.contains("write_promql") && !prompts.contains("investigate_alert"), "{prompts}");
    for tool in ["rules", "alerts"] {
        let (texts, is_error) = call(&function, tool, json!({})).await;
        let expected = "this path is not served to callers who may see only a part of the series";
        assert!(is_error && texts[0] == expected, "{texts:?}");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_comparison_that_is_true_for_none_is_named() {
    let last = vector(&json!([{"metric": {}, "value": [NOW_S, NOW_S.to_string()]}]));
    let (hints, _) = hints(vec![empty(), list(&["up"]), last], "query", json!({"query": "up == 0"})).await;
    assert!(hints[0].contains("the comparison is true for none"), "{hints:?}");
}

#[tokio::test]
async fn refused_expressions_are_answered_with_a_remedy() {
    let refused = |message: &str| {
        Answer::json(400, &json!({"status": "error", "errorType": "bad_data", "error": message}))
    };
    let (dots, _) = hints(
        vec![refused("1:5: parse error: unexpected character: '.'"), list(&["http.server.duration"])],
        "query",
        json!({"query": "http.server.duration"}),
    )
    .await;
    assert_eq!(dots, ["Hint: write a name with dots in quotes within braces: {\"http.server.duration\"}"]);
    let message =
        "invalid expression type \"range vector\" for range query, must be Scalar or instant Vector";
    let (range, requests) = hints(vec![refused(message)], "range_query", json!({"query": "up[5m]"})).await;
    assert!(range[0].contains("rate(name[5m])"), "{range:?}");
    assert_eq!(requests.len(), 1);
    let large = Answer::json(422, &json!({"status": "error", "errorType": "execution", "error": "too many"}));
    let (large, _) = hints(vec![large], "range_query", json!({"query": "up"})).await;
    assert!(large[0].contains("a larger step"), "{large:?}");
}

#[tokio::test]
async fn filters_that_match_no_metric_are_explained() {
    let metrics = || list(&["http_requests_total", "up"]);
    for (arguments, answers, expected) in [
        (json!({"prefix": "http*"}), vec![list(&[])], "use glob \"http*\""),
        (json!({"regex": "request"}), vec![list(&[]), metrics()], "use .*request.*"),
        (json!({"glob": "requests"}), vec![list(&[]), metrics()], "use glob *requests*"),
        (
            json!({"prefix": "http_request_"}),
            vec![list(&[]), metrics()],
            "similar names: http_requests_total",
        ),
        (json!({"start": "now-1h"}), vec![list(&[]), metrics()], "leave them out"),
    ] {
        let (hints, _) = hints(answers, "list_metrics", arguments.clone()).await;
        assert!(hints.iter().any(|hint| hint.contains(expected)), "{arguments}: {hints:?}");
    }
}

#[tokio::test]
async fn a_label_that_no_series_has_is_answered_with_the_labels() {
    let answers = vec![list(&[]), list(&["instance", "job"])];
    let (hints, _) = hints(answers, "label_values", json!({"label": "host", "match": "up"})).await;
    assert_eq!(hints, ["Hint: no series of up has the label \"host\"; labels of up: instance, job"]);
}

#[tokio::test]
async fn hints_do_not_wait_for_a_workspace_that_hangs() {
    let server = ScriptedServer::in_order(vec![empty(), Answer::hang()]).await;
    let function = function(&server).time(Duration::from_secs(2));
    let (texts, is_error) = call(&function, "query", json!({"query": "nothing"})).await;
    assert_eq!((texts.len(), is_error), (1, false));
}

#[tokio::test]
async fn the_catalogue_is_a_resource() {
    let metadata = json!({"status": "success", "data": {"up": [{"type": "gauge", "help": "h", "unit": ""}]}});
    let answers = vec![
        list(&["up"]),
        Answer::json(200, &metadata),
        list(&["up"]),
        Answer::json(200, &metadata),
        list(&["job"]),
        list(&[]),
        Answer::json(200, &metadata),
        list(&["up", "uptime"]),
    ];
    let server = ScriptedServer::in_order(answers).await;
    let function = function(&server);
    let listed = rpc(&function, "resources/list", json!({})).await;
    assert_eq!(listed["result"]["resources"][0]["uri"], "prometheus://metrics");
    let templates = rpc(&function, "resources/templates/list", json!({})).await;
    let template = &templates["result"]["resourceTemplates"][0]["uriTemplate"];
    assert_eq!(template, "prometheus://metrics/{name}");
    let read = async |uri: &str| {
        let response = rpc(&function, "resources/read", json!({"uri": uri})).await;
        let text = response["result"]["contents"][0]["text"].as_str().map(str::to_owned);
        text.unwrap_or_else(|| response["error"]["message"].to_string())
    };
    let described = r#"{"help":"h","name":"up","type":"gauge","unit":""}"#;
    assert_eq!(read("prometheus://metrics").await, format!(r#"{{"metrics":[{described}],"total":1}}"#));
    assert_eq!(
        read("prometheus://metrics/up").await,
        format!(
            r#"{{"metric":{{"metrics":[{described}],"total":1}},"labels":{{"labels":["job"],"total":1}}}}"#
        )
    );
    assert!(read("prometheus://metrics/none").await.contains("no metric has this name"));
    assert!(read("prometheus://metricsx").await.contains("unknown resource"));
    assert!(read("file:///etc/passwd").await.contains("unknown resource"));
    let completed = rpc(
        &function,
        "completion/complete",
        json!({"ref": {"type": "ref/resource", "uri": template}, "argument": {"name": "name", "value": "up"}}),
    )
    .await;
    assert_eq!(completed["result"]["completion"]["values"], json!(["up", "uptime"]));
}

#[tokio::test]
async fn prompts_are_texts_with_an_argument() {
    let server = ScriptedServer::in_order(vec![empty()]).await;
    let function = function(&server);
    let listed = rpc(&function, "prompts/list", json!({})).await;
    for prompt in listed["result"]["prompts"].as_array().unwrap() {
        let argument = prompt["arguments"][0]["name"].as_str().unwrap();
        let params = json!({"name": prompt["name"], "arguments": {argument: "{} latency"}});
        let got = rpc(&function, "prompts/get", params).await;
        let text = got["result"]["messages"][0]["content"]["text"].as_str().unwrap();
        assert_eq!(text.matches("{} latency").count(), 1, "{text}");
        let missing = rpc(&function, "prompts/get", json!({"name": prompt["name"]})).await;
        assert!(missing["error"]["message"].as_str().unwrap().contains("missing argument"), "{missing}");
    }
}

#[tokio::test]
async fn nothing_is_answered_without_an_identity() {
    let server = ScriptedServer::in_order(vec![empty()]).await;
    let function = Function::new("api", &[("WORKSPACE_URL", &server.url())]);
    for event in [request("tools/list", &json!({})), post("not JSON"), post("")] {
        assert_eq!(function.invoke(event).await["statusCode"], 401);
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn hostile_bodies_are_refused_and_nothing_is_sent() {
    let server = ScriptedServer::in_order(vec![empty()]).await;
    let function = function(&server);
    let deep = "[".repeat(100_000);
    let nested = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"query","arguments":{}1{}}}}}"#,
        "{\"a\":".repeat(5_000),
        "}".repeat(5_000)
    );
    let large = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"query","arguments":{{"query":"{}"}}}}}}"#,
        "a".repeat(1_200_000)
    );
    let members = (0..5_000).map(|n| format!("\"a{n}\":1")).collect::<Vec<_>>().join(",");
    let many = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"query","arguments":{{{members}}}}}}}"#
    );
    for (body, status) in [
        ("", 415),
        ("null", 415),
        ("\u{0}", 415),
        (r#"{"jsonrpc":"2.0"}"#, 415),
        (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, 415),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, 415),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"\ud83d"}}"#, 415),
        (r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, 400),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":null}"#, 200),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"query","arguments":[]}}"#, 200),
        (r#"{"jsonrpc":"2.0","id":1e999,"method":"ping"}"#, 415),
        (r#"{"jsonrpc":"2.0","id":1,"method":"no/such/method"}"#, 200),
        (&deep, 415),
        (&nested, 415),
        (&large, 413),
        (&many, 200),
    ] {
        let answer = function.invoke(post(body)).await;
        assert_eq!(answer["statusCode"], status, "{}: {answer}", &body[..body.len().min(200)]);
        let text = answer["body"].as_str().unwrap();
        assert!(text.len() < 2_000, "{answer}");
        if status == 200 {
            let reply: Value = serde_json::from_str(text).unwrap();
            assert!(reply["error"]["code"].is_i64() || reply["result"]["isError"] == true, "{reply}");
        }
    }
    for (name, value) in
        [("accept", "text/html"), ("content-type", "text/plain"), ("mcp-protocol-version", "x")]
    {
        let mut event = request("ping", &json!({}));
        event["headers"][name] = value.into();
        let status = function.invoke(event).await["statusCode"].as_u64().unwrap();
        assert!((400..500).contains(&status), "{name}: {status}");
    }
    let mut event = request("ping", &json!({}));
    for n in 0..1_000 {
        event["headers"][format!("mcp-param-{n}\u{7f}")] = "é\n".into();
    }
    assert_eq!(function.invoke(event).await["statusCode"], 400);
    let ping = rpc(&function, "ping", json!({})).await;
    assert_eq!(ping["result"], json!({}), "the function still answers");
    assert!(server.requests().is_empty());
}
