//! JSON events, valid and invalid, with the reasons.

use formats::event::{InvalidEvent, parse_escaped_event, parse_event, parse_event_carefully};
use prometheus_proto::WriteRequest;
use proptest::prelude::*;
use prost::Message as _;
use remote_write::NameEscaping::{self, Reject, Underscores, Values};
use remote_write::histogram::{BucketSpan, Count, ZeroCount};
use remote_write::{Histogram, Metadata, MetricType, SeriesBuilder, Value, Version};

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
    for (value, found) in [("true", "true"), ("null", "null"), ("[1]", "an array")] {
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

fn with(metric: &str) -> String {
    format!(r#"{{"dimensions":{{"a":"x"}},"timestamp":1,"metrics":{{"latency":{metric}}}}}"#)
}

/// The samples of an event: each series with the bits of its float, or its histogram.
fn samples(text: &str) -> Vec<String> {
    let event = parse_event(text, Underscores).unwrap();
    let mut builder = SeriesBuilder::default();
    assert_eq!(builder.add([&event.point]).unwrap(), 0..1, "one point, which is delivered as a whole");
    let series = builder.group();
    let request = series.encode(series.samples(), Version::V1);
    let message = snap::raw::Decoder::new().decompress_vec(&request.body).unwrap();
    let read = WriteRequest::decode(&message[..]).unwrap();
    let shown = |series: &prometheus_proto::TimeSeries| {
        let labels: Vec<_> = series.labels.iter().map(|label| &*label.value).collect();
        let floats: Vec<_> = series.samples.iter().map(|sample| sample.value).collect();
        format!("{} {floats:?}", labels.join(","))
    };
    read.timeseries.iter().map(shown).collect()
}

#[test]
fn a_classic_histogram_is_its_series() {
    let expected = [
        "latency_bucket,x,0.5 [3.0]",
        "latency_bucket,x,1 [7.0]",
        "latency_bucket,x,+Inf [9.0]",
        "latency_sum,x [4.5]",
        "latency_count,x [9.0]",
    ];
    for buckets in [r#"{"0.5":3,"1.0":"7","+Inf":9}"#, r#"{"1e0":7,"0.50":3}"#] {
        let event = with(&format!(r#"{{"count":9,"sum":4.5,"buckets":{buckets},"x":null}}"#));
        assert_eq!(samples(&event), expected, "{buckets}");
    }
}

#[test]
fn a_native_histogram_is_read_as_it_is() {
    let read =
        |text: &str| format!("{:?}", parse_event(&with(text), Underscores).unwrap().point.metrics[0].1);
    let shown = read(
        r#"{"count":9,"sum":4.5,"schema":3,"zero_threshold":0.001,"zero_count":2,"positive":{"4":1,"-1":2,"0":3},"negative":{"7":1}}"#,
    );
    let expected = Histogram {
        count: Some(Count::Int(9)),
        sum: 4.5,
        schema: 3,
        zero_threshold: 0.001,
        zero_count: Some(ZeroCount::Int(2)),
        negative_spans: vec![BucketSpan { offset: 7, length: 1 }],
        negative_deltas: vec![1],
        positive_spans: vec![BucketSpan { offset: -1, length: 2 }, BucketSpan { offset: 3, length: 1 }],
        positive_deltas: vec![2, 1, -2],
        ..Histogram::default()
    };
    assert_eq!(shown, format!("{:?}", Value::histogram(expected)));
    let shown = read(r#"{"count":2.5,"sum":4,"schema":-4,"positive":{"1":2.5}}"#);
    let expected = Histogram {
        count: Some(Count::Float(2.5)),
        sum: 4.0,
        schema: -4,
        zero_count: Some(ZeroCount::Float(0.0)),
        positive_spans: vec![BucketSpan { offset: 1, length: 1 }],
        positive_counts: vec![2.5],
        ..Histogram::default()
    };
    assert_eq!(shown, format!("{:?}", Value::histogram(expected)));
}

#[test]
fn an_invalid_histogram_is_named_with_its_part() {
    for (histogram, reason) in [
        ("{}", "metrics.latency: expected a histogram with either `buckets` or `schema`, got an object"),
        (r#"{"schema":1,"buckets":{}}"#, "metrics.latency: expected a histogram with either"),
        (r#"{"count":1,"buckets":{}}"#, "metrics.latency.sum: expected a number, got nothing"),
        (r#"{"sum":1,"schema":1}"#, "metrics.latency.count: expected a number, got nothing"),
        (
            r#"{"count":-1,"sum":1,"buckets":{}}"#,
            "metrics.latency.count: expected a finite number of at least 0, got the number -1",
        ),
        (
            r#"{"count":"NaN","sum":1,"buckets":{}}"#,
            "metrics.latency.count: expected a finite number of at least 0",
        ),
        (r#"{"count":1,"sum":null,"buckets":{}}"#, "metrics.latency.sum: expected a number or a string"),
        (
            r#"{"count":1,"sum":1,"buckets":[]}"#,
            "metrics.latency.buckets: expected an object of counts, got an array",
        ),
        (
            r#"{"count":1,"sum":1,"buckets":{"x":1}}"#,
            "metrics.latency.buckets: expected an upper bound, got x",
        ),
        (r#"{"count":1,"sum":1,"buckets":{"NaN":1}}"#, "expected an upper bound, got NaN"),
        (r#"{"count":1,"sum":1,"buckets":{"1":1,"1.0":1}}"#, "expected each bucket once"),
        (r#"{"count":1,"sum":1,"buckets":{"1":1,"1":1}}"#, "duplicate key `metrics.latency.buckets.1`"),
        (
            r#"{"count":3,"sum":1,"buckets":{"1":2,"2":1}}"#,
            "metrics.latency.buckets: expected cumulative counts",
        ),
        (
            r#"{"count":3,"sum":1,"buckets":{"+Inf":2}}"#,
            "metrics.latency.count: expected that of the bucket +Inf, 2, got 3",
        ),
        (
            r#"{"count":1,"sum":1,"schema":9}"#,
            "metrics.latency.schema: expected an integer from -4 to 8, got the number 9",
        ),
        (r#"{"count":1,"sum":1,"schema":"1"}"#, "metrics.latency.schema: expected an integer from -4 to 8"),
        (
            r#"{"count":1,"sum":1,"schema":1,"positive":{"1000001":1}}"#,
            "metrics.latency.positive: expected the index of a bucket, at most 1000000, got 1000001",
        ),
        (
            r#"{"count":3,"sum":1,"schema":1,"zero_count":1,"negative":{"0":1}}"#,
            "metrics.latency.count: expected the sum of the buckets, 2, got 3",
        ),
    ] {
        rejects(&with(histogram), reason);
    }
    let buckets = (0..50_001).map(|at| format!("\"{at}\":0")).collect::<Vec<_>>().join(",");
    for (kind, part) in [("", "buckets"), ("\"schema\":0,", "negative")] {
        let histogram = format!("{{\"count\":0,\"sum\":0,{kind}\"{part}\":{{{buckets}}}}}");
        let reason = format!("metrics.latency.{part}: expected at most 50000 buckets, got 50001");
        rejects(&with(&histogram), &reason);
    }
    let event = with(r#"{"count":1,"sum":1,"buckets":{}}"#).replace("\"a\"", "\"le\"");
    rejects(&event, "metrics.latency_bucket: a histogram with `buckets` must not have the dimension `le`");
}
