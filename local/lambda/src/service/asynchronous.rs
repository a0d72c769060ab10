//! Asynchronous invocations: accepted at once, and retried if they fail (Lambda Developer Guide, "How Lambda handles errors
//! and retries with asynchronous invocation"). An event that fails at its last attempt is logged to stderr.

use std::io::Write as _;
use std::time::Duration;

use bytes::Bytes;

use super::answer::FunctionError;
use super::pool::Pool;

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
    let mut retry_pauses = policy.retry_pauses.iter();
    let mut throttle_pause = policy.throttle_pause;
    loop {
        let Ok(invocation) = pool.invoke(payload.clone(), client_context.clone()).await else {
            tokio::time::sleep(throttle_pause).await;
            throttle_pause = (throttle_pause * 2).min(MAX_THROTTLE_PAUSE);
            continue;
        };
        let Some(error) = FunctionError::of(&invocation, pool.options().timeout) else { return };
        let Some(pause) = retry_pauses.next() else {
            give_up(&pool.options().name, &payload, &error);
            return;
        };
        tokio::time::sleep(*pause).await;
    }
}

fn give_up(function: &str, payload: &Bytes, error: &FunctionError) {
    // A log without a reader is not an error.
    let _ = writeln!(
        std::io::stderr(),
        "{function}: an asynchronous event of {} bytes failed to its last attempt: {}",
        payload.len(),
        String::from_utf8_lossy(&error.payload)
    );
}
