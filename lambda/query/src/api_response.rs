//! Splits a response of the Prometheus HTTP API into the elements of its result.
//!
//! The elements (series or names) stay JSON text: a response may have megabytes of them, and only some are returned.
//!
//! <https://prometheus.io/docs/prometheus/latest/querying/api/#format-overview>

use std::fmt;

use serde::Serialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A response of the Prometheus HTTP API.
#[derive(Debug, Default)]
pub(crate) struct ApiResponse<'a> {
    /// `data.resultType`: `vector`, `matrix`, `scalar` or `string`; empty for a list.
    pub(crate) result_type: String,
    /// The elements of `data.result`, or of `data` if that is a list.
    pub(crate) elements: Vec<&'a RawValue>,
    pub(crate) annotations: Annotations,
    /// Whether these are all elements.
    pub(crate) is_complete: bool,
    /// Whether `status` is `error`. Elements beside an error are not the result.
    pub(crate) is_error: bool,
}

/// Prometheus's annotations of a result.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Annotations {
    /// The result may be wrong or incomplete.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) warnings: Vec<String>,
    /// The expression may be mistaken.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) infos: Vec<String>,
}

impl<'a> ApiResponse<'a> {
    /// Reads `body`. If `is_cut`, its end is missing, and the elements before the cut are read.
    pub(crate) fn parse(body: &'a [u8], is_cut: bool) -> serde_json::Result<Self> {
        let mut response = Self::default();
        let mut deserializer = serde_json::Deserializer::from_slice(body);
        let read = deserializer.deserialize_map(Envelope(&mut response));
        match read.and_then(|()| deserializer.end()) {
            Ok(()) => response.is_complete = true,
            Err(error) if is_cut && error.is_eof() => {}
            Err(error) => return Err(error),
        }
        Ok(response)
    }
}

/// `{"status":"success","data":…,"warnings":[…]}`
struct Envelope<'r, 'a>(&'r mut ApiResponse<'a>);

impl<'a> Visitor<'a> for Envelope<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with status and data")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        let mut has_data = false;
        while let Some(key) = map.next_key::<&str>()? {
            match key {
                "data" => {
                    has_data = true;
                    map.next_value_seed(Data(self.0))?;
                }
                "status" => self.0.is_error = map.next_value::<&RawValue>()?.get() == "\"error\"",
                "warnings" => self.0.annotations.warnings = list(&mut map)?,
                "infos" => self.0.annotations.infos = list(&mut map)?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if has_data || self.0.is_error { Ok(()) } else { Err(A::Error::missing_field("data")) }
    }
}

fn list<'a, A: MapAccess<'a>>(map: &mut A) -> Result<Vec<String>, A::Error> {
    Ok(map.next_value::<Option<_>>()?.unwrap_or_default())
}

/// `{"resultType":"vector","result":[…]}` or `[…]`
struct Data<'r, 'a>(&'r mut ApiResponse<'a>);

impl<'a> serde::de::DeserializeSeed<'a> for Data<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Data<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list, or an object with resultType and result")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut elements: A) -> Result<(), A::Error> {
        while let Some(element) = elements.next_element()? {
            self.0.elements.push(element);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<&str>()? {
            match key {
                "resultType" => self.0.result_type = map.next_value()?,
                "result" => map.next_value_seed(Data(self.0))?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }

    /// A list without elements may be null.
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VECTOR: &str = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"]}"},"value":[1,"2"]},{"metric":{},"value":[1,"3"]}]},"warnings":["old"],"infos":["new"]}"#;

    fn parse(body: &str) -> ApiResponse<'_> {
        ApiResponse::parse(body.as_bytes(), false).unwrap()
    }

    #[test]
    fn results_and_lists_are_read_with_their_annotations() {
        let response = parse(VECTOR);
        assert_eq!((response.result_type.as_str(), response.is_complete), ("vector", true));
        assert_eq!(response.elements[0].get(), r#"{"metric":{"a":"]}"},"value":[1,"2"]}"#);
        assert_eq!(response.elements.len(), 2);
        let annotations = Annotations { warnings: vec!["old".to_owned()], infos: vec!["new".to_owned()] };
        assert_eq!(response.annotations, annotations);
        let list = parse(r#"{"status":"success","data":["a","b"],"warnings":null}"#);
        assert_eq!((list.elements.len(), list.annotations), (2, Annotations::default()));
        let empty = parse(r#"{"status":"success","data":null}"#);
        assert!(empty.elements.is_empty() && empty.is_complete);
    }

    #[test]
    fn a_body_cut_anywhere_gives_the_elements_before_the_cut() {
        for end in 0..VECTOR.len() {
            let response = ApiResponse::parse(&VECTOR.as_bytes()[..end], true).unwrap();
            assert!(!response.is_complete, "{end}");
            for element in &response.elements {
                assert!(serde_json::from_str::<serde_json::Value>(element.get()).is_ok(), "{end}: {element}");
            }
            let whole = VECTOR.find(r#",{"metric":{},"#).unwrap();
            assert_eq!(response.elements.is_empty(), end < whole, "{end}");
        }
    }

    #[test]
    fn errors_are_recognized_with_and_without_data() {
        for (body, is_error) in [
            (r#"{"status":"error","error":{"code":1},"data":null}"#, true),
            (r#"{"data":[],"status":"error"}"#, true),
            (r#"{"status":"error","error":"a"}"#, true),
            (r#"{"status":5,"data":[]}"#, false),
            (VECTOR, false),
        ] {
            assert_eq!(parse(body).is_error, is_error, "{body}");
        }
    }

    #[test]
    fn other_bodies_are_invalid() {
        for body in ["", "<html>", "[]", "{}", r#"{"status":"success"}"#, r#"{"data":5}"#, r#"{"data":[1}"#] {
            assert!(ApiResponse::parse(body.as_bytes(), false).is_err(), "{body}");
        }
        assert!(ApiResponse::parse(&VECTOR.as_bytes()[..100], false).is_err(), "incomplete, but not cut");
    }
}
