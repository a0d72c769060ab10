//! The gateway end to end: the real binary under the runtime emulator, in front of the strict AMP stand-in and a real SQS
//! API. The tests check the requests that arrived, not the function's own report.

mod captures;
mod dead_letters;
mod delivered_samples;
mod down;
mod events;
mod faults;
mod fifo;
mod fixtures;
mod function_url;
mod hostile;
mod hostile_http;
mod init;
mod isolation;
mod mutated;
mod outcomes;
mod payloads;
mod pushes_under_faults;
mod queue;
mod queue_answers;
mod random;
mod receiver_suite;
mod replicas;
mod senders_under_faults;
mod spec;
mod spill;
mod support;
mod telemetry;
mod versions;
