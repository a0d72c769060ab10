//! The telemetry extension beside the push gateway: its settings, and an end for environments that nobody needs.
//!
//! In: the program, the function's options, where the workspace is. Out: the function with the extension, which writes
//! to the workspace what the function does.

use std::path::Path;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::lambda::Pool;
use crate::runtime::FunctionOptions;

/// So long after its last invocation an environment is shut down. The report of an invocation travels with the next
/// one or at the end of the environment, and whoever tries a stack sends one message and looks.
const IDLE_LIMIT: Duration = Duration::from_secs(5);

/// How often environments are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The function with the extension. What its owner set stays as it is.
pub(super) fn with_extension(
    function: FunctionOptions,
    program: &Path,
    remote_write_url: &str,
) -> FunctionOptions {
    let mut function = function.extension(program);
    let settings = [
        ("TELEMETRY_REMOTE_WRITE_URL", remote_write_url),
        // Every invocation sends what is known by then: on this machine it is seen at once, and costs nobody anything.
        ("DISPATCH_MIN_BATCH_SIZE", "1"),
        ("DISPATCH_MAX_AGE_SECONDS", "1"),
    ];
    for (name, value) in settings {
        if !function.env.iter().any(|(given, _)| given == name) {
            function = function.env(name, value);
        }
    }
    function
}

/// Shuts down environments that are idle, until it is dropped.
#[derive(Debug)]
pub(super) struct IdleEnd(JoinHandle<()>);

impl IdleEnd {
    pub(super) fn of(pool: Pool) -> Self {
        Self(tokio::spawn(async move {
            let mut look = tokio::time::interval(LOOK_EVERY);
            look.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                look.tick().await;
                pool.shutdown_idle(IDLE_LIMIT).await;
            }
        }))
    }
}

impl Drop for IdleEnd {
    fn drop(&mut self) {
        self.0.abort();
    }
}
