//! `find_workspace`: against moto's control plane, filled and held against by the AWS SDK, and against scripted pages.

use std::path::PathBuf;

use aws_sdk_amp::config::{BehaviorVersion, Region};
use aws_sdk_amp::types::{WorkspaceDescription, WorkspaceStatusCode};
use aws_smithy_http_client::Builder;
use push_gateway_local::sqs::MotoServer;
use serde_json::{Value, json};

use crate::scripted::{Reply, Server};
use crate::support::{Function, credentials, data, error};

const REGION: &str = "eu-west-1";

/// moto's server with an SDK client for it.
struct ControlPlane {
    moto: MotoServer,
    sdk: aws_sdk_amp::Client,
}

impl ControlPlane {
    async fn start() -> Self {
        let moto = MotoServer::start(&moto_program(), 0).await.expect("moto's server");
        let config = aws_sdk_amp::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .credentials_provider(credentials())
            .endpoint_url(moto.endpoint())
            .http_client(Builder::new().build_http())
            .build();
        Self { moto, sdk: aws_sdk_amp::Client::from_conf(config) }
    }

    async fn create(&self, alias: &str) -> WorkspaceDescription {
        let created =
            self.sdk.create_workspace().alias(alias).tags("team", "t").send().await.expect("created");
        let described = self
            .sdk
            .describe_workspace()
            .workspace_id(created.workspace_id())
            .send()
            .await
            .expect("described");
        described.workspace.expect("a workspace")
    }

    fn function(&self) -> Function {
        Function::new("find_workspace", &[("AWS_ENDPOINT_URL_AMP", self.moto.endpoint())])
    }
}

/// The program that `scripts/setup.sh` installs.
#[expect(clippy::disallowed_methods, reason = "the edge of the test")]
fn moto_program() -> PathBuf {
    let installed = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.venv/bin/moto_server"));
    let program = std::env::var("MOTO_SERVER").map_or_else(|_| installed(), PathBuf::from);
    assert!(program.is_file(), "there is no {}: run `scripts/setup.sh`", program.display());
    program
}

/// What the function should say, by the SDK.
fn expected(workspace: &WorkspaceDescription) -> Value {
    let created_at = workspace.created_at().fmt(aws_sdk_amp::primitives::DateTimeFormat::DateTime).unwrap();
    let to_the_second = format!("{}Z", created_at.split(['.', 'Z']).next().unwrap());
    assert_eq!(workspace.status().unwrap().status_code(), &WorkspaceStatusCode::Active);
    json!({
        "workspaceId": workspace.workspace_id(),
        "alias": workspace.alias(),
        "arn": workspace.arn(),
        "status": "ACTIVE",
        "prometheusEndpoint": workspace.prometheus_endpoint().unwrap().trim_end_matches('/'),
        "createdAt": to_the_second,
        "tags": workspace.tags(),
    })
}

#[tokio::test]
async fn a_workspace_is_found_by_alias_and_by_id_as_the_sdk_sees_it() {
    let control_plane = ControlPlane::start().await;
    let workspace = control_plane.create("production-metrics").await;
    control_plane.create("staging-metrics").await;
    let function = control_plane.function();
    for (payload, message) in [
        (json!({"alias": "production-metrics"}), "Found workspace by alias: production-metrics".to_owned()),
        (
            json!({"alias": "Production-Metrics", "region": REGION}),
            "Found workspace by alias: Production-Metrics".to_owned(),
        ),
        (
            json!({"workspace_id": workspace.workspace_id()}),
            format!("Found workspace by id: {}", workspace.workspace_id()),
        ),
    ] {
        let answer = function.ask(payload).await;
        assert_eq!(data(&answer), &json!({"workspace": expected(&workspace), "message": message}));
    }
}

#[tokio::test]
async fn all_workspaces_of_a_region_are_listed() {
    let control_plane = ControlPlane::start().await;
    let mut all = Vec::new();
    for alias in ["a", "b", "c"] {
        all.push(expected(&control_plane.create(alias).await));
    }
    let answer = control_plane.function().ask(json!({"list_all": true})).await;
    let data = data(&answer);
    let mut found = data["workspaces"].as_array().unwrap().clone();
    found.sort_by_key(|workspace| workspace["alias"].to_string());
    assert_eq!((found, &data["total"]), (all, &json!(3)));
    let elsewhere = control_plane.function().ask(json!({"list_all": true, "region": "us-east-1"})).await;
    assert_eq!(crate::support::data(&elsewhere)["total"], 0, "every region has its own");
}

#[tokio::test]
async fn a_workspace_that_there_is_not_is_404_with_those_that_there_are() {
    let control_plane = ControlPlane::start().await;
    let workspace = control_plane.create("production").await;
    let answer = control_plane.function().ask(json!({"alias": "produktion"})).await;
    let expected = format!(
        "no workspace in eu-west-1 has the alias \"produktion\"; there are production ({})",
        workspace.workspace_id()
    );
    assert_eq!(error(&answer), (404, expected.as_str()));
    let answer = control_plane.function().ask(json!({"workspace_id": "ws-nobodys"})).await;
    assert_eq!(error(&answer).0, 404);
}

fn summary(number: usize) -> Value {
    json!({
        "workspaceId": format!("ws-{number}"),
        "alias": format!("alias-{number}"),
        "arn": format!("arn:aws:aps:eu-west-1:123456789012:workspace/ws-{number}"),
        "status": {"statusCode": "ACTIVE"},
        "createdAt": 1_672_531_200.5,
    })
}

/// A control plane that pages: `ListWorkspaces` gives ten at a time and summaries have no endpoint (AMP API reference,
/// `WorkspaceSummary`).
async fn paging(count: usize) -> Server {
    Server::by(move |seen, _| match seen.path() {
        "/workspaces" => {
            let from = seen
                .parameter("nextToken")
                .map_or(0, |token| token.trim_start_matches("+/ =").parse().unwrap());
            let to = (from + 10).min(count);
            let page: Vec<_> = (from..to).map(summary).collect();
            let mut body = json!({"workspaces": page});
            if to < count {
                body["nextToken"] = format!("+/ ={to}").into();
            }
            Reply::json(200, &body)
        }
        path => {
            let mut workspace = summary(path.trim_start_matches("/workspaces/ws-").parse().unwrap());
            workspace["prometheusEndpoint"] =
                json!("https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/x/");
            Reply::json(200, &json!({"workspace": workspace}))
        }
    })
    .await
}

fn function(server: &Server) -> Function {
    Function::new("find_workspace", &[("AWS_ENDPOINT_URL_AMP", server.url())])
}

#[tokio::test]
async fn the_list_is_read_to_its_last_page_and_only_the_found_one_is_described() {
    let server = paging(35).await;
    let answer = function(&server).ask(json!({"alias": "alias-34"})).await;
    let workspace = &data(&answer)["workspace"];
    assert_eq!(workspace["workspaceId"], "ws-34");
    assert_eq!(
        workspace["prometheusEndpoint"],
        "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/x"
    );
    assert_eq!((&workspace["createdAt"], &workspace["tags"]), (&json!("2023-01-01T00:00:00Z"), &json!({})));
    let paths: Vec<_> = server.seen().iter().map(|seen| seen.path().to_owned()).collect();
    assert_eq!(paths, ["/workspaces", "/workspaces", "/workspaces", "/workspaces", "/workspaces/ws-34"]);
}

#[tokio::test]
async fn a_list_is_complete_without_a_single_description() {
    let server = paging(35).await;
    let answer = function(&server).ask(json!({"list_all": "true"})).await;
    let data = data(&answer);
    assert_eq!(data["workspaces"].as_array().unwrap().len(), 35);
    assert_eq!(
        data["workspaces"][34]["prometheusEndpoint"],
        "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-34"
    );
    assert!(server.seen().iter().all(|seen| seen.path() == "/workspaces"));
}

#[tokio::test]
async fn an_alias_of_two_workspaces_is_no_guess() {
    let server = Server::by(|_, _| {
        let mut twin = summary(2);
        twin["alias"] = json!("alias-1");
        let mut other_case = summary(3);
        other_case["alias"] = json!("ALIAS-3");
        let mut same_case = summary(4);
        same_case["alias"] = json!("alias-3");
        Reply::json(
            200,
            &json!({"workspaces": [summary(1), twin, other_case, same_case],
            "workspace": summary(4)}),
        )
    })
    .await;
    let answer = function(&server).ask(json!({"alias": "alias-1"})).await;
    let (status, error) = error(&answer);
    assert_eq!(status, 400);
    assert!(error.contains("alias-1 (ws-1), alias-1 (ws-2) have it; use workspace_id"), "{error}");
    data(&function(&server).ask(json!({"alias": "alias-3"})).await);
    assert_eq!(server.seen().pop().unwrap().path(), "/workspaces/ws-4", "the exact alias wins");
}

#[tokio::test]
async fn errors_of_the_control_plane_keep_their_status_and_words() {
    let server = Server::in_order(vec![Reply::Say(
        403,
        r#"{"Message":"not authorized to perform: aps:ListWorkspaces"}"#.to_owned(),
    )])
    .await;
    let answer = function(&server).ask(json!({"list_all": true})).await;
    assert_eq!(error(&answer), (403, "not authorized to perform: aps:ListWorkspaces"));
}

#[tokio::test]
async fn a_throttled_control_plane_is_asked_again() {
    let throttled = Reply::Say(429, r#"{"message":"Rate exceeded"}"#.to_owned());
    let server = Server::in_order(vec![throttled, Reply::json(200, &json!({"workspaces": []}))]).await;
    let answer = function(&server).ask(json!({"list_all": true})).await;
    assert_eq!(data(&answer)["total"], 0);
}
