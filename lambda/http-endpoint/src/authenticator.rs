//! Authentication of HTTP requests, before anything of a body is decoded.
//!
//! The secret is read when a request with credentials needs it, again when credentials differ from it, and every five
//! minutes, so a new password is known at once and an old one is soon forgotten. Reads are a few seconds apart, so that
//! nobody can make the function call Secrets Manager for each request.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws::{Client, Login, NoLogin, Secret};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq as _;
use tokio::time::Instant;

use crate::request::Request;
use crate::settings::HttpAuth;

/// The shortest time between two reads of the secret.
const READ_INTERVAL: Duration = Duration::from_secs(3);

/// The time limit of a read, which takes about 150 ms without a connection.
const READ_LIMIT: Duration = Duration::from_secs(3);

/// The age at which the secret is read again.
const MAX_AGE: Duration = Duration::from_mins(5);

/// Decides whether a request is served.
pub struct Authenticator {
    auth: HttpAuth,
    client: Arc<Client>,
    state: Mutex<State>,
}

/// What is known of the secret.
#[derive(Default)]
struct State {
    known: Option<Known>,
    /// When it was last read, or tried to.
    tried: Option<Instant>,
}

/// The secret, as clients send it.
#[derive(Clone)]
struct Known {
    /// `username:password` (RFC 7617, section 2).
    basic: Arc<[u8]>,
    /// The password alone (RFC 6750, section 2.1).
    bearer: Arc<[u8]>,
    read: Instant,
}

/// The credentials of a request.
enum Given<'a> {
    Basic(Vec<u8>),
    Bearer(&'a str),
}

/// The reason why a request is not served, for the log only. It shows nothing of any credentials.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// `HTTP_AUTH=iam`, and the event has no identity.
    #[error("the event has no identity of a caller, and HTTP_AUTH is iam")]
    NoIdentity,
    /// No credentials.
    #[error("the request has no Authorization header with Basic or Bearer credentials")]
    NoCredentials,
    /// Other credentials.
    #[error("the credentials of the request are not those of the secret")]
    WrongCredentials,
    /// The secret is not known.
    #[error("the secret in HTTP_AUTH_SECRET: {0}")]
    Unreadable(String),
}

impl Authenticator {
    /// An authenticator that reads its secret with `client`.
    pub fn new(auth: HttpAuth, client: Arc<Client>) -> Self {
        Self { auth, client, state: Mutex::default() }
    }

    /// Checks the caller of `request`.
    ///
    /// # Errors
    /// [`Denied`]
    pub async fn check(&self, request: &Request<'_>, deadline: Instant) -> Result<(), Denied> {
        let secret = match &self.auth {
            HttpAuth::None => return Ok(()),
            HttpAuth::Iam | HttpAuth::Secret(_) if request.has_identity => return Ok(()),
            HttpAuth::Iam => return Err(Denied::NoIdentity),
            HttpAuth::Secret(secret) => secret,
        };
        let given = request.headers.authorization.as_deref().and_then(Given::of);
        let given = given.ok_or(Denied::NoCredentials)?;
        let known = self.known(secret, deadline).await?;
        if known.accepts(&given) {
            return Ok(());
        }
        // It may have been rotated.
        let is_new = self.may_read() && self.read(secret, deadline).await?.accepts(&given);
        if is_new { Ok(()) } else { Err(Denied::WrongCredentials) }
    }

    /// The secret, read again if it is old. If that fails, the old one is used.
    async fn known(&self, secret: &Secret, deadline: Instant) -> Result<Known, Denied> {
        let known = self.state().known.clone();
        match known {
            Some(known) if known.read.elapsed() < MAX_AGE || !self.may_read() => Ok(known),
            Some(old) => Ok(self.read(secret, deadline).await.unwrap_or(old)),
            None if self.may_read() => self.read(secret, deadline).await,
            None => Err(Denied::Unreadable("it could not be read a few seconds ago".to_owned())),
        }
    }

    fn may_read(&self) -> bool {
        self.state().tried.is_none_or(|tried| tried.elapsed() >= READ_INTERVAL)
    }

    async fn read(&self, secret: &Secret, deadline: Instant) -> Result<Known, Denied> {
        let now = Instant::now();
        self.state().tried = Some(now);
        let known = self.value(secret, deadline.min(now + READ_LIMIT)).await.map_err(|reason| {
            tracing::error!(reason, "The secret in HTTP_AUTH_SECRET could not be read.");
            Denied::Unreadable(reason)
        })?;
        self.state().known = Some(known.clone());
        Ok(known)
    }

    async fn value(&self, secret: &Secret, deadline: Instant) -> Result<Known, String> {
        let response = self.client.send(&secret.get_value(), deadline).await;
        let response = response.map_err(|failure| failure.to_string())?;
        if !response.is_success() {
            return Err(format!("Secrets Manager answered {response}"));
        }
        let Login { username, password } =
            Login::of(&response).map_err(|error: NoLogin| error.to_string())?;
        if password.is_empty() {
            return Err("expected a password that is not empty".to_owned());
        }
        Ok(Known {
            basic: format!("{username}:{password}").into_bytes().into(),
            bearer: password.into_bytes().into(),
            read: Instant::now(),
        })
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// In a time that depends on lengths only.
    fn accepts(&self, given: &Given<'_>) -> bool {
        match given {
            Given::Basic(pair) => self.basic.ct_eq(pair).into(),
            Given::Bearer(token) => self.bearer.ct_eq(token.as_bytes()).into(),
        }
    }
}

impl<'a> Given<'a> {
    /// Reads a header `Authorization`. Schemes have any case (RFC 9110, section 11.1).
    fn of(header: &'a str) -> Option<Self> {
        let (scheme, rest) = header.trim().split_once(' ')?;
        let rest = rest.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            Some(Self::Bearer(rest))
        } else if scheme.eq_ignore_ascii_case("basic") {
            STANDARD.decode(rest).ok().map(Self::Basic)
        } else {
            None
        }
    }
}

/// Without the secret.
impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").field("auth", &self.auth).finish_non_exhaustive()
    }
}
