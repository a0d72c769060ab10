//! The answer to a request. What was written is answered by `push` for pushes and events, by `remote_write`, and by
//! `otlp`.

mod otlp;
mod push;
mod remote_write;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Display;

use formats::Format;
use serde::Serialize;

use super::InvalidBody;
use crate::http_auth::Denied;
use crate::outcome::Outcome;
use crate::report::Report;
use crate::routes::{NoRoute, Route};

/// The seconds after which a caller may try again.
const RETRY_AFTER: &str = "5";

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    content_type: &'static str,
    /// The headers besides `Content-Type`.
    headers: Vec<(&'static str, Cow<'static, str>)>,
    /// The body, in base64 if it is not text.
    pub body: Cow<'static, str>,
    is_base64: bool,
}

/// An answer as the services read it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    status_code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<BTreeMap<&'static str, Cow<'static, str>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_value_headers: Option<BTreeMap<&'static str, [Cow<'static, str>; 1]>>,
    body: Cow<'static, str>,
    is_base64_encoded: bool,
}

impl Answer {
    fn text(status: u16, body: impl Into<Cow<'static, str>>) -> Self {
        Self { status, content_type: TEXT, headers: Vec::new(), body: body.into(), is_base64: false }
    }

    fn json(body: impl Into<Cow<'static, str>>) -> Self {
        Self { content_type: JSON, ..Self::text(200, body) }
    }

    fn line(status: u16, text: &dyn Display) -> Self {
        Self::text(status, format!("{text}\n"))
    }

    fn not_now(text: &dyn Display) -> Self {
        Self::line(503, text).with("Retry-After", RETRY_AFTER)
    }

    fn with(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The answer to a route that writes nothing; `None` for the others.
    pub fn to(route: &Route) -> Option<Self> {
        /// The flags of a Pushgateway and the figures of its process have no counterpart.
        const STATUS: &str = concat!(
            r#"{"status":"success","data":{"build_information":{"version":""#,
            env!("CARGO_PKG_VERSION"),
            r#""}}}"#
        );
        Some(match route {
            Route::Push { .. } | Route::Events | Route::RemoteWrite | Route::Otlp => return None,
            Route::Delete => Self::text(202, ""),
            Route::Healthy | Route::Ready => Self::text(200, "OK"),
            Route::Status => Self::json(STATUS),
            Route::Metrics => {
                Self::text(200, "# What is pushed is written at once: query the workspace for it.\n")
            }
            Route::ApiMetrics => Self::json(r#"{"status":"success","data":[]}"#),
            Route::Options { allow } => Self::text(200, "").with("Allow", *allow),
        })
    }

    /// The answer to a request that writes something in `format`, with the outcome of its only record.
    pub(in crate::envelopes) fn to_write(format: Format, outcomes: &[Outcome], report: &Report) -> Self {
        let Some(outcome) = outcomes.first() else {
            return Self::not_now(&"BUG: the request has no outcome");
        };
        if format.is_remote_write() {
            remote_write::answer(format, outcome, report)
        } else if format.is_otlp() {
            otlp::answer(format, outcome, report)
        } else {
            push::answer(format, outcome, report)
        }
    }

    /// The answer to a request of which a part was not written, for the reason that is its outcome.
    fn partly_written(outcome: &Outcome, report: &Report) -> Self {
        let (written, all) = (report.written.samples(), report.samples + report.refused);
        let others = all.saturating_sub(written);
        Self::line(400, &format!("{written} of {all} samples were written, {others} were not: {outcome}"))
    }

    /// The answer to a request that may be written later. The details are in the log.
    fn to_write_later() -> Self {
        Self::not_now(&"the metrics cannot be written now")
    }

    /// The answer to a request whose body, in `format` if that is known, cannot be decoded.
    pub fn to_invalid_body(format: Option<Format>, reason: &InvalidBody) -> Self {
        match format {
            Some(format) if format.is_otlp() => otlp::error(format, reason.status(), reason),
            _ => Self::line(reason.status(), reason),
        }
    }

    /// The reply to a service, with lists of header values if it expects them.
    pub(super) fn reply(self, has_lists: bool) -> Reply {
        let headers = [("Content-Type", self.content_type.into())].into_iter().chain(self.headers);
        let (headers, multi_value_headers) = if has_lists {
            (None, Some(headers.map(|(name, value)| (name, [value])).collect()))
        } else {
            (Some(headers.collect()), None)
        };
        Reply {
            status_code: self.status,
            headers,
            multi_value_headers,
            body: self.body,
            is_base64_encoded: self.is_base64,
        }
    }
}

impl From<NoRoute> for Answer {
    fn from(reason: NoRoute) -> Self {
        let answer = Self::line(reason.status(), &reason);
        match reason {
            NoRoute::Method { allow } | NoRoute::Get { allow } => answer.with("Allow", allow),
            _ => answer,
        }
    }
}

/// Nothing about the reason, which is in the log.
impl From<Denied> for Answer {
    fn from(reason: Denied) -> Self {
        match reason {
            Denied::Unreadable(_) => Self::not_now(&"credentials cannot be checked now"),
            Denied::NoIdentity | Denied::NoCredentials | Denied::WrongCredentials => {
                Self::text(401, "Unauthorized\n").with("WWW-Authenticate", r#"Basic realm="push-gateway""#)
            }
        }
    }
}
