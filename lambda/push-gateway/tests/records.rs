//! Records that are invalid for what other records or the clock say, and what of them is left: nothing.

use formats::Rules;
use push_gateway::envelopes::Envelope;
use push_gateway::records::{MAX_SAMPLE_BYTES, Records};
use remote_write::{Labels, NameEscaping, Series};

fn read(payload: &str) -> (Records, Series) {
    let rules = Rules {
        escaping: NameEscaping::Underscores,
        external_labels: &Labels::default(),
        max_sample_bytes: MAX_SAMPLE_BYTES,
    };
    Records::read(&Envelope::read(payload.as_bytes()).unwrap(), rules)
}

/// An event with one metric, whose value no float64 holds exactly.
fn event(metric: &str) -> String {
    format!(r#"{{"dimensions":{{}},"timestamp":1,"metrics":{{"{metric}":9007199254740993}}}}"#)
}

/// A batch of messages with these bodies.
fn batch(bodies: &[String]) -> String {
    let message = |body: &String| serde_json::json!({"messageId": "1", "eventSource": "aws:sqs", "eventSourceARN": "a", "body": body});
    serde_json::json!({"Records": bodies.iter().map(message).collect::<Vec<_>>()}).to_string()
}

#[test]
fn a_name_that_escaping_makes_an_earlier_one_is_invalid() {
    let array = |metrics: [&str; 3]| format!("[{}]", metrics.map(event).join(","));
    let bodies =
        [event("cpu.load"), event("cpu-load"), array(["a", "b.c", "cpu_load"]), event("b-c"), event("a")];
    let (records, series) = read(&batch(&bodies));
    let points: Vec<_> =
        records.records.iter().map(|record| record.points.clone().map_err(|e| e.to_string())).collect();
    let both = |second| format!("names \"cpu.load\" and \"{second}\" are both \"cpu_load\" after escaping");
    assert_eq!(
        points,
        [
            Ok(0..1),
            Err(both("cpu-load")),
            Err(format!("event 2: {}", both("cpu_load"))),
            // An invalid record takes no name from others.
            Ok(1..2),
            Ok(2..3)
        ]
    );
    assert_eq!(records.records[2].events(), 3);
    assert_eq!((series.count(), series.samples().len(), records.inexact_values), (3, 3, 3));
}

#[test]
fn two_names_of_an_event_that_escaping_makes_one_are_invalid() {
    let event = r#"{"dimensions":{},"timestamp":1,"metrics":{"m.1":1,"n":1,"m-1":2}}"#;
    let (records, series) = read(event);
    let reason = records.records[0].points.as_ref().unwrap_err().to_string();
    assert_eq!(reason, "names \"m.1\" and \"m-1\" are both \"m_1\" after escaping");
    assert_eq!((series.count(), series.samples().len()), (0, 0));
}
