//! The wire format of protobuf, borrowed from the body: a few bytes of it would be a message of half a kilobyte if it were
//! decoded into a type.
//!
//! <https://protobuf.dev/programming-guides/encoding/>

use crate::limits::TooMany;

/// The reason why bytes are not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWire {
    /// It is shorter than its length.
    #[error("unexpected end of input")]
    Truncated,
    /// Not protobuf, or a field of another type.
    #[error("invalid wire format")]
    Format,
    /// A text that is not.
    #[error("expected UTF-8")]
    NotUtf8,
    /// A list with more numbers than are read of one body.
    #[error(transparent)]
    TooMany(#[from] TooMany),
}

/// The value of a field.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Field<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
    Fixed32,
}

/// The fields of a message, in their order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn of(message: &'a [u8]) -> Self {
        Self(message)
    }

    /// The number and value of the next field, if there is one.
    pub(crate) fn next(&mut self) -> Result<Option<(u64, Field<'a>)>, InvalidWire> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let key = varint(&mut self.0)?;
        if key >> 3 == 0 {
            return Err(InvalidWire::Format);
        }
        let field = match key & 7 {
            0 => Field::Varint(varint(&mut self.0)?),
            1 => Field::Fixed64(array(&mut self.0)?),
            2 => Field::Bytes(delimited(&mut self.0)?),
            5 => {
                array::<4>(&mut self.0)?;
                Field::Fixed32
            }
            _ => return Err(InvalidWire::Format),
        };
        Ok(Some((key >> 3, field)))
    }
}

/// Calls `read` with each message in the field `wanted` of `message`.
pub(crate) fn messages<'a, E: From<InvalidWire>>(
    message: &'a [u8],
    wanted: u64,
    mut read: impl FnMut(&'a [u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut fields = Fields::of(message);
    while let Some((tag, field)) = fields.next()? {
        if tag == wanted {
            read(field.bytes()?)?;
        }
    }
    Ok(())
}

impl<'a> Field<'a> {
    pub(crate) fn bytes(self) -> Result<&'a [u8], InvalidWire> {
        if let Self::Bytes(bytes) = self { Ok(bytes) } else { Err(InvalidWire::Format) }
    }

    pub(crate) fn text(self) -> Result<&'a str, InvalidWire> {
        str::from_utf8(self.bytes()?).map_err(|_| InvalidWire::NotUtf8)
    }

    pub(crate) fn double(self) -> Result<f64, InvalidWire> {
        self.fixed64().map(f64::from_bits)
    }

    /// A number of the type `fixed64`.
    pub(crate) fn fixed64(self) -> Result<u64, InvalidWire> {
        if let Self::Fixed64(bytes) = self { Ok(u64::from_le_bytes(bytes)) } else { Err(InvalidWire::Format) }
    }

    pub(crate) fn unsigned(self) -> Result<u64, InvalidWire> {
        if let Self::Varint(value) = self { Ok(value) } else { Err(InvalidWire::Format) }
    }

    /// A number of the type `int64`.
    pub(crate) fn signed(self) -> Result<i64, InvalidWire> {
        Ok(self.unsigned()?.cast_signed())
    }

    /// A number of the type `sint32`.
    pub(crate) fn zigzag_32(self) -> Result<i32, InvalidWire> {
        i32::try_from(zigzag(self.unsigned()?)).map_err(|_| InvalidWire::Format)
    }

    /// The numbers of a repeated field of the type `sint64`, packed or one of them.
    pub(crate) fn push_zigzags(self, numbers: &mut Vec<i64>) -> Result<(), InvalidWire> {
        let Self::Bytes(mut packed) = self else {
            return push(numbers, zigzag(self.unsigned()?));
        };
        while !packed.is_empty() {
            push(numbers, zigzag(varint(&mut packed)?))?;
        }
        Ok(())
    }

    /// The numbers of a repeated field of the type `uint64`, packed or one of them.
    pub(crate) fn push_unsigned(self, numbers: &mut Vec<u64>) -> Result<(), InvalidWire> {
        let Self::Bytes(mut packed) = self else { return push(numbers, self.unsigned()?) };
        while !packed.is_empty() {
            push(numbers, varint(&mut packed)?)?;
        }
        Ok(())
    }

    /// The numbers of a repeated field of the type `fixed64`, packed or one of them.
    pub(crate) fn push_fixed64s(self, numbers: &mut Vec<u64>) -> Result<(), InvalidWire> {
        let Self::Bytes(mut packed) = self else { return push(numbers, self.fixed64()?) };
        while !packed.is_empty() {
            push(numbers, u64::from_le_bytes(array(&mut packed)?))?;
        }
        Ok(())
    }

    /// The numbers of a repeated field of the type `double`, packed or one of them.
    pub(crate) fn push_doubles(self, numbers: &mut Vec<f64>) -> Result<(), InvalidWire> {
        let Self::Bytes(mut packed) = self else { return push(numbers, self.double()?) };
        while !packed.is_empty() {
            push(numbers, f64::from_le_bytes(array(&mut packed)?))?;
        }
        Ok(())
    }
}

fn push<T>(numbers: &mut Vec<T>, number: T) -> Result<(), InvalidWire> {
    numbers.push(number);
    Ok(TooMany::check(0, numbers.len())?)
}

/// The bytes after their length.
pub(crate) fn delimited<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], InvalidWire> {
    let Ok(len) = usize::try_from(varint(rest)?) else { return Err(InvalidWire::Truncated) };
    let Some((bytes, after)) = rest.split_at_checked(len) else { return Err(InvalidWire::Truncated) };
    *rest = after;
    Ok(bytes)
}

fn varint(rest: &mut &[u8]) -> Result<u64, InvalidWire> {
    // Nearly every one has one byte.
    if let [byte @ ..0x80, after @ ..] = *rest {
        *rest = after;
        return Ok(u64::from(*byte));
    }
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let Some((&byte, after)) = rest.split_first() else { return Err(InvalidWire::Truncated) };
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
    Err(InvalidWire::Format)
}

fn array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], InvalidWire> {
    let Some((array, after)) = rest.split_first_chunk() else { return Err(InvalidWire::Truncated) };
    *rest = after;
    Ok(*array)
}

fn zigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}
