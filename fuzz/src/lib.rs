//! Oracles: what the targets compare the gateway with. Nothing here shares code with what it judges.

pub mod decimal;
pub mod names;
pub mod request;
