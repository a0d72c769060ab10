//! Real clients push to the gateway behind a function URL, and PromQL reads back what they pushed.

mod program;
mod pushes;
mod stage;
