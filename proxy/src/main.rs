//! The I/O boundary of the proxy: command line, environment, clock, randomness, listener and signals.

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use aws::{Client, Network, World, environment, now};
use clap::Parser as _;
use prometheus_sigv4_proxy::proxy::Clients;
use prometheus_sigv4_proxy::{Arguments, Config, Proxy, renewal, server};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// One thread signs more requests than a workspace accepts, and costs least.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    aws::logging::init(environment);
    match run(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::new(arguments, environment)?;
    let network = Network::from_lookup(environment, |path| std::fs::read(path))?;
    let stop = stop_signal()?;
    let listener = TcpListener::bind(&config.listen)
        .await
        .map_err(|error| format!("--listen: cannot listen at {}: {error}", config.listen))?;
    let address = listener.local_addr()?;

    let region = config.workspace.scope.region.clone();
    let client = Client::new(Some(region.clone()), &network, World { now, random: fastrand::f64 });
    let url = config.workspace.url();
    let proxy = Arc::new(Proxy::new(config.workspace, client, clients(address)));
    tracing::info!(%address, %url, %region, "Listening.");

    tokio::select! {
        never = renewal::keep_credentials(&proxy, now) => match never {},
        () = server::serve(listener, Arc::clone(&proxy), stop) => {}
    }
    tracing::info!("Stopped.");
    Ok(())
}

/// The clients of a proxy at `address`, with a warning if these may be on other machines.
fn clients(address: SocketAddr) -> Clients {
    if address.ip().is_loopback() {
        return Clients::ThisMachine;
    }
    tracing::warn!(
        %address,
        "The address is not a loopback address: all that reach it can read and write the workspace, because requests need no \
         authentication."
    );
    Clients::All
}

/// SIGINT or SIGTERM.
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("Stopping: requests in progress are completed.");
    })
}
