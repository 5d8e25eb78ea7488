//! Packets that come in: `ip_route_input_slow` in `net/ipv4/route.c`, `fib_validate_source` in `net/ipv4/fib_frontend.c`, `ip6_forward`
//! in `net/ipv6/ip6_output.c` (Linux 6.18).

use std::net::{IpAddr, Ipv4Addr};

use super::rule::Ready;
use super::sieve::Sieve;
use super::walk::{LOOPBACK, Observer, Silent, Walk, has_own_rules_alone};
use super::{Asked, Dropped, Found, Verdict, World};
use crate::{Disposition, Family, Flow, IfIndex, Ipv4Prefix, Prefix, Rule, SettingsOf, TableId};

/// What becomes of a packet for where it comes from.
type Checked<'a> = Result<Option<Dropped>, (&'a Rule, &'static str)>;

#[cold]
pub(super) fn decide<'a>(
    world: &World<'a>,
    rules: &impl Fn(Family, usize) -> Option<Ready<'a>>,
    asked: &Asked,
    observer: &mut impl Observer<'a>,
) -> Verdict<'a> {
    if is_martian(&asked.flow) {
        return Verdict::Dropped { why: Dropped::Martian, found: None };
    }
    let verdict = Walk { world, asked, sieve: Sieve::of(world, asked), observer }.along(rules);
    let (Verdict::Found(found), Some(input)) = (&verdict, asked.flow.input) else { return verdict };
    let found = *found;
    let arrival = Arrival { world, rules, flow: &asked.flow, input };
    let checked = match asked.family {
        Family::V4 => arrival.check_v4(&found),
        Family::V6 => Ok(arrival.check_v6(&found)),
    };
    match checked {
        Ok(None) => verdict,
        Ok(Some(why)) => Verdict::Dropped { why, found: Some(found) },
        Err((rule, why)) => Verdict::Indeterminate { rule, why },
    }
}

/// Says whether no IPv4 packet may come in between these addresses, whatever the tables have.
fn is_martian(flow: &Flow) -> bool {
    let is_zeronet = |address: Ipv4Addr| address.octets()[0] == 0;
    let IpAddr::V4(destination) = flow.destination else { return false };
    let Some(IpAddr::V4(source)) = flow.source else { return is_zeronet(destination) || destination.is_loopback() };
    source.is_multicast()
        || source.is_broadcast()
        || is_zeronet(source)
        || source.is_loopback()
        || !destination.is_broadcast() && (is_zeronet(destination) || destination.is_loopback())
}

struct Arrival<'w, 'a, R> {
    world: &'w World<'a>,
    rules: &'w R,
    flow: &'w Flow,
    input: IfIndex,
}

impl<'a, R: Fn(Family, usize) -> Option<Ready<'a>>> Arrival<'_, 'a, R> {
    /// IPv6 asks but whether the host forwards.
    fn check_v6(&self, found: &Found<'_>) -> Option<Dropped> {
        let forwards = self.world.setting(Family::V6, SettingsOf::All, |settings| settings.forwarding).unwrap_or(true);
        (found.route.entry.disposition == Disposition::Unicast && !forwards).then_some(Dropped::NotForwarding)
    }

    fn check_v4(&self, found: &Found<'a>) -> Checked<'a> {
        let of = SettingsOf::Interface(self.input);
        match found.route.entry.disposition {
            Disposition::Broadcast => return self.check_source(None, None),
            Disposition::Local => return self.check_source(Some(self.flow.destination), None),
            _ if self.world.setting(Family::V4, of, |settings| settings.forwarding) == Some(false) => {
                return Ok(Some(Dropped::NotForwarding));
            }
            Disposition::Unicast => {}
            _ => return Ok(Some(Dropped::NotForwardable)),
        }
        // Rules on the way back see the packets as having come in by where these leave.
        let mut ways = found.next_hops().map(|hop| self.check_source(Some(self.flow.destination), hop.interface));
        let first = ways.next().unwrap_or(Ok(None))?;
        for other in ways {
            if other? != first {
                return Err((found.rule, "whether the source passes hangs on the next hop that the kernel chooses"));
            }
        }
        Ok(first)
    }

    /// Looks the way back up, which leaves by an interface and must not end at the host.
    fn check_source(&self, destination: Option<IpAddr>, leaves_by: Option<IfIndex>) -> Checked<'a> {
        let Some(source) = self.flow.source else { return Ok(None) };
        let filter = |of| self.world.setting(Family::V4, of, |settings| settings.rp_filter).unwrap_or(0);
        let filter = filter(SettingsOf::All).max(filter(SettingsOf::Interface(self.input)));
        // It still belongs to the master of the interface that the packets came in by, asks for no way out and is of nobody.
        let back = Flow {
            destination: source,
            source: destination,
            // The mark counts but with `src_valid_mark`.
            mark: 0,
            source_port: self.flow.destination_port,
            destination_port: self.flow.source_port,
            ..*self.flow
        };
        let asked = Asked { flow: back, family: Family::V4, came_by: leaves_by.or(LOOPBACK) };
        let sieve = Sieve::of(self.world, &asked);
        let verdict = Walk { world: self.world, asked: &asked, sieve, observer: &mut Silent }.along(self.rules);
        match verdict {
            Verdict::Found(back) => Ok(self.judge(&back, filter)),
            Verdict::Indeterminate { rule, why } => Err((rule, why)),
            _ => Ok((filter > 0).then_some(Dropped::ReversePath)),
        }
    }

    fn judge(&self, back: &Found<'_>, filter: u8) -> Option<Dropped> {
        match back.route.entry.disposition {
            Disposition::Unicast => {}
            Disposition::Local => return Some(Dropped::OwnSource),
            // Without rules of its own and without filter, the host looks for its own addresses alone.
            _ if filter == 0 && has_own_rules_alone(self.rules) => return None,
            _ => return Some(Dropped::Martian),
        }
        let returns = back.route.entry.next_hops.iter().any(|hop| hop.interface == Some(self.input));
        let insists = match filter {
            0 => false,
            1 => true,
            // A loose filter (2) is content with any way back, given that the interface has an address.
            _ => !self.has_address(),
        };
        (insists && !returns).then_some(Dropped::ReversePath)
    }

    /// Says whether the interface has an IPv4 address, for which the table `local` has a route.
    fn has_address(&self) -> bool {
        let Some(table) = self.world.tables.table(TableId::LOCAL) else { return true };
        let everywhere = Prefix::V4(Ipv4Prefix::DEFAULT);
        let mut own = table.inside(everywhere).flatten().filter(|route| route.entry.disposition == Disposition::Local);
        own.any(|route| route.entry.next_hops.iter().any(|hop| hop.interface == Some(self.input)))
    }
}
