//! The faults: the receiver fails in every way it can, or goes down for a while; the function is killed.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use local_amp::Fault;
use local_lambda::service::Pool;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use owo_colors::OwoColorize as _;
use tokio::time::Instant;

use crate::console::print_line;
use crate::stack::Stack;

/// Faults of the receiver, in the syntax of `--fail`. 400 and 413 are not among them: they reject the data, so that
/// valid events would become dead letters.
const FAULTS: [&str; 11] = [
    "500:2",
    "503:6",
    "429:4",
    "408:1",
    "403:1",
    "404:1",
    "reset:3",
    "drop:3",
    "hang:1",
    "slow=700ms:4",
    "trickle:1",
];

/// Causes one fault after the other until the task is aborted.
pub(super) async fn run(stack: Arc<Stack>, mut rng: Rng) {
    loop {
        tokio::time::sleep(Duration::from_millis(rng.u64(2_000..8_000))).await;
        match rng.u8(..8) {
            0 => {
                let time = Duration::from_millis(rng.u64(2_000..8_000));
                report(&format!("the receiver is down for {:.1} s", time.as_secs_f64()));
                stack.amp().go_down();
                tokio::time::sleep(time).await;
                if let Err(error) = stack.amp().come_back().await {
                    report(&format!("the receiver cannot listen again: {error}"));
                }
            }
            1 => {
                // Invocations last a few milliseconds, so the receiver is slow for one request.
                stack.amp().set_faults(vec![parse("slow=2s:1")]);
                if let Some(pid) = kill_busy(stack.function()).await {
                    report(&format!("the function is killed in the middle of a batch (process {pid})"));
                }
            }
            _ => {
                let fault = rng.choice(FAULTS).expect("there are several");
                report(&format!("the receiver has the fault {fault}"));
                stack.amp().set_faults(vec![parse(fault)]);
            }
        }
    }
}

/// Ends all faults, so that the rest can be delivered.
pub(super) async fn end(stack: &Stack) -> io::Result<()> {
    stack.amp().set_faults(Vec::new());
    stack.amp().come_back().await
}

/// Kills a process that has an invocation, once there is one.
pub(super) async fn kill_busy(function: &Pool) -> Option<u32> {
    const PATIENCE: Duration = Duration::from_secs(5);
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let busy = function.environments().into_iter().find(|environment| environment.is_busy);
        if let Some(pid) = busy.and_then(|environment| environment.pid) {
            kill(Pid::from_raw(i32::try_from(pid).ok()?), Signal::SIGKILL).ok()?;
            return Some(pid);
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    None
}

fn parse(fault: &str) -> Fault {
    fault.parse().expect("the faults above are valid")
}

pub(super) fn report(text: &str) {
    print_line!("  {}", text.yellow());
}
