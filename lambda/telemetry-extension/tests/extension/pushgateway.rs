//! A real Pushgateway, with and without a password.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use local_testing::scripted::closed_port;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::host::{Setup, program};
use crate::http_client;
use crate::secret;

/// Passwords and their bcrypt hashes of the lowest cost.
const FIRST: (&str, &str) =
    ("first-password", "$2b$04$jRwwDQcu8n5WTxKGRpOFau/93KOHV65F4IlK8yfMphlCcUVnoPapO");
const SECOND: (&str, &str) =
    ("second-password", "$2b$04$EmOKq0VeUAG65SalBIFMZu3f2zabMh/4Ief3sf4cIFBRZbE14McS6");

/// A running Pushgateway.
#[derive(Debug)]
struct Pushgateway {
    url: String,
    web_config: PathBuf,
    _child: Child,
    _directory: TempDir,
}

impl Pushgateway {
    async fn start(password: Option<(&str, &str)>) -> Self {
        let program = program(
            "PUSHGATEWAY",
            "/usr/bin/prometheus-pushgateway",
            "install it (Debian and Ubuntu: apt-get install prometheus-pushgateway)",
        );
        let directory = tempfile::tempdir().expect("a directory");
        let web_config = directory.path().join("web.yml");
        set_password(&web_config, password);
        // It cannot choose a port itself. If another program takes this one first, it ends and is started again.
        for _ in 0..10 {
            let port = closed_port().expect("a free port");
            let mut child = Command::new(&program)
                .arg(format!("--web.listen-address=127.0.0.1:{port}"))
                .arg(format!("--web.config.file={}", web_config.display()))
                .stderr(Stdio::null())
                .kill_on_drop(true)
                .spawn()
                .expect("the server starts");
            let url = format!("http://127.0.0.1:{port}");
            while child.try_wait().expect("a child").is_none() {
                let ready = http::Request::get(&url).body(String::new()).expect("a request");
                // Without the password every response is 401.
                if http_client::send(ready).await.is_ok() && child.try_wait().expect("a child").is_none() {
                    return Self { url, web_config, _child: child, _directory: directory };
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        panic!("the server ended ten times before it was ready");
    }

    fn setup(&self) -> Setup {
        Setup::new().env("GATEWAY", &*self.url)
    }

    /// The result of a scrape.
    async fn metrics(&self) -> String {
        http_client::get(&format!("{}/metrics", self.url)).await
    }
}

/// Exporter toolkit, "Web configuration": the file is read for every connection.
fn set_password(web_config: &std::path::Path, password: Option<(&str, &str)>) {
    let users =
        password.map(|(_, hash)| format!("basic_auth_users:\n  extension: {hash}\n")).unwrap_or_default();
    std::fs::write(web_config, users).expect("a file");
}

/// The lines of a metric with this own label.
fn lines<'a>(metrics: &'a str, name: &str, label: &str) -> Vec<&'a str> {
    metrics.lines().filter(|line| line.starts_with(name) && line.contains(label)).collect()
}

#[tokio::test]
async fn a_group_is_deleted_at_the_end_only_on_request() {
    let gateway = Pushgateway::start(None).await;
    let mut stays = gateway.setup().start().await.ready().await;
    stays.invoke_and_report("success").await;
    assert!(stays.shut_down().await.success());
    let mut goes = gateway.setup().env("DELETE_ON_SHUTDOWN", "true").start().await.ready().await;
    goes.invoke_and_report("error").await;
    goes.invoke().await;
    let metrics = gateway.metrics().await;
    let found = lines(&metrics, "aws_lambda_invocations_total{", "status=\"error\"");
    assert_eq!(found.len(), 2, "a group of each environment: {metrics}");
    let is_grouped = |line: &&str| line.contains("job=\"shop\"") && line.contains("instance=\"");
    assert!(found.iter().all(is_grouped), "{found:?}");
    assert!(goes.shut_down().await.success());
    let metrics = gateway.metrics().await;
    let left = lines(&metrics, "aws_lambda_invocations_total{", "status=\"success\"");
    assert!(left.len() == 1 && left[0].ends_with(" 1"), "{left:?}");
}

/// A Pushgateway rejects a metric with different types in different groups.
#[tokio::test]
async fn functions_with_and_without_buckets_share_a_pushgateway() {
    let gateway = Pushgateway::start(None).await;
    for histograms in ["", "none", "duration_seconds"] {
        let mut host = gateway.setup().env("TELEMETRY_HISTOGRAMS", histograms).start().await.ready().await;
        host.invoke_and_report("success").await;
        assert!(host.shut_down().await.success());
    }
    let metrics = gateway.metrics().await;
    for (name, label, expected) in [
        ("push_time_seconds{", "instance=", 3),
        ("aws_lambda_billed_duration_seconds_bucket{", "le=\"+Inf\"", 3),
        ("aws_lambda_billed_duration_seconds_bucket{", "le=\"10", 1),
        ("aws_lambda_duration_seconds_bucket{", "le=\"10", 2),
        ("aws_lambda_duration_seconds_sum{", "instance=", 3),
        ("aws_lambda_duration_seconds_count{", "instance=", 3),
    ] {
        let found = lines(&metrics, name, label);
        assert_eq!(found.len(), expected, "{name} {found:?}");
    }
    let all = lines(&metrics, "aws_lambda_billed_duration_seconds_bucket{", "le=\"+Inf\"");
    assert!(all.iter().all(|line| line.ends_with(" 1")), "{all:?}");
    let types = lines(&metrics, "# TYPE aws_lambda_billed_duration_seconds ", "");
    assert_eq!(types, ["# TYPE aws_lambda_billed_duration_seconds histogram"]);
}

/// The commands delete groups of one function by the time of their last push.
#[tokio::test]
async fn the_commands_of_the_readme_delete_old_groups() {
    let gateway = Pushgateway::start(None).await;
    let mut host = gateway.setup().start().await.ready().await;
    host.invoke_and_report("success").await;
    assert!(host.shut_down().await.success());
    for foreign in ["job/backup/instance/db", "job/shop-2/instance/db", "job/shop"] {
        let push = http::Request::put(format!("{}/metrics/{foreign}", gateway.url));
        let push = push.body("last_success 1\n".to_owned()).expect("a request");
        assert_eq!(http_client::send(push).await.expect("an answer").0, 200);
    }
    let readme = include_str!("../../README.md");
    let commands = readme.split("```sh\n").map(|block| block.split("```").next().unwrap_or_default());
    let commands = commands.into_iter().find(|block| block.contains("-X DELETE")).expect("the commands");
    for (age, is_left) in [("3600", true), ("-60", false)] {
        let status = Command::new("sh")
            .args(["-euc", commands])
            .envs([("GATEWAY", &*gateway.url), ("FUNCTION", "shop"), ("AGE", age)])
            .status()
            .await;
        assert!(status.expect("sh is there").success());
        let metrics = gateway.metrics().await;
        assert_eq!(
            lines(&metrics, "aws_lambda_duration_seconds_count", "instance=").len(),
            usize::from(is_left)
        );
        assert_eq!(lines(&metrics, "push_time_seconds", "instance=").len(), 3 + usize::from(is_left));
        assert_eq!(lines(&metrics, "last_success{", "").len(), 3, "{metrics}");
    }
}

/// A scrape must include the zero before the first increment.
#[tokio::test]
async fn zeros_are_pushed_at_the_first_invocation() {
    let gateway = Pushgateway::start(None).await;
    let mut host = gateway.setup().env("DISPATCH_MIN_BATCH_SIZE", "1000").start().await.ready().await;
    host.invoke().await;
    let metrics = gateway.metrics().await;
    let found = lines(&metrics, "aws_lambda_invocations_total{", "status=\"success\"");
    assert!(found.len() == 1 && found[0].ends_with(" 0"), "{found:?}");
    assert!(host.shut_down().await.success());
}

/// After a rotation the secret is read again, and the push is not lost.
#[tokio::test]
async fn a_rejected_password_is_read_again() {
    let moto = secret::moto().await;
    let arn = secret::create(&moto, FIRST.0).await;
    let gateway = Pushgateway::start(Some(FIRST)).await;
    let setup =
        gateway.setup().env("AUTH_SECRET", &*arn).env("AWS_ENDPOINT_URL_SECRETS_MANAGER", moto.endpoint());
    let mut host = setup.start().await.ready().await;
    host.invoke_and_report("success").await;
    host.invoke_and_report("success").await;
    secret::rotate(&moto, &arn, SECOND.0).await;
    set_password(&gateway.web_config, Some(SECOND));
    host.invoke_and_report("success").await;
    assert!(host.shut_down().await.success());
    set_password(&gateway.web_config, None);
    let metrics = gateway.metrics().await;
    let found = lines(&metrics, "aws_lambda_invocations_total{", "status=\"success\"");
    assert!(found.len() == 1 && found[0].ends_with(" 3"), "{found:?}");
}
