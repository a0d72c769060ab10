//! The stand-in against a sender that signs with the AWS SDK's signer and encodes with generated code. Every test cites
//! the source of its rule.

mod broken_prometheus;
mod credentials;
mod down;
mod faults;
mod limits;
mod prometheus;
mod read_api;
mod reader;
mod rules;
mod sender;
mod signature;
mod storage;
mod version_2;
