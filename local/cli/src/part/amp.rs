//! `amp`: the stand-in for one workspace.

use std::error::Error;
use std::time::Duration;

use clap::{Args, value_parser};
use local_amp::{AmpOptions, AmpStandIn, Credentials, Fault};

use super::Common;
use crate::arguments::{prometheus_at, values};
use crate::console::print_line;
use crate::stack::PortError;

/// The workspace.
#[derive(Debug, Args)]
pub(crate) struct AmpArguments {
    #[command(flatten)]
    common: Common,
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The workspace id in the path.
    #[arg(long, default_value = "ws-local", value_parser = values::workspace_id, value_name = "ID")]
    workspace: String,
    /// The access key id of signed requests; without it unsigned requests are accepted.
    #[arg(long, requires = "secret_access_key", value_name = "ID")]
    access_key_id: Option<String>,
    /// The secret access key.
    #[arg(long, requires = "access_key_id", value_name = "KEY")]
    secret_access_key: Option<String>,
    /// The session token, if the credentials are temporary.
    #[arg(long, requires = "access_key_id", value_name = "TOKEN")]
    session_token: Option<String>,
    /// The base URL of a Prometheus behind it, which stores the samples and answers PromQL.
    #[arg(long, value_name = "URL")]
    prometheus: Option<String>,
    /// The out-of-order window (0s to 600s).
    #[arg(long, default_value = "60s", value_parser = values::out_of_order_window, value_name = "TIME")]
    out_of_order_window: Duration,
    /// Samples a second, at most [default: AMP's quota].
    #[arg(long, value_parser = values::rate, value_name = "SAMPLES")]
    ingestion_rate: Option<f64>,
    /// Active series, at most [default: AMP's quota].
    #[arg(long, value_parser = value_parser!(u32).range(1..), value_name = "SERIES")]
    active_series: Option<u32>,
    /// Also refuse what remote write forbids and AMP's engine takes, such as unsorted labels.
    #[arg(long)]
    strict: bool,
    /// Also take remote write 2.0.
    #[arg(long)]
    remote_write_2: bool,
    /// Make write requests fail, for example 503:2 or hang@device=d1; may be given again.
    #[arg(long, value_name = "FAULT")]
    fail: Vec<Fault>,
}

/// Requests that it remembers: nothing reads them here.
const JOURNAL_LIMIT: usize = 100;

/// Runs it.
pub(super) async fn run(arguments: AmpArguments) -> Result<(), Box<dyn Error>> {
    if let Some(url) = &arguments.prometheus {
        prometheus_at(url).await.unwrap_or_else(|error| error.exit());
    }
    let defaults = AmpOptions::default();
    let active_series = arguments.active_series.and_then(|count| usize::try_from(count).ok());
    let keys = arguments.access_key_id.zip(arguments.secret_access_key);
    let options = AmpOptions {
        port: arguments.port,
        workspace: arguments.workspace,
        region: arguments.common.region.clone(),
        credentials: keys.map(|(id, key)| Credentials::new(id, key, arguments.session_token, None, "local")),
        out_of_order_window: arguments.out_of_order_window,
        ingestion_rate: arguments.ingestion_rate.or(defaults.ingestion_rate),
        active_series: active_series.or(defaults.active_series),
        remote_write_2: arguments.remote_write_2,
        strict: arguments.strict,
        prometheus: arguments.prometheus,
        journal_limit: JOURNAL_LIMIT,
        ..defaults
    };
    let amp = AmpStandIn::start(options).await.map_err(PortError::of("--port", arguments.port))?;
    amp.set_faults(arguments.fail);
    print_line!("{}", amp.endpoint());
    arguments.common.until_stopped().await?;
    let counts = amp.counts();
    print_line!("{} write requests, {} samples in {} series", counts.requests, counts.samples, counts.series);
    Ok(())
}
