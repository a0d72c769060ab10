//! The options of an event source mapping, validated as Lambda does (Lambda Developer Guide, "Creating and configuring an
//! Amazon SQS event source mapping" and "Lambda parameters for Amazon SQS event source mappings").

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::sqs::SqsError;

const BATCH_SIZES: RangeInclusive<usize> = 1..=10_000;
const FIFO_BATCH_SIZES: RangeInclusive<usize> = 1..=10;
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
    /// The batch size is out of its range.
    #[error("batch size {given} is not between {} and {}", allowed.start(), allowed.end())]
    BatchSize {
        /// The batch size.
        given: usize,
        /// What this kind of queue allows.
        allowed: RangeInclusive<usize>,
    },
    /// The batching window is too long or has a fraction of a second.
    #[error("batching window {given:?} is not in whole seconds between 0 and {}", MAX_BATCHING_WINDOW.as_secs())]
    BatchingWindow {
        /// The window.
        given: Duration,
    },
    /// A large batch without a window to gather it.
    #[error(
        "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
    )]
    NoBatchingWindow,
    /// A window on a FIFO queue.
    #[error("Batching window is not supported for FIFO queues")]
    FifoBatchingWindow,
    /// The maximum concurrency is out of its range.
    #[error(
        "maximum concurrency {given} is not between {} and {}",
        MAX_CONCURRENCIES.start(),
        MAX_CONCURRENCIES.end()
    )]
    MaxConcurrency {
        /// The maximum.
        given: usize,
    },
    /// The queue would show a message again while the function may still be at it.
    #[error(
        "Queue visibility timeout: {} seconds is less than Function timeout: {} seconds",
        visibility_timeout.as_secs_f64(),
        function_timeout.as_secs_f64()
    )]
    VisibilityTimeout {
        /// The queue's.
        visibility_timeout: Duration,
        /// The function's.
        function_timeout: Duration,
    },
    /// The queue does not exist or cannot be read.
    #[error("the queue's attributes cannot be read")]
    Queue(#[from] SqsError),
    /// The queue's attributes lack a required value.
    #[error("the queue's attribute {name} is {value:?}")]
    QueueAttribute {
        /// The attribute.
        name: &'static str,
        /// Its value.
        value: Option<String>,
    },
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

    /// What can be checked without knowing the queue.
    pub(super) fn validate(&self) -> Result<(), EventSourceError> {
        check_batch_size(self.batch_size, BATCH_SIZES)?;
        let window = self.batching_window;
        if window > MAX_BATCHING_WINDOW || window.subsec_nanos() != 0 {
            return Err(EventSourceError::BatchingWindow { given: window });
        }
        match self.max_concurrency {
            Some(given) if !MAX_CONCURRENCIES.contains(&given) => {
                Err(EventSourceError::MaxConcurrency { given })
            }
            _ => Ok(()),
        }
    }

    /// What depends on the queue.
    pub(super) fn validate_for(
        &self,
        is_fifo: bool,
        visibility_timeout: Duration,
    ) -> Result<(), EventSourceError> {
        if is_fifo {
            check_batch_size(self.batch_size, FIFO_BATCH_SIZES)?;
            if !self.batching_window.is_zero() {
                return Err(EventSourceError::FifoBatchingWindow);
            }
        } else if self.batch_size > MAX_BATCH_SIZE_WITHOUT_WINDOW && self.batching_window.is_zero() {
            return Err(EventSourceError::NoBatchingWindow);
        }
        let function_timeout = self.function_timeout;
        if visibility_timeout < function_timeout {
            return Err(EventSourceError::VisibilityTimeout { visibility_timeout, function_timeout });
        }
        Ok(())
    }
}

fn check_batch_size(given: usize, allowed: RangeInclusive<usize>) -> Result<(), EventSourceError> {
    if allowed.contains(&given) { Ok(()) } else { Err(EventSourceError::BatchSize { given, allowed }) }
}
