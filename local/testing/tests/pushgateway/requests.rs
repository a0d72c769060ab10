//! Four hundred requests, good and bad: a table, and variations of it from a fixed seed.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};

use crate::protobuf::{Family, delimited};

/// How many requests there are.
pub(crate) const COUNT: usize = 400;

const SEED: u64 = 16;

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Lambda passes a body of this type on unharmed.
const OCTETS: &str = "application/octet-stream";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PROTOBUF: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

/// A request to a Pushgateway.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// What is special about it, unique.
    pub(crate) case: String,
    pub(crate) method: String,
    /// The path as it is sent, undecoded.
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether the gateway still has the groups of the request before.
    pub(crate) continues: bool,
}

impl Request {
    pub(crate) fn new(case: impl Into<String>, method: impl Into<String>, target: impl Into<String>) -> Self {
        Self {
            case: case.into(),
            method: method.into(),
            target: target.into(),
            headers: Vec::new(),
            body: Vec::new(),
            continues: false,
        }
    }

    /// The gateway keeps the groups of the request before.
    pub(crate) fn continuing(mut self) -> Self {
        self.continues = true;
        self
    }

    fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }
}

/// All requests, in the order in which they are sent.
pub(crate) fn all() -> Vec<Request> {
    let mut requests =
        [paths(), other_routes(), texts(), types(), protobufs(), encodings(), sequences()].concat();
    let missing = COUNT.checked_sub(requests.len()).expect("the table is shorter");
    requests.extend(variations(missing));
    requests
}

/// Paths below `/metrics`, pushed to with a valid body.
const PATHS: &[&str] = &[
    "/metrics/job/a",
    "/metrics/job/a/",
    "/metrics/job/",
    "/metrics/job",
    "/metrics/",
    "/metrics",
    "/metrics/jobs/a",
    "/metrics/Job/a",
    "/metrics/job/a/b",
    "/metrics/job/a/b/",
    "/metrics/job/a/b/c",
    "/metrics/job/a/b/c/",
    "/metrics/job/a/b/c/d",
    "/metrics/job/a//c",
    "/metrics/job/a/b//",
    "/metrics//job/a",
    "//metrics/job/a",
    "/metrics/job//b/c",
    "/metrics/job/%2F",
    "/metrics/job/a%2Fb",
    "/metrics/job/a/path/x%2Fy",
    "/metrics/job/a/path/%2Fvar%2Ftmp",
    "/metrics/job/a/path%2Fx/y",
    "/metrics%2Fjob/a",
    "/metrics/job/a/b/../c",
    "/metrics/job/a/b/%2E%2E",
    "/metrics/job/a/b/.",
    "/metrics/job/.",
    "/metrics/job/a/instance/x",
    "/metrics/job/a/instance/",
    "/metrics/job/a/job/b",
    "/metrics/job/a/x/1/x/2",
    "/metrics/job/a/__name__/x",
    "/metrics/job/a/__x/y",
    "/metrics/job/a/1x/y",
    "/metrics/job/a/x-y/z",
    "/metrics/job/a/x.y/z",
    "/metrics/job/a/x%20y/z",
    "/metrics/job/a/%C3%A4/z",
    "/metrics/job/a/_/z",
    "/metrics/job/a/x:y/z",
    "/metrics/job/a/le/1",
    "/metrics/job/a/quantile/0.5",
    "/metrics/job/a/U__x_2e_y/z",
    "/metrics/job/a/city/Z%C3%BCrich+1%2B1",
    "/metrics/job/a/city/Z%C3%BCrich%201+1",
    "/metrics/job/a/x/%00",
    "/metrics/job/a/x/%FF",
    "/metrics/job/a/x/%zz",
    "/metrics/job/a/x/%",
    "/metrics/job/a/x/%4",
    "/metrics/job/a/x/y;z",
    "/metrics/job/a/x/y,z",
    "/metrics/job/a/x/%22y%5C",
    "/metrics/job/a/x/%0A",
    "/metrics/job/a?x=y",
    "/metrics/job/a?x=/y/z",
    "/metrics/job/%3F/x/%23",
    "/metrics/job@base64/YQ",
    "/metrics/job@base64/YQ==",
    "/metrics/job@base64/YQ=",
    "/metrics/job@base64/Y",
    "/metrics/job@base64/=",
    "/metrics/job@base64/==",
    "/metrics/job@base64/",
    "/metrics/job@base64",
    "/metrics/job@base64/YS9i",
    "/metrics/job@base64/YS9i/x@base64/L3Zhci90bXA=",
    "/metrics/job@base64/YQ%3D%3D",
    "/metrics/job@base64/-_8=",
    "/metrics/job@base64/+_8=",
    "/metrics/job@base64/w7w=",
    "/metrics/job@base64/_w",
    "/metrics/job@base64/!!!",
    "/metrics/job@base64/YQ Q",
    "/metrics/job@base64/YR",
    "/metrics/job@BASE64/YQ",
    "/metrics/job@base32/ME",
    "/metrics/job@base64@base64/YQ",
    "/metrics/job/a/x@base64/=",
    "/metrics/job/a/x@base64/",
    "/metrics/job/a/x@base64/WsO8cmljaCAxKzE=",
    "/metrics/job/a/x@base64/_w",
    "/metrics/job/a/x@base64/!",
    "/metrics/job/a/@base64/YQ",
    "/metrics/job/a/__x@base64/YQ",
    "/metrics/job/a/job@base64/=",
    "/metrics/job/a/instance@base64/=",
    "/metrics/job/a/x@base64/YQ/x/b",
];

fn paths() -> Vec<Request> {
    let mut requests: Vec<_> = PATHS
        .iter()
        // A blank would end the target.
        .map(|path| path.replace(' ', "%20"))
        .map(|path| Request::new(format!("path {path}"), "PUT", path).body("m 1\n"))
        .collect();
    let long = "x".repeat(2_000);
    let many = (0..40).map(|at| format!("/l{at}/v")).collect::<Vec<_>>().concat();
    requests.extend([
        Request::new("path with a long value", "PUT", format!("/metrics/job/a/x/{long}")).body("m 1\n"),
        Request::new("path with a long name", "PUT", format!("/metrics/job/a/{long}/x")).body("m 1\n"),
        Request::new("path with 40 labels", "PUT", format!("/metrics/job/a{many}")).body("m 1\n"),
    ]);
    for path in [
        "/metrics/job/a",
        "/metrics/job/",
        "/metrics/job/a/b",
        "/metrics/job/a/__x/y",
        "/metrics/job@base64/!",
    ] {
        requests.push(Request::new(format!("DELETE {path}"), "DELETE", path));
        requests.push(Request::new(format!("POST {path}"), "POST", path).body("m 1\n"));
    }
    requests
}

fn other_routes() -> Vec<Request> {
    let request = |method, target: &str| Request::new(format!("{method} {target}"), method, target);
    let mut requests: Vec<_> = ["GET", "HEAD", "OPTIONS", "PATCH", "PROPFIND"]
        .map(|method| request(method, "/metrics/job/a"))
        .into();
    requests.extend(
        [
            ("GET", "/metrics"),
            ("HEAD", "/metrics"),
            ("DELETE", "/metrics"),
            ("POST", "/metrics"),
            ("GET", "/-/healthy"),
            ("HEAD", "/-/healthy"),
            ("POST", "/-/healthy"),
            ("GET", "/-/ready"),
            ("PUT", "/-/ready"),
            ("GET", "/-/ready/"),
            ("GET", "/-/"),
            ("GET", "/-/quit"),
            ("PUT", "/-/quit"),
            ("GET", "/api/v1/status"),
            ("POST", "/api/v1/status"),
            ("GET", "/api/v1/metrics"),
            ("DELETE", "/api/v1/metrics"),
            ("GET", "/api/v1/"),
            ("GET", "/api/v1/unknown"),
            ("GET", "/unknown"),
            ("PUT", "/unknown/job/a"),
            ("GET", "/metrics/job"),
        ]
        .map(|(method, target)| request(method, target)),
    );
    requests
}

/// Bodies in the text format.
const TEXTS: &[(&str, &str)] = &[
    ("nothing", ""),
    ("a newline", "\n"),
    ("blanks", "  \t \n"),
    ("a comment", "# only a comment\n"),
    ("an empty comment", "#\n"),
    ("untyped", "m 1\n"),
    ("no final newline", "m 1"),
    ("a comment without a newline", "m 1\n# end"),
    ("CRLF", "m 1\r\n"),
    ("blanks around", "  m  \t 1 \t \n"),
    ("blanks in labels", "m { a = \"b\" , c = \"d\" , } 1\n"),
    ("a trailing comma", "m{a=\"b\",} 1\n"),
    ("a leading comma", "m{,a=\"b\"} 1\n"),
    ("two commas", "m{a=\"b\",,c=\"d\"} 1\n"),
    ("empty braces", "m{} 1\n"),
    ("no braces end", "m{a=\"b\" 1\n"),
    ("no name", "{a=\"b\"} 1\n"),
    ("only a name", "m\n"),
    ("name and labels only", "m{a=\"b\"}\n"),
    ("a digit first", "1m 1\n"),
    ("a hyphen in the name", "m-x 1\n"),
    ("a dot in the name", "m.x 1\n"),
    ("a colon in the name", "a:b:c 1\n"),
    ("a UTF-8 name", "{\"m.ä\",a=\"b\"} 1\n"),
    ("a UTF-8 label", "m{\"ä.b\"=\"c\"} 1\n"),
    ("a UTF-8 value", "m{a=\"grün 漢字 🦀\"} 1\n"),
    ("escapes", "m{a=\"\\\\ \\\" \\n\"} 1\n"),
    ("an unknown escape", "m{a=\"\\t\"} 1\n"),
    ("a newline in a value", "m{a=\"b\nc\"} 1\n"),
    ("an open value", "m{a=\"b\n"),
    ("no quotes", "m{a=b} 1\n"),
    ("single quotes", "m{a='b'} 1\n"),
    ("no equals sign", "m{a\"b\"} 1\n"),
    ("a label without a value", "m{a=} 1\n"),
    ("an empty label value", "m{a=\"\"} 1\n"),
    ("a label twice", "m{a=\"1\",a=\"2\"} 1\n"),
    ("a label of digits", "m{1=\"b\"} 1\n"),
    ("a colon in a label", "m{a:b=\"c\"} 1\n"),
    ("__name__ as label", "m{__name__=\"x\"} 1\n"),
    ("a reserved label", "m{__x=\"y\"} 1\n"),
    ("job in the body", "m{job=\"other\",instance=\"i\"} 1\n"),
    ("special values", "a NaN\nb +Inf\nc -Inf\nd Inf\ne inf\nf nan\ng infinity\n"),
    ("forms of numbers", "a 1e3\nb .5\nc 5.\nd -0\ne +1\nf 0x10\ng 1E-400\nh 0x1p-2\n"),
    ("underscores in a number", "m 1_000\n"),
    ("a number out of range", "m 1e400\n"),
    ("a binary number", "m 0b1\n"),
    ("a word as value", "m one\n"),
    ("a comma in the value", "m 1,5\n"),
    ("two values", "m 1 2 3\n"),
    ("a timestamp", "m 1 1700000000000\n"),
    ("a timestamp of zero", "m 1 0\n"),
    ("a negative timestamp", "m 1 -1\n"),
    ("a fraction as timestamp", "m 1 1700000000.5\n"),
    ("a word as timestamp", "m 1 now\n"),
    ("a timestamp out of range", "m 1 9223372036854775808\n"),
    ("a series twice", "m 1\nm 2\n"),
    ("a series twice with labels", "m{a=\"1\",b=\"2\"} 1\nm{b=\"2\",a=\"1\"} 1\n"),
    ("a series twice after the job", "m{job=\"x\"} 1\nm{job=\"y\"} 2\n"),
    ("a family in two parts", "m{a=\"1\"} 1\nn 1\nm{a=\"2\"} 2\n"),
    ("counter", "# HELP m Help.\n# TYPE m counter\nm 1\n"),
    ("gauge", "# TYPE m gauge\nm 1\n"),
    ("type untyped", "# TYPE m untyped\nm 1\n"),
    ("type unknown", "# TYPE m unknown\nm 1\n"),
    ("type info", "# TYPE m info\nm 1\n"),
    ("type in capitals", "# TYPE m Counter\nm 1\n"),
    ("type missing", "# TYPE m\nm 1\n"),
    ("type twice", "# TYPE m gauge\n# TYPE m counter\nm 1\n"),
    ("type after samples", "m 1\n# TYPE m gauge\n"),
    ("type with more words", "# TYPE m gauge x\nm 1\n"),
    ("type without samples", "# TYPE m gauge\n"),
    ("help twice", "# HELP m a\n# HELP m b\nm 1\n"),
    ("help after samples", "m 1\n# HELP m a\n"),
    ("help without text", "# HELP m\nm 1\n"),
    ("help with escapes", "# HELP m a \\\\ \\n \\x \"q\"\nm 1\n"),
    ("help of an invalid name", "# HELP 1m a\nm 1\n"),
    ("a unit", "# TYPE m_seconds gauge\n# UNIT m_seconds seconds\nm_seconds 1\n"),
    ("EOF", "m 1\n# EOF\n"),
    ("lines after EOF", "m 1\n# EOF\nn 2\n"),
    ("an exemplar", "# TYPE m_total counter\nm_total 1 # {trace_id=\"x\"} 1\n"),
    ("histogram", "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n"),
    ("histogram without +Inf", "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_sum 3\nh_count 2\n"),
    ("histogram of buckets only", "# TYPE h histogram\nh_bucket{le=\"1\"} 1\n"),
    ("histogram without le", "# TYPE h histogram\nh_bucket 1\nh_sum 3\nh_count 2\n"),
    ("histogram with a word as le", "# TYPE h histogram\nh_bucket{le=\"x\"} 1\nh_sum 3\nh_count 2\n"),
    ("histogram with a plain sample", "# TYPE h histogram\nh 1\n"),
    ("histogram with a bucket twice", "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"1.0\"} 1\n"),
    ("histogram with descending buckets", "# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"2\"} 1\n"),
    ("histogram with a negative count", "# TYPE h histogram\nh_bucket{le=\"1\"} -1\nh_sum 1\nh_count -1\n"),
    (
        "histogram with a fractional count",
        "# TYPE h histogram\nh_bucket{le=\"1\"} 1.5\nh_sum 1\nh_count 1.5\n",
    ),
    (
        "histogram and a family of its count",
        "# TYPE h histogram\nh_count 1\n# TYPE h_count counter\nh_count 2\n",
    ),
    ("gauge histogram", "# TYPE g gaugehistogram\ng_bucket{le=\"+Inf\"} 1\ng_gsum 1\ng_gcount 1\n"),
    ("summary", "# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 2\ns_count 3\n"),
    ("summary without quantile", "# TYPE s summary\ns 1\n"),
    ("summary with a word as quantile", "# TYPE s summary\ns{quantile=\"x\"} 1\n"),
    ("summary with a quantile twice", "# TYPE s summary\ns{quantile=\"0.5\"} 1\ns{quantile=\"0.5\"} 2\n"),
    ("le of a gauge", "# TYPE m gauge\nm{le=\"1\"} 1\n"),
    ("push_time_seconds", "push_time_seconds 1\n"),
    ("a byte order mark", "\u{feff}m 1\n"),
    ("a NUL", "m{a=\"\0\"} 1\n"),
    ("JSON", "{\"metrics\":{\"m\":1}}\n"),
    ("HTML", "<html></html>\n"),
];

/// Bodies that are not UTF-8.
const BYTES: &[(&str, &[u8])] = &[
    ("Latin-1 in a value", b"m{a=\"\xfc\"} 1\n"),
    ("Latin-1 in a help", b"# HELP m \xfc\nm 1\n"),
    ("Latin-1 in a name", b"m\xfc 1\n"),
    ("random bytes", b"\x93\x01\xfe\x7f\x00\x10"),
];

fn texts() -> Vec<Request> {
    let texts = TEXTS.iter().map(|(case, body)| (*case, body.as_bytes()));
    texts
        .chain(BYTES.iter().copied())
        .map(|(case, body)| {
            Request::new(format!("text: {case}"), "POST", "/metrics/job/a")
                .header("Content-Type", TEXT)
                .body(body)
        })
        .collect()
}

fn types() -> Vec<Request> {
    let push = |case: &str, content_type: &str, body: &[u8]| {
        Request::new(format!("type: {case}"), "POST", "/metrics/job/a")
            .header("Content-Type", content_type)
            .body(body)
    };
    let counter = "# TYPE m counter\n# HELP m Help.\nm_total 1\n# EOF\n".as_bytes();
    vec![
        push("the form of curl", "application/x-www-form-urlencoded", b"m 1\n"),
        push("JSON", "application/json", b"m 1\n"),
        push("empty", "", b"m 1\n"),
        push("not a type", ";;;", b"m 1\n"),
        push("octets", "application/octet-stream", b"m 1\n"),
        push("text of another version", "text/plain; version=1.0.0", b"m 1\n"),
        push("OpenMetrics, gauge", OPEN_METRICS, b"# TYPE m gauge\nm 1\n# EOF\n"),
        push("OpenMetrics, counter", OPEN_METRICS, counter),
        push("OpenMetrics, no EOF", OPEN_METRICS, b"# TYPE m gauge\nm 1\n"),
        push("OpenMetrics, timestamp in seconds", OPEN_METRICS, b"m 1 1700000000.123\n# EOF\n"),
        push("OpenMetrics, exemplar", OPEN_METRICS, b"# TYPE m counter\nm_total 1 # {a=\"b\"} 1\n# EOF\n"),
        push("protobuf, but text", PROTOBUF, b"m 1\n"),
        push(
            "protobuf of another message",
            "application/vnd.google.protobuf; proto=x; encoding=delimited",
            b"m 1\n",
        ),
        push(
            "protobuf in text encoding",
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=text",
            b"m 1\n",
        ),
        push(
            "protobuf without encoding",
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily",
            &delimited(&[Family::gauge("m", 1.0)]),
        ),
        push("x-protobuf", "application/x-protobuf", &delimited(&[Family::gauge("m", 1.0)])),
    ]
}

fn protobufs() -> Vec<Request> {
    let push = |case: &str, body: Vec<u8>| {
        Request::new(format!("protobuf: {case}"), "PUT", "/metrics/job/a")
            .header("Content-Type", PROTOBUF)
            .body(body)
    };
    let gauge = || Family::gauge("m", 1.0);
    let cut = {
        let mut body = delimited(&[gauge()]);
        body.truncate(body.len() - 3);
        body
    };
    vec![
        push("nothing", Vec::new()),
        push("gauge", delimited(&[gauge()])),
        push("counter", delimited(&[Family::counter("m", 1.0)])),
        push("histogram", delimited(&[Family::histogram("h")])),
        push("native histogram", delimited(&[Family::native_histogram("h")])),
        push("summary", delimited(&[Family::summary("s")])),
        push("two families", delimited(&[gauge(), Family::gauge("n", 2.0)])),
        push("a family twice", delimited(&[gauge(), gauge()])),
        push("labels", delimited(&[gauge().label("a", "b").label("c", "grün")])),
        push("a label twice", delimited(&[gauge().label("a", "b").label("a", "c")])),
        push("an invalid label name", delimited(&[gauge().label("a-b", "c")])),
        push("a reserved label name", delimited(&[gauge().label("__a", "c")])),
        push("job and instance", delimited(&[gauge().label("job", "x").label("instance", "y")])),
        push("an invalid name", delimited(&[Family::gauge("m-x", 1.0)])),
        push("an empty name", delimited(&[Family::gauge("", 1.0)])),
        push("a timestamp", delimited(&[gauge().timestamp(1_700_000_000_000)])),
        push("a gauge of type counter", delimited(&[gauge().of_type(0)])),
        push("an unknown type", delimited(&[gauge().of_type(9)])),
        push("no metrics", delimited(&[gauge().without_metrics()])),
        push("no value", delimited(&[gauge().without_value()])),
        push("Latin-1 as a label", delimited(&[gauge().label_bytes("a", b"\xfc")])),
        push("cut off", cut),
        push("a length too long", vec![100, 10, 1]),
        push("an endless length", vec![0xff; 12]),
        push("an invalid tag", vec![2, 0, 0]),
    ]
}

fn encodings() -> Vec<Request> {
    let push = |case: &str, encoding: &str, body: Vec<u8>| {
        Request::new(format!("encoding: {case}"), "POST", "/metrics/job/a")
            .header("Content-Type", OCTETS)
            .header("Content-Encoding", encoding)
            .body(body)
    };
    let cut = |mut body: Vec<u8>| {
        body.truncate(body.len() - 5);
        body
    };
    vec![
        push("gzip", "gzip", gzip(b"m 1\n")),
        push("GZIP", "GZIP", gzip(b"m 1\n")),
        push("x-gzip", "x-gzip", gzip(b"m 1\n")),
        push("two members of gzip", "gzip", [gzip(b"m 1\n"), gzip(b"n 1\n")].concat()),
        push("gzip of nothing", "gzip", gzip(b"")),
        push("gzip of bad text", "gzip", gzip(b"m\n")),
        push("gzip cut off", "gzip", cut(gzip(b"m 1\n"))),
        push("gzip, but plain", "gzip", b"m 1\n".to_vec()),
        push("gzip, but empty", "gzip", Vec::new()),
        push("gzip without its header", "identity", gzip(b"m 1\n")),
        push("framed snappy", "snappy", snappy(b"m 1\n")),
        push("snappy cut off", "snappy", cut(snappy(b"m 1\n"))),
        push("snappy, but plain", "snappy", b"m 1\n".to_vec()),
        push("identity", "identity", b"m 1\n".to_vec()),
        push("deflate, but plain", "deflate", b"m 1\n".to_vec()),
        push("an unknown one", "rot13", b"m 1\n".to_vec()),
        push("an empty one", "", b"m 1\n".to_vec()),
    ]
}

/// Requests that depend on the one before.
fn sequences() -> Vec<Request> {
    let push = |case: &str, method, target: &str, body: &str, continues| Request {
        continues,
        ..Request::new(format!("sequence: {case}"), method, target).body(body)
    };
    vec![
        push("a counter", "POST", "/metrics/job/a", "# TYPE m counter\nm 1\n", false),
        push(
            "a gauge of that name in another group",
            "POST",
            "/metrics/job/b",
            "# TYPE m gauge\nm 1\n",
            true,
        ),
        push("one help", "POST", "/metrics/job/a", "# HELP m a\nm 1\n", false),
        push("another help in another group", "POST", "/metrics/job/b", "# HELP m b\nm 1\n", true),
        push("a gauge instead in the same group", "PUT", "/metrics/job/a", "# TYPE m gauge\nm 1\n", true),
        push("delete what was pushed", "DELETE", "/metrics/job/a", "", true),
    ]
}

/// A path, a body and headers of the tables, combined at random, with random base64 forms.
fn variations(count: usize) -> Vec<Request> {
    let mut random = fastrand::Rng::with_seed(SEED);
    let bodies: Vec<(&str, &[u8])> =
        TEXTS.iter().map(|(case, body)| (*case, body.as_bytes())).chain(BYTES.iter().copied()).collect();
    (0..count)
        .map(|number| {
            let target = if random.bool() {
                PATHS[random.usize(..PATHS.len())].replace(' ', "%20")
            } else {
                format!("/metrics/{}/{}", random_label(&mut random, "job"), random_label(&mut random, "x"))
            };
            let method = random.choice(["PUT", "POST", "DELETE"]).expect("a method");
            let (_, body) = bodies[random.usize(..bodies.len())];
            let request = Request::new(format!("variation {number}"), method, target);
            if method == "DELETE" {
                return request;
            }
            match random.usize(..4) {
                0 => {
                    request.header("Content-Type", OCTETS).header("Content-Encoding", "gzip").body(gzip(body))
                }
                1 => request
                    .header("Content-Type", OCTETS)
                    .header("Content-Encoding", "snappy")
                    .body(snappy(body)),
                2 => request.header("Content-Type", OCTETS).body(body),
                _ => request.header("Content-Type", TEXT).body(body),
            }
        })
        .collect()
}

/// `name@base64/<value>` of a random value, in one of the forms that clients send.
fn random_label(random: &mut fastrand::Rng, name: &str) -> String {
    let value: String =
        (0..random.usize(..6)).map(|_| random.choice(['a', '/', ' ', '+', 'ü', '%']).expect("one")).collect();
    let value = match random.usize(..4) {
        0 => STANDARD.encode(&value),
        1 => URL_SAFE.encode(&value),
        2 => URL_SAFE_NO_PAD.encode(&value),
        _ => format!("{}=", URL_SAFE_NO_PAD.encode(&value)),
    };
    format!("{name}@base64/{value}")
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(body).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

fn snappy(body: &[u8]) -> Vec<u8> {
    let mut encoder = snap::write::FrameEncoder::new(Vec::new());
    encoder.write_all(body).expect("memory takes it");
    encoder.into_inner().expect("memory takes it")
}
