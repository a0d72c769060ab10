//! Where the parts of a running stack listen.

use aws_credential_types::Credentials;
use local_lambda::http::HttpServer;
use local_lambda::service::Pool;
use serde_json::{Value, json};

use super::Parts;
use super::http::{PASSWORD, USERNAME};
use super::queues::WORKSPACE_ALIAS;

/// The addresses of a running stack.
#[derive(Debug, Clone)]
pub(crate) struct Endpoints {
    pub(crate) region: String,
    /// A user's credentials for the workspace; SQS and Lambda take any.
    pub(crate) credentials: Credentials,
    pub(crate) lambda: String,
    pub(crate) function: String,
    /// Whether the telemetry extension writes the function's own metrics into the workspace.
    pub(crate) has_telemetry: bool,
    pub(crate) query_functions: Vec<String>,
    pub(crate) sqs: String,
    pub(crate) queue_url: String,
    pub(crate) dead_letter_queue_url: String,
    pub(crate) http: HttpUrls,
    /// The workspace, with a slash at its end.
    pub(crate) amp: String,
    pub(crate) workspace_id: String,
    pub(crate) workspace_alias: &'static str,
    pub(crate) prometheus: Option<String>,
    pub(crate) control: String,
}

/// The URLs of the push gateway for HTTP clients, and one for queries, without a slash at the end.
#[derive(Debug, Clone)]
pub(crate) struct HttpUrls {
    pub(crate) function_url: String,
    pub(crate) http_api: String,
    pub(crate) alb: String,
    /// The HTTP API of Prometheus, if there are query functions.
    pub(crate) query_url: Option<String>,
    pub(crate) username: &'static str,
    pub(crate) password: &'static str,
    /// The ARN of the secret with both.
    pub(crate) secret_arn: String,
}

impl Endpoints {
    pub(super) fn new(region: &str, parts: &Parts, control: String) -> Self {
        let Parts { functions, http, queues, workspace, .. } = parts;
        let name = |pool: &Pool| pool.options().name.clone();
        Self {
            region: region.to_owned(),
            credentials: workspace.user.clone(),
            lambda: functions.api.endpoint(),
            function: name(&functions.push_gateway),
            has_telemetry: functions.idle_shutdown.is_some(),
            query_functions: functions.queries.iter().map(name).collect(),
            sqs: queues.endpoint().to_owned(),
            queue_url: queues.url.clone(),
            dead_letter_queue_url: queues.dead_letters_url.clone(),
            http: HttpUrls {
                function_url: http.function_url.url(),
                http_api: http.http_api.url(),
                alb: http.alb.url(),
                query_url: http.query_url.as_ref().map(HttpServer::url),
                username: USERNAME,
                password: PASSWORD,
                secret_arn: queues.secret_arn.clone(),
            },
            amp: workspace.amp.endpoint(),
            workspace_id: workspace.amp.id().to_owned(),
            workspace_alias: WORKSPACE_ALIAS,
            prometheus: workspace.storage_url.clone(),
            control,
        }
    }

    pub(crate) fn remote_write_url(&self) -> String {
        format!("{}api/v1/remote_write", self.amp)
    }

    pub(crate) fn query_url(&self) -> String {
        format!("{}api/v1/query", self.amp)
    }

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
            "http": {
                "functionUrl": self.http.function_url,
                "httpApiUrl": self.http.http_api,
                "albUrl": self.http.alb,
                "queryUrl": self.http.query_url,
                "username": self.http.username,
                "password": self.http.password,
                "secretArn": self.http.secret_arn,
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
