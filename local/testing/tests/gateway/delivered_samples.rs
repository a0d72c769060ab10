//! Delivered samples at the receiver: merged, ascending, one per timestamp, the last one of several.

use local_amp::{Ingestion, ReceivedRequest};
use serde_json::json;

use crate::outcomes::refuse;
use crate::support::{NOW_MS, Setup, Stage, event};

fn series_of(request: &ReceivedRequest) -> usize {
    request.request.as_ref().expect("it could be decoded").timeseries.len()
}

#[tokio::test]
async fn events_of_one_series_are_merged_and_ascend() {
    let mut stage = Stage::start().await;
    let order = [7, 2, 9, 0, 5, 1, 8, 3, 6, 4];
    let bodies: Vec<_> = order.iter().map(|&at| event("a", NOW_MS + at, at)).collect();
    assert_eq!(stage.bodies(&bodies).await, [0; 0]);
    let requests = stage.amp.requests();
    assert_eq!((requests.len(), series_of(&requests[0]), requests[0].sample_count()), (1, 1, 10));
    let values: Vec<_> = stage.stored("ph", "a").iter().map(|(_, value)| *value).collect();
    assert_eq!(values, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
}

#[tokio::test]
async fn the_order_of_dimensions_does_not_matter() {
    let mut stage = Stage::start().await;
    let events = format!(
        r#"[{{"dimensions":{{"a":"1","b":"2"}},"timestamp":{NOW_MS},"metrics":{{"m":1}}}},
            {{"metrics":{{"m":2}},"timestamp":{},"dimensions":{{"b":"2","a":"1"}}}}]"#,
        NOW_MS + 1
    );
    assert_eq!(stage.summary(events).await, [2, 2, 1, 1]);
}

#[tokio::test]
async fn of_two_events_with_one_timestamp_the_last_is_written() {
    let mut stage = Stage::start().await;
    let bodies = [event("a", NOW_MS, 1), event("b", NOW_MS, 7), event("a", NOW_MS, 2), event("a", NOW_MS, 3)];
    assert_eq!(stage.bodies(&bodies).await, [0; 0]);
    assert_eq!(stage.stored("ph", "a"), [(NOW_MS, 3.0)]);
    let requests = stage.amp.requests();
    assert_eq!((requests.len(), requests[0].sample_count()), (1, 2));
}

#[tokio::test]
async fn a_direct_invoke_with_one_timestamp_twice_counts_both_events() {
    let mut stage = Stage::start().await;
    let events = format!("[{},{}]", event("a", NOW_MS, 1), event("a", NOW_MS, 2));
    let [events, _, series, requests] = stage.summary(events).await;
    assert_eq!((events, series, requests), (2, 1, 1));
    assert_eq!(stage.stored("ph", "a"), [(NOW_MS, 2.0)]);
}

/// The later event is invalid as a whole, so the earlier one is the last that arrived.
#[tokio::test]
async fn an_invalid_event_supersedes_nothing() {
    let mut stage = Stage::start().await;
    let invalid =
        json!({"dimensions": {"device": "a"}, "timestamp": NOW_MS, "metrics": {"ph": 2, "x": true}});
    assert_eq!(stage.bodies(&[event("a", NOW_MS, 1), invalid.to_string()]).await, [1]);
    assert_eq!(stage.stored("ph", "a"), [(NOW_MS, 1.0)]);
}

/// The later event also has a metric under a name that the receiver refuses, and with it falls as a whole.
#[tokio::test]
async fn a_value_is_not_lost_with_a_rejected_later_event() {
    let mut stage = Setup::new().amp(|amp| amp.ingestion = Ingestion::RollBack).start().await;
    stage.fail(refuse("bad", 400));
    let both = format!("[{},{}]", event("a", NOW_MS, 2), event("bad", NOW_MS, 2));
    assert_eq!(stage.bodies(&[event("a", NOW_MS, 1), both]).await, [1]);
    let stored = stage.stored("ph", "a");
    assert!(stored == [(NOW_MS, 1.0)] || stored == [(NOW_MS, 2.0)], "{stored:?}");
}

#[tokio::test]
async fn a_redelivery_of_stored_samples_changes_nothing() {
    let mut stage = Stage::start().await;
    let bodies: Vec<_> = (0..20).map(|at| event("a", NOW_MS + at, at)).collect();
    assert_eq!(stage.bodies(&bodies).await, [0; 0]);
    assert_eq!(stage.bodies(&bodies).await, [0; 0]);
    assert_eq!(stage.stored("ph", "a").len(), 20);
}

#[tokio::test]
async fn a_full_batch_of_small_events_is_one_request() {
    let mut stage = Stage::start().await;
    let bodies: Vec<_> = (0..5_000).map(|at| event(&format!("d{}", at % 250), NOW_MS + at, at)).collect();
    assert_eq!(stage.bodies(&bodies).await, [0; 0]);
    let requests = stage.amp.requests();
    assert_eq!((requests.len(), series_of(&requests[0]), requests[0].sample_count()), (1, 250, 5_000));
}

/// 2.8 MB of label sets and samples: three requests, and none of them over the limit.
#[tokio::test]
async fn a_large_payload_makes_few_requests() {
    let mut stage = Stage::start().await;
    let events: Vec<_> = (0..50_000).map(|at| event(&format!("d{at}"), NOW_MS + at % 100, at)).collect();
    let [events, samples, series, requests] = stage.summary(format!("[{}]", events.join(","))).await;
    assert_eq!((events, samples, series), (50_000, 50_000, 50_000));
    let sizes: Vec<_> = stage.amp.requests().iter().filter_map(|request| request.decoded_bytes).collect();
    assert_eq!(sizes.len() as u64, requests);
    assert!(sizes.iter().all(|&bytes| bytes <= 1_000_000), "{sizes:?}");
    assert_eq!(sizes.len(), sizes.iter().sum::<usize>().div_ceil(1_000_000), "{sizes:?}");
}
