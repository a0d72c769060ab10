//! The clock and the environment of the process. No other module reads them.

use std::time::SystemTime;

/// The clock and the randomness of a [`Client`](crate::Client).
#[derive(Clone, Copy, Debug)]
pub struct World {
    /// The time of day, for signatures and `Retry-After` dates.
    pub now: fn() -> SystemTime,
    /// Uniform in 0 to 1, for the jitter of the backoff.
    pub random: fn() -> f64,
}

/// Reads environment variables: the value of a name, if it is set to text.
pub type Environment = fn(&str) -> Option<String>;

/// The value of an environment variable.
#[expect(clippy::disallowed_methods, reason = "the environment is passed inwards from here")]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The time of day.
#[expect(clippy::disallowed_methods, reason = "the clock is passed inwards from here")]
pub fn now() -> SystemTime {
    SystemTime::now()
}
