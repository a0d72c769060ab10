//! Functions of the Lambda service carry extensions too.

use std::time::Duration;

use local_lambda::service::Pool;
use serde_json::json;

use crate::support::{events, eventually, with_extension};

/// Extensions API, "Invoke phase": "Lambda returns the response to the client, even if extensions are still running."
/// The environment is busy until they are done.
#[tokio::test]
async fn callers_do_not_wait_for_extensions() {
    let mut options = with_extension(&json!({ "invoke": "hang" }));
    options.timeout = Duration::from_secs(3);
    let pool = Pool::new(options, 1, |_| {});
    let invocation = pool.invoke("{}".into(), None).await.expect("an environment");
    assert!(invocation.response().is_some(), "{invocation:?}");
    assert!(pool.environments()[0].is_busy);
    pool.invoke("{}".into(), None).await.expect_err("the only environment is busy");
    assert_eq!(pool.counts().invocations, 1);
}

/// Extensions API, "Shutdown phase". Lambda ends environments that were not used for some time, and keeps the others.
#[tokio::test]
async fn idle_environments_are_shut_down_after_the_limit() {
    let pool = Pool::new(with_extension(&json!({})), 2, |_| {});
    for is_cold in [true, false] {
        let invocation = pool.invoke("{}".into(), None).await.expect("an environment");
        assert_eq!(invocation.init.is_some(), is_cold);
        eventually("it is idle", || !pool.environments()[0].is_busy).await;
        assert!(pool.shutdown_idle(Duration::from_hours(1)).await.is_empty());
    }
    let shutdowns = pool.shutdown().await;
    assert_eq!(shutdowns.len(), 1);
    assert_eq!(events(&shutdowns[0].logs).last().expect("an event")["shutdownReason"], "SPINDOWN");
    let next = pool.invoke("{}".into(), None).await.expect("an environment");
    assert!(next.init.is_some());
}
