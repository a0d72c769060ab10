//! How a function is configured: the program, its limits, its role, its extensions.
//!
//! Plain data. Nothing is checked here: a program that does not exist shows when it is started.

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
    /// The environment variables that its owner sets; nothing else of this process's environment is passed on.
    pub env: Vec<(String, String)>,
    /// How long one invocation may take.
    pub timeout: Duration,
    /// The configured memory (reported to the function, not enforced).
    pub memory_mb: u32,
    /// The region it runs in.
    pub region: String,
    /// The credentials of its role.
    pub credentials: RoleCredentials,
    /// Its external extensions.
    pub extensions: ExtensionOptions,
}

/// The external extensions of a function, and what the platform does with them.
#[derive(Debug, Clone)]
pub struct ExtensionOptions {
    /// Executables, each started before the runtime in every execution environment. The file name is the name
    /// that the extension registers with.
    pub programs: Vec<PathBuf>,
    /// Whether all processes of an environment with extensions stand still between invocations, as on Lambda.
    pub freezes: bool,
    /// Versions of the telemetry schema that the Telemetry API shall not know.
    pub refused_schema_versions: Vec<String>,
    /// Whether `INVOKE` cannot be registered for, as on Lambda Managed Instances.
    pub refuses_invoke_events: bool,
}

impl Default for ExtensionOptions {
    /// No extension; an environment that gets one is frozen between invocations.
    fn default() -> Self {
        Self {
            programs: Vec::new(),
            freezes: true,
            refused_schema_versions: Vec::new(),
            refuses_invoke_events: false,
        }
    }
}

/// How a function comes by the credentials of its role.
#[derive(Debug, Clone)]
pub enum RoleCredentials {
    /// Environment variables, good for as long as the process lives. This is how Lambda gives them to most functions.
    Environment(Credentials),
    /// An HTTP endpoint that hands out credentials which expire
    /// (AWS SDKs and Tools Reference Guide, "Container credential provider").
    Endpoint {
        /// Where to ask.
        url: String,
        /// What to show there.
        authorization_token: String,
    },
}

impl FunctionOptions {
    /// A function with Lambda's smallest memory, a time-out of 10 seconds and made-up credentials.
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
            extensions: ExtensionOptions::default(),
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
        self.extensions.programs.push(program.into());
        self
    }

    /// Whether the log format is JSON ("Configuring JSON and plain text log formats").
    pub(super) fn logs_json(&self) -> bool {
        let format = self.env.iter().rev().find(|(name, _)| name == "AWS_LAMBDA_LOG_FORMAT");
        format.is_some_and(|(_, value)| value == "JSON")
    }
}
