//! The registered extensions and the events that they wait for. Every change wakes all waiting tasks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use local_testing::truncate;
use serde_json::{Value, json};
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use super::super::{FunctionOptions, TRACE_ID};
use super::{ExtensionFault, Refusal, ShutdownReason};

/// Characters of a value that an error message repeats.
const MAX_QUOTED: usize = 100;

/// Identifiers are unique within this process, so that those of an earlier sandbox are unknown to the next.
static IDENTIFIERS: AtomicU64 = AtomicU64::new(1);

/// What an extension can register for.
const INVOKE: &str = "INVOKE";
const SHUTDOWN: &str = "SHUTDOWN";

/// One extension. It is busy until it requests the next event.
#[derive(Debug, Default)]
pub(crate) struct Entry {
    name: String,
    identifier: Option<String>,
    events: Vec<&'static str>,
    waiting: Option<oneshot::Sender<Value>>,
    /// An event that arrived while it was busy.
    pending: Option<Value>,
    pub(crate) is_busy: bool,
    has_failed: bool,
    pub(crate) registered_at: Option<Instant>,
    /// When it first requested an event.
    pub(crate) ready_at: Option<Instant>,
    requested_at: Option<Instant>,
}

#[derive(Debug)]
struct State {
    entries: Vec<Entry>,
    is_open: bool,
    fault: Option<ExtensionFault>,
}

/// The extensions of one sandbox. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Registry {
    state: Arc<watch::Sender<State>>,
    pub(crate) options: Arc<FunctionOptions>,
}

impl Registry {
    pub(crate) fn new(options: &FunctionOptions) -> Self {
        let names = options.extensions.iter().map(|program| {
            program.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
        });
        let entries = names.map(|name| Entry { name, ..Entry::default() }).collect();
        let state = State { entries, is_open: true, fault: None };
        Self { state: Arc::new(watch::Sender::new(state)), options: Arc::new(options.clone()) }
    }

    /// Registers an extension and returns its identifier.
    pub(super) fn register(&self, name: &str, events: &[&str]) -> Result<String, Refusal> {
        let mut known = Vec::new();
        for event in events {
            match [INVOKE, SHUTDOWN].into_iter().find(|offered| offered == event) {
                Some(event) if known.contains(&event) => {}
                Some(event) => known.push(event),
                None => {
                    let message = format!("{}: invalid event type", truncate(event, MAX_QUOTED));
                    return Err(Refusal::forbidden("Extension.InvalidEventType", message));
                }
            }
        }
        let number = IDENTIFIERS.fetch_add(1, Ordering::Relaxed);
        let identifier = format!("00000000-0000-4000-9000-{number:012x}");
        self.change(|state| {
            let is_open = state.is_open;
            let Some(entry) = state.entries.iter_mut().find(|entry| entry.name == name) else {
                let message = format!("no extension {:?}", truncate(name, MAX_QUOTED));
                return Err(Refusal::forbidden("Extension.InvalidExtensionName", message));
            };
            if entry.identifier.is_some() {
                return Err(Refusal::forbidden(
                    "Extension.AlreadyRegistered",
                    format!("{name} is registered"),
                ));
            }
            if !is_open {
                return Err(Refusal::forbidden(
                    "Extension.RegistrationClosed",
                    "the init phase is over".to_owned(),
                ));
            }
            entry.identifier = Some(identifier.clone());
            entry.events = known;
            entry.registered_at = Some(Instant::now());
            Ok(identifier)
        })
    }

    /// The name of the extension with this identifier.
    pub(super) fn identify(&self, identifier: &str) -> Result<String, Refusal> {
        self.change(|state| state.of(identifier).map(|entry| entry.name.clone()))
    }

    /// Requests the next event. The first request makes the extension ready, and also returns the telemetry record of that.
    pub(super) fn next(
        &self,
        identifier: &str,
    ) -> Result<(oneshot::Receiver<Value>, Option<Value>), Refusal> {
        self.change(|state| {
            let entry = state.of(identifier)?;
            let (sender, receiver) = oneshot::channel();
            let now = Instant::now();
            let is_first = entry.ready_at.is_none();
            let is_ready = json!({ "name": entry.name, "state": "Ready", "events": entry.events });
            entry.ready_at.get_or_insert(now);
            entry.requested_at = Some(now);
            entry.is_busy = false;
            entry.waiting = Some(sender);
            if let Some(event) = entry.pending.take() {
                entry.give(event);
            }
            Ok((receiver, is_first.then_some(is_ready)))
        })
    }

    /// "After Lambda receives the error, no further API calls succeed."
    pub(super) fn fail(&self, fault: ExtensionFault) {
        self.change(|state| {
            let failed = state.entries.iter_mut().filter(|entry| entry.name == fault.extension);
            failed.for_each(|entry| entry.has_failed = true);
            state.fault.get_or_insert(fault);
        });
    }

    pub(crate) fn close_registration(&self) {
        self.change(|state| state.is_open = false);
    }

    /// Passes an invocation to the extensions that registered for it.
    pub(crate) fn send_invoke(&self, request_id: &str, deadline_ms: i64) {
        let arn = self.options.arn();
        self.send(&json!({
            "eventType": INVOKE,
            "deadlineMs": deadline_ms,
            "requestId": request_id,
            "invokedFunctionArn": arn,
            "tracing": { "type": "X-Amzn-Trace-Id", "value": TRACE_ID },
        }));
    }

    /// Passes SHUTDOWN to the extensions that registered for it; a busy one gets it with its next request.
    pub(crate) fn send_shutdown(&self, reason: ShutdownReason, deadline_ms: i64) {
        let reason = reason.name();
        self.send(&json!({ "eventType": SHUTDOWN, "shutdownReason": reason, "deadlineMs": deadline_ms }));
    }

    fn send(&self, event: &Value) {
        self.change(|state| {
            let receives = |entry: &&mut Entry| entry.events.iter().any(|name| event["eventType"] == **name);
            state.entries.iter_mut().filter(receives).for_each(|entry| entry.give(event.clone()));
        });
    }

    /// Waits until every extension is in a state.
    pub(crate) async fn all(&self, is_so: impl Fn(&Entry) -> bool) {
        // The sender lives in `self`, so this ends only with the state.
        let _ = self.state.subscribe().wait_for(|state| state.entries.iter().all(&is_so)).await;
    }

    /// Waits for the first report of an error.
    pub(crate) async fn fault(&self) -> ExtensionFault {
        let mut changes = self.state.subscribe();
        let state =
            changes.wait_for(|state| state.fault.is_some()).await.expect("the sender lives in `self`");
        state.fault.clone().expect("it was waited for")
    }

    /// Reads the entry of an extension.
    pub(super) fn look<T>(&self, name: &str, read: impl FnOnce(&Entry) -> T) -> Option<T> {
        self.state.borrow().entries.iter().find(|entry| entry.name == name).map(read)
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut result = None;
        self.state.send_modify(|state| result = Some(change(state)));
        result.expect("the closure was called")
    }
}

impl State {
    fn of(&mut self, identifier: &str) -> Result<&mut Entry, Refusal> {
        let entry = self.entries.iter_mut().find(|entry| entry.identifier.as_deref() == Some(identifier));
        let unknown = || {
            Refusal::forbidden(
                "Extension.UnknownExtensionIdentifier",
                "no extension has this identifier".to_owned(),
            )
        };
        let entry = entry.ok_or_else(unknown)?;
        if entry.has_failed {
            let message = format!("{} has reported an error", entry.name);
            return Err(Refusal::forbidden("Extension.InvalidExtensionState", message));
        }
        Ok(entry)
    }
}

impl Entry {
    /// When it requested the event after the latest invocation, if it gets invocations.
    pub(super) fn done_at(&self) -> Option<Instant> {
        self.requested_at.filter(|_| self.events.contains(&INVOKE))
    }

    pub(super) fn gets_shutdown(&self) -> bool {
        self.events.contains(&SHUTDOWN)
    }

    fn give(&mut self, event: Value) {
        self.is_busy = true;
        self.pending = match self.waiting.take() {
            Some(waiting) => waiting.send(event).err(),
            None => Some(event),
        };
    }
}
