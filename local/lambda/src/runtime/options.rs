//! How a function is configured. Nothing is validated: a missing program fails when it is started.

use std::path::PathBuf;
use std::time::Duration;

use aws_credential_types::Credentials;

use local_testing::ACCOUNT;

/// How a function is configured.
#[derive(Debug, Clone)]
pub struct FunctionOptions {
    /// The program.
    pub binary: PathBuf,
    /// The function's name.
    pub name: String,
    /// The function's own environment variables; nothing of this process's environment is passed on.
    pub env: Vec<(String, String)>,
    /// How long one invocation may take.
    pub timeout: Duration,
    /// The configured memory (reported to the function, not enforced).
    pub memory_mb: u32,
    /// Its region.
    pub region: String,
    /// The credentials of its role.
    pub credentials: RoleCredentials,
    /// Its external extensions: executables, each started before the runtime in every execution environment. They register with
    /// their file name.
    pub extensions: Vec<PathBuf>,
    /// Whether all processes of an environment with extensions are stopped between invocations, as on Lambda.
    pub freezes: bool,
}

/// How a function gets the credentials of its role.
#[derive(Debug, Clone)]
pub enum RoleCredentials {
    /// Environment variables, valid as long as the process lives, as for most functions on Lambda.
    Environment(Credentials),
    /// An HTTP endpoint that returns credentials which expire
    /// (AWS SDKs and Tools Reference Guide, "Container credential provider").
    Endpoint {
        /// Its URL.
        url: String,
        /// The value of the header `Authorization`.
        authorization_token: String,
    },
}

impl FunctionOptions {
    /// A function with Lambda's smallest memory, a timeout of 10 seconds and invalid credentials.
    pub fn new(binary: impl Into<PathBuf>) -> Self {
        Self {
            binary: binary.into(),
            name: "push-gateway".to_owned(),
            env: Vec::new(),
            timeout: Duration::from_secs(10),
            memory_mb: 128,
            region: "eu-west-1".to_owned(),
            credentials: RoleCredentials::Environment(Credentials::new(
                "AKIDLOCAL",
                "local-secret",
                Some("local-token".to_owned()),
                None,
                "local",
            )),
            extensions: Vec::new(),
            freezes: true,
        }
    }

    /// The function's Amazon Resource Name.
    pub fn arn(&self) -> String {
        format!("arn:aws:lambda:{}:{ACCOUNT}:function:{}", self.region, self.name)
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.push((name.to_owned(), value.into()));
        self
    }

    /// Adds an external extension.
    #[must_use]
    pub fn extension(mut self, program: impl Into<PathBuf>) -> Self {
        self.extensions.push(program.into());
        self
    }

    /// Whether the log format is JSON ("Configuring JSON and plain text log formats").
    pub(super) fn logs_json(&self) -> bool {
        let format = self.env.iter().rev().find(|(name, _)| name == "AWS_LAMBDA_LOG_FORMAT");
        format.is_some_and(|(_, value)| value == "JSON")
    }
}
