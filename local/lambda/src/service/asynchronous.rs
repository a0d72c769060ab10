//! Asynchronous invocations: accepted at once, and retried if they fail (Lambda Developer Guide, "How Lambda handles errors
//! and retries with asynchronous invocation"). An event that fails at its last attempt is logged to stderr.

use std::io::Write as _;
use std::time::Duration;

use bytes::Bytes;

use super::pool::Pool;
use crate::backoff;

/// How often to retry, and after which pauses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsyncPolicy {
    /// The pauses before the second, third … attempt after a function error.
    pub retry_pauses: Vec<Duration>,
    /// The first pause after a throttle; it doubles up to five minutes.
    pub throttle_pause: Duration,
}

/// "the interval increases exponentially from 1 second ... up to a maximum of 5 minutes".
const MAX_THROTTLE_PAUSE: Duration = Duration::from_mins(5);

impl Default for AsyncPolicy {
    /// Lambda's policy: two more attempts, after one and after two minutes; a second after a throttle.
    fn default() -> Self {
        Self {
            retry_pauses: vec![Duration::from_mins(1), Duration::from_mins(2)],
            throttle_pause: Duration::from_secs(1),
        }
    }
}

/// Runs one event to its end.
pub(super) async fn run(pool: Pool, policy: AsyncPolicy, payload: Bytes, client_context: Option<String>) {
    let (mut errors, mut throttles) = (0, 0);
    loop {
        let pause = match pool.invoke(payload.clone(), client_context.clone()).await {
            Err(_) => {
                throttles += 1;
                backoff::wait((policy.throttle_pause, MAX_THROTTLE_PAUSE), throttles - 1)
            }
            Ok(invocation) => {
                let Err(error) = invocation.result() else { return };
                let Some(pause) = policy.retry_pauses.get(errors) else {
                    // A log without a reader is not an error.
                    let _ = writeln!(
                        std::io::stderr(),
                        "{}: an asynchronous event of {} bytes failed to its last attempt: {}",
                        pool.options().name,
                        payload.len(),
                        String::from_utf8_lossy(&error)
                    );
                    return;
                };
                errors += 1;
                *pause
            }
        };
        tokio::time::sleep(pause).await;
    }
}
