//! The chosen ports, checked before anything is started.

use std::io;
use std::net::{Ipv4Addr, TcpListener};

use clap::Args;

/// Where the parts listen, all on 127.0.0.1.
#[derive(Args, Clone, Copy, Debug, Default)]
#[command(next_help_heading = "Ports (0 takes a free one)")]
pub(crate) struct Ports {
    /// Port of the AMP stand-in.
    #[arg(id = "amp-port", long, default_value_t = 0, value_name = "PORT")]
    pub(crate) amp: u16,
    /// Port of SQS and Secrets Manager.
    #[arg(id = "sqs-port", long, default_value_t = 0, value_name = "PORT")]
    pub(crate) sqs: u16,
    /// Port of the Lambda service.
    #[arg(id = "lambda-port", long, default_value_t = 0, value_name = "PORT")]
    pub(crate) lambda: u16,
    /// Port of the push gateway's function URL.
    #[arg(id = "function-url-port", long, default_value_t = 0, value_name = "PORT")]
    pub(crate) function_url: u16,
    /// Port of its HTTP API.
    #[arg(id = "http-api-port", long, default_value_t = 0, value_name = "PORT")]
    pub(crate) http_api: u16,
    /// Port of its load balancer.
    #[arg(id = "alb-port", long, default_value_t = 0, value_name = "PORT")]
    pub(crate) alb: u16,
    /// Port of the function URL of the query function that serves the HTTP API of Prometheus.
    #[arg(id = "query-url-port", long, default_value_t = 0, value_name = "PORT")]
    pub(crate) query_url: u16,
    /// Port of Prometheus, if it is started with the stack.
    #[arg(id = "prometheus-port", long, default_value_t = 0, value_name = "PORT")]
    pub(crate) prometheus: u16,
    /// Port of the stack's control API.
    #[arg(id = "control-port", long, default_value_t = 0, value_name = "PORT")]
    pub(crate) control: u16,
}

/// A port cannot be opened. `option` sets it, or is the part that listens on it.
#[derive(Debug, thiserror::Error)]
#[error("{option}: cannot listen on port {port} of 127.0.0.1")]
pub(crate) struct PortError {
    option: &'static str,
    port: u16,
    source: io::Error,
}

impl PortError {
    pub(crate) fn of(option: &'static str, port: u16) -> impl FnOnce(io::Error) -> Self {
        move |source| Self { option, port, source }
    }
}

impl Ports {
    /// Opens all of them at the same time, which also detects a repeated port, and closes them again.
    pub(super) fn check(&self) -> Result<(), PortError> {
        let chosen = [
            ("--amp-port", self.amp),
            ("--sqs-port", self.sqs),
            ("--lambda-port", self.lambda),
            ("--function-url-port", self.function_url),
            ("--http-api-port", self.http_api),
            ("--alb-port", self.alb),
            ("--query-url-port", self.query_url),
            ("--prometheus-port", self.prometheus),
            ("--control-port", self.control),
        ];
        let open = |(option, port): (&'static str, u16)| {
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(PortError::of(option, port))
        };
        chosen.into_iter().filter(|(_, port)| *port != 0).map(open).collect::<Result<Vec<_>, _>>().map(drop)
    }
}
