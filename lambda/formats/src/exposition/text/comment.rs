//! Comments: `# TYPE`, `# HELP`, `# UNIT` and `# EOF`.

use std::borrow::Cow;

use remote_write::MetricType;

use super::super::InvalidLine;
use super::super::cursor::{Quoted, unescaped};
use super::super::go::quoted;
use super::{Name, Reader, text};

impl<'a> Reader<'a, '_> {
    /// Reads what follows a `#`; false after the one that ends the text.
    pub(super) fn comment(&mut self) -> Result<bool, InvalidLine> {
        self.cursor.pass_blanks();
        let keyword = self.cursor.word();
        if self.is_open_metrics() {
            match keyword {
                b"EOF" => {
                    self.cursor.pass_if(b'\n');
                    return if self.cursor.next().is_none() { Ok(false) } else { Err(InvalidLine::AfterEof) };
                }
                b"HELP" | b"TYPE" | b"UNIT" => {}
                _ => return Err(InvalidLine::Comment(quoted(keyword))),
            }
        }
        let is_known = matches!(keyword, b"HELP" | b"TYPE") || self.is_open_metrics();
        if !is_known || self.cursor.peek()? == b'\n' {
            self.cursor.line()?;
            return Ok(true);
        }
        self.cursor.pass_blanks();
        let name = self.cursor.name(Quoted::MetricName)?;
        if self.cursor.peek()? == b'\n' {
            self.cursor.pass();
            return Ok(true);
        }
        let Some(name) = name.filter(|_| matches!(self.cursor.next(), Some(b' ' | b'\t'))) else {
            return Err(InvalidLine::NameInComment);
        };
        let Name { family, .. } = self.family(name)?;
        // Its type may change what a name is.
        self.name = None;
        self.cursor.pass_blanks();
        let text = self.cursor.line()?;
        if !text.is_empty() || self.is_open_metrics() {
            self.describe(family, keyword, text)?;
        }
        Ok(true)
    }

    /// Notes the metadata of a family.
    fn describe(&mut self, family: usize, keyword: &[u8], text: &'a [u8]) -> Result<(), InvalidLine> {
        let is_open_metrics = self.is_open_metrics();
        let family = self.families.family(family);
        let name = || quoted(&*family.name);
        match keyword {
            b"TYPE" => {
                if family.metric_type.is_some() {
                    return Err(InvalidLine::SecondType(name()));
                }
                let known = if is_open_metrics { open_metrics_type(text) } else { text_type(text) };
                family.metric_type = Some(known.ok_or_else(|| InvalidLine::Type(quoted(text)))?);
            }
            b"UNIT" => {
                if family.unit.is_some() {
                    return Err(InvalidLine::Second { keyword: "UNIT", name: name() });
                }
                let unit = lossy(Cow::Borrowed(text));
                let is_suffix = |prefix: &str| prefix.ends_with('_');
                if !unit.is_empty() && !family.name.strip_suffix(&*unit).is_some_and(is_suffix) {
                    return Err(InvalidLine::Unit { unit: quoted(text), name: name() });
                }
                family.unit = Some(unit);
            }
            _ => {
                if family.help.is_some() {
                    return Err(InvalidLine::Second { keyword: "HELP", name: name() });
                }
                family.help = Some(lossy(unescaped(text, is_open_metrics)?));
            }
        }
        Ok(())
    }
}

/// The types of 0.0.4, in any case, and those of protobuf, which the Pushgateway accepts too.
fn text_type(text: &[u8]) -> Option<MetricType> {
    const TYPES: [(&str, MetricType); 7] = [
        ("counter", MetricType::Counter),
        ("gauge", MetricType::Gauge),
        ("histogram", MetricType::Histogram),
        ("summary", MetricType::Summary),
        ("untyped", MetricType::Unknown),
        ("gauge_histogram", MetricType::GaugeHistogram),
        ("gaugehistogram", MetricType::GaugeHistogram),
    ];
    let is_text = |(name, _): &&(&str, _)| text.eq_ignore_ascii_case(name.as_bytes());
    TYPES.iter().find(is_text).map(|&(_, metric_type)| metric_type)
}

fn open_metrics_type(text: &[u8]) -> Option<MetricType> {
    str::from_utf8(text).ok().and_then(crate::metadata::metric_type)
}

fn lossy(bytes: Cow<'_, [u8]>) -> Cow<'_, str> {
    text(bytes).unwrap_or_else(|bytes| Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()))
}
