//! The commands `serve` and `tour` as a user runs them: the stack comes up, does its work, and leaves nothing behind
//! however it ends.

mod check;
mod control;
mod http;
mod life;
mod options;
mod output;
mod parts;
mod ports;
mod queries;
mod support;
mod telemetry;
mod tour;
