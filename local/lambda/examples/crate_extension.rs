//! A Lambda extension that uses AWS's own crate, as an independent client of the Extensions API. It prints each event.

use std::process::exit;

use lambda_extension::{Error, Extension, LambdaEvent, NextEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    Extension::new().with_events_processor(service_fn(print_event)).run().await
}

async fn print_event(event: LambdaEvent) -> Result<(), Error> {
    match event.next {
        NextEvent::Invoke(invoke) => println!("invoke {}", invoke.request_id),
        NextEvent::Shutdown(shutdown) => {
            println!("shutdown {}", shutdown.shutdown_reason);
            // The crate would request another event, which never comes, until it is killed.
            exit(0);
        }
    }
    Ok(())
}
