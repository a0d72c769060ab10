//! The wire format of protobuf, borrowed from the body: a few bytes of it would be a message of half a kilobyte if it were
//! decoded into a type.
//!
//! <https://protobuf.dev/programming-guides/encoding/>

use super::protobuf::InvalidMessage;
use super::samples::TooMany;

/// The value of a field.
#[derive(Clone, Copy, Debug)]
pub(super) enum Field<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
    Fixed32,
}

/// The fields of a message, in their order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn of(message: &'a [u8]) -> Self {
        Self(message)
    }

    /// The number and value of the next field, if there is one.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Field<'a>)>, InvalidMessage> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let key = varint(&mut self.0)?;
        let field = match key & 7 {
            0 => Field::Varint(varint(&mut self.0)?),
            1 => Field::Fixed64(array(&mut self.0)?),
            2 => Field::Bytes(delimited(&mut self.0)?),
            5 => {
                array::<4>(&mut self.0)?;
                Field::Fixed32
            }
            _ => return Err(InvalidMessage::Wire),
        };
        Ok(Some((key >> 3, field)))
    }
}

impl<'a> Field<'a> {
    pub(super) fn bytes(self) -> Result<&'a [u8], InvalidMessage> {
        if let Self::Bytes(bytes) = self { Ok(bytes) } else { Err(InvalidMessage::Wire) }
    }

    pub(super) fn text(self) -> Result<&'a str, InvalidMessage> {
        str::from_utf8(self.bytes()?).map_err(|_| InvalidMessage::NotUtf8)
    }

    pub(super) fn double(self) -> Result<f64, InvalidMessage> {
        if let Self::Fixed64(bytes) = self {
            Ok(f64::from_le_bytes(bytes))
        } else {
            Err(InvalidMessage::Wire)
        }
    }

    pub(super) fn unsigned(self) -> Result<u64, InvalidMessage> {
        if let Self::Varint(value) = self { Ok(value) } else { Err(InvalidMessage::Wire) }
    }

    /// A number of the type `int64`.
    pub(super) fn signed(self) -> Result<i64, InvalidMessage> {
        Ok(self.unsigned()?.cast_signed())
    }

    /// A number of the type `sint32`.
    pub(super) fn zigzag_32(self) -> Result<i32, InvalidMessage> {
        i32::try_from(zigzag(self.unsigned()?)).map_err(|_| InvalidMessage::Wire)
    }

    /// The numbers of a repeated field of the type `sint64`, packed or one of them.
    pub(super) fn push_zigzags(self, numbers: &mut Vec<i64>) -> Result<(), InvalidMessage> {
        let Self::Bytes(mut packed) = self else {
            return push(numbers, zigzag(self.unsigned()?));
        };
        while !packed.is_empty() {
            push(numbers, zigzag(varint(&mut packed)?))?;
        }
        Ok(())
    }

    /// The numbers of a repeated field of the type `double`, packed or one of them.
    pub(super) fn push_doubles(self, numbers: &mut Vec<f64>) -> Result<(), InvalidMessage> {
        let Self::Bytes(mut packed) = self else { return push(numbers, self.double()?) };
        while !packed.is_empty() {
            push(numbers, f64::from_le_bytes(array(&mut packed)?))?;
        }
        Ok(())
    }
}

fn push<T>(numbers: &mut Vec<T>, number: T) -> Result<(), InvalidMessage> {
    numbers.push(number);
    Ok(TooMany::check(0, numbers.len())?)
}

/// The bytes after their length.
pub(super) fn delimited<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], InvalidMessage> {
    let Ok(len) = usize::try_from(varint(rest)?) else { return Err(InvalidMessage::Truncated) };
    let Some((bytes, after)) = rest.split_at_checked(len) else { return Err(InvalidMessage::Truncated) };
    *rest = after;
    Ok(bytes)
}

fn varint(rest: &mut &[u8]) -> Result<u64, InvalidMessage> {
    // Nearly every one has one byte.
    if let [byte @ ..0x80, after @ ..] = *rest {
        *rest = after;
        return Ok(u64::from(*byte));
    }
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let Some((&byte, after)) = rest.split_first() else { return Err(InvalidMessage::Truncated) };
        *rest = after;
        // The tenth byte has one bit left.
        if shift == 63 && byte > 1 {
            break;
        }
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(InvalidMessage::Wire)
}

fn array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], InvalidMessage> {
    let Some((array, after)) = rest.split_first_chunk() else { return Err(InvalidMessage::Truncated) };
    *rest = after;
    Ok(*array)
}

fn zigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}
