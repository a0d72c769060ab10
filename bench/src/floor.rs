//! The floor: the payload and the requests it becomes → the CPU time of what no function can do without.
//!
//! That is one scan of the payload, snappy of the messages, and SHA-256 of the bodies. It runs in this process, with no
//! runtime API, no grouping, no signature and no network.

use std::hint::black_box;
use std::time::Duration;

use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use crate::used;

/// Does it once; nothing where the kernel does not tell.
pub(crate) fn floor(payload: &[u8], messages: &[Vec<u8>]) -> Option<Duration> {
    let before = used::by_this_thread()?;
    black_box(serde_json::from_slice::<&RawValue>(payload).ok());
    for message in messages {
        let body = snap::raw::Encoder::new().compress_vec(message).ok()?;
        black_box(Sha256::digest(&body));
    }
    used::by_this_thread()?.checked_sub(before)
}
