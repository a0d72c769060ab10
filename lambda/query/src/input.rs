//! Input: a payload → the parameters of one operation, each read by its kind, or what is wrong with which.

use serde_json::{Map, Value};

use crate::duration;
use crate::operation::Operation;
use crate::parameter::{Kind, Parameter};
use crate::timestamp::Timestamp;

/// How much of what was given an error repeats, in characters.
const SHOWN_CHARS: usize = 100;

/// The reason why a payload cannot be worked with. Each is the caller's to mend: status 400.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidInput {
    /// There are no parameters in it.
    #[error("the payload has to be a JSON object of parameters, or hold one in `body`: {0}")]
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
    #[error("invalid parameter {name}: {given} was given; allowed is {allowed}")]
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
pub struct Input(Map<String, Value>);

impl Input {
    /// Takes the parameters from `payload`, where they are flat or in `body`, as an object or as text. A null or an
    /// empty text counts as not given, because models fill in what they have nothing for.
    ///
    /// # Errors
    /// [`InvalidInput::Payload`], or [`InvalidInput::Unknown`] for a parameter that `operation` does not have.
    pub fn parse(payload: &Value, operation: Operation) -> Result<Self, InvalidInput> {
        let mut values = match payload.get("body") {
            None | Some(Value::Null) => object(payload)?,
            Some(Value::String(text)) => {
                let body: Value =
                    serde_json::from_str(text).map_err(|error| InvalidInput::Payload(error.to_string()))?;
                object(&body)?
            }
            Some(body) => object(body)?,
        };
        values
            .retain(|_, value| !value.is_null() && value.as_str().is_none_or(|text| !text.trim().is_empty()));
        let parameters = operation.parameters();
        for name in values.keys() {
            if !parameters.iter().any(|parameter| parameter.name == name) {
                let allowed: Vec<_> = parameters.iter().map(|parameter| parameter.name).collect();
                return Err(InvalidInput::Unknown {
                    name: shown(&Value::from(name.as_str())),
                    operation: operation.name(),
                    allowed: allowed.join(", "),
                });
            }
        }
        Ok(Self(values))
    }

    /// Whether `parameter` was given.
    pub fn has(&self, parameter: &Parameter) -> bool {
        self.0.contains_key(parameter.name)
    }

    /// A text.
    ///
    /// # Errors
    /// It is no text, or a longer one than its kind allows.
    pub fn text(&self, parameter: &Parameter) -> Result<Option<&str>, InvalidInput> {
        let Some(given) = self.0.get(parameter.name) else { return Ok(None) };
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
        self.read(parameter, Timestamp::read)
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
            let count = match value {
                Value::String(text) => text.trim().parse().ok(),
                value => value.as_u64(),
            };
            count.and_then(|count| usize::try_from(count).ok()).filter(|count| (1..=most).contains(count))
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
        let given = self.0.get(parameter.name).map_or_else(|| "nothing".to_owned(), shown);
        InvalidInput::Parameter { name: parameter.name, given, allowed: allowed.into() }
    }

    fn read<T>(
        &self,
        parameter: &Parameter,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, InvalidInput> {
        let Some(given) = self.0.get(parameter.name) else { return Ok(None) };
        read(given).map(Some).ok_or_else(|| self.invalid(parameter, parameter.kind.allowed()))
    }
}

fn object(value: &Value) -> Result<Map<String, Value>, InvalidInput> {
    value.as_object().cloned().ok_or_else(|| InvalidInput::Payload(format!("{} was given", shown(value))))
}

/// A value as JSON on one line, bounded.
pub(crate) fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::parameter::{LIST_ALL, MAX_SERIES, QUERY, STEP, TIME};

    #[test]
    fn parameters_are_found_flat_and_wrapped() {
        for payload in [
            json!({"query": "up"}),
            json!({"body": {"query": "up"}}),
            json!({"body": "{\"query\":\"up\"}"}),
            json!({"body": "{\"query\":\"up\"}", "httpMethod": "POST", "headers": {}}),
            json!({"query": "up", "time": null, "workspace_url": "", "body": null}),
        ] {
            let input = Input::parse(&payload, Operation::Query).unwrap();
            assert_eq!(input.required_text(&QUERY).unwrap(), "up", "{payload}");
            assert_eq!(input.timestamp(&TIME).unwrap(), None);
        }
    }

    #[test]
    fn a_payload_without_parameters_is_refused() {
        for payload in [json!([]), json!("up"), json!(null), json!({"body": []}), json!({"body": "not json"})]
        {
            let error = Input::parse(&payload, Operation::Query).unwrap_err();
            assert!(matches!(error, InvalidInput::Payload(_)), "{payload}: {error}");
        }
    }

    /// The rule: the name, what was given and what is allowed.
    #[test]
    fn every_bad_parameter_is_named_with_what_was_given_and_what_is_allowed() {
        let input = |payload| Input::parse(&payload, Operation::RangeQuery).unwrap();
        let error = |result: Result<(), InvalidInput>| result.unwrap_err().to_string();
        assert_eq!(
            error(input(json!({})).required_text(&QUERY).map(drop)),
            "missing required parameter: query (PromQL expression, such as \
             rate(http_requests_total{status=~\"5..\"}[5m]))"
        );
        assert_eq!(
            error(input(json!({"query": 5})).required_text(&QUERY).map(drop)),
            "invalid parameter query: 5 was given; allowed is a text of at most 1000000 bytes"
        );
        assert_eq!(
            error(input(json!({"step": "fast"})).duration_ms(&STEP).map(drop)),
            "invalid parameter step: \"fast\" was given; allowed is a Prometheus duration such as 15s or 1h30m, or \
             seconds"
        );
        assert_eq!(
            error(input(json!({"limit": 0})).count(&MAX_SERIES).map(drop)),
            "invalid parameter limit: 0 was given; allowed is a whole number from 1 to 100000"
        );
        let unknown = Input::parse(&json!({"stpe": "15s"}), Operation::RangeQuery).unwrap_err();
        assert_eq!(
            unknown.to_string(),
            "unknown parameter \"stpe\"; range_query takes query, start, end, step, limit, workspace_url, \
             workspace_id, region"
        );
    }

    #[test]
    fn numbers_and_flags_are_read_from_texts_too() {
        let input = Input::parse(&json!({"limit": "10"}), Operation::Query).unwrap();
        assert_eq!(input.count(&MAX_SERIES).unwrap(), Some(10));
        for (given, expected) in [(json!(true), true), (json!("True"), true), (json!("false"), false)] {
            let input = Input::parse(&json!({"list_all": given}), Operation::FindWorkspace).unwrap();
            assert_eq!(input.flag(&LIST_ALL).unwrap(), expected);
        }
        let input = Input::parse(&json!({"list_all": 1}), Operation::FindWorkspace).unwrap();
        assert!(input.flag(&LIST_ALL).is_err());
    }

    #[test]
    fn what_was_given_is_shown_bounded() {
        let long = Input::parse(&json!({"time": "é".repeat(500)}), Operation::Query).unwrap();
        let error = long.timestamp(&TIME).unwrap_err().to_string();
        assert!(error.chars().count() < 300, "{error}");
    }
}
