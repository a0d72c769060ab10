//! HTTP requests, as Lambda function URLs, API Gateway and load balancers pass them on.
//!
//! | module        | reads the events of                                                   |
//! |---------------|-----------------------------------------------------------------------|
//! | `payload_2`   | function URLs, and HTTP APIs with payload format 2.0                   |
//! | `payload_1`   | REST APIs, which have payload format 1.0                               |
//! | `alb`         | application load balancers, with headers of one or of several values   |
//!
//! `event` distinguishes them, `body` decodes the body, `answer` is what is replied. A request is read only as far as
//! its authentication needs: [`Http::admit`] then decodes the body and makes it a record.

mod alb;
pub mod answer;
mod body;
mod event;
mod headers;
mod payload_1;
mod payload_2;

use std::borrow::Cow;

use formats::{Body, Format, Grouping};

use super::{Envelope, Record, Shape, UnknownPayload};
use crate::content_type::{Unsupported, format_of_otlp, format_of_push, format_of_remote_write};
use crate::routes::Route;
use crate::spill;
use answer::Answer;
use event::Event;

pub use body::InvalidBody;
pub use headers::Headers;

/// A request, and what it writes once it is admitted.
#[derive(Debug)]
pub struct Http<'a> {
    request: Request<'a>,
    write: Option<Write>,
}

/// A request that nothing is decoded of.
#[derive(Debug)]
pub struct Request<'a> {
    /// The method.
    pub method: Cow<'a, str>,
    /// The path, not decoded, without the stage.
    pub path: Cow<'a, str>,
    /// The headers that matter.
    pub headers: Headers<'a>,
    /// The JSON string with the body.
    body: Option<&'a str>,
    is_base64: bool,
    /// When it arrived, in milliseconds since the epoch; `None` for now.
    pub received_ms: Option<i64>,
    /// Whether AWS has authenticated the caller.
    pub has_identity: bool,
    /// Whether the answer has lists of header values.
    has_header_lists: bool,
}

/// What a request writes.
#[derive(Debug)]
struct Write {
    format: Format,
    grouping: Grouping,
    body: Vec<u8>,
    received_ms: i64,
}

/// Reads an event of any of the services.
pub(super) fn read<'a>(shape: &mut Shape<'a>) -> Option<Result<Envelope<'a>, UnknownPayload>> {
    let Shape::Object(text) = shape else { return None };
    let request = Event::of(text)?.request()?;
    Some(Ok(Envelope::Http(Http { request, write: None })))
}

impl<'a> Http<'a> {
    /// The request.
    pub fn request(&self) -> &Request<'a> {
        &self.request
    }

    /// The path without `base`, where it begins with it.
    pub fn path(&self, base: Option<&str>) -> &str {
        without_prefix(&self.request.path, base.unwrap_or_default())
    }

    /// Decodes the body for `route`, to be written.
    ///
    /// # Errors
    /// [`InvalidBody`], which is the answer.
    pub fn admit(&mut self, route: Route, now_ms: i64) -> Result<(), InvalidBody> {
        let format = self.format_of(&route)?;
        let grouping = match route {
            Route::Push { grouping } => grouping,
            _ => Grouping::new(),
        };
        let Request { body, is_base64, headers, .. } = &self.request;
        let body = if format.is_remote_write() {
            body::decode_remote_write(*body, *is_base64, headers)?
        } else if format.is_otlp() {
            body::decode_otlp(*body, *is_base64, headers, format)?
        } else {
            body::decode(*body, *is_base64, headers)?
        };
        let received_ms = self.request.received_ms.unwrap_or(now_ms);
        self.write = Some(Write { format, grouping, body, received_ms });
        Ok(())
    }

    /// The format of a request to `route`.
    ///
    /// # Errors
    /// [`Unsupported`]: the route takes no such content type.
    pub fn format_of(&self, route: &Route) -> Result<Format, Unsupported> {
        let content_type = self.request.headers.content_type.as_deref();
        match route {
            Route::Push { .. } => Ok(format_of_push(content_type)),
            Route::RemoteWrite => format_of_remote_write(content_type),
            Route::Otlp => format_of_otlp(content_type),
            _ => Ok(Format::Event),
        }
    }

    /// What is to be written, as one record.
    pub fn records(&self) -> impl Iterator<Item = Record<'_>> {
        self.write.iter().map(|write| Record {
            index: 0,
            group: None,
            format: write.format,
            body: Ok(Body::Bytes(&write.body).into()),
            grouping: write.grouping.clone(),
            received_ms: Some(write.received_ms),
        })
    }

    /// What is to be written, for the spill queue. `base` is the base path. `None` for remote write and OTLP,
    /// whose senders try again by themselves.
    pub fn push(&self, base: Option<&str>) -> Option<spill::Push<'_>> {
        let Write { format, body, received_ms, .. } = self.write.as_ref()?;
        (!format.is_remote_write() && !format.is_otlp()).then(|| spill::Push {
            path: self.path(base),
            format: *format,
            received_ms: *received_ms,
            body,
        })
    }

    /// The reply with `answer`.
    pub fn reply(&self, answer: Answer) -> answer::Reply {
        answer.reply(self.request.has_header_lists)
    }

    /// The format of what is to be written, which decides how it is answered.
    pub fn format(&self) -> Option<Format> {
        self.write.as_ref().map(|write| write.format)
    }
}

/// `path` without `prefix`, if that is followed by a slash or the end.
fn without_prefix<'p>(path: &'p str, prefix: &str) -> &'p str {
    match path.strip_prefix(prefix) {
        Some("") => "/",
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    }
}
