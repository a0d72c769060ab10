//! Remote write, from the request to the answer.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prometheus_proto::histogram::{Count, ZeroCount};
use prometheus_proto::{BucketSpan, Histogram, Label, MetricMetadata, Sample, TimeSeries, WriteRequest, v2};
use prost::Message as _;
use push_gateway::report::Report;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::services::{Stage, event};

const NOW_MS: i64 = 1_676_398_017_000;

const VERSION_1: &str = "application/x-protobuf";
const VERSION_2: &str = "application/x-protobuf;proto=io.prometheus.write.v2.Request";

/// Labels, then values with their timestamps.
type Stored = BTreeMap<Vec<(String, String)>, Vec<String>>;

fn series(labels: &[(&str, &str)], value: f64) -> TimeSeries {
    let label = |&(name, value): &(&str, &str)| Label { name: name.to_owned(), value: value.to_owned() };
    TimeSeries {
        labels: labels.iter().map(label).collect(),
        samples: vec![Sample { value, timestamp: NOW_MS }],
        histograms: vec![],
    }
}

fn histogram(name: &str) -> TimeSeries {
    let histogram = Histogram {
        count: Some(Count::CountInt(3)),
        zero_count: Some(ZeroCount::ZeroCountInt(1)),
        positive_spans: vec![BucketSpan { offset: 0, length: 1 }],
        positive_deltas: vec![2],
        timestamp: NOW_MS,
        ..Histogram::default()
    };
    TimeSeries { samples: vec![], histograms: vec![histogram], ..series(&[("__name__", name)], 0.0) }
}

fn snappy(message: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(message).unwrap()
}

/// The message of a content type with these series.
fn message(content_type: &str, timeseries: &[TimeSeries]) -> Vec<u8> {
    if content_type == VERSION_1 {
        return WriteRequest { timeseries: timeseries.to_vec(), metadata: vec![] }.encode_to_vec();
    }
    let mut request = v2::Request { symbols: vec![String::new()], timeseries: vec![] };
    for one in timeseries {
        let mut labels_refs = Vec::new();
        for text in one.labels.iter().flat_map(|label| [&label.name, &label.value]) {
            labels_refs.push(u32::try_from(request.symbols.len()).unwrap());
            request.symbols.push(text.clone());
        }
        // The numbers of the fields are the same.
        let samples = one.samples.iter().map(|one| v2::Sample::decode(&*one.encode_to_vec()).unwrap());
        let histograms =
            one.histograms.iter().map(|one| v2::Histogram::decode(&*one.encode_to_vec()).unwrap());
        request.timeseries.push(v2::TimeSeries {
            labels_refs,
            samples: samples.collect(),
            histograms: histograms.collect(),
            ..v2::TimeSeries::default()
        });
    }
    request.encode_to_vec()
}

fn request(headers: &Value, body: &[u8]) -> Value {
    let mut event = event("POST", "/api/v1/write", headers, &STANDARD.encode(body));
    event["isBase64Encoded"] = true.into();
    event
}

async fn write(stage: &Stage, content_type: &str, timeseries: &[TimeSeries]) -> (Value, Report) {
    let headers = json!({"content-type": content_type, "content-encoding": "snappy"});
    let body = snappy(&message(content_type, timeseries));
    stage.invoke(&request(&headers, &body), Duration::from_secs(2)).await
}

/// The numbers in the headers of an answer: samples, histograms and exemplars.
fn written(answer: &Value) -> Option<[u64; 3]> {
    let count = |kind: &str| {
        let header = &answer["headers"][format!("X-Prometheus-Remote-Write-{kind}-Written")];
        Some(header.as_str()?.parse().expect("a number"))
    };
    Some([count("Samples")?, count("Histograms")?, count("Exemplars")?])
}

fn stored(requests: &[WriteRequest]) -> Stored {
    let mut all = Stored::new();
    for one in requests.iter().flat_map(|request| &request.timeseries) {
        let labels = one.labels.iter().map(|label| (label.name.clone(), label.value.clone())).collect();
        add(&mut all, labels, one);
    }
    all
}

fn add(all: &mut Stored, mut labels: Vec<(String, String)>, one: &TimeSeries) {
    labels.retain(|(_, value)| !value.is_empty());
    labels.sort();
    let values = all.entry(labels).or_default();
    values.extend(one.samples.iter().map(|one| format!("{:x} @{}", one.value.to_bits(), one.timestamp)));
    values.extend(one.histograms.iter().map(|histogram| format!("{histogram:?}")));
    values.sort();
}

#[tokio::test]
async fn both_versions_are_written_and_answered() {
    let all = [
        series(&[("z", "1"), ("__name__", "up"), ("a", "é")], f64::from_bits(0x7ff0_0000_0000_0002)),
        series(&[("__name__", "down")], 2.5),
        histogram("h"),
    ];
    for (content_type, expected) in [(VERSION_1, None), (VERSION_2, Some([2, 1, 0]))] {
        let stage = Stage::new(&[("HTTP_AUTH", "none")]).await;
        let (answer, report) = write(&stage, content_type, &all).await;
        assert_eq!((&answer["statusCode"], &answer["body"]), (&json!(204), &json!("")), "{answer}");
        assert_eq!(written(&answer), expected);
        assert_eq!((report.events, report.invalid, report.figures.samples), (3, 0, 3));
        let sent = WriteRequest { timeseries: all.to_vec(), metadata: vec![] };
        assert_eq!(stored(&stage.services().stored), stored(&[sent]));
    }
}

/// Prometheus counts what it appends, which is one sample for each timestamp of a series.
#[tokio::test]
async fn a_sample_that_a_later_one_replaces_is_not_counted() {
    let stage = Stage::new(&[("HTTP_AUTH", "none")]).await;
    stage.services().rejects = Some("poison");
    let twice = [series(&[("__name__", "up")], 1.0), series(&[("__name__", "up")], 2.0)];
    let (answer, _) = write(&stage, VERSION_2, &twice).await;
    assert_eq!((&answer["statusCode"], written(&answer)), (&json!(204), Some([1, 0, 0])));
    let [first, second] = twice;
    let (answer, _) =
        write(&stage, VERSION_2, &[first, second, series(&[("__name__", "poison")], 1.0)]).await;
    let reason = "2 of 3 samples were written, 1 were not: the receiver answered 400 a rule is broken\n";
    assert_eq!((&answer["body"], written(&answer)), (&json!(reason), Some([1, 0, 0])));
}

#[tokio::test]
async fn headers_decide_whether_a_body_is_read() {
    let stage = Stage::new(&[("HTTP_AUTH", "none")]).await;
    let one = message(VERSION_1, &[series(&[("__name__", "up")], 1.0)]);
    let two = message(VERSION_2, &[series(&[("__name__", "up")], 1.0)]);
    let body = snappy(&one);
    let mut framed = snap::write::FrameEncoder::new(Vec::new());
    std::io::Write::write_all(&mut framed, &one).unwrap();
    let framed = framed.into_inner().unwrap();
    // A block of 4 GB, by its length.
    let huge = [0xff, 0xff, 0xff, 0xff, 0x0f, 0];
    for (case, headers, body, status, text) in [
        ("no headers", json!({}), &*body, 204, ""),
        ("no encoding", json!({"content-type": VERSION_1}), &body, 204, ""),
        (
            "its message",
            json!({"content-type": "application/x-protobuf; proto=prometheus.WriteRequest"}),
            &body,
            204,
            "",
        ),
        ("empty", json!({}), &snappy(b""), 204, ""),
        ("JSON", json!({"content-type": "application/json"}), b"0", 415, "got \"application/json\""),
        (
            "text",
            json!({"content-type": "text/plain"}),
            &body,
            415,
            "Content-Type: expected application/x-protobuf with",
        ),
        (
            "another message",
            json!({"content-type": "application/x-protobuf;proto=foo"}),
            &body,
            415,
            "proto=foo",
        ),
        (
            "gzip",
            json!({"content-encoding": "gzip"}),
            b"0",
            415,
            "Content-Encoding: expected snappy, got \"gzip\"\n",
        ),
        ("zstd", json!({"content-encoding": "zstd", "content-type": VERSION_1}), &body, 415, "got \"zstd\""),
        ("no snappy", json!({}), &one, 400, "expected a body in snappy"),
        ("framed snappy", json!({"content-encoding": "snappy"}), &framed, 400, "expected a body in snappy"),
        ("cut off", json!({}), &body[..body.len() - 3], 400, "expected a body in snappy"),
        (
            "no protobuf",
            json!({}),
            &snappy(b"\x0a\xff"),
            400,
            "in the write request: unexpected end of input",
        ),
        ("nothing", json!({}), b"", 400, "expected a body in snappy"),
        (
            "2.0 under headers of 1.0",
            json!({}),
            &snappy(&two),
            400,
            "expected a message prometheus.WriteRequest, got io.prometheus.write.v2.Request",
        ),
        (
            "1.0 under headers of 2.0",
            json!({"content-type": VERSION_2}),
            &body,
            400,
            "got prometheus.WriteRequest",
        ),
        ("too large", json!({}), &snappy(&vec![0; 7 << 20]), 413, "bytes after decoding, got more"),
        ("too large by its length", json!({}), &huge, 413, "bytes after decoding, got more"),
        (
            "too many",
            json!({}),
            &snappy(&message(VERSION_1, &vec![series(&[("__name__", "up")], 1.0); 50_001])),
            413,
            "expected at most 50000 samples",
        ),
    ] {
        let (ours, answer) = stage.answer(&request(&headers, body)).await;
        assert_eq!(ours, status, "{case}: {answer}");
        assert!(answer.contains(text), "{case}: {answer}");
        assert!(answer.len() < 500 && (ours == 204) == answer.is_empty(), "{case}: {answer}");
    }
}

#[tokio::test]
async fn a_body_that_was_taken_for_text_is_415() {
    let stage = Stage::new(&[("HTTP_AUTH", "none")]).await;
    let body = snappy(&message(VERSION_1, &[series(&[("__name__", "up")], -1.5e300)]));
    let mut request = request(&json!({"content-type": VERSION_1}), &body);
    request["body"] = String::from_utf8_lossy(&body).into();
    request["isBase64Encoded"] = false.into();
    let (status, answer) = stage.answer(&request).await;
    assert_eq!(status, 415);
    assert!(answer.contains("binary"), "{answer}");
}

#[tokio::test]
async fn an_invalid_series_does_not_keep_others_from_being_written() {
    let all = [
        series(&[("__name__", "up")], 1.0),
        series(&[("job", "no name")], 2.0),
        series(&[("__name__", "a.b")], 3.0),
        series(&[("__name__", "a_b")], 4.0),
        histogram("h"),
    ];
    let reason = "3 of 5 samples were written, 2 were not: series 1: expected a label __name__; \
                  names \"a.b\" and \"a_b\" are both \"a_b\" after escaping\n";
    for (content_type, expected) in [(VERSION_1, None), (VERSION_2, Some([2, 1, 0]))] {
        let stage = Stage::new(&[("HTTP_AUTH", "none")]).await;
        let (answer, report) = write(&stage, content_type, &all).await;
        assert_eq!((&answer["statusCode"], &answer["body"]), (&json!(400), &json!(reason)));
        assert_eq!(written(&answer), expected);
        assert_eq!((report.events, report.invalid, report.refused), (5, 2, 2));
        assert_eq!(stored(&stage.services().stored).len(), 3);
    }
}

#[tokio::test]
async fn a_series_that_the_receiver_rejects_is_isolated() {
    let stage = Stage::new(&[("HTTP_AUTH", "none")]).await;
    stage.services().rejects = Some("poison");
    let mut all: Vec<_> =
        (0..20).map(|at| series(&[("__name__", "up"), ("l", &at.to_string())], 1.0)).collect();
    all.insert(7, series(&[("__name__", "poison")], 1.0));
    all.push(histogram("h"));
    let (answer, _) = write(&stage, VERSION_2, &all).await;
    assert_eq!(answer["statusCode"], 400);
    let reason = "21 of 22 samples were written, 1 were not: the receiver answered 400 a rule is broken\n";
    assert_eq!(answer["body"], reason);
    assert_eq!(written(&answer), Some([20, 1, 0]));
    let stored = stored(&stage.services().stored);
    assert_eq!(stored.len(), 21);
    assert!(stored.keys().flatten().all(|(_, value)| value != "poison"));
}

#[tokio::test]
async fn series_that_we_and_the_receiver_refuse_are_both_named() {
    let stage = Stage::new(&[("HTTP_AUTH", "none")]).await;
    stage.services().rejects = Some("poison");
    let all = [
        series(&[("__name__", "up")], 1.0),
        series(&[("job", "no name")], 2.0),
        series(&[("__name__", "poison")], 3.0),
    ];
    let reason = "1 of 3 samples were written, 2 were not: series 1: expected a label __name__; \
                  the receiver answered 400 a rule is broken\n";
    let (answer, report) = write(&stage, VERSION_2, &all).await;
    assert_eq!((&answer["statusCode"], &answer["body"]), (&json!(400), &json!(reason)));
    assert_eq!(written(&answer), Some([1, 0, 0]));
    assert_eq!((report.events, report.invalid, report.rejected, report.failed), (3, 1, 1, 0));
}

#[tokio::test]
async fn exemplars_and_start_timestamps_are_reported() {
    let stage = Stage::new(&[("HTTP_AUTH", "none")]).await;
    let symbols = ["", "__name__", "up", "trace_id", "1"].map(str::to_owned).to_vec();
    let exemplar = v2::Exemplar { labels_refs: vec![3, 4], value: 1.0, timestamp: NOW_MS };
    let one = v2::TimeSeries {
        labels_refs: vec![1, 2],
        samples: vec![v2::Sample { value: 1.0, timestamp: NOW_MS, start_timestamp: NOW_MS - 1 }],
        exemplars: vec![exemplar.clone(), exemplar],
        ..v2::TimeSeries::default()
    };
    let body = snappy(&v2::Request { symbols, timeseries: vec![one] }.encode_to_vec());
    let (answer, report) =
        stage.invoke(&request(&json!({"content-type": VERSION_2}), &body), Duration::from_secs(2)).await;
    assert_eq!((&answer["statusCode"], written(&answer)), (&json!(204), Some([1, 0, 0])));
    assert_eq!((report.exemplars, report.start_timestamps), (2, 1));
}

#[tokio::test]
async fn a_receiver_that_is_busy_is_503_and_nothing_is_queued() {
    let variables = [
        ("HTTP_AUTH", "none"),
        ("HTTP_DELIVERY", "queue"),
        ("SPILL_QUEUE_URL", "https://sqs.eu-west-1.amazonaws.com/123456789012/spilled"),
    ];
    let stage = Stage::new(&variables).await;
    for (receiver, status, samples) in
        [((204, ""), 204, 1), ((429, "rate limit"), 503, 0), ((500, ""), 503, 0), ((403, "denied"), 503, 0)]
    {
        stage.services().receiver = Some(receiver);
        let (answer, report) = write(&stage, VERSION_2, &[series(&[("__name__", "up")], 1.0)]).await;
        assert_eq!(answer["statusCode"], status, "{receiver:?}: {answer}");
        assert_eq!(answer["headers"]["Retry-After"].is_string(), status == 503, "{answer}");
        assert_eq!(written(&answer), Some([samples, 0, 0]));
        assert_eq!(report.spilled, 0);
    }
}

#[tokio::test]
async fn a_replica_that_is_not_elected_is_202() {
    let stage = Stage::new(&[("HTTP_AUTH", "none")]).await;
    stage.services().receiver = Some((202, "replicas did not match"));
    let replica = series(&[("__name__", "up"), ("__replica__", "b"), ("cluster", "c")], 1.0);
    let (answer, report) = write(&stage, VERSION_2, &[replica]).await;
    assert_eq!(answer["statusCode"], 202, "{answer}");
    assert_eq!(written(&answer), Some([0, 0, 0]));
    assert_eq!(report.deduplicated, 1);
}

#[tokio::test]
async fn metadata_is_sent_after_the_samples() {
    let stage = Stage::new(&[("HTTP_AUTH", "none")]).await;
    let metadata = MetricMetadata {
        r#type: 1,
        metric_family_name: "c_total".to_owned(),
        help: "Of it.".to_owned(),
        unit: String::new(),
    };
    let sent =
        WriteRequest { timeseries: vec![series(&[("__name__", "c_total")], 1.0)], metadata: vec![metadata] };
    let event = request(&json!({}), &snappy(&sent.encode_to_vec()));
    assert_eq!(stage.answer(&event).await.0, 204);
    let stored = stage.services().stored.clone();
    let of = |at: usize| (stored[at].timeseries.len(), &*stored[at].metadata);
    assert_eq!((of(0), of(1)), ((1, &[] as &[_]), (0, &*sent.metadata)));
}

/// The metadata of requests, by family.
fn families(requests: &[WriteRequest]) -> BTreeMap<String, MetricMetadata> {
    let metadata = requests.iter().flat_map(|request| request.metadata.clone());
    metadata.map(|one| (one.metric_family_name.clone(), one)).collect()
}

/// A request that a client sent.
#[derive(Deserialize)]
struct Capture {
    client: String,
    headers: BTreeMap<String, String>,
    body: String,
}

/// The series of a request, as the generated messages read it.
fn oracle(version_2: bool, message: &[u8]) -> Stored {
    if !version_2 {
        return stored(&[WriteRequest::decode(message).unwrap()]);
    }
    let request = v2::Request::decode(message).unwrap();
    let mut all = Stored::new();
    for one in &request.timeseries {
        let text = |&at: &u32| request.symbols[at as usize].clone();
        let labels = one.labels_refs.chunks(2).map(|pair| (text(&pair[0]), text(&pair[1]))).collect();
        // Version 1.0 has no field for the rest.
        let samples = one.samples.iter().map(|one| Sample { value: one.value, timestamp: one.timestamp });
        let histograms = one.histograms.iter().map(|one| {
            let one = v2::Histogram { start_timestamp: 0, ..one.clone() };
            Histogram::decode(&*one.encode_to_vec()).unwrap()
        });
        let plain =
            TimeSeries { labels: vec![], samples: samples.collect(), histograms: histograms.collect() };
        add(&mut all, labels, &plain);
    }
    all.retain(|_, values| !values.is_empty());
    all
}

#[tokio::test]
async fn requests_of_real_clients_are_written_as_they_are() {
    let captures: Vec<Capture> = serde_json::from_str(include_str!("captures/remote-write.json")).unwrap();
    // When they were recorded, and less than a minute after their timestamps.
    let day = SystemTime::UNIX_EPOCH + Duration::from_hours(498_864);
    let mut compared = 0;
    for Capture { client, headers, body } in captures {
        let stage = Stage::new(&[("HTTP_AUTH", "none"), ("MAX_FUTURE", "600")]).await;
        let body = STANDARD.decode(body).unwrap();
        let version_2 = headers.get("content-type").is_some_and(|value| value.contains("v2.Request"));
        let is_zstd = headers.get("content-encoding").is_some_and(|value| value == "zstd");
        let event = request(&json!(headers), &body);
        let (answer, report) = stage.invoke_at(day, &event, Duration::from_secs(5)).await;
        if is_zstd {
            // vmagent sends the same block again, in snappy.
            assert_eq!(answer["statusCode"], 415, "{client}");
            continue;
        }
        assert_eq!(answer["statusCode"], 204, "{client}: {answer}");
        let message = snap::raw::Decoder::new().decompress_vec(&body).unwrap();
        let expected = oracle(version_2, &message);
        assert_eq!(stored(&stage.services().stored), expected, "{client}");
        assert_eq!(written(&answer).is_some(), version_2, "{client}");
        if let Some([samples, histograms, _]) = written(&answer) {
            assert_eq!(samples + histograms, u64::try_from(report.samples).unwrap());
        }
        if !version_2 {
            let sent = WriteRequest::decode(&*message).unwrap();
            assert_eq!(families(&stage.services().stored), families(&[sent]), "{client}");
        }
        compared += expected.len();
    }
    assert!(compared > 1_000, "{compared}");
}

#[tokio::test]
async fn start_timestamps_without_a_place_are_counted() {
    let symbols = ["", "__name__", "up"].map(str::to_owned).to_vec();
    let samples = vec![v2::Sample { value: 1.0, timestamp: NOW_MS, start_timestamp: NOW_MS - 1 }];
    let timeseries = vec![v2::TimeSeries { labels_refs: vec![1, 2], samples, ..v2::TimeSeries::default() }];
    let body = snappy(&v2::Request { symbols, timeseries }.encode_to_vec());
    let headers = json!({"content-type": VERSION_2, "content-encoding": "snappy"});
    for (protocol, dropped) in [("1.0", 1), ("2.0", 0)] {
        let stage = Stage::new(&[("HTTP_AUTH", "none"), ("REMOTE_WRITE_PROTOCOL", protocol)]).await;
        stage.services().takes_version_2 = true;
        let (answer, report) = stage.invoke(&request(&headers, &body), Duration::from_secs(2)).await;
        assert_eq!((&answer["statusCode"], report.start_timestamps), (&json!(204), dropped), "{protocol}");
    }
}
