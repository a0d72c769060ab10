//! `event-source`: the mapping between a queue and a function.

use std::error::Error;
use std::io::Write as _;
use std::time::Duration;

use aws_credential_types::Credentials;
use clap::{Args, value_parser};
use local_lambda::event_source::{EventSource, EventSourceOptions, Invoked};
use local_lambda::service::LambdaClient;
use local_lambda::sqs::Sqs;

use super::Common;

use crate::arguments::values;
use crate::console::print_line;

/// The queue and the function.
#[derive(Debug, Args)]
pub(crate) struct EventSourceArguments {
    #[command(flatten)]
    common: Common,
    /// The SQS endpoint (plain HTTP).
    #[arg(long, value_parser = values::http_url, value_name = "URL")]
    sqs_endpoint: String,
    /// The queue.
    #[arg(long, value_parser = values::http_url, value_name = "URL")]
    queue_url: String,
    /// The Lambda endpoint (plain HTTP).
    #[arg(long, value_parser = values::http_url, value_name = "URL")]
    lambda_endpoint: String,
    /// The function.
    #[arg(long, value_name = "NAME")]
    function_name: String,
    /// The function's timeout; the queue's visibility timeout must not be shorter.
    #[arg(long, default_value = "10s", value_parser = values::function_timeout, value_name = "TIME")]
    function_timeout: Duration,
    /// Messages in a batch, at most (1 to 10000; FIFO: to 10).
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u16).range(1..=10_000), value_name = "COUNT")]
    batch_size: u16,
    /// How long a batch is gathered (0s to 300s).
    #[arg(long, default_value = "0s", value_parser = values::batching_window, value_name = "TIME")]
    batching_window: Duration,
    /// Concurrent batches, at most (2 to 1000) [default: five].
    #[arg(long, value_parser = value_parser!(u16).range(2..=1_000), value_name = "COUNT")]
    max_concurrency: Option<u16>,
    /// Take any answer as the success of the whole batch, as without `ReportBatchItemFailures`.
    #[arg(long)]
    ignore_batch_item_failures: bool,
}

/// Runs it.
pub(super) async fn run(arguments: EventSourceArguments) -> Result<(), Box<dyn Error>> {
    let credentials = Credentials::from_keys("AKIDLOCAL", "local-secret", None);
    let sqs = Sqs::new(&arguments.sqs_endpoint, &arguments.common.region, credentials);
    let options = EventSourceOptions {
        queue_url: arguments.queue_url,
        batch_size: arguments.batch_size.into(),
        batching_window: arguments.batching_window,
        max_concurrency: arguments.max_concurrency.map(usize::from),
        report_batch_item_failures: !arguments.ignore_batch_item_failures,
        function_timeout: arguments.function_timeout,
    };
    let client = LambdaClient::new(&arguments.lambda_endpoint, &arguments.function_name);
    let event_source = EventSource::start(sqs, options, move |payload| {
        let client = client.clone();
        async move {
            client.invoke(payload).await.unwrap_or_else(|error| {
                let _ = writeln!(std::io::stderr(), "{error}");
                Invoked::FunctionError
            })
        }
    })
    .await?;
    print_line!("polling");
    arguments.common.until_stopped().await?;
    print_line!("{:?}", event_source.stop().await);
    Ok(())
}
