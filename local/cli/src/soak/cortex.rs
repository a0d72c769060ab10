//! `cortex-soak`: an audit through a real Cortex. Several functions write while Cortex, the functions and the connection
//! between them fail; at the end every sample is read back, and every message is accounted for.

mod faults;
mod letters;
mod messages;
mod proxy;
mod queue;
mod stored;
mod verdict;

use std::cell::Cell;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, value_parser};
use fastrand::Rng;
use futures_util::future::{join, join_all};
use local_lambda::runtime::FunctionOptions;
use local_lambda::service::Pool;
use local_testing::clock::Clock;
use local_testing::cortex::{Cortex, CortexOptions};
use tokio::time::{Instant, MissedTickBehavior};

use crate::CommandResult;
use crate::arguments::values;
use crate::console::{print_heading, print_line};
use letters::DeadLetters;
use messages::Generator;
use proxy::Proxy;
use queue::{Newest, Queue};
use stored::Stored;
use verdict::Verdict;

/// How the audit is run.
#[derive(Debug, Args)]
pub(crate) struct CortexSoakArguments {
    /// The function's binary.
    #[arg(long, value_parser = values::program(), value_name = "FILE")]
    function: PathBuf,
    /// The program Cortex, version 1.21.
    #[arg(long, value_parser = values::program(), value_name = "FILE")]
    cortex: PathBuf,
    /// How many messages are sent.
    #[arg(long, default_value_t = 200_000, value_parser = value_parser!(u32).range(1..), value_name = "COUNT")]
    messages: u32,
    /// Messages a second.
    #[arg(long, default_value_t = 1_000, value_parser = value_parser!(u32).range(1..), value_name = "COUNT")]
    rate: u32,
    /// Out-of-order window of Cortex, and the function's `OUT_OF_ORDER_WINDOW` (0s to 600s).
    #[arg(long, default_value = "600s", value_parser = values::out_of_order_window, value_name = "TIME")]
    window: Duration,
    /// Execution environments that write at the same time.
    #[arg(long, default_value_t = 5, value_parser = value_parser!(u32).range(1..=100), value_name = "COUNT")]
    functions: u32,
    /// Devices that send, with three series each.
    #[arg(long, default_value_t = 100, value_parser = value_parser!(u32).range(1..=10_000), value_name = "COUNT")]
    devices: u32,
    /// Seed of the faults and messages [default: the time].
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
}

const TICK: Duration = Duration::from_millis(100);

/// Nothing is sent while this many messages are in the queue: their timestamps would become old there.
const MAX_BACKLOG: usize = 10_000;

/// The time between two lines of progress.
const PROGRESS: Duration = Duration::from_secs(30);

/// Runs the audit.
pub(crate) async fn run(arguments: &CortexSoakArguments) -> CommandResult {
    let CortexSoakArguments { messages, rate, window, functions, devices, .. } = *arguments;
    let clock = Clock::system();
    let seed = arguments.seed.unwrap_or_else(|| u64::try_from(clock.now_ms()).unwrap_or_default());
    print_heading(&format!(
        "Audit through Cortex: {messages} messages, {rate} a second, by {functions} functions; window {} s \
         (--seed {seed})",
        window.as_secs()
    ));
    let mut rng = Rng::with_seed(seed);
    let limits = vec![("out_of_order_time_window", format!("{}s", window.as_secs()))];
    let options = CortexOptions { limits, out_of_order_chunk: Some(255), ..CortexOptions::default() };
    let mut cortex = Cortex::start(&arguments.cortex, &options).await?;
    let newest = Newest::default();
    let letters = DeadLetters::start(newest.clone()).await;
    let queue = Queue::new(rng.fork(), newest);
    let mut generator = Generator::new(devices, rng.fork());

    let began = Instant::now();
    let proxy = Proxy::start(&cortex.remote_write_url(), rng.fork()).await?;
    let pool = Pool::new(function(arguments, &proxy.remote_write_url(), &letters), functions, |_| ());
    let is_over = Cell::new(false);
    let mut stored = Stored::default();
    let load = async {
        send(arguments, &queue, &mut generator, &clock).await;
        is_over.set(true);
    };
    let feed = async {
        let faults = faults::run(&mut cortex, &mut stored, devices, &pool, &proxy, rng.fork(), &is_over);
        let ((), counts) = join(load, faults).await;
        queue.close();
        counts
    };
    let work = join_all((0..functions).map(|_| queue.work(&pool)));
    let (faults, _) = join(feed, work).await;
    let faults = faults?;
    let sent_in = began.elapsed();

    let lost = stored.update(Stored::read(&cortex, devices).await?);
    print_heading("Results");
    print_line!(
        "  {} invocations, {} functions killed; {} write requests, {} not answered after they were stored, {} \
         answered 429 or 503; cortex killed {} times; {} s in all",
        pool.counts().invocations,
        faults.functions_killed,
        proxy.counts().requests,
        proxy.counts().lost,
        proxy.counts().refused,
        faults.cortex_killed,
        sent_in.as_secs()
    );
    if lost > 0 {
        print_line!(
            "  {lost} samples that cortex had returned before it was killed are missing: they count as stored"
        );
    }
    let verdict = Verdict::new(&queue.all(), &letters.all(), &stored, window);
    verdict.print();
    Ok(verdict.is_good())
}

fn function(
    arguments: &CortexSoakArguments,
    remote_write_url: &str,
    letters: &DeadLetters,
) -> FunctionOptions {
    FunctionOptions::new(&arguments.function)
        .env("REMOTE_WRITE_URL", remote_write_url)
        .env("REMOTE_WRITE_AUTH", "none")
        .env("OUT_OF_ORDER_WINDOW", arguments.window.as_secs().to_string())
        .env("DEAD_LETTER_QUEUE_URL", letters.queue_url())
        .env("AWS_ENDPOINT_URL_SQS", letters.endpoint())
        .env("AWS_LAMBDA_LOG_LEVEL", "ERROR")
}

/// Sends all messages at a steady rate, while the functions keep up with it.
async fn send(arguments: &CortexSoakArguments, queue: &Queue, generator: &mut Generator, clock: &Clock) {
    let mut interval = tokio::time::interval(TICK);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut due = 0.0;
    let mut next_progress = Instant::now() + PROGRESS;
    while queue.all().len() < arguments.messages as usize {
        interval.tick().await;
        if Instant::now() >= next_progress {
            next_progress += PROGRESS;
            print_line!("  {} sent, {} of them in the queue", queue.all().len(), queue.len());
        }
        if queue.len() > MAX_BACKLOG {
            continue;
        }
        due += f64::from(arguments.rate) * TICK.as_secs_f64();
        while due >= 1.0 {
            let messages = generator.next(clock.now_ms());
            due -= f64::from(u32::try_from(messages.len()).unwrap_or(u32::MAX));
            queue.send(messages);
        }
    }
}
