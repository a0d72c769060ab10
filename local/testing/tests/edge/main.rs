//! The real binaries at their boundaries: the runtime API, the network, the credentials and the log.

mod caller_headers;
mod network;
mod secrets;
mod server;

use std::path::{Path, PathBuf};

/// The push gateway.
fn push_gateway() -> PathBuf {
    program("PUSH_GATEWAY_BINARY", "push-gateway")
}

/// A query function.
fn query() -> PathBuf {
    program("QUERY_BINARY", "query")
}

/// The telemetry extension.
fn telemetry_extension() -> PathBuf {
    program("TELEMETRY_EXTENSION_BINARY", "telemetry-extension")
}

/// A function that ignores the network's variables. Cargo builds examples together with tests, next to the folder of the
/// test program.
fn obedient_function() -> PathBuf {
    let test = std::env::current_exe().expect("the test program has a path");
    test.ancestors().nth(2).expect("target/<profile>/deps/<test>").join("examples/obedient_function")
}

/// The artifact that `variable` names, or else Cargo's release build.
#[expect(clippy::disallowed_methods, reason = "the edge of the tests")]
fn program(variable: &str, name: &str) -> PathBuf {
    let build = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/release").join(name);
    let path = std::env::var(variable).map_or(build, PathBuf::from);
    assert!(
        path.is_file(),
        "{} is missing: build it with `cargo build --release`, or set {variable}",
        path.display()
    );
    path
}
