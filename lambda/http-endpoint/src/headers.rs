//! The headers of a request.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

/// The headers that matter; the last value of each, whatever the case of its name.
#[derive(Default)]
pub struct Headers<'a> {
    /// `Authorization`
    pub authorization: Option<Cow<'a, str>>,
    /// `Content-Type`
    pub content_type: Option<Cow<'a, str>>,
    /// `Content-Encoding`
    pub content_encoding: Option<Cow<'a, str>>,
    /// `Accept-Encoding`
    pub accept_encoding: Option<Cow<'a, str>>,
    /// `Accept`
    pub accept: Option<Cow<'a, str>>,
    /// The headers of the Model Context Protocol, `Mcp-Method` for example, at most 50.
    pub mcp: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

/// The most headers of the Model Context Protocol that are read.
const MAX_MCP: usize = 50;

/// The beginning of their names.
const MCP: &str = "mcp-";

/// One value, or a list of them.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Values<'a> {
    One(#[serde(borrow)] Cow<'a, str>),
    List(#[serde(borrow)] Vec<Cow<'a, str>>),
    Other(IgnoredAny),
}

impl<'a> IntoIterator for Values<'a> {
    type Item = Cow<'a, str>;
    type IntoIter = std::vec::IntoIter<Cow<'a, str>>;

    fn into_iter(self) -> Self::IntoIter {
        match self {
            Self::One(one) => vec![one],
            Self::List(list) => list,
            Self::Other(_) => Vec::new(),
        }
        .into_iter()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Headers<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Known;
        impl<'de> Visitor<'de> for Known {
            type Value = Headers<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of headers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut headers = Headers::default();
                while let Some(Name(name)) = map.next_key()? {
                    let place = [
                        ("authorization", &mut headers.authorization),
                        ("content-type", &mut headers.content_type),
                        ("content-encoding", &mut headers.content_encoding),
                        ("accept-encoding", &mut headers.accept_encoding),
                        ("accept", &mut headers.accept),
                    ];
                    match place.into_iter().find(|(known, _)| name.eq_ignore_ascii_case(known)) {
                        Some((_, value)) => {
                            *value = map.next_value::<Values<'_>>()?.into_iter().next_back().or(value.take());
                        }
                        None if is_mcp(&name) && headers.mcp.len() < MAX_MCP => {
                            let value = map.next_value::<Values<'_>>()?.into_iter().next_back();
                            headers.mcp.extend(value.map(|value| (name, value)));
                        }
                        None => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(headers)
            }
        }
        deserializer.deserialize_map(Known)
    }
}

fn is_mcp(name: &str) -> bool {
    name.get(..MCP.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(MCP))
}

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// Without the credentials.
impl fmt::Debug for Headers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Headers")
            .field("content_type", &self.content_type)
            .field("content_encoding", &self.content_encoding)
            .finish_non_exhaustive()
    }
}
