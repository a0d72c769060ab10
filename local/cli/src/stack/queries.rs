//! The functions that read the workspace: one program, and a function for each of its operations.
//!
//! In: the program, where the workspace and its control plane are, and the role. Out: the functions, named as their
//! operations, with the memory and the time-out that the construct library gives them.

use std::path::Path;
use std::time::Duration;

use local_lambda::runtime::{FunctionOptions, RoleCredentials};

/// Handler name, memory in MB and time-out in seconds of each operation (`lambda/query/README.md`).
const OPERATIONS: [(&str, u32, u64); 5] = [
    ("query", 256, 30),
    ("range_query", 512, 60),
    ("list_metrics", 256, 30),
    ("server_info", 256, 30),
    ("find_workspace", 256, 30),
];

/// What the functions are told of their surroundings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QuerySurroundings<'a> {
    /// The workspace of an invocation that names none.
    pub(crate) workspace_url: &'a str,
    /// AMP's control plane.
    pub(crate) control_plane: &'a str,
    /// The region they run in.
    pub(crate) region: &'a str,
    /// The credentials of their role.
    pub(crate) role: &'a RoleCredentials,
}

/// A function for each operation of `program`.
pub(crate) fn query_functions(program: &Path, surroundings: QuerySurroundings<'_>) -> Vec<FunctionOptions> {
    let function = |(name, memory_mb, timeout): (&str, u32, u64)| {
        let mut function = FunctionOptions::new(program)
            .env("_HANDLER", name)
            .env("WORKSPACE_URL", surroundings.workspace_url)
            .env("AWS_ENDPOINT_URL_AMP", surroundings.control_plane)
            .env("AWS_LAMBDA_LOG_FORMAT", "Text");
        name.clone_into(&mut function.name);
        function.memory_mb = memory_mb;
        function.timeout = Duration::from_secs(timeout);
        surroundings.region.clone_into(&mut function.region);
        function.credentials = surroundings.role.clone();
        function
    };
    OPERATIONS.map(function).into()
}
