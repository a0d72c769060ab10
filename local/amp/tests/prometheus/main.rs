//! The stand-in in front of a real Prometheus, and Prometheus as a child process.

// Each of the two test programs uses a part of what they share.
#[allow(dead_code)]
#[path = "../amp/reader.rs"]
mod reader;
#[allow(dead_code)]
#[path = "../amp/sender.rs"]
mod sender;

mod process;
mod scripted;
mod storage;
mod support;
