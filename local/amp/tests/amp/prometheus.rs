//! The stand-in in front of a real Prometheus: storage of samples, and queries.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::reader::{data, form, get, post, question};
use crate::sender::{
    MINUTE_MS, NOW_MS, Signing, body_of, check, credentials, label_set, ph, request, send, series, signed,
    stand_in, stored_ph, write,
};
use local_amp::proto::histogram::{Count, ZeroCount};
use local_amp::proto::{BucketSpan, Histogram, TimeSeries};
use local_amp::{AmpOptions, AmpStandIn, Ingestion};
use local_testing::clock::Clock;
use local_testing::prometheus::Prometheus;

/// A stand-in in front of the Prometheus at `url`, whose clock stands still at [`NOW_MS`].
pub(crate) async fn in_front_of(url: &str, change: impl FnOnce(&mut AmpOptions)) -> AmpStandIn {
    stand_in(|options| {
        options.prometheus = Some(url.to_owned());
        change(options);
    })
    .await
}

fn program() -> PathBuf {
    Prometheus::find().expect("prometheus in PATH (apt-get install prometheus) or in PROMETHEUS")
}

async fn prometheus() -> Prometheus {
    Prometheus::start(&program(), 0).await.expect("a Prometheus")
}

/// [`NOW_MS`] as a parameter.
fn now() -> String {
    (NOW_MS / 1_000).to_string()
}

/// The devices of `ph` that Prometheus has, with their newest values.
async fn stored(amp: &AmpStandIn) -> Vec<(String, String)> {
    let answer = data(amp, "query", &[("query", "sort(ph)"), ("time", &now())]).await;
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let result = answer["result"].as_array().expect("a vector");
    result.iter().map(|series| (text(&series["metric"]["device"]), text(&series["value"][1]))).collect()
}

fn pair(device: &str, value: &str) -> (String, String) {
    (device.to_owned(), value.to_owned())
}

#[tokio::test]
async fn an_accepted_sample_is_in_prometheus_when_it_is_answered() {
    let prometheus = prometheus().await;
    let amp = in_front_of(prometheus.url(), |_| ()).await;
    check(&amp, &[ph("a", NOW_MS, 6.5), ph("b", NOW_MS, 7.0)], 200, "").await;
    assert_eq!(stored(&amp).await, [pair("a", "6.5"), pair("b", "7")]);
    assert_eq!(stored_ph(&amp, "a"), [(NOW_MS, 6.5)], "in memory too");
    check(&amp, &[], 200, "").await;
}

/// AMP's rules hold in front of a storage with others.
#[tokio::test]
async fn only_the_good_samples_of_a_request_reach_prometheus() {
    let prometheus = prometheus().await;
    let amp = in_front_of(prometheus.url(), |_| ()).await;
    let mixed = [ph("a", NOW_MS, 1.0), ph("old", NOW_MS - 61 * MINUTE_MS, 9.0), ph("b", NOW_MS, 2.0)];
    check(&amp, &mixed, 400, "timestamp too old").await;
    assert_eq!(stored(&amp).await, [pair("a", "1"), pair("b", "2")]);
    check(&amp, &[ph("a", NOW_MS, 5.0)], 400, "duplicate sample").await;
    assert_eq!(stored(&amp).await, [pair("a", "1"), pair("b", "2")]);
}

#[tokio::test]
async fn nothing_of_a_request_that_is_rolled_back_reaches_prometheus() {
    let prometheus = prometheus().await;
    let amp = in_front_of(prometheus.url(), |options| options.ingestion = Ingestion::RollBack).await;
    check(&amp, &[ph("a", NOW_MS, 1.0), ph("old", NOW_MS - 61 * MINUTE_MS, 9.0)], 400, "too old").await;
    assert_eq!(stored(&amp).await, []);
}

/// AMP's longest window is shorter than that of the Prometheus behind it.
#[tokio::test]
async fn a_late_sample_within_the_window_is_stored() {
    let prometheus = prometheus().await;
    let amp = in_front_of(prometheus.url(), |options| {
        options.out_of_order_window = local_amp::MAX_OUT_OF_ORDER_WINDOW;
    })
    .await;
    for minutes in [0, 10, 5, 1] {
        check(&amp, &[ph("a", NOW_MS - minutes * MINUTE_MS, 1.0)], 200, "").await;
    }
    check(&amp, &[ph("new", NOW_MS - 59 * MINUTE_MS, 1.0)], 200, "").await;
    let counted = [("query", "sum(count_over_time(ph[2h]))"), ("time", &now())];
    let answer = data(&amp, "query", &counted).await;
    assert_eq!(answer["result"][0]["value"][1], "5");
}

#[tokio::test]
async fn a_native_histogram_can_be_queried() {
    let prometheus = prometheus().await;
    let amp = in_front_of(prometheus.url(), |_| ()).await;
    let histogram = Histogram {
        count: Some(Count::CountInt(5)),
        sum: 7.5,
        zero_threshold: 0.001,
        zero_count: Some(ZeroCount::ZeroCountInt(2)),
        positive_spans: vec![BucketSpan { offset: 0, length: 2 }],
        positive_deltas: vec![1, 1],
        timestamp: NOW_MS,
        ..Histogram::default()
    };
    let series = TimeSeries { histograms: vec![histogram.clone()], ..series(&[("__name__", "h")], &[]) };
    check(&amp, &[series], 200, "").await;
    let answer = data(&amp, "query", &[("query", "h"), ("time", &now())]).await;
    let found = &answer["result"][0]["histogram"][1];
    assert_eq!((&found["count"], &found["sum"]), (&json!("5"), &json!("7.5")), "{answer}");
    assert_eq!(
        found["buckets"],
        json!([[3, "-0.001", "0.001", "2"], [0, "0.5", "1", "1"], [0, "1", "2", "2"]])
    );
    let stored = amp.histograms().remove(&label_set(&[("__name__", "h")])).expect("the series");
    assert_eq!(stored, [(NOW_MS, histogram)].into());
}

/// Prometheus, `write_handler.go`: one sample that cannot be appended rolls its request back with 400. The stand-in's own
/// rules accept it because of the reset.
#[tokio::test]
async fn samples_that_prometheus_refuses_are_not_remembered() {
    let prometheus = prometheus().await;
    let amp = in_front_of(prometheus.url(), |_| ()).await;
    check(&amp, &[ph("a", NOW_MS, 1.0)], 200, "").await;
    amp.reset();
    let conflicting = [ph("b", NOW_MS, 1.0), ph("a", NOW_MS, 2.0)];
    check(&amp, &conflicting, 400, "prometheus answered 400: duplicate sample for timestamp").await;
    assert_eq!(amp.sample_count(), 0);
    let violation = amp.requests()[0].violation.clone();
    assert!(violation.is_some_and(|text| text.starts_with("prometheus answered 400")));
    assert_eq!(stored(&amp).await, [pair("a", "1")]);
    check(&amp, &[ph("b", NOW_MS, 1.0), ph("a", NOW_MS + 1, 2.0)], 200, "").await;
    assert_eq!(amp.sample_count(), 2);
}

#[tokio::test]
async fn without_its_prometheus_the_stand_in_is_unavailable() {
    let first = prometheus().await;
    let (url, port) = (first.url().to_owned(), first.url().rsplit(':').next().map(str::to_owned));
    let amp = in_front_of(&url, |_| ()).await;
    check(&amp, &[ph("a", NOW_MS, 1.0)], 200, "").await;
    drop(first);
    check(&amp, &[ph("a", NOW_MS + 1, 2.0)], 503, &format!("prometheus: {url} cannot be reached")).await;
    assert_eq!(stored_ph(&amp, "a"), [(NOW_MS, 1.0)]);
    let (status, answer) = get(&amp, "query", &[("query", "ph")]).await;
    assert_eq!((status, &answer["errorType"]), (503, &json!("unavailable")));
    assert!(answer["error"].as_str().expect("a text").starts_with("prometheus: "), "{answer}");
    let port = port.and_then(|port| port.parse().ok()).expect("a port");
    let _second = Prometheus::start(&program(), port).await.expect("a Prometheus");
    check(&amp, &[ph("a", NOW_MS + 1, 2.0)], 200, "").await;
    assert_eq!(stored_ph(&amp, "a"), [(NOW_MS, 1.0), (NOW_MS + 1, 2.0)]);
}

#[tokio::test]
async fn a_stand_in_that_was_down_keeps_its_prometheus() {
    let prometheus = prometheus().await;
    let amp = in_front_of(prometheus.url(), |_| ()).await;
    check(&amp, &[ph("a", NOW_MS, 1.0)], 200, "").await;
    amp.go_down();
    amp.come_back().await.expect("its own port");
    assert_eq!(stored(&amp).await, [pair("a", "1")]);
}

/// Rules and storage process requests in the same order: every sample that is answered with 200 can be queried.
#[tokio::test]
async fn requests_at_once_are_stored_one_after_the_other() {
    let prometheus = prometheus().await;
    let amp = in_front_of(prometheus.url(), |_| ()).await;
    let mut writing = tokio::task::JoinSet::new();
    for n in 0..50_u32 {
        let request =
            request(&amp, body_of(&[ph("a", NOW_MS, f64::from(n)), ph(&n.to_string(), NOW_MS, 1.0)]));
        writing.spawn(send(request));
    }
    let statuses: Vec<u16> = writing.join_all().await.into_iter().map(|answer| answer.0).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "one value wins: {statuses:?}");
    let stored = stored(&amp).await;
    let winner = stored_ph(&amp, "a");
    assert_eq!(winner.len(), 1);
    assert!(stored.contains(&pair("a", &winner[0].1.to_string())), "{winner:?} {stored:?}");
    assert_eq!(stored.len(), 51, "the good samples of the others are kept");
}

/// A full request, of the size that a batch of SQS messages makes.
#[tokio::test]
async fn a_big_request_is_stored_whole() {
    let prometheus = prometheus().await;
    let amp = in_front_of(prometheus.url(), |_| ()).await;
    let many: Vec<_> = (0..11_000).map(|n| ph(&format!("d{n}"), NOW_MS, 1.0)).collect();
    assert_eq!(write(&amp, &many).await, (200, String::new()));
    let answer = data(&amp, "query", &[("query", "count(ph)"), ("time", &now())]).await;
    assert_eq!(answer["result"][0]["value"][1], "11000");
}

/// The stand-in checks the signature, Prometheus answers.
#[tokio::test]
async fn any_promql_is_answered_by_prometheus() {
    let prometheus = prometheus().await;
    let amp = in_front_of(prometheus.url(), |options| options.credentials = Some(credentials())).await;
    let send_signed = async |request: http::Request<Vec<u8>>| {
        let answer = send(signed(request, Signing::default())).await;
        (answer.0, serde_json::from_str::<Value>(&answer.1).expect("JSON"))
    };
    let samples = [(NOW_MS - 30_000, 1.0), (NOW_MS, 4.0)];
    let body = body_of(&[series(&[("__name__", "ph"), ("device", "a")], &samples)]);
    assert_eq!(send(signed(request(&amp, body), Signing::default())).await.0, 200);
    let query = [("query", "max_over_time(ph{device=~\"a|b\"}[1m]) + 1"), ("time", &now())];
    for request in [question(&amp, "query", &query), form(&amp, "query", &query)] {
        assert_eq!(send(request.clone()).await.0, 403);
        let (status, answer) = send_signed(request).await;
        assert_eq!((status, &answer["data"]["result"][0]["value"][1]), (200, &json!("5")), "{answer}");
    }
    let range = [("query", "ph"), ("start", &*now()), ("end", &*now()), ("step", "1")];
    for request in [question(&amp, "query_range", &range), form(&amp, "query_range", &range)] {
        let (status, answer) = send_signed(request).await;
        assert_eq!((status, &answer["data"]["resultType"]), (200, &json!("matrix")), "{answer}");
        assert_eq!(answer["data"]["result"][0]["values"][0][1], "4");
    }
    for (path, data) in [
        ("series?match[]=ph", json!([{ "__name__": "ph", "device": "a" }])),
        ("labels", json!(["__name__", "device"])),
        ("label/device/values", json!(["a"])),
    ] {
        let mut request = question(&amp, "", &[]);
        *request.uri_mut() = format!("{}api/v1/{path}", amp.endpoint()).parse().expect("a URI");
        assert_eq!(send_signed(request).await, (200, json!({ "status": "success", "data": data })), "{path}");
    }
    let (status, answer) = send_signed(question(&amp, "status/buildinfo", &[])).await;
    assert_eq!(status, 200);
    assert!(answer["data"]["version"].is_string(), "{answer}");
    assert_eq!(
        send_signed(question(&amp, "metadata", &[])).await,
        (200, json!({ "status": "success", "data": {} }))
    );
}

#[tokio::test]
async fn errors_of_prometheus_are_passed_on_as_they_are() {
    let prometheus = prometheus().await;
    let amp = in_front_of(prometheus.url(), |_| ()).await;
    for (status, answer) in
        [get(&amp, "query", &[("query", "rate(")]).await, post(&amp, "query", &[("query", "rate(")]).await]
    {
        assert_eq!((status, &answer["errorType"]), (400, &json!("bad_data")));
        assert!(answer["error"].as_str().expect("a text").contains("parse error"), "{answer}");
    }
}

/// With the clock of the machine, as outside tests.
#[tokio::test]
async fn a_query_without_a_time_is_about_now() {
    let prometheus = prometheus().await;
    let amp = in_front_of(prometheus.url(), |options| options.clock = Clock::system()).await;
    check(&amp, &[ph("a", Clock::system().now_ms(), 3.0)], 200, "").await;
    let answer = data(&amp, "query", &[("query", "ph")]).await;
    assert_eq!(answer["result"][0]["value"][1], "3");
}
