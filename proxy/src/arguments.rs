//! The command line.

use clap::{Args, Parser};

const ENVIRONMENT: &str = "\
Environment:
  AWS_REGION      The region, if neither --region nor the host of --url has one
  AWS_…           Credentials, as for AWS's own tools: environment, profile
                  (with roles, IAM Identity Center and programs), web
                  identity, container, instance
  CA_CERTIFICATES, AWS_CA_BUNDLE
                  Further certificate authorities
  HTTPS_PROXY, NO_PROXY
                  A proxy for https:// requests, and hosts to reach without it
  RUST_LOG        The log level: error, warn, info (default) or debug

Paths:
  /api/v1/…, /workspaces/<id>/api/v1/…
                  The workspace
  /-/healthy, /metrics
                  The proxy itself";

/// Signs requests of Prometheus, Grafana and other programs with AWS Signature Version 4, and passes them on to one workspace
/// of Amazon Managed Service for Prometheus (AMP).
///
/// Requests need no authentication, so by default the proxy listens on this machine only.
#[derive(Debug, Parser)]
#[command(name = "prometheus-sigv4-proxy", version, after_help = ENVIRONMENT)]
pub struct Arguments {
    /// The workspace.
    #[command(flatten)]
    pub target: Target,
    /// The region of the workspace. Default: that of the host of --url or of the environment
    #[arg(long)]
    pub region: Option<String>,
    /// The address to listen at
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8005")]
    pub listen: String,
}

/// The workspace, in one of two ways.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub struct Target {
    /// The id of the workspace: ws-…
    #[arg(long, value_name = "ID")]
    pub workspace: Option<String>,
    /// The URL of the workspace, or of another Prometheus API: http(s)://host/workspaces/ws-…
    #[arg(long)]
    pub url: Option<String>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_free_of_contradictions() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_workspace_is_given_once() {
        let parse = |arguments: &[&str]| {
            Arguments::try_parse_from([&["proxy"], arguments].concat()).map_err(|error| error.kind())
        };
        assert!(parse(&["--workspace", "ws-1"]).is_ok());
        assert!(parse(&["--url", "http://127.0.0.1:9090"]).is_ok());
        assert_eq!(parse(&[]).unwrap_err(), clap::error::ErrorKind::MissingRequiredArgument);
        let both = ["--workspace", "ws-1", "--url", "http://127.0.0.1:9090"];
        assert_eq!(parse(&both).unwrap_err(), clap::error::ErrorKind::ArgumentConflict);
    }
}
