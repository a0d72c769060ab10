//! The oracles that the targets compare the gateway with. They share no code with it.

pub mod decimal;
pub mod exposition;
pub mod names;
pub mod request;
