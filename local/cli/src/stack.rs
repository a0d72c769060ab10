//! The whole stack: queue, event source mapping, function, HTTP endpoints, AMP stand-in, storage and query functions, all on 127.0.0.1.
//!
//! Everything ends with the [`Stack`] value.

mod control;
mod endpoints;
mod figures;
mod functions;
mod http;
mod options;
mod ports;
mod queues;
mod workspace;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use local_amp::AmpStandIn;
use local_lambda::event_source::{self, EventSource, EventSourceError, EventSourceOptions, Invoked};
use local_lambda::service::{Pool, PoolEvent};
use local_lambda::sqs::{Sqs, SqsError};
use local_testing::moto::MotoError;
use local_testing::prometheus::PrometheusError;

use control::Control;
use functions::Functions;
use http::HttpEndpoints;
use queues::Queues;
use workspace::Workspace;

pub(crate) use endpoints::Endpoints;
pub(crate) use figures::Figures;
pub(crate) use options::{StackOptions, Storage};
pub(crate) use ports::{PortError, Ports};

/// Why the stack cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StackError {
    #[error(transparent)]
    Port(#[from] PortError),
    #[error(transparent)]
    Moto(#[from] MotoError),
    #[error(transparent)]
    Sqs(#[from] SqsError),
    #[error(transparent)]
    Prometheus(#[from] PrometheusError),
    #[error(transparent)]
    EventSource(#[from] EventSourceError),
}

/// The running stack.
#[derive(Debug)]
pub(crate) struct Stack {
    parts: Arc<Parts>,
    endpoints: Endpoints,
    _control: Control,
}

/// The parts, which the control API uses as well.
#[derive(Debug)]
struct Parts {
    /// Taken when the stack stops; then its last figures remain.
    event_source: Mutex<Option<EventSource>>,
    last: Mutex<event_source::Figures>,
    functions: Functions,
    http: HttpEndpoints,
    queues: Queues,
    workspace: Workspace,
}

impl Stack {
    /// Starts every part; `watcher` is called with each invocation when it is over, and with the lines of extensions.
    /// After an error, the parts that were started are stopped.
    pub(crate) async fn start(
        options: &StackOptions,
        watcher: impl Fn(PoolEvent<'_>) + Send + Sync + 'static,
    ) -> Result<Self, StackError> {
        options.ports.check()?;
        let workspace = Workspace::start(options).await?;
        let queues = Queues::start(options, &workspace).await?;
        let functions = Functions::start(options, &workspace, &queues, watcher).await?;
        let http = HttpEndpoints::start(options, &functions).await?;
        let mapping = EventSourceOptions { queue_url: queues.url.clone(), ..options.mapping.clone() };
        let pool = functions.push_gateway.clone();
        let event_source =
            EventSource::start(queues.sqs.clone(), mapping, move |payload| invoke(pool.clone(), payload));
        let event_source = Mutex::new(Some(event_source.await?));
        let parts =
            Arc::new(Parts { event_source, last: Mutex::default(), functions, http, queues, workspace });
        let control = Control::start(options.ports.control, Arc::clone(&parts)).await;
        let control = control.map_err(PortError::of("--control-port", options.ports.control))?;
        let endpoints = Endpoints::new(&options.region, &parts, control.endpoint());
        Ok(Self { parts, endpoints, _control: control })
    }

    pub(crate) fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    pub(crate) fn amp(&self) -> &AmpStandIn {
        &self.parts.workspace.amp
    }

    /// The push gateway.
    pub(crate) fn function(&self) -> &Pool {
        &self.parts.functions.push_gateway
    }

    /// The query function for this operation.
    pub(crate) fn query_function(&self, operation: &str) -> Option<&Pool> {
        self.parts.functions.queries.iter().find(|pool| pool.options().name == operation)
    }

    pub(crate) fn sqs(&self) -> &Sqs {
        &self.parts.queues.sqs
    }

    /// The counts of every part.
    pub(crate) async fn figures(&self) -> Result<Figures, SqsError> {
        self.parts.figures().await
    }

    /// Stops receiving, waits for running invocations, and shuts down environments with the telemetry extension, which
    /// then sends its last data.
    pub(crate) async fn drain(&self) {
        let event_source = lock(&self.parts.event_source).take();
        if let Some(event_source) = event_source {
            let figures = event_source.stop().await;
            *lock(&self.parts.last) = figures;
        }
        if self.endpoints.has_telemetry {
            self.parts.functions.push_gateway.shutdown().await;
        }
    }
}

impl Parts {
    async fn figures(&self) -> Result<Figures, SqsError> {
        let event_source = lock(&self.event_source).as_ref().map(EventSource::figures);
        let Queues { sqs, url, dead_letters_url, .. } = &self.queues;
        let dead_letters = queues::depth(sqs, dead_letters_url).await?;
        Ok(Figures {
            queue: queues::depth(sqs, url).await?,
            dead_letters: dead_letters.visible + dead_letters.in_flight,
            event_source: event_source.unwrap_or_else(|| *lock(&self.last)),
            function: self.functions.push_gateway.counts(),
            amp: self.workspace.amp.counts(),
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn invoke(pool: Pool, payload: Bytes) -> Invoked {
    match pool.invoke(payload, None).await {
        Err(_) => Invoked::Throttled,
        Ok(invocation) => match invocation.response() {
            Some(body) => Invoked::Response(body.clone()),
            None => Invoked::FunctionError,
        },
    }
}
