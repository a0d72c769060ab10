//! Names of metrics and labels, valid by construction.
//!
//! Remote write 1.0, "Labels": a metric name matches `[a-zA-Z_:]([a-zA-Z0-9_:])*`, a label name
//! `[a-zA-Z_]([a-zA-Z0-9_])*`. Devices send `cpu.load` and `température` all the same, so names outside the
//! charset are escaped, or rejected if the user chooses so.

use std::borrow::Cow;

/// The label that carries the metric name. It is never taken from a caller: [`MetricName`] becomes it.
pub const METRIC_NAME_LABEL: &str = "__name__";

/// The number of characters of a rejected name that an error shows.
pub(crate) const SHOWN_CHARS: usize = 64;

/// What to do with a name outside the Prometheus charset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NameEscaping {
    /// Each character outside the charset becomes `_`: Prometheus's own `underscores` scheme, in which a leading
    /// digit is replaced as well.
    #[default]
    Underscores,
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
}

/// A valid metric name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MetricName<'a>(Cow<'a, str>);

/// A valid label name other than `__name__`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LabelName<'a>(Cow<'a, str>);

impl<'a> MetricName<'a> {
    /// Keeps a valid `name` and applies `escaping` to any other.
    ///
    /// # Errors
    /// - [`InvalidName::Empty`] for an empty name
    /// - [`InvalidName::Charset`] for a name outside the charset, when `escaping` is [`NameEscaping::Reject`]
    pub fn new(name: impl Into<Cow<'a, str>>, escaping: NameEscaping) -> Result<Self, InvalidName> {
        const CHARSET: &str = "[a-zA-Z_:][a-zA-Z0-9_:]*";
        in_charset(name.into(), |c| is_name_char(c) || c == ':', CHARSET, escaping).map(Self)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'a> LabelName<'a> {
    /// Keeps a valid `name` and applies `escaping` to any other.
    ///
    /// # Errors
    /// - [`InvalidName::Empty`] for an empty name
    /// - [`InvalidName::Reserved`] for `__name__`, also when only escaping makes it that
    /// - [`InvalidName::Charset`] for a name outside the charset, when `escaping` is [`NameEscaping::Reject`]
    pub fn new(name: impl Into<Cow<'a, str>>, escaping: NameEscaping) -> Result<Self, InvalidName> {
        const CHARSET: &str = "[a-zA-Z_][a-zA-Z0-9_]*";
        let name = in_charset(name.into(), is_name_char, CHARSET, escaping)?;
        if name == METRIC_NAME_LABEL { Err(InvalidName::Reserved) } else { Ok(Self(name)) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn in_charset<'a>(
    name: Cow<'a, str>,
    allowed: impl Fn(char) -> bool,
    charset: &'static str,
    escaping: NameEscaping,
) -> Result<Cow<'a, str>, InvalidName> {
    let valid_at = |at: usize, c: char| allowed(c) && !(at == 0 && c.is_ascii_digit());
    if name.is_empty() {
        return Err(InvalidName::Empty);
    }
    // The first one alone, so that the rest is a plain loop over bytes.
    if valid_at(0, char::from(name.as_bytes()[0])) && name.bytes().all(|b| allowed(char::from(b))) {
        return Ok(name);
    }
    match escaping {
        NameEscaping::Underscores => {
            Ok(name.char_indices().map(|(at, c)| if valid_at(at, c) { c } else { '_' }).collect())
        }
        NameEscaping::Reject => {
            Err(InvalidName::Charset { name: name.chars().take(SHOWN_CHARS).collect(), charset })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::NameEscaping::{Reject, Underscores};
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
    fn escaping_follows_the_underscores_scheme_of_prometheus() {
        assert_eq!(metric("cpu.load-1m", Underscores).as_deref(), Ok("cpu_load_1m"));
        assert_eq!(metric("2xx", Underscores).as_deref(), Ok("_xx"));
        assert_eq!(metric("température", Underscores).as_deref(), Ok("temp_rature"));
        assert_eq!(metric("😀", Underscores).as_deref(), Ok("_"));
        assert_eq!(label("a:b", Underscores).as_deref(), Ok("a_b"), "a colon is for metric names only");
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
    fn empty_names_and_the_metric_name_label_are_refused_under_both_schemes() {
        for escaping in [Underscores, Reject] {
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
