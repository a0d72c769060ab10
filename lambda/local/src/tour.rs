//! The tour: one look at the whole gateway with nothing but this machine.
//!
//! In: the function's binary and moto's. Out: a report for a person, and an exit code that says whether the sums
//! hold. What is reported is read from the receiver's memory and the queue, never from the function's own words.

mod events;
mod ledger;
mod report;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use push_gateway_local::amp::{AmpOptions, AmpStandIn, Credentials};
use push_gateway_local::clock::Clock;
use push_gateway_local::runtime::{Function, FunctionOptions, InitError, Invocation, RoleCredentials};
use push_gateway_local::sqs::{MotoServer, Sqs};

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
}

/// An invocation with what was handed over and how much arrived by it.
pub(crate) struct Visit {
    pub(crate) delivery: Delivery,
    pub(crate) invocation: Invocation,
    pub(crate) stored_samples: usize,
    pub(crate) write_requests: usize,
}

/// Runs the tour.
pub(crate) async fn run(function: &Path, moto: &Path) -> ExitCode {
    let terminal = Terminal::detect();
    terminal.title("Serverless Prometheus push gateway: a tour on this machine");
    match visit(terminal, function, moto).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            report::error(terminal, &*error);
            ExitCode::FAILURE
        }
    }
}

async fn visit(terminal: Terminal, binary: &Path, moto: &Path) -> Result<bool, Box<dyn Error>> {
    terminal.heading("Starting");
    let credentials = made_up_credentials();
    let cloud = start_cloud(terminal, moto, &credentials).await?;
    let mut function = start_function(terminal, binary, &cloud, credentials).await?;

    terminal.heading("Invoking");
    let mut visits = Vec::new();
    for delivery in events::deliveries(Clock::system().now_ms()) {
        visits.push(invoke(terminal, &cloud, &mut function, delivery).await);
    }

    let dead_letters = cloud.sqs.receive_all(&cloud.dead_letters).await?;
    let ledger = Ledger::draw_up(&visits, &cloud.amp, &dead_letters);
    report::series(terminal, &cloud.amp.series());
    report::refused(terminal, &ledger);
    report::figures(terminal, &visits);
    Ok(report::sum(terminal, &ledger, &visits))
}

fn made_up_credentials() -> Credentials {
    let token = Some("a-made-up-session-token".to_owned());
    Credentials::new("AKIDMADEUP", "a-made-up-secret-key", token, None, "tour")
}

async fn start_cloud(
    terminal: Terminal,
    moto: &Path,
    credentials: &Credentials,
) -> Result<Cloud, Box<dyn Error>> {
    let step = terminal.step("AMP stand-in");
    let options = AmpOptions {
        region: REGION.to_owned(),
        credentials: Some(credentials.clone()),
        ..AmpOptions::default()
    };
    let amp = AmpStandIn::start(options).await?;
    step.done("checks signatures, snappy, protobuf, names, order, age");

    let step = terminal.step("SQS (moto)");
    let moto = MotoServer::start(moto, 0).await?;
    let sqs = Sqs::new(moto.endpoint(), REGION, credentials.clone());
    let dead_letters = sqs.create_queue("telemetry-dead-letters").await?;
    step.done(&format!("{} with a dead-letter queue", moto.endpoint()));
    Ok(Cloud { amp, sqs, dead_letters, moto })
}

async fn start_function(
    terminal: Terminal,
    binary: &Path,
    cloud: &Cloud,
    credentials: Credentials,
) -> Result<Function, InitError> {
    let step = terminal.step("push-gateway");
    let mut options = FunctionOptions::new(binary)
        .env("REMOTE_WRITE_URL", cloud.amp.remote_write_url())
        .env("DEAD_LETTER_QUEUE_URL", &cloud.dead_letters)
        .env("AWS_ENDPOINT_URL_SQS", cloud.moto.endpoint());
    REGION.clone_into(&mut options.region);
    options.credentials = RoleCredentials::Environment(credentials);
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
