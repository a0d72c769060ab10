//! Things that break: the receiver fails in every way it can, goes away and comes back; the function is killed.
//!
//! In: a stack and a source of chance. Out: one fault after the other until the task is aborted, each told in a line.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::stack::Stack;
use local_amp::Fault;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::time::Instant;

use crate::noise::Noise;
use crate::stdout::print_line;
use crate::terminal::{Style, Terminal};

/// Faults that a receiver can have, in the words of `--fail`. A 400 or 413 is none of them: it is a verdict on the data,
/// and a receiver that gives it to good data makes dead letters of it.
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

/// Breaks things until it is aborted.
pub(super) async fn run(stack: Arc<Stack>, mut noise: Noise, terminal: Terminal) {
    loop {
        tokio::time::sleep(Duration::from_millis(2_000 + noise.below(6_000))).await;
        match noise.below(8) {
            0 => {
                let time = Duration::from_millis(2_000 + noise.below(6_000));
                tell(terminal, &format!("the receiver is gone for {:.1} s", time.as_secs_f64()));
                stack.amp().go_down();
                tokio::time::sleep(time).await;
                if let Err(error) = stack.amp().come_back().await {
                    tell(terminal, &format!("the receiver does not come back: {error}"));
                }
            }
            1 => {
                if let Some(pid) = kill_at_work(&stack).await {
                    tell(
                        terminal,
                        &format!("the function is killed in the middle of a batch (process {pid})"),
                    );
                }
            }
            _ => {
                let choice = usize::try_from(noise.below(FAULTS.len() as u64)).unwrap_or_default();
                tell(terminal, &format!("the receiver has the fault {}", FAULTS[choice]));
                let fault: Fault = FAULTS[choice].parse().expect("the faults above are well formed");
                stack.amp().set_faults(vec![fault]);
            }
        }
    }
}

/// Makes everything whole again, so that the rest can arrive.
pub(super) async fn mend(stack: &Stack) -> io::Result<()> {
    stack.amp().set_faults(Vec::new());
    stack.amp().come_back().await
}

/// Kills a process that has an invocation. It has one for a few milliseconds only, so the receiver is slow for once.
async fn kill_at_work(stack: &Stack) -> Option<u32> {
    const PATIENCE: Duration = Duration::from_secs(5);
    stack.amp().set_faults(vec!["slow=2s:1".parse().expect("a well-formed fault")]);
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let busy = stack.function().environments().into_iter().find(|environment| environment.is_busy);
        if let Some(pid) = busy.and_then(|environment| environment.pid) {
            kill(Pid::from_raw(i32::try_from(pid).ok()?), Signal::SIGKILL).ok()?;
            return Some(pid);
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    None
}

fn tell(terminal: Terminal, what: &str) {
    terminal.clear_progress();
    print_line!("  {}", terminal.paint(Style::Warm, what));
}
