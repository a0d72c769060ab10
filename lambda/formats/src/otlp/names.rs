//! Names of metrics, units and labels, by the rules of Prometheus's `otlptranslator` with underscores and suffixes.
//!
//! <https://github.com/prometheus/otlptranslator>

use std::borrow::Cow;

use remote_write::{InvalidName, LabelName, MetricName, NameEscaping};

use crate::text::truncated;

/// The suffix that a name gets for its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Suffix {
    /// A counter: `total`.
    Counter,
    /// A gauge: `ratio`, if its unit is `1`.
    Gauge,
    /// Any other type.
    None,
}

/// Units, and their names in Prometheus.
const UNITS: [(&str, &str); 26] = [
    ("d", "days"),
    ("h", "hours"),
    ("min", "minutes"),
    ("s", "seconds"),
    ("ms", "milliseconds"),
    ("us", "microseconds"),
    ("ns", "nanoseconds"),
    ("By", "bytes"),
    ("KiBy", "kibibytes"),
    ("MiBy", "mebibytes"),
    ("GiBy", "gibibytes"),
    ("TiBy", "tibibytes"),
    ("KBy", "kilobytes"),
    ("MBy", "megabytes"),
    ("GBy", "gigabytes"),
    ("TBy", "terabytes"),
    ("m", "meters"),
    ("V", "volts"),
    ("A", "amperes"),
    ("J", "joules"),
    ("W", "watts"),
    ("g", "grams"),
    ("Cel", "celsius"),
    ("Hz", "hertz"),
    ("1", ""),
    ("%", "percent"),
];

/// Units after a slash.
const PER_UNITS: [(&str, &str); 7] = [
    ("s", "second"),
    ("m", "minute"),
    ("h", "hour"),
    ("d", "day"),
    ("w", "week"),
    ("mo", "month"),
    ("y", "year"),
];

/// The name of a metric with suffixes for its unit and type.
///
/// # Errors
/// [`InvalidName`] if nothing is left of the name.
pub(super) fn metric(name: &str, unit: &str, suffix: Suffix) -> Result<MetricName<'static>, InvalidName> {
    let mut words: Vec<&str> = name.split(|c| !is_name_char(c)).filter(|word| !word.is_empty()).collect();
    let Unit { main, per } = Unit::of(unit);
    let mut main = &*main;
    let mut per = if per == "per_" { "" } else { without_end(&per) };
    if words.contains(&main) {
        main = "";
    }
    if words.contains(&per) {
        per = "";
    }
    if !per.is_empty() {
        main = without_end(main);
    }
    words.extend([main, per].into_iter().filter(|word| !word.is_empty()));
    let last = match suffix {
        Suffix::Counter => "total",
        Suffix::Gauge if unit == "1" => "ratio",
        _ => "",
    };
    if !last.is_empty() {
        words.retain(|&word| word != last);
        words.push(last);
    }
    let mut joined = words.join("_");
    if joined.starts_with(|c: char| c.is_ascii_digit()) {
        joined.insert(0, '_');
    }
    if joined.is_empty() && !name.is_empty() {
        return Err(InvalidName::Underscores(truncated(name)));
    }
    MetricName::new(joined, NameEscaping::Reject)
}

/// The name of a unit, for metadata.
pub(super) fn unit(unit: &str) -> String {
    let Unit { main, per } = Unit::of(unit);
    let joined = if main.is_empty() || per.is_empty() { main + &per } else { main + "_" + &per };
    without_end(joined.strip_prefix('_').unwrap_or(&joined)).to_owned()
}

/// The name of a label: runs of characters outside the charset become one underscore, except around a name such as
/// `__reserved__`.
///
/// # Errors
/// [`InvalidName`] if nothing is left of the name, or it is `__name__`.
pub(super) fn label<'a>(name: impl Into<Cow<'a, str>>) -> Result<LabelName<'a>, InvalidName> {
    let name = name.into();
    let is_reserved = name.len() >= 4 && name.starts_with("__") && name.ends_with("__");
    let inner = if is_reserved { &name[2..name.len() - 2] } else { &*name };
    if is_label(inner) && !name.starts_with(|c: char| c.is_ascii_digit()) {
        return LabelName::new(name, NameEscaping::Reject);
    }
    let around = if is_reserved { "__" } else { "" };
    let mut escaped = String::with_capacity(name.len() + 4);
    escaped.push_str(around);
    collapse(inner, |c| c.is_ascii_alphanumeric(), &mut escaped);
    escaped.push_str(around);
    if escaped.starts_with(|c: char| c.is_ascii_digit()) {
        escaped.insert_str(0, "key_");
    }
    if !name.is_empty() && escaped.bytes().all(|byte| byte == b'_') {
        return Err(InvalidName::Underscores(truncated(&name)));
    }
    LabelName::new(escaped, NameEscaping::Reject)
}

/// The name of a label of ours.
pub(super) fn own(name: &'static str) -> LabelName<'static> {
    LabelName::new(name, NameEscaping::Reject).expect("the names of our own labels are valid")
}

/// The words for a unit, before and after its slash.
struct Unit {
    main: String,
    /// With `per_` before it.
    per: String,
}

impl Unit {
    fn of(unit: &str) -> Self {
        let (main, per) = unit.split_once('/').unwrap_or((unit, ""));
        let word = |part: &str, names: &[(&str, &'static str)]| {
            let part = part.trim();
            // A part in braces is an annotation.
            let part = if part.contains(['{', '}']) { "" } else { part };
            match names.iter().find(|(known, _)| *known == part) {
                Some((_, name)) => (*name).to_owned(),
                None => part.to_owned(),
            }
        };
        let (main, mut per) = (word(main, &UNITS), word(per, &PER_UNITS));
        if !per.is_empty() {
            per.insert_str(0, "per_");
        }
        Self { main: cleaned(&main), per: cleaned(&per) }
    }
}

/// `unit` with one underscore for each run of characters outside the charset, and none at its start.
fn cleaned(unit: &str) -> String {
    let mut cleaned = String::with_capacity(unit.len());
    collapse(unit, is_name_char, &mut cleaned);
    if cleaned.starts_with('_') {
        cleaned.remove(0);
    }
    cleaned
}

/// Appends `text` with one underscore for each run of characters that are not `allowed`.
fn collapse(text: &str, allowed: impl Fn(char) -> bool, out: &mut String) {
    let mut is_in_run = false;
    for c in text.chars() {
        if allowed(c) {
            out.push(c);
        } else if !is_in_run {
            out.push('_');
        }
        is_in_run = !allowed(c);
    }
}

/// Whether a label name stays as it is, but for a digit at its start.
fn is_label(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let bytes = name.as_bytes();
    bytes.iter().all(|&byte| is_allowed(byte))
        && !bytes.array_windows().any(|pair| pair == b"__")
        && bytes.iter().any(|&byte| byte != b'_')
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == ':'
}

fn without_end(text: &str) -> &str {
    text.strip_suffix('_').unwrap_or(text)
}
