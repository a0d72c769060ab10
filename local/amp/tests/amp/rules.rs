//! Rules that one request keeps or breaks by itself, of AWS and of remote write 1.0. `tests/cortex` has those of Cortex.

use crate::sender::{
    Answer, MINUTE_MS, NOW_MS, body_of, check, ph, request, send, series, stand_in, stored_ph,
};
use local_amp::AmpOptions;

async fn answer_with(change: impl FnOnce(&mut http::Request<Vec<u8>>)) -> Answer {
    let amp = stand_in(|_| ()).await;
    let mut request = request(&amp, body_of(&[ph("a", NOW_MS, 7.0)]));
    change(&mut request);
    let answer = send(request).await;
    let stored = amp.sample_count();
    assert_eq!(stored, usize::from(answer.0 == 200), "{answer:?}");
    assert_eq!(amp.requests()[0].status, Some(answer.0));
    answer
}

/// AMP API reference, `RemoteWrite`: 200 with an empty body.
#[tokio::test]
async fn a_good_request_is_stored_and_answered_with_200() {
    assert_eq!(answer_with(|_| ()).await, (200, String::new()));
}

/// Remote write 1.0, "Protocol": an HTTP POST request.
#[tokio::test]
async fn another_method_than_post_is_refused() {
    assert_eq!(answer_with(|request| *request.method_mut() = http::Method::PUT).await.0, 405);
}

/// AMP API reference: the path names the workspace; AMP answers 404 on a wrong path.
#[tokio::test]
async fn another_path_or_workspace_is_not_found() {
    for path in ["/workspaces/ws-other/api/v1/remote_write", "/workspaces/ws-local/api/v1/write", "/"] {
        let answer = answer_with(|request| {
            let mut parts = request.uri().clone().into_parts();
            parts.path_and_query = Some(path.parse().expect("a path"));
            *request.uri_mut() = parts.try_into().expect("a URI");
        });
        assert_eq!(answer.await.0, 404, "{path}");
    }
}

/// Remote write 1.0, "Protocol": the four headers that MUST be sent.
#[tokio::test]
async fn each_header_of_the_protocol_is_required_once() {
    for (name, wrong, status) in [
        ("content-encoding", "gzip", 415),
        ("content-type", "application/json", 415),
        ("x-prometheus-remote-write-version", "2.0.0", 400),
        ("user-agent", "", 400),
    ] {
        let without = answer_with(|request| drop(request.headers_mut().remove(name))).await;
        assert_eq!(without, (status, format!("missing header {name}")));
        let value = || wrong.parse().expect("a header value");
        let answer = answer_with(|request| drop(request.headers_mut().insert(name, value()))).await;
        assert_eq!(answer.0, status, "wrong {name}: {answer:?}");
        if !wrong.is_empty() {
            let twice = answer_with(|request| assert!(request.headers_mut().append(name, value()))).await;
            assert_eq!(twice, (status, format!("duplicate header {name}")));
        }
    }
}

/// The limit itself is allowed, before and after snappy.
#[tokio::test]
async fn a_body_of_exactly_the_limit_is_accepted() {
    let body = body_of(&[ph("a", NOW_MS, 7.0)]);
    let decoded = snap::raw::decompress_len(&body).expect("a snappy block");
    assert!(body.len() >= decoded, "a block this small is longer than its content");
    for (limit, status) in [(body.len(), 200), (body.len() - 1, 413)] {
        let amp = stand_in(|options| options.max_request_bytes = limit).await;
        assert_eq!(send(request(&amp, body.clone())).await.0, status);
    }
}

/// Remote write 1.0, "Labels": label names are sorted by their bytes, and no value is empty.
#[tokio::test]
async fn labels_that_are_unsorted_or_empty_are_refused() {
    let amp = stand_in(|_| ()).await;
    for (labels, text) in [
        (vec![("__name__", "ph"), ("device", "")], "empty label value: \"device\" metric ph{device=\"\"}"),
        (vec![("a", "1"), ("__name__", "ph")], "labels not sorted: \"__name__\" metric ph{a=\"1\"}"),
        (vec![("__name__", "ph"), ("a", "1"), ("Z", "1")], "labels not sorted: \"Z\""),
    ] {
        check(&amp, &[series(&labels, &[(NOW_MS, 1.0)])], 400, text).await;
    }
    assert_eq!(amp.sample_count(), 0);
    let sorted = [("Z", "1"), ("__name__", "ph"), ("a", "2")];
    check(&amp, &[series(&sorted, &[(NOW_MS, 1.0)])], 200, "").await;
}

/// Remote write 1.0, "Ordering": a series' samples are in timestamp order; equal timestamps are not.
#[tokio::test]
async fn samples_that_do_not_ascend_are_refused() {
    let amp = stand_in(|_| ()).await;
    for samples in [[(NOW_MS, 1.0), (NOW_MS - 1, 1.0)], [(NOW_MS, 1.0), (NOW_MS, 1.0)]] {
        check(&amp, &[series(&[("__name__", "ph")], &samples)], 400, "samples not in timestamp order").await;
    }
    assert_eq!(amp.sample_count(), 0);
}

/// Remote write 1.0, "Ordering": in two places of one request the samples of a series have no order.
#[tokio::test]
async fn a_series_twice_in_one_request_is_refused() {
    let amp = stand_in(|_| ()).await;
    let twice = [ph("a", NOW_MS - 1, 1.0), ph("a", NOW_MS, 2.0)];
    check(&amp, &twice, 400, "series more than once in one request").await;
    assert_eq!(stored_ph(&amp, "a"), [(NOW_MS - 1, 1.0)]);
}

#[tokio::test]
async fn a_series_without_samples_is_refused() {
    let amp = stand_in(|_| ()).await;
    check(&amp, &[series(&[("__name__", "ph")], &[])], 400, "series without samples").await;
}

/// AMP quotas: "Metric samples older than 1 hour are refused".
#[tokio::test]
async fn a_sample_older_than_an_hour_is_refused() {
    let amp = stand_in(|_| ()).await;
    check(&amp, &[ph("a", NOW_MS - 60 * MINUTE_MS - 1, 1.0)], 400, "timestamp too old").await;
    check(&amp, &[ph("a", NOW_MS - 60 * MINUTE_MS, 1.0)], 200, "").await;
    let amp = stand_in(|options: &mut AmpOptions| options.max_sample_age = None).await;
    check(&amp, &[ph("a", 0, 1.0)], 200, "").await;
}

/// Cortex, creation grace period, and Prometheus's `maxAheadTime`: 10 minutes.
#[tokio::test]
async fn a_sample_more_than_ten_minutes_ahead_is_refused() {
    let amp = stand_in(|_| ()).await;
    check(&amp, &[ph("a", NOW_MS + 10 * MINUTE_MS + 1, 1.0)], 400, "timestamp too new").await;
    check(&amp, &[ph("a", NOW_MS + 10 * MINUTE_MS, 1.0)], 200, "").await;
    let amp = stand_in(|options: &mut AmpOptions| options.max_ahead = None).await;
    check(&amp, &[ph("a", i64::MAX, 1.0)], 200, "").await;
}
