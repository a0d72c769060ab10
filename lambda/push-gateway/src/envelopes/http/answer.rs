//! The answer to a request.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use super::InvalidBody;
use crate::envelopes::direct::Summary;
use crate::http_auth::Denied;
use crate::outcome::{Outcome, Reason};
use crate::report::Report;
use crate::routes::{NoRoute, Route};
use crate::spill::SpillError;

/// The seconds after which a caller may try again.
const RETRY_AFTER: &str = "5";

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// A header besides `Content-Type`.
    pub header: Option<(&'static str, &'static str)>,
    content_type: &'static str,
    /// The body.
    pub body: Cow<'static, str>,
}

/// An answer as the services read it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    status_code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<BTreeMap<&'static str, &'static str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_value_headers: Option<BTreeMap<&'static str, [&'static str; 1]>>,
    body: Cow<'static, str>,
    is_base64_encoded: bool,
}

impl Answer {
    fn text(status: u16, body: impl Into<Cow<'static, str>>) -> Self {
        Self { status, header: None, content_type: TEXT, body: body.into() }
    }

    fn json(body: impl Into<Cow<'static, str>>) -> Self {
        Self { content_type: JSON, ..Self::text(200, body) }
    }

    fn line(status: u16, text: &dyn std::fmt::Display) -> Self {
        Self::text(status, format!("{text}\n"))
    }

    fn not_now(text: &dyn std::fmt::Display) -> Self {
        Self { header: Some(("Retry-After", RETRY_AFTER)), ..Self::line(503, text) }
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
            Route::Push { .. } | Route::Events => return None,
            Route::Delete => Self::text(202, ""),
            Route::Healthy | Route::Ready => Self::text(200, "OK"),
            Route::Status => Self::json(STATUS),
            Route::Metrics => {
                Self::text(200, "# What is pushed is written at once: query the workspace for it.\n")
            }
            Route::ApiMetrics => Self::json(r#"{"status":"success","data":[]}"#),
            Route::Options { allow } => Self { header: Some(("Allow", allow)), ..Self::text(200, "") },
        })
    }

    /// The answer to a request that writes something, with the outcome of its only record. A caller with JSON
    /// events gets a summary.
    pub(in crate::envelopes) fn to_write(is_events: bool, outcomes: &[Outcome], report: &Report) -> Self {
        let Some(outcome) = outcomes.first() else {
            return Self::not_now(&"BUG: the request has no outcome");
        };
        match outcome {
            Outcome::Delivered | Outcome::Deduplicated if is_events => {
                let summary = serde_json::to_string(&Summary::of(report));
                Self::json(summary.expect("numbers are JSON"))
            }
            // Every version of every client accepts this status.
            Outcome::Delivered | Outcome::Deduplicated | Outcome::Spilled => Self::text(202, ""),
            Outcome::Rejected { .. } => {
                let (written, all) = (report.figures.samples, report.samples);
                let rejected = all.saturating_sub(written);
                Self::line(
                    400,
                    &format!("{written} of {all} samples were written, {rejected} were not: {outcome}"),
                )
            }
            Outcome::Invalid(reason) => Self::line(400, reason),
            Outcome::Retry(reason)
                if let Reason::NotQueued(error) = &**reason
                    && matches!(**error, SpillError::TooLarge(_)) =>
            {
                Self::line(413, error)
            }
            // The details are in the log.
            Outcome::Retry(_) => Self::not_now(&"the metrics cannot be written now"),
        }
    }

    /// The reply to a service, with lists of header values if it expects them.
    pub(super) fn reply(self, has_lists: bool) -> Reply {
        let headers = [("Content-Type", self.content_type)].into_iter().chain(self.header);
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
            is_base64_encoded: false,
        }
    }
}

impl From<NoRoute> for Answer {
    fn from(reason: NoRoute) -> Self {
        let header = match reason {
            NoRoute::Method { allow } | NoRoute::Get { allow } => Some(("Allow", allow)),
            _ => None,
        };
        Self { header, ..Self::line(reason.status(), &reason) }
    }
}

impl From<InvalidBody> for Answer {
    fn from(reason: InvalidBody) -> Self {
        Self::line(reason.status(), &reason)
    }
}

/// Nothing about the reason, which is in the log.
impl From<Denied> for Answer {
    fn from(reason: Denied) -> Self {
        match reason {
            Denied::Unreadable(_) => Self::not_now(&"credentials cannot be checked now"),
            Denied::NoIdentity | Denied::NoCredentials | Denied::WrongCredentials => Self {
                header: Some(("WWW-Authenticate", r#"Basic realm="push-gateway""#)),
                ..Self::text(401, "Unauthorized\n")
            },
        }
    }
}
