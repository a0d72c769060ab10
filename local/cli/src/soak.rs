//! `soak`: a steady load while things fail at random, and proof at the end that the sums match.
//!
//! In: how long, how much, and a seed. Out: a progress line, what was broken and when, and the sums, drawn up from the
//! workspace's memory, from Prometheus and from the dead-letter queue, never from the function's own words.

mod audit;
mod chaos;
mod load;

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use crate::stack::{Stack, StackOptions, Storage};
use clap::{Args, value_parser};
use local_testing::clock::Clock;
use tokio::time::Instant;

use crate::arguments::{InvalidOption, Programs, values};
use crate::noise::Noise;
use crate::stdout::print_line;
use crate::terminal::{Style, Terminal};
use crate::wording::grouped;
use audit::Audit;
use load::{Load, Sent};

/// How the soak is run.
#[derive(Debug, Args)]
pub(crate) struct SoakArguments {
    #[command(flatten)]
    programs: Programs,
    /// How long to send.
    #[arg(long = "for", default_value = "10m", value_parser = values::some_time, value_name = "TIME")]
    time: Duration,
    /// Messages a second. moto looks through its whole queue for each of them: far more than 50 pile up.
    #[arg(long, default_value_t = 50, value_parser = value_parser!(u32).range(1..), value_name = "COUNT")]
    rate: u32,
    /// Devices that send, which make two series each.
    #[arg(long, default_value_t = 40, value_parser = value_parser!(u32).range(1..), value_name = "COUNT")]
    devices: u32,
    /// What decides on the faults; the same seed breaks the same things in the same order [default: the time].
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
}

/// Where nobody looks, a line is enough once in this time.
const QUIET_PROGRESS: Duration = Duration::from_secs(30);

/// How long the queue may take to run empty when nothing fails any more.
const DRAIN_LIMIT: Duration = Duration::from_mins(3);

/// Runs the soak.
pub(crate) async fn run(arguments: &SoakArguments) -> ExitCode {
    let options = stack_options(arguments).await.unwrap_or_else(|error| error.exit());
    let terminal = Terminal::detect();
    match soak(terminal, arguments, &options).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            terminal.error(&*error);
            print_line!("");
            ExitCode::FAILURE
        }
    }
}

async fn soak(
    terminal: Terminal,
    arguments: &SoakArguments,
    options: &StackOptions,
) -> Result<bool, Box<dyn Error>> {
    let clock = Clock::system();
    let seed = arguments.seed.unwrap_or_else(|| u64::try_from(clock.now_ms()).unwrap_or_default());
    terminal.title(&format!(
        "Soak: {} messages a second for {}, with faults at random (--seed {seed})",
        arguments.rate,
        humantime::format_duration(arguments.time)
    ));
    if options.storage == Storage::Memory {
        print_line!(
            "  Prometheus is not installed, so samples are compared with the workspace's memory only."
        );
    }
    let stack = Arc::new(Stack::start(options, |_| ()).await?);

    let mut noise = Noise::new(seed);
    let breaking = tokio::spawn(chaos::run(Arc::clone(&stack), Noise::new(seed ^ 0x5eed), terminal));
    let began = Instant::now();
    let mut load = Load::new(&stack, arguments.rate, arguments.devices, clock.clone());
    let mut progress = Progress { terminal, began, last: began };
    while began.elapsed() < arguments.time {
        load.tick(&mut noise).await?;
        progress.show(&stack, load.sent(), "sending").await;
    }
    breaking.abort();
    chaos::mend(&stack).await?;
    let is_drained = drain(&stack, load.sent(), &mut progress).await?;
    terminal.clear_progress();
    stack.drain().await;
    let audit = Audit::draw_up(&stack, load.sent()).await?;
    audit.print(terminal, &stack.figures().await?, began.elapsed());
    Ok(audit.adds_up() && is_drained)
}

/// Short waits, so that a message that was given back is tried again soon; and no limit to how often, so that only the
/// function's own verdict makes a dead letter.
async fn stack_options(arguments: &SoakArguments) -> Result<StackOptions, InvalidOption> {
    let programs = &arguments.programs;
    Ok(StackOptions {
        storage: programs.storage().await?,
        function_timeout: Duration::from_secs(5),
        visibility_timeout: Some(Duration::from_secs(10)),
        max_receive_count: 1_000,
        // What is given back comes again after the visibility timeout, several times in a bad spell.
        out_of_order_window: Duration::from_mins(10),
        ..StackOptions::new(programs.function.clone(), programs.moto.clone())
    })
}

/// Waits until the queue is empty.
async fn drain(stack: &Stack, sent: &Sent, progress: &mut Progress) -> Result<bool, Box<dyn Error>> {
    let began = Instant::now();
    while began.elapsed() < DRAIN_LIMIT {
        let queue = stack.figures().await?.queue;
        if queue.visible + queue.in_flight == 0 {
            return Ok(true);
        }
        progress.show(stack, sent, "draining").await;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    Ok(false)
}

/// The line that shows that it is alive.
struct Progress {
    terminal: Terminal,
    began: Instant,
    last: Instant,
}

impl Progress {
    async fn show(&mut self, stack: &Stack, sent: &Sent, what: &str) {
        let pause = if self.terminal.is_live() { Duration::from_secs(1) } else { QUIET_PROGRESS };
        if self.last.elapsed() < pause {
            return;
        }
        self.last = Instant::now();
        let Ok(figures) = stack.figures().await else { return };
        let at = Duration::from_secs(self.began.elapsed().as_secs());
        let line = format!(
            "{:>7}  {what}: {} sent, {} samples stored, {} in the queue, {} dead-lettered, {} invocations ({} failed)",
            humantime::format_duration(at).to_string(),
            grouped(sent.messages()),
            grouped(figures.amp.samples),
            grouped(figures.queue.visible + figures.queue.in_flight),
            grouped(figures.dead_letters),
            grouped(figures.function.invocations),
            grouped(figures.function.errors),
        );
        if self.terminal.is_live() {
            self.terminal.progress(&self.terminal.paint(Style::Dim, &line));
        } else {
            print_line!("  {line}");
        }
    }
}
