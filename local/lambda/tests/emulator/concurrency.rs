//! Several execution environments of one function.

use std::collections::HashSet;

use local_lambda::service::AsyncPolicy;

use crate::service::{service, service_of};
use crate::support::{eventually, obedient};

const SLEEP: &str = r#"{"do":"sleep","ms":500}"#;

/// Lambda, "Understanding Lambda function scaling": one invocation at a time per execution environment.
#[tokio::test]
async fn concurrent_invocations_have_separate_processes() {
    let service = service().await;
    let answers =
        tokio::join!(service.invoke(SLEEP, &[]), service.invoke(SLEEP, &[]), service.invoke(SLEEP, &[]));
    let pids: HashSet<_> =
        [answers.0, answers.1, answers.2].iter().map(|a| a.json()["pid"].to_string()).collect();
    assert_eq!(pids.len(), 3);
    assert_eq!(service.pool.environments().len(), 3);
}

/// The same page: an environment that is free is used again.
#[tokio::test]
async fn invocations_one_after_the_other_share_a_process() {
    let service = service().await;
    let first = service.invoke("{}", &[]).await.json()["pid"].clone();
    assert_eq!(service.invoke("{}", &[]).await.json()["pid"], first);
    let environments = service.pool.environments();
    assert_eq!(environments.len(), 1);
    assert_eq!((environments[0].pid.map(Into::into), environments[0].is_busy), (first.as_u64(), false));
}

/// Lambda API, `Invoke`, "Errors": `TooManyRequestsException`, 429.
#[tokio::test]
async fn an_invocation_over_the_limit_is_throttled() {
    let service = service_of(obedient(), 1, AsyncPolicy::default()).await;
    let throttled = async {
        eventually("the first invocation runs", || service.pool.environments().iter().any(|e| e.is_busy))
            .await;
        service.invoke("{}", &[]).await
    };
    let (first, second) = tokio::join!(service.invoke(SLEEP, &[]), throttled);
    assert_eq!(first.status, 200);
    assert_eq!((second.status, second.header("x-amzn-errortype")), (429, Some("TooManyRequestsException")));
    assert_eq!(second.json()["Reason"], "ReservedFunctionConcurrentInvocationLimitExceeded");
    assert_eq!(service.pool.counts().throttles, 1);
    assert_eq!(service.invoke("{}", &[]).await.status, 200, "it is free again");
}

/// On Lambda nobody can take back an invocation.
#[tokio::test]
async fn an_invocation_continues_without_its_caller() {
    let service = service().await;
    tokio::select! {
        answer = service.invoke(SLEEP, &[]) => panic!("too early: {answer:?}"),
        () = eventually("it runs", || service.pool.environments().iter().any(|e| e.is_busy)) => {}
    }
    eventually("it ends", || service.pool.counts().invocations == 1).await;
    assert_eq!(service.pool.counts().errors, 0);
}
