//! The outcomes of events, for a direct invoke and for SQS without a dead-letter queue.

use local_amp::{Action, Fault, Ingestion, Matcher, SeriesMatcher};

use crate::support::{NOW_MS, Setup, Stage, event, one_event_each};

/// Refuses the series of one device with this status, as the receiver refuses data.
pub(crate) fn refuse(device: &str, code: u16) -> Fault {
    let (series, text) = (SeriesMatcher::new("device", device), format!("err: {device} is not wanted"));
    Fault::always(Matcher::Any, Action::RefuseSeries { series, code, text })
}

fn array(events: &[String]) -> String {
    format!("[{}]", events.join(","))
}

#[tokio::test]
async fn an_invalid_event_fails_a_direct_invoke() {
    let mut stage = Stage::start().await;
    let events = [event("a", NOW_MS, 1), event("bad", NOW_MS, "\"12hello\""), event("b", NOW_MS, 1)];
    let (kind, message) = stage.error(array(&events)).await;
    assert_eq!(kind, "InvalidEvent");
    for part in ["event 1", "metrics.ph", "12hello"] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(stage.stored_devices(), ["a", "b"], "the valid ones are written");
}

#[tokio::test]
async fn a_rejected_event_fails_a_direct_invoke() {
    let mut stage = Stage::start().await;
    stage.fail(refuse("bad", 422));
    let events = [event("a", NOW_MS, 1), event("bad", NOW_MS, 1), event("b", NOW_MS, 1)];
    let (kind, message) = stage.error(array(&events)).await;
    assert_eq!(kind, "WriteRejected");
    for part in ["event 1", "422", "err: bad is not wanted"] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(stage.stored_devices(), ["a", "b"], "the others are written");
}

#[tokio::test]
async fn a_failed_write_fails_a_direct_invoke() {
    let mut stage = Setup::new().timeout_s(2).start().await;
    stage.fail(Fault::always(Matcher::Any, Action::status(503, "taking a nap")));
    let (kind, message) = stage.error(event("a", NOW_MS, 1)).await;
    assert_eq!(kind, "WriteFailed");
    assert!(message.contains("503") && message.contains("taking a nap"), "{message}");
}

#[tokio::test]
async fn a_batch_gives_back_its_invalid_and_rejected_messages() {
    for code in [400, 409, 422] {
        let mut stage = Stage::start().await;
        stage.fail(refuse("bad", code));
        let bodies = [
            event("a", NOW_MS, 1),
            "hello".to_owned(),
            event("bad", NOW_MS, 1),
            event("b", NOW_MS, "true"),
            event("c", NOW_MS, 1),
        ];
        assert_eq!(stage.bodies(&bodies).await, [1, 2, 3], "{code}");
        assert_eq!(stage.stored_devices(), ["a", "c"]);
    }
}

#[tokio::test]
async fn a_message_is_rejected_with_one_of_its_events() {
    for ingestion in [Ingestion::KeepGood, Ingestion::RollBack] {
        let mut stage = Setup::new().amp(|amp| amp.ingestion = ingestion).start().await;
        stage.fail(refuse("bad", 400));
        let bodies = [
            array(&[event("a", NOW_MS, 1), event("bad", NOW_MS, 1)]),
            array(&[event("b", NOW_MS, 1), event("c", NOW_MS, 1)]),
        ];
        assert_eq!(stage.bodies(&bodies).await, [0], "{ingestion:?}");
        assert_eq!(stage.stored_devices(), ["a", "b", "c"], "every good sample is written: {ingestion:?}");
    }
}

/// The setup is wrong, not the data: everything is delivered once it is corrected.
#[tokio::test]
async fn a_setup_error_gives_everything_back_without_a_retry() {
    for code in [301, 307, 401, 403, 404, 415] {
        let mut stage = Stage::start().await;
        stage.fail(Fault::always(Matcher::Any, Action::status(code, "set me up")));
        assert_eq!(stage.bodies(&one_event_each(3)).await, [0, 1, 2], "{code}");
        let (kind, message) = stage.error(event("a", NOW_MS, 1)).await;
        assert_eq!(kind, "WriteFailed", "{code}");
        assert!(message.contains(&code.to_string()) && message.contains("set me up"), "{message}");
        assert_eq!(stage.statuses(), [Some(code); 2]);
    }
}

#[tokio::test]
async fn the_worst_outcome_decides_the_type_of_a_direct_error() {
    let mut stage = Stage::start().await;
    stage.fail(refuse("bad", 400));
    let events = [event("a", NOW_MS, 1), event("x", NOW_MS, "true"), event("bad", NOW_MS, 1)];
    let (kind, message) = stage.error(array(&events)).await;
    assert_eq!(kind, "WriteRejected");
    assert!(message.contains("event 1") && message.contains("event 2"), "both are named: {message}");
    assert_eq!(stage.stored_devices(), ["a"]);
}

#[tokio::test]
async fn an_error_is_bounded_however_many_events_are_bad() {
    let mut stage = Stage::start().await;
    let events: Vec<_> = (0..5_000).map(|at| event(&"x".repeat(400), at, "\"hello\"")).collect();
    let (kind, message) = stage.error(array(&events)).await;
    assert_eq!(kind, "InvalidEvent");
    assert!(message.len() < 4_000, "{} bytes", message.len());
    assert!(message.contains("5000"), "{message}");
}
