//! HTTP requests that are hostile on purpose: one process answers all of them, within half of the memory of the smallest
//! function, and reads none of a caller that it does not know.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use local_lambda::http::{Kind, Request};
use local_lambda::runtime::{Invocation, MAX_PAYLOAD_BYTES};

use crate::hostile::receiver;
use crate::support::{NOW_MS, SMALLEST_FUNCTION_KB, Setup, Stage};

const PUSH: &str = "/metrics/job/hostile";

const MEMORY_LIMIT_KB: u64 = SMALLEST_FUNCTION_KB / 2;

/// A little less than fits into an event with the rest of it.
const TEXT_BYTES: usize = MAX_PAYLOAD_BYTES - 10_000;

/// The same for a body in base64.
const BINARY_BYTES: usize = TEXT_BYTES / 4 * 3;

/// The limit of an inflated body.
const INFLATED_BYTES: usize = 6 << 20;

struct Case {
    name: String,
    request: Request,
    /// The answers that are right.
    statuses: &'static [u64],
}

fn case(name: &str, request: Request, statuses: &'static [u64]) -> Case {
    Case { name: name.to_owned(), request, statuses }
}

fn put(path: &str) -> Request {
    Request::new("PUT", path, NOW_MS)
}

/// A text that is a string in the event.
fn plain(body: String) -> Request {
    put(PUSH).header("content-type", "text/plain").body(body)
}

/// A text that is base64 in the event.
fn text(body: impl Into<bytes::Bytes>) -> Request {
    put(PUSH).header("content-type", "application/octet-stream").body(body)
}

fn protobuf(body: impl Into<bytes::Bytes>) -> Request {
    const TYPE: &str =
        "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
    put(PUSH).header("content-type", TYPE).body(body)
}

fn gzip(body: &[u8]) -> Request {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).expect("memory");
    encoded("gzip", encoder.finish().expect("memory"))
}

fn gzip_events(bytes: usize) -> Request {
    let mut request = gzip(&vec![b'['; bytes]);
    (request.method, request.target) = ("POST".to_owned(), "/api/v1/events".to_owned());
    request
}

fn snappy(body: &[u8]) -> Request {
    let mut encoder = snap::write::FrameEncoder::new(Vec::new());
    encoder.write_all(body).expect("memory");
    encoded("snappy", encoder.into_inner().expect("memory"))
}

/// A block of snappy, as remote write sends it.
fn write(version: u8, message: &[u8]) -> Request {
    let content_type = match version {
        1 => "application/x-protobuf",
        _ => "application/x-protobuf;proto=io.prometheus.write.v2.Request",
    };
    let body = snap::raw::Encoder::new().compress_vec(message).expect("memory");
    Request::new("POST", "/api/v1/write", NOW_MS)
        .header("content-type", content_type)
        .header("content-encoding", "snappy")
        .body(body)
}

fn otlp(content_type: &str, message: impl Into<bytes::Bytes>) -> Request {
    Request::new("POST", "/v1/metrics", NOW_MS).header("content-type", content_type).body(message)
}

fn otlp_gzip(content_type: &str, message: &[u8]) -> Request {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(message).expect("memory");
    otlp(content_type, encoder.finish().expect("memory")).header("content-encoding", "gzip")
}

fn encoded(encoding: &str, body: Vec<u8>) -> Request {
    put(PUSH)
        .header("content-type", "application/octet-stream")
        .header("content-encoding", encoding)
        .body(body)
}

/// Lines by number, as many as fit into `bytes`.
fn lines(bytes: usize, line: impl Fn(usize) -> String) -> String {
    let mut text = String::with_capacity(bytes);
    for at in 0.. {
        let line = line(at);
        if text.len() + line.len() > bytes {
            break;
        }
        text += &line;
    }
    text
}

/// A field of protobuf with bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2], &*varint(bytes.len()), bytes].concat()
}

fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            bytes.push(low & 0x7f);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// A metric family with this content, after its length.
fn family(content: &[u8]) -> Vec<u8> {
    let family = [field(1, b"h"), content.to_vec()].concat();
    [varint(family.len()), family].concat()
}

fn floods() -> Vec<Case> {
    let headers = |count: usize, name: fn(usize) -> String| {
        (0..count).fold(text("m 1\n"), |request, at| request.header(name(at), "y".repeat(20)))
    };
    let labels = |count: usize| {
        lines(BINARY_BYTES, |at| if at < count { format!("a{at}=\"b\",") } else { " ".repeat(BINARY_BYTES) })
    };
    vec![
        case("headers", headers(60_000, |at| format!("x-{at}")), &[202]),
        case("one header again and again", headers(10_000, |_| "accept".to_owned()), &[202]),
        case("a long header", text("m 1\n").header("authorization", "x".repeat(TEXT_BYTES)), &[202]),
        case("a query", put(&format!("{PUSH}?{}", "a&".repeat(300_000))), &[202]),
        case("a method", Request::new("X".repeat(1_000_000), PUSH, NOW_MS), &[405]),
        case("100,000 labels", text(format!("m{{{}}} 1\n", labels(100_000))), &[400]),
        case("labels", text(format!("m{{{}}} 1\n", labels(usize::MAX))), &[400]),
        case("a label value", plain(format!("m{{x=\"{}\"}} 1\n", "v".repeat(TEXT_BYTES))), &[400]),
        case("an escaped value", plain(format!("m{{x=\"{}\"}} 1\n", "\\n".repeat(TEXT_BYTES / 3))), &[400]),
        case("a metric name", text(format!("{} 1\n", "m".repeat(BINARY_BYTES))), &[400]),
        case("a number", text(format!("m {}\n", "9".repeat(BINARY_BYTES))), &[400]),
        case("a help text", text(format!("# HELP m {}\nm 1\n", "h".repeat(BINARY_BYTES))), &[202]),
        case("control characters", plain("\u{1}".repeat(TEXT_BYTES / 6)), &[400]),
        case("line ends", text("\n".repeat(BINARY_BYTES / 2)), &[202]),
        case("samples", text(lines(BINARY_BYTES, |at| format!("m{at:x} 1\n"))), &[400]),
        case("series", text(lines(BINARY_BYTES, |at| format!("m{{a=\"{at:x}\"}} 1\n"))), &[400]),
        case(
            "families",
            text(lines(BINARY_BYTES, |at| format!("# TYPE m{at:x} gauge\nm{at:x} 1\n"))),
            &[400],
        ),
        case("types", text(lines(BINARY_BYTES, |at| format!("# TYPE m{at:x} gauge\n"))), &[400]),
        case("empty messages", protobuf(vec![0; BINARY_BYTES]), &[400]),
        case(
            "empty metrics",
            protobuf(family(&[&[0x18, 1][..], &b"\x22\x00".repeat(BINARY_BYTES / 2 - 20)].concat())),
            &[400],
        ),
        case("samples of protobuf", protobuf(protobuf_samples(BINARY_BYTES)), &[400]),
        case(
            "a histogram of spans",
            protobuf(protobuf_histogram(&b"\x62\x00".repeat(BINARY_BYTES / 2 - 40))),
            &[202, 400],
        ),
        case(
            "a span of 4,000,000,000",
            protobuf(protobuf_histogram(b"\x62\x06\x10\xff\xff\xff\xff\x0f")),
            &[400],
        ),
    ]
}

fn bombs() -> Vec<Case> {
    vec![
        case("gzip", gzip(&vec![b'#'; 32 << 20]), &[413]),
        case("gzip at the limit", gzip(&vec![b'\n'; INFLATED_BYTES]), &[202]),
        case(
            "gzip of a value",
            gzip(format!("m{{x=\"{}\"}} 1\n", "v".repeat(INFLATED_BYTES - 20)).as_bytes()),
            &[400],
        ),
        case("gzip of samples", gzip(lines(INFLATED_BYTES, |at| format!("m{at:x} 1\n")).as_bytes()), &[400]),
        case("gzip of one sample", gzip("m 1\n".repeat(INFLATED_BYTES / 4).as_bytes()), &[400]),
        case(
            "gzip of series",
            gzip(lines(INFLATED_BYTES, |at| format!("m{{a=\"{at:x}\"}} 1\n")).as_bytes()),
            &[400],
        ),
        case(
            "a header of gzip before noise",
            encoded("gzip", [&b"\x1f\x8b\x08"[..], &vec![7; BINARY_BYTES]].concat()),
            &[400],
        ),
        case("snappy", snappy(&vec![b'#'; 20 << 20]), &[413]),
        case("gzip of events", gzip_events(INFLATED_BYTES), &[400]),
        case("snappy at the limit", snappy(&vec![b'\n'; INFLATED_BYTES]), &[202]),
    ]
}

fn depths() -> Vec<Case> {
    let events = |body: String| {
        Request::new("POST", "/api/v1/events", NOW_MS).header("content-type", "application/json").body(body)
    };
    let nested = (0..14).fold(Vec::new(), |inner, _| [family(&field(4, &inner)), inner].concat());
    vec![
        case("open brackets", events("[".repeat(TEXT_BYTES - 1)), &[400]),
        case(
            "closed brackets",
            events(format!("{}{}", "[".repeat(2_000_000), "]".repeat(2_000_000))),
            &[400],
        ),
        case("zeros", events(format!("[{}0]", "0,".repeat(TEXT_BYTES / 2 - 2))), &[400]),
        case("open braces", events("{\"a\":".repeat(800_000)), &[400]),
        case("open labels", plain("m{".repeat(TEXT_BYTES / 2)), &[400]),
        case("messages in messages", protobuf(nested), &[202, 400]),
        case("groups in groups", protobuf(family(&b"\x23".repeat(BINARY_BYTES - 20))), &[400]),
    ]
}

/// The most that is read of a body.
fn limits() -> Vec<Case> {
    const SAMPLES: usize = 50_000;
    let all = |line: fn(usize) -> String| (0..SAMPLES).map(line).collect::<String>();
    let value = "v".repeat(30);
    let four_labels =
        |at| format!("m{at:x}{{a=\"{value}\",b=\"{value}\",c=\"{at:020}\",d=\"{value}\"}} {at}.25\n");
    vec![
        case("samples at the limit", text(all(|at| format!("m{at:x} 1\n"))), &[202]),
        case("series at the limit", text(all(|at| format!("m{{a=\"{at:x}\"}} 1\n"))), &[202]),
        case("families at the limit", text(all(|at| format!("# TYPE m{at:x} gauge\nm{at:x} 1\n"))), &[202]),
        case(
            "labels at the limit",
            gzip((0..40_000).map(four_labels).collect::<String>().as_bytes()),
            &[202],
        ),
        case(
            "timestamps at the limit",
            text(all(|at| format!("m 1 {}\n", NOW_MS.unsigned_abs() + at as u64))),
            &[202],
        ),
        case("protobuf at the limit", protobuf(protobuf_samples(1_050_000)), &[202]),
    ]
}

fn write_requests() -> Vec<Case> {
    const LIMIT: usize = 50_000;
    let flood = |message: &[u8]| message.repeat(INFLATED_BYTES / message.len());
    let label =
        |name: &str, value: &str| field(1, &[field(1, name.as_bytes()), field(2, value.as_bytes())].concat());
    let timestamp = NOW_MS.unsigned_abs();
    let sample = |at: usize| {
        let time = varint(usize::try_from(timestamp).expect("64 bits") + at);
        [&b"\x09\0\0\0\0\0\0\xf0\x3f\x10"[..], &time].concat()
    };
    let series = |at: usize| {
        field(1, &[label("__name__", "up"), label("a", &at.to_string()), field(2, &sample(0))].concat())
    };
    let all =
        |count: usize, series: &dyn Fn(usize) -> Vec<u8>| (0..count).flat_map(series).collect::<Vec<u8>>();
    let one_series = |count: usize| {
        let samples = (0..count).flat_map(|at| field(2, &sample(at)));
        field(1, &label("__name__", "up").into_iter().chain(samples).collect::<Vec<_>>())
    };
    let named = |content: Vec<u8>| field(1, &[label("__name__", "up"), content].concat());
    // Symbols 1 and 2 are the name, and all series are the same but for their last label.
    let symbols = [field(4, b""), field(4, b"__name__"), field(4, b"up"), field(4, b"a")].concat();
    let series_2 = |at: usize| {
        let refs = [&[1, 2, 3][..], &varint(4 + at)].concat();
        field(5, &[field(1, &refs), field(2, &sample(0))].concat())
    };
    let version_2 = |count: usize| {
        let values = (0..count).flat_map(|at| field(4, at.to_string().as_bytes()));
        symbols.iter().copied().chain(values).chain((0..count).flat_map(series_2)).collect::<Vec<_>>()
    };
    let huge = Request::new("POST", "/api/v1/write", NOW_MS).body(&b"\xff\xff\xff\xff\x0f\0"[..]);
    vec![
        case("write: a length of 4 GB", huge, &[413]),
        case("write: snappy of zeros", write(1, &vec![0; 32 << 20]), &[413]),
        case("write: zeros at the limit", write(1, &vec![0; INFLATED_BYTES]), &[400]),
        case("write: series at the limit", write(1, &all(LIMIT, &series)), &[204]),
        case("write: series over the limit", write(1, &all(LIMIT + 1, &series)), &[413]),
        case("write: samples at the limit", write(1, &one_series(LIMIT)), &[204]),
        case("write: samples over the limit", write(1, &one_series(LIMIT + 1)), &[413]),
        case("write: empty series", write(1, &flood(b"\x0a\0")), &[204, 400, 413]),
        case("write: empty labels", write(1, &named(flood(b"\x0a\0"))), &[400, 413]),
        case(
            "write: labels",
            write(
                1,
                &all(1, &|_| named((0..200_001).flat_map(|at| label(&format!("a{at}"), "b")).collect())),
            ),
            &[204, 400, 413],
        ),
        case("write: empty exemplars", write(1, &named(flood(b"\x1a\0"))), &[204, 413]),
        case("write: empty histograms", write(1, &named(flood(b"\x22\0"))), &[400, 413]),
        case("write: spans", write(1, &named(field(4, &flood(b"\x5a\0")))), &[204, 400, 413]),
        case(
            "write: a span of 4,000,000,000",
            write(1, &named(field(4, b"\x5a\x06\x10\xff\xff\xff\xff\x0f"))),
            &[400],
        ),
        case("write: deltas", write(1, &named(field(4, &flood(b"\x60\x01")))), &[400, 413]),
        case("write: metadata", write(1, &flood(b"\x1a\x04\x12\x02up")), &[204, 413]),
        case("write: a label value", write(1, &named(label("a", &"v".repeat(4 << 20)))), &[204, 400]),
        case("write 2.0: series at the limit", write(2, &version_2(LIMIT)), &[204]),
        case("write 2.0: empty symbols", write(2, &flood(b"\x22\0")), &[204, 413]),
        case(
            "write 2.0: empty series",
            write(2, &[symbols.clone(), flood(b"\x2a\0")].concat()),
            &[204, 400, 413],
        ),
        case(
            "write 2.0: references",
            write(2, &[symbols.clone(), field(5, &field(1, &flood(b"\x01\x02")))].concat()),
            &[400, 413],
        ),
    ]
}

fn otlp_requests() -> Vec<Case> {
    const PROTOBUF: &str = "application/x-protobuf";
    const JSON: &str = "application/json";
    const LIMIT: usize = 50_000;
    let flood = |message: &[u8]| message.repeat(BINARY_BYTES / message.len());
    let metrics = |metrics: &[u8]| field(1, &field(2, metrics));
    let gauge = |points: &[u8]| metrics(&field(2, &[field(1, b"g"), field(5, points)].concat()));
    let time = (NOW_MS.unsigned_abs() * 1_000_000).to_le_bytes();
    let point = |attributes: &[u8]| {
        field(1, &[&b"\x19"[..], &time, b"\x21\0\0\0\0\0\0\xf0\x3f", attributes].concat())
    };
    let attribute = |at: usize| {
        let value = field(2, &field(1, at.to_string().as_bytes()));
        field(7, &[field(1, b"a"), value].concat())
    };
    let points = |count: usize| (0..count).flat_map(|at| point(&attribute(at))).collect::<Vec<_>>();
    // `AnyValue { array_value: ArrayValue { values: [AnyValue …] } }`
    let nested = (0..100_000).fold(Vec::new(), |inner: Vec<u8>, _| {
        if inner.len() > 200_000 { inner } else { field(5, &field(1, &inner)) }
    });
    let nested = gauge(&point(&field(7, &[field(1, b"a"), field(2, &nested)].concat())));
    let exponential =
        |content: &[u8]| metrics(&field(2, &[field(1, b"e"), field(10, &field(1, content))].concat()));
    let json_points = |count: usize| {
        let point = |at: usize| {
            let attribute = format!(r#"{{"key":"a","value":{{"stringValue":"{at}"}}}}"#);
            format!(r#"{{"attributes":[{attribute}],"timeUnixNano":"{NOW_MS}000000","asDouble":1.5}}"#)
        };
        let points: Vec<_> = (0..count).map(point).collect();
        let gauge = format!(r#"{{"name":"g","gauge":{{"dataPoints":[{}]}}}}"#, points.join(","));
        format!(r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{gauge}]}}]}}]}}"#)
    };
    vec![
        case("OTLP: points at the limit", otlp(PROTOBUF, gauge(&points(LIMIT))), &[200]),
        case("OTLP: points over the limit", otlp(PROTOBUF, gauge(&points(LIMIT + 1))), &[413]),
        case("OTLP: empty points", otlp(PROTOBUF, gauge(&flood(b"\x0a\0"))), &[400, 413]),
        case("OTLP: empty resources", otlp(PROTOBUF, flood(b"\x0a\0")), &[200, 413]),
        case("OTLP: empty metrics", otlp(PROTOBUF, metrics(&flood(b"\x12\0"))), &[200, 400, 413]),
        case("OTLP: empty attributes", otlp(PROTOBUF, gauge(&point(&flood(b"\x3a\0")))), &[200, 400, 413]),
        case("OTLP: empty exemplars", otlp(PROTOBUF, gauge(&point(&flood(b"\x2a\0")))), &[200, 413]),
        case("OTLP: arrays in arrays", otlp(PROTOBUF, nested), &[200, 400]),
        case(
            "OTLP: buckets",
            otlp(
                PROTOBUF,
                exponential(&[&b"\x19"[..], &time, &field(8, &field(2, &flood(b"\x01")))].concat()),
            ),
            &[200, 400, 413],
        ),
        case(
            "OTLP: a large offset",
            otlp(
                PROTOBUF,
                exponential(
                    &[&b"\x19"[..], &time, &field(8, b"\x08\xff\xff\xff\xff\x0f\x12\x01\x01")].concat(),
                ),
            ),
            &[200, 400],
        ),
        case("OTLP: gzip", otlp_gzip(PROTOBUF, &vec![0; 32 << 20]), &[413]),
        case("OTLP: gzip of points", otlp_gzip(PROTOBUF, &gauge(&points(LIMIT))), &[200]),
        case("OTLP JSON: points", otlp(JSON, json_points(35_000)), &[200]),
        // It would be taken for text.
        case("OTLP JSON: gzip", otlp_gzip(JSON, json_points(LIMIT).as_bytes()), &[415]),
        case("OTLP JSON: open brackets", otlp(JSON, "[".repeat(TEXT_BYTES - 1)), &[400]),
        case("OTLP JSON: open braces", otlp(JSON, "{\"a\":".repeat(800_000)), &[400]),
        case(
            "OTLP JSON: unknown keys",
            otlp(JSON, format!("{{{}\"a\":0}}", "\"a\":[{}],".repeat(400_000))),
            &[200, 400],
        ),
        case(
            "OTLP JSON: empty resources",
            otlp(JSON, format!("{{\"resourceMetrics\":[{}{{}}]}}", "{},".repeat(1_000_000))),
            &[200, 413],
        ),
    ]
}

/// The services limit a path to 16 KB or less.
fn tricks() -> Vec<Case> {
    let long = |unit: &str| format!("{PUSH}/{}", unit.repeat(16_000 / unit.len()));
    let mut cases = vec![
        case("slashes", put(&long("/")).body("m 1\n"), &[400]),
        case("dots", put(&long("../")).body("m 1\n"), &[400]),
        case("encoded slashes", put(&long("%2F")).body("m 1\n"), &[400]),
        case("encoded nothing", put(&long("%00/")).body("m 1\n"), &[400]),
        case("percent signs", put(&long("%")).body("m 1\n"), &[400]),
        case("base64", put(&format!("/metrics/job@base64/{}", "YQ".repeat(8_000))).body("m 1\n"), &[202]),
        case("the label of names", put(&format!("{PUSH}/__name__/x")).body("m 1\n"), &[400]),
        case("the label of a replica", put(&format!("{PUSH}/__replica__/x")).body("m 1\n"), &[400]),
    ];
    for path in [
        "/metrics/../-/healthy",
        "/-/healthy/../../metrics/job/a",
        "/-/healthy%2f..%2fmetrics",
        "//",
        "/metrics/job/",
        "/metrics/job//a/b",
        "/metrics//job/a",
        "/METRICS/JOB/A",
    ] {
        cases.push(case(path, put(path).body("m 1\n"), &[400, 404, 405]));
    }
    cases
}

/// Metric families of one gauge each, with a value.
fn protobuf_samples(bytes: usize) -> Vec<u8> {
    let mut body = Vec::with_capacity(bytes);
    for at in 0.. {
        let gauge = field(2, b"\x09\0\0\0\0\0\0\xf0\x3f");
        let family = [field(1, format!("m{at:x}").as_bytes()), vec![0x18, 1], field(4, &gauge)].concat();
        if body.len() + family.len() + 2 > bytes {
            break;
        }
        body.extend(varint(family.len()));
        body.extend(family);
    }
    body
}

fn protobuf_histogram(content: &[u8]) -> Vec<u8> {
    family(&[&[0x18, 4][..], &field(4, &field(7, content))].concat())
}

/// The status of the answer to a request that comes through a function URL. The process must survive it.
async fn status(stage: &mut Stage, case: &Case) -> (u64, Invocation) {
    let payload = Kind::FunctionUrl.event(&case.request).to_string();
    assert!(payload.len() <= MAX_PAYLOAD_BYTES, "{}: {} bytes", case.name, payload.len());
    let invocation = stage.invoke(payload).await;
    let answer = invocation.json().unwrap_or_else(|| panic!("{}: {:?}", case.name, invocation.outcome));
    let body = answer["body"].as_str().map_or(0, str::len);
    let logged: usize = invocation.logs.iter().map(String::len).sum();
    assert!(body < 5_000 && logged < 20_000, "{}: {body} bytes, {logged} bytes of logs", case.name);
    (answer["statusCode"].as_u64().unwrap_or_else(|| panic!("{}: {answer}", case.name)), invocation)
}

async fn start(receiver: &str, auth: &str) -> Stage {
    Setup::new().timeout_s(20).url(receiver).env("HTTP_AUTH", auth).start().await
}

/// Sends all requests to one process, and returns its peak of memory in kB.
async fn answer_all(stage: &mut Stage, expected: impl Fn(&Case) -> Vec<u64>) -> u64 {
    let mut peak = 0;
    let cases = [limits, floods, bombs, depths, tricks, write_requests, otlp_requests];
    for case in cases.into_iter().flat_map(|cases| cases()) {
        let (status, invocation) = status(stage, &case).await;
        let answer = || String::from_utf8_lossy(invocation.response().expect("an answer")).into_owned();
        assert!(expected(&case).contains(&status), "{}: {}", case.name, answer());
        let rss_kb = invocation.max_rss_kb.expect("it is alive");
        println!("{status} {:>6} kB {:>5} ms {}", rss_kb - peak, invocation.duration.as_millis(), case.name);
        peak = rss_kb;
    }
    assert!(peak < MEMORY_LIMIT_KB, "{peak} kB");
    peak
}

#[tokio::test]
async fn hostile_requests_are_answered_in_little_memory() {
    let (_receiver, url) = receiver(204).await;
    let mut stage = start(&url, "none").await;
    println!("{} kB", answer_all(&mut stage, |case| case.statuses.to_vec()).await);
    assert_eq!(status(&mut stage, &case("after", text("m 1\n"), &[])).await.0, 202);
}

#[tokio::test]
async fn hostile_requests_of_strangers_are_not_read() {
    let (receiver, url) = receiver(204).await;
    let mut stage = start(&url, "iam").await;
    println!("{} kB", answer_all(&mut stage, |_| vec![401]).await);
    let health = case("health", Request::new("GET", "/-/healthy", NOW_MS), &[]);
    assert_eq!(status(&mut stage, &health).await.0, 200);
    assert_eq!(receiver.requests().len(), 0);
}
