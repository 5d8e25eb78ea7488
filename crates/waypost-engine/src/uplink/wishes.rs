//! All wishes, by number and by uplink.

use std::collections::{BTreeMap, BTreeSet};

use super::Record;
use super::wish::{UplinkId, WishId};

/// The wishes that there are.
#[derive(Clone, Debug, Default)]
pub(super) struct Wishes {
    by_id: BTreeMap<WishId, Record>,
    /// Each uplink has a few of many, and is asked for them all the time.
    by_uplink: BTreeSet<(UplinkId, WishId)>,
}

impl Wishes {
    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    pub(super) fn insert(&mut self, record: Record) {
        let id = record.wish.id;
        self.by_uplink.insert((record.wish.uplink, id));
        self.by_id.insert(id, record);
    }

    pub(super) fn remove(&mut self, id: WishId) -> Option<Record> {
        let record = self.by_id.remove(&id)?;
        self.by_uplink.remove(&(record.wish.uplink, id));
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
        let own = self.by_uplink.range((uplink, WishId(0))..=(uplink, WishId(u64::MAX)));
        own.filter_map(|(_, id)| self.by_id.get(id))
    }
}
