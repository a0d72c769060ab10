//! Starts the extension. Registration comes first, because Lambda starts the function's runtime only after every extension
//! has registered.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use aws::lambda_api::ApiError;
use aws::{Network, World, environment, logging, now};
use http::HeaderValue;
use telemetry_extension::config::{self, Config};
use telemetry_extension::extension_api::ExtensionApi;
use telemetry_extension::intake::Intake;
use telemetry_extension::listener::{self, Shared};
use telemetry_extension::metrics::Metrics;
use telemetry_extension::run::{self, Inputs, Runner};
use telemetry_extension::schedule::Schedule;

/// The host name of a sandbox, which Lambda delivers to (Telemetry API, "Destination").
const SANDBOX: &str = "sandbox.localdomain";

/// The host that an emulator delivers to.
const LOOPBACK: &str = "127.0.0.1";

/// Random bits of the operating system: a generator that was seeded before a snapshot returns the same numbers in every
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
    let registered = match environment("AWS_LAMBDA_RUNTIME_API") {
        Some(address) => register(&address).await.map_err(|error| error.to_string()),
        None => Err("telemetry-extension runs on Lambda: AWS_LAMBDA_RUNTIME_API is not set".to_owned()),
    };
    logging::init_extension(environment, env!("CARGO_CRATE_NAME"));
    let ended = match registered {
        Ok((api, has_invocations)) => start(&api, has_invocations).await,
        Err(error) => Err(("Extension.NotRegistered", error)),
    };
    let Err((error_type, message)) = ended else { return ExitCode::SUCCESS };
    tracing::error!(error_type, error = message, "The extension stops.");
    ExitCode::FAILURE
}

/// Registers for invocations and the shutdown, or for the shutdown alone where there are no events of invocations.
/// Returns whether there are.
///
/// Extensions API, "Invoke phase": on Managed Instances extensions cannot register for `INVOKE`.
async fn register(address: &str) -> Result<(ExtensionApi, bool), ApiError> {
    let mut api = ExtensionApi::new(address)?;
    let program = std::env::args_os().next().unwrap_or_default();
    let name = Path::new(&program).file_name().and_then(|name| name.to_str());
    let name = HeaderValue::from_str(name.unwrap_or(env!("CARGO_PKG_NAME")))
        .unwrap_or(HeaderValue::from_static(env!("CARGO_PKG_NAME")));
    let is_managed =
        environment("AWS_LAMBDA_INITIALIZATION_TYPE").as_deref() == Some("lambda-managed-instances");
    if !is_managed {
        match api.register(&name, &["INVOKE", "SHUTDOWN"]).await {
            Ok(()) => return Ok((api, true)),
            Err(error) if error.status().is_some_and(|status| status.is_client_error()) => {}
            Err(error) => return Err(error),
        }
    }
    api.register(&name, &["SHUTDOWN"]).await?;
    Ok((api, false))
}

fn configure() -> Result<(Config, Network), String> {
    let config = Config::from_lookup(environment).map_err(|error| error.to_string())?;
    let network =
        Network::from_lookup(environment, |path| std::fs::read(path)).map_err(|error| error.to_string())?;
    Ok((config, network))
}

/// Runs after the registration. An error is reported to Lambda before it is returned.
async fn start(api: &ExtensionApi, has_invocations: bool) -> Result<(), (&'static str, String)> {
    let ended = match configure() {
        Ok((config, network)) => send_metrics(api, config, network, has_invocations).await,
        Err(error) if config::fail_open(environment) == Ok(true) => {
            tracing::error!(error, "The configuration is invalid; no metrics are sent.");
            run::idle(api).await
        }
        Err(message) => {
            if let Err(error) = api.report_error("init", "Extension.InvalidConfig", &message).await {
                tracing::error!(%error, "Failed to report the init error to Lambda.");
            }
            return Err(("Extension.InvalidConfig", message));
        }
    };
    let Err(error) = ended else { return Ok(()) };
    let message = error.to_string();
    if let Err(error) = api.report_error("exit", "Extension.NoEvents", &message).await {
        tracing::error!(%error, "Failed to report the exit error to Lambda.");
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
    let world = World { now, random: fastrand::f64 };
    let inputs = Inputs { world, network, entropy, environment, has_invocations };
    Runner::new(config, inputs, shared).run(api).await
}

/// Listens and subscribes. Returns `None` where there is no telemetry, which must not affect the function.
async fn subscribe(api: &ExtensionApi, config: &Config) -> Option<Arc<Shared>> {
    // SAM and other emulators run outside of a sandbox that could resolve its name.
    let is_local = environment("AWS_SAM_LOCAL").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    // An emulator without AWS_SAM_LOCAL may still deliver to this machine.
    let opened = listener::bind(if is_local { LOOPBACK } else { SANDBOX }).or_else(|error| {
        tracing::warn!(%error, "Cannot listen on {SANDBOX}; listening on {LOOPBACK} instead.");
        listener::bind(LOOPBACK)
    });
    let (port, listener) = opened
        .inspect_err(|error| tracing::error!(%error, "Cannot listen for telemetry; no metrics are sent."))
        .ok()?;
    let memory_mb = environment("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").and_then(|mb| mb.parse().ok());
    let metrics = Metrics::new(memory_mb.filter(|mb: &f64| mb.is_finite()), config.summaries);
    let schedule = Schedule::new(config.min_batch, config.max_age_ms);
    let shared = Arc::new(Shared::new(Intake::new(metrics), schedule, now));
    // The listener runs before Lambda can connect.
    tokio::spawn(listener::serve(listener, Arc::clone(&shared)));
    match api.subscribe(&format!("http://{SANDBOX}:{port}")).await {
        Ok(true) => return Some(shared),
        Ok(false) => tracing::warn!("The Telemetry API is not available; no metrics are sent."),
        Err(error) => tracing::error!(%error, "Cannot subscribe to telemetry; no metrics are sent."),
    }
    None
}
