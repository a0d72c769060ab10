//! An endpoint of credentials that expire, as for containers and Lambda's newer runtimes.
//!
//! Each key pair is valid for at least half its lifetime when it is returned. Source: AWS SDKs and Tools Reference Guide,
//! "Container credential provider"; the fields are those of the Amazon ECS task metadata.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use http::{Method, Response, StatusCode, header};
use serde_json::json;

use crate::runtime::RoleCredentials;
use local_testing::ACCOUNT;
use local_testing::clock::{Clock, rfc3339};
use local_testing::http_server::{HttpServer, Reply, ResponseBody};

/// Not a secret here: it proves that the caller has the function's environment.
const AUTHORIZATION_TOKEN: &str = "local-container-token";

const PATH: &str = "/credentials";

/// The running endpoint; it stops when it is dropped.
#[derive(Debug)]
pub struct CredentialsEndpoint {
    server: HttpServer,
}

struct Issuer {
    lifetime: Duration,
    clock: Clock,
    issued: Mutex<Vec<Credentials>>,
    on_issue: Box<dyn Fn(Vec<Credentials>) + Send + Sync>,
}

impl CredentialsEndpoint {
    /// Serves pairs with this lifetime, on a free port of 127.0.0.1. `on_issue` gets all pairs that have not expired, before a
    /// new one is returned.
    ///
    /// # Errors
    /// No port can be opened.
    pub async fn start(
        lifetime: Duration,
        clock: Clock,
        on_issue: impl Fn(Vec<Credentials>) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let issuer =
            Arc::new(Issuer { lifetime, clock, issued: Mutex::default(), on_issue: Box::new(on_issue) });
        let server = HttpServer::start(0, move |request, _connection| {
            let answer = issuer.answer(&request);
            async move { Reply::Answer(answer) }
        })
        .await?;
        Ok(Self { server })
    }

    /// The credentials of a function that uses this endpoint.
    pub fn role(&self) -> RoleCredentials {
        RoleCredentials::Endpoint {
            url: format!("http://{}{PATH}", self.server.address()),
            authorization_token: AUTHORIZATION_TOKEN.to_owned(),
        }
    }
}

impl Issuer {
    fn answer<B>(&self, request: &http::Request<B>) -> Response<ResponseBody> {
        let error = |status, code: &str| Reply::full(status, json!({ "code": code }).to_string());
        if (request.method(), request.uri().path()) != (&Method::GET, PATH) {
            return error(StatusCode::NOT_FOUND, "NotFound");
        }
        if request.headers().get(header::AUTHORIZATION).is_none_or(|token| token != AUTHORIZATION_TOKEN) {
            return error(StatusCode::UNAUTHORIZED, "InvalidAuthToken");
        }
        let current = self.current();
        let expiry = current.expiry().map_or(0, epoch_ms);
        let body = json!({
            "RoleArn": format!("arn:aws:iam::{ACCOUNT}:role/push-gateway"),
            "AccessKeyId": current.access_key_id(),
            "SecretAccessKey": current.secret_access_key(),
            "Token": current.session_token(),
            "Expiration": rfc3339(expiry),
        });
        Reply::full(StatusCode::OK, body.to_string())
    }

    /// The newest pair, or a new one if that has less than half its lifetime left.
    fn current(&self) -> Credentials {
        let now = at(self.clock.now_ms());
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        let is_good =
            |pair: &&Credentials| pair.expiry().is_some_and(|expiry| expiry > now + self.lifetime / 2);
        if let Some(newest) = issued.last().filter(is_good) {
            return newest.clone();
        }
        let number = epoch_ms(now);
        let pair = Credentials::new(
            format!("ASIALOCAL{number}"),
            format!("local-secret-{number}"),
            Some(format!("local-token-{number}")),
            Some(now + self.lifetime),
            "local",
        );
        issued.retain(|pair| pair.expiry().is_some_and(|expiry| expiry > now));
        issued.push(pair.clone());
        (self.on_issue)(issued.clone());
        pair
    }
}

fn at(epoch_ms: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(epoch_ms).unwrap_or_default())
}

fn epoch_ms(time: SystemTime) -> i64 {
    let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}
