//! The whole stack: queue → event source mapping → function → AMP stand-in → storage, and the functions that read
//! it, all on this machine.
//!
//! In: the programs to run and how each part is configured. Out: the running parts with their endpoints, and figures
//! of what each of them holds. Everything ends with the [`Stack`] value.

mod control;
mod endpoints;
mod figures;
mod options;
mod ports;
mod queries;
mod queues;
mod telemetry;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use aws_credential_types::Credentials;
use bytes::Bytes;

use control::Control;
use local_amp::{AmpOptions, AmpStandIn};
use local_lambda::credentials::CredentialsEndpoint;
use local_lambda::event_source::{self, EventSource, EventSourceError, EventSourceOptions, Invoked};
use local_lambda::lambda::{AsyncPolicy, FunctionError, IdleEnd, LambdaApi, Pool, Seen};
use local_lambda::runtime::{FunctionOptions, RoleCredentials};
use local_lambda::sqs::{Sqs, SqsError};
use local_testing::clock::Clock;
use local_testing::moto::{KnownWorkspace, MotoError, MotoServer};
use local_testing::prometheus::{Prometheus, PrometheusError};
use queues::Queues;

pub(crate) use endpoints::Endpoints;
pub(crate) use figures::Figures;
pub(crate) use options::{StackOptions, Storage};
pub(crate) use ports::Ports;
pub(crate) use queries::{QuerySurroundings, query_functions};

/// The alias of the workspace in AMP's control plane.
const WORKSPACE_ALIAS: &str = "local";

/// Requests that the workspace remembers.
const JOURNAL_LIMIT: usize = 100;

/// Why the stack is not up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StackError {
    /// A port cannot be opened.
    #[error("{part}: cannot listen on port {port} of 127.0.0.1")]
    Port {
        /// The option that names it, or the part that wanted it.
        part: &'static str,
        /// The port; 0 stands for any.
        port: u16,
        /// Why.
        source: io::Error,
    },
    /// There is no SQS.
    #[error(transparent)]
    Moto(#[from] MotoError),
    /// SQS refused something.
    #[error(transparent)]
    Sqs(#[from] SqsError),
    /// There is no Prometheus.
    #[error(transparent)]
    Prometheus(#[from] PrometheusError),
    /// The event source mapping is not possible with these options.
    #[error(transparent)]
    EventSource(#[from] EventSourceError),
}

impl StackError {
    fn port(part: &'static str, number: u16) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Port { part, port: number, source }
    }
}

/// The running stack.
#[derive(Debug)]
pub(crate) struct Stack {
    parts: Arc<Parts>,
    endpoints: Endpoints,
    /// Only with the telemetry extension, which has something to say at the end of an environment.
    _idle_end: Option<IdleEnd>,
    _lambda: LambdaApi,
    _control: Control,
    _credentials: Option<CredentialsEndpoint>,
    _prometheus: Option<Prometheus>,
    _moto: MotoServer,
}

/// What the control API and the owner of the stack both look at.
#[derive(Debug)]
struct Parts {
    amp: Arc<AmpStandIn>,
    pool: Pool,
    /// The functions that read the workspace.
    queries: Vec<Pool>,
    sqs: Sqs,
    queues: Queues,
    /// Taken when the stack stops; then its last figures stay.
    event_source: Mutex<Option<EventSource>>,
    last: Mutex<event_source::Figures>,
}

impl Stack {
    /// Starts every part; `watcher` sees each invocation when it is over, and what extensions write.
    ///
    /// # Errors
    /// A part cannot be started; those before it are stopped.
    pub(crate) async fn start(
        options: &StackOptions,
        watcher: impl Fn(Seen<'_>) + Send + Sync + 'static,
    ) -> Result<Self, StackError> {
        options.ports.check()?;
        let prometheus = match &options.storage {
            Storage::Program(program) => Some(Prometheus::start(program, options.ports.prometheus).await?),
            Storage::Memory | Storage::At(_) => None,
        };
        let storage_url = match &options.storage {
            Storage::At(url) => Some(url.clone()),
            _ => prometheus.as_ref().map(|prometheus| prometheus.url().to_owned()),
        };
        let user = Credentials::new("AKIDLOCAL", "local-secret", None, None, "local");
        let amp = Arc::new(start_amp(options, &user, storage_url.clone()).await?);
        amp.set_faults(options.faults.clone());
        let credentials = match options.credentials_lifetime {
            None => None,
            Some(lifetime) => {
                let (amp, user) = (Arc::clone(&amp), user.clone());
                let accept = move |issued: Vec<Credentials>| {
                    amp.accept_credentials(issued.into_iter().chain([user.clone()]).collect());
                };
                let endpoint = CredentialsEndpoint::start(lifetime, Clock::system(), accept).await;
                Some(endpoint.map_err(StackError::port("the credentials endpoint", 0))?)
            }
        };
        let workspace = KnownWorkspace {
            region: &options.region,
            id: amp.id(),
            alias: WORKSPACE_ALIAS,
            endpoint: &amp.endpoint(),
        };
        let moto = MotoServer::start_with_workspace(&options.moto, options.ports.sqs, workspace).await?;
        let sqs = Sqs::new(moto.endpoint(), &options.region, user.clone());
        let queues = Queues::create(&sqs, options).await?;

        let role = match &credentials {
            Some(endpoint) => endpoint.role(),
            None => RoleCredentials::Environment(user.clone()),
        };
        let watcher = Arc::new(watcher);
        let query_pools = query_pools(options, &amp, &moto, &role, &watcher);
        let function = function(options, &amp, &queues, &moto, role);
        let pool = Pool::new(function, options.concurrency, move |seen| watcher(seen));
        let lambda = LambdaApi::start(
            options.ports.lambda,
            &options.region,
            [vec![pool.clone()], query_pools.clone()].concat(),
            AsyncPolicy::default(),
        );
        let lambda = lambda.await.map_err(StackError::port("--lambda-port", options.ports.lambda))?;
        let event_source = start_event_source(options, &sqs, &queues, &pool).await?;
        let idle_end = options.telemetry_extension.as_ref().map(|_| IdleEnd::of(pool.clone()));

        let parts = Arc::new(Parts {
            amp,
            pool,
            queries: query_pools,
            sqs,
            queues,
            event_source: Mutex::new(Some(event_source)),
            last: Mutex::default(),
        });
        let control = Control::start(options.ports.control, Arc::clone(&parts)).await;
        let control = control.map_err(StackError::port("--control-port", options.ports.control))?;
        let endpoints = Endpoints {
            region: options.region.clone(),
            credentials: user,
            lambda: lambda.endpoint(),
            function: parts.pool.options().name.clone(),
            has_telemetry: idle_end.is_some(),
            query_functions: parts.queries.iter().map(|pool| pool.options().name.clone()).collect(),
            sqs: moto.endpoint().to_owned(),
            queue_url: parts.queues.url.clone(),
            dead_letter_queue_url: parts.queues.dead_letters_url.clone(),
            amp: parts.amp.endpoint(),
            workspace_id: parts.amp.id().to_owned(),
            workspace_alias: WORKSPACE_ALIAS,
            prometheus: storage_url,
            control: control.endpoint(),
        };
        Ok(Self {
            parts,
            endpoints,
            _idle_end: idle_end,
            _lambda: lambda,
            _control: control,
            _credentials: credentials,
            _prometheus: prometheus,
            _moto: moto,
        })
    }

    /// Where everything is.
    pub(crate) fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// The workspace.
    pub(crate) fn amp(&self) -> &AmpStandIn {
        &self.parts.amp
    }

    /// The function.
    pub(crate) fn function(&self) -> &Pool {
        &self.parts.pool
    }

    /// SQS.
    pub(crate) fn sqs(&self) -> &Sqs {
        &self.parts.sqs
    }

    /// What each part holds and has done.
    ///
    /// # Errors
    /// SQS does not say.
    pub(crate) async fn figures(&self) -> Result<Figures, SqsError> {
        self.parts.figures().await
    }

    /// Receives no more messages, and waits for what is at work; with the telemetry extension also for its last words.
    pub(crate) async fn drain(&self) {
        let event_source = lock(&self.parts.event_source).take();
        if let Some(event_source) = event_source {
            let figures = event_source.stop().await;
            *lock(&self.parts.last) = figures;
        }
        if self.endpoints.has_telemetry {
            self.parts.pool.shutdown().await;
        }
    }
}

impl Parts {
    async fn figures(&self) -> Result<Figures, SqsError> {
        let event_source = lock(&self.event_source).as_ref().map(EventSource::figures);
        let dead_letters = queues::depth(&self.sqs, &self.queues.dead_letters_url).await?;
        Ok(Figures {
            queue: queues::depth(&self.sqs, &self.queues.url).await?,
            dead_letters: dead_letters.visible + dead_letters.in_flight,
            event_source: event_source.unwrap_or_else(|| *lock(&self.last)),
            function: self.pool.counts(),
            amp: self.amp.counts(),
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn start_amp(
    options: &StackOptions,
    user: &Credentials,
    prometheus: Option<String>,
) -> Result<AmpStandIn, StackError> {
    let port = options.ports.amp;
    let options = AmpOptions {
        port,
        region: options.region.clone(),
        credentials: Some(user.clone()),
        out_of_order_window: options.out_of_order_window,
        prometheus,
        // Nobody asks for requests here, and a stack may be up for days.
        journal_limit: JOURNAL_LIMIT,
        ..AmpOptions::default()
    };
    AmpStandIn::start(options).await.map_err(StackError::port("--amp-port", port))
}

fn function(
    options: &StackOptions,
    amp: &AmpStandIn,
    queues: &Queues,
    moto: &MotoServer,
    role: RoleCredentials,
) -> FunctionOptions {
    let mut function = FunctionOptions::new(&options.function)
        .env("REMOTE_WRITE_URL", amp.remote_write_url())
        .env("DEAD_LETTER_QUEUE_URL", &queues.dead_letters_url)
        .env("AWS_ENDPOINT_URL_SQS", moto.endpoint())
        .env("AWS_LAMBDA_LOG_FORMAT", "Text");
    function.env.extend(options.env.iter().cloned());
    function.timeout = options.function_timeout;
    function.memory_mb = options.memory_mb;
    function.region.clone_from(&options.region);
    function.credentials = role;
    match &options.telemetry_extension {
        Some(program) => telemetry::with_extension(function, program, &amp.remote_write_url()),
        None => function,
    }
}

fn query_pools<W>(
    options: &StackOptions,
    amp: &AmpStandIn,
    moto: &MotoServer,
    role: &RoleCredentials,
    watcher: &Arc<W>,
) -> Vec<Pool>
where
    W: Fn(Seen<'_>) + Send + Sync + 'static,
{
    let Some(program) = &options.query else { return Vec::new() };
    let functions = query_functions(
        program,
        QuerySurroundings {
            workspace_url: &amp.endpoint(),
            control_plane: moto.endpoint(),
            region: &options.region,
            role,
        },
    );
    let pool = |function| {
        let watcher = Arc::clone(watcher);
        Pool::new(function, options.concurrency, move |seen| watcher(seen))
    };
    functions.into_iter().map(pool).collect()
}

async fn start_event_source(
    options: &StackOptions,
    sqs: &Sqs,
    queues: &Queues,
    pool: &Pool,
) -> Result<EventSource, EventSourceError> {
    let mapping = EventSourceOptions {
        queue_url: queues.url.clone(),
        batch_size: options.batch_size,
        batching_window: options.batching_window,
        max_concurrency: options.max_concurrency,
        report_batch_item_failures: true,
        function_timeout: options.function_timeout,
    };
    let pool = pool.clone();
    EventSource::start(sqs.clone(), mapping, move |payload: Bytes| invoke(pool.clone(), payload)).await
}

async fn invoke(pool: Pool, payload: Bytes) -> Invoked {
    match pool.invoke(payload, None).await {
        Err(_) => Invoked::Throttled,
        Ok(invocation) => match FunctionError::of(&invocation, pool.options().timeout) {
            Some(_) => Invoked::FunctionError,
            None => Invoked::Response(invocation.response().cloned().unwrap_or_default()),
        },
    }
}
