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
        match proxy.client().renew_credentials().await {
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
