//! All wishes, by number and by uplink.

use std::collections::BTreeMap;

use super::Record;
use super::wish::{UplinkId, WishId};

/// The wishes that there are.
#[derive(Clone, Debug, Default)]
pub(super) struct Wishes {
    by_id: BTreeMap<WishId, Record>,
    /// Each uplink has a few of many, and is asked for them all the time.
    by_uplink: BTreeMap<UplinkId, Vec<WishId>>,
}

impl Wishes {
    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    pub(super) fn insert(&mut self, record: Record) {
        let id = record.wish.id;
        self.by_uplink.entry(record.wish.uplink).or_default().push(id);
        self.by_id.insert(id, record);
    }

    pub(super) fn remove(&mut self, id: WishId) -> Option<Record> {
        let record = self.by_id.remove(&id)?;
        let uplink = record.wish.uplink;
        if let Some(own) = self.by_uplink.get_mut(&uplink) {
            own.retain(|other| *other != id);
            if own.is_empty() {
                self.by_uplink.remove(&uplink);
            }
        }
        Some(record)
    }

    pub(super) fn get(&self, id: WishId) -> Option<&Record> {
        self.by_id.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: WishId) -> Option<&mut Record> {
        self.by_id.get_mut(&id)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Record> + Clone {
        self.by_id.values()
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut Record> {
        self.by_id.values_mut()
    }

    /// Those of one uplink, the oldest first.
    pub(super) fn of(&self, uplink: UplinkId) -> impl Iterator<Item = &Record> {
        self.by_uplink.get(&uplink).into_iter().flatten().filter_map(|id| self.by_id.get(id))
    }
}
