//! How long to wait before the next attempt.

use std::time::Duration;

/// The wait after this many failures in a row (0 or more): `first`, then twice as long each time, up to `limit`.
pub(crate) fn wait((first, limit): (Duration, Duration), failures: u32) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(failures)).min(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_limit() {
        let between = (Duration::from_millis(100), Duration::from_millis(350));
        assert_eq!([0, 1, 2, 100].map(|failures| wait(between, failures).as_millis()), [100, 200, 350, 350]);
    }
}
