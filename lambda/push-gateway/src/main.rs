//! The I/O boundary: environment, clock, randomness, allocator, and the Lambda runtime.

use std::process::ExitCode;

use aws::{Answer, Client, Environment, Network, World, environment, now};
use push_gateway::config::Config;
use push_gateway::envelopes::{Error, Reply};
use push_gateway::handler::{Gateway, Invocation};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    keep_memory();
    aws::start("push-gateway", configure, handler).await
}

/// Keeps the allocator from returning memory to the system between invocations, which costs hundreds of page faults for
/// every large batch.
///
/// glibc raises its limits for that by itself once a large block is freed: the one for mapping blocks to the size of the
/// block, up to 32 MiB, and the one for trimming the heap to twice that (mallopt(3), `M_MMAP_THRESHOLD`). So one block
/// is allocated and freed; no page of it is ever touched.
fn keep_memory() {
    const JUST_BELOW_32_MIB: usize = (32 << 20) - (64 << 10);
    drop(std::hint::black_box(Vec::<u8>::with_capacity(JUST_BELOW_32_MIB)));
}

fn configure(lookup: Environment) -> Result<(Config, Network), String> {
    let config = Config::from_lookup(lookup).map_err(|error| error.to_string())?;
    let network =
        Network::from_lookup(lookup, |path| std::fs::read(path)).map_err(|error| error.to_string())?;
    Ok((config, network))
}

fn handler(
    (config, network): (Config, Network),
) -> impl AsyncFn(aws::Invocation) -> Result<Answer<Reply>, Error> {
    let client = Client::new(config.region.clone(), &network, World { now, random: fastrand::f64 });
    let gateway = Gateway::new(config, client);
    let function_name = environment("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default();
    async move |event| {
        let started = now();
        let time = event.deadline.duration_since(started).unwrap_or_default();
        let invocation = Invocation { payload: &event.payload, id: &event.request_id, now: started, time };
        // The futures around it would contain it several times.
        let (reply, report) = Box::pin(gateway.handle(invocation)).await;
        if let Err(error @ Error::UnknownPayload(_)) = &reply {
            tracing::error!(%error, "Unrecognized payload.");
        }
        let ended = now();
        report.log(ended.duration_since(started).unwrap_or_default());
        println!("{}", report.embedded_metrics(&function_name, ended));
        reply.map(Answer::Json)
    }
}
