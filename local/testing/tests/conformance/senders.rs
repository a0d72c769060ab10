//! The rules of both versions of remote write for a sender, which the gateway has to keep with real receivers.
//!
//! - <https://prometheus.io/docs/specs/prw/remote_write_spec/>
//! - <https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/>

mod checks;
mod evidence;
mod message;
mod pushes;
mod recorder;
mod rules;

use std::path::PathBuf;

use local_testing::prometheus::Prometheus;

use crate::results::Results;
use evidence::{Evidence, Receiver};
use rules::{Rule, Test, VERSION_1, VERSION_2};

/// Checks all rules with one receiver.
async fn check(receiver: &Receiver, name: &str, protocol: &str, rules: &[Rule]) {
    let evidence = Evidence::gather(receiver, protocol).await;
    let mut results = Results::new(format!("sender-{protocol}-{name}"));
    for Rule { section, level, text, test } in rules {
        let case = format!("{section}: {level} {text}");
        match test {
            Test::Check(check) => results.add(case, check(&evidence)),
            Test::Differs(check, reason) => results.differ(case, reason, check(&evidence)),
            Test::NotApplicable(clause) => results.exclude(case, clause),
        }
    }
    results.finish();
}

fn prometheus_3() -> PathBuf {
    std::env::var_os("PROMETHEUS3").map(PathBuf::from).expect("PROMETHEUS3: a Prometheus 3")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rules_of_1_0_hold_with_prometheus() {
    let program = Prometheus::find().expect("prometheus in PATH or in PROMETHEUS");
    check(&Receiver::prometheus(&program).await, "prometheus-installed", "1.0", VERSION_1).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Prometheus 3: npm run conformance"]
async fn the_rules_of_1_0_hold_with_prometheus_3() {
    check(&Receiver::prometheus(&prometheus_3()).await, "prometheus", "1.0", VERSION_1).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Prometheus 3: npm run conformance"]
async fn the_rules_of_2_0_hold_with_prometheus_3() {
    check(&Receiver::prometheus(&prometheus_3()).await, "prometheus", "2.0", VERSION_2).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Cortex: npm run conformance"]
async fn the_rules_of_1_0_hold_with_cortex() {
    check(&Receiver::cortex().await, "cortex", "1.0", VERSION_1).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Cortex: npm run conformance"]
async fn the_rules_of_2_0_hold_with_cortex() {
    check(&Receiver::cortex().await, "cortex", "2.0", VERSION_2).await;
}
