//! One function with its execution environments: as many processes as there are invocations at a time.
//!
//! In: invocations. Out: their outcomes; one that finds every environment busy is refused at the limit. An
//! environment that ended its invocation waits for the next one, the latest first, as Lambda prefers.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::Instant;

use super::answer::FunctionError;
use crate::runtime::{Function, FunctionOptions, Invocation, InvocationRequest, Shutdown};

/// All environments are busy, and the function may have no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("all {limit} execution environments are busy")]
pub struct ConcurrencyExceeded {
    /// The function's reserved concurrency.
    pub limit: u32,
}

/// What a watcher sees of a function.
#[derive(Debug)]
pub enum Seen<'a> {
    /// An invocation that is over for its caller.
    Invocation(SeenInvocation<'a>),
    /// Lines of extensions, each after the extension's name and a colon, and the last lines of an environment.
    Lines(&'a [String]),
}

/// An invocation as a watcher sees it.
#[derive(Debug)]
pub struct SeenInvocation<'a> {
    /// The function's name.
    pub function: &'a str,
    /// The function's time-out.
    pub timeout: Duration,
    /// Length of the payload.
    pub payload_bytes: usize,
    /// What came of it.
    pub invocation: &'a Invocation,
}

type Watcher = Box<dyn Fn(Seen<'_>) + Send + Sync>;

/// An execution environment as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Environment {
    /// Its process, if one runs.
    pub pid: Option<u32>,
    /// Whether it has an invocation.
    pub is_busy: bool,
}

/// What happened so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Invocations that ran, whatever came of them.
    pub invocations: u64,
    /// Those that ended with a function error.
    pub errors: u64,
    /// Those that were refused because every environment was busy.
    pub throttles: u64,
}

/// A function. Clones are the same function.
#[derive(Clone)]
pub struct Pool(Arc<Shared>);

struct Shared {
    options: FunctionOptions,
    limit: u32,
    slots: Arc<Semaphore>,
    environments: Mutex<Environments>,
    /// Held while environments are shut down, so that whoever wants all to be gone waits for those on their way.
    shutdown: tokio::sync::Mutex<()>,
    numbers: AtomicU64,
    errors: AtomicU64,
    throttles: AtomicU64,
    finished: AtomicU64,
    watcher: Watcher,
}

#[derive(Debug, Default)]
struct Environments {
    idle: Vec<Slot>,
    states: Vec<Arc<State>>,
}

/// An environment that waits.
#[derive(Debug)]
struct Slot {
    function: Function,
    state: Arc<State>,
    /// When its last invocation was over.
    idle_since: Instant,
}

#[derive(Debug)]
struct State {
    pid: Arc<AtomicU32>,
    is_busy: AtomicBool,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool")
            .field("options", &self.0.options)
            .field("limit", &self.0.limit)
            .finish_non_exhaustive()
    }
}

impl Pool {
    /// A function that runs at most `limit` invocations at a time; `watcher` is told of each when it is over.
    pub fn new(
        options: FunctionOptions,
        limit: u32,
        watcher: impl Fn(Seen<'_>) + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Shared {
            options,
            limit,
            slots: Arc::new(Semaphore::new(usize::try_from(limit).unwrap_or(Semaphore::MAX_PERMITS))),
            environments: Mutex::default(),
            shutdown: tokio::sync::Mutex::default(),
            numbers: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            throttles: AtomicU64::new(0),
            finished: AtomicU64::new(0),
            watcher: Box::new(watcher),
        }))
    }

    /// How it is configured.
    pub fn options(&self) -> &FunctionOptions {
        &self.0.options
    }

    /// Its environments as they are now.
    pub fn environments(&self) -> Vec<Environment> {
        let environments = self.0.environments();
        let now = |state: &Arc<State>| Environment {
            pid: Some(state.pid.load(Ordering::Relaxed)).filter(|pid| *pid != 0),
            is_busy: state.is_busy.load(Ordering::SeqCst),
        };
        environments.states.iter().map(now).collect()
    }

    /// What happened so far.
    pub fn counts(&self) -> Counts {
        Counts {
            invocations: self.0.finished.load(Ordering::SeqCst),
            errors: self.0.errors.load(Ordering::SeqCst),
            throttles: self.0.throttles.load(Ordering::Relaxed),
        }
    }

    /// An id for the next invocation: one of a kind within the function, in the form of Lambda's.
    fn next_request_id(&self) -> String {
        let number = self.0.numbers.fetch_add(1, Ordering::Relaxed) + 1;
        format!("00000000-0000-4000-8000-{number:012x}")
    }

    /// Runs one invocation to its end, also when the caller no longer waits for it.
    ///
    /// # Errors
    /// Every environment is busy.
    pub async fn invoke(
        &self,
        payload: Bytes,
        client_context: Option<String>,
    ) -> Result<Invocation, ConcurrencyExceeded> {
        let Ok(permit) = Arc::clone(&self.0.slots).try_acquire_owned() else {
            self.0.throttles.fetch_add(1, Ordering::Relaxed);
            return Err(ConcurrencyExceeded { limit: self.0.limit });
        };
        let (request_id, headers) = (self.next_request_id(), Vec::new());
        let request = InvocationRequest { request_id, payload, client_context, headers };
        let shared = Arc::clone(&self.0);
        let (answer, answered) = oneshot::channel();
        tokio::spawn(async move { shared.run(request, permit, answer).await });
        Ok(answered.await.expect("an invocation is neither cancelled nor does it panic"))
    }

    /// Ends the environments that wait, as Lambda ends those that it needs no longer, all at the same time: extensions
    /// are told and have two seconds. The next invocation is a cold start.
    pub async fn shutdown(&self) -> Vec<Shutdown> {
        self.shutdown_idle(Duration::ZERO).await
    }

    /// As [`Pool::shutdown`], for the environments that have waited for `idle` or longer.
    pub async fn shutdown_idle(&self, idle: Duration) -> Vec<Shutdown> {
        let _one_at_a_time = self.0.shutdown.lock().await;
        let is_over = |slot: &mut Slot| slot.idle_since.elapsed() >= idle;
        let mut ended: Vec<Slot> = self.0.environments().idle.extract_if(.., is_over).collect();
        let shutdowns = join_all(ended.iter_mut().map(|slot| slot.function.shutdown())).await;
        shutdowns.iter().flatten().for_each(|shutdown| self.0.tell_lines(&shutdown.logs));
        // The last is taken first, and those that are still warm shall be.
        self.0.environments().idle.splice(0..0, ended);
        shutdowns.into_iter().flatten().collect()
    }
}

impl Shared {
    fn environments(&self) -> MutexGuard<'_, Environments> {
        self.environments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run(
        &self,
        request: InvocationRequest,
        permit: OwnedSemaphorePermit,
        answer: oneshot::Sender<Invocation>,
    ) {
        let payload_bytes = request.payload.len();
        let mut slot = self.take_slot();
        let invocation = slot.function.answer(request).await;
        // Whoever sees that nothing is at work any more must find it counted.
        self.finished.fetch_add(1, Ordering::SeqCst);
        if FunctionError::of(&invocation, self.options.timeout).is_some() {
            self.errors.fetch_add(1, Ordering::SeqCst);
        }
        let tell = |invocation: Invocation| {
            (self.watcher)(Seen::Invocation(SeenInvocation {
                function: &self.options.name,
                timeout: self.options.timeout,
                payload_bytes,
                invocation: &invocation,
            }));
            // The caller may have gone away.
            let _ = answer.send(invocation);
        };
        if slot.function.is_unfinished() {
            // "Lambda returns the response to the client, even if extensions are still running."
            tell(invocation);
            slot.function.finish().await;
            self.tell_lines(&slot.function.take_extension_logs());
            self.put_back(slot, permit);
        } else {
            slot.function.finish().await;
            let lines = slot.function.take_extension_logs();
            self.put_back(slot, permit);
            tell(invocation);
            self.tell_lines(&lines);
        }
    }

    fn tell_lines(&self, lines: &[String]) {
        if !lines.is_empty() {
            (self.watcher)(Seen::Lines(lines));
        }
    }

    fn put_back(&self, mut slot: Slot, permit: OwnedSemaphorePermit) {
        slot.idle_since = Instant::now();
        slot.state.is_busy.store(false, Ordering::SeqCst);
        self.environments().idle.push(slot);
        // The environment is back before its permit is, so that whoever gets the permit finds it.
        drop(permit);
    }

    /// An environment that waits, or a new one; a permit says that there may be one.
    fn take_slot(&self) -> Slot {
        let mut environments = self.environments();
        let slot = environments.idle.pop().unwrap_or_else(|| {
            let function = Function::cold(self.options.clone());
            let state = Arc::new(State { pid: function.watch_pid(), is_busy: AtomicBool::new(false) });
            environments.states.push(Arc::clone(&state));
            Slot { function, state, idle_since: Instant::now() }
        });
        slot.state.is_busy.store(true, Ordering::Relaxed);
        slot
    }
}
