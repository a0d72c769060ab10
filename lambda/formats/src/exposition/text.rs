//! The text exposition format 0.0.4 and `OpenMetrics` 1.0.
//!
//! - <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>
//! - <https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md>
//!
//! One parser reads both, line by line, and accepts of 0.0.4 what the parser of the Pushgateway does. Here are the samples;
//! `comment` reads the metadata.

mod comment;

use std::borrow::Cow;
use std::mem;

use remote_write::{InvalidName, LabelName, METRIC_NAME_LABEL, MetricName, MetricType, NameEscaping, Value};

use super::cursor::{Cursor, Quoted};
use super::families::{Families, Part};
use super::go::{float, parse_float, quoted, quoted_byte};
use super::samples::{Label, NotAdded, Samples};
use super::{Dialect, InvalidExposition, InvalidLine};
use crate::event::first_duplicate;
use crate::event::value::Number;
use crate::limits::{KNOWN_LABELS, TooMany};

/// Reads `text` into `families` and `samples`.
pub(super) fn read<'a>(
    text: &'a [u8],
    dialect: Dialect,
    families: &mut Families<'a>,
    samples: &mut Samples<'a>,
) -> Result<(), InvalidExposition> {
    let mut reader = Reader {
        cursor: Cursor::new(text),
        dialect,
        families,
        samples,
        labels: Vec::new(),
        name: None,
        label_names: Vec::new(),
    };
    let mut line = 1;
    loop {
        match reader.line() {
            Ok(true) => line += 1,
            Ok(false) => return Ok(()),
            Err(reason) => return Err(InvalidExposition::Line { dialect, line, reason }),
        }
    }
}

struct Reader<'a, 'r> {
    cursor: Cursor<'a>,
    dialect: Dialect,
    families: &'r mut Families<'a>,
    samples: &'r mut Samples<'a>,
    /// The labels of a sample; kept for its memory.
    labels: Vec<Label<'a>>,
    /// The metric name of the sample before, if the next one can have it too.
    name: Option<Name<'a>>,
    /// The label names of samples before, by their positions. Most samples have those of the one before.
    label_names: Vec<LabelName<'a>>,
}

/// The metric name of a sample.
#[derive(Clone)]
struct Name<'a> {
    escaped: MetricName<'a>,
    /// The index of its family.
    family: usize,
    part: Part,
    /// The label that a part of a histogram or summary needs.
    bound: Option<&'static str>,
}

/// The labels of a sample as they are read.
struct Block<'a> {
    labels: Vec<Label<'a>>,
    /// The number of labels, with the one of the bound.
    count: usize,
    /// The number that a label `le` or `quantile` of a histogram or summary is.
    bound: Option<f64>,
}

impl<'a> Reader<'a, '_> {
    fn is_open_metrics(&self) -> bool {
        self.dialect == Dialect::OpenMetrics
    }

    /// Reads a line; false at the end of the text.
    fn line(&mut self) -> Result<bool, InvalidLine> {
        self.cursor.pass_blanks();
        match self.cursor.next() {
            None if self.is_open_metrics() => Err(InvalidLine::NoEof),
            None => Ok(false),
            Some(b'\n') if self.is_open_metrics() => Err(InvalidLine::Empty),
            Some(b'\n') => {
                self.cursor.pass();
                Ok(true)
            }
            Some(b'#') => {
                self.cursor.pass();
                self.comment()
            }
            Some(_) => self.sample().map(|()| true),
        }
    }

    /// Reads a line with a sample.
    fn sample(&mut self) -> Result<(), InvalidLine> {
        let mut name = None;
        if self.cursor.next() != Some(b'{') {
            name = Some(self.metric_name()?);
            self.cursor.pass_blanks();
        }
        let mut block = Block { labels: mem::take(&mut self.labels), count: 0, bound: None };
        block.labels.clear();
        if self.cursor.peek()? == b'{' {
            self.cursor.pass();
            let may_name = name.is_none();
            self.block(&mut name, may_name, &mut block)?;
            self.cursor.pass_blanks();
        }
        let name = name.ok_or(InvalidLine::NoMetricName)?;
        let word = self.cursor.word();
        self.cursor.peek()?;
        let value = parse_float(word).ok_or_else(|| InvalidLine::Value(quoted(word)))?;
        self.check_count(&name, &block, value.float)?;
        let timestamp_ms = match self.dialect {
            Dialect::Text => self.milliseconds()?,
            Dialect::OpenMetrics => self.seconds_and_exemplar()?,
        };
        self.add(name, &mut block, timestamp_ms, value)?;
        self.labels = block.labels;
        Ok(())
    }

    /// Reads the metric name at the start of a line.
    fn metric_name(&mut self) -> Result<Name<'a>, InvalidLine> {
        if let Some(name) = &self.name
            && self.cursor.pass_name(name.escaped.as_str())
        {
            return Ok(name.clone());
        }
        let given = self.cursor.name(Quoted::MetricName)?.ok_or(InvalidLine::NoMetricName)?;
        let name = self.family(given)?;
        self.name = (!name.escaped.is_escaped()).then(|| name.clone());
        Ok(name)
    }

    /// Reads the end of a line, with a timestamp before it or not.
    fn milliseconds(&mut self) -> Result<Option<i64>, InvalidLine> {
        if self.cursor.pass_if(b'\n') {
            return Ok(None);
        }
        self.cursor.pass_blanks();
        let word = self.cursor.word();
        self.cursor.peek()?;
        let number = str::from_utf8(word).ok().and_then(|word| word.parse().ok());
        let timestamp_ms = number.ok_or_else(|| InvalidLine::Milliseconds(quoted(word)))?;
        match self.cursor.line()? {
            b"" => Ok(Some(timestamp_ms)),
            rest => Err(InvalidLine::AfterTimestamp(quoted(rest))),
        }
    }

    /// Reads the end of a line of `OpenMetrics`, with a timestamp and an exemplar before it or not.
    fn seconds_and_exemplar(&mut self) -> Result<Option<i64>, InvalidLine> {
        self.cursor.pass_blanks();
        let timestamp_ms = self.seconds()?;
        if self.cursor.pass_if(b'#') {
            self.cursor.pass_blanks();
            if !self.cursor.pass_if(b'{') {
                return Err(InvalidLine::AfterSample(quoted(self.cursor.line()?)));
            }
            self.block(&mut None, false, &mut Block { labels: Vec::new(), count: 0, bound: None })?;
            self.cursor.pass_blanks();
            let word = self.cursor.word();
            parse_float(word).ok_or_else(|| InvalidLine::Value(quoted(word)))?;
            self.cursor.pass_blanks();
            self.seconds()?;
            self.samples.exemplars += 1;
        }
        match self.cursor.line()? {
            b"" => Ok(timestamp_ms),
            rest => Err(InvalidLine::AfterSample(quoted(rest))),
        }
    }

    /// Reads a number of seconds, if one is next, as milliseconds.
    fn seconds(&mut self) -> Result<Option<i64>, InvalidLine> {
        if matches!(self.cursor.peek()?, b'\n' | b'#') {
            return Ok(None);
        }
        let word = self.cursor.word();
        let number = parse_float(word).map(|number| (number.float * 1000.0).round());
        // The largest float64 below 2^63 is far beyond any time.
        #[expect(clippy::cast_possible_truncation, reason = "it is in the range")]
        let timestamp_ms = number.filter(|ms| ms.abs() < 9.2e18).map(|ms| ms as i64);
        self.cursor.pass_blanks();
        timestamp_ms.map(Some).ok_or_else(|| InvalidLine::Seconds(quoted(word)))
    }

    /// Reads the labels in braces, after the opening one, and the metric name if it may be among them.
    fn block(
        &mut self,
        name: &mut Option<Name<'a>>,
        may_name: bool,
        block: &mut Block<'a>,
    ) -> Result<(), InvalidLine> {
        loop {
            self.cursor.pass_blanks();
            if self.cursor.pass_if(b'}') {
                return match first_duplicate(&block.labels, |(label, _)| label.given()) {
                    Some(_) => Err(InvalidLine::DuplicateLabel(self.shown(name.as_ref()))),
                    None => Ok(()),
                };
            }
            self.cursor.peek()?;
            let Some(label) = self.label(name, may_name, block)? else { continue };
            block.count += 1;
            let value = self.label_value()?;
            match name.as_ref().and_then(|name| name.bound) {
                Some(bound) if bound == label.as_str() => block.bound = parse_bound(bound, &value)?,
                _ => block.labels.push((label, value.clone())),
            }
            TooMany::check(0, block.labels.len())?;
            self.cursor.pass_blanks();
            match self.cursor.peek()? {
                b',' => self.cursor.pass(),
                b'}' => {}
                _ => return Err(InvalidLine::AfterLabelValue(quoted(&*value))),
            }
        }
    }

    /// Reads the name of a label and the equals sign, or the metric name, which is not returned.
    fn label(
        &mut self,
        name: &mut Option<Name<'a>>,
        may_name: bool,
        block: &mut Block<'a>,
    ) -> Result<Option<LabelName<'a>>, InvalidLine> {
        if let Some(known) = self.label_names.get(block.count)
            && self.cursor.pass_label(known.as_str())
        {
            return Ok(Some(known.clone()));
        }
        let given = self.cursor.name(Quoted::LabelName)?;
        let given = given.ok_or_else(|| InvalidLine::NoLabelName(self.shown(name.as_ref())))?;
        self.cursor.pass_blanks();
        match self.cursor.peek()? {
            b'=' => self.cursor.pass(),
            next if !may_name => return Err(InvalidLine::NoEquals(quoted_byte(next))),
            _ if name.is_some() => return Err(InvalidLine::SecondName(self.shown(name.as_ref()))),
            b',' | b'}' => {
                let found = self.family(given)?;
                take_bound(&found, block)?;
                *name = Some(found);
                self.cursor.pass_if(b',');
                return Ok(None);
            }
            next => return Err(InvalidLine::AfterName(quoted_byte(next))),
        }
        let label = label_name(given, self.samples.rules().escaping)?;
        if !label.is_escaped() && block.count < KNOWN_LABELS {
            self.label_names.truncate(block.count);
            self.label_names.push(label.clone());
        }
        Ok(Some(label))
    }

    fn label_value(&mut self) -> Result<Cow<'a, str>, InvalidLine> {
        self.cursor.pass_blanks();
        match self.cursor.peek()? {
            b'"' => self.cursor.pass(),
            other => return Err(InvalidLine::NoQuote(quoted_byte(other))),
        }
        let value = self.cursor.quoted(Quoted::LabelValue, self.is_open_metrics())?;
        text(value).map_err(|value| InvalidLine::LabelValue(quoted(value)))
    }

    /// The name of a sample or a comment, and its family.
    fn family(&mut self, given: Cow<'a, [u8]>) -> Result<Name<'a>, InvalidLine> {
        let given = text(given).map_err(|given| InvalidLine::MetricName(quoted(given)))?;
        let escaped = metric_name(given.clone(), self.samples.rules().escaping)?;
        let (family, part) = self.families.find_or_add(given, self.dialect);
        TooMany::check(family + 1, 0)?;
        let bound = match self.families.get(family).and_then(|family| family.metric_type) {
            Some(MetricType::Histogram | MetricType::GaugeHistogram) => Some("le"),
            Some(MetricType::Summary) => Some("quantile"),
            _ => None,
        };
        Ok(Name { escaped, family, part, bound })
    }

    /// A family's name for an error.
    fn shown(&self, name: Option<&Name<'a>>) -> String {
        let family = name.and_then(|name| self.families.get(name.family));
        quoted(family.map_or("", |family| &*family.name))
    }

    fn check_count(&self, name: &Name<'a>, block: &Block<'a>, value: f64) -> Result<(), InvalidLine> {
        if name.bound != Some("le") || value >= 0.0 || value.is_nan() {
            return Ok(());
        }
        let what = match name.part {
            Part::Count => "count",
            Part::Value if block.bound.is_some() => "bucket population",
            _ => return Ok(()),
        };
        Err(InvalidLine::Negative { what, name: self.shown(Some(name)) })
    }

    /// Adds a sample. One of a histogram or summary without the label that it needs has no meaning: the Pushgateway
    /// ignores it.
    fn add(
        &mut self,
        Name { escaped: mut name, family, part, bound }: Name<'a>,
        block: &mut Block<'a>,
        timestamp_ms: Option<i64>,
        value: Number,
    ) -> Result<(), InvalidLine> {
        let escaping = self.samples.rules().escaping;
        let is_open_metrics = self.is_open_metrics();
        let family = self.families.family(family);
        let metric_type = *family.metric_type.get_or_insert_default();
        if let Some(label) = bound.filter(|_| part == Part::Value) {
            let Some(bound) = block.bound else {
                if is_open_metrics {
                    return Err(InvalidLine::NoBound { label, name: quoted(name.given()) });
                }
                return Ok(());
            };
            if label == "le" && name.given() == family.name {
                name = metric_name(Cow::Owned(format!("{}_bucket", family.name)), escaping)?;
            }
            block
                .labels
                .push((label_name(Cow::Borrowed(label.as_bytes()), escaping)?, Cow::Owned(float(bound))));
        }
        family.has_samples = true;
        self.samples.inexact_values += usize::from(value.inexact);
        let unique = bound.is_none().then_some(metric_type);
        self.samples.add(name, &block.labels, timestamp_ms, 0, Value::float(value.float), unique).map_err(
            |reason| match reason {
                NotAdded::Collision(collision) => InvalidLine::Names(collision.to_string()),
                NotAdded::TooMany(reason) => reason.into(),
            },
        )
    }
}

/// Moves the bound out of labels that came before the metric name.
fn take_bound(name: &Name<'_>, block: &mut Block<'_>) -> Result<(), InvalidLine> {
    let Some(bound) = name.bound else { return Ok(()) };
    if let Some(at) = block.labels.iter().position(|(label, _)| label.as_str() == bound) {
        let (_, value) = block.labels.remove(at);
        block.bound = parse_bound(bound, &value)?;
    }
    Ok(())
}

/// The number in a label `le` or `quantile`. NaN is not a bound.
fn parse_bound(label: &'static str, value: &str) -> Result<Option<f64>, InvalidLine> {
    match parse_float(value.as_bytes()) {
        Some(Number { float, .. }) => Ok(Some(float).filter(|bound| !bound.is_nan())),
        None => Err(InvalidLine::Bound { label, found: quoted(value) }),
    }
}

fn metric_name(given: Cow<'_, str>, escaping: NameEscaping) -> Result<MetricName<'_>, InvalidLine> {
    MetricName::new(given, escaping).map_err(|reason| match reason {
        InvalidName::Charset { name, .. } => InvalidLine::MetricName(quoted(name)),
        InvalidName::Empty => InvalidLine::MetricName(quoted("")),
        reason => InvalidLine::Names(reason.to_string()),
    })
}

fn label_name(given: Cow<'_, [u8]>, escaping: NameEscaping) -> Result<LabelName<'_>, InvalidLine> {
    let given = text(given).map_err(|given| InvalidLine::LabelName(quoted(given)))?;
    if given == METRIC_NAME_LABEL {
        return Err(InvalidLine::ReservedLabel);
    }
    LabelName::new(given, escaping).map_err(|reason| match reason {
        InvalidName::Charset { name, .. } => InvalidLine::LabelName(quoted(name)),
        InvalidName::Empty => InvalidLine::LabelName(quoted("")),
        reason => InvalidLine::Names(reason.to_string()),
    })
}

/// `bytes` as text, or as they are if they are not UTF-8.
fn text(bytes: Cow<'_, [u8]>) -> Result<Cow<'_, str>, Cow<'_, [u8]>> {
    match bytes {
        Cow::Borrowed(bytes) => str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| Cow::Borrowed(bytes)),
        Cow::Owned(bytes) => {
            String::from_utf8(bytes).map(Cow::Owned).map_err(|error| Cow::Owned(error.into_bytes()))
        }
    }
}
