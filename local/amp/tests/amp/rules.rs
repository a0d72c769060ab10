//! Rules that one request keeps or breaks by itself.

use local_amp::AmpOptions;
use prost::Message as _;

use crate::sender::{
    Answer, MINUTE_MS, NOW_MS, body_of, check, ph, request, send, series, stand_in, stored_ph, write,
    write_request,
};

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

/// AMP quotas, "Request size": 1 MB, for which AWS answers 413. Cortex, `ParseProtoReader`: 400 for the decoded length.
#[tokio::test]
async fn a_body_over_the_limit_is_too_large() {
    let zeros = snap::raw::Encoder::new().compress_vec(&vec![0; 1_000_001]).expect("compressible");
    assert!(zeros.len() < 100_000);
    for (body, status, text) in [
        (vec![0; 1_000_001], 413, "Request Entity Too Large"),
        (zeros, 400, "received message larger than max (1000001 vs 1000000)"),
    ] {
        let answer = answer_with(|request| *request.body_mut() = body).await;
        assert_eq!(answer, (status, text.to_owned()));
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

/// Remote write 1.0, "Protocol": a `prometheus.WriteRequest` in snappy's block format; "the framed format MUST NOT be
/// used".
#[tokio::test]
async fn a_body_that_is_not_a_write_request_is_refused() {
    let message = write_request(&[ph("a", NOW_MS, 7.0)]).encode_to_vec();
    let mut framed = snap::write::FrameEncoder::new(Vec::new());
    std::io::Write::write_all(&mut framed, &message).expect("memory takes everything");
    let framed = framed.into_inner().expect("memory takes everything");
    let garbage = snap::raw::Encoder::new().compress_vec(b"\xff\xff\xff garbage").expect("compressible");
    for body in [message, framed, garbage, Vec::new(), b"{}".to_vec()] {
        let answer = answer_with(|request| *request.body_mut() = body).await;
        assert_eq!(answer.0, 400, "{answer:?}");
    }
}

/// Observed at AMP: an empty message is answered with 200.
#[tokio::test]
async fn an_empty_message_is_accepted() {
    assert_eq!(write(&stand_in(|_| ()).await, &[]).await.0, 200);
}

/// Cortex, `distributor.go`: a series with zero labels refuses the whole request.
#[tokio::test]
async fn a_series_without_labels_refuses_the_whole_request() {
    let amp = stand_in(|_| ()).await;
    check(&amp, &[ph("a", NOW_MS, 7.0), series(&[], &[(NOW_MS, 1.0)])], 400, "empty labels found").await;
    assert_eq!(amp.sample_count(), 0);
}

/// AMP quotas: "Every sample and metadata must have a metric name". Remote write 1.0, "Labels": metric names match
/// `[a-zA-Z_:]([a-zA-Z0-9_:])*`, label names `[a-zA-Z_]([a-zA-Z0-9_])*`; neither names nor values are empty; names are not
/// repeated, and sorted by their bytes.
#[tokio::test]
async fn a_series_with_invalid_labels_is_refused() {
    let mut table = vec![
        (vec![("device", "a")], "sample missing metric name"),
        (vec![("9", "x"), ("__name__", "ph")], "sample invalid label"),
        (vec![("", "x"), ("__name__", "ph")], "sample invalid label"),
        (vec![("__name__", "ph"), ("device", "")], "empty label value"),
        (vec![("__name__", "ph"), ("a", "1"), ("a", "1")], "duplicate label name"),
        (vec![("a", "1"), ("__name__", "ph")], "labels not sorted"),
    ];
    table.extend(
        ["", "1ph", "p-h", "p.h", "é", "ph "].map(|n| (vec![("__name__", n)], "sample invalid metric name")),
    );
    table.extend(
        ["a:b", "a-b", "a b", "é"].map(|n| (vec![("__name__", "ph"), (n, "x")], "sample invalid label")),
    );
    let amp = stand_in(|_| ()).await;
    for (labels, text) in table {
        check(&amp, &[series(&labels, &[(NOW_MS, 1.0)])], 400, text).await;
    }
    assert_eq!(amp.sample_count(), 0);
    for labels in [vec![("__name__", ":Ab_9:")], vec![("Z", "1"), ("__name__", "ph"), ("a", "2")]] {
        check(&amp, &[series(&labels, &[(NOW_MS, 1.0)])], 200, "").await;
    }
}

/// AMP quotas, "Labels per series": 150.
#[tokio::test]
async fn more_than_150_labels_are_refused() {
    let names: Vec<String> = (0..150).map(|n| format!("l{n:03}")).collect();
    let mut labels = vec![("__name__", "ph")];
    labels.extend(names.iter().map(|name| (name.as_str(), "x")));
    let amp = stand_in(|_| ()).await;
    check(&amp, &[series(&labels[..150], &[(NOW_MS, 1.0)])], 200, "").await;
    let text = "series has too many labels (actual: 151, limit: 150)";
    check(&amp, &[series(&labels, &[(NOW_MS, 1.0)])], 400, text).await;
}

/// AMP quotas, "Label size": 7 KB for a series, which Cortex counts as bytes of protobuf: of each label also two tags and
/// two lengths, of one byte, or two from 128 on.
#[tokio::test]
async fn more_than_7_kb_of_labels_are_refused() {
    let amp = stand_in(|_| ()).await;
    let (name, long, names) = (8 + 2 + 4, 2_000, ["a", "b", "c"]);
    let rest = 7 * 1_024 - name - 3 * (1 + long + 5) - (1 + 5);
    for (rest, status) in [(rest, 200), (rest + 1, 400)] {
        let (long, rest) = ("x".repeat(long), "x".repeat(rest));
        let mut labels = vec![("__name__", "ph")];
        labels.extend(names.map(|name| (name, long.as_str())));
        labels.push(("d", &rest));
        let text = if status == 200 {
            ""
        } else {
            "labels size bytes exceeded for metric (actual: 7169, limit: 7168)"
        };
        check(&amp, &[series(&labels, &[(NOW_MS, 1.0)])], status, text).await;
    }
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
