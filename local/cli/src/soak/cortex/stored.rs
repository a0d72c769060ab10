//! Reads everything back from Cortex.

use std::collections::BTreeMap;
use std::time::Duration;

use local_testing::cortex::Cortex;
use local_testing::prometheus::{QueryError, SamplesByLabels};

use super::messages::{COUNT, CPU_LOAD, Instant, Series, TEMPERATURE, device};

/// Samples that are two hours old would be found, had they been stored.
const LOOKBACK: Duration = Duration::from_hours(3);

/// The contents of Cortex.
#[derive(Debug, Default)]
pub(super) struct Stored {
    pub(super) samples: BTreeMap<Instant, f64>,
    /// Label sets that no message has.
    pub(super) unknown: Vec<String>,
}

impl Stored {
    /// One query for each device keeps the answers small.
    pub(super) async fn read(cortex: &Cortex, devices: u32) -> Result<Self, QueryError> {
        let mut stored = Self::default();
        for number in 0..devices {
            let selector = format!("{{device=\"{}\"}}", device(number));
            stored.add(Some(number), cortex.samples(&selector, LOOKBACK).await?);
        }
        let others = "{__name__=~\".+\",device!~\"device-[0-9]+\"}";
        stored.add(None, cortex.samples(others, LOOKBACK).await?);
        Ok(stored)
    }

    /// Adds a later reading. Returns how many samples of the readings before are missing in it.
    pub(super) fn update(&mut self, later: Self) -> usize {
        let lost = self.samples.keys().filter(|instant| !later.samples.contains_key(instant)).count();
        self.samples.extend(later.samples);
        self.unknown.extend(later.unknown);
        lost
    }

    fn add(&mut self, number: Option<u32>, found: SamplesByLabels) {
        for (mut labels, samples) in found {
            let all = format!("{labels:?}");
            let name = labels.remove("__name__");
            let metric =
                [TEMPERATURE, COUNT, CPU_LOAD].into_iter().find(|&metric| name.as_deref() == Some(metric));
            match number.zip(metric) {
                Some((device, metric)) if labels.keys().eq(["device"]) => {
                    let series = Series { device, metric };
                    self.samples.extend(samples.into_iter().map(|(at, value)| ((series, at), value)));
                }
                _ => self.unknown.push(all),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_missing_in_a_later_reading_are_counted_and_kept() {
        let reading = |samples: &[(i64, f64)]| {
            let instant = |at| (Series { device: 0, metric: COUNT }, at);
            let samples = samples.iter().map(|&(at, value)| (instant(at), value)).collect();
            Stored { samples, unknown: Vec::new() }
        };
        let mut stored = reading(&[(1, 1.0), (2, 2.0)]);
        assert_eq!(stored.update(reading(&[(2, 2.5), (3, 3.0)])), 1);
        assert_eq!(stored.samples, reading(&[(1, 1.0), (2, 2.5), (3, 3.0)]).samples);
    }
}
