//! HTTP endpoints in front of a function: events, answers and errors as AWS gives them.

#[path = "../emulator/support.rs"]
#[expect(dead_code, reason = "the tests of the emulator use the rest of it")]
mod support;

mod answers;
mod events;
mod streams;
