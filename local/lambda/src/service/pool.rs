//! One function with its execution environments: as many processes as there are concurrent invocations, up to a limit. The
//! environment that was used last gets the next invocation, as on Lambda.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::Instant;

use super::answer::FunctionError;
use crate::runtime::{Function, FunctionOptions, Invocation, InvocationRequest, Shutdown};

/// All environments are busy, and the limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("all {limit} execution environments are busy")]
pub struct ConcurrencyExceeded {
    /// The function's reserved concurrency.
    pub limit: u32,
}

/// An event for a watcher.
#[derive(Debug)]
pub enum PoolEvent<'a> {
    /// An invocation whose caller has its answer.
    Invocation(FinishedInvocation<'a>),
    /// Lines of extensions, each after the extension's name and a colon, and the last lines of an environment.
    Lines(&'a [String]),
}

/// An invocation for a watcher.
#[derive(Debug)]
pub struct FinishedInvocation<'a> {
    /// The function's name.
    pub function: &'a str,
    /// The function's timeout.
    pub timeout: Duration,
    /// Length of the payload.
    pub payload_bytes: usize,
    /// The result.
    pub invocation: &'a Invocation,
}

type Watcher = Box<dyn Fn(PoolEvent<'_>) + Send + Sync>;

/// An execution environment as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Environment {
    /// Its process, if it runs.
    pub pid: Option<u32>,
    /// Whether it has an invocation.
    pub is_busy: bool,
}

/// Counts of invocations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Invocations that ran, successful or not.
    pub invocations: u64,
    /// Invocations with a function error.
    pub errors: u64,
    /// Invocations rejected because every environment was busy.
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
    /// Held while environments are shut down, so that a caller that waits for all of them includes those of other calls.
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

/// An idle environment.
#[derive(Debug)]
struct Slot {
    function: Function,
    state: Arc<State>,
    /// When its last invocation ended.
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
    /// A function with at most `limit` concurrent invocations; `watcher` is called after each of them.
    pub fn new(
        options: FunctionOptions,
        limit: u32,
        watcher: impl Fn(PoolEvent<'_>) + Send + Sync + 'static,
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

    /// Its configuration.
    pub fn options(&self) -> &FunctionOptions {
        &self.0.options
    }

    /// Its environments at this moment.
    pub fn environments(&self) -> Vec<Environment> {
        let environments = self.0.environments();
        let now = |state: &Arc<State>| Environment {
            pid: Some(state.pid.load(Ordering::Relaxed)).filter(|pid| *pid != 0),
            is_busy: state.is_busy.load(Ordering::SeqCst),
        };
        environments.states.iter().map(now).collect()
    }

    /// The counts so far.
    pub fn counts(&self) -> Counts {
        Counts {
            invocations: self.0.finished.load(Ordering::SeqCst),
            errors: self.0.errors.load(Ordering::SeqCst),
            throttles: self.0.throttles.load(Ordering::Relaxed),
        }
    }

    /// A request id, unique within the function, in the form of Lambda's.
    fn next_request_id(&self) -> String {
        let number = self.0.numbers.fetch_add(1, Ordering::Relaxed) + 1;
        format!("00000000-0000-4000-8000-{number:012x}")
    }

    /// Runs one invocation to its end, even if the caller no longer waits for it.
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

    /// Shuts down all idle environments at the same time, as Lambda does: extensions get the event SHUTDOWN and two seconds. The
    /// next invocation is a cold start.
    pub async fn shutdown(&self) -> Vec<Shutdown> {
        self.shutdown_idle(Duration::ZERO).await
    }

    /// As [`Pool::shutdown`], for the environments that have been idle for `idle` or longer.
    pub async fn shutdown_idle(&self, idle: Duration) -> Vec<Shutdown> {
        let _one_at_a_time = self.0.shutdown.lock().await;
        let is_over = |slot: &mut Slot| slot.idle_since.elapsed() >= idle;
        let mut ended: Vec<Slot> = self.0.environments().idle.extract_if(.., is_over).collect();
        let shutdowns = join_all(ended.iter_mut().map(|slot| slot.function.shutdown())).await;
        shutdowns.iter().flatten().for_each(|shutdown| self.0.publish_lines(&shutdown.logs));
        // The last one is used first, and that shall be a warm one.
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
        // Counted first, so that a caller that finds no running invocation finds it counted.
        self.finished.fetch_add(1, Ordering::SeqCst);
        if FunctionError::of(&invocation, self.options.timeout).is_some() {
            self.errors.fetch_add(1, Ordering::SeqCst);
        }
        let publish = |invocation: Invocation| {
            (self.watcher)(PoolEvent::Invocation(FinishedInvocation {
                function: &self.options.name,
                timeout: self.options.timeout,
                payload_bytes,
                invocation: &invocation,
            }));
            // The caller may have disconnected.
            let _ = answer.send(invocation);
        };
        if slot.function.is_unfinished() {
            // "Lambda returns the response to the client, even if extensions are still running."
            publish(invocation);
            slot.function.finish().await;
            self.publish_lines(&slot.function.take_extension_logs());
            self.put_back(slot, permit);
        } else {
            slot.function.finish().await;
            let lines = slot.function.take_extension_logs();
            self.put_back(slot, permit);
            publish(invocation);
            self.publish_lines(&lines);
        }
    }

    fn publish_lines(&self, lines: &[String]) {
        if !lines.is_empty() {
            (self.watcher)(PoolEvent::Lines(lines));
        }
    }

    fn put_back(&self, mut slot: Slot, permit: OwnedSemaphorePermit) {
        slot.idle_since = Instant::now();
        slot.state.is_busy.store(false, Ordering::SeqCst);
        self.environments().idle.push(slot);
        // The environment is returned before its permit, so that the next owner of the permit finds it.
        drop(permit);
    }

    /// An idle environment, or a new one; the permit guarantees that there is room for it.
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
