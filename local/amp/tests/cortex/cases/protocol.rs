//! Bodies, headers, sizes.

use http::Method;
use local_amp::proto::WriteRequest;
use prost::Message as _;

use crate::case::{Case, case};
use crate::request::{Request, Times};

pub(super) fn cases(t: Times) -> Vec<Case> {
    [bodies(t), headers(t), sizes(t)].into_iter().flatten().collect()
}

fn message(t: Times) -> Vec<u8> {
    WriteRequest { timeseries: vec![t.m(&[(0, 1.0)])], ..WriteRequest::default() }.encode_to_vec()
}

fn good(t: Times) -> Request {
    Request::of_bytes(&message(t))
}

fn bodies(t: Times) -> Vec<Case> {
    let corrupt = "snappy: corrupt input";
    let mut framed = snap::write::FrameEncoder::new(Vec::new());
    std::io::Write::write_all(&mut framed, &message(t)).expect("memory takes everything");
    let framed = framed.into_inner().expect("memory takes everything");
    let cut = |bytes: Vec<u8>| bytes[..bytes.len() - 3].to_vec();
    let unknown_field = [message(t), vec![15 << 3, 7]].concat();
    vec![
        case("empty request (snappy of nothing)").send(Request::of_bytes(&[])),
        case("empty body").send(Request::of_body(Vec::new())).refuses(corrupt),
        case("broken snappy (garbage)").send(Request::of_body(vec![0xff; 100])).refuses(corrupt),
        case("broken snappy (cut)").send(Request::of_body(cut(good(t).body))).refuses(corrupt),
        case("snappy framed format").send(Request::of_body(framed)).refuses(corrupt),
        case("not compressed at all").send(Request::of_body(message(t))).refuses(corrupt),
        case("broken protobuf (cut)").send(Request::of_bytes(&cut(message(t)))).refuses("unexpected EOF"),
        case("broken protobuf (garbage)")
            .send(Request::of_bytes(&[1 << 3 | 7, 1, 2, 3]))
            .refuses("proto: wrong wireType = 7 for field Timeseries")
            .but_the_stand_in(400, "proto: ", "The text has details of the decoder"),
        case("unknown protobuf field + good").send(Request::of_bytes(&unknown_field)).stores("m +0s=1"),
        case("RW 2.0 body, 1.0 headers").send(Request::of_bytes(&version_2(t))),
    ]
}

/// A message of remote write 2.0: symbols in field 4, series in field 5.
fn version_2(t: Times) -> Vec<u8> {
    let field = |number: u8, bytes: &[u8]| {
        let length = u8::try_from(bytes.len()).expect("a short field");
        [&[number << 3 | 2, length], bytes].concat()
    };
    let mut sample = vec![1 << 3 | 1];
    sample.extend(1.0_f64.to_le_bytes());
    sample.push(2 << 3);
    prost::encoding::encode_varint(t.now_ms.cast_unsigned(), &mut sample);
    let series = [field(1, &[1, 2]), field(2, &sample)].concat();
    [field(4, b""), field(4, b"__name__"), field(4, b"m"), field(5, &series)].concat()
}

fn headers(t: Times) -> Vec<Case> {
    let with = |name, header, value| case(name).send(good(t).with(header, value));
    let without = |name, header| case(name).send(good(t).without(header)).stores("m +0s=1");
    let content_type = "content-type";
    vec![
        case("RW 2.0 content type, 2.0 body")
            .send(Request::of_bytes(&version_2(t)).with(
                content_type,
                "application/x-protobuf;proto=io.prometheus.write.v2.Request",
            ))
            .answers(
                415,
                "io.prometheus.write.v2.Request protobuf message is not accepted by this server; only accepts \
                 prometheus.WriteRequest",
            ),
        with(
            "content type ;proto=prometheus.WriteRequest",
            content_type,
            "application/x-protobuf;proto=prometheus.WriteRequest",
        )
        .stores("m +0s=1"),
        with("content type text/plain", content_type, "text/plain")
            .answers(415, "expected application/x-protobuf as the first (media) part, got text/plain content-type"),
        without("content type missing", content_type),
        with("content type ;proto=foo", content_type, "application/x-protobuf;proto=foo").answers(
            415,
            "got application/x-protobuf;proto=foo content type; unknown type for remote write protobuf message foo, support",
        ),
        without("content encoding missing", "content-encoding"),
        with("content encoding gzip", "content-encoding", "gzip")
            .answers(415, "gzip encoding (compression) is not accepted by this server; only snappy is acceptable"),
        without("version header missing", "x-prometheus-remote-write-version"),
        with("version header 9", "x-prometheus-remote-write-version", "9").stores("m +0s=1"),
        without("user agent missing", "user-agent"),
        case("GET")
            .send(Request { method: Method::GET, body: Vec::new(), ..good(t) })
            .answers(405, "")
            .but_the_stand_in(405, "Method Not Allowed", "AWS answers before Cortex does"),
    ]
}

fn sizes(t: Times) -> Vec<Case> {
    let many: Vec<_> = (0..20_000).map(|n| t.with("long_and_the_same", &format!("{n:040}"))).collect();
    vec![
        case("decoded 1.2 MB, compressed small")
            .send(Request::of_series(many))
            .refuses("received message larger than max ("),
        case("compressed > 1 MB")
            .send(Request::of_body(vec![0; 1_000_001]))
            .refuses("received message larger than max (1000001 vs 1000000)")
            .but_the_stand_in(413, "Request Entity Too Large", "AWS answers before Cortex does"),
    ]
}
