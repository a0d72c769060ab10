//! The answer of the workspace, byte for byte, as it arrives: for services that stream.
//!
//! Lambda passes on up to 200 MB, after the first 6 MB at 2 MB/s, so it is compressed for callers that accept it.
//! <https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html>

use std::io::Write as _;

use aws::{Response, StreamedBody};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::{Stream, StreamExt as _, stream};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, VARY};
use http::{HeaderValue, StatusCode};
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;

use super::answer::{JSON, accepts_gzip};

/// How much of a response is read before the first byte is passed on, in bytes. Until then it can be requested again, so
/// most answers are complete or an error.
pub(super) const BEGINNING: usize = 1 << 20;

/// A response and the rest of its body.
pub(super) fn of(
    response: Response,
    rest: StreamedBody,
    accept_encoding: Option<&str>,
) -> http::Response<StreamedBody> {
    let chunks = stream::iter([Ok(response.body)]).chain(rest.into_data_stream());
    let is_compressed = accepts_gzip(accept_encoding);
    let mut answer = http::Response::new(if is_compressed { body(gzip(chunks)) } else { body(chunks) });
    *answer.status_mut() = StatusCode::from_u16(response.status).unwrap_or(StatusCode::BAD_GATEWAY);
    let content_type = response.content_type.and_then(|text| HeaderValue::try_from(&*text).ok());
    answer.headers_mut().insert(CONTENT_TYPE, content_type.unwrap_or(HeaderValue::from_static(JSON)));
    if is_compressed {
        answer.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    answer.headers_mut().insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    answer
}

/// A body that is complete. An empty one gets a line break: function URLs have been seen to keep a response without a body
/// open (<https://github.com/awslabs/aws-lambda-web-adapter/issues/499>).
pub(super) fn whole(bytes: Bytes) -> StreamedBody {
    let bytes = if bytes.is_empty() { Bytes::from_static(b"\n") } else { bytes };
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

type Chunk = Result<Bytes, <StreamedBody as hyper::body::Body>::Error>;

fn body(chunks: impl Stream<Item = Chunk> + Send + 'static) -> StreamedBody {
    StreamBody::new(chunks.map(|chunk| chunk.map(Frame::data))).boxed_unsync()
}

/// The chunks in gzip, which is incomplete after an error.
fn gzip(chunks: impl Stream<Item = Chunk> + Send + Unpin + 'static) -> impl Stream<Item = Chunk> + Send {
    let encoder = GzEncoder::new(Vec::new(), Compression::fast());
    stream::unfold(Some((chunks, encoder)), async |state| {
        let (mut chunks, mut encoder) = state?;
        while encoder.get_ref().is_empty() {
            match chunks.next().await {
                Some(Ok(chunk)) => encoder.write_all(&chunk).expect("memory accepts every byte"),
                Some(Err(error)) => return Some((Err(error), None)),
                None => return Some((Ok(encoder.finish().expect("memory accepts every byte").into()), None)),
            }
        }
        Some((Ok(std::mem::take(encoder.get_mut()).into()), Some((chunks, encoder))))
    })
}
