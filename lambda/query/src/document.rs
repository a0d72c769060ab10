//! Documents: the body of a Prometheus API's answer, perhaps cut short → its elements, as far as they go.
//!
//! The elements (series, or names) stay the text that they are. Nothing is copied, because an answer may have
//! megabytes of them, of which only some are passed on.
//!
//! <https://prometheus.io/docs/prometheus/latest/querying/api/#format-overview>

use std::fmt;

use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::Error;

/// What an answer holds.
#[derive(Debug, Default)]
pub struct Document<'a> {
    /// `data.resultType`: `vector`, `matrix`, `scalar` or `string`; empty for a list.
    pub result_type: String,
    /// The elements of `data.result`, or of `data` if that is a list.
    pub elements: Vec<&'a RawValue>,
    /// `warnings`: the result may be wrong or incomplete.
    pub warnings: Vec<String>,
    /// `infos`: the expression may be mistaken.
    pub infos: Vec<String>,
    /// Whether these are all elements.
    pub is_complete: bool,
    /// Whether `status` is `error`: elements that come with it are not the result.
    pub is_error: bool,
}

impl<'a> Document<'a> {
    /// Reads `body`; with `is_cut` its end is missing and it is read as far as it goes.
    ///
    /// # Errors
    /// [`Error::Unreadable`]: it is not what the API promises.
    pub fn parse(body: &'a [u8], is_cut: bool) -> Result<Self, Error> {
        let mut document = Self::default();
        let mut deserializer = serde_json::Deserializer::from_slice(body);
        let read = deserializer.deserialize_map(Envelope(&mut document));
        match read.and_then(|()| deserializer.end()) {
            Ok(()) => document.is_complete = true,
            Err(error) if is_cut && error.is_eof() => {}
            Err(error) => return Err(Error::Unreadable(error.to_string())),
        }
        Ok(document)
    }
}

/// `{"status":"success","data":…,"warnings":[…]}`
struct Envelope<'d, 'a>(&'d mut Document<'a>);

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
                "warnings" => self.0.warnings = map.next_value::<Option<_>>()?.unwrap_or_default(),
                "infos" => self.0.infos = map.next_value::<Option<_>>()?.unwrap_or_default(),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if has_data || self.0.is_error { Ok(()) } else { Err(A::Error::missing_field("data")) }
    }
}

/// `{"resultType":"vector","result":[…]}` or `[…]`
struct Data<'d, 'a>(&'d mut Document<'a>);

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

    #[test]
    fn results_and_lists_are_read_with_their_warnings() {
        let document = Document::parse(VECTOR.as_bytes(), false).unwrap();
        assert_eq!((document.result_type.as_str(), document.is_complete), ("vector", true));
        assert_eq!(document.elements[0].get(), r#"{"metric":{"a":"]}"},"value":[1,"2"]}"#);
        assert_eq!(document.elements.len(), 2);
        assert_eq!((document.warnings, document.infos), (vec!["old".to_owned()], vec!["new".to_owned()]));
        let list = Document::parse(br#"{"status":"success","data":["a","b"]}"#, false).unwrap();
        assert_eq!(list.elements.len(), 2);
        let empty = Document::parse(br#"{"status":"success","data":null}"#, false).unwrap();
        assert!(empty.elements.is_empty() && empty.is_complete);
    }

    #[test]
    fn a_body_cut_anywhere_gives_the_elements_before_the_cut() {
        for end in 0..VECTOR.len() {
            let document = Document::parse(&VECTOR.as_bytes()[..end], true).unwrap();
            assert!(!document.is_complete, "{end}");
            for element in &document.elements {
                assert!(serde_json::from_str::<serde_json::Value>(element.get()).is_ok(), "{end}: {element}");
            }
            let whole = VECTOR.find(r#",{"metric":{},"#).unwrap();
            assert_eq!(document.elements.is_empty(), end < whole, "{end}");
        }
    }

    #[test]
    fn an_error_is_recognised_with_data_and_without() {
        for (body, is_error) in [
            (r#"{"status":"error","error":{"code":1},"data":null}"#, true),
            (r#"{"data":[],"status":"error"}"#, true),
            (r#"{"status":"error","error":"a"}"#, true),
            (r#"{"status":5,"data":[]}"#, false),
            (VECTOR, false),
        ] {
            assert_eq!(Document::parse(body.as_bytes(), false).unwrap().is_error, is_error, "{body}");
        }
    }

    #[test]
    fn what_is_no_answer_of_prometheus_is_unreadable() {
        for body in ["", "<html>", "[]", "{}", r#"{"status":"success"}"#, r#"{"data":5}"#, r#"{"data":[1}"#] {
            assert!(Document::parse(body.as_bytes(), false).is_err(), "{body}");
        }
        assert!(Document::parse(&VECTOR.as_bytes()[..100], false).is_err(), "it breaks off and is not cut");
    }
}
