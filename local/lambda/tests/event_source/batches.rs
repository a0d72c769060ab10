//! The payloads of the function.

use std::time::Duration;

use aws_sdk_sqs::primitives::Blob;
use aws_sdk_sqs::types::{
    MessageAttributeValue, MessageSystemAttributeNameForSends, MessageSystemAttributeValue,
};
use local_lambda::event_source::EventSourceOptions;
use serde_json::json;

use crate::scripted_sqs::ScriptedSqs;
use crate::support::{Queue, numbered, records, succeed};

/// Lambda Developer Guide, "Using Lambda with Amazon SQS": "By default, Lambda polls up to 10 messages in your queue
/// at once and sends that batch to your function".
#[tokio::test]
async fn by_default_a_batch_has_ten_messages_and_no_window() {
    let queue = ScriptedSqs::start(&numbered("m", 23), Duration::from_secs(30)).await;
    let mapping = queue.map(queue.options(), succeed).await;
    mapping.until(|figures| figures.deleted == 23).await;
    let mut sizes = mapping.sizes();
    sizes.sort_unstable();
    assert_eq!(sizes, [3, 10, 10]);
    assert_eq!(queue.visible_and_hidden(), (0, 0));
    queue.send("alone");
    mapping.until(|figures| figures.deleted == 24).await;
    assert_eq!(mapping.batches().last(), Some(&vec!["alone".to_owned()]));
}

/// Lambda Developer Guide, "Using Lambda with Amazon SQS": "until the batch window expires, the invocation payload
/// size quota is reached, or the configured maximum batch size is reached".
#[tokio::test]
async fn a_window_gathers_more_than_one_receive_returns() {
    let queue = ScriptedSqs::start(&numbered("m", 35), Duration::from_secs(30)).await;
    let options =
        EventSourceOptions { batch_size: 25, batching_window: Duration::from_secs(2), ..queue.options() };
    let mapping = queue.map(options, succeed).await;
    mapping.until(|figures| figures.deleted == 35).await;
    assert_eq!(mapping.sizes(), [25, 10]);
}

/// Lambda Developer Guide, "Using Lambda with Amazon SQS": example of a standard queue's message event.
#[tokio::test]
async fn a_record_has_all_fields_of_its_message() {
    let queue = Queue::create("record", 30).await;
    let attribute = |data_type: &str| MessageAttributeValue::builder().data_type(data_type);
    let trace = "Root=1-5759e988-bd862e3fe1be46a994272793";
    let sent = queue.sqs.client().send_message().queue_url(&queue.url).message_body("Test message.");
    let sent = sent
        .message_attributes("text", attribute("String").string_value("é\n\"").build().expect("a type"))
        .message_attributes("kind", attribute("String.kind").string_value("a").build().expect("a type"))
        .message_attributes("number", attribute("Number").string_value("1.50").build().expect("a type"))
        .message_attributes(
            "bytes",
            attribute("Binary").binary_value(Blob::new([0, 255, 62])).build().expect("a type"),
        )
        .message_system_attributes(
            MessageSystemAttributeNameForSends::AwsTraceHeader,
            MessageSystemAttributeValue::builder()
                .data_type("String")
                .string_value(trace)
                .build()
                .expect("ok"),
        )
        .send()
        .await
        .expect("sent");
    let mapping = queue.map(queue.options(), succeed).await;
    mapping.until(|figures| figures.deleted == 1).await;
    let record = &records(&mapping.payloads()[0])[0];
    assert_eq!(record["messageId"].as_str(), sent.message_id());
    assert!(record["receiptHandle"].as_str().is_some_and(|handle| !handle.is_empty()));
    assert_eq!(record["body"], "Test message.");
    assert_eq!(record["md5OfBody"], "e4e68fb7bd0e697a0ae8f1bb342846b3");
    assert_eq!(record["md5OfMessageAttributes"].as_str(), sent.md5_of_message_attributes());
    assert_eq!(record["eventSource"], "aws:sqs");
    assert_eq!(record["eventSourceARN"], "arn:aws:sqs:eu-west-1:123456789012:record");
    assert_eq!(record["awsRegion"], "eu-west-1");
    let attributes = &record["attributes"];
    assert_eq!(attributes["ApproximateReceiveCount"], "1");
    assert_eq!(attributes["AWSTraceHeader"], trace);
    for name in ["SentTimestamp", "ApproximateFirstReceiveTimestamp", "SenderId"] {
        assert!(attributes[name].is_string(), "{name} of {attributes}");
    }
    let expected = |name: &str, value: &str, data_type: &str| json!({ name: value, "stringListValues": [], "binaryListValues": [], "dataType": data_type });
    assert_eq!(
        record["messageAttributes"],
        json!({
            "text": expected("stringValue", "é\n\"", "String"),
            "kind": expected("stringValue", "a", "String.kind"),
            "number": expected("stringValue", "1.50", "Number"),
            "bytes": expected("binaryValue", "AP8+", "Binary"),
        })
    );
}
