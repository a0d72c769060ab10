//! The event source mapping, against moto's SQS and against one that fails on demand. The function is a closure that
//! writes down what it was invoked with and answers as it is told.

mod batches;
mod concurrency;
mod faults;
mod fifo;
mod moto;
mod options;
mod responses;
mod scripted_sqs;
mod stopping;
mod support;
