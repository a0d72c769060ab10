//! A query under `ENFORCE_LABELS`: the restricted text has no selector without the label, as a reading of its tokens shows,
//! and restricting it again adds only the same matchers again.
#![no_main]

use std::borrow::Cow;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use query::Enforced;
use regex_lite::{Captures, Regex};
use remote_write::{LabelName, Labels, NameEscaping};

static ENFORCED: LazyLock<Enforced> = LazyLock::new(|| {
    let name = LabelName::new("tenant", NameEscaping::Reject).expect("a name");
    Enforced::new(&Labels::new(vec![(name, Cow::Borrowed("a\"b"))]).expect("one label"))
});

/// Texts in double quotes, which are the only ones of the printer.
static TEXT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"(?s)"(?:[^"\\]|\\.)*""#).expect("a fixed pattern"));

/// A selector with the label, where each text is its number.
static SELECTOR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"([a-zA-Z_:][a-zA-Z0-9_:]*)?\{[^{}]*\btenant=<own>[^{}]*\}").expect("a fixed pattern")
});

/// What may be left: functions, lists of labels, ranges, numbers and operators.
static OTHERS: LazyLock<Regex> = LazyLock::new(|| {
    let lists = r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^()]*\)";
    let words = r"\b(?:and|or|unless|atan2|bool|offset|NaN|Inf)\b";
    let call = r"\b[a-z][a-z0-9_]*\s*\(";
    let number = r"\b[0-9][0-9a-zA-Z.]*";
    Regex::new(&format!(r"{lists}|{words}|{call}|{number}|\[[^\[\]]*\]|<text>|[-+*/%^=!<>(),@.\s]"))
        .expect("a fixed pattern")
});

/// What may be a duration out of range, at which the parser panics: here a panic ends the process.
static LONG_DURATION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:offset|[\[:])\s*[-+]?\s*(?:[0-9.]*e|[0-9_]{19}|0x|nan|inf|[+#])")
        .expect("a fixed pattern")
});

fuzz_target!(|query: &str| {
    if LONG_DURATION.is_match(query) {
        return;
    }
    let restricted = match ENFORCED.restrict("query", query) {
        Ok(restricted) => restricted,
        Err(reason) => {
            assert!(reason.to_string().starts_with("invalid parameter \"query\": "));
            return;
        }
    };
    let number = |text: &Captures<'_>| if &text[0] == r#""a\"b""# { "<own>" } else { "<text>" };
    let tokens = TEXT.replace_all(&restricted, number);
    assert!(!tokens.contains(['#', '`', '\'', '"']), "{query} {restricted}");
    let rest = SELECTOR.replace_all(&tokens, " ");
    let rest = rest.replace("<own>", "<text>");
    let rest = OTHERS.replace_all(&rest, "");
    assert!(rest.is_empty(), "{query}: {restricted}: {rest}");
    ENFORCED.restrict("query", &restricted).expect("it can be restricted again");
});
