//! The suite of the Prometheus project for receivers of remote write 2.0, against the gateway, Prometheus 3 and Cortex.

use std::collections::BTreeMap;
use std::path::PathBuf;

use local_testing::conformance::{Row, Verdict, record};
use local_testing::cortex::{Cortex, CortexOptions};
use local_testing::prometheus::Prometheus;
use tokio::process::Command;

use crate::function_url::FunctionUrl;
use crate::support::Setup;

/// The published number.
const CASES: usize = 205;

/// Why a case does not apply to the gateway: the status, a text of the answer or of the failure, the number of cases, and the reason. The
/// suite takes 400 even where it expects a success, so some of these cases would count as passed.
const REASONS: [(u16, &str, usize, &str); 2] = [
    (
        400,
        "timestamp too old",
        3,
        "AMP takes no sample that is an hour old (its quotas), so the answer is 400, and the others are written",
    ),
    (
        204,
        "\t0 exemplars written",
        58,
        "AMP stores no exemplars (User Guide of Amazon Managed Grafana, amp-configure-exemplars), so the answer 204 counts none as written",
    ),
];

/// The result of each case, and what the suite printed about it.
type Results = BTreeMap<String, (bool, String)>;

#[tokio::test]
#[ignore = "needs the suite, Prometheus 3 and Cortex: npm run conformance"]
async fn the_receiver_suite_passes_where_it_applies() {
    let prometheus = Prometheus::start(&program("PROMETHEUS3"), 0).await.expect("it starts");
    let options = CortexOptions { remote_write_2: true, ..CortexOptions::default() };
    let cortex = Cortex::start(&program("CORTEX"), &options).await.expect("it starts");
    let gateways = [gateway(&cortex, "1.0").await, gateway(&cortex, "2.0").await];
    let targets = [
        ("gateway", format!("{}/api/v1/write", gateways[0].url())),
        ("gateway 2.0", format!("{}/api/v1/write", gateways[1].url())),
        ("prometheus", format!("{}/api/v1/write", prometheus.url())),
        ("cortex", cortex.remote_write_url()),
    ];
    let mut rows = Vec::new();
    let mut failures = String::new();
    for (target, url) in &targets {
        let results = run(url).await;
        assert_eq!(results.len(), CASES, "{target}");
        for (case, (passed, output)) in results {
            let is_gateway = target.starts_with("gateway");
            let reason = REASONS.iter().find(|(status, text, ..)| {
                is_gateway && output.contains(&format!(": {status}\n")) && output.contains(text)
            });
            let verdict = match reason {
                Some((.., clause)) => Verdict::NotApplicable((*clause).to_owned()),
                None if passed => Verdict::Passed,
                None => Verdict::Failed,
            };
            if is_gateway && verdict == Verdict::Failed {
                failures.extend([target, " ", &case, "\n", &output]);
            }
            rows.push(Row { case, target, verdict });
        }
    }
    record("receiver", &rows).expect("a file");
    assert_eq!(failures, "");
    for (_, text, expected, clause) in REASONS {
        for target in ["gateway", "gateway 2.0"] {
            let verdict = Verdict::NotApplicable(clause.to_owned());
            let excluded = rows.iter().filter(|row| row.target == target && row.verdict == verdict);
            assert_eq!(excluded.count(), expected, "{target}: {text}");
        }
    }
}

/// The gateway in front of this Cortex, to which it writes in this version.
async fn gateway(cortex: &Cortex, version: &str) -> FunctionUrl {
    let setup = Setup::new().url(&cortex.remote_write_url()).env("REMOTE_WRITE_AUTH", "none");
    FunctionUrl::start(setup.env("REMOTE_WRITE_PROTOCOL", version)).await
}

/// Runs the suite, whose cases have the name of the receiver at the end.
async fn run(url: &str) -> Results {
    const RECEIVER: &str = "receiver";
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("config.yml");
    std::fs::write(&config, format!("remote_write:\n  - name: {RECEIVER}\n    url: {url}\n"))
        .expect("a file");
    let mut command = Command::new(program("RECEIVER_SUITE"));
    command.arg("-test.v").env("PROMETHEUS_RW2_COMPLIANCE_CONFIG_FILE", &config).current_dir(folder.path());
    let output = command.output().await.expect("it runs").stdout;
    results(&String::from_utf8(output).expect("text"), RECEIVER)
}

/// Go prints `=== RUN   <case>`, then what the case logs, and at the end of a test `--- PASS: <case> (0.00s)` for each case.
fn results(output: &str, receiver: &str) -> Results {
    let mut results = Results::new();
    let mut logs = BTreeMap::<&str, String>::new();
    let mut running = "";
    for line in output.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            ["===", "RUN" | "NAME" | "CONT", case] => running = case,
            ["===", ..] => {}
            ["---", result @ ("PASS:" | "FAIL:" | "SKIP:"), case, _] => {
                if let Some(name) = case.strip_suffix(receiver).and_then(|name| name.strip_suffix('/')) {
                    let log = logs.remove(case).unwrap_or_default();
                    // Nameless subtests.
                    let name = name.replace("/#00", "").replace("/_", "/");
                    results.insert(name, (result == "PASS:", log));
                }
            }
            _ => logs.entry(running).or_default().extend([line, "\n"]),
        }
    }
    results
}

fn program(variable: &str) -> PathBuf {
    let missing = || panic!("{variable}: expected a program; npm run conformance builds it");
    std::env::var_os(variable).map_or_else(missing, PathBuf::from)
}
