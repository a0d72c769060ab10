//! The operation `find_workspace`: compared with the AWS SDK on moto's control plane, and against scripted pages.

use std::path::PathBuf;

use local_testing::children;
use local_testing::moto::MotoServer;
use serde_json::{Value, json};

use crate::scripted::{Answer, ScriptedServer, parameter};
use crate::support::{Function, data, error};

const REGION: &str = "eu-west-1";

/// Creates and describes workspaces with the SDK that comes with moto.
const WORKSPACES: &str = include_str!("workspaces.py");

/// moto's server, and the function that reads its control plane.
async fn control_plane() -> (MotoServer, Function) {
    let moto = MotoServer::start(&moto_program(), 0).await.expect("moto's server");
    let function = Function::new("find_workspace", &[("AWS_ENDPOINT_URL_AMP", moto.endpoint())]);
    (moto, function)
}

/// Creates workspaces with the SDK and returns its descriptions in the form of the function.
async fn create(moto: &MotoServer, aliases: &[&str]) -> Vec<Value> {
    let output = children::command(&moto_program().with_file_name("python"))
        .expect("a shell")
        .args(["-c", WORKSPACES, moto.endpoint(), REGION])
        .args(aliases)
        .output()
        .await
        .expect("moto's python");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let described: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    described.iter().map(expected).collect()
}

/// The program that `scripts/setup.sh` installs.
#[expect(clippy::disallowed_methods, reason = "the I/O boundary of the test")]
fn moto_program() -> PathBuf {
    let installed = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.venv/bin/moto_server"));
    let program = std::env::var("MOTO_SERVER").map_or_else(|_| installed(), PathBuf::from);
    assert!(program.is_file(), "{} does not exist: run `scripts/setup.sh`", program.display());
    program
}

/// The function's description of a workspace, from that of the SDK.
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
async fn workspaces_are_found_by_alias_and_id() {
    let (moto, function) = control_plane().await;
    let workspace = create(&moto, &["production-metrics", "staging-metrics"]).await.swap_remove(0);
    for (payload, message) in [
        (json!({"alias": "production-metrics"}), "Found workspace by alias: production-metrics".to_owned()),
        (
            json!({"alias": "Production-Metrics", "region": REGION}),
            "Found workspace by alias: Production-Metrics".to_owned(),
        ),
        (json!({"workspace_id": id(&workspace)}), format!("Found workspace by id: {}", id(&workspace))),
    ] {
        let response = function.invoke(payload).await;
        assert_eq!(data(&response), &json!({"workspace": workspace, "message": message}));
    }
}

#[tokio::test]
async fn all_workspaces_of_a_region_are_listed() {
    let (moto, function) = control_plane().await;
    let all = create(&moto, &["a", "b", "c"]).await;
    let response = function.invoke(json!({"list_all": true})).await;
    let data = data(&response);
    let mut found = data["workspaces"].as_array().unwrap().clone();
    found.sort_by_key(|workspace| workspace["alias"].to_string());
    assert_eq!((found, &data["total"]), (all, &json!(3)));
    let elsewhere = function.invoke(json!({"list_all": true, "region": "us-east-1"})).await;
    assert_eq!(crate::support::data(&elsewhere)["total"], 0, "another region");
}

#[tokio::test]
async fn an_unknown_workspace_is_404_with_the_existing_ones() {
    let (moto, function) = control_plane().await;
    let workspace = create(&moto, &["production"]).await.swap_remove(0);
    let response = function.invoke(json!({"alias": "produktion"})).await;
    let expected = format!(
        "no workspace in eu-west-1 has the alias \"produktion\"; existing workspaces: production ({})",
        id(&workspace)
    );
    assert_eq!(error(&response), (404, expected.as_str()));
    let response = function.invoke(json!({"workspace_id": "ws-nobodys"})).await;
    assert_eq!(error(&response).0, 404);
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

/// A control plane with pages of ten. Summaries have no endpoint (AMP API reference, `WorkspaceSummary`).
async fn paging(count: usize) -> ScriptedServer {
    ScriptedServer::by(move |seen, _| match seen.path() {
        "/workspaces" => {
            let from = parameter(seen, "nextToken")
                .map_or(0, |token| token.trim_start_matches("+/ =").parse().unwrap());
            let to = (from + 10).min(count);
            let page: Vec<_> = (from..to).map(summary).collect();
            let mut body = json!({"workspaces": page});
            if to < count {
                body["nextToken"] = format!("+/ ={to}").into();
            }
            Answer::json(200, &body)
        }
        path => {
            let mut workspace = summary(path.trim_start_matches("/workspaces/ws-").parse().unwrap());
            workspace["prometheusEndpoint"] =
                json!("https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/x/");
            Answer::json(200, &json!({"workspace": workspace}))
        }
    })
    .await
}

fn function(server: &ScriptedServer) -> Function {
    Function::new("find_workspace", &[("AWS_ENDPOINT_URL_AMP", &server.url())])
}

#[tokio::test]
async fn the_list_is_read_to_its_last_page() {
    let server = paging(35).await;
    let response = function(&server).invoke(json!({"alias": "alias-34"})).await;
    let workspace = &data(&response)["workspace"];
    assert_eq!(workspace["workspaceId"], "ws-34");
    let endpoint = "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces";
    assert_eq!(workspace["prometheusEndpoint"], format!("{endpoint}/x"));
    assert_eq!((&workspace["createdAt"], &workspace["tags"]), (&json!("2023-01-01T00:00:00Z"), &json!({})));
    let response = function(&server).invoke(json!({"list_all": "true"})).await;
    assert_eq!(data(&response)["workspaces"].as_array().unwrap().len(), 35);
    assert_eq!(data(&response)["workspaces"][34]["prometheusEndpoint"], format!("{endpoint}/ws-34"));
    let paths: Vec<_> = server.requests().iter().map(|seen| seen.path().to_owned()).collect();
    assert_eq!((&paths[..4], &paths[5..]), (&["/workspaces"; 4].map(str::to_owned)[..], &paths[..4]));
    assert_eq!(paths[4], "/workspaces/ws-34", "only the found workspace is described");
}

#[tokio::test]
async fn an_ambiguous_alias_is_an_error() {
    let server = ScriptedServer::by(|_, _| {
        let mut twin = summary(2);
        twin["alias"] = json!("alias-1");
        let mut other_case = summary(3);
        other_case["alias"] = json!("ALIAS-3");
        let mut same_case = summary(4);
        same_case["alias"] = json!("alias-3");
        Answer::json(
            200,
            &json!({"workspaces": [summary(1), twin, other_case, same_case],
            "workspace": summary(4)}),
        )
    })
    .await;
    let response = function(&server).invoke(json!({"alias": "alias-1"})).await;
    let (status, error) = error(&response);
    assert_eq!(status, 400);
    assert!(error.contains("alias-1 (ws-1), alias-1 (ws-2) have it; use workspace_id"), "{error}");
    data(&function(&server).invoke(json!({"alias": "alias-3"})).await);
    assert_eq!(server.requests().pop().unwrap().path(), "/workspaces/ws-4", "the exact alias wins");
}
