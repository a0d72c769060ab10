//! Limits the size of results: what a caller accepts, and the fields that report truncation.

use serde::Serialize;
use serde_json::value::RawValue;

/// Lambda's quota for a response is 6 MB (6,291,456 bytes), including the fields around the data.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub(crate) const MAX_DATA_BYTES: usize = 6_000_000;

/// About 25,000 tokens, enough for ten series of 250 points.
const MAX_AGENT_BYTES: usize = 64 * 1024;

/// The kind of caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Invokes the function itself.
    Direct,
    /// API Gateway or a function URL.
    Http,
    /// A model, behind an agent gateway or by MCP.
    Agent,
}

/// The limits of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) elements: usize,
    /// The bytes of all elements.
    pub(crate) bytes: usize,
    /// Whether the result is going to be in a JSON string, where a quote takes two bytes.
    pub(crate) in_string: bool,
}

impl Caller {
    /// The limits for the `limit` that the caller requested; the default for an agent is `agent_default` elements.
    pub(crate) fn limits(self, limit: Option<usize>, agent_default: usize) -> Limits {
        let (default, bytes) = match self {
            Self::Agent => (agent_default, MAX_AGENT_BYTES),
            Self::Direct | Self::Http => (usize::MAX, MAX_DATA_BYTES),
        };
        Limits { elements: limit.unwrap_or(default), bytes, in_string: self == Self::Http }
    }
}

/// The fields of a truncated result.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Truncation {
    truncated: bool,
    returned: usize,
    /// `None` if there are more elements than were read.
    left_out: Option<usize>,
    /// How to request less.
    narrow: &'static str,
}

impl Truncation {
    pub(crate) fn new(returned: usize, left_out: Option<usize>, narrow: &'static str) -> Self {
        Self { truncated: true, returned, left_out, narrow }
    }
}

/// A JSON array of the first `elements`, as many as the limits allow, and their number. Each element is JSON.
pub(crate) fn json_array<T: AsRef<str>>(
    elements: impl IntoIterator<Item = T>,
    limits: Limits,
) -> serde_json::Result<(Box<RawValue>, usize)> {
    let mut array = "[".to_owned();
    let (mut count, mut bytes) = (0, 1);
    for element in elements {
        let element = element.as_ref();
        let size = if limits.in_string { size_in_string(element) } else { element.len() };
        if count >= limits.elements || bytes + size >= limits.bytes {
            break;
        }
        if count > 0 {
            array.push(',');
        }
        array.push_str(element);
        bytes += size + 1;
        count += 1;
    }
    array.push(']');
    Ok((RawValue::from_string(array)?, count))
}

/// The bytes of `json` in a JSON string, where quotes, backslashes and line breaks are escaped.
pub(crate) fn size_in_string(json: &str) -> usize {
    json.len() + json.bytes().filter(|byte| matches!(byte, b'"' | b'\\' | ..b' ')).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_ends_at_the_first_limit() {
        let array = |elements, bytes, in_string| {
            let limits = Limits { elements, bytes, in_string };
            let (json, count) = json_array([r#""a""#, "[1]", "{}"], limits).unwrap();
            (json.get().to_owned(), count)
        };
        assert_eq!(array(9, 100, false), (r#"["a",[1],{}]"#.to_owned(), 3));
        assert_eq!(array(2, 100, false), (r#"["a",[1]]"#.to_owned(), 2));
        assert_eq!(array(9, 12, false).1, 3);
        assert_eq!(array(9, 11, false).1, 2);
        assert_eq!(array(9, 12, true).1, 2);
        assert_eq!(array(9, 1, false), ("[]".to_owned(), 0));
    }

    #[test]
    fn the_size_in_a_string_is_exact() {
        for json in [r#"{"a":"\\\"\u0000"}"#, "[1,\n\t2]", "\"é\""] {
            assert_eq!(size_in_string(json) + 2, serde_json::to_string(json).unwrap().len(), "{json}");
        }
    }
}
