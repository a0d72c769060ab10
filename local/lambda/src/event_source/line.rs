//! Which of the batches in line may be handed to the function next.
//!
//! In: full batches in order, and which message groups are with the function. Out: batches that share no group with
//! those or with one further ahead in line. So the order within a group holds while other groups pass (Lambda
//! Developer Guide, "Configuring scaling behavior for SQS event source mappings": message groups). Batches of a
//! standard queue have no groups and never wait. No I/O.

use std::collections::{BTreeSet, VecDeque};

use super::batch::Batch;

/// The groups of a batch.
pub(super) type Groups = BTreeSet<String>;

/// Batches in line, and the groups that are with the function.
#[derive(Debug, Default)]
pub(super) struct Line {
    waiting: VecDeque<Batch>,
    busy: Groups,
}

impl Line {
    /// Puts a batch at the end of the line.
    pub(super) fn push(&mut self, batch: Batch) {
        self.waiting.push_back(batch);
    }

    /// How many batches are in line.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Takes the first batch that may go; its groups are busy until [`Line::finish`].
    pub(super) fn next(&mut self) -> Option<(Batch, Groups)> {
        let mut blocked = self.busy.clone();
        for (at, batch) in self.waiting.iter().enumerate() {
            let groups = groups_of(batch);
            if blocked.is_disjoint(&groups) {
                self.busy.extend(groups.iter().cloned());
                return self.waiting.remove(at).map(|batch| (batch, groups));
            }
            blocked.extend(groups);
        }
        None
    }

    /// A batch with these groups is done. Of the groups in `failed` nothing in line may follow, since what was
    /// before it is back in the queue; these messages are taken out, and their number is returned.
    pub(super) fn finish(&mut self, groups: &Groups, failed: &Groups) -> usize {
        self.busy.retain(|group| !groups.contains(group));
        let mut taken = 0;
        for batch in &mut self.waiting {
            let before = batch.0.len();
            batch.0.retain(|message| message.group.as_ref().is_none_or(|group| !failed.contains(group)));
            taken += before - batch.0.len();
        }
        self.waiting.retain(|batch| !batch.0.is_empty());
        taken
    }

    /// Empties the line.
    pub(super) fn take_all(&mut self) -> Vec<Batch> {
        std::mem::take(&mut self.waiting).into()
    }
}

fn groups_of(batch: &Batch) -> Groups {
    batch.0.iter().filter_map(|message| message.group.clone()).collect()
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::super::batch::Message;
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
        Batch(groups.iter().map(message).collect())
    }

    fn line(batches: &[(&str, &[&str])]) -> Line {
        let mut line = Line::default();
        for (name, groups) in batches {
            line.push(batch(name, groups));
        }
        line
    }

    fn next(line: &mut Line) -> Option<(Vec<String>, Groups)> {
        let (batch, groups) = line.next()?;
        Some((batch.0.into_iter().map(|message| message.id).collect(), groups))
    }

    #[tokio::test]
    async fn batches_of_a_group_follow_each_other_and_other_groups_pass() {
        let mut line = line(&[("1", &["a"]), ("2", &["a", "b"]), ("3", &["b"]), ("4", &["c"])]);
        let (first, a) = next(&mut line).expect("the first");
        assert_eq!(first, ["1/a"]);
        // The third shares a group with the second, which waits for the first.
        assert_eq!(next(&mut line).map(|(ids, _)| ids), Some(vec!["4/c".to_owned()]));
        assert_eq!(next(&mut line), None);
        assert_eq!(line.finish(&a, &Groups::new()), 0);
        assert_eq!(next(&mut line).map(|(ids, _)| ids), Some(vec!["2/a".to_owned(), "2/b".to_owned()]));
        assert_eq!(next(&mut line), None);
    }

    #[tokio::test]
    async fn what_follows_a_failure_of_its_group_is_taken_out_of_the_line() {
        let mut line = line(&[("1", &["a"]), ("2", &["a", "b"]), ("3", &["a"])]);
        let (_, a) = next(&mut line).expect("the first");
        assert_eq!(line.finish(&a, &a), 2);
        assert_eq!(next(&mut line).map(|(ids, _)| ids), Some(vec!["2/b".to_owned()]));
        assert_eq!((next(&mut line), line.len()), (None, 0));
    }

    #[tokio::test]
    async fn batches_without_groups_never_wait() {
        let mut line = Line::default();
        for name in ["1", "2", "3"] {
            let mut batch = batch(name, &["x"]);
            batch.0[0].group = None;
            line.push(batch);
        }
        assert_eq!(std::iter::from_fn(|| next(&mut line)).count(), 3);
    }
}
