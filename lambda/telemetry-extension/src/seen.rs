//! Seen: keys of events → whether they came before, within a bounded window.
//!
//! Lambda delivers at least once: a delivery whose answer was lost comes again. Keys are kept as 64-bit hashes, so the
//! window has the same size whatever is in the keys, and no request id outlives its event.

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hash};

use hashbrown::{DefaultHashBuilder, HashSet};

/// How many keys are remembered. An invocation has about six, so these are the latest several hundred invocations.
pub const WINDOW: usize = 4_096;

/// The keys that came last.
#[derive(Debug, Default)]
pub struct Seen {
    hasher: DefaultHashBuilder,
    order: VecDeque<u64>,
    keys: HashSet<u64>,
}

impl Seen {
    /// Remembers `key`. Whether it is new.
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

    /// Whether `key` is remembered.
    pub fn contains(&self, key: impl Hash) -> bool {
        self.keys.contains(&self.hasher.hash_one(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_keys_are_remembered_and_the_window_does_not_grow() {
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
