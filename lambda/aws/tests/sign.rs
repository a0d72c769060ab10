//! Signing against the vectors that AWS publishes. Each intermediate form is computed here by the published algorithm,
//! without the signer, so a failure shows the wrong step.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use aws::Scope;
use aws::sign::sign;
use aws_credential_types::Credentials;
use bytes::Bytes;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

const ACCESS_KEY: &str = "AKIDEXAMPLE";
const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/// 2015-08-30T12:36:00Z
const TIME: Duration = Duration::from_mins(24_015_636);
const DATE: &str = "20150830T123600Z";

fn credentials(token: Option<String>) -> Credentials {
    Credentials::new(ACCESS_KEY, SECRET_KEY, token, None, "test")
}

fn parse_request(text: &str) -> http::Request<Bytes> {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let mut start = lines.next().unwrap().split(' ');
    let (method, path) = (start.next().unwrap(), start.next().unwrap());
    let mut request =
        http::Request::builder().method(method).uri(format!("https://example.amazonaws.com{path}"));
    for line in lines {
        let (name, value) = line.split_once(':').unwrap();
        request = request.header(name, value);
    }
    request.body(Bytes::copy_from_slice(body.as_bytes())).unwrap()
}

/// The signed headers and the signature in `Authorization`.
fn authorization(request: &http::Request<Bytes>) -> (Vec<String>, String) {
    let value = request.headers()["authorization"].to_str().unwrap();
    let field = |name: &str| {
        let start = value.find(name).unwrap() + name.len();
        value[start..].split(", ").next().unwrap().to_owned()
    };
    (field("SignedHeaders=").split(';').map(str::to_owned).collect(), field("Signature="))
}

/// "Create a canonical request", steps 1 to 6.
fn canonical_request(request: &http::Request<Bytes>, signed_headers: &[String]) -> String {
    let encode = |text: &str| {
        text.bytes().fold(String::new(), |mut out, b| {
            match b {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    out.push(char::from(b));
                }
                _ => write!(out, "%{b:02X}").unwrap(),
            }
            out
        })
    };
    let path = request.uri().path().split('/').map(encode).collect::<Vec<_>>().join("/");
    let mut query: Vec<String> = request
        .uri()
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| if pair.contains('=') { pair.to_owned() } else { format!("{pair}=") })
        .collect();
    // By name, then by value: `Param` comes before `Param-3`, although `=` sorts after `-`.
    query.sort_by_key(|pair| pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())));
    let mut headers = String::new();
    for name in signed_headers {
        let values: Vec<_> = if name == "host" && !request.headers().contains_key("host") {
            vec![request.uri().host().unwrap().to_owned()]
        } else {
            let collapse = |value: &http::HeaderValue| {
                value.to_str().unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
            };
            request.headers().get_all(name).iter().map(collapse).collect()
        };
        writeln!(headers, "{name}:{}", values.join(",")).unwrap();
    }
    let hash = hex::encode(Sha256::digest(request.body()));
    let (method, query, names) = (request.method(), query.join("&"), signed_headers.join(";"));
    format!("{method}\n{path}\n{query}\n{headers}\n{names}\n{hash}")
}

fn string_to_sign(canonical_request: &str, scope: &Scope) -> String {
    let hash = hex::encode(Sha256::digest(canonical_request));
    format!("AWS4-HMAC-SHA256\n{DATE}\n20150830/{}/{}/aws4_request\n{hash}", scope.region, scope.service)
}

fn signature(string_to_sign: &str, scope: &Scope) -> String {
    let hmac = |key: &[u8], text: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().to_vec()
    };
    let date = hmac(format!("AWS4{SECRET_KEY}").as_bytes(), "20150830");
    let key = hmac(&hmac(&hmac(&date, &scope.region), scope.service), "aws4_request");
    hex::encode(hmac(&key, string_to_sign))
}

#[test]
fn every_published_vector_agrees_in_every_form() {
    let scope = Scope { region: "us-east-1".to_owned(), service: "service" };
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sigv4");
    let mut cases = 0;
    for case in fs::read_dir(suite).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        let read = |name: &str| fs::read_to_string(case.join(name)).unwrap();
        let mut request = parse_request(&read("request.txt"));
        let token = fs::read_to_string(case.join("token.txt")).ok();
        sign(&mut request, &scope, &credentials(token), UNIX_EPOCH + TIME).unwrap();

        let (signed_headers, signed) = authorization(&request);
        let canonical = canonical_request(&request, &signed_headers);
        assert_eq!(canonical, read("canonical-request.txt"), "{}", case.display());
        let to_sign = string_to_sign(&canonical, &scope);
        assert_eq!(to_sign, read("string-to-sign.txt"), "{}", case.display());
        assert_eq!(signature(&to_sign, &scope), read("signature.txt"), "{}", case.display());
        assert_eq!(signed, read("signature.txt"), "{}", case.display());
        cases += 1;
    }
    assert_eq!(cases, 17);
}

#[test]
fn a_write_request_is_signed_with_host_headers_and_token() {
    let scope = Scope { region: "eu-west-1".to_owned(), service: "aps" };
    let mut request = http::Request::post("http://127.0.0.1:9090/workspaces/ws-1/api/v1/remote_write")
        .header("content-encoding", "snappy")
        .header("content-type", "application/x-protobuf")
        .header("x-prometheus-remote-write-version", "0.1.0")
        .header("user-agent", "test")
        .body(Bytes::from_static(b"body"))
        .unwrap();
    sign(&mut request, &scope, &credentials(Some("token".to_owned())), UNIX_EPOCH + TIME).unwrap();
    let (signed_headers, signed) = authorization(&request);
    assert_eq!(
        signed_headers.join(";"),
        "content-encoding;content-type;host;x-amz-date;x-amz-security-token;x-prometheus-remote-write-version"
    );
    // The port is part of the host that is signed.
    request.headers_mut().insert("host", "127.0.0.1:9090".parse().unwrap());
    let canonical = canonical_request(&request, &signed_headers);
    assert_eq!(signed, signature(&string_to_sign(&canonical, &scope), &scope));
}

#[test]
fn invalid_credentials_are_an_error_without_their_text() {
    let scope = Scope { region: "us-east-1".to_owned(), service: "aps" };
    let mut request = parse_request("GET / HTTP/1.1\n\n");
    let error = sign(&mut request, &scope, &credentials(Some("secret\ntoken".to_owned())), UNIX_EPOCH + TIME)
        .expect_err("a line break in a header");
    assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
}
