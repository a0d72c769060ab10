//! Keeps credentials fresh, so that no request waits for them.
//!
//! Requests go on with the credentials of before while new ones are fetched. Where credentials are replaced before they expire,
//! the client fetches others when a server rejects a signature.

use std::convert::Infallible;
use std::future::pending;
use std::time::{Duration, SystemTime};

use tokio::time::sleep;

use crate::proxy::Proxy;

/// The shortest time between two renewals.
const SHORTEST: Duration = Duration::from_millis(100);

/// The first wait after a failure, which doubles.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The longest wait after a failure.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Renews the credentials of `proxy` before they expire.
pub async fn keep_credentials(proxy: &Proxy, now: fn() -> SystemTime) -> Infallible {
    let mut wait = FIRST_WAIT;
    loop {
        let renewal = proxy.client().renew_credentials().await;
        let renewal = renewal.and_then(|renewal| match renewal.due {
            Some(due) if due <= now() => {
                Err("no AWS credentials: expected some that have not expired".to_owned())
            }
            _ => Ok(renewal),
        });
        match renewal {
            Ok(renewal) => {
                proxy.metrics().renewed(renewal.expiry);
                wait = FIRST_WAIT;
                let Some(due) = renewal.due else { return pending().await };
                sleep(due.duration_since(now()).unwrap_or_default().max(SHORTEST)).await;
            }
            Err(error) => {
                proxy.metrics().not_renewed();
                tracing::warn!(wait_ms = wait.as_millis(), "{error}");
                sleep(wait).await;
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use aws::{Client, Endpoint, Scope, World};
    use aws_credential_types::Credentials;
    use aws_credential_types::provider::error::CredentialsError;
    use aws_credential_types::provider::{ProvideCredentials, future};
    use tokio::time::timeout;

    use super::*;
    use crate::Workspace;
    use crate::proxy::Clients;

    #[derive(Clone, Copy, Debug)]
    enum Behaviour {
        Hangs,
        Fails,
        Succeeds,
        ReturnsExpired,
    }

    /// Behaves like this in turn, and then like the last one again. Counts the fetches.
    #[derive(Debug)]
    struct Source {
        behaviours: &'static [Behaviour],
        fetched: Arc<AtomicUsize>,
    }

    impl ProvideCredentials for Source {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            let fetched = self.fetched.fetch_add(1, Ordering::Relaxed);
            let expiring = |expiry| Credentials::new("key", "secret", None, expiry, "test");
            match self.behaviours[fetched.min(self.behaviours.len() - 1)] {
                Behaviour::Hangs => future::ProvideCredentials::new(pending()),
                Behaviour::Fails => {
                    future::ProvideCredentials::ready(Err(CredentialsError::not_loaded("none")))
                }
                Behaviour::Succeeds => future::ProvideCredentials::ready(Ok(expiring(None))),
                Behaviour::ReturnsExpired => {
                    future::ProvideCredentials::ready(Ok(expiring(Some(SystemTime::UNIX_EPOCH))))
                }
            }
        }
    }

    /// The number of fetches within `seconds`, and the metrics then.
    async fn keep(behaviours: &'static [Behaviour], seconds: u64) -> (usize, String) {
        let fetched = Arc::new(AtomicUsize::new(0));
        let source = Source { behaviours, fetched: Arc::clone(&fetched) };
        let client = Client::with_credentials(source, World { now: aws::now, random: || 0.0 });
        let scope = Scope { region: "eu-west-1".to_owned(), service: "aps" };
        let workspace = Workspace { base: Endpoint::parse("http://h").unwrap(), scope };
        let proxy = Proxy::new(workspace, client, Clients::ThisMachine);
        let kept = timeout(Duration::from_secs(seconds), keep_credentials(&proxy, aws::now)).await;
        assert!(kept.is_err());
        (fetched.load(Ordering::Relaxed), proxy.metrics().text())
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_that_hangs_is_given_up() {
        let (fetched, metrics) = keep(&[Behaviour::Hangs, Behaviour::Succeeds], 60).await;
        assert_eq!(fetched, 2);
        assert!(metrics.contains("result=\"failure\"} 1\n"), "{metrics}");
        assert!(metrics.contains("result=\"success\"} 1\n"), "{metrics}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_renewal_is_repeated() {
        let (fetched, metrics) = keep(&[Behaviour::Fails, Behaviour::Fails, Behaviour::Succeeds], 60).await;
        assert_eq!(fetched, 3);
        assert!(metrics.contains("result=\"failure\"} 2\n"), "{metrics}");
        assert!(metrics.contains("result=\"success\"} 1\n"), "{metrics}");
    }

    /// After waits of 1, 2, and 4 s.
    #[tokio::test(start_paused = true)]
    async fn expired_credentials_are_not_fetched_in_a_loop() {
        let (fetched, metrics) = keep(&[Behaviour::ReturnsExpired], 10).await;
        assert_eq!(fetched, 4);
        assert!(metrics.contains("result=\"failure\"} 4\n"), "{metrics}");
    }
}
