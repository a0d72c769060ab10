//! The stand-in against a sender that signs with the AWS SDK's signer and encodes with generated code.
//!
//! Every rule is one test that cites its source.

mod credentials;
mod down;
mod fault_text;
mod faults;
mod limits;
mod read_api;
mod reader;
mod rules;
mod sender;
mod signature;
mod storage;
