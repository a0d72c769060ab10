//! A JSON scanner for the fast paths.
//!
//! It returns exactly what a strict parser would read, borrowed from the text, or `None` where the text may be invalid or
//! is too unusual. A scanner that has returned `None` is of no further use.
//!
//! Nothing is copied, and the bytes of a string are compared eight at a time.

use serde::de::IgnoredAny;

/// A position in a JSON text. Every method moves past what it reads, or returns `None`.
///
/// `IN_STRING` is for JSON inside a JSON string, such as the body of an SQS message: its quotes are written `\"` there.
/// Any other escape gives `None`.
#[derive(Debug)]
pub struct Json<'a, const IN_STRING: bool = false> {
    text: &'a str,
    at: usize,
}

impl<'a, const IN_STRING: bool> Json<'a, IN_STRING> {
    /// The beginning of `text`.
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// An object; `member` is called after each key to read its value.
    pub fn object(&mut self, mut member: impl FnMut(&mut Self, &'a str) -> Option<()>) -> Option<()> {
        self.expect(b'{')?;
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            let key = self.string()?;
            self.expect(b':')?;
            member(self, key)?;
            if self.is_last(b'}')? {
                return Some(());
            }
        }
    }

    /// An array; `element` is called to read each of its values.
    pub fn array(&mut self, mut element: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.expect(b'[')?;
        if self.peek()? == b']' {
            self.at += 1;
            return Some(());
        }
        loop {
            element(self)?;
            if self.is_last(b']')? {
                return Some(());
            }
        }
    }

    /// A string without escapes.
    pub fn string(&mut self) -> Option<&'a str> {
        self.peek()?;
        self.quote()?;
        let start = self.at;
        self.at += plain_len(&self.text.as_bytes()[start..]);
        let end = self.at;
        self.quote()?;
        Some(&self.text[start..end])
    }

    /// A number as JSON has it: no sign but a minus, no leading zeros, digits on both sides of the point.
    pub fn number(&mut self) -> Option<&'a str> {
        self.peek()?;
        let start = self.at;
        self.skip(b"-");
        let integer = self.digits()?;
        if integer.len() > 1 && integer.starts_with('0') {
            return None;
        }
        if self.skip(b".") {
            self.digits()?;
        }
        if self.skip(b"eE") {
            self.skip(b"+-");
            self.digits()?;
        }
        Some(&self.text[start..self.at])
    }

    /// The next byte that is not whitespace.
    pub fn peek(&mut self) -> Option<u8> {
        loop {
            match *self.text.as_bytes().get(self.at)? {
                b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    /// The end of the text.
    pub fn end(&mut self) -> Option<()> {
        self.peek().is_none().then_some(())
    }

    fn quote(&mut self) -> Option<()> {
        let quote: &[u8] = if IN_STRING { b"\\\"" } else { b"\"" };
        let is_there = self.text.as_bytes()[self.at..].starts_with(quote);
        self.at += quote.len();
        is_there.then_some(())
    }

    /// At least one digit.
    fn digits(&mut self) -> Option<&'a str> {
        let start = self.at;
        while self.text.as_bytes().get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        (self.at > start).then(|| &self.text[start..self.at])
    }

    /// Whether one of `bytes` was here.
    fn skip(&mut self, bytes: &[u8]) -> bool {
        let is_there = self.text.as_bytes().get(self.at).is_some_and(|byte| bytes.contains(byte));
        self.at += usize::from(is_there);
        is_there
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        let found = self.peek()? == byte;
        self.at += 1;
        found.then_some(())
    }

    /// Whether `end` comes after a member or an element, and not a comma.
    fn is_last(&mut self, end: u8) -> Option<bool> {
        let byte = self.peek()?;
        self.at += 1;
        (byte == end || byte == b',').then_some(byte == end)
    }
}

impl<'a> Json<'a> {
    /// Any value, as it stands in the text.
    pub fn value(&mut self) -> Option<&'a str> {
        let first = self.peek()?;
        let start = self.at;
        if first == b'"' {
            if self.string().is_none() {
                self.at = start;
                self.raw_string()?;
            }
            return Some(&self.text[start..self.at]);
        }
        if first != b'{' || self.object(|json, _| json.string().map(drop)).is_none() {
            let mut values =
                serde_json::Deserializer::from_str(&self.text[start..]).into_iter::<IgnoredAny>();
            values.next()?.ok()?;
            self.at = start + values.byte_offset();
        }
        Some(&self.text[start..self.at])
    }

    /// A string as it stands in the text, with its quotes and escapes. Whether these make Unicode text is not looked at.
    pub fn raw_string(&mut self) -> Option<&'a str> {
        let bytes = self.text.as_bytes();
        self.peek()?;
        let start = self.at;
        self.quote()?;
        loop {
            self.at += escaped_quotes_len(&bytes[self.at..]);
            self.at += plain_len(&bytes[self.at..]);
            match bytes.get(self.at..self.at + 2).unwrap_or(&bytes[self.at..]) {
                [b'"', ..] => {
                    self.at += 1;
                    return Some(&self.text[start..self.at]);
                }
                [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't'] => self.at += 2,
                [b'\\', b'u'] => {
                    let digits = bytes.get(self.at + 2..self.at + 6)?;
                    digits.iter().all(u8::is_ascii_hexdigit).then_some(())?;
                    self.at += 6;
                }
                _ => return None,
            }
        }
    }
}

/// Longer strings are looked at in blocks. Those that SQS writes are shorter, but for its receipt handles.
const SHORT: usize = 48;

/// How many bytes come before the first one that ends a JSON string or interrupts it: a quote, a backslash, a control
/// character.
fn plain_len(bytes: &[u8]) -> usize {
    let (words, _) = bytes[..bytes.len().min(SHORT)].as_chunks();
    for (at, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        // The lowest mark is exact, also of these marks that are not exact each.
        let found = (zeros(word ^ each(b'"')) | zeros(word ^ each(b'\\')) | controls(word)) & HIGH;
        if found != 0 {
            return at * 8 + lowest(found);
        }
    }
    long_plain_len(bytes)
}

/// [`plain_len`] in blocks: every byte of one is looked at, for which the compiler has vector instructions.
#[inline(never)]
fn long_plain_len(bytes: &[u8]) -> usize {
    let is_plain_block = |block: &&[u8; 32]| {
        let mut found = 0;
        for &byte in *block {
            found |= u8::from(byte == b'"') | u8::from(byte == b'\\') | u8::from(byte < b' ');
        }
        found == 0
    };
    let is_plain = |&&byte: &&u8| byte != b'"' && byte != b'\\' && byte >= b' ';
    let plain = 32 * bytes.as_chunks().0.iter().take_while(is_plain_block).count();
    plain + bytes[plain..].iter().take_while(is_plain).count()
}

/// How many bytes of a string have no other escape than `\"`, no quote without it, and no control character. The body of a
/// message has so many quotes that going from one to the next would take longer. It may be less near the end of `bytes`.
fn escaped_quotes_len(bytes: &[u8]) -> usize {
    let exactly = |word: u64, byte: u8| {
        let other = word ^ each(byte);
        !(((other & !HIGH) + !HIGH) | other) & HIGH
    };
    let (words, _) = bytes.as_chunks();
    // Marks the first byte of the next word if the last one of this word is a backslash.
    let mut escaped = 0;
    for (at, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let backslashes = exactly(word, b'\\');
        let alone = exactly(word, b'"') ^ (backslashes << 8 | escaped);
        let found = alone | (controls(word) & HIGH);
        if found != 0 {
            let len = at * 8 + lowest(found);
            // What is found may be what follows another escape's backslash.
            return if bytes[..len].ends_with(b"\\") { len - 1 } else { len };
        }
        escaped = backslashes >> 56;
    }
    words.len() * 8 - usize::from(escaped != 0)
}

// Bytes are looked at eight at a time, as one word. What is found is marked by the highest bit of its byte.
const HIGH: u64 = each(0x80);

const fn each(byte: u8) -> u64 {
    u64::MAX / 255 * byte as u64
}

/// Marks the bytes that are 0; above the first one, also others may be marked, by a borrow of the subtraction.
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(each(1)) & !word
}

/// Marks the control characters; above the first one, also others may be marked.
fn controls(word: u64) -> u64 {
    word.wrapping_sub(each(b' ')) & !word
}

/// The place of the first byte that is marked.
fn lowest(marks: u64) -> usize {
    marks.trailing_zeros() as usize / 8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The places where a string of some length is interrupted, by each byte that may do so and its neighbours.
    fn interrupted() -> impl Iterator<Item = (Vec<u8>, usize)> {
        let lengths = (0..20).chain([46, 47, 48, 49, 63, 64, 65, 96, 200]);
        let bytes =
            [b'"', b'\\', 0, b'\n', 0x1f, b' ', b'!', b'#', b'[', b']', 0x7f, 0x80, 0x9f, 0xa2, 0xdc, 0xff];
        lengths.flat_map(move |len| {
            bytes.map(|byte| ([vec![b'a'; len], vec![byte], vec![b'"'; 9]].concat(), len))
        })
    }

    #[test]
    fn a_string_is_plain_up_to_a_quote_a_backslash_or_a_control_character() {
        for (bytes, at) in interrupted() {
            let is_plain = bytes[at] >= b' ' && bytes[at] != b'"' && bytes[at] != b'\\';
            assert_eq!(plain_len(&bytes), at + usize::from(is_plain), "{:?}", bytes.escape_ascii());
            assert_eq!(plain_len(&bytes[..at]), at);
        }
    }

    #[test]
    fn escaped_quotes_do_not_end_a_string_and_other_escapes_are_left_to_look_at() {
        let quotes = br#"{\"a\":\"\",\"bcdefghijklmnopq\":\""#;
        for start in 0..quotes.len() {
            if quotes[start] == b'"' {
                continue;
            }
            for (odd, skipped) in
                [(&b"\""[..], 0), (b"\\\\\"", 0), (b"\\n\"", 0), (b"\n", 0), (b"\\\"\"", 2), (b"ab\"", 2)]
            {
                let bytes = [&quotes[start..], odd, b"aaaaaaaaaaaaaaaa"].concat();
                let expected = quotes.len() - start + skipped;
                assert_eq!(escaped_quotes_len(&bytes), expected, "{}", bytes.escape_ascii());
            }
        }
    }
}
