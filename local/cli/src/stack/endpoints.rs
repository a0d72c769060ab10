//! Where the parts of a running stack are found, for people and for programs.

use aws_credential_types::Credentials;
use serde_json::{Value, json};

/// The addresses of a running stack.
#[derive(Debug, Clone)]
pub(crate) struct Endpoints {
    /// The region to sign for.
    pub(crate) region: String,
    /// A user's credentials for the workspace; SQS and Lambda take any.
    pub(crate) credentials: Credentials,
    /// The Lambda service.
    pub(crate) lambda: String,
    /// The function's name.
    pub(crate) function: String,
    /// Whether the function's own metrics are written into the workspace, by the telemetry extension.
    pub(crate) has_telemetry: bool,
    /// The names of the functions that read the workspace; none without their program.
    pub(crate) query_functions: Vec<String>,
    /// SQS.
    pub(crate) sqs: String,
    /// The queue that feeds the function.
    pub(crate) queue_url: String,
    /// Where messages end that can never be delivered.
    pub(crate) dead_letter_queue_url: String,
    /// The workspace, with a slash at its end.
    pub(crate) amp: String,
    /// The id under which AMP's control plane has the workspace.
    pub(crate) workspace_id: String,
    /// The alias under which AMP's control plane has the workspace.
    pub(crate) workspace_alias: &'static str,
    /// The Prometheus behind the workspace.
    pub(crate) prometheus: Option<String>,
    /// The stack's control API.
    pub(crate) control: String,
}

impl Endpoints {
    /// Where samples are written.
    pub(crate) fn remote_write_url(&self) -> String {
        format!("{}api/v1/remote_write", self.amp)
    }

    /// Where PromQL is asked.
    pub(crate) fn query_url(&self) -> String {
        format!("{}api/v1/query", self.amp)
    }

    /// The same for programs.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "region": self.region,
            "credentials": {
                "accessKeyId": self.credentials.access_key_id(),
                "secretAccessKey": self.credentials.secret_access_key(),
            },
            "lambda": {
                "endpoint": self.lambda,
                "functionName": self.function,
                "hasTelemetry": self.has_telemetry,
                "queryFunctionNames": self.query_functions,
            },
            "sqs": {
                "endpoint": self.sqs,
                "queueUrl": self.queue_url,
                "deadLetterQueueUrl": self.dead_letter_queue_url,
            },
            "amp": {
                "endpoint": self.amp,
                "workspaceId": self.workspace_id,
                "alias": self.workspace_alias,
                "remoteWriteUrl": self.remote_write_url(),
                "queryUrl": self.query_url(),
            },
            "prometheus": self.prometheus.as_ref().map(|url| json!({ "url": url })),
            "control": self.control,
        })
    }
}
