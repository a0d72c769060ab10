//! The metrics at one instant, in a form that every destination can write.

use super::family::{FAMILIES, Family, Kind};

/// The labels of a metric besides the common ones. An empty name means no label.
pub type OwnLabels = [(&'static str, &'static str); 2];

/// The value of one series, without the common labels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The name of the series.
    pub name: &'static str,
    /// The own labels.
    pub labels: OwnLabels,
    /// The value.
    pub value: f64,
    /// Whether the value grows from zero and never falls.
    pub cumulative: bool,
}

/// All families with a series, and their points.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// In the order of [`FAMILIES`]. The points of a histogram are its buckets, its sum and its count.
    pub families: Vec<(&'static Family, Vec<Point>)>,
}

const NO_LABELS: OwnLabels = [("", ""); 2];

impl Point {
    /// The own labels, without empty ones.
    pub fn labels(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.labels.into_iter().filter(|(name, _)| !name.is_empty())
    }

    /// The key of the series.
    pub fn series(&self) -> (&'static str, OwnLabels) {
        (self.name, self.labels)
    }
}

impl Snapshot {
    /// All families, without points.
    pub(super) fn empty() -> Self {
        Self { families: FAMILIES.iter().map(|family| (*family, Vec::new())).collect() }
    }

    /// All points.
    pub fn points(&self) -> impl Iterator<Item = &Point> {
        self.families.iter().flat_map(|(_, points)| points)
    }

    fn points_of(&mut self, family: &'static Family) -> &mut Vec<Point> {
        let found = self.families.iter_mut().find(|(known, _)| std::ptr::eq(*known, family));
        &mut found.expect("every family is in the table").1
    }

    /// Adds to a counter. The first time, even with zero, begins its series.
    pub(super) fn add(&mut self, family: &'static Family, value: f64) {
        self.add_to(family, NO_LABELS, value);
    }

    /// Adds one to a counter with one label.
    pub(super) fn count(&mut self, family: &'static Family, label: &'static str, value: &'static str) {
        self.add_to(family, [(label, value), ("", "")], 1.0);
    }

    /// Adds to the counter with these labels.
    pub(super) fn add_to(&mut self, family: &'static Family, labels: OwnLabels, value: f64) {
        let points = self.points_of(family);
        match points.iter_mut().find(|point| point.labels == labels) {
            Some(point) => point.value += value,
            None => points.push(Point { name: family.name, labels, value, cumulative: true }),
        }
    }

    /// Sets a gauge.
    pub(super) fn set(&mut self, family: &'static Family, value: f64) {
        *self.points_of(family) =
            vec![Point { name: family.name, labels: NO_LABELS, value, cumulative: false }];
    }

    /// Sets a gauge to `value` unless it is higher.
    pub(super) fn raise(&mut self, family: &'static Family, value: f64) {
        let highest = self.points_of(family).iter().fold(value, |highest, point| highest.max(point.value));
        self.set(family, highest);
    }

    /// Begins the series of a histogram or a summary.
    pub(super) fn begin(&mut self, family: &'static Family) -> &mut Vec<Point> {
        let points = self.points_of(family);
        if points.is_empty() {
            let zero = |name, labels| Point { name, labels, value: 0.0, cumulative: true };
            let [bucket, sum, count] = family.parts;
            if family.kind == Kind::Histogram {
                let bounds = family.bounds.iter().map(|bound| bound.text).chain(["+Inf"]);
                points.extend(bounds.map(|le| zero(bucket, [("le", le), ("", "")])));
            }
            points.extend([zero(sum, NO_LABELS), zero(count, NO_LABELS)]);
        }
        points
    }

    /// Counts a value, which must be finite and not negative, in a histogram or a summary.
    pub(super) fn observe(&mut self, family: &'static Family, value: Option<f64>) {
        let Some(value) = value else { return };
        let lower = family.bounds.iter().take_while(|bound| value > bound.le).count();
        if let [buckets @ .., sum, count] = self.begin(family).as_mut_slice() {
            buckets.iter_mut().skip(lower).for_each(|bucket| bucket.value += 1.0);
            sum.value += value;
            count.value += 1.0;
        }
    }
}
