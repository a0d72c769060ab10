//! The configuration: the command line, with the environment for what it leaves out.

use aws::workspace::{SERVICE, base_of, is_workspace_id, url_of};
use aws::{Endpoint, InvalidEndpoint, Scope, Settings, is_region};

use crate::arguments::Arguments;
use crate::workspace::Workspace;

/// The configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The workspace of all requests.
    pub workspace: Workspace,
    /// The address to listen at, `HOST:PORT`.
    pub listen: String,
}

/// The reason why a command line cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidConfig {
    /// Not an id.
    #[error("--workspace: expected the id of a workspace (letters, digits, - and _)")]
    Workspace,
    /// Not a URL that requests can be sent to.
    #[error("--url: {0}")]
    Url(#[from] InvalidEndpoint),
    /// A query would be in every request.
    #[error("--url: expected a URL without a query (?)")]
    Query,
    /// Credentials of AMP are sent over TLS only.
    #[error("--url: expected https:// for a host of AMP")]
    Plain,
    /// Not a region.
    #[error("--region: expected the code of an AWS region, such as eu-west-1")]
    Region,
    /// AMP accepts signatures of its own region only.
    #[error("--region: expected {expected}, the region in the host of --url")]
    OtherRegion {
        /// The region of the host.
        expected: String,
    },
    /// No region at all.
    #[error("cannot determine the signing region: expected --region or AWS_REGION")]
    NoRegion,
}

impl Config {
    /// Combines `arguments` with the environment behind `lookup`.
    ///
    /// # Errors
    /// [`InvalidConfig`]
    pub fn new(
        arguments: &Arguments,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, InvalidConfig> {
        let given = arguments.region.clone();
        let of_environment = || Settings::new(&lookup).region();
        let workspace = if let Some(url) = &arguments.target.url {
            let base = base_of_url(url)?;
            let of_host = base.region().map(str::to_owned);
            if let (Some(given), Some(expected)) = (&given, &of_host)
                && given != expected
            {
                return Err(InvalidConfig::OtherRegion { expected: expected.clone() });
            }
            let region = given.or(of_host).or_else(of_environment);
            Workspace { base, scope: scope(region)? }
        } else {
            let id = arguments.target.workspace.as_deref().unwrap_or_default();
            if !is_workspace_id(id) {
                return Err(InvalidConfig::Workspace);
            }
            let scope = scope(given.or_else(of_environment))?;
            Workspace { base: Endpoint::parse(&url_of(id, &scope.region))?, scope }
        };
        Ok(Self { workspace, listen: arguments.listen.clone() })
    }
}

fn base_of_url(url: &str) -> Result<Endpoint, InvalidConfig> {
    if url.contains('?') {
        return Err(InvalidConfig::Query);
    }
    let base = base_of(url)?.with_amp_path("")?;
    if base.region().is_some() && base.uri().scheme_str() != Some("https") {
        return Err(InvalidConfig::Plain);
    }
    Ok(base)
}

/// The region becomes part of a host name, so it must have the form of one.
fn scope(region: Option<String>) -> Result<Scope, InvalidConfig> {
    let region = region.ok_or(InvalidConfig::NoRegion)?;
    if is_region(&region) { Ok(Scope { region, service: SERVICE }) } else { Err(InvalidConfig::Region) }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    const AMP: &str = "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1";

    /// The URL and the region.
    fn read(arguments: &str, variables: &[(&str, &str)]) -> Result<(String, String), InvalidConfig> {
        let arguments = Arguments::parse_from(["proxy"].into_iter().chain(arguments.split(' ')));
        let find = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        let workspace = Config::new(&arguments, find)?.workspace;
        Ok((workspace.url(), workspace.scope.region))
    }

    #[test]
    fn the_region_is_that_of_the_option_the_host_or_the_environment() {
        let us = [("AWS_REGION", "us-east-1")];
        let expect = |arguments: &str, variables: &[(&str, &str)], url: &str, region: &str| {
            assert_eq!(
                read(arguments, variables),
                Ok((url.to_owned(), region.to_owned())),
                "{arguments} {variables:?}"
            );
        };
        let us_url = "https://aps-workspaces.us-east-1.amazonaws.com/workspaces/ws-1";
        expect("--workspace ws-1", &us, us_url, "us-east-1");
        expect("--workspace ws-1 --region eu-west-1", &us, AMP, "eu-west-1");
        expect(&format!("--url {AMP}"), &us, AMP, "eu-west-1");
        expect(&format!("--url {AMP}/api/v1/remote_write"), &[], AMP, "eu-west-1");
        expect(&format!("--url {AMP}/ --region eu-west-1"), &[], AMP, "eu-west-1");
        expect("--url http://127.0.0.1:9090/", &us, "http://127.0.0.1:9090", "us-east-1");
        expect(
            "--url http://h/a/workspaces/ws-1 --region eu-west-1",
            &us,
            "http://h/a/workspaces/ws-1",
            "eu-west-1",
        );
        let china = "https://aps-workspaces.cn-north-1.amazonaws.com.cn/workspaces/ws-1";
        expect("--workspace ws-1 --region cn-north-1", &[], china, "cn-north-1");
    }

    #[test]
    fn an_unusable_command_line_has_a_reason() {
        let error = |arguments: &str| read(arguments, &[]).unwrap_err();
        assert_eq!(error("--workspace ws-1"), InvalidConfig::NoRegion);
        assert_eq!(error("--workspace ws-1 --region evil.example.com/"), InvalidConfig::Region);
        assert_eq!(error("--workspace ../x --region eu-west-1"), InvalidConfig::Workspace);
        assert_eq!(error(&format!("--url {AMP}?a=b")), InvalidConfig::Query);
        assert_eq!(error(&format!("--url {}", AMP.replace("https", "http"))), InvalidConfig::Plain);
        assert_eq!(
            error(&format!("--url {AMP} --region us-east-1")).to_string(),
            "--region: expected eu-west-1, the region in the host of --url"
        );
        let without = "--url https://aps-workspaces.eu-west-1.amazonaws.com";
        assert!(matches!(error(without), InvalidConfig::Url(InvalidEndpoint::AmpPath { .. })));
        assert!(matches!(error("--url ftp://h"), InvalidConfig::Url(InvalidEndpoint::Scheme)));
    }
}
