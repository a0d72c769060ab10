//! Answers of SQS that moto never gives: each entry has a result of its own, and an answer that is not understood moved
//! nothing.

use std::time::Duration;

use local_amp::{Action, Fault, Matcher};
use local_lambda::sqs::sqs_event;
use local_testing::scripted::{Answer, ScriptedServer};
use serde_json::{Value, json};

use crate::support::{NOW_MS, QUEUE, Setup, Stage, event, messages};

/// A function whose dead-letter queue gives this answer to the nth call.
async fn stage(
    answer: impl Fn(&Value, usize) -> (u16, Value) + Send + Sync + 'static,
) -> (Stage, ScriptedServer) {
    slow_stage(Duration::ZERO, 3, answer).await
}

/// The same with a queue that answers after `delay`.
async fn slow_stage(
    delay: Duration,
    timeout_s: u64,
    answer: impl Fn(&Value, usize) -> (u16, Value) + Send + Sync + 'static,
) -> (Stage, ScriptedServer) {
    let queue = ScriptedServer::by(move |call, number| {
        let (status, answer) = answer(&call.json(), number);
        Answer::new(status, answer.to_string()).after(delay)
    })
    .await;
    let setup = Setup::new()
        .timeout_s(timeout_s)
        .env("DEAD_LETTER_QUEUE_URL", &format!("{}/123456789012/letters", queue.url()));
    (setup.start().await, queue)
}

/// The calls that the queue received.
fn calls(queue: &ScriptedServer) -> Vec<Value> {
    queue.requests().iter().map(local_testing::scripted::Request::json).collect()
}

fn entries(call: &Value) -> Vec<(String, String)> {
    let text = |entry: &Value, field: &str| entry[field].as_str().expect("text").to_owned();
    let entries = call["Entries"].as_array().expect("entries").iter();
    entries.map(|entry| (text(entry, "Id"), text(entry, "MessageBody"))).collect()
}

fn hellos(count: usize) -> Vec<String> {
    (0..count).map(|at| format!("hello {at}")).collect()
}

/// Refuses the entries whose body ends in this digit.
fn all_but(digit: char) -> impl Fn(&Value, usize) -> (u16, Value) {
    move |call, _| {
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for (id, body) in entries(call) {
            if body.ends_with(digit) {
                failed.push(
                    json!({"Id": id, "SenderFault": false, "Code": "InternalError", "Message": "try later"}),
                );
            } else {
                successful.push(json!({"Id": id, "MessageId": "m", "MD5OfMessageBody": "x"}));
            }
        }
        (200, json!({"Successful": successful, "Failed": failed}))
    }
}

#[tokio::test]
async fn each_entry_has_a_result_of_its_own() {
    let (mut stage, _queue) = stage(all_but('7')).await;
    let mut bodies = hellos(35);
    bodies.push(event("a", NOW_MS, 1));
    assert_eq!(stage.bodies(&bodies).await, [7, 17, 27]);
    assert_eq!(stage.stored_devices(), ["a"]);
}

#[tokio::test]
async fn an_entry_that_the_answer_does_not_mention_is_given_back() {
    let (mut stage, _queue) = stage(|call, _| {
        let first = entries(call).remove(0).0;
        (200, json!({"Successful": [{"Id": first, "MessageId": "m", "MD5OfMessageBody": "x"}]}))
    })
    .await;
    assert_eq!(stage.bodies(&hellos(3)).await.len(), 2);
}

#[tokio::test]
async fn an_answer_that_is_not_understood_moved_nothing() {
    for answer in
        [json!("yes"), json!({}), json!({"Successful": [{"Id": "no such entry"}]}), json!({"Successful": 1})]
    {
        let (mut stage, _queue) = stage(move |_, _| (200, answer.clone())).await;
        assert_eq!(stage.bodies(&hellos(3)).await, [0, 1, 2]);
    }
}

#[tokio::test]
async fn a_queue_that_recovers_gets_its_letters() {
    let answer = all_but('x');
    let (mut stage, _queue) = stage(move |call, number| match number {
        0..3 => (503, json!({"__type": "ServiceUnavailable"})),
        _ => answer(call, number),
    })
    .await;
    assert_eq!(stage.bodies(&hellos(3)).await, [0; 0]);
}

/// An attempt that is abandoned may have put its letters into the queue.
#[tokio::test]
async fn a_slow_queue_gets_each_letter_once() {
    // More than half of the time that there is for it.
    let (mut stage, queue) = slow_stage(Duration::from_millis(3_300), 6, all_but('x')).await;
    stage.bodies(&hellos(3)).await;
    assert_eq!(calls(&queue).len(), 1);
}

#[tokio::test]
async fn a_queue_that_throttles_gets_its_letters_later() {
    for kind in
        ["com.amazonaws.sqs#RequestThrottled", "com.amazonaws.sqs#KmsThrottled", "ThrottlingException"]
    {
        let answer = all_but('x');
        let (mut stage, queue) = stage(move |call, number| match number {
            0..2 => (400, json!({"__type": kind, "message": "Request is throttled."})),
            _ => answer(call, number),
        })
        .await;
        assert_eq!(stage.bodies(&hellos(3)).await, [0; 0], "{kind}");
        let sizes: Vec<_> = calls(&queue).iter().map(|call| entries(call).len()).collect();
        assert_eq!(sizes, [3, 3, 3], "{kind}: the call is repeated as it was");
    }
}

#[tokio::test]
async fn a_queue_that_throttles_to_the_end_gives_the_letters_back() {
    let throttled = json!({"__type": "com.amazonaws.sqs#RequestThrottled"});
    let (mut stage, queue) = stage(move |_, _| (400, throttled.clone())).await;
    let invocation = stage.invoke(sqs_event(QUEUE, &messages(&hellos(3)))).await;
    assert_eq!(invocation.batch_item_failures().map(|ids| ids.len()), Some(3));
    assert!(calls(&queue).iter().all(|call| entries(call).len() == 3), "no letter is sent alone");
    let warning = invocation.logs.iter().find(|line| line.contains("could not be moved"));
    assert!(warning.is_some_and(|line| line.contains("RequestThrottled")), "{warning:?}");
}

#[tokio::test]
async fn a_call_that_is_refused_for_good_is_not_repeated() {
    let (mut stage, queue) = stage(|_, _| (403, json!({"__type": "AccessDenied"}))).await;
    assert_eq!(stage.bodies(&hellos(10)).await.len(), 10);
    assert_eq!(calls(&queue).len(), 1);
}

#[tokio::test]
async fn a_queue_that_refuses_every_letter_gets_few_calls() {
    let (mut stage, queue) = stage(|_, _| (400, json!({"__type": "QueueDoesNotExist"}))).await;
    let invocation = stage.invoke(sqs_event(QUEUE, &messages(&hellos(1_000)))).await;
    assert_eq!(invocation.batch_item_failures().map(|ids| ids.len()), Some(1_000));
    let calls = calls(&queue).len();
    assert!(calls <= 20, "{calls} calls");
    let warnings = invocation.logs.iter().filter(|line| line.contains("could not be moved")).count();
    assert_eq!(warnings, 1, "one line however many letters");
}

#[tokio::test]
async fn one_letter_that_is_refused_does_not_stop_the_others() {
    let (mut stage, _queue) = stage(|call, number| {
        let bad = entries(call).iter().any(|(_, body)| body.ends_with('4'));
        if bad { (400, json!({"__type": "InvalidMessageContents"})) } else { all_but('!')(call, number) }
    })
    .await;
    assert_eq!(stage.bodies(&hellos(10)).await, [4]);
}

#[tokio::test]
async fn ids_of_other_letters_and_nulls_are_ignored() {
    let (mut stage, _queue) = stage(|call, _| {
        let known = entries(call).into_iter().map(|(id, _)| json!({"Id": id}));
        let other = (0..2_000).map(|id| json!({"Id": (id + 1_000).to_string()}));
        let successful: Vec<_> = known.take(1).chain(other).collect();
        (200, json!({"Successful": successful, "Failed": null}))
    })
    .await;
    assert_eq!(stage.bodies(&hellos(3)).await.len(), 2);
}

/// The queue names a message that was not in the call, and the null of a field is like its absence.
#[tokio::test]
async fn a_message_that_was_not_sent_is_not_taken_for_moved() {
    let (mut stage, _queue) = stage(|_, _| {
        let successful: Vec<_> = ["0", "1", "2", "+1"].map(|id| json!({"Id": id})).into();
        let failed = json!([{"Id": "1", "Code": "X", "Message": null, "SenderFault": "true"}]);
        (200, json!({"Successful": successful, "Failed": failed}))
    })
    .await;
    stage.fail(Fault::always(Matcher::Any, Action::status(503, "")));
    let bodies = [event("waits", NOW_MS, 1), "hello".to_owned()];
    assert_eq!(stage.bodies(&bodies).await, [0]);
}

/// SQS takes ten entries and 1 MiB, and ids that differ within a call.
#[tokio::test]
async fn calls_stay_within_the_limits_of_sqs() {
    let (mut stage, queue) = stage(all_but('!')).await;
    let mut bodies = hellos(95);
    bodies.extend((0..9).map(|at| format!("{at}{}", "x".repeat(300_000))));
    assert_eq!(stage.bodies(&bodies).await, [0; 0]);
    let mut seen = Vec::new();
    for call in calls(&queue) {
        let mut entries = entries(&call);
        assert!(entries.len() <= 10);
        assert!(entries.iter().map(|(_, body)| body.len()).sum::<usize>() <= 1_048_576);
        seen.extend(entries.iter().map(|(_, body)| body.clone()));
        entries.sort();
        assert!(entries.windows(2).all(|pair| pair[0].0 != pair[1].0));
    }
    seen.sort();
    bodies.sort();
    assert_eq!(seen, bodies);
}
