//! The telemetry of a function's sandboxes, delivered to its subscribers by one task each.
//!
//! Reporting an event never waits. Source: Lambda Developer Guide, "Accessing real-time telemetry data for extensions using
//! the Telemetry API".

mod buffer;
mod delivery;
mod event;
mod subscription;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use self::buffer::Buffer;
use self::event::Event;
pub(super) use self::subscription::Stream;
use self::subscription::SubscriptionRequest;
use super::active_time::ActiveTime;
use super::extension::Refusal;
use local_testing::clock::{Clock, rfc3339};

/// Events before the first subscription that are kept for it. An extension subscribes while the sandbox initialises.
const MAX_EARLY_EVENTS: usize = 10_000;

/// How long deliveries may continue when the extensions have ended.
const LAST_DELIVERIES: Duration = Duration::from_millis(500);

/// The telemetry of a function's sandboxes. Clones are the same telemetry; it survives a sandbox.
#[derive(Debug, Clone)]
pub struct Telemetry(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    clock: Clock,
    /// Stands still while the sandbox is frozen.
    time: ActiveTime,
    hub: Mutex<Hub>,
}

#[derive(Debug)]
struct Hub {
    /// Without extensions nothing is kept.
    is_on: bool,
    logs_json: bool,
    /// The events so far, while extensions can still subscribe.
    early: Option<Vec<Event>>,
    subscriptions: Vec<Arc<Subscription>>,
    /// The deliveries; dropping them ends them.
    workers: JoinSet<()>,
}

/// A subscriber and its undelivered events.
#[derive(Debug)]
struct Subscription {
    extension: String,
    request: SubscriptionRequest,
    clock: Clock,
    time: ActiveTime,
    buffer: Mutex<Buffer>,
    /// Events that it has accepted.
    delivered: AtomicUsize,
    changed: Notify,
    /// Set when another subscription replaced it.
    is_retired: AtomicBool,
    /// Set when no more events will come: the rest is delivered once.
    is_over: AtomicBool,
}

impl Telemetry {
    pub(super) fn new(clock: Clock) -> Self {
        let hub = Hub {
            is_on: true,
            logs_json: false,
            early: Some(Vec::new()),
            subscriptions: Vec::new(),
            workers: JoinSet::new(),
        };
        Self(Arc::new(Shared { clock, time: ActiveTime::running(), hub: Mutex::new(hub) }))
    }

    /// Delivers any event to the subscribers of its type (`function`, `extension`; any other counts as `platform`). Without a
    /// sandbox, it waits for the first subscribers.
    pub fn inject(&self, event: &Value) {
        self.report(Event::injected(event));
    }

    /// How many events the present subscribers have accepted.
    pub fn delivered(&self) -> usize {
        self.hub().subscriptions.iter().map(|s| s.delivered.load(Ordering::Relaxed)).sum()
    }

    pub(super) fn now_ms(&self) -> i64 {
        self.0.clock.now_ms()
    }

    /// A sandbox starts. Without extensions there are no subscribers.
    pub(super) fn begin(&self, has_extensions: bool, logs_json: bool) {
        self.0.time.resume();
        let mut hub = self.hub();
        (hub.is_on, hub.logs_json) = (has_extensions, logs_json);
    }

    /// The init phase is over, and with it the time to subscribe.
    pub(super) fn close_subscription(&self) {
        self.hub().early = None;
    }

    /// Delivers everything as soon as possible.
    pub(super) fn flush(&self) {
        for subscription in &self.hub().subscriptions {
            subscription.buffer().close();
            subscription.changed.notify_one();
        }
    }

    /// The processes have ended. Deliveries under way may still succeed.
    pub(super) async fn drain(&self) {
        let mut workers = {
            let mut hub = self.hub();
            for subscription in &hub.subscriptions {
                subscription.is_over.store(true, Ordering::Relaxed);
                subscription.changed.notify_one();
            }
            std::mem::take(&mut hub.workers)
        };
        let all = async { while workers.join_next().await.is_some() {} };
        // Unfinished deliveries end with the set.
        let _ = tokio::time::timeout(LAST_DELIVERIES, all).await;
    }

    /// The sandbox has ended, and its subscriptions with it.
    pub(super) fn end(&self) {
        let mut hub = self.hub();
        hub.subscriptions.clear();
        hub.workers = JoinSet::new();
        hub.early = Some(Vec::new());
    }

    pub(super) fn freeze(&self) {
        self.0.time.stop();
    }

    pub(super) fn thaw(&self) {
        self.0.time.resume();
    }

    /// Subscribes an extension; a second subscription replaces its first.
    pub(super) fn subscribe(&self, extension: &str, body: &[u8]) -> Result<(), Refusal> {
        let request =
            SubscriptionRequest::parse(body).map_err(|why| Refusal::bad_request("ValidationError", why))?;
        let types: Vec<&str> = request.streams.iter().map(|stream| stream.name()).collect();
        let record = json!({ "name": extension, "state": "Subscribed", "types": types });
        let mut hub = self.hub();
        let Some(early) = hub.early.clone() else {
            let message = "the init phase is over".to_owned();
            return Err(Refusal::bad_request("Telemetry.SubscriptionClosed", message));
        };
        let reports_drops = request.streams.contains(&Stream::Platform);
        let subscription = Arc::new(Subscription {
            extension: extension.to_owned(),
            buffer: Mutex::new(Buffer::new(request.buffering, reports_drops)),
            request,
            clock: self.0.clock.clone(),
            time: self.0.time.clone(),
            delivered: AtomicUsize::new(0),
            changed: Notify::new(),
            is_retired: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
        });
        for event in &early {
            subscription.offer(event);
        }
        for former in hub.subscriptions.extract_if(.., |other| other.extension == extension) {
            former.is_retired.store(true, Ordering::Relaxed);
            former.changed.notify_one();
        }
        hub.workers.spawn(delivery::run(Arc::clone(&subscription)));
        hub.subscriptions.push(subscription);
        drop(hub);
        self.platform("telemetrySubscription", &record);
        Ok(())
    }

    /// Reports an event of the platform; `kind` without `platform.`.
    pub(super) fn platform(&self, kind: &str, record: &Value) {
        self.report(Event::platform(&self.time(), kind, record));
    }

    /// Reports a log line of the function or of an extension.
    pub(super) fn line(&self, stream: Stream, text: &str) {
        let logs_json = self.hub().logs_json;
        self.report(Event::line(&self.time(), stream, text, logs_json));
    }

    fn report(&self, event: Event) {
        let mut hub = self.hub();
        if !hub.is_on {
            return;
        }
        for subscription in &hub.subscriptions {
            subscription.offer(&event);
        }
        if let Some(early) = hub.early.as_mut().filter(|early| early.len() < MAX_EARLY_EVENTS) {
            early.push(event);
        }
    }

    /// "The string value of `time` is a timestamp in ISO 8601 format."
    fn time(&self) -> String {
        rfc3339(self.now_ms())
    }

    fn hub(&self) -> MutexGuard<'_, Hub> {
        self.0.hub.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscription {
    fn offer(&self, event: &Event) {
        if self.request.streams.contains(&event.stream) {
            let (item, bytes) = event.render(self.request.schema_version);
            self.buffer().push(item.clone(), *bytes, self.time.now());
            self.changed.notify_one();
        }
    }

    fn buffer(&self) -> MutexGuard<'_, Buffer> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
