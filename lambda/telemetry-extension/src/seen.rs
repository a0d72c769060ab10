//! Finds repeated events within a bounded window.
//!
//! Lambda delivers at least once: it repeats a delivery whose response was lost. Keys are stored as 64-bit hashes, so the
//! window has a fixed size, and no request id outlives its event.

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hash};

use hashbrown::{DefaultHashBuilder, HashSet};

/// The number of keys in the window. An invocation has about six, so it covers several hundred invocations.
pub const WINDOW: usize = 4_096;

/// The latest keys.
#[derive(Debug, Default)]
pub struct Seen {
    hasher: DefaultHashBuilder,
    order: VecDeque<u64>,
    keys: HashSet<u64>,
}

impl Seen {
    /// Adds `key` and returns whether it is new.
    pub fn insert(&mut self, key: impl Hash) -> bool {
        let key = self.hasher.hash_one(key);
        if !self.keys.insert(key) {
            return false;
        }
        if self.order.len() == WINDOW
            && let Some(oldest) = self.order.pop_front()
        {
            self.keys.remove(&oldest);
        }
        self.order.push_back(key);
        true
    }

    /// Whether `key` is in the window.
    pub fn contains(&self, key: impl Hash) -> bool {
        self.keys.contains(&self.hasher.hash_one(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_has_the_latest_keys_and_does_not_grow() {
        let mut seen = Seen::default();
        for key in 0..10 * WINDOW {
            assert!(seen.insert(key));
            assert!(!seen.insert(key));
        }
        assert!(seen.contains(9 * WINDOW));
        assert!(seen.insert(9 * WINDOW - 1), "older than the window");
        assert_eq!((seen.order.len(), seen.keys.len()), (WINDOW, WINDOW));
    }
}
