//! The body of an SQS message: plain or base64, one event or an array of them, against an independent decoder.
#![no_main]

use std::borrow::Cow;

use data_encoding::{BASE64, BASE64_NOPAD};
use libfuzzer_sys::fuzz_target;
use push_gateway::payload::{Payload, events_of, json_of_body};
use serde_json::{Value, json};

fuzz_target!(|body: &str| {
    let read = json_of_body(Cow::Borrowed(body)).ok();
    assert_eq!(read.as_deref(), expected(body).as_deref());
    travels_unchanged(body);
    if looks_like_json(body) {
        for encoded in [BASE64.encode(body.as_bytes()), BASE64_NOPAD.encode(body.as_bytes())] {
            assert_eq!(json_of_body(Cow::Owned(encoded)).ok().as_deref(), Some(body));
        }
    }
    let Some(json) = read else { return };
    let Ok(events) = events_of(&json) else { return };
    if json.trim_start().starts_with('[') {
        // A plain reading refuses numbers beyond a double and deep nesting, which are the matter of each event.
        if let Ok(Value::Array(expected)) = serde_json::from_str(&json) {
            let events: Result<Vec<Value>, _> = events.into_iter().map(serde_json::from_str).collect();
            assert_eq!(events.expect("an event of an array is JSON"), expected);
        }
    } else {
        assert_eq!(events, [&*json]);
    }
});

fn looks_like_json(text: &str) -> bool {
    matches!(text.trim().chars().next(), Some('{' | '['))
}

/// What comes behind one byte order mark, if there is one.
fn unmarked(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// The JSON that the body holds, by the decoder of another library.
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

fn travels_unchanged(body: &str) {
    let record = json!({ "messageId": "1", "eventSource": "aws:sqs", "body": body });
    let batch = json!({ "Records": [record] }).to_string();
    let payload = Payload::parse(batch.as_bytes()).expect("a batch");
    let message = payload.messages().first().expect("one message");
    assert_eq!(message.body().as_deref(), Ok(body));
}
