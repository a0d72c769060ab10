//! Names of metrics and labels, valid by construction.
//!
//! Remote write 1.0, "Labels": a metric name matches `[a-zA-Z_:]([a-zA-Z0-9_:])*`, a label name
//! `[a-zA-Z_]([a-zA-Z0-9_])*`. Devices send `cpu.load` and `température` all the same, so names outside the
//! charset are escaped, or rejected if the user chooses so. A name keeps the one that it was made of, because
//! different names may be the same after escaping.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

/// The label that carries the metric name. It is never taken from a caller: [`MetricName`] becomes it.
pub const METRIC_NAME_LABEL: &str = "__name__";

/// The number of characters of a rejected name that an error shows.
const SHOWN_CHARS: usize = 64;

/// What to do with a name outside the Prometheus charset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NameEscaping {
    /// Each character outside the charset becomes `_`, and a leading digit gets a `_` before it, as in the translators
    /// of OpenTelemetry. Different names may become the same.
    #[default]
    Underscores,
    /// Prometheus's reversible scheme `values`: `U__`, then the name with `__` for `_`, and `_2e_` for a character outside
    /// the charset with the code point U+002E
    /// (<https://github.com/prometheus/proposals/blob/main/proposals/0028-utf8.md>).
    Values,
    /// The name is rejected.
    Reject,
}

/// The reason why a text is not a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Remote write forbids empty names.
    #[error("name is empty")]
    Empty,
    /// The label `__name__` belongs to the metric name.
    #[error("label `{METRIC_NAME_LABEL}` is reserved for the metric name")]
    Reserved,
    /// The name has a character outside the charset and escaping is off.
    #[error("name {name:?} does not match {charset}")]
    Charset {
        /// The rejected name, truncated to 64 characters.
        name: String,
        /// The regular expression for valid names.
        charset: &'static str,
    },
    /// The name has no character that escaping keeps, truncated to 64 characters.
    #[error("name {0:?} would be nothing but underscores after escaping")]
    Underscores(String),
}

/// Two different names that are the same after escaping. Each is truncated to 64 characters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("names {first:?} and {second:?} are both {escaped:?} after escaping")]
pub struct Collision {
    /// One of the names.
    pub first: String,
    /// The other name.
    pub second: String,
    /// What both become.
    pub escaped: String,
}

/// A valid metric name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricName<'a>(Name<'a>);

/// A valid label name other than `__name__`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelName<'a>(Name<'a>);

/// A valid name, and the name that it was made of. Its clones share the text: a histogram has one for each bucket.
#[derive(Clone, Debug)]
enum Name<'a> {
    /// It was valid.
    Given(&'a str),
    /// It was valid, and is owned.
    Owned(Arc<str>),
    /// The escaped name, a NUL, and the given name: one text, because there may be hundreds of thousands.
    Escaped(Arc<str>),
}

impl PartialEq for Name<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.is_escaped() == other.is_escaped() && self.text() == other.text()
    }
}

impl Eq for Name<'_> {}

impl<'a> MetricName<'a> {
    /// Keeps a valid `name` and applies `escaping` to any other.
    ///
    /// # Errors
    /// - [`InvalidName::Empty`] for an empty name
    /// - [`InvalidName::Charset`] for a name outside the charset, when `escaping` is [`NameEscaping::Reject`]
    /// - [`InvalidName::Underscores`] when `escaping` leaves nothing else of it
    pub fn new(name: impl Into<Cow<'a, str>>, escaping: NameEscaping) -> Result<Self, InvalidName> {
        const CHARSET: &str = "[a-zA-Z_:][a-zA-Z0-9_:]*";
        Name::new(name.into(), |c| is_name_char(c) || c == ':', CHARSET, escaping).map(Self)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The name before escaping.
    pub fn given(&self) -> &str {
        self.0.given()
    }

    /// Whether escaping changed the name.
    pub fn is_escaped(&self) -> bool {
        self.0.is_escaped()
    }
}

impl<'a> LabelName<'a> {
    /// Keeps a valid `name` and applies `escaping` to any other.
    ///
    /// # Errors
    /// - [`InvalidName::Empty`] for an empty name
    /// - [`InvalidName::Reserved`] for `__name__`, also when only escaping makes it that
    /// - [`InvalidName::Charset`] for a name outside the charset, when `escaping` is [`NameEscaping::Reject`]
    /// - [`InvalidName::Underscores`] when `escaping` leaves nothing else of it
    pub fn new(name: impl Into<Cow<'a, str>>, escaping: NameEscaping) -> Result<Self, InvalidName> {
        const CHARSET: &str = "[a-zA-Z_][a-zA-Z0-9_]*";
        let name = Name::new(name.into(), is_name_char, CHARSET, escaping)?;
        if name.as_str() == METRIC_NAME_LABEL { Err(InvalidName::Reserved) } else { Ok(Self(name)) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The name before escaping.
    pub fn given(&self) -> &str {
        self.0.given()
    }

    /// Whether escaping changed the name.
    pub fn is_escaped(&self) -> bool {
        self.0.is_escaped()
    }
}

impl Collision {
    /// `first` and `second`, which both become `escaped`.
    pub(crate) fn new(first: &str, second: &str, escaped: &str) -> Self {
        Self { first: shown(first), second: shown(second), escaped: shown(escaped) }
    }
}

impl<'a> Name<'a> {
    fn new(
        name: Cow<'a, str>,
        allowed: impl Fn(char) -> bool,
        charset: &'static str,
        escaping: NameEscaping,
    ) -> Result<Self, InvalidName> {
        let valid_at = |at: usize, c: char| allowed(c) && !(at == 0 && c.is_ascii_digit());
        if name.is_empty() {
            return Err(InvalidName::Empty);
        }
        // The first one alone, so that the rest is a plain loop over bytes.
        if valid_at(0, char::from(name.as_bytes()[0])) && name.bytes().all(|b| allowed(char::from(b))) {
            return Ok(match name {
                Cow::Borrowed(name) => Self::Given(name),
                Cow::Owned(name) => Self::Owned(name.into()),
            });
        }
        let mut both = String::with_capacity(2 * name.len() + 2);
        match escaping {
            NameEscaping::Underscores => {
                both.extend(name.starts_with(|c: char| c.is_ascii_digit()).then_some('_'));
                both.extend(name.chars().map(|c| if allowed(c) { c } else { '_' }));
                if both.bytes().all(|b| b == b'_') {
                    return Err(InvalidName::Underscores(shown(&name)));
                }
            }
            NameEscaping::Values => {
                both.push_str("U__");
                for (at, c) in name.char_indices() {
                    match c {
                        '_' => both.push_str("__"),
                        c if valid_at(at, c) => both.push(c),
                        c => write!(both, "_{:x}_", u32::from(c)).expect("a String takes any text"),
                    }
                }
            }
            NameEscaping::Reject => return Err(InvalidName::Charset { name: shown(&name), charset }),
        }
        both.push('\0');
        both.push_str(&name);
        Ok(Self::Escaped(both.into()))
    }

    /// The name, or both names.
    fn text(&self) -> &str {
        match self {
            Self::Given(text) => text,
            Self::Owned(text) | Self::Escaped(text) => text,
        }
    }

    fn as_str(&self) -> &str {
        let text = self.text();
        if self.is_escaped() { text.split_once('\0').map_or(text, |(escaped, _)| escaped) } else { text }
    }

    fn given(&self) -> &str {
        let text = self.text();
        if self.is_escaped() { text.split_once('\0').map_or(text, |(_, given)| given) } else { text }
    }

    fn is_escaped(&self) -> bool {
        matches!(self, Self::Escaped(_))
    }
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn shown(name: &str) -> String {
    name.chars().take(SHOWN_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::NameEscaping::{Reject, Underscores, Values};
    use super::*;

    fn metric(name: &str, escaping: NameEscaping) -> Result<String, InvalidName> {
        MetricName::new(name, escaping).map(|name| name.as_str().to_owned())
    }

    fn label(name: &str, escaping: NameEscaping) -> Result<String, InvalidName> {
        LabelName::new(name, escaping).map(|name| name.as_str().to_owned())
    }

    #[test]
    fn valid_names_stay_as_they_are() {
        for name in ["a", "_", "up", "http_requests_total", "A9", "__address__", "_1"] {
            assert_eq!(metric(name, Reject).as_deref(), Ok(name));
            assert_eq!(label(name, Reject).as_deref(), Ok(name));
        }
        assert_eq!(metric("job:rate:5m", Reject).as_deref(), Ok("job:rate:5m"));
    }

    #[test]
    fn characters_outside_the_charset_become_underscores() {
        assert_eq!(metric("cpu.load-1m", Underscores).as_deref(), Ok("cpu_load_1m"));
        assert_eq!(metric("température", Underscores).as_deref(), Ok("temp_rature"));
        assert_eq!(label("a:b", Underscores).as_deref(), Ok("a_b"), "a colon is for metric names only");
    }

    /// As in OpenTelemetry's `prometheus` translator.
    #[test]
    fn a_leading_digit_gets_an_underscore_before_it() {
        for (given, escaped) in [("4xx", "_4xx"), ("5xx", "_5xx"), ("2.5", "_2_5"), ("0", "_0")] {
            assert_eq!(metric(given, Underscores).as_deref(), Ok(escaped));
            assert_eq!(label(given, Underscores).as_deref(), Ok(escaped));
        }
    }

    #[test]
    fn a_name_that_would_be_nothing_but_underscores_is_invalid() {
        for given in ["温度", "湿度", "😀", ".", "_.", "__-__"] {
            assert_eq!(metric(given, Underscores), Err(InvalidName::Underscores(given.to_owned())));
            assert_eq!(label(given, Underscores), Err(InvalidName::Underscores(given.to_owned())));
        }
        assert!(label(":", Underscores).is_err());
        for given in ["_", "___"] {
            assert_eq!(metric(given, Underscores).as_deref(), Ok(given), "it is valid as it is");
        }
    }

    /// The cases of Prometheus's own tests of `EscapeName` with `ValueEncodingEscaping` (prometheus/common, `model`).
    #[test]
    fn values_are_those_of_prometheus() {
        for (given, escaped) in [
            ("no:escaping_required", "no:escaping_required"),
            ("mysystem.prod.west.cpu.load", "U__mysystem_2e_prod_2e_west_2e_cpu_2e_load"),
            ("mysystem.prod.west.cpu.load_total", "U__mysystem_2e_prod_2e_west_2e_cpu_2e_load__total"),
            ("http.status:sum", "U__http_2e_status:sum"),
            ("label with 😱", "U__label_20_with_20__1f631_"),
            ("花火", "U___82b1__706b_"),
            ("label with \u{100}", "U__label_20_with_20__100_"),
            ("4xx", "U___34_xx"),
        ] {
            assert_eq!(metric(given, Values).as_deref(), Ok(escaped));
        }
        assert_eq!(label("a:b", Values).as_deref(), Ok("U__a_3a_b"));
    }

    #[test]
    fn an_escaped_name_keeps_the_given_one() {
        for given in ["cpu.load", "a\0b.\0", "up"] {
            for escaping in [Underscores, Values] {
                assert_eq!(MetricName::new(given, escaping).unwrap().given(), given);
                assert_eq!(LabelName::new(given, escaping).unwrap().given(), given);
            }
        }
    }

    #[test]
    fn rejecting_names_the_charset_and_bounds_the_name() {
        let long = "é".repeat(1000);
        let Err(InvalidName::Charset { name, charset }) = label(&long, Reject) else { panic!("accepted") };
        assert_eq!(name.chars().count(), SHOWN_CHARS);
        assert_eq!(charset, "[a-zA-Z_][a-zA-Z0-9_]*");
        assert!(metric("9lives", Reject).is_err());
    }

    #[test]
    fn empty_names_and_the_metric_name_label_are_refused_under_every_scheme() {
        for escaping in [Underscores, Values, Reject] {
            assert_eq!(metric("", escaping), Err(InvalidName::Empty));
            assert_eq!(label("", escaping), Err(InvalidName::Empty));
            assert_eq!(label("__name__", escaping), Err(InvalidName::Reserved));
        }
        assert_eq!(
            label("--name..", Underscores),
            Err(InvalidName::Reserved),
            "escaping must not smuggle it in"
        );
    }
}
