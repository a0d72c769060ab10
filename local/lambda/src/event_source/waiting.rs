//! The batches that wait for the function.
//!
//! A batch may go to the function if it shares no message group with a batch that is there or with an earlier one here.
//! So the order within a group holds while other groups pass (Lambda Developer Guide, "Configuring scaling behavior for
//! SQS event source mappings": message groups). Batches of a standard queue have no groups.

use std::collections::{BTreeSet, VecDeque};

use super::batch::{Batch, Message};

/// The groups of a batch.
pub(super) type Groups = BTreeSet<String>;

/// Waiting batches, and the groups that are with the function.
#[derive(Debug, Default)]
pub(super) struct WaitingBatches {
    batches: VecDeque<Batch>,
    busy: Groups,
}

impl WaitingBatches {
    /// Adds a batch at the end.
    pub(super) fn push(&mut self, batch: Batch) {
        self.batches.push_back(batch);
    }

    /// How many batches wait.
    pub(super) fn len(&self) -> usize {
        self.batches.len()
    }

    /// Takes the first batch that may go; its groups are busy until [`WaitingBatches::finish`].
    pub(super) fn next(&mut self) -> Option<(Batch, Groups)> {
        let mut blocked = self.busy.clone();
        for (at, batch) in self.batches.iter().enumerate() {
            let groups = groups_of(batch);
            if blocked.is_disjoint(&groups) {
                self.busy.extend(groups.iter().cloned());
                return self.batches.remove(at).map(|batch| (batch, groups));
            }
            blocked.extend(groups);
        }
        None
    }

    /// A batch with these groups is done. Messages of the groups in `failed` are removed, because an earlier message of
    /// the group is back in the queue; their number is returned.
    pub(super) fn finish(&mut self, groups: &Groups, failed: &Groups) -> usize {
        self.busy.retain(|group| !groups.contains(group));
        let is_behind = |message: &mut Message| message.group.as_ref().is_some_and(|g| failed.contains(g));
        let removed = self.batches.iter_mut().map(|batch| batch.extract_if(.., is_behind).count()).sum();
        self.batches.retain(|batch| !batch.is_empty());
        removed
    }

    /// The messages of all batches.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = Message> {
        std::mem::take(&mut self.batches).into_iter().flatten()
    }
}

/// The groups of messages.
pub(super) fn groups_of(messages: &[Message]) -> Groups {
    messages.iter().filter_map(|message| message.group.clone()).collect()
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    /// A batch with one message of each group; its messages are named `<name>/<group>`.
    fn batch(name: &str, groups: &[&str]) -> Batch {
        let message = |group: &&str| Message {
            id: format!("{name}/{group}"),
            receipt_handle: String::new(),
            group: Some((*group).to_owned()),
            json: String::new(),
            visible_at: Instant::now(),
        };
        groups.iter().map(message).collect()
    }

    fn waiting(batches: &[(&str, &[&str])]) -> WaitingBatches {
        let mut waiting = WaitingBatches::default();
        for (name, groups) in batches {
            waiting.push(batch(name, groups));
        }
        waiting
    }

    fn next(waiting: &mut WaitingBatches) -> Option<(Vec<String>, Groups)> {
        let (batch, groups) = waiting.next()?;
        Some((batch.into_iter().map(|message| message.id).collect(), groups))
    }

    #[tokio::test]
    async fn batches_of_a_group_keep_their_order_and_others_pass() {
        let mut waiting = waiting(&[("1", &["a"]), ("2", &["a", "b"]), ("3", &["b"]), ("4", &["c"])]);
        let (first, a) = next(&mut waiting).expect("the first");
        assert_eq!(first, ["1/a"]);
        // The third shares a group with the second, which waits for the first.
        assert_eq!(next(&mut waiting).map(|(ids, _)| ids), Some(vec!["4/c".to_owned()]));
        assert_eq!(next(&mut waiting), None);
        assert_eq!(waiting.finish(&a, &Groups::new()), 0);
        assert_eq!(next(&mut waiting).map(|(ids, _)| ids), Some(vec!["2/a".to_owned(), "2/b".to_owned()]));
        assert_eq!(next(&mut waiting), None);
    }
}
