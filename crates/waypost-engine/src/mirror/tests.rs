use super::*;
use proptest::prelude::*;
use waypost_core::{Disposition, Entry, NextHop, NextHopFlags, Protocol, Slot};

fn route(text: &str) -> Route {
    text.parse().unwrap()
}

/// A mirror that has been told these routes.
fn mirror(routes: &[&str]) -> Mirror {
    let mut mirror = Mirror::new();
    for text in routes {
        mirror.handle(Notice::Route(RouteVerb::Appended, route(text)), &mut Vec::new());
    }
    mirror
}

fn tell(mirror: &mut Mirror, verb: RouteVerb, route: Route) -> Vec<Event> {
    let mut out = Vec::new();
    mirror.handle(Notice::Route(verb, route), &mut out);
    out
}

fn say(mirror: &mut Mirror, verb: RouteVerb, text: &str) -> Vec<String> {
    printed(&tell(mirror, verb, route(text)))
}

fn printed(events: &[Event]) -> Vec<String> {
    let line = |event: &Event| match event {
        Event::Route { change: Change::Added(new), position } => format!("+{position} {new}"),
        Event::Route { change: Change::Removed(old), position } => format!("-{position} {old}"),
        Event::Route { change: Change::Replaced { old, new }, position } => format!("={position} {old} -> {new}"),
        other => format!("{other:?}"),
    };
    events.iter().map(line).collect()
}

fn held(mirror: &Mirror) -> Vec<String> {
    mirror.routes().map(|route| route.to_string()).collect()
}

fn list(mirror: &mut Mirror, whole: bool, family: Family, listed: &[&str]) -> (Vec<String>, Result<(), usize>) {
    let mut out = Vec::new();
    mirror.begin(Subject::Routes(family, None));
    for text in listed {
        mirror.handle(Notice::Route(RouteVerb::Listed, route(text)), &mut out);
    }
    let ended = mirror.end(Subject::Routes(family, None), whole, &mut out);
    (printed(&out), ended)
}

const A: &str = "10.0.0.0/8 via 192.0.2.1 metric 5";
const B: &str = "10.0.0.0/8 via 192.0.2.2 metric 5";
const C: &str = "10.0.0.0/8 via 192.0.2.3 metric 5";

const V: &str = "2001:db8::/32 dev if2 metric 5";
const W: &str = "2001:db8::/32 dev if3 metric 5";

#[test]
fn two_of_one_ipv6_route_are_there_twice_if_a_quiescent_dump_says_so() {
    let mut mirror = mirror(&[W]);
    assert_eq!(
        list(&mut mirror, false, Family::V6, &[V, V, W]),
        (vec![format!("+0 {}", route(V))], Err(0)),
        "a torn one repeats itself"
    );
    assert_eq!(list(&mut mirror, true, Family::V6, &[V, W, V]), (vec![format!("+2 {}", route(V))], Ok(())));
    assert_eq!(held(&mirror), [V, W, V].map(|text| route(text).to_string()));
    assert_eq!(list(&mut mirror, true, Family::V6, &[V, W, V]), (vec![], Ok(())));
    assert_eq!(list(&mut mirror, true, Family::V6, &[V, W]).0, [format!("-2 {}", route(V))]);
    let mut fresh = Mirror::new();
    assert_eq!((list(&mut fresh, true, Family::V6, &[V, V, V]).1, fresh.routes().count()), (Ok(()), 3));
    // Amid news it proves nothing.
    let mut torn = Mirror::new();
    torn.begin(Subject::Routes(Family::V6, None));
    for (verb, text) in [(RouteVerb::Listed, V), (RouteVerb::Listed, V), (RouteVerb::Added, A), (RouteVerb::Listed, V)] {
        say(&mut torn, verb, text);
    }
    assert_eq!(torn.end(Subject::Routes(Family::V6, None), true, &mut Vec::new()), Err(0));
    assert_eq!(torn.tables().len_of(Family::V6), 1);
}

#[test]
fn a_twin_that_a_dump_does_not_list_is_not_taken_for_hidden() {
    let several = "2001:db8::/32 metric 5 nexthop via fe80::1 dev if2 nexthop via fe80::2 dev if2";
    let mut twice = mirror(&[V, several, V]);
    assert_eq!((list(&mut twice, true, Family::V6, &[V, several, V]).1, twice.routes().count()), (Ok(()), 3));
    assert_eq!((list(&mut twice, true, Family::V6, &[V, several]).1, twice.routes().count()), (Ok(()), 2));
    // One that is hidden stands before those that are listed, and moves none of them.
    let mut beside = mirror(&["prohibit 2001:db8::/32 metric 5", "2001:db8::/32 via fe80::1 dev if2 metric 5"]);
    assert_eq!(list(&mut beside, true, Family::V6, &[V, several, V]).0.last(), Some(&format!("+3 {}", route(V))));
}

#[test]
fn what_is_known_already_is_no_event() {
    let mut mirror = mirror(&[A, B]);
    for verb in [RouteVerb::Added, RouteVerb::Appended, RouteVerb::Prepended, RouteVerb::Listed] {
        assert!(say(&mut mirror, verb, B).is_empty(), "{verb:?}");
    }
    assert!(say(&mut mirror, RouteVerb::Replaced, A).is_empty());
    assert_eq!(held(&mirror), [A, B]);
}

#[test]
fn a_renewed_expiry_is_kept_but_no_event() {
    let mut mirror = mirror(&[]);
    let mut mortal = route(A);
    mortal.expires = Some(Duration::from_secs(10));
    tell(&mut mirror, RouteVerb::Added, mortal.clone());
    mortal.expires = Some(Duration::from_secs(30));
    assert!(tell(&mut mirror, RouteVerb::Replaced, mortal).is_empty());
    assert_eq!(mirror.routes().next().unwrap().expires, Some(Duration::from_secs(30)));
}

#[test]
fn append_goes_behind_and_prepend_before() {
    let mut mirror = mirror(&[A]);
    assert_eq!(say(&mut mirror, RouteVerb::Appended, B), [format!("+1 {B}")]);
    assert_eq!(say(&mut mirror, RouteVerb::Prepended, C), [format!("+0 {C}")]);
    assert_eq!(held(&mirror), [C, A, B]);
}

#[test]
fn ipv4_replace_hits_the_first_of_the_slot() {
    let mut mirror = mirror(&[A, B]);
    assert_eq!(say(&mut mirror, RouteVerb::Replaced, C), [format!("=0 {A} -> {C}")]);
    assert_eq!(held(&mirror), [C, B]);
}

#[test]
fn a_replacement_into_an_empty_slot_has_come() {
    let mut mirror = mirror(&[]);
    assert_eq!(say(&mut mirror, RouteVerb::Replaced, A), [format!("+0 {A}")]);
}

#[test]
fn ipv6_replace_hits_the_first_even_where_the_same_stands_behind_it() {
    let (one, two) = ("2001:db8::/32 dev if2 metric 5 pref medium", "2001:db8::/32 dev if3 metric 5 pref medium");
    let mut mirror = mirror(&[one, two]);
    assert_eq!(say(&mut mirror, RouteVerb::Replaced, two), [format!("=0 {one} -> {two}")]);
    assert_eq!(held(&mirror), [two, two]);
}

#[test]
fn ipv6_replace_hits_the_first_of_its_kind() {
    let (plain, gateway) = ("fd00::/64 dev if2 metric 256", "fd00::/64 via fe80::1 dev if3 metric 256 pref medium");
    let mut mirror = mirror(&[plain, gateway]);
    let new = "fd00::/64 via fe80::2 dev if3 metric 256 pref medium";
    assert_eq!(say(&mut mirror, RouteVerb::Replaced, new), [format!("=1 {gateway} -> {new}")]);
    assert_eq!(mirror.take_doubts(), [Doubt::Routes(Family::V6, None)], "and as it is a guess, it is looked up");
}

#[test]
fn ipv6_append_merges_and_what_was_there_keeps_its_protocol() {
    let mut mirror = mirror(&["fd00::/64 via fe80::1 dev if2 proto ra metric 1024"]);
    // The event has the new leg first and the new leg's protocol.
    let event = "fd00::/64 proto static metric 1024 nexthop via fe80::2 dev if2 nexthop via fe80::1 dev if2";
    let out = say(&mut mirror, RouteVerb::Appended, event);
    assert_eq!(out.len(), 1);
    let merged = "fd00::/64 proto ra metric 1024 nexthop via fe80::1 dev if2 weight 1 nexthop via fe80::2 dev if2 weight 1";
    assert_eq!(mirror.routes().next().unwrap().to_route(), route(merged));
    assert!(say(&mut mirror, RouteVerb::Appended, event).is_empty(), "said again it is no event");
    assert_eq!(mirror.tables().len(), 1);
}

#[test]
fn ipv6_delete_of_one_leg_subtracts_it() {
    let legs = |hops: &[u8]| {
        let mut made = route("fd00::/64 proto ra metric 1024");
        let hop = |n: &u8| NextHop::via(format!("fe80::{n}").parse().unwrap()).with_interface(IfIndex::new(2).unwrap());
        made.entry.next_hops = hops.iter().map(hop).collect();
        made
    };
    let mut mirror = mirror(&[]);
    tell(&mut mirror, RouteVerb::Added, legs(&[1, 2, 3]));
    let mut gone = legs(&[2]);
    gone.entry.protocol = Protocol::STATIC;
    let out = tell(&mut mirror, RouteVerb::Removed, gone);
    let change = Change::Replaced { old: legs(&[1, 2, 3]), new: legs(&[1, 3]) };
    assert_eq!(out, [Event::Route { change, position: 0 }]);
    assert_eq!(mirror.take_doubts(), []);
    tell(&mut mirror, RouteVerb::Removed, legs(&[3, 1]));
    assert!(mirror.tables().is_empty(), "the last legs take the route along, in whatever order they are named");
}

#[test]
fn an_ipv6_leg_that_is_left_alone_is_listed_without_its_weight() {
    let mut mirror = mirror(&[]);
    let pair = "fd00::/64 metric 5 pref medium nexthop via fe80::1 dev if2 weight 3 nexthop via fe80::2 dev if2 weight 1";
    say(&mut mirror, RouteVerb::Added, pair);
    say(&mut mirror, RouteVerb::Removed, "fd00::/64 via fe80::2 dev if2 metric 5");
    assert_eq!(held(&mirror), ["fd00::/64 via fe80::1 dev if2 metric 5 pref medium"]);
    // With another beside it, it has its weight again.
    say(&mut mirror, RouteVerb::Appended, pair);
    assert_eq!(held(&mirror), [pair]);
}

#[test]
fn whose_route_it_is_is_looked_up_once_its_first_leg_has_gone() {
    let merged = "fd00::/64 proto static metric 7 nexthop via fe80::1 dev if2 weight 1 nexthop via fe80::2 dev if2 weight 1";
    let mut mirror = mirror(&[merged]);
    say(&mut mirror, RouteVerb::Removed, "fd00::/64 via fe80::1 dev if2 proto static metric 7");
    assert_eq!(mirror.take_doubts(), [Doubt::Routes(Family::V6, None)]);
}

#[test]
fn ipv6_routes_without_gateway_stand_beside_each_other() {
    let (two, three) = ("fe80::/64 dev if2 proto kernel metric 256 pref medium", "fe80::/64 dev if3 proto kernel metric 256");
    let mut mirror = mirror(&[two, three]);
    assert_eq!(held(&mirror).len(), 2);
    assert_eq!(say(&mut mirror, RouteVerb::Removed, three).len(), 1);
    assert_eq!(held(&mirror), [two]);
}

#[test]
fn a_removal_hits_what_it_names_fully_before_what_it_resembles() {
    let mut down = route(A);
    down.entry.next_hops = {
        let mut hop = down.entry.next_hops[0].clone();
        hop.flags |= NextHopFlags::LINK_DOWN;
        hop.into()
    };
    let mut mirror = mirror(&[B]);
    tell(&mut mirror, RouteVerb::Appended, down.clone());
    assert_eq!(tell(&mut mirror, RouteVerb::Removed, route(A)).len(), 1, "the kernel's marks may have changed since");
    assert_eq!(held(&mirror), [B]);
}

#[test]
fn a_removal_of_an_unknown_route_leaves_the_one_that_goes_the_same_way() {
    let stays = "10.0.0.0/8 via 192.0.2.1 proto static metric 5";
    let mut mirror = mirror(&[stays]);
    assert!(say(&mut mirror, RouteVerb::Removed, "10.0.0.0/8 via 192.0.2.1 proto bird metric 5").is_empty());
    assert_eq!(held(&mirror), [stays]);
    assert_eq!(mirror.take_doubts(), [Doubt::Routes(Family::V4, None)]);
}

#[test]
fn a_removal_that_fits_nothing_takes_nothing_and_is_looked_up() {
    let mut mirror = mirror(&[A, B]);
    assert!(say(&mut mirror, RouteVerb::Removed, C).is_empty());
    assert_eq!(held(&mirror), [A, B]);
    assert_eq!(mirror.take_doubts(), [Doubt::Routes(Family::V4, None)]);
    assert!(say(&mut mirror, RouteVerb::Removed, "10.9.0.0/16 via 192.0.2.1").is_empty());
    assert!(mirror.take_doubts().is_empty(), "what is not here at all has gone before");
}

#[test]
fn copies_that_the_kernel_makes_are_no_routes() {
    let mut mirror = mirror(&[]);
    let mut copy = route(A);
    copy.entry.flags |= waypost_core::RouteFlags::CLONED;
    assert!(tell(&mut mirror, RouteVerb::Added, copy).is_empty());
    assert!(mirror.tables().is_empty());
}

#[test]
fn a_quiescent_dump_takes_away_what_it_has_not_listed() {
    let mut mirror = mirror(&[A, B, "fd00::/64 via fe80::1 dev if2"]);
    let (out, ended) = list(&mut mirror, true, Family::V4, &[B]);
    assert_eq!((out, ended), (vec![format!("-0 {A}")], Ok(())), "and touches nothing else");
    assert_eq!(mirror.tables().len_of(Family::V6), 1, "what it was not asked for is not its affair");
}

#[test]
fn a_dump_that_may_be_torn_takes_nothing_away() {
    let mut mirror = mirror(&[A, "10.1.0.0/16 via 192.0.2.1"]);
    let (out, ended) = list(&mut mirror, false, Family::V4, &[A]);
    assert_eq!((out, ended), (vec![], Err(1)));

    let mut out = Vec::new();
    mirror.begin(Subject::Routes(Family::V4, None));
    mirror.handle(Notice::Route(RouteVerb::Listed, route(A)), &mut out);
    mirror.handle(Notice::Route(RouteVerb::Added, route("10.2.0.0/16 via 192.0.2.1")), &mut out);
    assert_eq!(mirror.end(Subject::Routes(Family::V4, None), true, &mut out), Err(1));
    assert_eq!(mirror.tables().len(), 3);
}

#[test]
fn links_addresses_and_next_hop_objects_tear_dumps_too() {
    let link = Notice::Link(Verb::Present, Box::new(Link::new(IfIndex::new(9).unwrap(), "w9")));
    let address = Address::new(IfIndex::new(9).unwrap(), "10.0.0.1".parse().unwrap(), 8);
    let id = NextHopId::new(9).unwrap();
    let object = NextHopObject::new(id, None, NextHopObjectKind::Blackhole);
    let others = [link, Notice::Address(Verb::Present, Box::new(address)), Notice::NextHop(Verb::Present, Box::new(object))];
    for other in others {
        let mut mirror = mirror(&[A]);
        mirror.begin(Subject::Routes(Family::V4, None));
        mirror.handle(other.clone(), &mut Vec::new());
        assert_eq!(mirror.end(Subject::Routes(Family::V4, None), true, &mut Vec::new()), Err(1), "{other:?}");
    }
}

#[test]
fn an_event_about_a_slot_wins_over_the_dump() {
    let mut mirror = mirror(&[]);
    let mut out = Vec::new();
    mirror.begin(Subject::Routes(Family::V4, None));
    mirror.handle(Notice::Route(RouteVerb::Removed, route(A)), &mut out);
    mirror.handle(Notice::Route(RouteVerb::Listed, route(A)), &mut out);
    mirror.handle(Notice::Route(RouteVerb::Replaced, route("10.1.0.0/16 via 192.0.2.2")), &mut out);
    mirror.handle(Notice::Route(RouteVerb::Listed, route("10.1.0.0/16 via 192.0.2.1")), &mut out);
    assert_eq!(mirror.end(Subject::Routes(Family::V4, None), true, &mut out), Err(0));
    assert_eq!(held(&mirror), ["10.1.0.0/16 via 192.0.2.2"]);
}

#[test]
fn a_dump_puts_a_slot_into_the_kernels_order() {
    let mut mirror = mirror(&[A, B]);
    let (out, _) = list(&mut mirror, true, Family::V4, &[B, C, A]);
    assert_eq!(held(&mirror), [B, C, A]);
    assert_eq!(out, [format!("+2 {C}"), format!("-0 {A}"), format!("+2 {A}")]);
}

#[test]
fn a_mark_that_the_kernel_changed_in_silence_is_a_replacement() {
    let mut mirror = mirror(&[A, B]);
    let mut down = route(B);
    let mut hop = down.entry.next_hops[0].clone();
    hop.flags |= NextHopFlags::LINK_DOWN;
    down.entry.next_hops = hop.into();
    let mut out = Vec::new();
    mirror.begin(Subject::Routes(Family::V4, None));
    for listed in [route(A), down.clone()] {
        mirror.handle(Notice::Route(RouteVerb::Listed, listed), &mut out);
    }
    assert_eq!(mirror.end(Subject::Routes(Family::V4, None), true, &mut out), Ok(()));
    assert_eq!(out, [Event::Route { change: Change::Replaced { old: route(B), new: down }, position: 1 }]);
}

#[test]
fn a_route_that_a_torn_dump_lists_twice_is_one() {
    let mut mirror = mirror(&[]);
    let listed = ["fd00::/64 via fe80::1 dev if2", "fd00:1::/64 via fe80::1 dev if2", "fd00::/64 via fe80::1 dev if2"];
    assert_eq!(list(&mut mirror, true, Family::V6, &listed).1, Ok(()));
    assert_eq!(mirror.tables().len(), 2);
}

fn link(index: u32, flags: LinkFlags) -> Notice {
    let mut link = Link::new(IfIndex::new(index).unwrap(), "w2");
    link.flags = flags;
    Notice::Link(Verb::Present, Box::new(link))
}

#[test]
fn a_rule_that_goes_on_with_one_that_goes_is_doubted() {
    let mut mirror = Mirror::new();
    let mut say = |verb, text: &str| {
        mirror.handle(Notice::Rule(verb, Box::new(text.parse().unwrap())), &mut Vec::new());
        mirror.take_doubts()
    };
    assert_eq!(say(Verb::Present, "90: from 10.0.0.0/8 goto 100"), []);
    assert_eq!(say(Verb::Present, "100: from 10.0.0.0/8 lookup 7"), [Doubt::Rules(Family::V4)], "it may be resolved");
    assert_eq!(say(Verb::Present, "101: from 10.0.0.0/8 lookup 7"), []);
    assert_eq!(say(Verb::Removed, "100: from 10.0.0.0/8 lookup 7"), [Doubt::Rules(Family::V4)]);
}

#[test]
fn a_peer_that_was_announced_alone_is_doubted() {
    let link = |index: u32, parent: Option<u32>, kind: &str| {
        let mut link = Link::new(IfIndex::new(index).unwrap(), "w2");
        (link.parent, link.kind) = (parent.and_then(IfIndex::new), kind.to_owned());
        Notice::Link(Verb::Present, Box::new(link))
    };
    let mut mirror = Mirror::new();
    let mut handle = |notice| {
        mirror.handle(notice, &mut Vec::new());
        mirror.take_doubts()
    };
    assert_eq!(handle(link(2, None, "veth")), []);
    assert_eq!(handle(link(3, Some(2), "macvlan")), [], "it is above the other, which knows nothing of that");
    assert_eq!(handle(link(4, Some(2), "veth")), [Doubt::Links]);
    assert_eq!(handle(link(2, Some(4), "veth")), []);
    assert_eq!(handle(link(5, Some(2), "veth")), []);
}

#[test]
fn silent_causes_are_doubted_where_a_route_is_concerned() {
    let up = LinkFlags::UP | LinkFlags::LOWER_UP;
    let both = |index: u32| Family::ALL.map(|family| Doubt::Routes(family, IfIndex::new(index))).to_vec();
    let mut mirror = mirror(&["10.0.0.0/8 via 192.0.2.1 dev if2"]);
    let mut handle = |notice| {
        mirror.handle(notice, &mut Vec::new());
        mirror.take_doubts()
    };
    assert!(handle(link(2, up)).is_empty());
    assert!(handle(link(3, up)).is_empty());
    assert_eq!(handle(link(2, LinkFlags::UP)), both(2), "the carrier is lost");
    let index = IfIndex::new(2).unwrap();
    let pending = Family::ALL.map(|family| Doubt::Pending(family, index));
    assert_eq!(handle(link(2, LinkFlags::empty())), pending, "it is switched off");
    assert_eq!(handle(link(2, up)), pending, "and on again: dead next hops live");
    assert!(handle(link(3, LinkFlags::empty())).is_empty(), "no route uses it");
    let gone = Notice::Link(Verb::Removed, Box::new(Link::new(index, "w2")));
    assert_eq!(handle(gone), both(2));
    let address = Address::new(index, "192.0.2.9".parse().unwrap(), 24);
    handle(Notice::Address(Verb::Present, Box::new(address.clone())));
    assert_eq!(handle(Notice::Address(Verb::Removed, Box::new(address))), both(2));
}

#[test]
fn a_next_hop_object_that_goes_is_doubted_where_a_route_uses_it() {
    let mut made = route(A);
    let (one, group) = (NextHopId::new(1).unwrap(), NextHopId::new(10).unwrap());
    made.entry.next_hop_object = Some(group);
    let mut mirror = Mirror::new();
    tell(&mut mirror, RouteVerb::Added, made);
    let single = NextHopObject::new(one, Some(Family::V4), NextHopObjectKind::Blackhole);
    let member = waypost_core::GroupMember { id: one, weight: waypost_core::Weight::ONE };
    let kind = NextHopObjectKind::Group { members: vec![member], resilience: None };
    let group = NextHopObject::new(group, None, kind);
    for object in [&single, &group] {
        mirror.handle(Notice::NextHop(Verb::Present, Box::new(object.clone())), &mut Vec::new());
    }
    assert!(mirror.take_doubts().is_empty());
    mirror.handle(Notice::NextHop(Verb::Removed, Box::new(single)), &mut Vec::new());
    assert_eq!(mirror.take_doubts(), Family::ALL.map(|family| Doubt::Routes(family, None)));
}

#[test]
fn a_link_announced_again_is_a_doubt_where_its_routes_are_still_marked_down() {
    let up = LinkFlags::UP | LinkFlags::LOWER_UP;
    let mut mirror = mirror(&["10.0.0.0/8 via 192.0.2.1 dev if2"]);
    let mut out = Vec::new();
    mirror.handle(link(2, up), &mut out);
    mirror.handle(link(2, up), &mut out);
    assert!(mirror.take_doubts().is_empty());
    let mut marked = route("10.1.0.0/16 via 192.0.2.1 dev if2");
    let mut hop = marked.entry.next_hops[0].clone();
    hop.flags |= NextHopFlags::LINK_DOWN;
    marked.entry.next_hops = hop.into();
    tell(&mut mirror, RouteVerb::Added, marked);
    mirror.handle(link(2, up), &mut out);
    assert_eq!(mirror.take_doubts(), Family::ALL.map(|family| Doubt::Routes(family, IfIndex::new(2))));
    let index = IfIndex::new(2).unwrap();
    let address = Address::new(index, "192.0.2.9".parse().unwrap(), 24);
    mirror.handle(Notice::Address(Verb::Present, Box::new(address)), &mut out);
    assert_eq!(mirror.take_doubts(), [Doubt::Pending(Family::V4, index)], "and so is its first address");
}

#[test]
fn a_link_announced_again_is_a_doubt_where_its_routes_are_not_yet_marked_down() {
    let mut mirror = mirror(&["10.0.0.0/8 via 192.0.2.1 dev if2"]);
    let mut out = Vec::new();
    mirror.handle(link(2, LinkFlags::UP), &mut out);
    let of_the_link = Family::ALL.map(|family| Doubt::Routes(family, IfIndex::new(2)));
    let others = mirror.take_doubts();
    assert!(others.iter().all(|doubt| of_the_link.contains(doubt)), "{others:?}");
    // They were listed before the kernel came to them.
    mirror.handle(link(2, LinkFlags::UP), &mut out);
    assert_eq!(mirror.take_doubts(), of_the_link);
    let mut marked = route("10.0.0.0/8 via 192.0.2.1 dev if2");
    let mut hop = marked.entry.next_hops[0].clone();
    hop.flags |= NextHopFlags::LINK_DOWN;
    marked.entry.next_hops = hop.into();
    tell(&mut mirror, RouteVerb::Replaced, marked);
    mirror.handle(link(2, LinkFlags::UP), &mut out);
    assert_eq!(mirror.take_doubts(), [], "now they have it");
}

#[test]
fn next_hop_objects_are_doubted_when_a_link_is_no_longer_ready() {
    let up = LinkFlags::UP | LinkFlags::LOWER_UP | LinkFlags::RUNNING;
    for down in [LinkFlags::empty(), LinkFlags::UP] {
        let mut mirror = Mirror::new();
        let id = NextHopId::new(1).unwrap();
        let mut out = Vec::new();
        mirror.handle(link(2, up), &mut out);
        mirror.handle(link(2, down), &mut out);
        assert!(mirror.take_doubts().is_empty(), "there are none");
        mirror.handle(link(2, up), &mut out);
        let object = NextHopObject::new(id, Some(Family::V4), NextHopObjectKind::Single(NextHop::dev(IfIndex::new(2).unwrap())));
        mirror.handle(Notice::NextHop(Verb::Present, Box::new(object)), &mut out);
        let mut user = route(A);
        user.entry.next_hop_object = Some(id);
        tell(&mut mirror, RouteVerb::Added, user);
        mirror.handle(link(2, down), &mut out);
        assert_eq!(mirror.take_doubts(), [Doubt::NextHops]);
        mirror.begin(Subject::NextHops);
        assert_eq!(mirror.end(Subject::NextHops, true, &mut out), Ok(()));
        assert_eq!(mirror.take_doubts(), Family::ALL.map(|family| Doubt::Routes(family, None)), "a route uses it");
    }
}

#[test]
fn a_route_whose_next_hop_object_was_replaced_stays_where_it_is() {
    let through = |gateway: &str| {
        let mut made = route(&format!("10.0.0.0/8 via {gateway} dev if2 metric 5"));
        made.entry.next_hop_object = NextHopId::new(1);
        made
    };
    let mut mirror = mirror(&[A]);
    tell(&mut mirror, RouteVerb::Appended, through("192.0.2.8"));
    let change = Change::Replaced { old: through("192.0.2.8"), new: through("192.0.2.9") };
    assert_eq!(tell(&mut mirror, RouteVerb::Replaced, through("192.0.2.9")), [Event::Route { change, position: 1 }]);
}

#[test]
fn rules_keep_the_kernels_order_and_may_stand_twice() {
    let mut mirror = Mirror::new();
    let rule = |priority, table| Rule::new(Family::V4, priority, waypost_core::RuleAction::Lookup(waypost_core::TableId(table)));
    let mut out = Vec::new();
    for rule in [rule(5, 1), rule(9, 2), rule(5, 3), rule(5, 1)] {
        mirror.handle(Notice::Rule(Verb::Present, Box::new(rule)), &mut out);
    }
    assert_eq!(mirror.rules(Family::V4), [rule(5, 1), rule(5, 3), rule(5, 1), rule(9, 2)]);
    mirror.handle(Notice::Rule(Verb::Removed, Box::new(rule(5, 1))), &mut out);
    assert_eq!(mirror.rules(Family::V4), [rule(5, 3), rule(5, 1), rule(9, 2)]);
    out.clear();
    mirror.begin(Subject::Rules(Family::V4));
    for rule in [rule(5, 1), rule(5, 3), rule(7, 7)] {
        mirror.handle(Notice::Rule(Verb::Listed, Box::new(rule)), &mut out);
    }
    assert_eq!(mirror.end(Subject::Rules(Family::V4), true, &mut out), Ok(()));
    assert_eq!(out, [Event::Rule(Change::Removed(rule(9, 2))), Event::Rule(Change::Added(rule(7, 7)))]);
}

#[test]
fn a_renamed_link_goes_by_its_new_name() {
    let mut mirror = Mirror::new();
    let index = IfIndex::new(2).unwrap();
    for name in ["old", "new"] {
        mirror.handle(Notice::Link(Verb::Present, Box::new(Link::new(index, name))), &mut Vec::new());
    }
    assert_eq!(mirror.names().name(index), Some("new"));
    assert!(mirror.names().index("old").is_err());
    mirror.handle(Notice::Link(Verb::Removed, Box::new(Link::new(index, "new"))), &mut Vec::new());
    assert_eq!(mirror.names().name(index), None);
}

/// What may happen in a test of everything at once.
#[derive(Clone, Debug)]
enum Step {
    Say(RouteVerb, Route),
    Begin(Subject),
    End(Subject, bool),
    Link(u32, u8),
}

fn any_route() -> impl Strategy<Value = Route> {
    let slots =
        prop::sample::select(vec!["default", "10.0.0.0/8", "10.0.0.0/8 metric 5", "::/0 metric 1024", "fd00::/64 metric 256"]);
    let hops = prop::collection::vec((0..4u8, 1..4u32, any::<bool>()), 0..4);
    (slots, hops, 0..3u8, any::<bool>()).prop_map(|(slot, hops, protocol, blackhole)| {
        let mut made = route(slot);
        let six = made.slot.destination.family() == Family::V6;
        let hop = |(gateway, interface, down): (u8, u32, bool)| {
            let text = if six { format!("fe80::{gateway}") } else { format!("192.0.2.{gateway}") };
            let mut hop = NextHop::dev(IfIndex::new(interface).unwrap());
            hop.gateway = (gateway > 0).then(|| text.parse().unwrap());
            hop.flags.set(NextHopFlags::LINK_DOWN, down);
            hop
        };
        made.entry.next_hops = hops.into_iter().map(hop).collect();
        made.entry.protocol = Protocol(protocol);
        if blackhole {
            made.entry.disposition = Disposition::Blackhole;
        }
        made
    })
}

fn any_step() -> impl Strategy<Value = Step> {
    let verbs = prop::sample::select(vec![
        RouteVerb::Listed,
        RouteVerb::Added,
        RouteVerb::Prepended,
        RouteVerb::Appended,
        RouteVerb::Replaced,
        RouteVerb::Removed,
    ]);
    let family = prop_oneof![Just(Family::V4), Just(Family::V6)];
    let subject = (family, 0..3u32).prop_map(|(family, index)| Subject::Routes(family, IfIndex::new(index)));
    prop_oneof![
        12 => (verbs, any_route()).prop_map(|(verb, route)| Step::Say(verb, route)),
        2 => subject.clone().prop_map(Step::Begin),
        2 => (subject, any::<bool>()).prop_map(|(subject, whole)| Step::End(subject, whole)),
        1 => (1..4u32, any::<u8>()).prop_map(|(index, flags)| Step::Link(index, flags)),
    ]
}

/// Applies the events, as a subscriber would, to ordered lists by slot.
fn replay(lists: &mut BTreeMap<Slot, Vec<Route>>, events: Vec<Event>) {
    for event in events {
        let Event::Route { change, position } = event else { continue };
        match change {
            Change::Added(new) => lists.entry(new.slot).or_default().insert(position, new),
            Change::Removed(old) => assert_eq!(lists.get_mut(&old.slot).unwrap().remove(position), old),
            Change::Replaced { old, new } => {
                let place = &mut lists.get_mut(&old.slot).unwrap()[position];
                assert_eq!(std::mem::replace(place, new), old);
            }
        }
    }
}

/// Says whether an IPv6 route is of those that merge.
fn merges_v6(entry: &Entry) -> bool {
    alike::merges(Family::V6, entry)
}

proptest! {
    #[test]
    fn whoever_replays_the_events_has_the_mirror(steps in prop::collection::vec(any_step(), 0..80)) {
        let (mut mirror, mut lists, mut out) = (Mirror::new(), BTreeMap::new(), Vec::new());
        for step in steps {
            match step {
                Step::Say(verb, route) => mirror.handle(Notice::Route(verb, route), &mut out),
                Step::Begin(subject) => mirror.begin(subject),
                Step::End(subject, whole) => _ = mirror.end(subject, whole, &mut out),
                Step::Link(index, flags) => mirror.handle(link(index, LinkFlags::from_bits_truncate(flags.into())), &mut out),
            }
            replay(&mut lists, std::mem::take(&mut out));
        }
        let mut expected: BTreeMap<Slot, Vec<Route>> = BTreeMap::new();
        for route in mirror.routes() {
            expected.entry(route.slot).or_default().push(route.to_route());
        }
        lists.retain(|_, routes| !routes.is_empty());
        prop_assert_eq!(lists, expected);
    }

    #[test]
    fn a_quiescent_dump_is_the_truth_whatever_was_there(
        before in prop::collection::vec(any_route(), 0..12),
        listed in prop::collection::vec(any_route(), 0..12),
    ) {
        let mut mirror = Mirror::new();
        for route in before {
            tell(&mut mirror, RouteVerb::Appended, route);
        }
        let mut out = Vec::new();
        let mut expected: BTreeMap<Slot, Vec<Route>> = BTreeMap::new();
        for family in Family::ALL {
            mirror.begin(Subject::Routes(family, None));
            for route in listed.iter().filter(|route| route.slot.destination.family() == family) {
                mirror.handle(Notice::Route(RouteVerb::Listed, route.clone()), &mut out);
                let list = expected.entry(route.slot).or_default();
                // Of what merges, and of IPv4, there cannot be two.
                if !list.contains(route) || (family == Family::V6 && !merges_v6(&route.entry)) {
                    list.push(route.clone());
                }
            }
            prop_assert_eq!(mirror.end(Subject::Routes(family, None), true, &mut out), Ok(()));
        }
        let mut held: BTreeMap<Slot, Vec<Route>> = BTreeMap::new();
        for route in mirror.routes() {
            // What no dump would list may be there.
            let is_listed = expected.get(&route.slot).is_some_and(|list| list.contains(&route.to_route()));
            let conceals = |other: &Route| other.entry.next_hops.len() > 1 && merges_v6(&other.entry);
            let is_concealed = expected.get(&route.slot).is_some_and(|list| list.iter().any(conceals)) && !merges_v6(route.entry);
            if is_listed || !is_concealed {
                held.entry(route.slot).or_default().push(route.to_route());
            }
        }
        prop_assert_eq!(held, expected);
    }
}

#[test]
fn neighbours_that_reading_finds_are_told_and_are_no_drift() {
    use waypost_core::{IfIndex, Neighbour, NeighbourState};
    let (mut mirror, mut out) = (Mirror::new(), Vec::new());
    let interface = IfIndex::new(2).unwrap();
    let listed = |state| Notice::Neighbour(Verb::Listed, Box::new(Neighbour::new(interface, [10, 0, 0, 1].into(), state)));
    for state in [NeighbourState::Stale, NeighbourState::Delay] {
        mirror.begin(Subject::Neighbours);
        mirror.handle(listed(state), &mut out);
        mirror.end(Subject::Neighbours, true, &mut out).unwrap();
    }
    mirror.begin(Subject::Neighbours);
    mirror.end(Subject::Neighbours, true, &mut out).unwrap();
    assert_eq!(out.len(), 3, "it came, aged and went: {out:?}");
    assert_eq!(mirror.found().1, 0);
}

#[test]
fn lookups_go_by_the_rules_and_names_of_the_moment() {
    let mut mirror = mirror(&["default via 10.0.0.1 dev if2", "default via 10.0.0.9 dev if2 table 7"]);
    let find = |mirror: &Mirror| {
        let verdict = mirror.world(Family::V4).find(&waypost_core::Flow::to("192.0.2.1".parse().unwrap()));
        verdict.route().map(|route| route.slot.table.0)
    };
    let rule = |text: &str| Box::new(Rule::parse(text, Some(Family::V4)).unwrap());
    let hear = |mirror: &mut Mirror, notice| mirror.handle(notice, &mut Vec::new());
    assert_eq!(find(&mirror), None);
    hear(&mut mirror, Notice::Rule(Verb::Present, rule("32766: from all lookup main")));
    assert_eq!(find(&mirror), Some(254));
    hear(&mut mirror, Notice::Rule(Verb::Present, rule("5: from all iif lo lookup 7")));
    assert_eq!(find(&mirror), Some(254), "no interface has that name yet");
    let mut lo = Link::new(IfIndex::new(1).unwrap(), "lo");
    hear(&mut mirror, Notice::Link(Verb::Present, Box::new(lo.clone())));
    assert_eq!(find(&mirror), Some(7));
    lo.name = "another".to_owned();
    hear(&mut mirror, Notice::Link(Verb::Present, Box::new(lo)));
    assert_eq!(find(&mirror), Some(254));
    mirror.begin(Subject::Rules(Family::V4));
    assert_eq!(mirror.end(Subject::Rules(Family::V4), true, &mut Vec::new()), Ok(()));
    assert_eq!(find(&mirror), None, "the dump has no rules");
}
