//! Dead letters, read back from a real SQS API: the original message, unchanged, with the reason.

use std::collections::BTreeMap;

use base64::Engine as _;
use local_amp::{Action, Fault, Matcher};
use local_lambda::sqs::{QueueMessage, ReceivedMessage, sqs_event};
use serde_json::json;

use crate::outcomes::refuse;
use crate::queue::{Queue, stage_with_queue, start_with_queue, with_queue};
use crate::support::{FIFO_QUEUE, NOW_MS, QUEUE, Setup, event, messages, one_event_each};

fn bodies_of(letters: &[ReceivedMessage]) -> Vec<String> {
    let mut bodies: Vec<_> = letters.iter().map(|letter| letter.body.clone()).collect();
    bodies.sort();
    bodies
}

#[tokio::test]
async fn an_invalid_message_is_moved_unchanged_with_its_reason() {
    let (mut stage, queue) = stage_with_queue("invalid").await;
    let bodies =
        [event("a", NOW_MS, 1), " {\"dimensions\":{},\n\"é😀\": 1 }\n".to_owned(), event("b", NOW_MS, 1)];
    let messages = messages(&bodies);
    assert_eq!(stage.batch(&messages).await, [0; 0]);
    assert_eq!(stage.stored_devices(), ["a", "b"]);
    let letters = queue.letters().await;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].body, bodies[1]);
    let mut attributes = letters[0].attributes.clone();
    assert!(attributes.remove("detail").is_some_and(|detail| detail.contains("`timestamp` is missing")));
    let expected = [
        ("reason", "invalid"),
        ("source", QUEUE),
        ("messageId", messages[1].message_id.as_str()),
        ("sentTimestamp", &NOW_MS.to_string()),
    ];
    let expected: BTreeMap<_, _> = expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    assert_eq!(attributes, expected);
}

#[tokio::test]
async fn a_rejected_message_is_moved_with_status_and_text() {
    for code in [400, 422] {
        let (mut stage, queue) = stage_with_queue(&format!("refused-{code}")).await;
        stage.fail(refuse("bad", code));
        let bodies = [event("a", NOW_MS, 1), event("bad", NOW_MS, 1), event("b", NOW_MS, 1)];
        let messages = messages(&bodies);
        assert_eq!(stage.batch(&messages).await, [0; 0]);
        assert_eq!(stage.stored_devices(), ["a", "b"]);
        let letters = queue.letters().await;
        assert_eq!(bodies_of(&letters), [bodies[1].clone()]);
        let attributes = &letters[0].attributes;
        let names: Vec<_> = attributes.keys().map(String::as_str).collect();
        assert_eq!(names, ["detail", "messageId", "reason", "sentTimestamp", "source", "status"]);
        assert_eq!(
            (attributes["reason"].as_str(), attributes["status"].as_str()),
            ("rejected", &*code.to_string())
        );
        assert!(attributes["detail"].contains("err: bad is not wanted"), "{attributes:?}");
        assert_eq!(
            (attributes["messageId"].as_str(), attributes["source"].as_str()),
            (&*messages[1].message_id, QUEUE)
        );
    }
}

#[tokio::test]
async fn messages_that_may_succeed_later_are_not_moved() {
    for action in [Action::status(503, ""), Action::status(403, ""), Action::retry_after(429, "60")] {
        let (mut stage, queue) = start_with_queue(Setup::new().timeout_s(4), "not-now").await;
        stage.fail(Fault::always(Matcher::Any, action.clone()));
        let bodies = [event("a", NOW_MS, 1), "hello".to_owned(), event("b", NOW_MS, 1)];
        assert_eq!(stage.bodies(&bodies).await, [0, 2], "{action:?}");
        assert_eq!(bodies_of(&queue.letters().await), ["hello"], "{action:?}");
    }
}

#[tokio::test]
async fn a_base64_body_is_moved_as_it_came() {
    let (mut stage, queue) = stage_with_queue("base64").await;
    let body = base64::engine::general_purpose::STANDARD.encode(event("a", NOW_MS, "true"));
    assert_eq!(stage.bodies(&[&body]).await, [0; 0]);
    assert_eq!(bodies_of(&queue.letters().await), [body]);
}

/// They were dead letters of another service. Sent to the queue again, they are written.
#[tokio::test]
async fn wrapped_dead_letters_of_iot_core_and_lambda_can_be_redriven() {
    let (mut stage, queue) = stage_with_queue("wrapped").await;
    let (lambda, iot) = (
        include_str!("../../../../lambda/formats/tests/event/lambda-destination.json"),
        include_str!("../../../../lambda/formats/tests/event/iot-error-action.json"),
    );
    let published = base64::engine::general_purpose::STANDARD.encode(r#"{"temperature":14.3}"#);
    let reshaped = json!({"ruleName": "Telemetry", "base64OriginalPayload": published}).to_string();
    assert_eq!(stage.bodies(&[lambda, &reshaped, iot]).await, [0; 0]);
    for customer in ["customer1", "customer2"] {
        let stored = stage.amp.samples_of(&[("__name__", "temperature"), ("customerId", customer)]);
        assert_eq!(stored.into_iter().collect::<Vec<_>>(), [(NOW_MS, 14.3)], "{customer}");
    }
    let letters = queue.letters().await;
    assert_eq!(bodies_of(&letters), [reshaped], "the result of the rule's SQL is unknown");
    let detail = &letters[0].attributes["detail"];
    assert!(detail.contains("error action message of the IoT rule \"Telemetry\""), "{detail}");
}

#[tokio::test]
async fn a_message_with_an_array_is_moved_once_and_as_a_whole() {
    let (mut stage, queue) = stage_with_queue("array").await;
    let body =
        format!("[{},{},{}]", event("a", NOW_MS, 1), event("b", NOW_MS, "true"), event("c", NOW_MS, "null"));
    assert_eq!(stage.bodies(&[&body]).await, [0; 0]);
    assert_eq!(stage.amp.requests().len(), 0);
    let letters = queue.letters().await;
    assert_eq!(bodies_of(&letters), [body]);
    assert!(letters[0].attributes["detail"].contains("event 1"), "{:?}", letters[0].attributes);
}

#[tokio::test]
async fn more_letters_than_one_call_takes_all_arrive() {
    let (mut stage, queue) = stage_with_queue("many").await;
    stage.fail(refuse("bad", 400));
    let mut bodies = one_event_each(60);
    for at in (0..60).filter(|at| at % 2 == 0) {
        bodies[at] = format!("hello {at:02}");
    }
    bodies[31] = event("bad", NOW_MS, 1);
    assert_eq!(stage.bodies(&bodies).await, [0; 0]);
    let mut expected: Vec<_> = bodies.iter().filter(|body| body.starts_with("hello")).cloned().collect();
    expected.push(bodies[31].clone());
    expected.sort();
    assert_eq!(bodies_of(&queue.letters().await), expected);
    assert_eq!(stage.amp.sample_count(), 29);
}

/// Together they are more than SQS takes in one call.
#[tokio::test]
async fn large_letters_all_arrive() {
    let (mut stage, queue) = stage_with_queue("large").await;
    let bodies: Vec<_> = (0..12).map(|at| format!("{at:02} {}", "é".repeat(100_000))).collect();
    assert_eq!(stage.bodies(&bodies).await, [0; 0]);
    assert_eq!(bodies_of(&queue.letters().await), bodies);
}

#[tokio::test]
async fn a_detail_is_one_bounded_line() {
    let (mut stage, queue) = stage_with_queue("detail").await;
    let words = format!("first\r\nsecond\u{0}\u{1b}[31m {}", "y".repeat(5_000));
    stage.fail(Fault::always(Matcher::SamplesOver(0), Action::status(400, &words)));
    let long = "é\n".repeat(50_000);
    let bodies = [
        json!({"dimensions": {long.clone(): 1}, "timestamp": 1, "metrics": {"m": 1}}).to_string(),
        json!({"dimensions": {}, "timestamp": long, "metrics": {"m": 1}}).to_string(),
        json!({"dimensions": {}, "timestamp": 1, "metrics": {long.clone(): "x\u{0}\u{ffff}"}}).to_string(),
        event("a", NOW_MS, 1),
    ];
    assert_eq!(stage.bodies(&bodies).await, [0; 0]);
    let letters = queue.letters().await;
    assert_eq!(letters.len(), 4);
    for letter in letters {
        let detail = &letter.attributes["detail"];
        assert!(
            !detail.is_empty() && detail.chars().count() <= 2_000,
            "{} characters",
            detail.chars().count()
        );
        assert!(!detail.chars().any(char::is_control), "{detail:?}");
    }
}

#[tokio::test]
async fn without_a_sent_timestamp_the_others_are_attached() {
    let (mut stage, queue) = stage_with_queue("no-timestamp").await;
    let record =
        json!({"messageId": "id-1", "body": "hello", "eventSource": "aws:sqs", "eventSourceARN": QUEUE});
    let invocation = stage.invoke(json!({"Records": [record]}).to_string()).await;
    assert_eq!(invocation.batch_item_failures(), Some(Vec::new()));
    let letters = queue.letters().await;
    let names: Vec<_> = letters[0].attributes.keys().map(String::as_str).collect();
    assert_eq!(names, ["detail", "messageId", "reason", "source"]);
}

/// A FIFO queue refuses messages without a group.
#[tokio::test]
async fn a_fifo_queue_takes_dead_letters_of_both_kinds_of_queue() {
    for (name, is_fifo) in [("from-fifo.fifo", true), ("from-standard.fifo", false)] {
        let (mut stage, queue) = stage_with_queue(name).await;
        let mut messages: Vec<_> =
            (0..10).map(|at| QueueMessage::new(at, format!("hello {at:02}"), NOW_MS)).collect();
        if is_fifo {
            messages = (0..).zip(messages).map(|(at, m)| m.in_group(&format!("g{}", at % 3), at)).collect();
        }
        let arn = if is_fifo { FIFO_QUEUE } else { QUEUE };
        let invocation = stage.invoke(sqs_event(arn, &messages)).await;
        assert_eq!(invocation.batch_item_failures(), Some(Vec::new()));
        let expected: Vec<_> = messages.iter().map(|message| message.body.clone()).collect();
        assert_eq!(bodies_of(&queue.letters().await), expected);
    }
}

/// The order within a group of a FIFO queue holds for dead letters too. A batch has at most ten messages.
#[tokio::test]
async fn dead_letters_of_a_group_arrive_in_their_order() {
    let (mut stage, queue) = stage_with_queue("in-order.fifo").await;
    let messages: Vec<_> =
        (0..10).map(|at| QueueMessage::new(at, format!("hello {at:02}"), NOW_MS).in_group("g", at)).collect();
    assert_eq!(stage.fifo_batch(&messages).await, [0; 0]);
    let arrived: Vec<_> = queue
        .sqs
        .receive_all(&queue.url)
        .await
        .expect("the queue answers")
        .into_iter()
        .map(|m| m.body)
        .collect();
    assert_eq!(arrived, messages.iter().map(|message| message.body.clone()).collect::<Vec<_>>());
}

/// A message that cannot be moved unchanged stays in its queue.
#[tokio::test]
async fn a_body_that_is_not_text_is_given_back() {
    let (mut stage, queue) = stage_with_queue("no-text").await;
    let record = |id: &str, body: &str| {
        format!(r#"{{"messageId":"{id}","body":{body},"eventSource":"aws:sqs","eventSourceARN":"{QUEUE}"}}"#)
    };
    let records =
        [record("1", "\"hello\""), record("2", "12"), record("3", "\"\\ud800\""), record("4", "\"bye\"")];
    let invocation = stage.invoke(format!(r#"{{"Records":[{}]}}"#, records.join(","))).await;
    assert_eq!(invocation.batch_item_failures(), Some(vec!["2".to_owned(), "3".to_owned()]));
    assert_eq!(bodies_of(&queue.letters().await), ["bye", "hello"]);
}

/// SQS refuses an empty body, and with it the whole call; the others are moved one by one.
#[tokio::test]
async fn a_letter_that_the_queue_refuses_is_given_back() {
    let (mut stage, queue) = stage_with_queue("refuses-one").await;
    let bodies = ["hello", "", "bye"];
    let returned = stage.bodies(&bodies).await;
    let mut accounted = bodies_of(&queue.letters().await);
    accounted.extend(returned.iter().map(|&at| bodies[at].to_owned()));
    accounted.sort();
    assert_eq!(accounted, ["", "bye", "hello"], "each is moved or given back: {returned:?}");
    assert!(!returned.contains(&0) && !returned.contains(&2), "{returned:?}");
}

#[tokio::test]
async fn a_direct_invoke_never_uses_the_queue() {
    let (mut stage, queue) = stage_with_queue("direct").await;
    let (kind, _) = stage.error(event("a", NOW_MS, "true")).await;
    assert_eq!(kind, "InvalidEvent");
    assert_eq!(queue.letters().await, []);
}

/// Lambda delivers at least once: the same message may come twice in one batch.
#[tokio::test]
async fn a_message_twice_in_a_batch_is_answered_like_one() {
    let queue = Queue::create("twice").await;
    let mut stage = with_queue(Setup::new(), &queue.url).start().await;
    let message = QueueMessage::new(1, "hello", NOW_MS);
    let invocation = stage.invoke(sqs_event(QUEUE, &[message.clone(), message])).await;
    assert_eq!(invocation.batch_item_failures(), Some(Vec::new()));
    assert!(bodies_of(&queue.letters().await).iter().all(|body| body == "hello"));
}
