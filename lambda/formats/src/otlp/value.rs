//! Attributes, and their values as text.
//!
//! Lists, maps and bytes are written as in OpenTelemetry's specification of attributes outside of OTLP: JSON and base64.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::InvalidOtlp;
use crate::limits::TooMany;
use crate::wire::{Fields, InvalidWire, messages};

/// The limit of lists and maps inside each other.
const MAX_DEPTH: usize = 16;

/// An attribute with its value as text.
pub(super) type Attribute<'a> = (&'a str, Cow<'a, str>);

/// A message `AnyValue`.
#[derive(Clone, Copy, Debug, Default)]
enum Value<'a> {
    #[default]
    Empty,
    Text(&'a str),
    Bool(bool),
    Integer(i64),
    Double(f64),
    List(&'a [u8]),
    Map(&'a [u8]),
    Bytes(&'a [u8]),
}

/// A message `KeyValue`.
pub(super) fn attribute(message: &[u8]) -> Result<Attribute<'_>, InvalidOtlp> {
    let (key, value) = key_value(message)?;
    let text = match value {
        Value::Empty => Cow::Borrowed(""),
        Value::Text(text) => Cow::Borrowed(text),
        Value::Bytes(bytes) => Cow::Owned(STANDARD.encode(bytes)),
        value => {
            let mut json = String::new();
            push_json(value, 0, &mut json)?;
            Cow::Owned(json)
        }
    };
    Ok((key, text))
}

fn key_value(message: &[u8]) -> Result<(&str, Value<'_>), InvalidWire> {
    let (mut key, mut value) = ("", Value::Empty);
    let mut fields = Fields::of(message);
    while let Some((tag, field)) = fields.next()? {
        match tag {
            1 => key = field.text()?,
            2 => value = any_value(field.bytes()?)?,
            _ => {}
        }
    }
    Ok((key, value))
}

fn any_value(message: &[u8]) -> Result<Value<'_>, InvalidWire> {
    let mut value = Value::Empty;
    let mut fields = Fields::of(message);
    while let Some((tag, field)) = fields.next()? {
        value = match tag {
            1 => Value::Text(field.text()?),
            2 => Value::Bool(field.unsigned()? != 0),
            3 => Value::Integer(field.signed()?),
            4 => Value::Double(field.double()?),
            5 => Value::List(field.bytes()?),
            6 => Value::Map(field.bytes()?),
            7 => Value::Bytes(field.bytes()?),
            _ => value,
        };
    }
    Ok(value)
}

/// Appends `value` as JSON. `depth` bounds the recursion.
fn push_json(value: Value<'_>, depth: usize, json: &mut String) -> Result<(), InvalidOtlp> {
    if depth > MAX_DEPTH {
        return Err(InvalidOtlp::TooDeep);
    }
    match value {
        Value::Empty => json.push_str("null"),
        Value::Text(text) => push_text(text, json),
        Value::Bool(value) => json.push_str(if value { "true" } else { "false" }),
        Value::Integer(value) => {
            let _ = write!(json, "{value}");
        }
        Value::Double(value) => push_double(value, depth > 0, json),
        Value::Bytes(bytes) => push_text(&STANDARD.encode(bytes), json),
        Value::List(message) => {
            json.push('[');
            let mut separator = "";
            messages(message, 1, |element| {
                json.push_str(std::mem::replace(&mut separator, ","));
                push_json(any_value(element)?, depth + 1, json)
            })?;
            json.push(']');
        }
        Value::Map(message) => {
            // Sorted, so that the order of a map makes no other series.
            let mut members = BTreeMap::new();
            messages(message, 1, |member| {
                let (key, value) = key_value(member)?;
                members.insert(key, value);
                Ok::<_, InvalidWire>(TooMany::check(0, members.len())?)
            })?;
            json.push('{');
            for (at, (key, value)) in members.into_iter().enumerate() {
                json.push_str(if at == 0 { "" } else { "," });
                push_text(key, json);
                json.push(':');
                push_json(value, depth + 1, json)?;
            }
            json.push('}');
        }
    }
    Ok(())
}

/// Appends the shortest text of `value`, with an exponent where JavaScript writes one.
fn push_double(value: f64, is_in_json: bool, json: &mut String) {
    let special = match value {
        f64::INFINITY => "Infinity",
        f64::NEG_INFINITY => "-Infinity",
        value if value.is_nan() => "NaN",
        value => {
            let magnitude = value.abs();
            let _ = if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
                let text = format!("{value:e}");
                // A positive exponent has its sign.
                let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
                let sign = if exponent.starts_with('-') { "" } else { "+" };
                write!(json, "{mantissa}e{sign}{exponent}")
            } else {
                write!(json, "{value}")
            };
            return;
        }
    };
    let quote = if is_in_json { "\"" } else { "" };
    let _ = write!(json, "{quote}{special}{quote}");
}

/// Appends `text` as a JSON string, with the escapes that Prometheus's OTLP receiver writes.
fn push_text(text: &str, json: &mut String) {
    json.push('"');
    for c in text.chars() {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            '\u{8}' => json.push_str("\\b"),
            '\u{c}' => json.push_str("\\f"),
            '\u{2028}' | '\u{2029}' | ..' ' => {
                let _ = write!(json, "\\u{:04x}", u32::from(c));
            }
            c => json.push(c),
        }
    }
    json.push('"');
}
