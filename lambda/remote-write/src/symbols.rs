//! The symbols of a request of remote write 2.0: the texts of its labels and metadata, each once.

use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;

use crate::encode::Version;
use crate::name::METRIC_NAME_LABEL;
use crate::series::{LabelsId, Series, SeriesId};
use crate::wire::{self, Description};

/// The symbols of a request, beginning with the empty text.
#[derive(Debug)]
pub(crate) struct Symbols<'s> {
    texts: Vec<&'s [u8]>,
    by_text: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// Their size as fields of a `Request`.
    len: usize,
    /// The label set of the last series: the metrics of a point share one.
    last: Option<LabelsId>,
    /// The symbols of the labels of the last series.
    labels: Vec<u32>,
    /// The place of its metric name among these.
    name_at: usize,
}

impl Default for Symbols<'_> {
    fn default() -> Self {
        let mut symbols = Self {
            texts: Vec::new(),
            by_text: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            len: 0,
            last: None,
            labels: Vec::new(),
            name_at: 0,
        };
        symbols.add(b"");
        symbols
    }
}

impl<'s> Symbols<'s> {
    /// Adds the texts of a series, which is one of `all`.
    pub(crate) fn describe(&mut self, all: &'s Series, series: SeriesId) -> Description<'_> {
        let fields = all.label_fields(series);
        if self.last.replace(fields.set) != Some(fields.set) {
            let mut labels = std::mem::take(&mut self.labels);
            labels.clear();
            labels.extend(wire::label_texts(fields.before_name).flatten().map(|text| self.add(text)));
            labels.push(self.add(METRIC_NAME_LABEL.as_bytes()));
            self.name_at = labels.len();
            labels.push(0);
            labels.extend(wire::label_texts(fields.after_name).flatten().map(|text| self.add(text)));
            self.labels = labels;
        }
        self.labels[self.name_at] = self.add(fields.name);
        let metadata = all.metadata_of(series).map(|metadata| {
            let (help, unit) = (self.add(metadata.help.as_bytes()), self.add(metadata.unit.as_bytes()));
            [metadata.metric_type.cast_unsigned(), help, unit]
        });
        Description { labels: &self.labels, metadata }
    }

    /// The size of the symbols as fields of a `Request`, in bytes.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Writes the symbols as fields of a `Request`.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        self.texts.iter().for_each(|text| wire::put_symbol(out, text));
    }

    /// The symbol of `text`.
    fn add(&mut self, text: &'s [u8]) -> u32 {
        let Self { texts, by_text, hasher, len, .. } = self;
        let hash = hasher.hash_one(text);
        if let Some(&known) = by_text.find(hash, |&symbol| texts[symbol as usize] == text) {
            return known;
        }
        let new = u32::try_from(texts.len()).expect("a request of 1 MB has fewer than 2^32 texts");
        texts.push(text);
        *len += wire::field_len(text.len());
        by_text.insert_unique(hash, new, |&symbol| hasher.hash_one(texts[symbol as usize]));
        new
    }
}

/// The size of a request while series are added to it.
#[derive(Debug)]
pub(crate) struct Size<'s> {
    series: &'s Series,
    /// Those of 2.0.
    symbols: Option<Symbols<'s>>,
    /// In bytes.
    pub(crate) len: usize,
}

/// The size of a series without its samples, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    /// The symbols that it adds to the request.
    symbols: usize,
    fields: usize,
}

impl<'s> Size<'s> {
    /// The size of a request without series.
    pub(crate) fn new(series: &'s Series, version: Version) -> Self {
        let symbols = (version == Version::V2).then(Symbols::default);
        let len = symbols.as_ref().map_or(0, Symbols::len);
        Self { series, symbols, len }
    }

    /// Adds the symbols of a series, without counting them yet.
    pub(crate) fn head(&mut self, series: SeriesId) -> Head {
        match &mut self.symbols {
            None => Head { symbols: 0, fields: self.series.label_fields(series).len() },
            Some(symbols) => {
                let before = symbols.len();
                let fields = symbols.describe(self.series, series).len();
                Head { symbols: symbols.len() - before, fields }
            }
        }
    }
}

impl Head {
    /// The size of the series with samples that take `samples_len` bytes.
    pub(crate) fn len(self, samples_len: usize) -> usize {
        self.symbols + wire::field_len(self.fields + samples_len)
    }
}
