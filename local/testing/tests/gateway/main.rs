//! The gateway end to end: the real binary under the runtime emulator, in front of the strict AMP stand-in and a real SQS
//! API. The tests check the requests that arrived, not the function's own report.

mod dead_letters;
mod delivered_samples;
mod down;
mod events;
mod faults;
mod fifo;
mod fixtures;
mod hostile;
mod init;
mod isolation;
mod mutated;
mod outcomes;
mod payloads;
mod queue;
mod queue_answers;
mod random;
mod spec;
mod support;
mod telemetry;
