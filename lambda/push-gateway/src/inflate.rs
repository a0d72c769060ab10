//! Content encodings: gzip, and snappy in its framing format or as one block, inflated within a bound.

use std::io::Read;

/// The size limit of a body that was inflated: that of an invocation's payload, so that no encoding is a way around it.
pub const MAX_BYTES: usize = 6 << 20;

/// An encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// RFC 1952.
    Gzip,
    /// <https://github.com/google/snappy/blob/main/framing_format.txt>
    Snappy,
    /// No encoding.
    Identity,
    /// <https://github.com/google/snappy/blob/main/format_description.txt>, in which remote write is.
    SnappyBlock,
}

/// The reason why a body is not inflated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not of the encoding, or cut off.
    #[error("expected a body in {encoding}, got {reason}")]
    Malformed {
        /// The encoding.
        encoding: &'static str,
        /// The error of the decoder.
        reason: String,
    },
    /// A body that is too large.
    #[error("expected at most {MAX_BYTES} bytes after decoding, got more")]
    TooLarge,
}

impl Encoding {
    /// The encoding that a header or an attribute names. Outside remote write, snappy is framed.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Gzip, Self::Snappy].into_iter().find(|encoding| name.eq_ignore_ascii_case(encoding.name()))
    }

    /// Its name in `Content-Encoding`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Snappy | Self::SnappyBlock => "snappy",
        }
    }
}

/// Inflates `encoded`.
///
/// # Errors
/// [`Error`]
pub fn inflate(encoding: Encoding, encoded: &[u8]) -> Result<Vec<u8>, Error> {
    match encoding {
        Encoding::Identity => Ok(encoded.to_vec()),
        Encoding::Gzip => read(encoding, flate2::read::MultiGzDecoder::new(encoded)),
        Encoding::Snappy => read(encoding, snap::read::FrameDecoder::new(encoded)),
        Encoding::SnappyBlock => {
            let malformed = |error: snap::Error| malformed(encoding, &error);
            // Of a larger length, nothing is allocated.
            if snap::raw::decompress_len(encoded).map_err(malformed)? > MAX_BYTES {
                return Err(Error::TooLarge);
            }
            snap::raw::Decoder::new().decompress_vec(encoded).map_err(malformed)
        }
    }
}

fn malformed(encoding: Encoding, error: &dyn std::error::Error) -> Error {
    Error::Malformed { encoding: encoding.name(), reason: error.to_string() }
}

fn read(encoding: Encoding, decoder: impl Read) -> Result<Vec<u8>, Error> {
    // A list that grows is copied, and needs twice its size for that. Only the written part of this one takes memory.
    let mut body = Vec::with_capacity(MAX_BYTES + 1);
    let read = decoder.take(MAX_BYTES as u64 + 1).read_to_end(&mut body);
    read.map_err(|error| malformed(encoding, &error))?;
    if body.len() > MAX_BYTES { Err(Error::TooLarge) } else { Ok(body) }
}
