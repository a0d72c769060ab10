//! Delivers events to one subscriber, in order: `POST` requests with JSON arrays to its port on 127.0.0.1.
//!
//! Nothing waits for this task; it stops while the sandbox is frozen. Source: Lambda Developer Guide, telemetry-api,
//! "Specifying a destination protocol": "Lambda retries to send telemetry (with backoff) in the absence of a listener, or
//! if the POST request encounters an error."

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt as _, Full};
use serde_json::json;

use super::Subscription;
use super::buffer::{Batch, Dropped};
use super::event::Event;
use crate::backoff;
use crate::bodies::{HttpClient, http_client};
use local_testing::clock::rfc3339;

/// Attempts for one batch. The guide promises retries, but not how many.
const ATTEMPTS: u32 = 5;

/// The pauses between them.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// The time limit for one batch.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(5);

/// Delivers until it is aborted, no more events will come, or another subscription replaces this one.
pub(super) async fn run(subscription: Arc<Subscription>) {
    let http = http_client();
    loop {
        if !wait_until_due(&subscription).await {
            return;
        }
        let now = subscription.time.now();
        let batch = subscription.buffer().take(now, |dropped| logs_dropped(&subscription, dropped));
        if deliver(&subscription, &http, &batch).await {
            subscription.delivered.fetch_add(batch.items.len(), Ordering::Relaxed);
        } else {
            subscription.buffer().lose(&batch, subscription.time.now());
            if subscription.is_over.load(Ordering::Relaxed) {
                return;
            }
        }
    }
}

/// False if nothing is left to deliver.
async fn wait_until_due(subscription: &Subscription) -> bool {
    loop {
        let due = subscription.buffer().due();
        match due {
            _ if subscription.is_retired.load(Ordering::Relaxed) => return false,
            Some(due) if due <= subscription.time.now() => {
                subscription.time.while_stopped().await;
                return true;
            }
            Some(due) => {
                tokio::select! {
                    () = subscription.time.sleep_until(due) => {}
                    () = subscription.changed.notified() => {}
                }
            }
            None if subscription.is_over.load(Ordering::Relaxed) => return false,
            None => subscription.changed.notified().await,
        }
    }
}

/// Whether the subscriber accepted it.
async fn deliver(subscription: &Subscription, http: &HttpClient, batch: &Batch) -> bool {
    let body = Bytes::from(format!("[{}]", batch.items.join(",")));
    let time = &subscription.time;
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            if subscription.is_over.load(Ordering::Relaxed) {
                return false;
            }
            time.sleep_until(time.now() + backoff::wait(PAUSES, attempt - 1)).await;
        }
        let limit = time.now() + ATTEMPT_LIMIT;
        tokio::select! {
            is_taken = post(subscription, http, body.clone()) => if is_taken { return true },
            () = time.sleep_until(limit) => {}
        }
    }
    false
}

async fn post(subscription: &Subscription, http: &HttpClient, body: Bytes) -> bool {
    let (port, path) = (subscription.request.port, &subscription.request.path);
    let request = Request::post(format!("http://127.0.0.1:{port}{path}"))
        .header(header::HOST, format!("sandbox.localdomain:{port}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(body))
        .expect("the port is a number, and the path was part of a URI");
    let Ok(response) = http.request(request).await else { return false };
    let is_success = response.status().is_success();
    // Read to its end, so that the connection can be used again.
    let _ = response.into_body().collect().await;
    is_success
}

/// Telemetry schema reference, `platform.logsDropped`.
fn logs_dropped(subscription: &Subscription, dropped: Dropped) -> String {
    let record = json!({
        "droppedBytes": dropped.bytes,
        "droppedRecords": dropped.records,
        "reason": "the subscriber is slower than the events, or does not answer",
    });
    let time = rfc3339(subscription.clock.now_ms());
    Event::platform(&time, "logsDropped", &record).render(subscription.request.schema_version).0.clone()
}
