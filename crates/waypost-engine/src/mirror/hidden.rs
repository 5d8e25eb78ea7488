//! Routes that are there and that no dump lists: settling whether they are, by what the kernel tells of their slots without naming the table.

use std::net::IpAddr;

use waypost_core::{Entry, Family, IfIndex, InterfaceNames, RowId, Slot, Trace};

use super::alike::merges;
use super::bits::Bits;
use super::routes::Routes;
use super::{Event, Mirror};

/// A next hop, as far as a [`Trace`] tells of it.
type Way = (Option<IpAddr>, Option<IfIndex>);

/// What traces say of a route that may be hidden.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    There,
    Gone,
    /// They may be of this route or of another.
    Unknown,
}

impl Mirror {
    /// Says whether the last dump, of all routes of a family, has left routes that may have gone and that no dump lists if they are there.
    pub(crate) fn any_hidden(&self) -> bool {
        !self.routes.hidden.is_empty()
    }

    /// How many there are of such.
    pub(crate) fn hidden(&self) -> usize {
        self.routes.hidden.len()
    }

    /// Their slots, each once.
    pub(crate) fn hidden_slots(&self) -> Vec<Slot> {
        let mut slots: Vec<Slot> = self.routes.hidden.iter().map(|(slot, _)| *slot).collect();
        slots.sort_unstable();
        slots.dedup();
        slots
    }

    /// The kernel has told what there is of those slots, and nothing has changed since the dump: takes away what has gone, and says how
    /// many stay suspect.
    pub(crate) fn settle_hidden(&mut self, out: &mut Vec<Event>) -> usize {
        let traces = std::mem::take(&mut self.traces);
        self.routes.settle_hidden(&traces, &self.names, out)
    }

    /// What the kernel has told, and what it was told of, is of no use any more.
    pub(crate) fn forget_hidden(&mut self) {
        self.traces = Vec::new();
        self.routes.hidden.clear();
    }
}

impl Routes {
    fn settle_hidden(&mut self, traces: &[Trace], names: &InterfaceNames, out: &mut Vec<Event>) -> usize {
        let hidden = std::mem::take(&mut self.hidden);
        let mut rows = Bits::default();
        hidden.iter().for_each(|(_, row)| rows.insert(*row));
        let judge = |(slot, row): &(Slot, RowId)| {
            let ways = traces.iter().filter(|trace| trace.is_of(slot));
            let interface = |trace: &Trace| trace.interface.as_deref().and_then(|name| names.exactly(name));
            self.judge(slot, *row, &rows, ways.map(|trace| (trace.gateway, interface(trace))).collect())
        };
        let verdicts: Vec<Verdict> = hidden.iter().map(judge).collect();
        for ((slot, row), _) in hidden.iter().zip(&verdicts).filter(|(_, verdict)| **verdict == Verdict::Gone) {
            self.remove(slot, *row, out);
        }
        verdicts.iter().filter(|verdict| **verdict == Verdict::Unknown).count()
    }

    /// Judges a route of which `ways` may be: all that the kernel has of its slot, in whichever table. `hidden` are all rows to be judged.
    ///
    /// What is listed of the slot in any table accounts for its next hops; what is left is hidden. That this is the route and not one
    /// that came unheard, or one of other attributes in its place, cannot be told: it is taken for what was there.
    fn judge(&self, slot: &Slot, row: RowId, hidden: &Bits, mut ways: Vec<Way>) -> Verdict {
        let Some(entry) = self.tables.entry(row) else { return Verdict::Unknown };
        let (mut candidates, mut of_objects, mut hiding_tables) = (Vec::new(), 0, 0);
        let mut here = *slot;
        for table in self.tables.table_ids() {
            let mut hides = false;
            here.table = table;
            for (row, route) in self.tables.slot(&here) {
                if hidden.contains(row) {
                    candidates.push(route.entry);
                } else if route.entry.next_hop_object.is_some() {
                    // Which of the object's next hops is told is the kernel's affair (`nexthop_fib6_nh`, include/net/nexthop.h, Linux 6.18).
                    of_objects += 1;
                } else {
                    hides |= route.entry.next_hops.len() > 1 && merges(Family::V6, route.entry);
                    for way in ways_of(route.entry) {
                        // What is listed and not told of: the two are not of one moment.
                        let Some(at) = ways.iter().position(|told| *told == way) else { return Verdict::Unknown };
                        ways.swap_remove(at);
                    }
                }
            }
            hiding_tables += usize::from(hides);
        }
        if ways.len() <= of_objects {
            return if ways.len() == of_objects { Verdict::Gone } else { Verdict::Unknown };
        }
        let fitting: Vec<Way> = ways.into_iter().filter(|way| can_be_of(entry, way)).collect();
        let rivals = candidates.iter().filter(|other| fitting.iter().any(|way| can_be_of(other, way))).count();
        match fitting.len() {
            0 => Verdict::Gone,
            count if of_objects == 0 && hiding_tables == 1 && rivals <= count => Verdict::There,
            _ => Verdict::Unknown,
        }
    }
}

/// The next hops of a route; one that has none is told of once all the same.
fn ways_of(entry: &Entry) -> impl Iterator<Item = Way> {
    let none = entry.next_hops.is_empty().then_some((None, None));
    entry.next_hops.iter().map(|hop| (hop.gateway, hop.interface)).chain(none)
}

fn can_be_of(entry: &Entry, way: &Way) -> bool {
    entry.next_hop_object.is_some() || ways_of(entry).any(|own| own == *way)
}

#[cfg(test)]
mod tests {
    use waypost_core::{Link, LinkFlags, Notice, Route, RouteVerb, Verb};

    use super::*;
    use crate::Subject;

    const HIDING: &str = "2001:db8::/32 metric 5 nexthop via fe80::1 dev if2 nexthop via fe80::2 dev if2";
    const PLAIN: &str = "2001:db8::/32 dev if3 metric 5";
    const LEGS: [&str; 2] = ["fe80::1 w2", "fe80::2 w2"];

    fn route(text: &str) -> Route {
        text.parse().unwrap()
    }

    fn trace(text: &str) -> Notice {
        let (gateway, name) = text.split_once(' ').unwrap();
        let mut trace = Trace::new("2001:db8::/32".parse().unwrap(), 5);
        (trace.gateway, trace.interface) = (gateway.parse().ok(), Some(name.to_owned()));
        Notice::Trace(Box::new(trace))
    }

    /// A mirror that had these routes when a dump listed some of them, and is told of these ways: how many routes it has left, and how many of them are suspect.
    fn settled(hidden: &[&str], listed: &[&str], ways: &[&str]) -> (usize, usize) {
        let (mut mirror, mut out) = (Mirror::new(), Vec::new());
        for (index, name) in [(2, "w2"), (3, "w3"), (4, "w4")] {
            let mut link = Link::new(IfIndex::new(index).unwrap(), name);
            link.flags = LinkFlags::UP;
            mirror.handle(Notice::Link(Verb::Present, Box::new(link)), &mut out);
        }
        for text in hidden.iter().chain(listed) {
            mirror.handle(Notice::Route(RouteVerb::Appended, route(text)), &mut out);
        }
        mirror.begin(Subject::Routes(Family::V6, None));
        for text in listed {
            mirror.handle(Notice::Route(RouteVerb::Listed, route(text)), &mut out);
        }
        mirror.end(Subject::Routes(Family::V6, None), true, &mut out).unwrap();
        assert_eq!(mirror.hidden(), hidden.len());
        ways.iter().for_each(|way| mirror.handle(trace(way), &mut out));
        let left = mirror.settle_hidden(&mut out);
        assert!(!mirror.any_hidden() && mirror.traces.is_empty());
        (mirror.routes().count() - listed.len(), left)
    }

    fn with_legs<'a>(others: &[&'a str]) -> Vec<&'a str> {
        [&LEGS, others].concat()
    }

    #[test]
    fn what_is_told_of_is_there_and_what_is_not_has_gone() {
        assert_eq!(settled(&[PLAIN], &[HIDING], &with_legs(&["- w3"])), (1, 0));
        assert_eq!(settled(&[PLAIN], &[HIDING], &with_legs(&[])), (0, 0));
        assert_eq!(settled(&[PLAIN], &[HIDING], &with_legs(&["- w4"])), (0, 0), "another hidden one is not it");
        assert_eq!(settled(&[PLAIN], &[HIDING], &with_legs(&["- unknown"])), (0, 0));
    }

    #[test]
    fn one_of_an_advertisement_has_a_gateway_and_may_be_hidden() {
        let advertised = "2001:db8::/32 via fe80::9 dev if3 metric 5 proto ra";
        assert_eq!(settled(&[advertised], &[HIDING], &with_legs(&["fe80::9 w3"])), (1, 0));
        assert_eq!(settled(&[advertised], &[HIDING], &with_legs(&[])), (0, 0));
    }

    #[test]
    fn what_is_listed_elsewhere_accounts_for_what_is_told() {
        let elsewhere = "2001:db8::/32 dev if3 metric 5 table 7";
        assert_eq!(settled(&[PLAIN], &[HIDING, elsewhere], &with_legs(&["- w3"])), (0, 0));
        assert_eq!(settled(&[PLAIN], &[HIDING, elsewhere], &with_legs(&["- w3", "- w3"])), (1, 0));
    }

    #[test]
    fn where_two_tables_can_hide_it_none_is_certain() {
        let hiding_too = &HIDING.replace("metric 5", "metric 5 table 7");
        let ways = |others: &[&'static str]| [&LEGS, &LEGS, others].concat();
        assert_eq!(settled(&[PLAIN], &[HIDING, hiding_too], &ways(&["- w3"])), (1, 1));
        assert_eq!(settled(&[PLAIN], &[HIDING, hiding_too], &ways(&[])), (0, 0));
    }

    #[test]
    fn of_two_that_look_alike_none_is_certain_unless_both_are() {
        let two = ["prohibit 2001:db8::/32 dev if3 metric 5", "blackhole 2001:db8::/32 dev if3 metric 5"];
        assert_eq!(settled(&two, &[HIDING], &with_legs(&["- w3"])), (2, 2));
        assert_eq!(settled(&two, &[HIDING], &with_legs(&["- w3", "- w3"])), (2, 0));
        assert_eq!(settled(&two, &[HIDING], &with_legs(&[])), (0, 0));
    }

    #[test]
    fn what_is_listed_and_not_told_of_makes_all_of_it_worth_nothing() {
        assert_eq!(settled(&[PLAIN], &[HIDING], &LEGS[..1]), (1, 1));
        assert_eq!(settled(&[PLAIN], &[HIDING], &[]), (1, 1), "nor does nothing at all");
    }

    #[test]
    fn one_of_an_object_may_be_told_of_by_any_of_its_next_hops() {
        let of_object = "2001:db8::/32 nhid 7 via fe80::7 dev if4 metric 5";
        assert_eq!(settled(&[of_object], &[HIDING], &with_legs(&["fe80::8 w3"])), (1, 0), "the object is another by now");
        assert_eq!(settled(&[of_object], &[HIDING], &with_legs(&[])), (0, 0));
        let listed = "2001:db8::/32 nhid 8 via fe80::7 dev if4 metric 5";
        assert_eq!(settled(&[PLAIN], &[HIDING, listed], &with_legs(&["fe80::9 w3"])), (0, 0), "that is the object's");
        assert_eq!(settled(&[PLAIN], &[HIDING, listed], &with_legs(&["- w3", "fe80::9 w3"])), (1, 1));
        assert_eq!(settled(&[PLAIN], &[HIDING, listed], &with_legs(&[])), (1, 1), "it is listed and not told of");
    }
}
