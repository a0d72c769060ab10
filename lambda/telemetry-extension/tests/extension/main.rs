//! The extension from outside: the real binary, a scripted Lambda around it, and real destinations behind it. What is
//! checked is what arrived there, never the extension's own words.

mod emulator;
mod gateway;
mod host;
mod http_client;
mod load;
mod prometheus;
mod protocol;
mod pushgateway;
mod rates;
mod remote_write;
mod secret;
mod telemetry;
mod trouble;
