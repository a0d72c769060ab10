//! JSON events, valid and invalid, with the reasons.

use formats::event::{InvalidEvent, parse_escaped_event, parse_event, parse_event_carefully};
use proptest::prelude::*;
use remote_write::NameEscaping::{self, Reject, Underscores, Values};
use remote_write::{Metadata, MetricType};

/// Reads an event into plain data: labels, timestamp, metrics.
fn read(text: &str, escaping: NameEscaping) -> Result<String, String> {
    let event = parse_event(text, escaping).map_err(|reason| reason.to_string())?.point;
    let labels: Vec<_> = event.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let metrics: Vec<_> = event
        .metrics
        .iter()
        .map(|(name, value)| format!("{}={}", name.as_str(), value.as_float().unwrap()))
        .collect();
    Ok(format!("{} @{} {}", labels.join(","), event.timestamp_ms, metrics.join(",")))
}

#[track_caller]
fn accepts(text: &str, expected: &str) {
    assert_eq!(read(text, Underscores).as_deref(), Ok(expected), "{text}");
}

#[track_caller]
fn rejects(text: &str, expected: &str) {
    let reason = read(text, Underscores).expect_err(text);
    assert!(reason.contains(expected), "{reason:?} does not say {expected:?}");
    assert!(reason.len() < 500 && !reason.contains('\n'), "{reason}");
}

#[test]
fn the_example_of_the_documentation_is_an_event() {
    accepts(
        r#"{"dimensions":{"customerId":"customer1"},"timestamp":1676398017000,"metrics":{"temperature":"14.3","ph":"6.7"}}"#,
        "customerId=customer1 @1676398017000 temperature=14.3,ph=6.7",
    );
}

#[test]
fn the_example_is_read_inside_a_string() {
    let text = r#"{"dimensions":{"customerId":"customer1"},"timestamp":1676398017000,"metrics":{"ph":"7.2","x":-1e3}}"#;
    let inside = text.replace('"', "\\\"");
    let event = parse_escaped_event(&inside, Underscores).expect("it has no other escapes");
    assert_eq!(format!("{event:?}"), format!("{:?}", parse_event_carefully(text, Underscores).unwrap()));
    for other_escape in [
        inside.replace("ph", "\\\\u0061"),
        inside.replace("customer1", "\\u0061"),
        inside.replace(',', ",\\n"),
    ] {
        assert!(parse_escaped_event(&other_escape, Underscores).is_none(), "{other_escape}");
    }
}

#[test]
fn keys_may_come_in_any_order_and_unknown_ones_are_ignored() {
    accepts(
        r#" { "extra" : {"deep":[1,{"a":null}]}, "metrics" : { "a" : 1 } , "timestamp":1, "dimensions" : {}, "x":"y" } "#,
        " @1 a=1",
    );
}

#[test]
fn escapes_in_keys_and_values_are_resolved() {
    accepts(
        r#"{"dimensions":{"\u0061":"\"\u00e9\ud83d\ude00\n"},"timestamp":1,"metrics":{"\u0062":"\u0031\u0032"}}"#,
        "a=\"é😀\n @1 b=12",
    );
    accepts(r#"{"dimensions":{"a":"é😀"},"\u0074imestamp":1,"metrics":{"b":1}}"#, "a=é😀 @1 b=1");
}

#[test]
fn an_empty_value_is_not_a_label() {
    accepts(r#"{"dimensions":{"a":"","b":"x"},"timestamp":1,"metrics":{"m":1}}"#, "b=x @1 m=1");
}

#[test]
fn a_missing_or_repeated_part_is_named() {
    rejects("{}", "`dimensions` is missing");
    rejects(r#"{"timestamp":1,"metrics":{"a":1}}"#, "`dimensions` is missing");
    rejects(r#"{"dimensions":{},"metrics":{"a":1}}"#, "`timestamp` is missing");
    rejects(r#"{"dimensions":{},"timestamp":1}"#, "`metrics` is missing");
    rejects(r#"{"dimensions":{},"timestamp":1,"metrics":{}}"#, "`metrics` is empty");
    rejects(
        r#"{"dimensions":{},"timestamp":1,"timestamp":2,"metrics":{"a":1}}"#,
        "duplicate key `timestamp`",
    );
    rejects(
        r#"{"dimensions":{},"dimensions":{},"timestamp":1,"metrics":{"a":1}}"#,
        "duplicate key `dimensions`",
    );
    rejects(
        r#"{"dimensions":{"a":"x","a":""},"timestamp":1,"metrics":{"a":1}}"#,
        "duplicate key `dimensions.a`",
    );
    rejects(r#"{"dimensions":{},"timestamp":1,"metrics":{"a":1,"\u0061":1}}"#, "duplicate key `metrics.a`");
}

#[test]
fn a_wrong_type_is_named_with_what_was_found() {
    rejects(
        r#"{"dimensions":null,"timestamp":1,"metrics":{"a":1}}"#,
        "dimensions: expected an object of strings, got null",
    );
    rejects(r#"{"dimensions":["a"],"timestamp":1,"metrics":{"a":1}}"#, "got an array");
    rejects(
        r#"{"dimensions":{"a":5},"timestamp":1,"metrics":{"a":1}}"#,
        "dimensions.a: expected a string, got the number 5",
    );
    rejects(
        r#"{"dimensions":{},"timestamp":"1","metrics":{"a":1}}"#,
        "timestamp: expected a number of milliseconds since the epoch, got the string \"1\"",
    );
    rejects(
        r#"{"dimensions":{},"timestamp":1676398017.123,"metrics":{"a":1}}"#,
        "timestamp: expected a number of milliseconds since the epoch, got the number 1676398017.123",
    );
    rejects(r#"{"dimensions":{},"timestamp":null,"metrics":{"a":1}}"#, "got null");
    rejects(r#"{"dimensions":{},"timestamp":1,"metrics":[1]}"#, "metrics: expected an object");
    for (value, found) in [("true", "true"), ("null", "null"), ("{}", "an object"), ("[1]", "an array")] {
        rejects(
            &format!(r#"{{"dimensions":{{}},"timestamp":1,"metrics":{{"a":{value}}}}}"#),
            &format!("metrics.a: expected a number or a string with a number, got {found}"),
        );
    }
    for text in ["12", "null", "\"text\"", "[1]", "true"] {
        rejects(text, &format!("expected an event, which is an object, got {text}"));
    }
}

#[test]
fn a_value_that_is_not_a_number_is_named() {
    for value in ["", " ", "0x1F", "1_000", "12hello"] {
        rejects(
            &format!(r#"{{"dimensions":{{}},"timestamp":1,"metrics":{{"ok":1,"bad":"{value}"}}}}"#),
            &format!("metrics.bad: expected a number, got {value:?}"),
        );
    }
    let long = "x".repeat(100_000);
    rejects(
        &format!(r#"{{"dimensions":{{}},"timestamp":1,"metrics":{{"{long}":"{long}"}}}}"#),
        "expected a number",
    );
}

#[test]
fn malformed_json_is_reported_with_its_position() {
    for text in [
        "",
        "{",
        r#"{"dimensions":{"a":"b"},"timestamp":1,"metrics":{"a":1}"#,
        r#"{"dimensions":{},"timestamp":01,"metrics":{"a":1}}"#,
        r#"{"dimensions":{},"timestamp":1,"metrics":{"a":+1}}"#,
        r#"{"dimensions":{},"timestamp":1,"metrics":{"a":.5}}"#,
        r#"{"dimensions":{},"timestamp":1,"metrics":{"a":NaN}}"#,
        r#"{"dimensions":{},"timestamp":1,"metrics":{"a":1}} x"#,
        r#"{"dimensions":{"a":"\ud800"},"timestamp":1,"metrics":{"a":1}}"#,
        r#"{"dimensions":{"\udc00":"b"},"timestamp":1,"metrics":{"a":1}}"#,
        "{\"dimensions\":{\"a\":\"line\nbreak\"},\"timestamp\":1,\"metrics\":{\"a\":1}}",
    ] {
        rejects(text, "invalid JSON");
    }
}

#[test]
fn metadata_is_read_by_metric() {
    let with = |metadata: &str| {
        format!(r#"{{"dimensions":{{}},"timestamp":1,"metrics":{{"a":1}},"metadata":{metadata}}}"#)
    };
    let text =
        with(r#"{"cpu.load":{"type":"gauge","help":"A \u0022load\u0022.","unit":"ratio","x":1},"b":{}}"#);
    let metadata = parse_event(&text, Underscores).unwrap().metadata;
    let plain = |family: &Metadata| {
        (family.metric_type(), family.family.clone(), family.help.clone(), family.unit.clone())
    };
    let expected =
        [(MetricType::Gauge, "cpu_load", "A \"load\".", "ratio"), (MetricType::Unknown, "b", "", "")].map(
            |(metric_type, name, help, unit)| {
                (metric_type, name.to_owned(), help.to_owned(), unit.to_owned())
            },
        );
    assert_eq!(metadata.iter().map(plain).collect::<Vec<_>>(), expected);
    for (metadata, reason) in [
        ("[]", "metadata: expected an object of objects, got an array"),
        (r#"{"a":1}"#, "metadata.a: expected an object of strings, got the number 1"),
        (
            r#"{"a":{"type":"timer"}}"#,
            "metadata.a.type: expected a type of OpenMetrics, got the string \"timer\"",
        ),
        (r#"{"a":{"type":1}}"#, "metadata.a.type: expected a string, got the number 1"),
        (r#"{"a":{"help":null}}"#, "metadata.a.help: expected a string, got null"),
        (r#"{"a":{},"a":{}}"#, "duplicate key `metadata.a`"),
        (r#"{"":{}}"#, "metadata: name is empty"),
    ] {
        rejects(&with(metadata), reason);
    }
    rejects(
        &with("{}").replace("\"metadata\":", "\"metadata\":{},\"metadata\":"),
        "duplicate key `metadata`",
    );
}

#[test]
fn names_are_escaped_or_rejected() {
    let event = r#"{"dimensions":{"room.name":"a"},"timestamp":1,"metrics":{"cpu-load":1}}"#;
    accepts(event, "room_name=a @1 cpu_load=1");
    assert_eq!(
        read(event, Reject).unwrap_err(),
        "dimensions: name \"room.name\" does not match [a-zA-Z_][a-zA-Z0-9_]*"
    );
    assert_eq!(read(event, Values).as_deref(), Ok("U__room_2e_name=a @1 U__cpu_2d_load=1"),);
    rejects(
        r#"{"dimensions":{"a.b":"1","a-b":"2"},"timestamp":1,"metrics":{"m":1}}"#,
        "are both \"a_b\" after escaping",
    );
    rejects(
        r#"{"dimensions":{"温度":"x"},"timestamp":1,"metrics":{"m":1}}"#,
        "dimensions: name \"温度\" would be",
    );
    rejects(r#"{"dimensions":{},"timestamp":1,"metrics":{"温度":1}}"#, "metrics: name \"温度\" would be");
    rejects(r#"{"dimensions":{"__name__":"x"},"timestamp":1,"metrics":{"m":1}}"#, "`__name__` is reserved");
    rejects(r#"{"dimensions":{"__name__":""},"timestamp":1,"metrics":{"m":1}}"#, "`__name__` is reserved");
    rejects(r#"{"dimensions":{"":"x"},"timestamp":1,"metrics":{"m":1}}"#, "dimensions: name is empty");
    rejects(r#"{"dimensions":{},"timestamp":1,"metrics":{"":1}}"#, "metrics: name is empty");
}

#[test]
fn many_keys_are_checked_for_duplicates_too() {
    let keys = (0..1_000).map(|at| format!(r#""k{at}":1,"#)).collect::<Vec<_>>().concat();
    accepts_many(&format!(r#"{{"dimensions":{{}},"timestamp":1,"metrics":{{{keys}"last":1}}}}"#), 1_001);
    rejects(
        &format!(r#"{{"dimensions":{{}},"timestamp":1,"metrics":{{{keys}"k7":1}}}}"#),
        "duplicate key `metrics.k7`",
    );
}

#[track_caller]
fn accepts_many(text: &str, metrics: usize) {
    assert_eq!(parse_event(text, Underscores).unwrap().point.metrics.len(), metrics);
}

/// Texts that are events, nearly are, or have one wrong character.
fn event_like() -> impl Strategy<Value = String> {
    let string = prop_oneof!["[a-z_]{0,3}", "[a-z.]{1,3}", Just("\\u0061".to_owned()), "\\PC{0,3}"];
    let number = prop_oneof!["-?[0-9]{1,3}(\\.[0-9]{0,2})?([eE][+-]?[0-9]{1,2})?", "[-+.0-9eE]{1,5}"];
    let space = || prop_oneof![4 => Just(""), 1 => Just(" "), 1 => Just("\n\t")];
    let value = prop_oneof![
        string.clone().prop_map(|s| format!("\"{s}\"")),
        number.clone().prop_map(|n| format!("\"{n}\"")),
        number.clone(),
        Just("null".to_owned()),
        Just("{}".to_owned()),
    ];
    let object = prop::collection::vec((string, value.clone(), space()), 0..4).prop_map(|members| {
        let members: Vec<_> = members.iter().map(|(k, v, s)| format!("{s}\"{k}\"{s}:{s}{v}{s}")).collect();
        format!("{{{}}}", members.join(","))
    });
    let field = (
        prop_oneof![Just("dimensions"), Just("timestamp"), Just("metrics"), Just("metrics"), Just("x")],
        prop_oneof![object, number, value],
        space(),
    );
    let event = prop::collection::vec(field, 2..5).prop_map(|fields| {
        let fields: Vec<_> = fields.iter().map(|(k, v, s)| format!("{s}\"{k}\":{s}{v}")).collect();
        format!("{{{}}}", fields.join(","))
    });
    (event, any::<prop::sample::Index>(), prop_oneof![6 => Just(None), 1 => any::<char>().prop_map(Some)])
        .prop_map(|(event, at, tampered)| match tampered {
            Some(c) => {
                let at = at.index(event.len());
                if event.is_char_boundary(at) {
                    format!("{}{c}{}", &event[..at], &event[at..])
                } else {
                    event
                }
            }
            None => event,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn the_fast_path_agrees_with_the_careful_reader(
        text in event_like(),
        escaping in prop::sample::select(vec![Underscores, Values, Reject]),
    ) {
        let fast = parse_event(&text, escaping);
        let careful = parse_event_carefully(&text, escaping);
        prop_assert_eq!(format!("{fast:?}"), format!("{careful:?}"), "{}", text);
    }

    /// RFC 8259, section 7: the escapes in a JSON string stand for the characters of its text.
    #[test]
    fn an_event_inside_a_string_is_read_like_its_text(
        text in event_like(),
        escapes_backslashes in any::<bool>(),
    ) {
        let text = if escapes_backslashes { text.replace('\\', "\\\\") } else { text };
        let inside = text.replace('"', "\\\"");
        if let Ok(resolved) = serde_json::from_str::<String>(&format!("\"{inside}\""))
            && let Some(event) = parse_escaped_event(&inside, Underscores)
        {
            let careful = parse_event_carefully(&resolved, Underscores);
            prop_assert_eq!(format!("{:?}", Ok::<_, InvalidEvent>(event)), format!("{careful:?}"), "{}", inside);
        }
    }
}

proptest! {
    #[test]
    fn every_finite_double_survives_as_number_and_as_text(bits in any::<u64>()) {
        let value = f64::from_bits(bits);
        prop_assume!(value.is_finite());
        let event = format!(r#"{{"dimensions":{{}},"timestamp":1,"metrics":{{"n":{value:?},"t":"{value:?}"}}}}"#);
        let event = parse_event(&event, Underscores).unwrap();
        for (_, read) in &event.point.metrics {
            prop_assert_eq!(read.as_float().unwrap().to_bits(), value.to_bits());
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC*") {
        let _ = parse_event(&text, Underscores);
    }

    #[test]
    fn labels_come_back_as_they_were_given(labels in prop::collection::btree_map("[a-z]{1,5}", "\\PC{1,20}", 0..20)) {
        let dimensions = serde_json::to_string(&labels).unwrap();
        let event = format!(r#"{{"dimensions":{dimensions},"timestamp":1,"metrics":{{"m":1}}}}"#);
        let event = parse_event(&event, Reject).unwrap();
        let read: Vec<_> = event.point.labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
        prop_assert_eq!(read, labels.into_iter().collect::<Vec<_>>());
    }
}
