//! The stand-in in front of a real Prometheus: what is stored there, what is asked there, and whether memory gives
//! the same answers.

// Each of the two test programs uses a part of what they share.
#[allow(dead_code)]
#[path = "../amp/reader.rs"]
mod reader;
#[allow(dead_code)]
#[path = "../amp/sender.rs"]
mod sender;

mod comparison;
mod process;
mod scripted;
mod storage;
mod support;
