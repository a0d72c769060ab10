//! A gateway whose receiver and Secrets Manager are a local server, and the events that it is invoked with.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use aws::{Client, World};
use aws_credential_types::Credentials;
use prometheus_proto::WriteRequest;
use prost::Message as _;
use push_gateway::config::Config;
use push_gateway::handler::{Gateway, Invocation};
use push_gateway::report::Report;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What the services answer, and what they were asked.
#[derive(Debug, Default)]
pub(crate) struct Services {
    /// The content of the secret; `None` if Secrets Manager denies access.
    pub(crate) secret: Option<String>,
    /// The status and the message of the receiver.
    pub(crate) receiver: Option<(u16, &'static str)>,
    /// A text for which the receiver rejects a request, like a rule that a series breaks.
    pub(crate) rejects: Option<&'static str>,
    /// Whether the receiver takes remote write 2.0.
    pub(crate) takes_version_2: bool,
    /// The content types of write requests.
    pub(crate) content_types: Vec<String>,
    pub(crate) reads: usize,
    pub(crate) writes: usize,
    /// The write requests that the receiver took.
    pub(crate) stored: Vec<WriteRequest>,
}

/// A gateway with its services.
pub(crate) struct Stage {
    gateway: Gateway,
    services: Arc<Mutex<Services>>,
}

impl Stage {
    pub(crate) async fn new(variables: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let services = Arc::new(Mutex::new(Services {
            secret: Some(json!({"username": "push", "password": "secret"}).to_string()),
            ..Services::default()
        }));
        let shared = Arc::clone(&services);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        let lookup = |name: &str| match name {
            "REMOTE_WRITE_URL" => Some(format!("{address}/api/v1/remote_write")),
            "AWS_ENDPOINT_URL_SECRETS_MANAGER" => Some(address.clone()),
            "HTTP_AUTH_SECRET" => {
                Some("arn:aws:secretsmanager:eu-west-1:123456789012:secret:p-AbCdEf".to_owned())
            }
            "AWS_REGION" => Some("eu-west-1".to_owned()),
            name => variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()),
        };
        let config = Config::from_lookup(lookup).expect("a valid configuration");
        let credentials = Credentials::new("AKIDEXAMPLE", "key", None, None, "test");
        let client = Client::with_credentials(credentials, World { now, random: || 0.0 });
        Self { gateway: Gateway::new(config, client), services }
    }

    pub(crate) fn services(&self) -> MutexGuard<'_, Services> {
        self.services.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer to an event, and the report.
    pub(crate) async fn invoke(&self, event: &Value, time: Duration) -> (Value, Report) {
        self.invoke_at(now(), event, time).await
    }

    /// The answer to an event at this time of day, and the report.
    pub(crate) async fn invoke_at(&self, now: SystemTime, event: &Value, time: Duration) -> (Value, Report) {
        let payload = event.to_string();
        let invocation = Invocation { payload: payload.as_bytes(), id: "1", now, time };
        let (reply, report) = self.gateway.handle(invocation).await;
        (serde_json::to_value(reply.expect("never an error")).expect("JSON"), report)
    }

    /// Status and body of the answer.
    pub(crate) async fn answer(&self, event: &Value) -> (u64, String) {
        let (answer, _) = self.invoke(event, Duration::from_secs(2)).await;
        let status = answer["statusCode"].as_u64().expect("a status");
        (status, answer["body"].as_str().expect("a body").to_owned())
    }
}

/// 2023-02-14 18:06:58 UTC, a second after the fixtures.
pub(crate) fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(1_676_398_018_123)
}

/// The event of a function URL.
pub(crate) fn event(method: &str, path: &str, headers: &Value, body: &str) -> Value {
    json!({
        "version": "2.0", "rawPath": path, "rawQueryString": "", "headers": headers,
        "requestContext": {
            "domainName": "abc.lambda-url.us-east-2.on.aws", "stage": "$default", "timeEpoch": 1_676_398_017_123_i64,
            "http": {"method": method, "path": path},
        },
        "body": body, "isBase64Encoded": false,
    })
}

/// A push by the user of the secret.
pub(crate) fn push(body: &str) -> Value {
    event("PUT", "/metrics/job/a", &json!({"authorization": "Basic cHVzaDpzZWNyZXQ="}), body)
}

async fn serve(stream: TcpStream, services: Arc<Mutex<Services>>) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if stream.read_until(b'\n', &mut head).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        stream.read_exact(&mut body).await.expect("a body");
        let mut written = "";
        let (status, body) = {
            let mut services = services.lock().unwrap_or_else(PoisonError::into_inner);
            if head.contains("x-amz-target: secretsmanager.getsecretvalue") {
                services.reads += 1;
                match &services.secret {
                    Some(secret) => (200, json!({"SecretString": secret}).to_string()),
                    None => (400, json!({"__type": "AccessDeniedException"}).to_string()),
                }
            } else {
                services.writes += 1;
                let content_type = head.lines().find_map(|line| line.strip_prefix("content-type: "));
                services.content_types.extend(content_type.map(str::to_owned));
                let is_of_2 = head.contains("proto=io.prometheus.write.v2.request");
                if is_of_2 && services.takes_version_2 {
                    written = "x-prometheus-remote-write-samples-written: 2\r\n";
                }
                let message = snap::raw::Decoder::new().decompress_vec(&body).expect("snappy");
                let is_rejected = services
                    .rejects
                    .is_some_and(|text| message.windows(text.len()).any(|window| window == text.as_bytes()));
                let (status, answer) = match services.receiver {
                    Some(answer) => answer,
                    None if is_rejected => (400, "a rule is broken"),
                    None if is_of_2 && !services.takes_version_2 => (415, ""),
                    None => (204, ""),
                };
                if status == 204 && !is_of_2 {
                    services.stored.push(WriteRequest::decode(&*message).expect("a write request"));
                }
                (status, answer.to_owned())
            }
        };
        let answer = format!("HTTP/1.1 {status} x\r\n{written}content-length: {}\r\n\r\n{body}", body.len());
        if stream.write_all(answer.as_bytes()).await.is_err() || stream.flush().await.is_err() {
            return;
        }
    }
}
