//! Reads the parameters of one operation, each by its kind.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use crate::error::{Error, json_excerpt};
use crate::operation::Operation;
use crate::parameter::{Kind, Parameter};
use crate::payload::{Parameters, invalid_json};
use crate::time::{Timestamp, decimal, duration_ms};

/// The parameters of one operation.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    values: BTreeMap<&'static str, Value>,
    now: Timestamp,
}

impl Input {
    /// Checks that `operation` has the parameters in `given` and that they are scalars. A null or an empty string
    /// counts as not given, because models fill in every parameter. Times may be relative to `now`.
    pub(crate) fn new(given: Parameters, operation: Operation, now: Timestamp) -> Result<Self, Error> {
        let parameters = operation.parameters();
        let mut values = BTreeMap::new();
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
                let names: Vec<_> = parameters.iter().map(|parameter| parameter.name).collect();
                return Err(Error::UnknownParameter {
                    name: json_excerpt(&Value::from(name)),
                    operation: operation.name(),
                    parameters: names.join(", "),
                });
            };
            let invalid = || Error::InvalidParameter {
                name: parameter.name,
                expected: parameter.kind.expected(),
                got: json_excerpt(json),
            };
            values.insert(parameter.name, scalar.ok_or_else(invalid)?);
        }
        Ok(Self { values, now })
    }

    /// The time of the invocation.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    pub(crate) fn has(&self, parameter: &Parameter) -> bool {
        self.values.contains_key(parameter.name)
    }

    pub(crate) fn string(&self, parameter: &Parameter) -> Result<Option<&str>, Error> {
        let Some(given) = self.values.get(parameter.name) else { return Ok(None) };
        let max = if let Kind::String(bytes) = parameter.kind { bytes } else { usize::MAX };
        match given.as_str() {
            Some(text) if text.len() <= max => Ok(Some(text)),
            _ => Err(self.invalid(parameter, parameter.kind.expected())),
        }
    }

    pub(crate) fn required_string(&self, parameter: &Parameter) -> Result<&str, Error> {
        self.string(parameter)?.ok_or_else(|| Error::MissingParameter {
            name: parameter.name,
            expected: parameter.description.trim_end_matches('.').to_owned(),
        })
    }

    pub(crate) fn timestamp(&self, parameter: &Parameter) -> Result<Option<Timestamp>, Error> {
        let time = self.read(parameter, |value| Timestamp::read_at(value, self.now));
        time.map_err(|mut error| {
            if let Error::InvalidParameter { got, .. } = &mut error
                && let Some((unit, time)) = Timestamp::in_smaller_unit(&self.values[parameter.name])
            {
                let _ = write!(got, ", which seems to be in {unit}; in seconds it is {}", time.seconds());
            }
            error
        })
    }

    pub(crate) fn duration_ms(&self, parameter: &Parameter) -> Result<Option<i64>, Error> {
        self.read(parameter, duration_ms)
    }

    /// A whole number, as a number or a string.
    pub(crate) fn count(&self, parameter: &Parameter) -> Result<Option<usize>, Error> {
        let max = if let Kind::Count(max) = parameter.kind { max } else { usize::MAX };
        self.read(parameter, |value| {
            let count = decimal(value).filter(|number| number.fract() == 0.0)?;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a cast saturates, and the range is checked"
            )]
            Some(count as usize).filter(|count| (1..=max).contains(count))
        })
    }

    /// A boolean, or a string of one; false if not given.
    pub(crate) fn flag(&self, parameter: &Parameter) -> Result<bool, Error> {
        let flag = self.read(parameter, |value| match value {
            Value::String(text) => text.trim().to_ascii_lowercase().parse().ok(),
            value => value.as_bool(),
        });
        Ok(flag?.unwrap_or(false))
    }

    /// The error for `parameter` where its kind does not describe what is expected.
    pub(crate) fn invalid(&self, parameter: &Parameter, expected: impl Into<String>) -> Error {
        let given = self.values.get(parameter.name);
        let got = given.map_or_else(|| "nothing".to_owned(), json_excerpt);
        Error::InvalidParameter { name: parameter.name, expected: expected.into(), got }
    }

    fn read<T>(
        &self,
        parameter: &Parameter,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        let Some(given) = self.values.get(parameter.name) else { return Ok(None) };
        read(given).map(Some).ok_or_else(|| self.invalid(parameter, parameter.kind.expected()))
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

#[cfg(test)]
impl Input {
    /// The parameters in `payload`, at 2023-11-14T22:13:20Z.
    pub(crate) fn of(payload: &Value, operation: Operation) -> Result<Self, Error> {
        let parameters = serde_json::from_str(&payload.to_string()).unwrap();
        Self::new(parameters, operation, Timestamp::from_ms(1_700_000_000_000))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::parameter::{LIST_ALL, MAX_SERIES, QUERY, START, STEP, TIME};

    #[test]
    fn nulls_and_empty_strings_count_as_not_given() {
        let values = json!({"query": "up", "time": null, "workspace_url": "", "limit": " "});
        let input = Input::of(&values, Operation::Query).unwrap();
        assert_eq!(input.required_string(&QUERY).unwrap(), "up");
        assert_eq!((input.timestamp(&TIME).unwrap(), input.count(&MAX_SERIES).unwrap()), (None, None));
    }

    #[test]
    fn errors_contain_name_expectation_and_value() {
        let check = |payload: Value, expected: &str| {
            let input = Input::of(&payload, Operation::RangeQuery);
            let read = input.and_then(|input| {
                input.required_string(&QUERY)?;
                input.timestamp(&START)?;
                input.duration_ms(&STEP)?;
                input.count(&MAX_SERIES)
            });
            assert_eq!(read.unwrap_err().to_string(), expected);
        };
        check(
            json!({}),
            "missing required parameter: query (PromQL expression, such as \
             rate(http_requests_total{status=~\"5..\"}[5m]))",
        );
        let query = "invalid parameter query: expected a string of at most 1000000 bytes, got";
        check(json!({"query": 5}), &format!("{query} 5"));
        check(json!({"query": ["up"]}), &format!("{query} [\"up\"]"));
        check(
            json!({"query": "up", "step": "fast"}),
            "invalid parameter step: expected a Prometheus duration such as 15s or 1h30m, or seconds, got \"fast\"",
        );
        check(
            json!({"query": "up", "limit": 0}),
            "invalid parameter limit: expected a whole number from 1 to 100000, got 0",
        );
        check(
            json!({"query": "up", "start": 1_700_000_000_250_i64}),
            "invalid parameter start: expected an RFC 3339 time such as 2026-01-31T12:00:00Z, a date, Unix seconds, \
             or a time relative to now such as now-1h or -6h, got 1700000000250, which seems to be in milliseconds; \
             in seconds it is 1700000000.25",
        );
        check(
            json!({"stpe": [15]}),
            "unknown parameter \"stpe\"; range_query takes query, start, end, step, limit, workspace_url, \
             workspace_id, region",
        );
    }

    #[test]
    fn counts_are_read_in_every_notation() {
        let count = |limit: &Value| Input::of(&json!({"limit": limit}), Operation::Query)?.count(&MAX_SERIES);
        for limit in [json!(10), json!(10.0), json!(1e1), json!("10"), json!("10.0"), json!(" 10 ")] {
            assert_eq!(count(&limit).unwrap(), Some(10), "{limit}");
        }
        for limit in [json!(1.5), json!("1.5"), json!(-1.0), json!(1e300), json!("ten"), json!(true)] {
            assert!(count(&limit).is_err(), "{limit}");
        }
    }

    #[test]
    fn flags_are_read_from_strings_too() {
        let flag =
            |given: Value| Input::of(&json!({"list_all": given}), Operation::FindWorkspace)?.flag(&LIST_ALL);
        for (given, expected) in [(json!(true), true), (json!("True"), true), (json!("false"), false)] {
            assert_eq!(flag(given).unwrap(), expected);
        }
        assert!(flag(json!(1)).is_err());
    }

    /// The depth of a list does not matter, because it is not parsed.
    #[test]
    fn unreadable_values_are_rejected() {
        let list = "[".repeat(2_000_000) + &"]".repeat(2_000_000);
        for (json, expected) in [
            (format!("{{\"query\":{list}}}"), format!("bytes, got {}…", "[".repeat(100))),
            (r#"{"query":"\ud83d"}"#.to_owned(), "column 8".to_owned()),
            (
                r#"{"query":"up","time":1e999}"#.to_owned(),
                "number out of range at line 1 column 5".to_owned(),
            ),
        ] {
            let given = serde_json::from_str(&json).unwrap();
            let error = Input::new(given, Operation::Query, Timestamp::from_ms(0)).unwrap_err().to_string();
            assert!(error.ends_with(&expected), "{error}");
        }
    }
}
