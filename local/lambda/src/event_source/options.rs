//! The options of an event source mapping, validated as Lambda does (Lambda Developer Guide, "Creating and configuring an
//! Amazon SQS event source mapping" and "Lambda parameters for Amazon SQS event source mappings").

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::sqs::SqsError;

/// A larger batch takes more than one `ReceiveMessage`, which takes time.
const MAX_BATCH_SIZE_WITHOUT_WINDOW: usize = 10;
const MAX_BATCHING_WINDOW: Duration = Duration::from_mins(5);
const MAX_CONCURRENCIES: RangeInclusive<usize> = 2..=1_000;

/// How an event source mapping is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventSourceOptions {
    /// The queue; it is a FIFO queue if its ARN ends in `.fifo`.
    pub queue_url: String,
    /// `BatchSize`: the most records of one invocation, 1 to 10,000, of a FIFO queue 1 to 10.
    pub batch_size: usize,
    /// `MaximumBatchingWindowInSeconds`: how long records are gathered, 0 to 300 whole seconds; at least 1 for
    /// batches of more than 10, and none for a FIFO queue.
    pub batching_window: Duration,
    /// `MaximumConcurrency`: the most invocations at a time, 2 to 1,000; `None` is five, Lambda's initial number.
    pub max_concurrency: Option<usize>,
    /// `ReportBatchItemFailures`: whether the function's response lists the messages that failed.
    pub report_batch_item_failures: bool,
    /// The function's timeout; the queue's visibility timeout must not be shorter.
    pub function_timeout: Duration,
}

/// Why an event source mapping cannot be created.
#[derive(Debug, thiserror::Error)]
pub enum EventSourceError {
    /// Lambda would reject an option, with this message.
    #[error("{0}")]
    Options(String),
    /// The queue does not exist or cannot be read.
    #[error("the queue's attributes cannot be read")]
    Queue(#[from] SqsError),
    /// A required attribute of the queue, by name, has no usable value.
    #[error("the queue's attribute {0} is {1:?}")]
    QueueAttribute(&'static str, Option<String>),
}

impl EventSourceOptions {
    /// Batches of at most 10 without a window, for a function with Lambda's default timeout of 3 seconds.
    pub fn new(queue_url: impl Into<String>) -> Self {
        Self {
            queue_url: queue_url.into(),
            batch_size: 10,
            batching_window: Duration::ZERO,
            max_concurrency: None,
            report_batch_item_failures: false,
            function_timeout: Duration::from_secs(3),
        }
    }

    /// Checks the options for a queue of this kind with this visibility timeout.
    pub(super) fn validate(
        &self,
        is_fifo: bool,
        visibility_timeout: Duration,
    ) -> Result<(), EventSourceError> {
        let (batch_size, window, function_timeout) =
            (self.batch_size, self.batching_window, self.function_timeout);
        let largest = if is_fifo { 10 } else { 10_000 };
        let problem = if !(1..=largest).contains(&batch_size) {
            format!("batch size {batch_size} is not between 1 and {largest}")
        } else if window > MAX_BATCHING_WINDOW || window.subsec_nanos() != 0 {
            let limit = MAX_BATCHING_WINDOW.as_secs();
            format!("batching window {window:?} is not in whole seconds between 0 and {limit}")
        } else if is_fifo && !window.is_zero() {
            "Batching window is not supported for FIFO queues".to_owned()
        } else if batch_size > MAX_BATCH_SIZE_WITHOUT_WINDOW && window.is_zero() {
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
                .to_owned()
        } else if let Some(given) = self.max_concurrency.filter(|given| !MAX_CONCURRENCIES.contains(given)) {
            let (least, most) = (MAX_CONCURRENCIES.start(), MAX_CONCURRENCIES.end());
            format!("maximum concurrency {given} is not between {least} and {most}")
        } else if visibility_timeout < function_timeout {
            format!(
                "Queue visibility timeout: {} seconds is less than Function timeout: {} seconds",
                visibility_timeout.as_secs_f64(),
                function_timeout.as_secs_f64()
            )
        } else {
            return Ok(());
        };
        Err(EventSourceError::Options(problem))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Why Lambda rejects the options of a function with a timeout of three seconds, changed like this.
    fn problem(is_fifo: bool, change: impl FnOnce(&mut EventSourceOptions)) -> String {
        let mut options = EventSourceOptions::new("");
        change(&mut options);
        let checked = options.validate(is_fifo, Duration::from_secs(30));
        checked.err().map(|error| error.to_string()).unwrap_or_default()
    }

    /// Lambda Developer Guide, "Lambda parameters for Amazon SQS event source mappings": `BatchSize`; "For FIFO queues, the
    /// maximum is 10".
    #[test]
    fn a_batch_has_at_most_ten_thousand_messages_in_order_ten() {
        for (is_fifo, given, expected) in [
            (false, 0, "batch size 0 is not between 1 and 10000"),
            (false, 10_000, ""),
            (false, 10_001, "batch size 10001 is not between 1 and 10000"),
            (true, 10, "Batching window is not supported for FIFO queues"),
            (true, 11, "batch size 11 is not between 1 and 10"),
        ] {
            let refused = problem(is_fifo, |options| {
                (options.batch_size, options.batching_window) = (given, Duration::from_secs(1));
            });
            assert_eq!(refused, expected);
        }
    }

    /// Lambda Developer Guide, "Creating and configuring an Amazon SQS event source mapping": "For a batch size over 10, you
    /// must also set the batch window to at least 1 second"; "Using Lambda with Amazon SQS": "up to 5 minutes".
    #[test]
    fn a_window_has_at_most_five_minutes_in_whole_seconds() {
        for (batch_size, given_ms, expected) in [
            (10, 300_000, ""),
            (10, 301_000, "batching window 301s is not in whole seconds between 0 and 300"),
            (10, 1_500, "batching window 1.5s is not in whole seconds between 0 and 300"),
            (10, 0, ""),
            (
                11,
                0,
                "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
            ),
        ] {
            let refused = problem(false, |options| {
                (options.batch_size, options.batching_window) = (batch_size, Duration::from_millis(given_ms));
            });
            assert_eq!(refused, expected);
        }
    }

    /// Lambda Developer Guide, "Configuring scaling behavior for SQS event source mappings": "enter a number between 2 and
    /// 1,000".
    #[test]
    fn the_maximum_concurrency_is_two_to_one_thousand() {
        for given in [0, 1, 1_001] {
            let refused = problem(false, |options| options.max_concurrency = Some(given));
            assert_eq!(refused, format!("maximum concurrency {given} is not between 2 and 1000"));
        }
        assert_eq!(problem(false, |options| options.max_concurrency = Some(1_000)), "");
    }

    /// Lambda Developer Guide, "Creating and configuring an Amazon SQS event source mapping": "an error if the function
    /// timeout exceeds the queue's visibility timeout".
    #[test]
    fn the_visibility_timeout_covers_the_function_timeout() {
        let refused = problem(false, |options| options.function_timeout = Duration::from_mins(1));
        assert_eq!(refused, "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds");
        assert_eq!(problem(false, |options| options.function_timeout = Duration::from_secs(30)), "");
    }
}
