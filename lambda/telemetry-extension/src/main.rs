//! The edge: environment, clock and randomness, and the order of the first steps. Registration comes first, because
//! Lambda starts the function's runtime only after every extension has registered.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use aws::{Network, World, environment, logging, now};
use http::HeaderValue;
use telemetry_extension::config::{self, Config};
use telemetry_extension::extension_api::{ApiError, Buffering, ExtensionApi, Subscribed};
use telemetry_extension::intake::Intake;
use telemetry_extension::labels::Function;
use telemetry_extension::listener::{self, Shared};
use telemetry_extension::metrics::Metrics;
use telemetry_extension::run::{self, BUFFER_TIMEOUT_MS, Edge, Runner};
use telemetry_extension::schedule::Schedule;
use tokio::net::TcpListener;

/// The newest first. Only that one is taken on Managed Instances; older ones are for places that do not know it yet.
const SCHEMA_VERSIONS: [&str; 3] = ["2025-01-29", "2022-12-13", "2022-07-01"];

/// What a sandbox calls itself, and where Lambda delivers to (Telemetry API, "Destination").
const SANDBOX: &str = "sandbox.localdomain";

/// Where an emulator delivers to.
const LOOPBACK: &str = "127.0.0.1";

/// Straight from the operating system: a generator that was seeded before a snapshot gives the same to every
/// environment that is restored from it.
fn entropy() -> u64 {
    let mut bytes = [0; 8];
    match getrandom::getrandom(&mut bytes) {
        Ok(()) => u64::from_ne_bytes(bytes),
        Err(_) => fastrand::u64(..),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Some(authority) = environment("AWS_LAMBDA_RUNTIME_API") else {
        logging::init_extension(environment, env!("CARGO_CRATE_NAME"));
        tracing::error!("telemetry-extension runs on Lambda: AWS_LAMBDA_RUNTIME_API is not set.");
        return ExitCode::FAILURE;
    };
    let mut api = ExtensionApi::new(&authority);
    let registered = register(&mut api).await;
    logging::init_extension(environment, env!("CARGO_CRATE_NAME"));
    let ended = match registered {
        Ok(has_invocations) => start(&api, has_invocations).await,
        Err(error) => Err(("Extension.NotRegistered", error.to_string())),
    };
    let Err((error_type, message)) = ended else { return ExitCode::SUCCESS };
    tracing::error!(error_type, error = message, "The extension stops.");
    ExitCode::FAILURE
}

/// Registers for invocations and the shutdown; for the shutdown alone where there are no events of invocations.
/// Whether there are.
///
/// Extensions API, "Invoke phase": on Managed Instances extensions cannot register for `INVOKE`.
async fn register(api: &mut ExtensionApi) -> Result<bool, ApiError> {
    let program = std::env::args_os().next().unwrap_or_default();
    let name = Path::new(&program).file_name().and_then(|name| name.to_str());
    let name = HeaderValue::from_str(name.unwrap_or(env!("CARGO_PKG_NAME")))
        .unwrap_or(HeaderValue::from_static(env!("CARGO_PKG_NAME")));
    let is_managed =
        environment("AWS_LAMBDA_INITIALIZATION_TYPE").as_deref() == Some("lambda-managed-instances");
    if !is_managed {
        match api.register(&name, &["INVOKE", "SHUTDOWN"]).await {
            Err(error) if error.status().is_some_and(|status| (400..500).contains(&status)) => {}
            registered => return registered.map(|()| true),
        }
    }
    api.register(&name, &["SHUTDOWN"]).await.map(|()| false)
}

fn configure() -> Result<(Config, Network), String> {
    let config = Config::from_lookup(environment).map_err(|error| error.to_string())?;
    let network =
        Network::from_lookup(environment, |path| std::fs::read(path)).map_err(|error| error.to_string())?;
    Ok((config, network))
}

/// Everything after the registration. An error is reported to Lambda before it is returned.
async fn start(api: &ExtensionApi, has_invocations: bool) -> Result<(), (&'static str, String)> {
    let ended = match configure() {
        Ok((config, network)) => send_metrics(api, config, network, has_invocations).await,
        Err(error) if config::fail_open(environment) == Ok(true) => {
            tracing::error!(error, "The configuration is invalid; no metrics are sent.");
            run::idle(api).await
        }
        Err(message) => {
            if let Err(error) = api.init_error("Extension.InvalidConfig", &message).await {
                tracing::error!(%error, "Lambda did not take the init error.");
            }
            return Err(("Extension.InvalidConfig", message));
        }
    };
    let Err(error) = ended else { return Ok(()) };
    let message = error.to_string();
    if let Err(error) = api.exit_error("Extension.NoEvents", &message).await {
        tracing::error!(%error, "Lambda did not take the exit error.");
    }
    Err(("Extension.NoEvents", message))
}

/// Counts and sends until the shutdown.
async fn send_metrics(
    api: &ExtensionApi,
    config: Config,
    network: Network,
    has_invocations: bool,
) -> Result<(), ApiError> {
    let Some(shared) = subscribe(api, &config).await else { return run::idle(api).await };
    let function = Function {
        name: environment("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default(),
        version: environment("AWS_LAMBDA_FUNCTION_VERSION").unwrap_or_default(),
        memory_mb: environment("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").unwrap_or_default(),
    };
    let world = World { now, random: fastrand::f64 };
    let edge = Edge { world, network, entropy, function, has_invocations };
    Runner::new(config, edge, shared).run(api).await
}

/// Listens and subscribes. `None` where there is no telemetry to be had: the function must not suffer for that.
async fn subscribe(api: &ExtensionApi, config: &Config) -> Option<Arc<Shared>> {
    // SAM and other emulators run outside of a sandbox that could resolve its name.
    let is_local = environment("AWS_SAM_LOCAL").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let named = if is_local { listener::bind(LOOPBACK) } else { listener::bind(SANDBOX) };
    // An emulator that does not say what it is may still deliver to this machine.
    let opened = named.or_else(|error| {
        tracing::warn!(%error, "{SANDBOX} is not here; listening on {LOOPBACK} instead.");
        listener::bind(LOOPBACK)
    });
    let opened = opened.and_then(|listener| Ok((listener.local_addr()?.port(), listener)));
    let opened = opened.and_then(|(port, listener)| Ok((port, TcpListener::from_std(listener)?)));
    let (port, listener) = opened
        .inspect_err(|error| tracing::error!(%error, "There is no port for telemetry; no metrics are sent."))
        .ok()?;
    let memory_mb = environment("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").and_then(|mb| mb.parse().ok());
    let metrics = Metrics::new(memory_mb.filter(|mb: &f64| mb.is_finite()), config.summaries);
    let max_age_ms = u64::try_from(config.max_age.as_millis()).unwrap_or(u64::MAX);
    let schedule = Schedule::new(config.min_batch, max_age_ms);
    let shared = Arc::new(Shared::new(Intake::new(metrics), schedule, now));
    // It listens before Lambda has any reason to call.
    tokio::spawn(listener::serve(listener, Arc::clone(&shared)));
    let buffering = Buffering {
        max_items: listener::BUFFER_ITEMS,
        max_bytes: listener::BUFFER_BYTES,
        timeout_ms: BUFFER_TIMEOUT_MS,
    };
    let uri = format!("http://{SANDBOX}:{port}");
    match api.subscribe(&uri, buffering, &SCHEMA_VERSIONS).await {
        Ok(Subscribed::Yes) => Some(shared),
        Ok(Subscribed::NotHere) => {
            tracing::warn!("There is no telemetry here; no metrics are sent.");
            None
        }
        Err(error) => {
            tracing::error!(%error, "There is no subscription to telemetry; no metrics are sent.");
            None
        }
    }
}
