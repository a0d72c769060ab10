//! The body of an SQS message, plain or base64, against an independent decoder.
#![no_main]

use std::borrow::Cow;

use data_encoding::{BASE64, BASE64_NOPAD};
use formats::body::json_of;
use libfuzzer_sys::fuzz_target;
use push_gateway::envelopes::Envelope;
use serde_json::json;

fuzz_target!(|body: &str| {
    let read = json_of(Cow::Borrowed(body)).ok();
    assert_eq!(read.as_deref(), expected(body).as_deref());
    arrives_unchanged(body);
    if looks_like_json(body) {
        for encoded in [BASE64.encode(body.as_bytes()), BASE64_NOPAD.encode(body.as_bytes())] {
            assert_eq!(json_of(Cow::Owned(encoded)).ok().as_deref(), Some(body));
        }
    }
});

fn looks_like_json(text: &str) -> bool {
    matches!(text.trim().chars().next(), Some('{' | '['))
}

/// The text after one byte order mark, if there is one.
fn unmarked(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// The JSON in the body, by the decoder of another library.
fn expected(body: &str) -> Option<String> {
    let body = unmarked(body);
    if looks_like_json(body) {
        return Some(body.to_owned());
    }
    let one_line = body.trim().split(['\r', '\n']).collect::<String>();
    let unpadded = one_line.trim_end_matches('=');
    let padding = one_line.len() - unpadded.len();
    if padding > (4 - unpadded.len() % 4) % 4 {
        return None;
    }
    let json = String::from_utf8(BASE64_NOPAD.decode(unpadded.as_bytes()).ok()?).ok()?;
    let json = unmarked(&json);
    looks_like_json(json).then(|| json.to_owned())
}

fn arrives_unchanged(body: &str) {
    let record = json!({ "messageId": "1", "eventSource": "aws:sqs", "body": body });
    let batch = json!({ "Records": [record] }).to_string();
    let envelope = Envelope::read(batch.as_bytes()).expect("a batch");
    let message = envelope.messages().first().expect("one message");
    assert_eq!(message.body().text().as_deref(), Ok(body));
}
