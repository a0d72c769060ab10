//! The targets of signed requests: AMP or the configured URL, whatever a caller sends.

use serde_json::{Value, json};

use super::*;
use crate::config::Config;
use crate::operation::Operation;

fn target(payload: &Value, variables: &[(&str, &str)]) -> Result<Workspace, String> {
    let find = |name: &str| match name {
        "_HANDLER" => Some("query".to_owned()),
        name => variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()),
    };
    let config = Config::from_lookup(find).unwrap();
    let input = Input::of(payload, Operation::ServerInfo).unwrap();
    resolve(&input, config.workspace.as_ref(), config.region.as_deref()).map_err(|error| error.to_string())
}

const CONFIGURED: (&str, &str) = ("WORKSPACE_URL", "http://127.0.0.1:9090/prometheus");
const AWS_REGION: (&str, &str) = ("AWS_REGION", "us-east-1");

#[test]
fn every_form_of_an_amp_url_is_resolved() {
    let amp = "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1";
    for url in [
        amp.to_owned(),
        format!("{amp}/"),
        format!("{amp}/api/v1"),
        format!("{amp}/api/v1/"),
        format!("{amp}/api/v1/query"),
        format!("{amp}/api/v1/query_range"),
        format!("{amp}/api/v1/remote_write"),
        amp.replace(".com/", ".com:443/"),
        amp.replace("https://aps-workspaces.eu-west-1", "HTTPS://APS-Workspaces.EU-WEST-1"),
    ] {
        let workspace = target(&json!({"workspace_url": url}), &[AWS_REGION]).unwrap();
        assert_eq!(workspace.url(), amp, "{url}");
        assert_eq!(workspace.scope.unwrap().region, "eu-west-1");
    }
    for host in [
        "aps-workspaces-fips.us-gov-west-1.amazonaws.com",
        "aps-workspaces.us-gov-west-1.api.aws",
        "vpce-0a1b2c-3d4e.aps-workspaces.us-gov-west-1.vpce.amazonaws.com",
    ] {
        let url = format!("https://{host}/workspaces/ws-1");
        let workspace = target(&json!({"workspace_url": url}), &[AWS_REGION]).unwrap();
        assert_eq!((workspace.url(), workspace.scope.unwrap().region), (url, "us-gov-west-1".to_owned()));
    }
}

#[test]
fn an_id_with_a_region_is_resolved() {
    let workspace = target(&json!({"workspace_id": "ws-1", "region": "eu-west-1"}), &[AWS_REGION]).unwrap();
    assert_eq!(workspace.url(), "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1");
    let workspace = target(&json!({"workspace_id": "ws-1"}), &[AWS_REGION]).unwrap();
    assert_eq!(workspace.url(), "https://aps-workspaces.us-east-1.amazonaws.com/workspaces/ws-1");
    let workspace = target(&json!({"workspace_id": "ws-1", "region": "cn-north-1"}), &[]).unwrap();
    assert_eq!(workspace.url(), "https://aps-workspaces.cn-north-1.amazonaws.com.cn/workspaces/ws-1");
    assert!(target(&json!({"workspace_id": "ws-1"}), &[]).unwrap_err().contains("parameter: region"));
}

#[test]
fn the_configured_workspace_is_the_default() {
    let local = [CONFIGURED, AWS_REGION];
    assert_eq!(target(&json!({}), &local).unwrap().url(), CONFIGURED.1);
    assert_eq!(target(&json!({"workspace_url": CONFIGURED.1}), &local).unwrap().url(), CONFIGURED.1);
    let plain = [("WORKSPACE_URL", "http://127.0.0.1:443"), AWS_REGION];
    assert_eq!(target(&json!({}), &plain).unwrap().url(), "http://127.0.0.1:443");
    let vpc = "https://vpce-1.aps-workspaces.us-east-1.vpce.amazonaws.com/workspaces/ws-1";
    let by_id = target(&json!({"workspace_id": "ws-1"}), &[("WORKSPACE_URL", vpc), AWS_REGION]).unwrap();
    assert_eq!(by_id.url(), vpc, "the configured URL of the same workspace");
    let amp = "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1";
    assert_eq!(target(&json!({"workspace_url": amp}), &local).unwrap().url(), amp);
    let unsigned = [CONFIGURED, AWS_REGION, ("WORKSPACE_AUTH", "none")];
    assert_eq!(target(&json!({}), &unsigned).unwrap().scope, None);
    assert!(target(&json!({"workspace_url": amp}), &unsigned).unwrap().scope.is_some());
    assert!(target(&json!({}), &[]).unwrap_err().starts_with("missing required parameter: workspace_url"));
}

/// OWASP, "Server Side Request Forgery Prevention": hosts of the caller, hosts of AWS services where anyone can register
/// a name, and URLs that parsers read differently.
#[test]
fn other_urls_are_rejected() {
    for url in [
        "https://evil.example/workspaces/ws-1",
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:9001/workspaces/ws-1",
        "http://127.0.0.1:9090/other",
        "http://127.0.0.1:9090/prometheus/../admin",
        "http://127.0.0.1:9090/prometheus?x=y",
        "http://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1",
        "https://aps-workspaces.eu-west-1.amazonaws.com:8443/workspaces/ws-1",
        "https://aps-workspaces.eu-west-1.amazonaws.com.evil.example/workspaces/ws-1",
        "https://evil.example/aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1",
        "https://aps-workspaces.eu-west-1.amazonaws.com@evil.example/workspaces/ws-1",
        "https://evil.example#@aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1",
        "https://evil.example\\@aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1",
        "https://aps-workspaces.s3.amazonaws.com/workspaces/ws-1",
        "https://bucket.aps-workspaces.s3.amazonaws.com/workspaces/ws-1",
        "https://evil-aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1",
        "https://sts.eu-west-1.amazonaws.com/workspaces/ws-1",
        "https://aps.eu-west-1.amazonaws.com/workspaces/ws-1",
        "https://vpce-1.vpce-svc-1.eu-west-1.vpce.amazonaws.com/workspaces/ws-1",
        "https://aps-workspaces.eu-west-1.amazonaws.com/",
        "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/",
        "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/..",
        "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/../ws-2",
        "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1%2f..",
        "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1?x=y",
        "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/alertmanager/api/v2/silences",
        "file:///etc/passwd",
        "ws-1",
    ] {
        let error = target(&json!({"workspace_url": url}), &[CONFIGURED, AWS_REGION]).expect_err(url);
        assert!(error.starts_with("invalid parameter workspace_url: "), "{error}");
    }
    for (id, region) in [("ws-1", "eu-west-1.evil.example/"), ("ws-1", "s3"), ("ws-1", "EU-WEST-1")] {
        let error = target(&json!({"workspace_id": id, "region": region}), &[AWS_REGION]).expect_err(region);
        assert!(error.starts_with("invalid parameter region: "), "{error}");
    }
    for id in ["../x", "ws-1/x", "ws 1", ".", "..", "ws%2f", "a?b", "a#b", "ä", &"a".repeat(65)] {
        let error = target(&json!({"workspace_id": id, "region": "eu-west-1"}), &[AWS_REGION]).expect_err(id);
        assert!(error.starts_with("invalid parameter workspace_id: "), "{error}");
    }
}

#[test]
fn contradictory_parameters_are_rejected() {
    let url = "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1";
    assert!(target(&json!({"workspace_url": url, "workspace_id": "ws-1"}), &[]).is_ok());
    assert!(target(&json!({"workspace_url": url, "region": "eu-west-1"}), &[]).is_ok());
    let id = target(&json!({"workspace_url": url, "workspace_id": "ws-2"}), &[]).unwrap_err();
    assert!(id.ends_with("got \"ws-2\""), "{id}");
    let region = target(&json!({"workspace_url": url, "region": "us-east-1"}), &[]).unwrap_err();
    assert_eq!(
        region,
        "invalid parameter region: expected the region of the workspace, eu-west-1, got \"us-east-1\""
    );
}
