//! The gateway from outside: the real binary under the runtime emulator, in front of the strict AMP stand-in and a
//! real SQS API. What is expected is the contract; what is checked is what arrived, never the function's own words.

mod bodies;
mod broken_text;
mod dead_letters;
mod delivered_samples;
mod down;
mod faults;
mod fifo;
mod fixtures;
mod hostile;
mod init;
mod isolation;
mod mutated;
mod names;
mod outcomes;
mod payloads;
mod queue;
mod queue_answers;
mod random;
mod scripted;
mod spec;
mod support;
mod telemetry;
mod timestamps;
mod values;
