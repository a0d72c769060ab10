//! Every rule for values, bit by bit against what the receiver decoded.

use serde_json::{Map, Value, json};

use crate::support::{NOW_MS, Stage, messages};
use crate::telemetry::lines_with;
use local_lambda::sqs::sqs_event;

/// The stale marker, which no measured value may look like (remote write 1.0, "Stale Markers").
const STALE_MARKER: u64 = 0x7ff0_0000_0000_0002;

/// Writes metrics `m0`, `m1`, … with these texts as their JSON values and compares the bits that were stored.
async fn check(table: &[(&str, u64)]) {
    let mut stage = Stage::start().await;
    let metrics: Vec<_> =
        table.iter().enumerate().map(|(at, (json, _))| format!(r#""m{at}":{json}"#)).collect();
    let event = format!(
        r#"{{"dimensions":{{"device":"d"}},"timestamp":{NOW_MS},"metrics":{{{}}}}}"#,
        metrics.join(",")
    );
    let count = table.len() as u64;
    assert_eq!(stage.summary(event).await, [1, count, count, 1]);
    for (at, (json, bits)) in table.iter().enumerate() {
        let stored = stage.stored(&format!("m{at}"), "d");
        assert_eq!(stored.len(), 1, "{json}");
        assert_eq!(stored[0].0, NOW_MS);
        assert_eq!(stored[0].1.to_bits(), *bits, "{json} became {}", stored[0].1);
    }
}

#[tokio::test]
async fn integers_and_floats_become_the_nearest_double() {
    let numbers: [(&str, u64); 21] = [
        ("0", 0),
        ("12", 0x4028_0000_0000_0000),
        ("12.0", 0x4028_0000_0000_0000),
        ("-12", 0xC028_0000_0000_0000),
        ("14.3", 0x402C_9999_9999_999A),
        ("0.1", 0x3FB9_9999_9999_999A),
        ("0.1000000000000000055511151231257827", 0x3FB9_9999_9999_999A),
        ("1e5", 0x40F8_6A00_0000_0000),
        ("1E+5", 0x40F8_6A00_0000_0000),
        ("2.5e-3", 0x3F64_7AE1_47AE_147B),
        ("9007199254740992", 0x4340_0000_0000_0000),
        ("9007199254740993", 0x4340_0000_0000_0000),
        ("9007199254740995", 0x4340_0000_0000_0002),
        ("18446744073709551615", 0x43F0_0000_0000_0000),
        ("-18446744073709551616", 0xC3F0_0000_0000_0000),
        ("100000000000000000000000", 0x44B5_2D02_C7E1_4AF6),
        ("1.7976931348623157e308", 0x7FEF_FFFF_FFFF_FFFF),
        ("2.2250738585072011e-308", 0x000F_FFFF_FFFF_FFFF),
        ("5e-324", 1),
        ("1e-400", 0),
        ("1e400", 0x7FF0_0000_0000_0000),
    ];
    check(&numbers).await;
    let quoted: Vec<_> = numbers.iter().map(|(json, bits)| (format!("\"{json}\""), *bits)).collect();
    check(&quoted.iter().map(|(json, bits)| (json.as_str(), *bits)).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn strings_may_have_a_sign_a_bare_point_and_leading_zeros() {
    check(&[
        (r#""+12""#, 0x4028_0000_0000_0000),
        (r#""+14.3""#, 0x402C_9999_9999_999A),
        (r#""007""#, 0x401C_0000_0000_0000),
        (r#""-007.50""#, 0xC01E_0000_0000_0000),
        (r#""1""#, 0x3FF0_0000_0000_0000),
    ])
    .await;
}

#[tokio::test]
async fn minus_zero_keeps_its_sign() {
    check(&[
        ("-0.0", 1 << 63),
        (r#""-0.0""#, 1 << 63),
        ("-0", 1 << 63),
        (r#""-0""#, 1 << 63),
        ("-0e7", 1 << 63),
    ])
    .await;
}

#[tokio::test]
async fn infinities_have_their_spellings() {
    let (positive, negative) = (0x7FF0_0000_0000_0000, 0xFFF0_0000_0000_0000);
    check(&[(r#""Inf""#, positive), (r#""+Inf""#, positive), (r#""-Inf""#, negative)]).await;
}

#[tokio::test]
async fn a_nan_is_a_nan_but_never_the_stale_marker() {
    let mut stage = Stage::start().await;
    let event = json!({"dimensions": {"device": "d"}, "timestamp": NOW_MS, "metrics": {"m": "NaN"}});
    assert_eq!(stage.summary(event.to_string()).await, [1, 1, 1, 1]);
    let stored = stage.stored("m", "d")[0].1;
    assert!(stored.is_nan());
    assert_ne!(stored.to_bits(), STALE_MARKER);
}

#[tokio::test]
async fn anything_else_makes_the_event_invalid_and_nothing_of_it_is_sent() {
    let refused: Vec<Value> = [
        json!(""),
        json!(" "),
        json!(" 12"),
        json!("12 "),
        json!("12\n"),
        json!("\u{0}12"),
        json!("0x1F"),
        json!("0b1"),
        json!("1_000"),
        json!("1,5"),
        json!("1 000"),
        json!("12hello"),
        json!("hello"),
        json!("true"),
        json!("null"),
        json!("--1"),
        json!("+-1"),
        json!("1e"),
        json!("1e+"),
        json!("e5"),
        json!("."),
        json!("+"),
        json!("-"),
        json!("1.2.3"),
        json!("1e5.0"),
        json!("12f"),
        json!("½"),
        json!("١٢"),
        json!("１２"),
        json!("nan"),
        json!("NAN"),
        json!("+NaN"),
        json!("-NaN"),
        json!("inf"),
        json!("INF"),
        json!("+inf"),
        json!("Infinity"),
        json!("-Infinity"),
        json!("∞"),
        json!(true),
        json!(false),
        json!(null),
        json!({}),
        json!({"value": 1}),
        json!([]),
        json!([1]),
    ]
    .into();
    let bodies: Vec<_> = refused
        .iter()
        .map(|value| {
            let metrics = Map::from_iter([("good".to_owned(), json!(1)), ("odd".to_owned(), value.clone())]);
            json!({"dimensions": {}, "timestamp": NOW_MS, "metrics": metrics}).to_string()
        })
        .collect();
    let mut stage = Stage::start().await;
    let returned = stage.bodies(&bodies).await;
    let accepted: Vec<_> =
        (0..refused.len()).filter(|at| !returned.contains(at)).map(|at| &refused[at]).collect();
    assert!(accepted.is_empty(), "{accepted:?}");
    assert_eq!(stage.amp.requests().len(), 0);
}

#[tokio::test]
async fn an_integer_with_too_many_digits_is_written_and_counted_once_per_invocation() {
    let mut stage = Stage::start().await;
    let event = |at: i64, value: &str| {
        format!(r#"{{"dimensions":{{}},"timestamp":{},"metrics":{{"m":{value}}}}}"#, NOW_MS + at)
    };
    let bodies =
        [event(0, "9007199254740993"), event(1, "\"18446744073709551615\""), event(2, "12"), event(3, "0.1")];
    let messages = messages(&bodies);
    let invocation = stage.invoke(sqs_event(crate::support::QUEUE, &messages)).await;
    assert_eq!(crate::support::given_back(&invocation, &messages), [0; 0]);
    let told = lines_with(&invocation, "values");
    assert_eq!(told.len(), 1, "{:?}", invocation.logs);
    assert_eq!((told[0]["values"].as_u64(), told[0]["level"].as_str()), (Some(2), Some("WARN")));
    assert_eq!(stage.amp.sample_count(), 4);
}
