//! Queries that memory answers. What a real Prometheus says to the same questions is held against it elsewhere.

use serde_json::{Value, json};

use crate::reader::{data, form, get, get_raw, post, question};
use crate::sender::{
    MINUTE_MS, NOW_MS, Signing, check, credentials, ph, send, series, signed, stand_in, write,
};
use local_amp::AmpStandIn;

const STALE_NAN: u64 = 0x7ff0_0000_0000_0002;

async fn with_samples() -> AmpStandIn {
    let amp = stand_in(|_| ()).await;
    let level =
        series(&[("__name__", "level"), ("device", "a"), ("site", "x")], &[(NOW_MS - MINUTE_MS, 3.5)]);
    check(&amp, &[ph("a", NOW_MS - 1, 6.5), ph("b", NOW_MS, 7.0), level], 200, "").await;
    amp
}

async fn values(amp: &AmpStandIn, query: &str, time: &str) -> Vec<Value> {
    let result = data(amp, "query", &[("query", query), ("time", time)]).await;
    assert_eq!(result["resultType"], "vector");
    result["result"].as_array().expect("a vector").iter().map(|series| series["value"].clone()).collect()
}

async fn refuses(amp: &AmpStandIn, path: &str, parameters: &[(&str, &str)], words: &str) {
    let (status, answer) = get(amp, path, parameters).await;
    assert_eq!((status, &answer["status"], &answer["errorType"]), (400, &json!("error"), &json!("bad_data")));
    assert!(answer["error"].as_str().expect("a text").contains(words), "{answer}");
}

/// Prometheus, "HTTP API", "Instant queries".
#[tokio::test]
async fn an_instant_query_gives_each_series_with_its_newest_value() {
    let amp = with_samples().await;
    let expected = json!({
        "resultType": "vector",
        "result": [
            { "metric": { "__name__": "ph", "device": "a" }, "value": [1_676_398_017, "6.5"] },
            { "metric": { "__name__": "ph", "device": "b" }, "value": [1_676_398_017, "7"] },
        ]
    });
    assert_eq!(data(&amp, "query", &[("query", "ph")]).await, expected, "at the time of the clock");
    let (status, answer) = post(&amp, "query", &[("query", "ph"), ("time", "2023-02-14T18:06:57Z")]).await;
    assert_eq!((status, answer), (200, json!({ "status": "success", "data": expected })));
    assert_eq!(values(&amp, "ph{device!='b'}", "1676398017.5").await, [json!([1_676_398_017.5, "6.5"])]);
    assert_eq!(values(&amp, "ph", "1676398016.999").await.len(), 1, "b is not there yet");
}

/// Prometheus 3.0, migration guide: the lookback excludes the sample at its left boundary.
#[tokio::test]
async fn a_value_is_found_for_less_than_five_minutes() {
    let amp = stand_in(|_| ()).await;
    check(&amp, &[ph("a", NOW_MS, 1.0)], 200, "").await;
    assert_eq!(values(&amp, "ph", "1676398316.999").await.len(), 1);
    assert_eq!(values(&amp, "ph", "1676398317").await.len(), 0);
}

/// Remote write 1.0, "Stale Markers": the series has ended.
#[tokio::test]
async fn a_series_that_ended_gives_nothing_until_it_goes_on() {
    let amp = stand_in(|_| ()).await;
    let samples = [(NOW_MS - 3, 1.0), (NOW_MS - 2, f64::from_bits(STALE_NAN)), (NOW_MS - 1, f64::NAN)];
    check(&amp, &[series(&[("__name__", "ph")], &samples)], 200, "").await;
    assert_eq!(values(&amp, "ph", "1676398016.998").await, [] as [Value; 0]);
    assert_eq!(values(&amp, "ph", "1676398016.997").await, [json!([1_676_398_016.997, "1"])]);
    assert_eq!(values(&amp, "ph", "1676398016.999").await, [json!([1_676_398_016.999, "NaN"])]);
}

/// Prometheus, "HTTP API", "Finding series by label matchers".
#[tokio::test]
async fn series_are_found_by_any_of_several_selectors_and_by_time() {
    let amp = with_samples().await;
    let found = data(&amp, "series", &[("match[]", "ph{device=\"a\"}"), ("match[]", "{site=\"x\"}")]).await;
    let level = json!({ "__name__": "level", "device": "a", "site": "x" });
    assert_eq!(found, json!([level, { "__name__": "ph", "device": "a" }]));
    let all = ("match[]", "{__name__=~\".+\"}");
    assert_eq!(data(&amp, "series", &[all, ("end", "1676398000")]).await, json!([level]));
    assert_eq!(data(&amp, "series", &[all, ("start", "1676398018")]).await, json!([]));
    let (_, posted) = post(&amp, "series", &[all, ("end", "1676398000")]).await;
    assert_eq!(posted["data"], json!([level]));
}

/// Prometheus, "HTTP API", "Getting label names" and "Querying label values".
#[tokio::test]
async fn labels_and_their_values_are_listed_in_order() {
    let amp = with_samples().await;
    assert_eq!(data(&amp, "labels", &[]).await, json!(["__name__", "device", "site"]));
    assert_eq!(data(&amp, "labels", &[("match[]", "ph")]).await, json!(["__name__", "device"]));
    assert_eq!(data(&amp, "label/__name__/values", &[]).await, json!(["level", "ph"]));
    assert_eq!(data(&amp, "label/device/values", &[("match[]", "level")]).await, json!(["a"]));
    assert_eq!(data(&amp, "label/device/values", &[("start", "1676398017")]).await, json!(["b"]));
    assert_eq!(data(&amp, "label/missing/values", &[]).await, json!([]));
}

/// Remote write 1.0 carries no metadata.
#[tokio::test]
async fn there_is_no_metadata() {
    assert_eq!(data(&with_samples().await, "metadata", &[]).await, json!({}));
}

/// Prometheus, "HTTP API": "400 Bad Request when parameters are missing or incorrect".
#[tokio::test]
async fn a_wrong_parameter_is_bad_data() {
    let amp = with_samples().await;
    refuses(&amp, "query", &[], "no expression found in input").await;
    refuses(&amp, "query", &[("query", "ph{")], "invalid parameter \"query\": 1:4: parse error").await;
    refuses(&amp, "query", &[("query", "{}")], "must contain at least one non-empty matcher").await;
    refuses(&amp, "query", &[("query", "ph"), ("time", "noon")], "cannot parse \"noon\" to a valid").await;
    refuses(&amp, "series", &[], "no match[] parameter provided").await;
    refuses(&amp, "series", &[("match[]", "rate(ph[5m])")], "invalid parameter \"match[]\"").await;
    refuses(&amp, "labels", &[("start", "x")], "invalid parameter \"start\"").await;
    refuses(&amp, "labels", &[("match[]", "{a=\"\"}")], "non-empty matcher").await;
    refuses(&amp, "label/a-b/values", &[], "invalid label name: \"a-b\"").await;
    let (status, answer) = get_raw(&amp, "query?query=%zz").await;
    assert_eq!(status, 400, "{answer}");
}

/// Memory has no engine; the answer says what has one and how to get it.
#[tokio::test]
async fn what_needs_promql_is_answered_with_how_to_get_it() {
    let amp = with_samples().await;
    for (path, query) in [("query", "rate(ph[5m])"), ("query_range", "ph"), ("status/buildinfo", "")] {
        let (status, answer) = get(&amp, path, &[("query", query)]).await;
        assert_eq!((status, &answer["errorType"]), (501, &json!("unavailable")), "{path}");
        let words = answer["error"].as_str().expect("a text");
        for part in ["PromQL", "apt-get install prometheus", "--prometheus"] {
            assert!(words.contains(part), "{words}");
        }
    }
}

/// AMP User Guide, "Prometheus-compatible APIs": signed like writes, whatever the question.
#[tokio::test]
async fn a_question_is_signed_like_a_write_request() {
    let amp = stand_in(|options| options.credentials = Some(credentials())).await;
    let parameters = [("query", "ph{a=\"b c+d/é\", e!~\"%\"}"), ("time", "1676398017")];
    for unsigned in [question(&amp, "query", &parameters), form(&amp, "query", &parameters)] {
        let missing = send(unsigned.clone()).await;
        assert_eq!(missing, (403, "{\"message\":\"Missing Authentication Token\"}".to_owned()));
        let mut spoilt = signed(unsigned.clone(), Signing::default());
        *spoilt.body_mut() = b"query=up".to_vec();
        assert_eq!(send(spoilt).await.0, 403);
        let answer = send(signed(unsigned, Signing::default())).await;
        assert_eq!(answer.0, 200, "{answer:?}");
    }
}

/// A `+` in a query is a blank to whoever reads it, so it is signed as one.
#[tokio::test]
async fn a_plus_sign_in_a_query_is_a_blank_in_its_signature() {
    let amp = stand_in(|options| options.credentials = Some(credentials())).await;
    let mut plus = question(&amp, "query", &[]);
    *plus.uri_mut() = format!("{}?query=ph+%7b%7d", amp.query_url()).parse().expect("a URI");
    let answer = send(signed(plus, Signing::default())).await;
    assert_eq!(answer.0, 200, "{answer:?}");
}

/// AMP quotas, "Request size": 1 MB "for ingestion or query".
#[tokio::test]
async fn a_question_over_the_limit_is_too_large() {
    let amp = stand_in(|_| ()).await;
    let long = format!("ph{{a=\"{}\"}}", "x".repeat(1_000_000));
    assert_eq!(send(form(&amp, "query", &[("query", &long)])).await.0, 413);
}

#[tokio::test]
async fn another_path_workspace_or_method_is_no_question() {
    let amp = with_samples().await;
    for path in ["nothing", "label//values", "label/a/b/values", "query/", "rules"] {
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

/// What is refused cannot be found either.
#[tokio::test]
async fn only_what_was_accepted_is_found() {
    let amp = stand_in(|_| ()).await;
    write(&amp, &[ph("good", NOW_MS, 1.0), ph("old", NOW_MS - 120 * MINUTE_MS, 1.0)]).await;
    assert_eq!(data(&amp, "label/device/values", &[]).await, json!(["good"]));
}
