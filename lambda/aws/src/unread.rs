//! The part of a response's body that is not read yet.

use std::error::Error;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::Uri;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use tokio::time::{Instant, timeout_at};

use crate::client::network_failure;
use crate::forward::StreamedBody;

/// What follows the bytes that were read.
#[derive(Debug)]
pub(crate) struct Unread {
    /// Bytes that have arrived.
    pub(crate) arrived: Bytes,
    /// The connection with the others.
    pub(crate) response: reqwest::Response,
}

impl Unread {
    /// The bytes, or an error, which names the host of `uri`. After `deadline` no more bytes are read.
    pub(crate) fn stream(self, uri: Uri, deadline: Instant) -> StreamedBody {
        let arrived = (!self.arrived.is_empty()).then_some(Ok(self.arrived));
        let others = stream::unfold(Some((self.response, uri)), move |state| async move {
            let (mut response, uri) = state?;
            match next(&mut response, &uri, deadline).await {
                Ok(chunk) => Some((Ok(chunk?), Some((response, uri)))),
                Err(error) => Some((Err(error), None)),
            }
        });
        let frames = stream::iter(arrived).chain(others).map(|chunk| chunk.map(Frame::data));
        StreamBody::new(frames).boxed_unsync()
    }
}

async fn next(
    response: &mut reqwest::Response,
    uri: &Uri,
    deadline: Instant,
) -> Result<Option<Bytes>, Box<dyn Error + Send + Sync>> {
    // A timeout would not end bytes that have arrived.
    let chunk =
        if Instant::now() < deadline { timeout_at(deadline, response.chunk()).await.ok() } else { None };
    match chunk {
        Some(chunk) => chunk.map_err(|error| network_failure(uri, error).into()),
        None => Err("the rest of the body did not arrive in time".into()),
    }
}
