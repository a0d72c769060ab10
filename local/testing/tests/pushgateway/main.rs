//! The gateway and a real Pushgateway get the same requests.

use std::path::{Path, PathBuf};

mod answers;
mod captures;
mod differences;
mod exposition;
mod protobuf;
mod push_times;
mod requests;
mod server;

/// The function under test.
fn function_binary() -> PathBuf {
    let otherwise = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/release/push-gateway");
    let path = std::env::var_os("PUSH_GATEWAY_BINARY").map_or(otherwise, PathBuf::from);
    let remedy = "build it with `cargo build --release -p push-gateway`, or set PUSH_GATEWAY_BINARY";
    assert!(path.is_file(), "{} is missing: {remedy}", path.display());
    path
}
