//! In which order to try the addresses of a name: RFC 6724, section 6, with the sources that section 5 would choose.
//!
//! Rules are those of the RFC, by number. What each goes by:
//!
//! | rule | goes by |
//! |---|---|
//! | 1 avoid unusable destinations | a lookup in the mirror, and whether there is a source |
//! | 2 prefer matching scope, 8 prefer smaller scope | the addresses |
//! | 3 avoid deprecated addresses, 4 prefer home addresses | the flags of the source |
//! | 5 prefer matching label, 6 prefer higher precedence | the policy table |
//! | 7 prefer native transport | the kind of the link that the route leaves by |
//! | 9 use longest matching prefix | source and destination, no further than the source's own prefix |
//! | 10 leave the order unchanged | the order in which they were given |

mod policy;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::net::{IpAddr, Ipv6Addr};

use waypost_core::lookup::Verdict;
use waypost_core::{Address, AddressFlags, Family, Flow, IfIndex};

use crate::Mirror;
pub use policy::{AddressPolicy, PolicyEntry};

/// Kinds of links that carry IPv6 in something else (`rtnl_link_ops` in net/ipv6/sit.c, net/ipv6/ip6_tunnel.c, net/ipv4/ipip.c and
/// net/ipv4/ip_gre.c, Linux 6.18).
const ENCAPSULATING: [&str; 7] = ["sit", "ipip", "ip6tnl", "gre", "ip6gre", "stf", "gif"];

/// Sorts the addresses of a name in the order in which to try them, by what `mirror` has.
///
/// What cannot be reached comes last; otherwise see the rules of RFC 6724, section 6. IPv4 addresses may be mapped into IPv6.
///
/// ```
/// use std::net::IpAddr;
/// use waypost_core::{Address, Family, IfIndex, Notice, RouteVerb, Rule, RuleAction, TableId, Verb};
/// use waypost_engine::{AddressPolicy, Mirror, sort_addresses};
///
/// let (mut mirror, mut events) = (Mirror::new(), Vec::new());
/// let own = Address::new(IfIndex::new(2).unwrap(), "192.0.2.2".parse().unwrap(), 24);
/// let rule = Rule::new(Family::V4, 32766, RuleAction::Lookup(TableId::MAIN));
/// mirror.handle(Notice::Address(Verb::Present, Box::new(own)), &mut events);
/// mirror.handle(Notice::Rule(Verb::Present, Box::new(rule)), &mut events);
/// mirror.handle(Notice::Route(RouteVerb::Added, "default via 192.0.2.1 dev if2".parse()?), &mut events);
///
/// let mut addresses: Vec<IpAddr> = vec!["2001:db8::1".parse().unwrap(), "198.51.100.1".parse().unwrap()];
/// sort_addresses(&mirror, &AddressPolicy::default(), &mut addresses);
/// assert!(addresses[0].is_ipv4(), "there is no way over IPv6");
/// # Ok::<(), waypost_core::ParseError>(())
/// ```
pub fn sort_addresses(mirror: &Mirror, policy: &AddressPolicy, destinations: &mut [IpAddr]) {
    let mut candidates: Vec<Candidate> = destinations.iter().map(|address| candidate(mirror, policy, *address)).collect();
    // It is stable, which is rule 10.
    candidates.sort_by(|one, other| compare(policy, one, other));
    candidates.chunk_by_mut(|one, other| compare(policy, one, other).is_eq()).for_each(sort_by_prefix);
    for (place, candidate) in destinations.iter_mut().zip(candidates) {
        *place = candidate.given;
    }
}

/// A destination with the source that it would be reached from.
#[derive(Clone, Debug)]
struct Candidate {
    /// As it was given: an IPv4 address may have been mapped.
    given: IpAddr,
    destination: IpAddr,
    /// `None` where it cannot be reached, or not from any address.
    source: Option<Source>,
    /// Nothing on the way out puts its packets into others.
    is_native: bool,
}

/// An address of the host's own, as far as the rules ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Source {
    address: IpAddr,
    prefix_length: u8,
    /// It is of the interface that packets leave by.
    is_outgoing: bool,
    deprecated: bool,
    home: bool,
    temporary: bool,
}

fn candidate(mirror: &Mirror, policy: &AddressPolicy, given: IpAddr) -> Candidate {
    let destination = given.to_canonical();
    let family = Family::of(&destination);
    let world = mirror.world(family);
    let unusable = Candidate { given, destination, source: None, is_native: true };
    let Verdict::Found(found) = world.find(&Flow::to(destination)) else { return unusable };
    let interface = found.next_hops().find_map(|hop| hop.interface);
    let kind = interface.and_then(|index| mirror.links().get(&index)).map_or("", |link| link.kind.as_str());
    let usable = |own: &&Address| {
        Family::of(&own.local) == family && !own.flags.intersects(AddressFlags::TENTATIVE | AddressFlags::DUPLICATED)
    };
    // A route that prefers a source leaves no choice.
    let preferred = found.source().and_then(|source| mirror.addresses().find(|own| own.local == source));
    let source = match preferred {
        Some(own) => Some(source_of(own, interface)),
        None => {
            let all: Vec<Source> = mirror.addresses().filter(usable).map(|own| source_of(own, interface)).collect();
            best_source(policy, destination, &all)
        }
    };
    Candidate { given, destination, source, is_native: !ENCAPSULATING.contains(&kind) }
}

fn source_of(own: &Address, outgoing: Option<IfIndex>) -> Source {
    Source {
        address: own.local,
        prefix_length: own.prefix_length,
        is_outgoing: Some(own.interface) == outgoing,
        deprecated: own.flags.contains(AddressFlags::DEPRECATED),
        home: own.flags.contains(AddressFlags::HOME),
        temporary: own.flags.contains(AddressFlags::TEMPORARY),
    }
}

/// The source that section 5 chooses for a destination. An address of a smaller scope is of use on its own link alone.
fn best_source(policy: &AddressPolicy, destination: IpAddr, sources: &[Source]) -> Option<Source> {
    let of_use = |source: &&Source| source.is_outgoing || scope(source.address) > LINK;
    sources.iter().filter(of_use).copied().reduce(|best, other| match compare_sources(policy, destination, &best, &other) {
        Ordering::Greater => other,
        _ => best,
    })
}

/// Which of two sources is to be preferred: the lesser. Rules 1 to 8 of section 5; of 5.5 nothing is known here.
fn compare_sources(policy: &AddressPolicy, destination: IpAddr, one: &Source, other: &Source) -> Ordering {
    let prefer = |test: &dyn Fn(&Source) -> bool| test(other).cmp(&test(one));
    let label = policy.of(destination).label;
    prefer(&|source| source.address == destination)
        .then_with(|| appropriate_scope(scope(one.address), scope(other.address), scope(destination)))
        .then_with(|| prefer(&|source| !source.deprecated))
        .then_with(|| prefer(&|source| source.home))
        .then_with(|| prefer(&|source| source.is_outgoing))
        .then_with(|| prefer(&|source| policy.of(source.address).label == label))
        .then_with(|| prefer(&|source| source.temporary))
        .then_with(|| shared(other, destination).cmp(&shared(one, destination)))
}

/// Rule 2 of section 5: the smallest scope that reaches, else the largest.
fn appropriate_scope(one: u8, other: u8, wanted: u8) -> Ordering {
    match one.cmp(&other) {
        Ordering::Less if one < wanted => Ordering::Greater,
        Ordering::Greater if other >= wanted => Ordering::Greater,
        Ordering::Equal => Ordering::Equal,
        _ => Ordering::Less,
    }
}

/// Rule 9 of section 6, among those that the rules before leave equal.
///
/// It compares destinations of one family alone, which is no order of both together: each family is sorted over its own places.
fn sort_by_prefix(equal: &mut [Candidate]) {
    for family in Family::ALL {
        let is_of = |candidate: &Candidate| Family::of(&candidate.destination) == family;
        let mut sorted: Vec<Candidate> = equal.iter().filter(|candidate| is_of(candidate)).cloned().collect();
        let length = |candidate: &Candidate| candidate.source.map_or(0, |source| shared(&source, candidate.destination));
        sorted.sort_by_key(|candidate| std::cmp::Reverse(length(candidate)));
        for (place, candidate) in equal.iter_mut().filter(|candidate| is_of(candidate)).zip(sorted) {
            *place = candidate;
        }
    }
}

/// Which of two destinations is to be tried first: the lesser. Rules 1 to 8 of section 6.
fn compare(policy: &AddressPolicy, one: &Candidate, other: &Candidate) -> Ordering {
    let (from_one, from_other) = match (&one.source, &other.source) {
        (Some(from_one), Some(from_other)) => (from_one, from_other),
        (from_one, from_other) => return from_other.is_some().cmp(&from_one.is_some()),
    };
    let prefer = |test: &dyn Fn(&Candidate, &Source) -> bool| test(other, from_other).cmp(&test(one, from_one));
    let label = |address: IpAddr| policy.of(address).label;
    let precedence = |candidate: &Candidate| policy.of(candidate.destination).precedence;
    prefer(&|candidate, source| scope(candidate.destination) == scope(source.address))
        .then_with(|| prefer(&|_, source| !source.deprecated))
        .then_with(|| prefer(&|_, source| source.home))
        .then_with(|| prefer(&|candidate, source| label(candidate.destination) == label(source.address)))
        .then_with(|| precedence(other).cmp(&precedence(one)))
        .then_with(|| prefer(&|candidate, _| candidate.is_native))
        .then_with(|| scope(one.destination).cmp(&scope(other.destination)))
}

/// Scopes as RFC 4291 numbers those of multicast.
const LINK: u8 = 0x2;
const SITE: u8 = 0x5;
const GLOBAL: u8 = 0xe;

/// How far an address reaches: section 3.1, and 3.2 for IPv4.
fn scope(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(address) if address.is_loopback() || address.is_link_local() => LINK,
        IpAddr::V4(_) => GLOBAL,
        IpAddr::V6(address) if address.is_multicast() => address.octets()[1] & 0xf,
        IpAddr::V6(address) if address.is_loopback() || address.is_unicast_link_local() => LINK,
        // fec0::/10, which RFC 3879 deprecates and the policy table still names.
        IpAddr::V6(address) if address.segments()[0] & 0xffc0 == 0xfec0 => SITE,
        IpAddr::V6(_) => GLOBAL,
    }
}

/// How many leading bits a source shares with a destination, no more than its own prefix has.
fn shared(source: &Source, destination: IpAddr) -> u8 {
    let bits = match (source.address, destination) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros(),
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros(),
        _ => 0,
    };
    u8::try_from(bits).unwrap_or(u8::MAX).min(source.prefix_length)
}

/// An address as IPv6 writes it: those of IPv4 are mapped.
fn mapped(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}
