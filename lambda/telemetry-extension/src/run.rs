//! The loop of events: at each invocation, due metrics are sent while the function works.
//!
//! The sandbox is frozen once the function and every extension have requested the next event, which breaks a request in
//! progress. So a dispatch keeps its invocation open until it ends, but no longer than `INVOKE_WAIT`; after that it continues
//! while the sandbox is awake, and the next dispatch supersedes it. There is at most one dispatch at a time.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use aws::lambda_api::ApiError;
use aws::{Attempts, Cause, Client, Environment, Failure, Network, World};
use tokio::sync::Mutex;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, timeout, timeout_at};

use crate::config::{self, Config};
use crate::destination::{Destination, Dispatch, Identity, Undelivered};
use crate::extension_api::ExtensionApi;
use crate::labels;
use crate::listener::Shared;

/// The longest time that a dispatch keeps an invocation open: the documented cost of a slow destination. Within a region,
/// connecting and writing take some ten milliseconds.
const INVOKE_WAIT: Duration = Duration::from_millis(300);

/// The time limit of a dispatch, frozen or not.
const DISPATCH_LIMIT: Duration = Duration::from_secs(10);

/// The time from the shutdown event until Lambda kills extensions (Extensions API, "Shutdown phase").
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(2);

/// The time before that at which the extension ends.
const SHUTDOWN_MARGIN: Duration = Duration::from_millis(150);

/// The longest wait for telemetry at a shutdown: Lambda flushes its buffer within half a second.
const SETTLE_LIMIT: Duration = Duration::from_secs(1);

/// The time without a delivery after which telemetry is complete, where no report is expected.
const QUIET: Duration = Duration::from_millis(200);

/// The interval of checks whether a dispatch is due while no event arrives: during long invocations, and where there are no
/// events of invocations.
const TICK: Duration = Duration::from_secs(1);

/// The inputs of the loop.
#[derive(Debug)]
pub struct Inputs {
    /// Clock and jitter.
    pub world: World,
    /// Certificates to trust, and a proxy.
    pub network: Network,
    /// Random bits of the operating system.
    pub entropy: fn() -> u64,
    /// The environment variables of the function.
    pub environment: Environment,
    /// Whether the extension receives events of invocations. If not, nothing is ever frozen.
    pub has_invocations: bool,
}

/// Sends the metrics.
#[derive(Debug)]
pub struct Runner {
    config: Config,
    inputs: Inputs,
    shared: Arc<Shared>,
    /// Whether there was an invocation or a dispatch.
    has_begun: bool,
    /// The request id of the last invocation.
    last_request: Option<String>,
    destination: Option<Arc<Mutex<Destination>>>,
    running: Option<Running>,
}

/// A dispatch in progress.
#[derive(Debug)]
struct Running {
    task: JoinHandle<Result<(), Undelivered>>,
    began: Instant,
}

impl Runner {
    /// Sends the metrics of `shared`.
    pub fn new(config: Config, inputs: Inputs, shared: Arc<Shared>) -> Self {
        let (last_request, destination, running) = (None, None, None);
        Self { config, inputs, shared, has_begun: false, last_request, destination, running }
    }

    /// Handles events until the shutdown. Fails when Lambda returns no more events.
    pub async fn run(mut self, api: &ExtensionApi) -> Result<(), ApiError> {
        loop {
            let mut next = pin!(api.next());
            let event = loop {
                match timeout(TICK, &mut next).await {
                    Ok(event) => break event?,
                    Err(_) => self.tick().await,
                }
            };
            match event.event_type.as_str() {
                "INVOKE" => {
                    self.last_request = Some(event.request_id);
                    self.invoked(event.deadline_ms).await;
                }
                "SHUTDOWN" => {
                    self.shut_down(event.deadline_ms).await;
                    return Ok(());
                }
                _ => {}
            }
        }
    }

    async fn invoked(&mut self, deadline_ms: Option<u64>) {
        self.settle_finished().await;
        let now_ms = self.shared.now_ms();
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        if self.is_due() || (is_first && self.needs_zeros()) {
            self.begin();
        }
        let Some(running) = &mut self.running else { return };
        let left = deadline_ms.map(|deadline| Duration::from_millis(deadline.saturating_sub(now_ms)));
        let wait = (running.began + INVOKE_WAIT).saturating_duration_since(Instant::now());
        if let Ok(result) = timeout(left.map_or(wait, |left| wait.min(left / 2)), &mut running.task).await {
            self.running = None;
            self.settle(result);
        }
    }

    /// Dispatches while nothing is frozen, but not before the first invocation: an initialized environment may become a
    /// snapshot, and its identity would be that of all environments restored from it.
    async fn tick(&mut self) {
        self.settle_finished().await;
        let may_be_a_snapshot = self.inputs.has_invocations && !self.has_begun;
        if !may_be_a_snapshot && self.is_due() {
            self.begin();
        }
    }

    /// Sends everything.
    async fn shut_down(&mut self, deadline_ms: Option<u64>) {
        let now_ms = self.shared.now_ms();
        let given = deadline_ms.map(|deadline| Duration::from_millis(deadline.saturating_sub(now_ms)));
        let left = given.unwrap_or(SHUTDOWN_LIMIT).min(SHUTDOWN_LIMIT).saturating_sub(SHUTDOWN_MARGIN);
        let deadline = Instant::now() + left;
        self.wait_for_telemetry(Instant::now() + SETTLE_LIMIT.min(left / 2)).await;
        self.settle_finished().await;
        if let Some(running) = self.running.take() {
            // The last dispatch supersedes it.
            running.task.abort();
            let _ = running.task.await;
        }
        let dispatch = self.dispatch(deadline, true);
        let destination = self.destination();
        let result = timeout_at(deadline, async { destination.lock().await.dispatch(&dispatch).await }).await;
        match result {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "Failed to send the last metrics."),
            Err(_) => tracing::error!("Failed to send the last metrics in time."),
        }
    }

    /// Waits until Lambda has delivered its buffer. The report of the last invocation is the last event that matters.
    async fn wait_for_telemetry(&self, until: Instant) {
        loop {
            // Enabled before the state is read, so no delivery is missed.
            let mut arrived = pin!(self.shared.arrived.notified());
            arrived.as_mut().enable();
            let quiet = match &self.last_request {
                Some(id) if self.shared.state().intake.metrics.is_reported(id) => return,
                Some(_) => until,
                None => until.min(Instant::now() + QUIET),
            };
            if timeout_at(quiet, arrived).await.is_err() {
                return;
            }
        }
    }

    fn is_due(&self) -> bool {
        let now_ms = self.shared.now_ms();
        let state = self.shared.state();
        self.running.is_none() && state.schedule.is_due(state.intake.metrics.received(), now_ms)
    }

    /// A Pushgateway is scraped: a counter must exist as zero before its first increment.
    fn needs_zeros(&self) -> bool {
        matches!(self.config.destination, config::Destination::Pushgateway { .. })
    }

    fn begin(&mut self) {
        let dispatch = self.dispatch(Instant::now() + DISPATCH_LIMIT, false);
        let destination = self.destination();
        let task = tokio::spawn(async move {
            let mut destination = destination.lock().await;
            timeout_at(dispatch.deadline, destination.dispatch(&dispatch)).await.unwrap_or_else(|_| {
                let attempts = Attempts { count: 1, elapsed: DISPATCH_LIMIT };
                Err(Undelivered::Unknown(Failure::new(Cause::TimedOut, attempts)))
            })
        });
        self.running = Some(Running { task, began: Instant::now() });
    }

    fn dispatch(&mut self, deadline: Instant, is_last: bool) -> Dispatch {
        let now_ms = self.shared.now_ms();
        self.has_begun = true;
        let mut state = self.shared.state();
        let received = state.intake.metrics.received();
        state.schedule.began(received);
        let mut snapshot = state.intake.metrics.snapshot();
        self.config.selection.apply(&mut snapshot);
        Dispatch { snapshot, now_ms: i64::try_from(now_ms).unwrap_or(i64::MAX), is_last, deadline }
    }

    /// Created with the first dispatch, so after a restore from a snapshot, which many environments may share.
    fn destination(&mut self) -> Arc<Mutex<Destination>> {
        let (config, inputs, shared) = (&self.config, &self.inputs, &self.shared);
        let make = || {
            let random = (inputs.entropy)();
            let instance = {
                let state = shared.state();
                labels::instance(config.instance_label, state.intake.metrics.instance_id(), random)
            };
            let identity = Identity {
                labels: labels::common(inputs.environment, &instance, &config.external_labels),
                function: (inputs.environment)("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default(),
                instance,
            };
            let client = Client::new(config.region.clone(), &inputs.network, inputs.world);
            Arc::new(Mutex::new(Destination::new(config.destination.clone(), client, identity)))
        };
        Arc::clone(self.destination.get_or_insert_with(make))
    }

    async fn settle_finished(&mut self) {
        // Lets a dispatch end whose response arrived while the sandbox was frozen.
        tokio::task::yield_now().await;
        if self.running.as_ref().is_some_and(|running| running.task.is_finished())
            && let Some(running) = self.running.take()
        {
            self.settle(running.task.await);
        }
    }

    fn settle(&mut self, ended: Result<Result<(), Undelivered>, JoinError>) {
        // BUG: a dispatch panicked, so it is unknown whether it was delivered.
        let broken_off = |error: JoinError| Undelivered::Unknown(Cause::Network(error.to_string()).into());
        let now_ms = self.shared.now_ms();
        let mut state = self.shared.state();
        match ended.unwrap_or_else(|error| Err(broken_off(error))) {
            Ok(()) => {
                let received = state.intake.metrics.received();
                state.schedule.delivered(received, now_ms);
                state.intake.metrics.observe_dispatch("delivered");
            }
            Err(error) => {
                state.schedule.failed(now_ms, (self.inputs.world.random)());
                state.intake.metrics.observe_dispatch(error.outcome());
                tracing::warn!(%error, "Failed to send the metrics; the next dispatch supersedes them.");
            }
        }
    }
}

/// Requests events until the shutdown and does nothing else: if an extension ends, Lambda ends its function too.
pub async fn idle(api: &ExtensionApi) -> Result<(), ApiError> {
    while api.next().await?.event_type != "SHUTDOWN" {}
    Ok(())
}
