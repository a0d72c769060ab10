//! `soak`: a steady load while things fail at random, and a comparison of every sample at the end.

mod chaos;
pub(crate) mod cortex;
mod load;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, value_parser};
use fastrand::Rng;
use local_lambda::event_source::EventSourceOptions;
use local_testing::clock::Clock;
use tokio::time::Instant;

use crate::CommandResult;
use crate::arguments::{InvalidOption, Programs, values};
use crate::audit::Audit;
use crate::console::{print_heading, print_line};
use crate::events::Sent;
use crate::stack::{Stack, StackOptions, Storage};
use load::Load;

/// How the soak is run.
#[derive(Debug, Args)]
pub(crate) struct SoakArguments {
    #[command(flatten)]
    programs: Programs,
    /// How long to send.
    #[arg(long = "for", default_value = "10m", value_parser = values::some_time, value_name = "TIME")]
    time: Duration,
    /// Messages a second. moto searches its whole queue for each of them: far more than 50 pile up.
    #[arg(long, default_value_t = 50, value_parser = value_parser!(u32).range(1..), value_name = "COUNT")]
    rate: u32,
    /// Devices that send, with two series each.
    #[arg(long, default_value_t = 40, value_parser = value_parser!(u32).range(1..), value_name = "COUNT")]
    devices: u32,
    /// Seed of the faults and events: the same seed causes the same faults in the same order [default: the time].
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
}

/// The time between two lines of progress.
const PROGRESS: Duration = Duration::from_secs(30);

/// How long the queue may take to become empty after the last fault.
const DRAIN_LIMIT: Duration = Duration::from_mins(3);

/// Runs the soak.
pub(crate) async fn run(arguments: &SoakArguments) -> CommandResult {
    let options = stack_options(arguments).await.unwrap_or_else(|error| error.exit());
    let clock = Clock::system();
    let seed = arguments.seed.unwrap_or_else(|| u64::try_from(clock.now_ms()).unwrap_or_default());
    print_heading(&format!(
        "Soak: {} messages a second for {}, with faults at random (--seed {seed})",
        arguments.rate,
        humantime::format_duration(arguments.time)
    ));
    if options.storage == Storage::Memory {
        print_line!("  Prometheus is not installed: samples are compared with the workspace's memory only.");
    }
    let stack = Arc::new(Stack::start(&options, |_| ()).await?);

    let mut rng = Rng::with_seed(seed);
    let faults = tokio::spawn(chaos::run(Arc::clone(&stack), rng.fork()));
    let began = Instant::now();
    let mut load = Load::new(&stack, arguments.rate, arguments.devices, rng, clock);
    let mut progress = Progress { began, next: began + PROGRESS };
    while began.elapsed() < arguments.time {
        load.tick().await?;
        progress.show(&stack, load.sent()).await;
    }
    faults.abort();
    chaos::end(&stack).await?;
    let is_drained = drain(&stack, load.sent(), &mut progress).await?;
    stack.drain().await;
    let audit = Audit::new(&stack, load.sent()).await?;
    print_heading("Results");
    print_line!("  {} second copies; {} s in all", load.sent().copies, began.elapsed().as_secs());
    audit.print(&stack.figures().await?);
    Ok(audit.adds_up() && is_drained)
}

/// Short timeouts, so that failed messages return soon. Redelivery is not limited in practice, so that the function
/// alone decides what becomes a dead letter.
async fn stack_options(arguments: &SoakArguments) -> Result<StackOptions, InvalidOption> {
    let programs = &arguments.programs;
    let defaults = StackOptions::new(programs.function.clone(), programs.moto.clone());
    Ok(StackOptions {
        storage: programs.storage().await?,
        mapping: EventSourceOptions { function_timeout: Duration::from_secs(5), ..defaults.mapping.clone() },
        visibility_timeout: Some(Duration::from_secs(10)),
        max_receive_count: 1_000,
        // A message may be given back several times before it is written.
        out_of_order_window: Duration::from_mins(10),
        ..defaults
    })
}

/// Waits until the queue is empty.
async fn drain(stack: &Stack, sent: &Sent, progress: &mut Progress) -> Result<bool, Box<dyn Error>> {
    let began = Instant::now();
    while began.elapsed() < DRAIN_LIMIT {
        if stack.figures().await?.queue.is_empty() {
            return Ok(true);
        }
        progress.show(stack, sent).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    Ok(false)
}

/// Prints a line from time to time.
struct Progress {
    began: Instant,
    next: Instant,
}

impl Progress {
    async fn show(&mut self, stack: &Stack, sent: &Sent) {
        if Instant::now() < self.next {
            return;
        }
        self.next += PROGRESS;
        let Ok(figures) = stack.figures().await else { return };
        print_line!(
            "  {:>5} s: {} sent, {} samples stored, {} in the queue, {} dead-lettered, {} invocations ({} failed)",
            self.began.elapsed().as_secs(),
            sent.messages(),
            figures.amp.samples,
            figures.queue.visible + figures.queue.in_flight,
            figures.dead_letters,
            figures.function.invocations,
            figures.function.errors,
        );
    }
}
