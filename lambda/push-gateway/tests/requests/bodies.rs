//! Bodies: encodings, and what is left of them on the way.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::services::{Stage, event};

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn snappy(body: &[u8]) -> Vec<u8> {
    let mut encoder = snap::write::FrameEncoder::new(Vec::new());
    encoder.write_all(body).unwrap();
    encoder.into_inner().unwrap()
}

fn binary(headers: &Value, body: &[u8]) -> Value {
    let mut event = event("PUT", "/metrics/job/a", headers, &STANDARD.encode(body));
    event["isBase64Encoded"] = true.into();
    event
}

#[tokio::test]
async fn the_first_bytes_identify_the_encoding() {
    let stage = Stage::new(&[("HTTP_AUTH", "none")]).await;
    let text = b"m 1\n";
    let gzip_header = json!({"content-encoding": "gzip"});
    for (case, event, status) in [
        ("plain", binary(&json!({}), text), 202),
        ("gzip", binary(&gzip_header, &gzip(text)), 202),
        ("gzip without the header", binary(&json!({}), &gzip(text)), 202),
        ("two members", binary(&gzip_header, &[gzip(text), gzip(b"n 1\n")].concat()), 202),
        ("inflated on the way", event("PUT", "/metrics/job/a", &gzip_header, "m 1\n"), 202),
        ("snappy", binary(&json!({"content-encoding": "snappy"}), &snappy(text)), 202),
        ("an encoding that is not", binary(&json!({"content-encoding": "deflate"}), text), 202),
        ("cut off", binary(&gzip_header, &gzip(text)[..15]), 400),
        (
            "not base64",
            {
                let mut event = binary(&json!({}), text);
                event["body"] = "m 1\n".into();
                event
            },
            400,
        ),
        (
            "not a string",
            {
                let mut event = binary(&json!({}), text);
                event["body"] = json!({"m": 1});
                event
            },
            400,
        ),
    ] {
        let (ours, answer) = stage.answer(&event).await;
        assert_eq!(ours, status, "{case}: {answer}");
    }
}

#[tokio::test]
async fn a_bomb_is_refused_before_it_is_memory() {
    let stage = Stage::new(&[("HTTP_AUTH", "none")]).await;
    let zeros = vec![b'#'; 200 << 20];
    for (encoding, bomb) in [("gzip", gzip(&zeros)), ("snappy", snappy(&zeros[..40 << 20]))] {
        let (status, answer) = stage.answer(&binary(&json!({"content-encoding": encoding}), &bomb)).await;
        assert_eq!(status, 413, "{answer}");
    }
    assert_eq!(stage.services().writes, 0);
}

#[tokio::test]
async fn a_body_that_was_taken_for_text_is_415() {
    let stage = Stage::new(&[("HTTP_AUTH", "none")]).await;
    for (encoding, bytes) in [("gzip", gzip(b"m 1\n")), ("snappy", snappy(b"m 1\n"))] {
        let damaged = String::from_utf8_lossy(&bytes).into_owned();
        let event = event("PUT", "/metrics/job/a", &json!({"content-encoding": encoding}), &damaged);
        let (status, answer) = stage.answer(&event).await;
        assert_eq!(status, 415);
        assert!(answer.contains("application/octet-stream"), "{answer}");
    }
    let event = event("PUT", "/metrics/job/a", &json!({}), "m{x=\"\u{fffd}\"} 1\n");
    assert_eq!(stage.answer(&event).await.0, 202, "U+FFFD may be meant");
}
