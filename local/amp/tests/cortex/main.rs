//! The answers of Cortex, and what it stores, case by case: the stand-in must do the same.
//!
//! The stand-in is compared with the recorded answers of Cortex 1.21.1 in every run of the tests, and with a real Cortex by
//! `npm run conformance`, which shows whether the records are right.

mod case;
mod cases;
mod engine;
mod request;
mod stand_in;

use std::collections::BTreeMap;
use std::time::Duration;

use case::{Case, Outcome};
use engine::Engine;
use local_testing::clock::Clock;
use local_testing::conformance::{Row, Verdict, record};
use local_testing::cortex::{Cortex, CortexOptions};
use request::{Request, Times};

/// 2023-02-14T18:06:57.413Z.
const NOW_MS: i64 = 1_676_398_017_413;

/// Reports all differences at once.
fn none(differences: &[String]) {
    assert!(differences.is_empty(), "{} differences:\n\n{}", differences.len(), differences.join("\n\n"));
}

#[tokio::test]
async fn the_stand_in_answers_as_recorded() {
    let mut differences = Vec::new();
    for case in cases::all(NOW_MS) {
        let (expected, found) = (case.expected_of_the_stand_in(), stand_in::run(&case, NOW_MS).await);
        differences.extend(expected.difference(case.name, &found));
    }
    none(&differences);
}

/// The launcher of the audits: Cortex is killed and started again on the same data.
#[tokio::test]
#[ignore = "needs Cortex: npm run conformance"]
async fn acknowledged_samples_survive_a_crash_of_cortex() {
    let program = Cortex::find().expect("CORTEX: a built Cortex");
    let mut cortex = Cortex::start(&program, &CortexOptions::default()).await.expect("it starts");
    let now_ms = Clock::system().now_ms();
    let write = Request::of_series(vec![Times { now_ms }.m(&[(-1_000, 0.5), (0, 7.0)])]);
    assert_eq!(write.send(&cortex.remote_write_url(), None).await, (200, String::new()));
    let labels = [("__name__".to_owned(), "m".to_owned())].into();
    let expected = [(labels, [(now_ms - 1_000, 0.5), (now_ms, 7.0)].into())].into();
    let minute = Duration::from_mins(1);
    assert_eq!(cortex.samples("m", minute).await.expect("an answer"), expected);
    cortex.kill().await;
    assert!(cortex.samples("m", minute).await.is_err());
    cortex.restart().await.expect("it starts again");
    assert_eq!(cortex.samples("m", minute).await.expect("an answer"), expected);
}

#[test]
fn every_case_has_a_name_of_its_own() {
    let mut names = BTreeMap::<_, usize>::new();
    for case in cases::all(NOW_MS) {
        *names.entry(case.name).or_default() += 1;
    }
    names.retain(|_, times| *times > 1);
    assert_eq!(names, BTreeMap::new());
}

#[tokio::test]
#[ignore = "needs Cortex: npm run conformance"]
async fn cortex_answers_as_recorded_and_as_the_stand_in() {
    let mut differences = Vec::new();
    let mut rows = Vec::new();
    let tenants = cases::all(NOW_MS).iter().map(|case| (case.tenant(), case.limits)).collect();
    let engine = Engine::start(tenants).await;
    let count = cases::all(NOW_MS).len();
    for position in 0..count {
        // Cortex has the clock of this machine.
        let now_ms = Clock::system().now_ms();
        let case: Case = cases::all(now_ms).swap_remove(position);
        let found = engine.run(&case, now_ms).await;
        let drift = case.expected_of_cortex().difference(case.name, &found);
        rows.push(row(&case, "cortex", verdict(drift.as_ref())));
        differences.extend(drift);
        let of_the_stand_in = stand_in::run(&case, now_ms).await;
        let drift = match case.stand_in {
            None => Outcome::exactly(&of_the_stand_in)
                .difference(&format!("{} (the stand-in)", case.name), &found),
            Some(_) => case.expected_of_the_stand_in().difference(case.name, &of_the_stand_in),
        };
        rows.push(match (&drift, case.stand_in) {
            (None, Some((_, _, reason))) => row(&case, "stand-in", Verdict::NotApplicable(reason.to_owned())),
            _ => row(&case, "stand-in", verdict(drift.as_ref())),
        });
        differences.extend(drift);
    }
    record("engine", &rows).expect("a file");
    none(&differences);
}

fn verdict(difference: Option<&String>) -> Verdict {
    if difference.is_none() { Verdict::Passed } else { Verdict::Failed }
}

fn row(case: &Case, target: &'static str, verdict: Verdict) -> Row {
    Row { case: case.name.to_owned(), target, verdict }
}
