//! The tour: one look at the whole gateway with nothing but this machine.
//!
//! In: the binaries of the functions and moto's. Out: a report for a person, and an exit code that says whether the
//! sums hold. What is reported is read from the receiver's memory and the queue, never from the function's own words;
//! what is read back at the end is held against that memory.

mod chart;
mod events;
mod ledger;
mod read_back;
mod report;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use crate::stack::Storage;
use local_amp::{AmpOptions, AmpStandIn, Credentials};
use local_lambda::runtime::{Function, FunctionOptions, InitError, Invocation, RoleCredentials};
use local_lambda::sqs::Sqs;
use local_testing::clock::Clock;
use local_testing::moto::MotoServer;
use local_testing::prometheus::Prometheus;

use crate::arguments::TourArguments;
use crate::stdout::print_line;
use crate::terminal::Terminal;
use crate::wording::millis;
use events::Delivery;
use ledger::Ledger;

const REGION: &str = "eu-west-1";
const QUEUE_ARN: &str = "arn:aws:sqs:eu-west-1:000000000000:telemetry";

/// The parts of the cloud that the function sees.
struct Cloud {
    amp: AmpStandIn,
    sqs: Sqs,
    dead_letters: String,
    moto: MotoServer,
    credentials: Credentials,
    _prometheus: Option<Prometheus>,
}

/// An invocation with what was handed over and how much arrived by it.
pub(crate) struct Visit {
    pub(crate) delivery: Delivery,
    pub(crate) invocation: Invocation,
    pub(crate) stored_samples: usize,
    pub(crate) write_requests: usize,
}

/// Runs the tour.
pub(crate) async fn run(arguments: &TourArguments) -> ExitCode {
    let storage = arguments.programs.storage().await.unwrap_or_else(|error| error.exit());
    let terminal = Terminal::detect();
    terminal.title("Serverless Prometheus push gateway: a tour on this machine");
    match visit(terminal, arguments, &storage).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            report::error(terminal, &*error);
            ExitCode::FAILURE
        }
    }
}

async fn visit(
    terminal: Terminal,
    arguments: &TourArguments,
    storage: &Storage,
) -> Result<bool, Box<dyn Error>> {
    // Only Prometheus speaks PromQL.
    let query = arguments.query.as_deref().filter(|_| *storage != Storage::Memory);
    if arguments.query.is_some() && query.is_none() {
        print_line!("  Without Prometheus nothing is read back.");
    }
    let mut parts = Parts { terminal, begun: 0, count: if query.is_some() { 6 } else { 5 } };
    parts.begin("Starting");
    let programs = &arguments.programs;
    let cloud = start_cloud(terminal, &programs.moto, storage).await?;
    let mut function = start_function(terminal, &programs.function, &cloud).await?;

    parts.begin("Invoking");
    let mut visits = Vec::new();
    for delivery in events::deliveries(Clock::system().now_ms()) {
        visits.push(invoke(terminal, &cloud, &mut function, delivery).await);
    }

    let dead_letters = cloud.sqs.receive_all(&cloud.dead_letters).await?;
    let ledger = Ledger::draw_up(&visits, &cloud.amp, &dead_letters);
    parts.begin("What arrived in the workspace");
    report::series(terminal, &cloud.amp.series());
    parts.begin("What did not, and why");
    report::refused(terminal, &ledger);
    parts.begin("What it cost");
    report::figures(terminal, &visits);
    let adds_up = report::sum(terminal, &ledger, &visits);
    let is_read_back = if let Some(program) = query {
        parts.begin("What the query function reads back");
        read_back::show(terminal, program, &cloud).await?
    } else {
        print_line!("");
        true
    };
    Ok(adds_up && is_read_back)
}

/// The parts of the tour, so that a reader sees how far it is.
struct Parts {
    terminal: Terminal,
    begun: u8,
    count: u8,
}

impl Parts {
    fn begin(&mut self, name: &str) {
        self.begun += 1;
        self.terminal.heading(&format!("[{}/{}] {name}", self.begun, self.count));
    }
}

fn made_up_credentials() -> Credentials {
    let token = Some("a-made-up-session-token".to_owned());
    Credentials::new("AKIDMADEUP", "a-made-up-secret-key", token, None, "tour")
}

async fn start_cloud(terminal: Terminal, moto: &Path, storage: &Storage) -> Result<Cloud, Box<dyn Error>> {
    let credentials = made_up_credentials();
    let (prometheus, storage_url) = match storage {
        Storage::Memory => (None, None),
        Storage::At(url) => (None, Some(url.clone())),
        Storage::Program(program) => {
            let step = terminal.step("Prometheus");
            let prometheus = Prometheus::start(program, 0).await?;
            let url = prometheus.url().to_owned();
            step.done(&format!("{url} stores what the workspace accepts"));
            (Some(prometheus), Some(url))
        }
    };

    let step = terminal.step("AMP stand-in");
    let options = AmpOptions {
        region: REGION.to_owned(),
        credentials: Some(credentials.clone()),
        prometheus: storage_url,
        ..AmpOptions::default()
    };
    let amp = AmpStandIn::start(options).await?;
    step.done("checks signatures, snappy, protobuf, names, order, age");

    let step = terminal.step("SQS (moto)");
    let moto = MotoServer::start(moto, 0).await?;
    let sqs = Sqs::new(moto.endpoint(), REGION, credentials.clone());
    let dead_letters = sqs.create_queue("telemetry-dead-letters").await?;
    step.done(&format!("{} with a dead-letter queue", moto.endpoint()));
    Ok(Cloud { amp, sqs, dead_letters, moto, credentials, _prometheus: prometheus })
}

async fn start_function(terminal: Terminal, binary: &Path, cloud: &Cloud) -> Result<Function, InitError> {
    let step = terminal.step("push-gateway");
    let mut options = FunctionOptions::new(binary)
        .env("REMOTE_WRITE_URL", cloud.amp.remote_write_url())
        .env("DEAD_LETTER_QUEUE_URL", &cloud.dead_letters)
        .env("AWS_ENDPOINT_URL_SQS", cloud.moto.endpoint());
    REGION.clone_into(&mut options.region);
    options.credentials = RoleCredentials::Environment(cloud.credentials.clone());
    let memory = options.memory_mb;
    let function = Function::spawn(options).await?;
    let (init, _) = function.init().unwrap_or_default();
    step.done(&format!("under the Lambda runtime API, {memory} MB, ready after {}", millis(init)));
    Ok(function)
}

async fn invoke(terminal: Terminal, cloud: &Cloud, function: &mut Function, delivery: Delivery) -> Visit {
    let step = terminal.step(delivery.name);
    let (samples_before, requests_before) = (cloud.amp.sample_count(), cloud.amp.requests().len());
    let invocation = function.invoke(delivery.payload(QUEUE_ARN)).await;
    let stored_samples = cloud.amp.sample_count() - samples_before;
    let write_requests = cloud.amp.requests().len() - requests_before;
    step.done(&report::outcome(&invocation));
    Visit { delivery, invocation, stored_samples, write_requests }
}
