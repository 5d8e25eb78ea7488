//! The routes: what each notice of one does to the tables.

use rustc_hash::FxHashSet;
use waypost_core::{
    Entry, Family, IfIndex, NextHop, NextHopFlags, Position, Protocol, Route, RouteFilter, RouteFlags, RouteRef, RouteVerb,
    RowId, Slot, Tables,
};

use super::alike::{alike, legs_within, merged, merges, without};
use super::bits::Bits;
use super::{Change, Event};

/// How many slots that events have emptied are remembered during a dump. With more, what the dump lists is not believed.
const GONE_MAX: usize = 1 << 16;

/// How many routes are taken away at once that a dump has not listed: each is an event, and there can be a million.
const SLICE: usize = 1024;

/// The routes, and what is being learnt of them from a dump.
#[derive(Clone, Debug)]
pub(super) struct Routes {
    pub(super) tables: Tables,
    dump: Option<Listing>,
    /// What the dump that has ended says of routes, as far as it has not been done yet.
    ending: Option<Ending>,
    pub(super) tally: Tally,
    /// Those of the changes that the kernel announced.
    announced: Tally,
    /// Changes are told.
    pub(super) announce: bool,
    /// An event did not fit what is known of its slot: only reading that family again tells what is true.
    pub(super) doubted: [bool; 2],
    /// An event has replaced a route beside others: which of them it hit depends on none having gone without a word.
    pub(super) ambiguous: [bool; 2],
    /// What the last dump of all routes of its family has not listed and perhaps could not, if that dump was sound.
    pub(super) hidden: Vec<(Slot, RowId)>,
    /// The rows of the slot in hand, kept for its memory.
    rows: Vec<RowId>,
}

/// How many changes there have been.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) added: u64,
    pub(crate) removed: u64,
    pub(crate) replaced: u64,
}

impl Tally {
    /// How many there are of both.
    const fn and(self, other: Self) -> Self {
        Self { added: self.added + other.added, removed: self.removed + other.removed, replaced: self.replaced + other.replaced }
    }

    /// How many there have been since there were as many as `before`.
    pub(crate) const fn since(self, before: Self) -> Self {
        Self {
            added: self.added - before.added,
            removed: self.removed - before.removed,
            replaced: self.replaced - before.replaced,
        }
    }
}

/// A dump of routes that has been asked for and has not ended.
#[derive(Clone, Debug)]
struct Listing {
    scope: RouteFilter,
    /// There was no route of the family when it began.
    fresh: bool,
    /// Nothing has been said meanwhile by which the dump could be torn.
    quiescent: bool,
    /// Too much has gone meanwhile to tell what of the dump is stale.
    void: bool,
    seen: Bits,
    /// The rows that events have spoken of: their slots are the events' affair.
    touched: Bits,
    /// The slots that events have taken something from.
    gone: FxHashSet<Slot>,
    /// What was listed once more, with how many of its slot were listed before: a torn dump repeats itself, but a kernel can have two of
    /// one IPv6 route, where replacing another made the one like it (`fib6_add_rt2node`, net/ipv6/ip6_fib.c, Linux 6.18).
    twins: Vec<(usize, Route)>,
}

/// What is left to do of a dump that told the whole truth. Nothing else may be taken in until it is done: rows get new routes.
#[derive(Clone, Debug)]
struct Ending {
    /// What has gone.
    gone: std::vec::IntoIter<(Slot, RowId)>,
    twins: Vec<(usize, Route)>,
    /// What has been listed: others that it hid stand between.
    seen: Bits,
}

impl Listing {
    fn see(&mut self, row: RowId) {
        self.seen.insert(row);
    }
}

impl Routes {
    pub(super) fn new() -> Self {
        let (tally, doubted, ambiguous) = (Tally::default(), [false; 2], [false; 2]);
        let announced = tally;
        Self {
            tables: Tables::new(),
            dump: None,
            ending: None,
            tally,
            announced,
            announce: true,
            doubted,
            ambiguous,
            hidden: Vec::new(),
            rows: Vec::new(),
        }
    }

    pub(super) const fn tables(&self) -> &Tables {
        &self.tables
    }

    pub(super) fn handle(&mut self, verb: RouteVerb, route: &Route, out: &mut Vec<Event>) {
        if route.entry.flags.contains(RouteFlags::CLONED) {
            return;
        }
        if verb == RouteVerb::Listed {
            return self.listed(route, out);
        }
        self.disturb();
        let before = self.tally;
        let mut rows = std::mem::take(&mut self.rows);
        rows.clear();
        rows.extend(self.tables.slot(&route.slot).map(|(row, _)| row));
        let position = match (verb, route.slot.destination.family()) {
            // IPv6 puts a route behind those of its metric, whoever asks for what (`fib6_add_rt2node`, net/ipv6/ip6_fib.c, Linux 6.18).
            (RouteVerb::Prepended, Family::V4) => Position::First,
            _ => Position::Last,
        };
        match verb {
            RouteVerb::Removed => self.removed(&rows, route, out),
            RouteVerb::Replaced => self.replaced(&rows, route, out),
            _ => self.added(&rows, route, position, out),
        }
        self.rows = rows;
        self.announced = self.announced.and(self.tally.since(before));
    }

    /// How many changes there have been that the kernel did not announce: reading found them.
    pub(super) const fn found(&self) -> Tally {
        self.tally.since(self.announced)
    }

    /// Something has been said by which a dump can be torn.
    pub(super) fn disturb(&mut self) {
        if let Some(dump) = &mut self.dump {
            dump.quiescent = false;
            dump.twins.clear();
        }
    }

    /// An event says that the route has come.
    fn added(&mut self, rows: &[RowId], route: &Route, position: Position, out: &mut Vec<Event>) {
        let entry = &route.entry;
        if let Some(at) = self.find(rows, |held| held == entry).or_else(|| self.find(rows, |held| alike(held, entry))) {
            return self.become_entry(rows[at], at, route, out);
        }
        let family = route.slot.destination.family();
        if merges(family, entry) && entry.next_hops.len() > 1 {
            let partner = |held: &Entry| merges(family, held) && legs_within(&held.next_hops, &entry.next_hops);
            if let Some(at) = self.find(rows, partner) {
                let mut whole = route.clone();
                if let Some(held) = self.tables.entry(rows[at]) {
                    whole.entry = merged(held, entry);
                }
                return self.become_entry(rows[at], at, &whole, out);
            }
        }
        let row = self.insert(route, position, out);
        self.touch(row);
    }

    /// An event says that the route has come in the place of another, which it does not name.
    fn replaced(&mut self, rows: &[RowId], route: &Route, out: &mut Vec<Event>) {
        let family = route.slot.destination.family();
        // A route whose next-hop object was replaced is announced as its own replacement, wherever it stands
        // (`__nexthop_replace_notify`, net/ipv4/nexthop.c, Linux 6.18).
        let of_object = route.entry.next_hop_object.is_some();
        let itself = if of_object { self.find(rows, |held| alike(held, &route.entry)) } else { None };
        let victim = self.victim(rows, family, &route.entry);
        let Some(at) = itself.or(victim) else {
            let row = self.insert(route, Position::First, out);
            return self.touch(row);
        };
        let (several, index) = (rows.len() > 1, family as usize);
        self.doubted[index] |= family == Family::V6 && several && (itself.is_none() || itself != victim);
        self.ambiguous[index] |= several && !self.doubted[index];
        self.become_entry(rows[at], at, route, out);
    }

    /// Which of a slot the kernel replaces. IPv4: the first (`fib_table_insert`, net/ipv4/fib_trie.c, Linux 6.18). IPv6: the
    /// first that merges with others if the new one does, or does not if it does not; failing that, the first
    /// (`fib6_add_rt2node`, net/ipv6/ip6_fib.c).
    fn victim(&self, rows: &[RowId], family: Family, entry: &Entry) -> Option<usize> {
        let same_kind = |held: &Entry| merges(family, held) == merges(family, entry);
        self.find(rows, same_kind).or((!rows.is_empty()).then_some(0))
    }

    /// An event says that the route has gone.
    fn removed(&mut self, rows: &[RowId], route: &Route, out: &mut Vec<Event>) {
        if let Some(dump) = &mut self.dump {
            dump.void |= dump.gone.len() >= GONE_MAX;
            if !dump.void {
                dump.gone.insert(route.slot);
            }
        }
        let (entry, family) = (&route.entry, route.slot.destination.family());
        let hops = &entry.next_hops;
        let same_legs = |held: &Entry| held.next_hops.len() == hops.len() && legs_within(hops, &held.next_hops);
        let exact = self.find(rows, |held| held == entry).or_else(|| self.find(rows, |held| alike(held, entry)));
        // IPv4 names all that it compares: one that only goes the same way is another, which stands beside one that was missed.
        let by_legs = || if family == Family::V6 { self.find(rows, same_legs) } else { None };
        if let Some(at) = exact.or_else(by_legs) {
            return self.remove(&route.slot, rows[at], out);
        }
        let part = |held: &Entry| merges(family, held) && merges(family, entry) && legs_within(hops, &held.next_hops);
        if let Some(at) = self.find(rows, part) {
            let left = self.tables.entry(rows[at]).map(|held| without(held, entry)).unwrap_or_default();
            if left.next_hops.is_empty() {
                return self.remove(&route.slot, rows[at], out);
            }
            // A route is listed with the protocol of its first leg. With that leg gone it is the next one's, which nobody tells.
            let first_goes =
                |held: &Entry| held.next_hops.first().is_some_and(|first| legs_within(std::slice::from_ref(first), hops));
            self.doubted[family as usize] |= self.tables.entry(rows[at]).is_some_and(first_goes);
            let mut rest = Route::from_parts(route.slot, left);
            rest.expires = self.tables.expires(rows[at]);
            return self.become_entry(rows[at], at, &rest, out);
        }
        self.doubted[family as usize] |= !rows.is_empty();
    }

    /// The dump has listed the route.
    fn listed(&mut self, route: &Route, out: &mut Vec<Event>) {
        if let Some(dump) = &mut self.dump {
            let asked = dump.scope.family.is_none_or(|family| family == route.slot.destination.family());
            if !asked || dump.void || (!dump.gone.is_empty() && dump.gone.contains(&route.slot)) {
                return;
            }
            if dump.fresh {
                if let Some(row) = self.tables.insert_alone(route) {
                    dump.see(row);
                    self.tally.added += 1;
                    if self.announce {
                        out.push(Event::Route { change: Change::Added(route.clone()), position: 0 });
                    }
                    return;
                }
            }
        }
        let mut rows = std::mem::take(&mut self.rows);
        rows.clear();
        rows.extend(self.tables.slot(&route.slot).map(|(row, _)| row));
        if !self.listed_alone(&rows, route) {
            self.listed_among(&rows, route, out);
        }
        self.rows = rows;
    }

    /// The dump has listed what is known, alone in its slot: most there is by far. Says whether it is so, and then it is done.
    fn listed_alone(&mut self, rows: &[RowId], route: &Route) -> bool {
        let (&[row], Some(dump)) = (rows, &mut self.dump) else { return false };
        let is_known = self.tables.entry(row) == Some(&route.entry);
        if !is_known || dump.touched.contains(row) || dump.seen.contains(row) {
            return false;
        }
        self.tables.set_expires(row, route.expires);
        dump.see(row);
        true
    }

    fn listed_among(&mut self, rows: &[RowId], route: &Route, out: &mut Vec<Event>) {
        let seen = |row: &RowId| self.dump.as_ref().is_some_and(|dump| dump.seen.contains(*row));
        if rows.iter().any(|row| self.dump.as_ref().is_some_and(|dump| dump.touched.contains(*row))) {
            return;
        }
        let (entry, family) = (&route.entry, route.slot.destination.family());
        let unseen = |wanted: &dyn Fn(&Entry) -> bool| {
            rows.iter().position(|row| !seen(row) && self.tables.entry(*row).is_some_and(wanted))
        };
        // The kernel lists a slot in its order, so what is listed now stands behind what has been listed of the slot.
        let next = rows.iter().rposition(seen).map_or(0, |last| last + 1);
        let found = unseen(&|held| held == entry);
        if found.is_none() && self.find(rows, |held| held == entry).is_some() {
            let listed = rows.iter().filter(|row| seen(row)).count();
            return self.listed_again(listed, route);
        }
        let related = |held: &Entry| {
            merges(family, held)
                && merges(family, entry)
                && (legs_within(&held.next_hops, &entry.next_hops) || legs_within(&entry.next_hops, &held.next_hops))
        };
        let found = found.or_else(|| unseen(&|held| alike(held, entry))).or_else(|| unseen(&related));
        let Some(at) = found else {
            let row = self.insert(route, Position::At(next), out);
            return self.see(row);
        };
        let (slot, row) = (route.slot, rows[at]);
        self.become_entry_untouched(row, at, route, out);
        match &self.dump {
            Some(dump) if at < next && dump.quiescent => self.relocate(&slot, row, next - 1, out),
            _ => self.see(row),
        }
    }

    /// The dump has listed a route behind so many of its slot, and one like it is among them. Those that merge are told apart by their gateways.
    fn listed_again(&mut self, listed: usize, route: &Route) {
        let can_be_twice = route.slot.destination.family() == Family::V6 && !merges(Family::V6, &route.entry);
        let Some(dump) = self.dump.as_mut().filter(|dump| dump.quiescent && can_be_twice) else { return };
        let twins = dump.twins.iter().filter(|(_, twin)| twin.slot == route.slot).count();
        dump.twins.push((listed + twins, route.clone()));
    }

    /// Puts a row at another place in its slot: it is told as going and coming.
    fn relocate(&mut self, slot: &Slot, row: RowId, next: usize, out: &mut Vec<Event>) {
        let Some((route, position)) = self.take(slot, row) else { return };
        if self.announce {
            out.push(Event::Route { change: Change::Removed(route.clone()), position });
        }
        let row = self.insert(&route, Position::At(next), out);
        self.see(row);
    }

    fn see(&mut self, row: RowId) {
        if let Some(dump) = &mut self.dump {
            dump.see(row);
        }
    }

    fn touch(&mut self, row: RowId) {
        if let Some(dump) = &mut self.dump {
            dump.touched.insert(row);
        }
    }

    fn find(&self, rows: &[RowId], wanted: impl Fn(&Entry) -> bool) -> Option<usize> {
        rows.iter().position(|row| self.tables.entry(*row).is_some_and(&wanted))
    }

    fn insert(&mut self, route: &Route, position: Position, out: &mut Vec<Event>) -> RowId {
        self.tally.added += 1;
        let (row, position) = self.tables.insert(route, position);
        if self.announce {
            out.push(Event::Route { change: Change::Added(route.clone()), position });
        }
        row
    }

    pub(super) fn remove(&mut self, slot: &Slot, row: RowId, out: &mut Vec<Event>) {
        let Some((route, position)) = self.take(slot, row) else { return };
        if self.announce {
            out.push(Event::Route { change: Change::Removed(route), position });
        }
    }

    fn take(&mut self, slot: &Slot, row: RowId) -> Option<(Route, usize)> {
        let taken = self.tables.remove(slot, row)?;
        if let Some(dump) = &mut self.dump {
            dump.seen.remove(row);
            dump.touched.remove(row);
        }
        self.tally.removed += 1;
        Some(taken)
    }

    /// An event says what the row at `position` of its slot is now.
    fn become_entry(&mut self, row: RowId, position: usize, new: &Route, out: &mut Vec<Event>) {
        self.touch(row);
        self.become_entry_untouched(row, position, new, out);
    }

    fn become_entry_untouched(&mut self, row: RowId, position: usize, new: &Route, out: &mut Vec<Event>) {
        let expires = self.tables.expires(row);
        self.tables.set_expires(row, new.expires);
        if self.tables.entry(row) == Some(&new.entry) {
            return;
        }
        let Some(old) = self.tables.set_entry(row, &new.entry) else { return };
        self.tally.replaced += 1;
        if self.announce {
            let old = RouteRef::new(new.slot, &old, expires).to_route();
            out.push(Event::Route { change: Change::Replaced { old, new: new.clone() }, position });
        }
    }

    /// A dump of the routes that pass `scope` has been asked for.
    pub(super) fn begin(&mut self, scope: RouteFilter) {
        let fresh = scope.family.is_some_and(|family| self.tables.len_of(family) == 0);
        self.dump = Some(Listing {
            scope,
            fresh,
            quiescent: true,
            void: false,
            seen: Bits::default(),
            touched: Bits::default(),
            gone: FxHashSet::default(),
            twins: Vec::new(),
        });
    }

    /// The dump has ended, `whole` if nobody says otherwise. What it has not listed has gone if it was quiescent; else it gives
    /// back how many are suspect. That is done by [`go_on`](Self::go_on).
    ///
    /// `is_up` says whether an interface is known to be on.
    pub(super) fn end(&mut self, whole: bool, is_up: impl Fn(IfIndex) -> bool) -> Result<(), usize> {
        let Some(dump) = self.dump.take() else { return Ok(()) };
        let sound = whole && dump.quiescent && !dump.void;
        self.hidden.clear();
        let suspect = |row: &RowId| !dump.seen.contains(*row) && !dump.touched.contains(*row);
        if self.all_seen(&dump) {
            self.ending = sound.then(|| Ending { gone: Vec::new().into_iter(), twins: dump.twins, seen: dump.seen });
            return if sound { Ok(()) } else { Err(0) };
        }
        let families = Family::ALL.into_iter().filter(|family| dump.scope.family.is_none_or(|own| own == *family));
        let missing = families.flat_map(|family| self.tables.rows_of(family));
        let missing = missing.filter(|(row, route)| suspect(row) && dump.scope.passes(*route));
        if !sound {
            return Err(missing.count());
        }
        let is_hidden = |route: &RouteRef<'_>| self.may_be_hidden(&dump, &route.slot, route.entry, &is_up);
        let (hidden, gone): (Vec<_>, Vec<_>) = missing.partition(|(_, route)| is_hidden(route));
        let named =
            |these: Vec<(RowId, RouteRef<'_>)>| these.into_iter().map(|(row, route)| (route.slot, row)).collect::<Vec<_>>();
        let (hidden, gone) = (named(hidden), named(gone));
        if dump.scope.interface.is_none() {
            self.hidden = hidden;
        }
        self.ending = Some(Ending { gone: gone.into_iter(), twins: dump.twins, seen: dump.seen });
        Ok(())
    }

    /// Does some of what is left to do of the dump that has ended; says whether there is more.
    pub(super) fn go_on(&mut self, out: &mut Vec<Event>) -> bool {
        let Some(mut ending) = self.ending.take() else { return false };
        for (slot, row) in ending.gone.by_ref().take(SLICE) {
            self.remove(&slot, row, out);
        }
        if ending.gone.len() > 0 {
            self.ending = Some(ending);
            return true;
        }
        // What a sound dump has listed twice is there twice.
        for (listed_before, twin) in ending.twins {
            let listed = self.tables.slot(&twin.slot).enumerate().filter(|(_, (row, _))| ending.seen.contains(*row));
            let position = listed.take(listed_before).last().map_or(0, |(at, _)| at + 1);
            let row = self.insert(&twin, Position::At(position), out);
            ending.seen.insert(row);
        }
        false
    }

    /// Says whether a dump would not list a route though it is there: IPv6 lists merged next hops at the place of the first and goes
    /// on behind the last, whatever else stands between (`fib6_dump_node`, net/ipv6/ip6_fib.c, Linux 6.18). What has a way out of
    /// an interface that is off is not there (`fib6_ifdown`, net/ipv6/route.c). A router's advertisement makes routes that have a gateway and do
    /// not merge (`RTF_ADDRCONF` in `rt6_qualify_for_ecmp`, include/net/ip6_route.h), of which nothing is told but the protocol.
    fn may_be_hidden(&self, dump: &Listing, slot: &Slot, entry: &Entry, is_up: &impl Fn(IfIndex) -> bool) -> bool {
        let family = slot.destination.family();
        let conceals = |(row, other): (RowId, RouteRef<'_>)| {
            let is_believed = dump.seen.contains(row) || !dump.scope.passes(other);
            other.entry.next_hops.len() > 1 && merges(family, other.entry) && is_believed
        };
        let is_twin = |(row, other): (RowId, RouteRef<'_>)| dump.seen.contains(row) && other.entry == entry;
        family == Family::V6
            && (!merges(family, entry) || entry.protocol == Protocol::RA)
            && !self.tables.slot(slot).any(is_twin)
            && entry.next_hops.iter().all(|hop| hop.interface.is_none_or(is_up))
            && self.tables.slot(slot).any(conceals)
    }

    /// Says, where that costs less than a walk, whether every route in the dump's scope has been listed.
    fn all_seen(&self, dump: &Listing) -> bool {
        match dump.scope.interface {
            None => dump.scope.family.is_some_and(|family| self.tables.len_of(family) == dump.seen.len()),
            Some(index) => self.tables.rows_with(|entry| uses(entry, index)).all(|row| dump.seen.contains(row)),
        }
    }

    /// Says whether any way out of this interface is marked as one that has no carrier.
    pub(super) fn any_marked_down(&self, index: IfIndex) -> bool {
        let marked =
            |hop: &NextHop| hop.interface == Some(index) && hop.flags.intersects(NextHopFlags::DEAD | NextHopFlags::LINK_DOWN);
        self.tables.entries().any(|entry| entry.next_hops.iter().any(marked))
    }

    /// Says whether any way out of this interface is not marked so.
    pub(super) fn any_not_marked_down(&self, index: IfIndex) -> bool {
        let plain =
            |hop: &NextHop| hop.interface == Some(index) && !hop.flags.intersects(NextHopFlags::DEAD | NextHopFlags::LINK_DOWN);
        self.tables.entries().any(|entry| entry.next_hops.iter().any(plain))
    }

    /// Says whether any route has a way out of this interface.
    pub(super) fn any_uses(&self, index: IfIndex) -> bool {
        self.tables.entries().any(|entry| uses(entry, index))
    }
}

fn uses(entry: &Entry, index: IfIndex) -> bool {
    entry.next_hops.iter().any(|hop| hop.interface == Some(index))
}
