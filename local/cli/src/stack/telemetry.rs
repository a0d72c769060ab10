//! The telemetry extension beside the push gateway: its settings.
//!
//! In: the program, the function's options, where the workspace is. Out: the function with the extension, which writes
//! to the workspace what the function does.

use std::path::Path;

use local_lambda::runtime::FunctionOptions;

/// The function with the extension. What its owner set stays as it is.
pub(super) fn with_extension(
    function: FunctionOptions,
    program: &Path,
    remote_write_url: &str,
) -> FunctionOptions {
    let mut function = function.extension(program);
    let settings = [
        ("TELEMETRY_REMOTE_WRITE_URL", remote_write_url),
        // Every invocation sends what is known by then: on this machine it is seen at once, and costs nobody anything.
        ("DISPATCH_MIN_BATCH_SIZE", "1"),
        ("DISPATCH_MAX_AGE_SECONDS", "1"),
    ];
    for (name, value) in settings {
        if !function.env.iter().any(|(given, _)| given == name) {
            function = function.env(name, value);
        }
    }
    function
}
