//! `promtool push metrics` sends a file once.

use crate::outage::outage;
use crate::program::Client;
use crate::stage::{PASSWORD, Stage};

#[tokio::test]
#[ignore = "npm run conformance builds promtool"]
async fn promtool_push_metrics() {
    let client = Client::named_by("PROMTOOL3", "promtool");
    let Some(mut command) = client.command() else { return };
    let stage = Stage::impatient().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("metrics");
    std::fs::write(&file, "# TYPE jobs_total counter\njobs_total{kind=\"größe\"} 3\n").expect("a file");
    command
        .args([
            "push",
            "metrics",
            "--label=job=promtool",
            &format!("--header=Authorization=Bearer {PASSWORD}"),
        ])
        .arg(stage.url.url())
        .arg(&file);
    // It repeats what is answered 503.
    tokio::join!(client.finish(command), outage(&stage, &[503, 429]));
    let [jobs] = &stage.query("jobs_total{kind=\"größe\",job=\"promtool\"}").await[..] else {
        panic!("one series")
    };
    assert_eq!(jobs["value"][1], "3");
}
