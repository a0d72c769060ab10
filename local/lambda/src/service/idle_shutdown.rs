//! Shuts down environments that are not used any more, as Lambda does some minutes after their last invocation.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::Pool;

/// Time from the last invocation to the shutdown. It is short because extensions report the last invocation only then.
const IDLE_LIMIT: Duration = Duration::from_secs(5);

/// How often environments are checked.
const CHECK_EVERY: Duration = Duration::from_millis(500);

/// Shuts down environments that are idle, until it is dropped.
#[derive(Debug)]
pub struct IdleShutdown(JoinHandle<()>);

impl IdleShutdown {
    /// Watches the environments of a function.
    pub fn of(pool: Pool) -> Self {
        Self(tokio::spawn(async move {
            let mut check = tokio::time::interval(CHECK_EVERY);
            check.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                check.tick().await;
                pool.shutdown_idle(IDLE_LIMIT).await;
            }
        }))
    }
}

impl Drop for IdleShutdown {
    fn drop(&mut self) {
        self.0.abort();
    }
}
