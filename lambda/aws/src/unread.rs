//! The part of a response's body that is not read yet.

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::Uri;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use tokio::time::{Instant, timeout_at};

use crate::client::network_failure;
use crate::forward::StreamedBody;
use crate::response::Cause;

/// What follows the bytes that were read.
#[derive(Debug, Default)]
pub(crate) struct Unread {
    /// Bytes that have arrived.
    pub(crate) arrived: Bytes,
    /// The connection with the others; `None` if there are none.
    pub(crate) response: Option<reqwest::Response>,
}

impl Unread {
    /// The bytes, or an error that names the host of `uri`, at the latest at `deadline`.
    pub(crate) fn stream(self, uri: Uri, deadline: Instant) -> StreamedBody {
        let arrived = (!self.arrived.is_empty()).then_some(Ok(self.arrived));
        let others = stream::unfold((self.response, uri), move |(response, uri)| async move {
            let mut response = response?;
            match timeout_at(deadline, response.chunk()).await {
                Ok(Ok(None)) => None,
                Ok(Ok(Some(chunk))) => Some((Ok(chunk), (Some(response), uri))),
                Ok(Err(error)) => Some((Err(network_failure(&uri, error)), (None, uri))),
                Err(_) => Some((Err(Cause::TimedOut), (None, uri))),
            }
        });
        let frames = stream::iter(arrived).chain(others).map(|chunk| chunk.map(Frame::data));
        StreamBody::new(frames).map_err(Into::into).boxed_unsync()
    }
}
