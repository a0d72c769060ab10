//! Input: the parameters of one operation, each read by its kind, or what is wrong with which.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::duration;
use crate::number::decimal;
use crate::operation::Operation;
use crate::parameter::{Kind, Parameter};
use crate::payload::{Parameters, invalid_json};
use crate::timestamp::Timestamp;

/// How much of what was given an error repeats, in characters.
const SHOWN_CHARS: usize = 100;

/// The reason why a payload cannot be worked with. Each is the caller's to mend: status 400.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidInput {
    /// There are no parameters in it.
    #[error("invalid payload: expected a JSON object of parameters, or one in `body`, got {0}")]
    Payload(String),
    /// A parameter that the operation is nothing without.
    #[error("missing required parameter: {name} ({allowed})")]
    Missing {
        /// Its name.
        name: &'static str,
        /// What it may be.
        allowed: String,
    },
    /// A parameter is not what it may be.
    #[error("invalid parameter {name}: expected {allowed}, got {given}")]
    Parameter {
        /// Its name.
        name: &'static str,
        /// What was given, bounded.
        given: String,
        /// What it may be.
        allowed: String,
    },
    /// A parameter that the operation does not have, perhaps misspelt.
    #[error("unknown parameter {name}; {operation} takes {allowed}")]
    Unknown {
        /// Its name, quoted and bounded.
        name: String,
        /// The operation's name.
        operation: &'static str,
        /// Its parameters.
        allowed: String,
    },
    /// A tool that there is not.
    #[error("unknown tool {given}; there are {allowed}")]
    Tool {
        /// Its name, quoted and bounded.
        given: String,
        /// The tools that there are.
        allowed: String,
    },
}

/// The parameters of one operation.
#[derive(Clone, Debug)]
pub struct Input {
    values: Map<String, Value>,
    now: Timestamp,
}

impl Input {
    /// The parameters with these `values`, where times may be relative to `now`. A null or an empty text counts as not
    /// given, because models fill in what they have nothing for.
    ///
    /// # Errors
    /// [`InvalidInput::Unknown`] for a parameter that `operation` does not have, [`InvalidInput::Parameter`] for a list
    /// or an object, which no parameter takes.
    pub fn new(given: Parameters, operation: Operation, now: Timestamp) -> Result<Self, InvalidInput> {
        let parameters = operation.parameters();
        let mut values = Map::new();
        for (name, json) in given {
            let json = json.get();
            let scalar = if json.starts_with(['[', '{']) {
                None
            } else {
                Some(serde_json::from_str::<Value>(json).map_err(|error| invalid_json(&error))?)
            };
            if scalar.as_ref().is_some_and(is_empty) {
                continue;
            }
            let Some(parameter) = parameters.iter().find(|parameter| parameter.name == name) else {
                let allowed: Vec<_> = parameters.iter().map(|parameter| parameter.name).collect();
                return Err(InvalidInput::Unknown {
                    name: shown(&Value::from(name)),
                    operation: operation.name(),
                    allowed: allowed.join(", "),
                });
            };
            let invalid = || InvalidInput::Parameter {
                name: parameter.name,
                given: shown_json(json),
                allowed: parameter.kind.allowed(),
            };
            values.insert(name, scalar.ok_or_else(invalid)?);
        }
        Ok(Self { values, now })
    }

    /// The time of the invocation.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Whether `parameter` was given.
    pub fn has(&self, parameter: &Parameter) -> bool {
        self.values.contains_key(parameter.name)
    }

    /// A text.
    ///
    /// # Errors
    /// It is no text, or a longer one than its kind allows.
    pub fn text(&self, parameter: &Parameter) -> Result<Option<&str>, InvalidInput> {
        let Some(given) = self.values.get(parameter.name) else { return Ok(None) };
        let most = if let Kind::Text(bytes) = parameter.kind { bytes } else { usize::MAX };
        match given.as_str() {
            Some(text) if text.len() <= most => Ok(Some(text)),
            _ => Err(self.invalid(parameter, parameter.kind.allowed())),
        }
    }

    /// A text without which the operation is nothing.
    ///
    /// # Errors
    /// As [`Input::text`], and [`InvalidInput::Missing`].
    pub fn required_text(&self, parameter: &Parameter) -> Result<&str, InvalidInput> {
        let allowed = || parameter.description.trim_end_matches('.').to_owned();
        self.text(parameter)?
            .ok_or_else(|| InvalidInput::Missing { name: parameter.name, allowed: allowed() })
    }

    /// A point in time.
    ///
    /// # Errors
    /// It is none.
    pub fn timestamp(&self, parameter: &Parameter) -> Result<Option<Timestamp>, InvalidInput> {
        let time = self.read(parameter, |value| Timestamp::read_at(value, self.now));
        time.map_err(|mut error| {
            if let InvalidInput::Parameter { given, .. } = &mut error
                && let Some((unit, time)) = Timestamp::in_smaller_unit(&self.values[parameter.name])
            {
                let _ = write!(given, ", which seems to be in {unit}; in seconds it is {}", time.seconds());
            }
            error
        })
    }

    /// A duration in milliseconds.
    ///
    /// # Errors
    /// It is none, or not positive.
    pub fn duration_ms(&self, parameter: &Parameter) -> Result<Option<i64>, InvalidInput> {
        self.read(parameter, duration::read_ms)
    }

    /// A count, as a number or as a text.
    ///
    /// # Errors
    /// It is none, or not within its bounds.
    pub fn count(&self, parameter: &Parameter) -> Result<Option<usize>, InvalidInput> {
        let most = if let Kind::Count(most) = parameter.kind { most } else { usize::MAX };
        self.read(parameter, |value| {
            let count = decimal(value).filter(|number| number.fract() == 0.0)?;
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a float becomes the nearest integer there is"
            )]
            #[expect(clippy::cast_sign_loss, reason = "a negative one becomes 0")]
            Some(count as usize).filter(|count| (1..=most).contains(count))
        })
    }

    /// True or false, as such or as a text; false when not given.
    ///
    /// # Errors
    /// It is neither.
    pub fn flag(&self, parameter: &Parameter) -> Result<bool, InvalidInput> {
        let read = self.read(parameter, |value| match value {
            Value::String(text) => text.trim().to_ascii_lowercase().parse().ok(),
            value => value.as_bool(),
        });
        Ok(read?.unwrap_or(false))
    }

    /// The error for `parameter`, of which `allowed` says more than its kind.
    pub fn invalid(&self, parameter: &Parameter, allowed: impl Into<String>) -> InvalidInput {
        let given = self.values.get(parameter.name).map_or_else(|| "nothing".to_owned(), shown);
        InvalidInput::Parameter { name: parameter.name, given, allowed: allowed.into() }
    }

    fn read<T>(
        &self,
        parameter: &Parameter,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, InvalidInput> {
        let Some(given) = self.values.get(parameter.name) else { return Ok(None) };
        read(given).map(Some).ok_or_else(|| self.invalid(parameter, parameter.kind.allowed()))
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

/// A value as JSON on one line, bounded, and without the user and password of a URL.
pub(crate) fn shown(value: &Value) -> String {
    shown_json(&value.to_string())
}

/// As [`shown`], for JSON that was not read and may escape the slashes of a URL.
pub(crate) fn shown_json(json: &str) -> String {
    let text = json.replace("\\/", "/").replace(['\r', '\n', '\t'], " ");
    match text.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1))) {
        Some((scheme, host)) => bounded(&format!("{scheme}://…@{host}")),
        None => bounded(&text),
    }
}

/// The beginning of `text`.
pub(crate) fn bounded(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::parameter::{LIST_ALL, MAX_SERIES, QUERY, STEP, TIME, WORKSPACE_URL};

    fn input(values: &Value, operation: Operation) -> Result<Input, InvalidInput> {
        let now = Timestamp::from_ms(1_700_000_000_000);
        Input::new(serde_json::from_str(&values.to_string()).unwrap(), operation, now)
    }

    #[test]
    fn nulls_and_empty_texts_count_as_not_given() {
        let values = json!({"query": "up", "time": null, "workspace_url": "", "limit": " "});
        let input = input(&values, Operation::Query).unwrap();
        assert_eq!(input.required_text(&QUERY).unwrap(), "up");
        assert_eq!((input.timestamp(&TIME).unwrap(), input.count(&MAX_SERIES).unwrap()), (None, None));
    }

    /// The issue's rule: the name, what was given and what is allowed.
    #[test]
    fn every_bad_parameter_is_named_with_what_was_given_and_what_is_allowed() {
        let read = |values| input(&values, Operation::RangeQuery).unwrap();
        let error = |result: Result<(), InvalidInput>| result.unwrap_err().to_string();
        assert_eq!(
            error(read(json!({})).required_text(&QUERY).map(drop)),
            "missing required parameter: query (PromQL expression, such as \
             rate(http_requests_total{status=~\"5..\"}[5m]))"
        );
        assert_eq!(
            error(read(json!({"query": 5})).required_text(&QUERY).map(drop)),
            "invalid parameter query: expected a text of at most 1000000 bytes, got 5"
        );
        assert_eq!(
            error(read(json!({"step": "fast"})).duration_ms(&STEP).map(drop)),
            "invalid parameter step: expected a Prometheus duration such as 15s or 1h30m, or seconds, got \"fast\""
        );
        assert_eq!(
            error(read(json!({"limit": 0})).count(&MAX_SERIES).map(drop)),
            "invalid parameter limit: expected a whole number from 1 to 100000, got 0"
        );
        let unknown = input(&json!({"stpe": "15s"}), Operation::RangeQuery).unwrap_err();
        assert_eq!(
            unknown.to_string(),
            "unknown parameter \"stpe\"; range_query takes query, start, end, step, limit, workspace_url, \
             workspace_id, region"
        );
    }

    #[test]
    fn whole_numbers_are_read_in_every_notation() {
        let count = |limit: &Value| input(&json!({"limit": limit}), Operation::Query)?.count(&MAX_SERIES);
        for limit in [json!(10), json!(10.0), json!(1e1), json!("10"), json!("10.0"), json!(" 10 ")] {
            assert_eq!(count(&limit), Ok(Some(10)), "{limit}");
        }
        for limit in
            [json!(1.5), json!("1.5"), json!(-1.0), json!(1e300), json!("ten"), json!(true), json!([1])]
        {
            assert!(count(&limit).is_err(), "{limit}");
        }
    }

    #[test]
    fn flags_are_read_from_texts_too() {
        let flag =
            |given: Value| input(&json!({"list_all": given}), Operation::FindWorkspace)?.flag(&LIST_ALL);
        for (given, expected) in [(json!(true), true), (json!("True"), true), (json!("false"), false)] {
            assert_eq!(flag(given), Ok(expected));
        }
        assert!(flag(json!(1)).is_err());
    }

    #[test]
    fn milliseconds_are_answered_with_the_seconds() {
        let values = json!({"time": 1_700_000_000_250_i64});
        let error = input(&values, Operation::Query).unwrap().timestamp(&TIME).unwrap_err().to_string();
        let expected = "got 1700000000250, which seems to be in milliseconds; in seconds it is 1700000000.25";
        assert!(error.ends_with(expected), "{error}");
    }

    #[test]
    fn what_was_given_is_shown_bounded() {
        let long = input(&json!({"time": "é".repeat(500)}), Operation::Query).unwrap();
        let error = long.timestamp(&TIME).unwrap_err().to_string();
        assert!(error.chars().count() < 400, "{error}");
    }

    #[test]
    fn the_password_of_a_url_is_not_repeated() {
        for url in ["https://user:p4ss@host/path", "https://user:p4ss/word@host/path"] {
            let values = json!({"workspace_url": url});
            let input = input(&values, Operation::Query).unwrap();
            let error = input.invalid(&WORKSPACE_URL, "another").to_string();
            assert!(error.ends_with("got \"https://…@host/path\""), "{error}");
        }
        let list = serde_json::from_str(r#"{"workspace_url":["https:\/\/user:p4ss@host"]}"#).unwrap();
        let error = Input::new(list, Operation::Query, Timestamp::from_ms(0)).unwrap_err().to_string();
        assert!(error.ends_with("got [\"https://…@host\"]"), "{error}");
    }

    #[test]
    fn lists_and_objects_are_refused_with_their_beginning() {
        let nested = "[".repeat(200) + &"]".repeat(200);
        for (json, shown) in [
            (nested.as_str(), format!("{}…", "[".repeat(100))),
            ("{\n\"a\": 1e999}", "{ \"a\": 1e999}".to_owned()),
        ] {
            let given = serde_json::from_str(&format!("{{\"query\":{json}}}")).unwrap();
            let error = Input::new(given, Operation::Query, Timestamp::from_ms(0)).unwrap_err().to_string();
            let expected =
                format!("invalid parameter query: expected a text of at most 1000000 bytes, got {shown}");
            assert_eq!(error, expected);
        }
    }

    #[test]
    fn scalars_that_cannot_be_represented_are_refused() {
        for (json, expected) in [
            (r#"{"query":"\ud83d"}"#, "got invalid JSON: unexpected end of hex escape"),
            (r#"{"query":"up","time":1e999}"#, "got invalid JSON: number out of range"),
        ] {
            let given = serde_json::from_str(json).unwrap();
            let error = Input::new(given, Operation::Query, Timestamp::from_ms(0)).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
