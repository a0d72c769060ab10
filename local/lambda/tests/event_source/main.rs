//! The event source mapping, with moto's SQS and a scripted SQS. The function is a closure that records its payloads.

mod batches;
mod concurrency;
mod faults;
mod fifo;
mod moto;
mod responses;
mod scripted_sqs;
mod stopping;
mod support;
