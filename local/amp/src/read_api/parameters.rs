//! The parameters of a query, from the URL and from the form in a POST body.
//!
//! In: a request. Out: decoded names and values in their order, those of the body first, as Go's `ParseForm` has
//! them.

use http::Method;
use http::header::CONTENT_TYPE;
use http::request::Parts;

use super::super::form;
use super::api_error::ApiError;
use super::time;

/// Names and values.
#[derive(Debug)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(super) fn of_request(head: &Parts, body: &[u8]) -> Result<Self, ApiError> {
        let mut pairs = Vec::new();
        if head.method == Method::POST && is_form(head) {
            let body = std::str::from_utf8(body).map_err(|error| ApiError::bad_data(error.to_string()))?;
            decode(body, &mut pairs)?;
        }
        decode(head.uri.query().unwrap_or_default(), &mut pairs)?;
        Ok(Self(pairs))
    }

    /// The first value of this name; an empty one is as good as none, as with Go's `FormValue`.
    pub(super) fn first(&self, name: &str) -> Option<&str> {
        self.all(name).next().filter(|value| !value.is_empty())
    }

    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(candidate, _)| candidate == name).map(|(_, value)| value.as_str())
    }

    /// A time in milliseconds since the epoch.
    pub(super) fn time(&self, name: &str) -> Result<Option<i64>, ApiError> {
        self.first(name)
            .map(|text| {
                time::parse(text).ok_or_else(|| {
                    let why = format!("cannot parse {text:?} to a valid timestamp");
                    ApiError::invalid_parameter(name, why)
                })
            })
            .transpose()
    }
}

fn is_form(head: &Parts) -> bool {
    let value = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = value.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

fn decode(text: &str, pairs: &mut Vec<(String, String)>) -> Result<(), ApiError> {
    let decoded = |text: &str| {
        let bytes = form::decode(text);
        bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| {
            ApiError::bad_data(format!("error parsing form values: {text:?} is no encoded text"))
        })
    };
    for (name, value) in form::raw_pairs(text) {
        pairs.push((decoded(name)?, decoded(value)?));
    }
    Ok(())
}
