//! A time in which the receiver takes nothing, longer than the gateway tries.

use std::time::Duration;

use local_amp::{Action, Fault, Matcher};
use tokio::time::Instant;

use crate::stage::Stage;

/// Clients wait up to 30 s between two attempts.
const LIMIT: Duration = Duration::from_mins(2);

/// The receiver answers each of these statuses until the client had an answer; after that it works again.
pub(crate) async fn outage(stage: &Stage, statuses: &[u16]) {
    for status in statuses {
        stage.amp.set_faults(vec![Fault::always(Matcher::Any, Action::status(*status, ""))]);
        let before = refusals(stage);
        until("an answer 503", async || refusals(stage) > before).await;
    }
    stage.amp.set_faults(vec![]);
}

/// How many requests were answered 503, which is the only status besides success, but for the zstd that vmagent tries first.
fn refusals(stage: &Stage) -> usize {
    let answers = stage.answers();
    let unexpected = answers.iter().find(|answer| !matches!(answer.status, 200 | 204 | 415 | 503));
    assert!(unexpected.is_none(), "{unexpected:?}");
    answers.iter().filter(|answer| answer.status == 503).count()
}

/// Waits for something.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !holds().await {
        assert!(Instant::now() < deadline, "no {what} after {LIMIT:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
