//! HTTP requests, which the crate `http-endpoint` reads.
//!
//! `body` decodes the body, `answer` is what is replied. A request is read only as far as its authentication needs:
//! [`Http::admit`] then decodes the body and makes it a record.

pub mod answer;
mod body;

use formats::{Body, Format, Grouping};
use http_endpoint::{Answer, Reply, Request};

use super::{Envelope, Record, Shape, UnknownPayload};
use crate::content_type::{Unsupported, format_of_otlp, format_of_push, format_of_remote_write};
use crate::routes::Route;
use crate::spill;

pub use body::InvalidBody;

/// A request, and what it writes once it is admitted.
#[derive(Debug)]
pub struct Http<'a> {
    request: Box<Request<'a>>,
    write: Option<Write>,
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
    let request = Box::new(Request::of(text)?);
    Some(Ok(Envelope::Http(Http { request, write: None })))
}

impl<'a> Http<'a> {
    /// The request.
    pub fn request(&self) -> &Request<'a> {
        &self.request
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
        let body = if format.is_remote_write() {
            body::decode_remote_write(&self.request)?
        } else if format.is_otlp() {
            body::decode_otlp(&self.request, format)?
        } else {
            body::decode(&self.request)?
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
            path: self.request.path(base),
            format: *format,
            received_ms: *received_ms,
            body,
        })
    }

    /// The reply with `answer`.
    pub fn reply(&self, answer: Answer) -> Reply {
        answer.reply(&self.request)
    }

    /// The format of what is to be written, which decides how it is answered.
    pub fn format(&self) -> Option<Format> {
        self.write.as_ref().map(|write| write.format)
    }
}
