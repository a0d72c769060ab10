//! Every rule for timestamps.

use serde_json::json;

use crate::support::{NOW_MS, Setup, Stage};

fn body(timestamp: &str) -> String {
    format!(r#"{{"dimensions":{{"device":"d"}},"timestamp":{timestamp},"metrics":{{"m":1}}}}"#)
}

#[tokio::test]
async fn every_digit_counts_but_fractions_of_a_millisecond() {
    let mut table: Vec<(&str, i64)> = vec![
        ("1676398017000", NOW_MS),
        ("1676398017001.0", NOW_MS + 1),
        ("1.676398017002e12", NOW_MS + 2),
        ("1.676398017003E+12", NOW_MS + 3),
        ("16763980170040e-1", NOW_MS + 4),
        ("1676398017005.456", NOW_MS + 5),
        ("1.6763980170069999e12", NOW_MS + 6),
        ("9007199254740993", 9_007_199_254_740_993),
        ("9007199254740995.0", 9_007_199_254_740_995),
        ("9223372036854775807", i64::MAX),
        ("0", 0),
        ("-1", -1),
        ("-15.0e1", -150),
        ("-9223372036854775808", i64::MIN),
    ];
    // One invocation is one request here, and the receiver judges it by what it had stored before.
    let bodies: Vec<_> = table.iter().map(|(json, _)| body(json)).collect();
    let mut stage = Stage::start().await;
    assert_eq!(stage.bodies(&bodies).await, [0; 0]);
    table.sort_by_key(|(_, timestamp)| *timestamp);
    let stored: Vec<_> = stage.stored("m", "d").iter().map(|(timestamp, _)| *timestamp).collect();
    assert_eq!(stored, table.iter().map(|(_, timestamp)| *timestamp).collect::<Vec<_>>());
}

#[tokio::test]
async fn anything_else_makes_the_event_invalid() {
    let refused = [
        "\"1676398017000\"",
        "\"2023-02-14T18:06:57Z\"",
        "\"\"",
        "1676398017.123",
        "1.5",
        "1e-1",
        "9223372036854775808",
        "-9223372036854775809",
        "1e19",
        "1e99999999999999999999",
        "true",
        "null",
        "{}",
        "[]",
        "[1676398017000]",
    ];
    let mut stage = Stage::start().await;
    let bodies: Vec<_> = refused.iter().map(|json| body(json)).collect();
    let returned = stage.bodies(&bodies).await;
    let accepted: Vec<_> =
        (0..refused.len()).filter(|at| !returned.contains(at)).map(|at| refused[at]).collect();
    assert!(accepted.is_empty(), "{accepted:?}");
    assert_eq!(stage.amp.requests().len(), 0);
}

/// The receiver judges timestamps: what is too old or too new for one may be fine for another.
#[tokio::test]
async fn how_old_or_new_a_sample_may_be_is_for_the_receiver_to_say() {
    let mut stage =
        Setup::new().amp(|amp| amp.max_sample_age = Some(std::time::Duration::from_hours(1))).start().await;
    let (kind, message) = stage.error(body(&NOW_MS.to_string())).await;
    assert_eq!(kind, "WriteRejected");
    assert!(message.contains("400") && message.contains("timestamp too old"), "{message}");
    let far_ahead =
        json!({"dimensions": {"device": "d"}, "timestamp": 4_102_444_800_000_i64, "metrics": {"m": 1}});
    assert_eq!(stage.summary(far_ahead.to_string()).await, [1, 1, 1, 1]);
}
