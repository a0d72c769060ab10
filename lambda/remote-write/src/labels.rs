//! The label set of a series without its metric name.
//!
//! Remote write 1.0, "Labels": sorted by name, no duplicate name, no empty name, no empty value. All of it holds for
//! every [`Labels`], so later stages do not check it again. A point has many metrics and one label set, so the
//! metric name is not part of it.

use std::borrow::Cow;

use crate::name::{Collision, LabelName};

/// Sorted by name in byte order, unique, with non-empty values, without `__name__`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels<'a>(Vec<(LabelName<'a>, Cow<'a, str>)>);

impl<'a> Labels<'a> {
    /// Sorts `labels` and removes those with an empty value, which Prometheus treats as missing
    /// (<https://prometheus.io/docs/concepts/data_model/>).
    ///
    /// # Errors
    /// [`Collision`] when two of the labels that remain have the same name.
    pub fn new(mut labels: Vec<(LabelName<'a>, Cow<'a, str>)>) -> Result<Self, Collision> {
        labels.retain(|(_, value)| !value.is_empty());
        if labels.is_sorted_by(|(a, _), (b, _)| a.as_str() < b.as_str()) {
            return Ok(Self(labels));
        }
        labels.sort_unstable_by(|(a, _), (b, _)| a.as_str().cmp(b.as_str()));
        match labels.array_windows().find(|[(a, _), (b, _)]| a.as_str() == b.as_str()) {
            Some([(a, _), (b, _)]) => Err(Collision::new(a.given(), b.given(), a.as_str())),
            None => Ok(Self(labels)),
        }
    }

    /// Adds the labels of `defaults` whose names are not in the set: a point's own label wins over an external one.
    pub fn add_missing(&mut self, defaults: &Labels<'a>) {
        for (name, value) in &defaults.0 {
            if let Err(at) = self.0.binary_search_by(|(own, _)| own.as_str().cmp(name.as_str())) {
                self.0.insert(at, (name.clone(), value.clone()));
            }
        }
    }

    /// Removes the label with this name, and returns its value.
    pub fn remove(&mut self, name: &str) -> Option<Cow<'a, str>> {
        let at = self.0.binary_search_by(|(own, _)| own.as_str().cmp(name)).ok()?;
        Some(self.0.remove(at).1)
    }

    /// The labels in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), &**value))
    }

    /// The names in their order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &LabelName<'a>> {
        self.0.iter().map(|(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NameEscaping;

    fn labels<'a>(pairs: &[(&'a str, &'a str)]) -> Result<Labels<'a>, Collision> {
        let name = |name| LabelName::new(name, NameEscaping::Underscores).expect("a name the test chose");
        Labels::new(pairs.iter().map(|&(n, v)| (name(n), Cow::Borrowed(v))).collect())
    }

    fn pairs<'b>(labels: &'b Labels<'_>) -> Vec<(&'b str, &'b str)> {
        labels.iter().collect()
    }

    #[test]
    fn labels_are_sorted_by_the_bytes_of_their_names() {
        let sorted = labels(&[("b", "1"), ("a", "2"), ("_", "3"), ("B", "4"), ("a1", "5")]).unwrap();
        assert_eq!(pairs(&sorted), [("B", "4"), ("_", "3"), ("a", "2"), ("a1", "5"), ("b", "1")]);
    }

    #[test]
    fn a_label_with_an_empty_value_is_removed() {
        assert_eq!(pairs(&labels(&[("a", ""), ("b", "x")]).unwrap()), [("b", "x")]);
        assert_eq!(labels(&[("a", "")]).unwrap(), Labels::default());
        assert_eq!(pairs(&labels(&[("a.b", ""), ("a_b", "x")]).unwrap()), [("a_b", "x")]);
    }

    #[test]
    fn names_that_escaping_makes_equal_are_duplicates() {
        let error = labels(&[("a.b", "1"), ("a-b", "2")]).unwrap_err().to_string();
        assert!(
            error.contains("\"a.b\"") && error.contains("\"a-b\"") && error.contains("\"a_b\""),
            "{error}"
        );
    }

    #[test]
    fn own_labels_win_over_defaults() {
        let mut own = labels(&[("env", "test"), ("zone", "1")]).unwrap();
        own.add_missing(&labels(&[("env", "prod"), ("app", "shop"), ("zz", "9")]).unwrap());
        assert_eq!(pairs(&own), [("app", "shop"), ("env", "test"), ("zone", "1"), ("zz", "9")]);
    }
}
