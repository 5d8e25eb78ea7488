//! Routes as the kernel writes them: `fib_dump_info` and `fib_nexthop_info` (net/ipv4/fib_semantics.c), `rt6_fill_node` (net/ipv6/route.c),
//! `rtnetlink_put_metrics` (net/core/rtnetlink.c), of Linux 6.18.

use std::net::IpAddr;

use waypost_core::{Disposition, Family, NextHop, Preference, Prefix, Route, RouteFlags};

use super::bytes::Writer;
use super::numbers::{
    AF_INET, AF_INET6, CLONED, FIB_MATCH, METRICS, RTA_CACHEINFO, RTA_DST, RTA_FLOW, RTA_GATEWAY, RTA_METRICS, RTA_MULTIPATH,
    RTA_NH_ID, RTA_OIF, RTA_PREF, RTA_PREFSRC, RTA_PRIORITY, RTA_SRC, RTA_TABLE, RTA_VIA, TYPES,
};

pub(super) const fn family(family: Family) -> u8 {
    match family {
        Family::V4 => AF_INET,
        Family::V6 => AF_INET6,
    }
}

/// `struct rtmsg`.
pub(super) fn header(route: &Route) -> Vec<u8> {
    let Route { slot, entry, .. } = route;
    let kind = match entry.disposition {
        Disposition::Other(number) => number,
        known => TYPES.iter().position(|one| *one == known).and_then(|at| u8::try_from(at + 1).ok()).unwrap_or_default(),
    };
    let mut flags = entry.os_flags;
    flags |= if entry.flags.contains(RouteFlags::CLONED) { CLONED } else { 0 };
    flags |= if entry.flags.contains(RouteFlags::MATCHED_ENTRY) { FIB_MATCH } else { 0 };
    if let [hop] = &entry.next_hops[..] {
        flags |= flags_of(hop);
    }
    let mut header = vec![
        family(slot.destination.family()),
        slot.destination.length(),
        slot.source.map_or(0, |source| source.length()),
        slot.tos,
        // RT_TABLE_COMPAT where a byte has no room.
        u8::try_from(slot.table.0).unwrap_or(252),
        entry.protocol.0,
        entry.scope.0,
        kind,
    ];
    header.extend(flags.to_ne_bytes());
    header
}

/// The attributes of a route, in the kernel's order.
pub(super) fn write(writer: &mut Writer, route: &Route) {
    let Route { slot, entry, expires, .. } = route;
    let is_v6 = slot.destination.family() == Family::V6;
    writer.u32(RTA_TABLE, slot.table.0);
    if slot.destination.length() > 0 {
        writer.address(RTA_DST, slot.destination.network());
    }
    if let Some(source) = slot.source {
        writer.address(RTA_SRC, Prefix::V6(source).network());
    }
    let priority = |writer: &mut Writer| {
        if is_v6 || slot.metric != 0 {
            writer.u32(RTA_PRIORITY, slot.metric)
        }
    };
    let preferred = |writer: &mut Writer| {
        if let Some(source) = entry.preferred_source {
            writer.address(RTA_PREFSRC, source);
        }
    };
    if is_v6 {
        preferred(writer);
        metrics(writer, route);
        priority(writer);
    } else {
        priority(writer);
        metrics(writer, route);
        preferred(writer);
    }
    if let Some(id) = entry.next_hop_object {
        writer.u32(RTA_NH_ID, id.get());
    }
    match &entry.next_hops[..] {
        [] => {}
        [hop] => {
            way(writer, hop, slot.destination.family());
            if let Some(index) = hop.interface {
                writer.u32(RTA_OIF, index.get());
            }
            realms(writer, hop);
        }
        legs => writer.nest(RTA_MULTIPATH, |writer| {
            for leg in legs {
                // `struct rtnexthop`: flags, the weight less one, the interface.
                let [flags, ..] = flags_of(leg).to_le_bytes();
                let hops = u8::try_from(leg.weight.get() - 1).unwrap_or(u8::MAX);
                let index = leg.interface.map_or(0, |index| index.get());
                writer.counted(&[&[flags, hops][..], &index.to_ne_bytes()].concat(), |writer| {
                    way(writer, leg, slot.destination.family());
                    realms(writer, leg);
                });
            }
        }),
    }
    if is_v6 {
        // `struct rta_cacheinfo`, of which the third number is when it ends, in hundredths of a second.
        let hundredths = expires.map_or(0, |time| u32::try_from(time.as_millis() / 10).unwrap_or(u32::MAX));
        let error = entry_error(entry.disposition);
        writer.put(RTA_CACHEINFO, &[0, 0, hundredths, error, 0, 0, 0, 0].map(u32::to_ne_bytes).concat());
        let preference = match entry.preference {
            Preference::Medium => 0,
            Preference::High => 1,
            Preference::Low => 3,
        };
        writer.put(RTA_PREF, &[preference]);
    }
}

/// What the kernel says beside a route by which nothing can be reached: the error of whoever sends (`ip6_rt_type_to_error`).
fn entry_error(disposition: Disposition) -> u32 {
    let number: i32 = match disposition {
        Disposition::Blackhole => 22,
        Disposition::Prohibit => 13,
        Disposition::Throw => 11,
        Disposition::Unreachable => 113,
        _ => 0,
    };
    u32::from_ne_bytes((-number).to_ne_bytes())
}

/// What programs see of a next hop's flags, in the lowest byte.
fn flags_of(hop: &NextHop) -> u32 {
    (hop.flags.bits() | hop.os_flags) & 0xff
}

fn way(writer: &mut Writer, hop: &NextHop, of: Family) {
    match hop.gateway {
        Some(gateway) if Family::of(&gateway) == of => writer.address(RTA_GATEWAY, gateway),
        Some(gateway) => writer.nest(RTA_VIA, |writer| {
            writer.raw(&u16::from(family(Family::of(&gateway))).to_ne_bytes());
            match gateway {
                IpAddr::V4(address) => writer.raw(&address.octets()),
                IpAddr::V6(address) => writer.raw(&address.octets()),
            }
        }),
        None => {}
    }
}

fn realms(writer: &mut Writer, hop: &NextHop) {
    if hop.realms != 0 {
        writer.u32(RTA_FLOW, hop.realms);
    }
}

fn metrics(writer: &mut Writer, route: &Route) {
    let metrics = &route.entry.metrics;
    if metrics.is_empty() {
        return;
    }
    writer.nest(RTA_METRICS, |writer| {
        let locks: u32 = numbered().filter(|(_, metric)| metrics.is_locked(*metric)).map(|(number, _)| 1 << number).sum();
        if locks != 0 {
            writer.u32(1, locks);
        }
        for (number, metric) in numbered() {
            if let Some(value) = metrics.get(metric) {
                writer.u32(number, value);
            }
        }
    });
}

/// The metrics that have a number here.
pub(super) fn numbered() -> impl Iterator<Item = (u16, waypost_core::Metric)> {
    (2..).zip(METRICS).filter_map(|(number, metric)| Some((number, metric?)))
}
