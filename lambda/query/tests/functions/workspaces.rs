//! `find_workspace`: against moto's control plane, filled and held against by the AWS SDK, and against scripted pages.

use std::path::PathBuf;

use local_testing::children;
use local_testing::moto::MotoServer;
use serde_json::{Value, json};

use crate::scripted::{Reply, Server};
use crate::support::{Function, data, error};

const REGION: &str = "eu-west-1";

/// What moto's Python does with the SDK that comes with moto.
const WORKSPACES: &str = include_str!("workspaces.py");

/// moto's server, and the AWS SDK's view of it.
struct ControlPlane {
    moto: MotoServer,
}

impl ControlPlane {
    async fn start() -> Self {
        Self { moto: MotoServer::start(&moto_program(), 0).await.expect("moto's server") }
    }

    /// Makes workspaces with the SDK, and has it describe them; each as the function should.
    async fn create(&self, aliases: &[&str]) -> Vec<Value> {
        let output = children::command(&moto_program().with_file_name("python"))
            .expect("a shell")
            .args(["-c", WORKSPACES, self.moto.endpoint(), REGION])
            .args(aliases)
            .output()
            .await
            .expect("moto's python");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let described: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
        described.iter().map(expected).collect()
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

/// What the function should say of a workspace that the SDK describes.
fn expected(workspace: &Value) -> Value {
    assert_eq!(workspace["status"]["statusCode"], "ACTIVE");
    json!({
        "workspaceId": workspace["workspaceId"],
        "alias": workspace["alias"],
        "arn": workspace["arn"],
        "status": "ACTIVE",
        "prometheusEndpoint": workspace["prometheusEndpoint"].as_str().expect("a URL").trim_end_matches('/'),
        "createdAt": workspace["createdAt"],
        "tags": workspace["tags"],
    })
}

/// The id of a workspace.
fn id(workspace: &Value) -> &str {
    workspace["workspaceId"].as_str().expect("an id")
}

#[tokio::test]
async fn a_workspace_is_found_by_alias_and_by_id_as_the_sdk_sees_it() {
    let control_plane = ControlPlane::start().await;
    let workspace = control_plane.create(&["production-metrics", "staging-metrics"]).await.swap_remove(0);
    let function = control_plane.function();
    for (payload, message) in [
        (json!({"alias": "production-metrics"}), "Found workspace by alias: production-metrics".to_owned()),
        (
            json!({"alias": "Production-Metrics", "region": REGION}),
            "Found workspace by alias: Production-Metrics".to_owned(),
        ),
        (json!({"workspace_id": id(&workspace)}), format!("Found workspace by id: {}", id(&workspace))),
    ] {
        let answer = function.ask(payload).await;
        assert_eq!(data(&answer), &json!({"workspace": workspace, "message": message}));
    }
}

#[tokio::test]
async fn all_workspaces_of_a_region_are_listed() {
    let control_plane = ControlPlane::start().await;
    let all = control_plane.create(&["a", "b", "c"]).await;
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
    let workspace = control_plane.create(&["production"]).await.swap_remove(0);
    let answer = control_plane.function().ask(json!({"alias": "produktion"})).await;
    let expected = format!(
        "no workspace in eu-west-1 has the alias \"produktion\"; there are production ({})",
        id(&workspace)
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
