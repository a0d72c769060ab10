//! The query of a URL, as each service passes it on.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::headers::Values;

/// A query, not decoded.
#[derive(Clone, Debug, Default)]
pub(crate) enum Query<'a> {
    /// No parameters.
    #[default]
    None,
    /// As the client sent it.
    Text(Cow<'a, str>),
    /// An object of values or of lists of values, which load balancers do not decode.
    Object { json: &'a RawValue, is_decoded: bool },
}

impl Query<'_> {
    /// Names and values, decoded (<https://url.spec.whatwg.org/#concept-urlencoded-parser>). An object that is not one of
    /// texts counts as none.
    pub(crate) fn parameters(&self) -> Vec<(String, String)> {
        let (json, is_decoded) = match self {
            Self::None => return Vec::new(),
            Self::Text(text) => return parse(text),
            Self::Object { json, is_decoded } => (json, *is_decoded),
        };
        let object: BTreeMap<Cow<'_, str>, Values<'_>> = serde_json::from_str(json.get()).unwrap_or_default();
        let values = object.into_iter().flat_map(|(name, values)| {
            values.into_iter().map(move |value| (name.clone().into_owned(), value.into_owned()))
        });
        if is_decoded {
            values.collect()
        } else {
            values.flat_map(|(name, value)| parse(&format!("{name}={value}"))).collect()
        }
    }
}

/// The parameters of a query, or of a form.
fn parse(text: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}
