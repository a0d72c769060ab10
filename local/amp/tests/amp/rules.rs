//! Rules that one request keeps or breaks by itself.

use crate::sender::{
    Answer, MINUTE_MS, NOW_MS, body_of, check, ph, request, send, series, stand_in, stored_ph, write,
};
use local_amp::AmpOptions;
use local_amp::proto::{TimeSeries, WriteRequest};
use prost::Message as _;

async fn answer_with(spoil: impl FnOnce(&mut http::Request<Vec<u8>>)) -> Answer {
    let amp = stand_in(|_| ()).await;
    let mut request = request(&amp, body_of(&[ph("a", NOW_MS, 7.0)]));
    spoil(&mut request);
    let answer = send(request).await;
    let stored = amp.sample_count();
    assert_eq!(stored, usize::from(answer.0 == 200), "{answer:?}");
    assert_eq!(amp.requests()[0].status, Some(answer.0));
    answer
}

async fn refuses_series(labels: &[(&str, &str)], words: &str) {
    let amp = stand_in(|_| ()).await;
    check(&amp, &[series(labels, &[(NOW_MS, 1.0)])], 400, words).await;
    assert_eq!(amp.sample_count(), 0);
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
async fn each_header_of_the_protocol_is_required() {
    for (name, wrong, status) in [
        ("content-encoding", "gzip", 415),
        ("content-type", "application/json", 415),
        ("x-prometheus-remote-write-version", "2.0.0", 400),
        ("user-agent", "", 400),
    ] {
        let without = answer_with(|request| drop(request.headers_mut().remove(name))).await;
        assert_eq!(without.0, status, "without {name}: {without:?}");
        let value = wrong.parse().expect("a header value");
        let wrong = answer_with(|request| drop(request.headers_mut().insert(name, value))).await;
        assert_eq!(wrong.0, status, "wrong {name}: {wrong:?}");
    }
}

/// AMP quotas, "Request size": 1 MB for what travels.
#[tokio::test]
async fn a_body_over_the_limit_is_too_large() {
    let answer = answer_with(|request| *request.body_mut() = vec![0; 1_000_001]).await;
    assert_eq!(answer, (413, "Request Entity Too Large".to_owned()));
}

/// Cortex, `ParseProtoReader`: the limit holds for the decoded length as well.
#[tokio::test]
async fn a_body_that_decodes_to_more_than_the_limit_is_too_large() {
    let zeros = snap::raw::Encoder::new().compress_vec(&vec![0; 1_000_001]).expect("compressible");
    assert!(zeros.len() < 100_000);
    let answer = answer_with(|request| *request.body_mut() = zeros).await;
    assert_eq!(answer, (413, "Request Entity Too Large".to_owned()));
}

/// The limit itself is allowed, before and after snappy.
#[tokio::test]
async fn a_body_of_exactly_the_limit_is_accepted() {
    let body = body_of(&[ph("a", NOW_MS, 7.0)]);
    let decoded = snap::raw::decompress_len(&body).expect("a snappy block");
    assert!(body.len() >= decoded, "so small a block is longer than what it holds");
    let amp = stand_in(|options| options.max_request_bytes = body.len()).await;
    assert_eq!(send(request(&amp, body.clone())).await.0, 200);
    let amp = stand_in(|options| options.max_request_bytes = body.len() - 1).await;
    assert_eq!(send(request(&amp, body)).await.0, 413);
}

/// Remote write 1.0, "Protocol": snappy's block format; "the framed format MUST NOT be used".
#[tokio::test]
async fn a_body_that_is_no_snappy_block_is_refused() {
    let message = WriteRequest { timeseries: vec![ph("a", NOW_MS, 7.0)] }.encode_to_vec();
    let mut framed = snap::write::FrameEncoder::new(Vec::new());
    std::io::Write::write_all(&mut framed, &message).expect("memory takes everything");
    let framed = framed.into_inner().expect("memory takes everything");
    for body in [message, framed, Vec::new(), b"{}".to_vec()] {
        let answer = answer_with(|request| *request.body_mut() = body).await;
        assert_eq!(answer.0, 400, "{answer:?}");
    }
}

/// Remote write 1.0, "Protocol": the message is a `prometheus.WriteRequest`.
#[tokio::test]
async fn a_body_that_is_no_protobuf_is_refused() {
    let garbage = snap::raw::Encoder::new().compress_vec(b"\xff\xff\xff garbage").expect("compressible");
    let answer = answer_with(|request| *request.body_mut() = garbage).await;
    assert_eq!(answer.0, 400, "{answer:?}");
}

/// Observed at AMP: an empty message is answered with 200.
#[tokio::test]
async fn an_empty_message_is_accepted() {
    let amp = stand_in(|_| ()).await;
    assert_eq!(write(&amp, &[]).await.0, 200);
}

/// Cortex, `distributor.go`: a series with zero labels refuses the whole request.
#[tokio::test]
async fn a_series_without_labels_refuses_the_whole_request() {
    let amp = stand_in(|_| ()).await;
    check(&amp, &[ph("a", NOW_MS, 7.0), series(&[], &[(NOW_MS, 1.0)])], 400, "empty labels found").await;
    assert_eq!(amp.sample_count(), 0);
}

/// AMP quotas: "Every sample and metadata must have a metric name".
#[tokio::test]
async fn a_series_without_a_metric_name_is_refused() {
    refuses_series(&[("device", "a")], "sample missing metric name").await;
}

/// Remote write 1.0, "Labels": metric names match `[a-zA-Z_:]([a-zA-Z0-9_:])*`.
#[tokio::test]
async fn an_invalid_metric_name_is_refused() {
    for name in ["", "1ph", "p-h", "p.h", "é", "ph "] {
        refuses_series(&[("__name__", name)], "sample invalid metric name").await;
    }
    let amp = stand_in(|_| ()).await;
    check(&amp, &[series(&[("__name__", ":Ab_9:")], &[(NOW_MS, 1.0)])], 200, "").await;
}

/// Remote write 1.0, "Labels": label names match `[a-zA-Z_]([a-zA-Z0-9_])*`.
#[tokio::test]
async fn an_invalid_label_name_is_refused() {
    for name in ["a:b", "a-b", "a b", "é"] {
        refuses_series(&[("__name__", "ph"), (name, "x")], "sample invalid label").await;
    }
    refuses_series(&[("9", "x"), ("__name__", "ph")], "sample invalid label").await;
}

/// Remote write 1.0, "Labels": no empty label names.
#[tokio::test]
async fn an_empty_label_name_is_refused() {
    refuses_series(&[("", "x"), ("__name__", "ph")], "sample invalid label").await;
}

/// Remote write 1.0, "Labels": no empty label values.
#[tokio::test]
async fn an_empty_label_value_is_refused() {
    refuses_series(&[("__name__", "ph"), ("device", "")], "empty label value").await;
}

/// Remote write 1.0, "Labels": no repeated label names.
#[tokio::test]
async fn a_repeated_label_name_is_refused() {
    refuses_series(&[("__name__", "ph"), ("a", "1"), ("a", "1")], "duplicate label name").await;
}

/// Remote write 1.0, "Labels": sorted in lexicographical order, which is that of bytes.
#[tokio::test]
async fn labels_out_of_order_are_refused() {
    refuses_series(&[("a", "1"), ("__name__", "ph")], "labels not sorted").await;
    let amp = stand_in(|_| ()).await;
    let sorted = [("Z", "1"), ("__name__", "ph"), ("a", "2")];
    check(&amp, &[series(&sorted, &[(NOW_MS, 1.0)])], 200, "").await;
}

/// AMP quotas, "Labels per series": 150.
#[tokio::test]
async fn more_than_150_labels_are_refused() {
    let names: Vec<String> = (0..150).map(|n| format!("l{n:03}")).collect();
    let mut labels = vec![("__name__", "ph")];
    labels.extend(names.iter().map(|name| (name.as_str(), "x")));
    refuses_series(&labels, "series has too many labels (actual: 151, limit: 150)").await;
    let amp = stand_in(|_| ()).await;
    check(&amp, &[series(&labels[..150], &[(NOW_MS, 1.0)])], 200, "").await;
}

/// AMP quotas, "Label size": 7 KB for all names and values of a series.
#[tokio::test]
async fn more_than_7_kb_of_labels_are_refused() {
    let long = "x".repeat(7 * 1_024 - 8 - 2 - 1);
    let amp = stand_in(|_| ()).await;
    check(&amp, &[series(&[("__name__", "ph"), ("d", &long)], &[(NOW_MS, 1.0)])], 200, "").await;
    let longer = long + "x";
    refuses_series(&[("__name__", "ph"), ("d", &longer)], "labels size bytes exceeded").await;
}

/// Remote write 1.0, "Ordering": a series' samples are in timestamp order; a timestamp twice is no order.
#[tokio::test]
async fn samples_that_do_not_ascend_are_refused() {
    for samples in [[(NOW_MS, 1.0), (NOW_MS - 1, 1.0)], [(NOW_MS, 1.0), (NOW_MS, 1.0)]] {
        let amp = stand_in(|_| ()).await;
        check(&amp, &[series(&[("__name__", "ph")], &samples)], 400, "samples not in timestamp order").await;
        assert_eq!(amp.sample_count(), 0);
    }
}

/// Remote write 1.0, "Ordering": in two places of one request the samples of a series have no order.
#[tokio::test]
async fn a_series_twice_in_one_request_is_refused() {
    let amp = stand_in(|_| ()).await;
    let twice: [TimeSeries; 2] = [ph("a", NOW_MS - 1, 1.0), ph("a", NOW_MS, 2.0)];
    check(&amp, &twice, 400, "series more than once in one request").await;
    assert_eq!(stored_ph(&amp, "a"), [(NOW_MS - 1, 1.0)]);
}

/// A series that says nothing is a sender's mistake.
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
