//! One function with its execution environments: as many processes as there are concurrent invocations, up to a limit. The
//! environment that was used last gets the next invocation, as on Lambda.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::Instant;

use crate::runtime::{Function, FunctionOptions, Invocation, InvocationRequest, ResponseStream, Shutdown};

/// All environments are busy, and the limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("all execution environments are busy")]
pub struct ConcurrencyExceeded;

/// An event for a watcher.
#[derive(Debug)]
pub enum PoolEvent<'a> {
    /// An invocation whose caller has its answer.
    Invocation {
        /// The function's name.
        function: &'a str,
        /// Length of the payload.
        payload_bytes: usize,
        /// The result.
        invocation: &'a Invocation,
    },
    /// Lines of extensions, each after the extension's name and a colon, and the last lines of an environment.
    Lines(&'a [String]),
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
    slots: Arc<Semaphore>,
    state: Mutex<State>,
    /// Held while environments are shut down, so that a caller that waits for all of them includes those of other calls.
    shutdown: tokio::sync::Mutex<()>,
    watcher: Watcher,
}

#[derive(Debug, Default)]
struct State {
    idle: Vec<Slot>,
    /// The process id of each environment (zero if none runs), and whether it has an invocation.
    environments: Vec<(Arc<AtomicU32>, bool)>,
    requests: u64,
    counts: Counts,
}

/// An environment that is idle or has just been taken.
#[derive(Debug)]
struct Slot {
    function: Function,
    /// Its place in the list of environments.
    at: usize,
    /// When its last invocation ended.
    idle_since: Instant,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("options", &self.0.options).finish_non_exhaustive()
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
            slots: Arc::new(Semaphore::new(usize::try_from(limit).unwrap_or(Semaphore::MAX_PERMITS))),
            state: Mutex::default(),
            shutdown: tokio::sync::Mutex::default(),
            watcher: Box::new(watcher),
        }))
    }

    /// Its configuration.
    pub fn options(&self) -> &FunctionOptions {
        &self.0.options
    }

    /// Its environments at this moment.
    pub fn environments(&self) -> Vec<Environment> {
        let now = |(pid, is_busy): &(Arc<AtomicU32>, bool)| Environment {
            pid: Some(pid.load(Ordering::Relaxed)).filter(|pid| *pid != 0),
            is_busy: *is_busy,
        };
        self.0.state().environments.iter().map(now).collect()
    }

    /// The counts so far.
    pub fn counts(&self) -> Counts {
        self.0.state().counts
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
        let answered = self.start(payload, client_context, None)?;
        Ok(answered.await.expect("an invocation is neither cancelled nor does it panic"))
    }

    /// As [`Pool::invoke`], for a caller that takes the response as it arrives (`InvokeWithResponseStream`): the stream, whose
    /// sender is dropped if the function returns its response whole, and the invocation at its end.
    ///
    /// # Errors
    /// Every environment is busy.
    pub fn invoke_streamed(
        &self,
        payload: Bytes,
    ) -> Result<(oneshot::Receiver<ResponseStream>, oneshot::Receiver<Invocation>), ConcurrencyExceeded> {
        let (sender, stream) = oneshot::channel();
        Ok((stream, self.start(payload, None, Some(sender))?))
    }

    fn start(
        &self,
        payload: Bytes,
        client_context: Option<String>,
        stream: Option<oneshot::Sender<ResponseStream>>,
    ) -> Result<oneshot::Receiver<Invocation>, ConcurrencyExceeded> {
        let Ok(permit) = Arc::clone(&self.0.slots).try_acquire_owned() else {
            self.0.state().counts.throttles += 1;
            return Err(ConcurrencyExceeded);
        };
        let number = {
            let mut state = self.0.state();
            state.requests += 1;
            state.requests
        };
        let request = InvocationRequest { client_context, stream, ..InvocationRequest::new(number, payload) };
        let shared = Arc::clone(&self.0);
        let (answer, answered) = oneshot::channel();
        tokio::spawn(async move { shared.run(request, permit, answer).await });
        Ok(answered)
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
        let mut ended: Vec<Slot> = self.0.state().idle.extract_if(.., is_over).collect();
        let shutdowns = join_all(ended.iter_mut().map(|slot| slot.function.shutdown())).await;
        shutdowns.iter().flatten().for_each(|shutdown| self.0.publish_lines(&shutdown.logs));
        // The last one is used first, and that shall be a warm one.
        self.0.state().idle.splice(0..0, ended);
        shutdowns.into_iter().flatten().collect()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
        {
            // Counted first, so that a caller that finds no running invocation finds it counted.
            let mut state = self.state();
            state.counts.invocations += 1;
            state.counts.errors += u64::from(invocation.response().is_none());
        }
        let publish = |invocation: Invocation| {
            (self.watcher)(PoolEvent::Invocation {
                function: &self.options.name,
                payload_bytes,
                invocation: &invocation,
            });
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
        let mut state = self.state();
        state.environments[slot.at].1 = false;
        state.idle.push(slot);
        drop(state);
        // The environment is returned before its permit, so that the next owner of the permit finds it.
        drop(permit);
    }

    /// An idle environment, or a new one; the permit guarantees that there is room for it.
    fn take_slot(&self) -> Slot {
        let mut state = self.state();
        let slot = state.idle.pop().unwrap_or_else(|| {
            let function = Function::cold(self.options.clone());
            state.environments.push((function.watch_pid(), true));
            Slot { function, at: state.environments.len() - 1, idle_since: Instant::now() }
        });
        state.environments[slot.at].1 = true;
        slot
    }
}
