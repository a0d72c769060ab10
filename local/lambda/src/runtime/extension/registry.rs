//! The registered extensions and the events that they wait for. Every change wakes all waiting tasks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use local_testing::truncate;
use serde_json::{Value, json};
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use super::super::{FunctionOptions, TRACE_ID};
use super::{ExtensionFault, ShutdownReason};

/// Characters of a value that an error message repeats.
const MAX_QUOTED: usize = 100;

/// Identifiers are unique within this process, so that those of an earlier sandbox are unknown to the next.
static IDENTIFIERS: AtomicU64 = AtomicU64::new(1);

/// What an extension can register for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lifecycle {
    Invoke,
    Shutdown,
}

impl Lifecycle {
    pub(super) fn from_name(name: &str) -> Option<Self> {
        [Self::Invoke, Self::Shutdown].into_iter().find(|event| event.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Invoke => "INVOKE",
            Self::Shutdown => "SHUTDOWN",
        }
    }
}

/// Why a request is rejected, with status 403 unless it is malformed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) error_type: &'static str,
    pub(super) message: String,
}

/// One extension. It is busy until it requests the next event.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    identifier: Option<String>,
    pub(super) events: Vec<Lifecycle>,
    waiting: Option<oneshot::Sender<Value>>,
    /// An event that arrived while it was busy.
    pending: Option<Value>,
    is_busy: bool,
    has_failed: bool,
    pub(super) registered_at: Option<Instant>,
    pub(super) ready_at: Option<Instant>,
    pub(super) requested_at: Option<Instant>,
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
        let names = options.extensions.programs.iter().map(|program| {
            program.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
        });
        let entries = names.map(Entry::new).collect();
        let state = State { entries, is_open: true, fault: None };
        Self { state: Arc::new(watch::Sender::new(state)), options: Arc::new(options.clone()) }
    }

    /// Registers an extension and returns its identifier.
    pub(super) fn register(&self, name: &str, events: &[&str]) -> Result<String, Refusal> {
        let mut known = Vec::new();
        for event in events {
            let Some(event) = Lifecycle::from_name(event).filter(|event| self.offers(*event)) else {
                let message = format!("{}: invalid event type", truncate(event, MAX_QUOTED));
                return Err(refusal("Extension.InvalidEventType", message));
            };
            if !known.contains(&event) {
                known.push(event);
            }
        }
        let number = IDENTIFIERS.fetch_add(1, Ordering::Relaxed);
        let identifier = format!("00000000-0000-4000-9000-{number:012x}");
        self.change(|state| {
            let is_open = state.is_open;
            let Some(entry) = state.entries.iter_mut().find(|entry| entry.name == name) else {
                let message = format!("no extension {:?}", truncate(name, MAX_QUOTED));
                return Err(refusal("Extension.InvalidExtensionName", message));
            };
            if entry.identifier.is_some() {
                return Err(refusal("Extension.AlreadyRegistered", format!("{name} is registered")));
            }
            if !is_open {
                return Err(refusal("Extension.RegistrationClosed", "the init phase is over".to_owned()));
            }
            entry.identifier = Some(identifier.clone());
            entry.events = known;
            entry.registered_at = Some(Instant::now());
            Ok(identifier)
        })
    }

    fn offers(&self, event: Lifecycle) -> bool {
        event != Lifecycle::Invoke || !self.options.extensions.refuses_invoke_events
    }

    /// The name of the extension with this identifier.
    pub(super) fn identify(&self, identifier: &str) -> Result<String, Refusal> {
        self.change(|state| state.of(identifier).map(|entry| entry.name.clone()))
    }

    /// Requests the next event. Also returns whether this is the extension's first request, which makes it ready.
    pub(super) fn next(&self, identifier: &str) -> Result<(oneshot::Receiver<Value>, bool), Refusal> {
        self.change(|state| {
            let entry = state.of(identifier)?;
            let (sender, receiver) = oneshot::channel();
            let now = Instant::now();
            let is_first = entry.ready_at.is_none();
            entry.ready_at.get_or_insert(now);
            entry.requested_at = Some(now);
            entry.is_busy = false;
            entry.waiting = Some(sender);
            if let Some(event) = entry.pending.take() {
                entry.give(event);
            }
            Ok((receiver, is_first))
        })
    }

    /// "After Lambda receives the error, no further API calls succeed."
    pub(super) fn fail(&self, identifier: &str, error_type: &str, message: &str) -> Result<(), Refusal> {
        self.change(|state| {
            let entry = state.of(identifier)?;
            entry.has_failed = true;
            let fault = ExtensionFault {
                extension: entry.name.clone(),
                error_type: error_type.to_owned(),
                message: message.to_owned(),
            };
            state.fault.get_or_insert(fault);
            Ok(())
        })
    }

    /// The events that an extension registered for, by name.
    pub(super) fn events_of(&self, name: &str) -> Vec<&'static str> {
        let state = self.state.borrow();
        let entry = state.entries.iter().find(|entry| entry.name == name);
        entry.map(|entry| entry.events.iter().map(|event| event.name()).collect()).unwrap_or_default()
    }

    pub(crate) fn close_registration(&self) {
        self.change(|state| state.is_open = false);
    }

    /// Passes an invocation to the extensions that registered for it.
    pub(crate) fn send_invoke(&self, request_id: &str, deadline_ms: i64) {
        let arn = self.options.arn();
        self.send(
            Lifecycle::Invoke,
            &json!({
                "eventType": "INVOKE",
                "deadlineMs": deadline_ms,
                "requestId": request_id,
                "invokedFunctionArn": arn,
                "tracing": { "type": "X-Amzn-Trace-Id", "value": TRACE_ID },
            }),
        );
    }

    /// Passes SHUTDOWN to the extensions that registered for it; a busy one gets it with its next request.
    pub(crate) fn send_shutdown(&self, reason: ShutdownReason, deadline_ms: i64) {
        self.send(
            Lifecycle::Shutdown,
            &json!({
                "eventType": "SHUTDOWN",
                "shutdownReason": reason.name(),
                "deadlineMs": deadline_ms,
            }),
        );
    }

    fn send(&self, event: Lifecycle, content: &Value) {
        self.change(|state| {
            for entry in state.entries.iter_mut().filter(|entry| entry.events.contains(&event)) {
                entry.give(content.clone());
            }
        });
    }

    /// Waits until every extension is registered.
    pub(crate) async fn all_registered(&self) {
        self.all(|entry| entry.identifier.is_some()).await;
    }

    /// Waits until every extension has requested its first event.
    pub(crate) async fn all_ready(&self) {
        self.all(|entry| entry.ready_at.is_some()).await;
    }

    /// Waits until every extension with an invocation has requested the next event.
    pub(crate) async fn all_done(&self) {
        self.all(|entry| !entry.is_busy).await;
    }

    /// Waits for the first report of an error.
    pub(crate) async fn fault(&self) -> ExtensionFault {
        let mut changes = self.state.subscribe();
        loop {
            if let Some(fault) = &changes.borrow_and_update().fault {
                return fault.clone();
            }
            // The sender lives in `self`, so this ends only with a change.
            let _ = changes.changed().await;
        }
    }

    /// Reads the entry of an extension.
    pub(super) fn look<T>(&self, name: &str, read: impl FnOnce(&Entry) -> T) -> Option<T> {
        self.state.borrow().entries.iter().find(|entry| entry.name == name).map(read)
    }

    async fn all(&self, is_so: impl Fn(&Entry) -> bool) {
        // As above, the sender lives.
        let _ = self.state.subscribe().wait_for(|state| state.entries.iter().all(&is_so)).await;
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
        let unknown =
            || refusal("Extension.UnknownExtensionIdentifier", "no extension has this identifier".to_owned());
        let entry = entry.ok_or_else(unknown)?;
        if entry.has_failed {
            let message = format!("{} has reported an error", entry.name);
            return Err(refusal("Extension.InvalidExtensionState", message));
        }
        Ok(entry)
    }
}

impl Entry {
    fn new(name: String) -> Self {
        Self {
            name,
            identifier: None,
            events: Vec::new(),
            waiting: None,
            pending: None,
            is_busy: false,
            has_failed: false,
            registered_at: None,
            ready_at: None,
            requested_at: None,
        }
    }

    fn give(&mut self, event: Value) {
        self.is_busy = true;
        self.pending = match self.waiting.take() {
            Some(waiting) => waiting.send(event).err(),
            None => Some(event),
        };
    }
}

pub(super) fn refusal(error_type: &'static str, message: String) -> Refusal {
    Refusal { error_type, message }
}
