//! Run: the loop of events. An invocation comes, what is due is sent while the function works, the next is asked for.
//!
//! The sandbox is frozen as soon as the function and every extension have asked for the next event, and a request
//! that travels then is lost. So a dispatch holds an invocation open until it is over, but no longer than
//! `INVOKE_WAIT`; after that it goes on for as long as the sandbox is awake, and what it said travels with the next
//! one. There is never more than one dispatch under way.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use aws::lambda_api::ApiError;
use aws::{Attempts, Cause, Client, Failure, Network, World};
use tokio::sync::Mutex;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, timeout, timeout_at};

use crate::config::{self, Config};
use crate::destination::{Destination, Dispatch, Identity, Undelivered};
use crate::extension_api::{ExtensionApi, NextEvent};
use crate::labels::{self, Function};
use crate::listener::Shared;
use crate::metrics::word::DispatchOutcome;

/// The longest that a dispatch holds an invocation open after it began: the documented price of a slow destination.
/// Within a region, connecting and writing take some ten milliseconds.
const INVOKE_WAIT: Duration = Duration::from_millis(300);

/// A dispatch that takes longer, frozen or not, has failed.
const DISPATCH_LIMIT: Duration = Duration::from_secs(10);

/// Lambda kills extensions so long after the event of a shutdown (Extensions API, "Shutdown phase").
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(2);

/// So long before that, everything is over.
const SHUTDOWN_MARGIN: Duration = Duration::from_millis(150);

/// The longest wait at a shutdown for telemetry that is not there yet: Lambda's own buffer is flushed within
/// [`BUFFER_TIMEOUT_MS`].
const SETTLE_LIMIT: Duration = Duration::from_secs(1);

/// Where no report can be waited for, telemetry is complete once nothing has come for so long.
const QUIET: Duration = Duration::from_millis(200);

/// How often to look whether a dispatch is due while the environment is awake and no event comes: during long
/// invocations, and where there are no events of invocations at all.
const TICK: Duration = Duration::from_secs(1);

/// How long Lambda collects events before it delivers them, in milliseconds.
pub const BUFFER_TIMEOUT_MS: u32 = 500;

/// What the loop needs from outside.
#[derive(Debug)]
pub struct Edge {
    /// Clock and jitter.
    pub world: World,
    /// Certificates to trust, and a proxy.
    pub network: Network,
    /// Random bits of the operating system.
    pub entropy: fn() -> u64,
    /// The function that this extension belongs to.
    pub function: Function,
    /// Whether the extension gets events of invocations. Where it does not, nothing is ever frozen.
    pub has_invocations: bool,
}

/// Sends what is counted.
#[derive(Debug)]
pub struct Runner {
    config: Config,
    edge: Edge,
    shared: Arc<Shared>,
    /// When the first invocation came, in milliseconds since the epoch.
    since_ms: Option<u64>,
    /// The request id of the last invocation.
    last_request: Option<String>,
    destination: Option<Arc<Mutex<Destination>>>,
    under_way: Option<UnderWay>,
}

/// A dispatch that is not over.
#[derive(Debug)]
struct UnderWay {
    task: JoinHandle<Result<(), Undelivered>>,
    began: Instant,
}

/// What to do after an event.
enum Then {
    GoOn,
    End,
}

impl Runner {
    /// Sends what `shared` counts.
    pub fn new(config: Config, edge: Edge, shared: Arc<Shared>) -> Self {
        let (since_ms, last_request, destination, under_way) = (None, None, None, None);
        Self { config, edge, shared, since_ms, last_request, destination, under_way }
    }

    /// Asks for events until the shutdown.
    ///
    /// # Errors
    /// [`ApiError`]: Lambda gives no more events.
    pub async fn run(mut self, api: &ExtensionApi) -> Result<(), ApiError> {
        loop {
            let mut next = pin!(api.next());
            let event = loop {
                match timeout(TICK, &mut next).await {
                    Ok(event) => break event?,
                    Err(_) => self.tick().await,
                }
            };
            if let Then::End = self.handle(event).await {
                return Ok(());
            }
        }
    }

    async fn handle(&mut self, event: NextEvent) -> Then {
        match event {
            NextEvent::Invoke { request_id, deadline_ms } => {
                self.last_request = Some(request_id);
                self.invoked(deadline_ms).await;
                Then::GoOn
            }
            NextEvent::Shutdown { deadline_ms } => {
                self.shut_down(deadline_ms).await;
                Then::End
            }
            NextEvent::Unknown => Then::GoOn,
        }
    }

    async fn invoked(&mut self, deadline_ms: Option<u64>) {
        self.settle_finished().await;
        let now_ms = self.shared.now_ms();
        let is_first = self.since_ms.is_none();
        self.since_ms.get_or_insert(now_ms);
        if self.is_due() || (is_first && self.wants_announcement()) {
            self.begin();
        }
        let Some(under_way) = &mut self.under_way else { return };
        let left = deadline_ms.map(|deadline| Duration::from_millis(deadline.saturating_sub(now_ms)));
        let wait = (under_way.began + INVOKE_WAIT).saturating_duration_since(Instant::now());
        if let Ok(result) = timeout(left.map_or(wait, |left| wait.min(left / 2)), &mut under_way.task).await {
            self.under_way = None;
            self.settle(result.unwrap_or_else(|error| broken_off(&error)));
        }
    }

    /// While nothing is frozen, dispatches travel beside everything else. Not before the first invocation, though: an
    /// environment that is only initialised may become a snapshot, and its identity that of many.
    async fn tick(&mut self) {
        self.settle_finished().await;
        let may_be_a_snapshot = self.edge.has_invocations && self.since_ms.is_none();
        if !may_be_a_snapshot && self.is_due() {
            self.begin();
        }
    }

    /// Whatever there is, is sent.
    async fn shut_down(&mut self, deadline_ms: Option<u64>) {
        let now_ms = self.shared.now_ms();
        let told = deadline_ms.map(|deadline| Duration::from_millis(deadline.saturating_sub(now_ms)));
        let left = told.unwrap_or(SHUTDOWN_LIMIT).min(SHUTDOWN_LIMIT).saturating_sub(SHUTDOWN_MARGIN);
        let deadline = Instant::now() + left;
        self.wait_for_telemetry(Instant::now() + SETTLE_LIMIT.min(left / 2)).await;
        self.settle_finished().await;
        if let Some(under_way) = self.under_way.take() {
            // What it says, the last one says as well.
            under_way.task.abort();
            let _ = under_way.task.await;
        }
        let dispatch = self.dispatch(deadline, true);
        let destination = self.destination();
        let result = timeout_at(deadline, async { destination.lock().await.dispatch(&dispatch).await }).await;
        match result {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "The last metrics could not be sent."),
            Err(_) => tracing::error!("The last metrics could not be sent in time."),
        }
    }

    /// Lambda delivers what it still holds. The report of the last invocation is the last that matters.
    async fn wait_for_telemetry(&self, until: Instant) {
        loop {
            // Asked for before the state is looked at, so that nothing arrives unseen in between.
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
        self.under_way.is_none() && state.schedule.is_due(state.intake.metrics.received(), now_ms)
    }

    /// A Pushgateway is scraped: a counter has to be there as zero, or its first increments are nobody's.
    fn wants_announcement(&self) -> bool {
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
        self.under_way = Some(UnderWay { task, began: Instant::now() });
    }

    fn dispatch(&mut self, deadline: Instant, is_last: bool) -> Dispatch {
        let now_ms = self.shared.now_ms();
        self.since_ms.get_or_insert(now_ms);
        let mut state = self.shared.state();
        let received = state.intake.metrics.received();
        state.schedule.began(received);
        let mut snapshot = state.intake.metrics.snapshot();
        self.config.selection.apply(&mut snapshot);
        Dispatch { snapshot, now_ms: i64::try_from(now_ms).unwrap_or(i64::MAX), is_last, deadline }
    }

    /// Made with the first dispatch, so after a restoration from a snapshot, of which there may be many.
    fn destination(&mut self) -> Arc<Mutex<Destination>> {
        let (config, edge, shared) = (&self.config, &self.edge, &self.shared);
        let make = || {
            let random = (edge.entropy)();
            let instance = {
                let state = shared.state();
                labels::instance(config.instance_label, state.intake.metrics.instance_id(), random)
            };
            let identity = Identity {
                labels: labels::common(&edge.function, &instance, &config.external_labels),
                function: edge.function.name.clone(),
                instance,
            };
            let client = Client::new(config.region.clone(), &edge.network, edge.world);
            Arc::new(Mutex::new(Destination::new(config.destination.clone(), client, identity)))
        };
        Arc::clone(self.destination.get_or_insert_with(make))
    }

    async fn settle_finished(&mut self) {
        // A dispatch whose answer came while the sandbox was frozen is over at once.
        tokio::task::yield_now().await;
        if self.under_way.as_ref().is_some_and(|under_way| under_way.task.is_finished())
            && let Some(under_way) = self.under_way.take()
        {
            let result = under_way.task.await;
            self.settle(result.unwrap_or_else(|error| broken_off(&error)));
        }
    }

    fn settle(&mut self, result: Result<(), Undelivered>) {
        let now_ms = self.shared.now_ms();
        let mut state = self.shared.state();
        match result {
            Ok(()) => {
                let received = state.intake.metrics.received();
                state.schedule.delivered(received, now_ms);
                state.intake.metrics.observe_dispatch(DispatchOutcome::Delivered);
            }
            Err(error) => {
                state.schedule.failed(now_ms, (self.edge.world.random)());
                state.intake.metrics.observe_dispatch(error.outcome());
                tracing::warn!(%error, "The metrics could not be sent; they will be sent with the next ones.");
            }
        }
    }
}

/// A dispatch that panicked is a mistake of ours, and no reason to believe that it arrived.
fn broken_off(error: &JoinError) -> Result<(), Undelivered> {
    Err(Undelivered::Unknown(Cause::Network(error.to_string()).into()))
}

/// Asks for events until the shutdown and does nothing: an extension that went away would take its function along.
///
/// # Errors
/// [`ApiError`]: Lambda gives no more events.
pub async fn idle(api: &ExtensionApi) -> Result<(), ApiError> {
    while !matches!(api.next().await?, NextEvent::Shutdown { .. }) {}
    Ok(())
}
