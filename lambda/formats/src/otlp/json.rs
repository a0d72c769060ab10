//! Rewrites a request in JSON as protobuf.
//!
//! The JSON of OTLP has names in `lowerCamelCase`, integers of 64 bits as numbers or text, and enumerations as integers. Other
//! keys are ignored: <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>.

mod schema;

use std::fmt;

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde_json::value::RawValue;

use schema::Type::{
    Bool, Bytes, Double, Doubles, Fixed64, Fixed64s, Messages, Signed, SignedFixed64, Unsigneds, Zigzag,
};
use schema::{Field, Message, REQUEST, Type};

use super::InvalidOtlp;
use crate::event::value::parse_number;
use crate::limits::{MAX_LABELS, TooMany};
use crate::text::{Text, text_of, truncated, truncated_to};

/// The standard alphabet, with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The limit of a reason, which has the name of a field, what was expected, and the value, shortened.
const REASON_CHARS: usize = 200;

/// The size of a length, which is written before it is known: a varint with leading zeros.
const LENGTH_BYTES: usize = 5;

/// The request in protobuf.
pub(super) fn to_protobuf(text: &str) -> Result<Vec<u8>, InvalidOtlp> {
    // Most of JSON is names and punctuation.
    let mut out = Output { bytes: Vec::with_capacity(text.len() / 2), numbers: 0 };
    let mut json = serde_json::Deserializer::from_str(text);
    let read = Object { message: &REQUEST, out: &mut out }.deserialize(&mut json).and_then(|()| json.end());
    TooMany::check(0, out.numbers)?;
    read.map_err(|error| InvalidOtlp::Json {
        line: error.line(),
        column: error.column(),
        reason: truncated_to(REASON_CHARS, &without_place(&error)),
    })?;
    Ok(out.bytes)
}

/// The message of `error` without the line and column that it ends with.
fn without_place(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    message.strip_suffix(&place).unwrap_or(&message).to_owned()
}

/// A message in protobuf.
struct Output {
    bytes: Vec<u8>,
    /// The number of numbers in arrays.
    numbers: usize,
}

impl Output {
    fn key(&mut self, number: u8, wire_type: u8) {
        self.bytes.push(number << 3 | wire_type);
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.bytes.push(value.to_le_bytes()[0]);
    }

    fn text(&mut self, number: u8, bytes: &[u8]) {
        self.key(number, 2);
        self.varint(bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
    }

    fn fixed64(&mut self, bits: u64) {
        self.bytes.extend_from_slice(&bits.to_le_bytes());
    }

    /// Begins a field with a length; returns where the length is.
    fn begin(&mut self, number: u8) -> usize {
        self.key(number, 2);
        self.bytes.extend_from_slice(&[0; LENGTH_BYTES]);
        self.bytes.len()
    }

    /// Writes the length of the field that began with `start`.
    fn end(&mut self, start: usize) {
        let mut len = self.bytes.len() - start;
        for at in start - LENGTH_BYTES..start {
            let more = if at + 1 == start { 0 } else { 0x80 };
            self.bytes[at] = len.to_le_bytes()[0] & 0x7f | more;
            len >>= 7;
        }
    }

    /// Writes a scalar, or fails with what was expected of it.
    fn scalar(&mut self, field: &Field, raw: &str) -> Result<(), &'static str> {
        let &Field(_, number, field_type) = field;
        match field_type {
            Type::Text => {
                let text = text_of(raw).and_then(Result::ok).ok_or("text")?;
                self.text(number, text.as_bytes());
            }
            Bytes => {
                let text = text_of(raw).and_then(Result::ok).ok_or("base64")?;
                let standard = text.replace('-', "+").replace('_', "/");
                let bytes = BASE64.decode(standard).map_err(|_| "base64")?;
                self.text(number, &bytes);
            }
            Bool => {
                let value = raw.parse::<bool>().map_err(|_| "true or false")?;
                self.key(number, 0);
                self.varint(value.into());
            }
            Double => {
                let value = double(raw).ok_or("a number")?;
                self.key(number, 1);
                self.fixed64(value.to_bits());
            }
            Fixed64 => {
                let value = integer(raw).ok_or("an integer of 64 bits")?;
                self.key(number, 1);
                self.fixed64(value);
            }
            SignedFixed64 => {
                let value: i64 = integer(raw).ok_or("an integer of 64 bits")?;
                self.key(number, 1);
                self.fixed64(value.cast_unsigned());
            }
            Signed => {
                let value: i64 = integer(raw).ok_or("an integer of 64 bits")?;
                self.key(number, 0);
                self.varint(value.cast_unsigned());
            }
            Zigzag => {
                let value: i32 = integer(raw).ok_or("an integer of 32 bits")?;
                self.key(number, 0);
                self.varint(((value << 1) ^ (value >> 31)).cast_unsigned().into());
            }
            _ => {
                let value: u32 = integer(raw).ok_or("an integer of 32 bits")?;
                self.key(number, 0);
                self.varint(value.into());
            }
        }
        Ok(())
    }

    /// Writes a number of an array, or fails with what was expected of it.
    fn element(&mut self, field_type: Type, raw: &str) -> Result<(), &'static str> {
        match field_type {
            Doubles => self.fixed64(double(raw).ok_or("a number")?.to_bits()),
            Fixed64s => self.fixed64(integer(raw).ok_or("an integer of 64 bits")?),
            _ => self.varint(integer(raw).ok_or("an integer of 64 bits")?),
        }
        self.numbers += 1;
        if self.numbers > MAX_LABELS { Err("fewer numbers in arrays") } else { Ok(()) }
    }
}

/// A number, or its text. JSON has no other way to write a number that is not finite.
fn double(raw: &str) -> Option<f64> {
    let text = match text_of(raw) {
        Some(text) => text.ok()?,
        None => raw.into(),
    };
    match &*text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        text => parse_number(text).map(|number| number.float).filter(|float| float.is_finite()),
    }
}

/// An integer as number or text. One with a fraction of zero, as JavaScript may write it, is one too.
fn integer<T: TryFrom<i128>>(raw: &str) -> Option<T> {
    let text = match text_of(raw) {
        Some(text) => text.ok()?,
        None => raw.into(),
    };
    let whole = text.parse().ok().or_else(|| {
        let float = parse_number(&text)?.float;
        #[expect(clippy::cast_possible_truncation, reason = "the next line takes no larger number")]
        let whole = float as i128;
        (float.fract() == 0.0 && float.abs() < 2_f64.powi(64)).then_some(whole)
    });
    T::try_from(whole?).ok()
}

/// Reads an object as the fields of a message.
struct Object<'o> {
    message: &'static Message,
    out: &'o mut Output,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { message, out } = self;
        while let Some(Text(key)) = map.next_key()? {
            match message.0.iter().find(|Field(name, ..)| *name == key) {
                Some(field) => map.next_value_seed(Member { field, out: &mut *out })?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// Reads the value of a member as a field.
struct Member<'o> {
    field: &'static Field,
    out: &'o mut Output,
}

impl<'de> DeserializeSeed<'de> for Member<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.field.2 {
            Type::Message(_) | Messages(_) | Doubles | Fixed64s | Unsigneds => {
                deserializer.deserialize_any(self)
            }
            _ => {
                let raw = <&RawValue>::deserialize(deserializer)?.get();
                if raw == "null" {
                    return Ok(());
                }
                self.out.scalar(self.field, raw).map_err(|expected| self.wrong(expected, raw))
            }
        }
    }
}

impl Member<'_> {
    fn wrong<E: Error>(&self, expected: &str, given: &str) -> E {
        E::custom(format_args!("{}: expected {expected}, got {}", self.field.0, truncated(given)))
    }
}

impl<'de> Visitor<'de> for Member<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let expected = if let Type::Message(_) = self.field.2 { "an object" } else { "an array" };
        write!(f, "{expected} as {}", self.field.0)
    }

    /// `null`: the field is absent.
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let &Field(_, number, Type::Message(message)) = self.field else {
            return Err(Error::invalid_type(Unexpected::Map, &self));
        };
        let start = self.out.begin(number);
        Object { message, out: &mut *self.out }.visit_map(map)?;
        self.out.end(start);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<(), A::Error> {
        let &Field(_, number, field_type) = self.field;
        match field_type {
            Messages(message) => {
                loop {
                    let start = self.out.begin(number);
                    if array.next_element_seed(Object { message, out: &mut *self.out })?.is_none() {
                        // There was nothing to begin.
                        self.out.bytes.truncate(start - LENGTH_BYTES - 1);
                        return Ok(());
                    }
                    self.out.end(start);
                }
            }
            Type::Message(_) => Err(Error::invalid_type(Unexpected::Seq, &self)),
            _ => {
                let start = self.out.begin(number);
                while let Some(raw) = array.next_element::<&RawValue>()? {
                    let raw = raw.get();
                    self.out
                        .element(field_type, raw)
                        .map_err(|expected| self.wrong::<A::Error>(expected, raw))?;
                }
                self.out.end(start);
                Ok(())
            }
        }
    }
}
