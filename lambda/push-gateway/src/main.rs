//! The edge: environment, clock and randomness, the allocator, and the Lambda runtime.

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use amp::World;
use bytes::Bytes;
use function::{environment, now};
use lambda_runtime::layers::TracingLayer;
use lambda_runtime::{Error, LambdaEvent, LambdaInvocation, Runtime, service_fn};
use push_gateway::config::Config;
use push_gateway::handler::{Gateway, Invocation};
use push_gateway::report::Report;
use push_gateway::response;
use tower::{Layer, Service};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    keep_memory();
    function::start("push-gateway", Config::from_lookup, run).await
}

/// Keeps the allocator from giving memory back to the system between invocations, which costs hundreds of page faults
/// for every large batch.
///
/// glibc raises its limits for that by itself once a large block is freed: the one for mapping blocks to the size of the
/// block, up to 32 MiB, and the one for trimming the heap to twice that (mallopt(3), `M_MMAP_THRESHOLD`). So one block
/// is asked for and freed; no page of it is ever touched.
fn keep_memory() {
    const JUST_BELOW_32_MIB: usize = (32 << 20) - (64 << 10);
    drop(std::hint::black_box(Vec::<u8>::with_capacity(JUST_BELOW_32_MIB)));
}

async fn run(config: Config) -> Result<(), Error> {
    let gateway = Gateway::new(config, World { now, random: fastrand::f64 });
    let function_name = environment("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default();
    let payload = PayloadSlot::default();
    let handler = service_fn(async |event: LambdaEvent<()>| {
        let started = now();
        let time = event.context.deadline().duration_since(started).unwrap_or_default();
        let mut report = Report::default();
        let invocation = Invocation { payload: &payload.take(), now: started, time };
        let answer = gateway.handle(invocation, &mut report).await;
        report.took = now().duration_since(started).unwrap_or_default();
        finish(&report, &answer, &function_name);
        answer
    });
    Runtime::new(handler).layer(TracingLayer::new()).layer(payload.clone()).run().await
}

fn finish(report: &Report, answer: &Result<response::Response, response::Error>, function_name: &str) {
    if let Err(error @ response::Error::UnknownPayload(_)) = answer {
        tracing::error!(%error, "The payload is of no known shape.");
    }
    report.log();
    println!("{}", report.embedded_metrics(function_name, now()));
}

/// Takes the payload's bytes past the runtime's own deserialisation straight to the handler.
///
/// The runtime would scan the payload and copy it before the handler sees it, and would answer for malformed JSON
/// with an error of its own. One slot is enough because an instance handles one invocation at a time.
#[derive(Clone, Debug, Default)]
struct PayloadSlot(Arc<Mutex<Bytes>>);

impl PayloadSlot {
    fn put(&self, payload: Bytes) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = payload;
    }

    fn take(&self) -> Bytes {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<S> Layer<S> for PayloadSlot {
    type Service = PayloadToSlot<S>;

    fn layer(&self, inner: S) -> Self::Service {
        PayloadToSlot { slot: self.clone(), inner }
    }
}

/// A service that puts the payload into the slot and hands `null` to the service inside.
#[derive(Clone, Debug)]
struct PayloadToSlot<S> {
    slot: PayloadSlot,
    inner: S,
}

impl<S: Service<LambdaInvocation>> Service<LambdaInvocation> for PayloadToSlot<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut invocation: LambdaInvocation) -> Self::Future {
        self.slot.put(std::mem::replace(&mut invocation.body, Bytes::from_static(b"null")));
        self.inner.call(invocation)
    }
}
