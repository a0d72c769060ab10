//! The symbols of a request of version 2.0: every text of its series, once.

use crate::limits::TooMany;

use super::{InvalidRequest, InvalidSeries};

/// The symbols in their order.
#[derive(Debug, Default)]
pub(super) struct Symbols<'a>(
    /// `None` is not UTF-8.
    Vec<Option<&'a str>>,
);

impl<'a> Symbols<'a> {
    /// Adds a symbol.
    ///
    /// # Errors
    /// There are more than a body may have labels.
    pub(super) fn push(&mut self, symbol: &'a [u8]) -> Result<(), InvalidRequest> {
        self.0.push(str::from_utf8(symbol).ok());
        Ok(TooMany::check(0, self.0.len())?)
    }

    /// The text at `index`.
    ///
    /// # Errors
    /// The table ends before it, or its bytes are not UTF-8.
    pub(super) fn get(&self, index: u64) -> Result<&'a str, InvalidSeries> {
        let found = usize::try_from(index).ok().and_then(|at| self.0.get(at));
        let found = found.ok_or(InvalidSeries::Symbol { index, symbols: self.0.len() })?;
        found.ok_or(InvalidSeries::NotUtf8)
    }
}
