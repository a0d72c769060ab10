//! What becomes of each event: the table of outcomes for a direct invoke and for SQS without a dead-letter queue.

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
async fn any_2xx_is_delivered() {
    for status in [200, 201, 202, 204, 299] {
        let mut stage = Setup::new().amp(|amp| amp.success_status = status).start().await;
        assert_eq!(stage.summary(event("a", NOW_MS, 1)).await, [1, 1, 1, 1], "{status}");
        assert_eq!(stage.bodies(&[event("b", NOW_MS, 1)]).await, [0; 0], "{status}");
        assert_eq!(stage.statuses(), [Some(status); 2]);
    }
}

#[tokio::test]
async fn a_direct_invoke_with_an_invalid_event_fails_and_the_valid_ones_are_written() {
    let mut stage = Stage::start().await;
    let events = [event("a", NOW_MS, 1), event("bad", NOW_MS, "\"12hello\""), event("b", NOW_MS, 1)];
    let (kind, message) = stage.error(array(&events)).await;
    assert_eq!(kind, "InvalidEvent");
    assert!(
        message.contains("event 1") && message.contains("metrics.ph") && message.contains("12hello"),
        "{message}"
    );
    assert_eq!(stage.stored_devices(), ["a", "b"]);
}

#[tokio::test]
async fn a_direct_invoke_with_a_refused_event_fails_with_the_receivers_words_and_the_others_are_written() {
    for code in [400, 409, 422] {
        let mut stage = Stage::start().await;
        stage.fail(refuse("bad", code));
        let events = [event("a", NOW_MS, 1), event("bad", NOW_MS, 1), event("b", NOW_MS, 1)];
        let (kind, message) = stage.error(array(&events)).await;
        assert_eq!(kind, "WriteRejected");
        assert!(message.contains("event 1") && message.contains("err: bad is not wanted"), "{message}");
        assert!(message.contains(&code.to_string()), "{message}");
        assert_eq!(stage.stored_devices(), ["a", "b"]);
    }
}

#[tokio::test]
async fn a_direct_invoke_that_could_not_be_delivered_fails_with_the_reason() {
    let mut stage = Setup::new().timeout_s(2).start().await;
    stage.fail(Fault::always(Matcher::Any, Action::status(503, "taking a nap")));
    let (kind, message) = stage.error(event("a", NOW_MS, 1)).await;
    assert_eq!(kind, "WriteFailed");
    assert!(message.contains("503") && message.contains("taking a nap"), "{message}");
}

#[tokio::test]
async fn an_sqs_batch_gives_back_the_invalid_and_the_refused_and_nothing_else() {
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
async fn a_message_with_several_events_is_refused_if_one_of_them_is() {
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

/// The set-up is wrong, not the data: a person has to act, and then everything will be fine.
#[tokio::test]
async fn a_wrong_set_up_gives_everything_back_and_sends_the_same_bytes_never_again() {
    for code in [301, 302, 307, 401, 402, 403, 404, 405, 406, 410, 411, 415, 418, 421, 451, 499] {
        let mut stage = Stage::start().await;
        stage.fail(Fault::always(Matcher::Any, Action::status(code, "set me up")));
        assert_eq!(stage.bodies(&one_event_each(3)).await, [0, 1, 2], "{code}");
        assert_eq!(stage.statuses(), [Some(code)]);
        let (kind, message) = stage.error(event("a", NOW_MS, 1)).await;
        assert_eq!(kind, "WriteFailed", "{code}");
        assert!(message.contains(&code.to_string()) && message.contains("set me up"), "{message}");
        assert_eq!(stage.statuses().len(), 2, "{code}");
    }
}

#[tokio::test]
async fn the_worst_that_became_of_an_event_decides_the_type_of_a_direct_error() {
    let mut stage = Stage::start().await;
    stage.fail(refuse("bad", 400));
    let events = [event("a", NOW_MS, 1), event("x", NOW_MS, "true"), event("bad", NOW_MS, 1)];
    let (kind, message) = stage.error(array(&events)).await;
    assert_eq!(kind, "WriteRejected");
    assert!(message.contains("event 1") && message.contains("event 2"), "both are told of: {message}");
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
