//! Fates: what became of the origins → what became of the records, which is what a caller knows. Pure.

use std::collections::HashSet;
use std::fmt;
use std::rc::Rc;

use aws::Response;
use remote_write::Origin;

use crate::delivery::{Delivery, Fate, NotDelivered};
use crate::event::InvalidEvent;
use crate::intake::{Read, Record};
use crate::payload::Message;

/// What became of one record.
#[derive(Clone, Debug)]
pub enum RecordFate {
    /// The receiver has all of it.
    Delivered,
    /// It is no event, or has one that is none.
    Invalid {
        /// Which of its events is to blame, when there is a choice.
        at: Option<usize>,
        /// What is wrong.
        reason: InvalidEvent,
    },
    /// The receiver refuses it.
    Rejected(Rc<Response>),
    /// It could not be delivered now.
    NotDelivered(Rc<NotDelivered>),
    /// An earlier message of its FIFO group could not be delivered now, so its turn has not come.
    BehindItsGroup,
}

/// Why a record was not delivered, on one line.
impl fmt::Display for RecordFate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delivered => f.write_str("delivered"),
            Self::Invalid { at: Some(at), reason } => write!(f, "event {at}: {reason}"),
            Self::Invalid { at: None, reason } => write!(f, "{reason}"),
            Self::Rejected(answer) => write!(f, "the receiver answered {answer}"),
            Self::NotDelivered(reason) => write!(f, "{reason}"),
            Self::BehindItsGroup => f.write_str("an earlier message of its group could not be delivered"),
        }
    }
}

/// Leads back from the fates of origins to those of records.
pub fn fates_of_records(records: &[Record], delivery: &Delivery) -> Vec<RecordFate> {
    records
        .iter()
        .map(|record| match &record.read {
            Read::Invalid { at, reason, .. } => RecordFate::Invalid { at: *at, reason: reason.clone() },
            Read::Valid(origins) => {
                let rank = |fate: &Fate| match fate {
                    Fate::Delivered => 0,
                    Fate::Rejected(_) => 1,
                    Fate::NotDelivered(_) => 2,
                };
                match origins.clone().map(|origin| delivery.fate(Origin(origin))).max_by_key(rank) {
                    // A record without events has nothing to deliver.
                    None | Some(Fate::Delivered) => RecordFate::Delivered,
                    Some(Fate::Rejected(answer)) => RecordFate::Rejected(answer),
                    Some(Fate::NotDelivered(reason)) => RecordFate::NotDelivered(reason),
                }
            }
        })
        .collect()
}

/// In a FIFO queue, puts everything behind the first message of its group that could not be delivered now.
pub fn keep_groups_in_order(messages: &[Message<'_>], fates: &mut [RecordFate]) {
    let mut stuck = HashSet::new();
    for (message, fate) in messages.iter().zip(fates) {
        let group = message.attributes().message_group_id;
        if stuck.contains(&group) {
            *fate = RecordFate::BehindItsGroup;
        } else if matches!(fate, RecordFate::NotDelivered(_)) {
            stuck.insert(group);
        }
    }
}
