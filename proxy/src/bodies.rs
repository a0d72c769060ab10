//! Reads request bodies into bounded memory.
//!
//! A body is complete before its request is signed, because the signature covers its hash, and it is kept until the response
//! begins, because the request may have to be signed again. Memory is reserved before a body is read; clients wait for it.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::refusal::Refusal;

/// The longest body. AMP refuses requests of more than 1 MB ("Request size (ingestion or query)"), with its own error.
pub(crate) const MAX_BODY: usize = 2 * 1_024 * 1_024;

/// The memory of all bodies, in units.
const UNITS: usize = 16 * 1_024 * 1_024 / UNIT;

/// The unit of memory, in bytes.
const UNIT: usize = 1_024;

/// How long a request waits for memory.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a body may take. Others wait for its memory.
const READ: Duration = Duration::from_secs(10);

/// How much of a body that is too large is read, in bytes: a client that has sent all of it is sure to receive the response.
const MAX_DISCARDED: usize = 32 * 1_024 * 1_024;

/// The memory of request bodies.
#[derive(Clone, Debug)]
pub(crate) struct Bodies {
    units: Arc<Semaphore>,
}

/// A body; its memory is free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Buffered {
    pub(crate) bytes: Bytes,
    _units: Option<OwnedSemaphorePermit>,
}

impl Bodies {
    pub(crate) fn new() -> Self {
        Self { units: Arc::new(Semaphore::new(UNITS)) }
    }

    /// Reads `body`.
    pub(crate) async fn read(&self, mut body: Incoming) -> Result<Buffered, Refusal> {
        let read = self.read_bounded(&mut body).await;
        if matches!(read, Err(Refusal::BodyTooLarge { .. })) {
            let _ = timeout(READ, discard(body)).await;
        }
        read
    }

    async fn read_bounded(&self, body: &mut Incoming) -> Result<Buffered, Refusal> {
        let too_large = Refusal::BodyTooLarge { limit: MAX_BODY };
        if body.is_end_stream() {
            return Ok(Buffered { bytes: Bytes::new(), _units: None });
        }
        let length = body.size_hint().exact().map_or(Ok(MAX_BODY), usize::try_from);
        let length = length.ok().filter(|length| *length <= MAX_BODY).ok_or_else(|| too_large.clone())?;
        let units = u32::try_from(length.div_ceil(UNIT)).expect("the longest body has few units");
        let units = timeout(PATIENCE, Arc::clone(&self.units).acquire_many_owned(units)).await;
        let units = units.map_err(|_| Refusal::Busy)?.expect("the semaphore is never closed");
        let bytes = timeout(READ, collect(body)).await.map_err(|_| Refusal::BodyTimedOut)??;
        Ok(Buffered { bytes: bytes.ok_or(too_large)?, _units: Some(units) })
    }
}

/// The whole body; `None` if it is too large.
async fn collect(body: &mut Incoming) -> Result<Option<Bytes>, Refusal> {
    let expected = body.size_hint().exact().and_then(|length| usize::try_from(length).ok());
    let mut bytes = BytesMut::with_capacity(expected.unwrap_or(MAX_BODY));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::BodyIncomplete)?;
        let data = frame.into_data().unwrap_or_default();
        // Before it grows: the memory of the longest body is all that was reserved.
        if bytes.len() + data.len() > MAX_BODY {
            return Ok(None);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(Some(bytes.freeze()))
}

async fn discard(mut body: Incoming) {
    let mut left = MAX_DISCARDED;
    while let Some(Ok(frame)) = body.frame().await {
        let Some(rest) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else { return };
        left = rest;
    }
}
