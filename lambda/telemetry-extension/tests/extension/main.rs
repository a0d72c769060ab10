//! The real binary in a scripted Lambda with real destinations. The tests check what the destinations receive.

mod emulator;
mod gateway;
mod host;
mod http_client;
mod load;
mod protocol;
mod pushgateway;
mod rates;
mod remote_write;
mod secret;
mod trouble;
