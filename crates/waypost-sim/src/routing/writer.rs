//! Messages, written as a kernel writes them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use waypost_core::{Family, Prefix};
use waypost_pfroute::wire::{
    AddrsLayout, Axis, Change, Field, Kind, MaskForm, Metric, RouteLayout, RouteOp, ScopeForm, SockaddrForm,
};

use super::machine::{Entry, Gate, Key, Machine, Own};
use super::requests::put;

/// Whom an answer is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    pub(super) pid: u32,
    pub(super) seq: u32,
    pub(super) wants_interface: bool,
}

/// A message in the making.
struct Draft {
    bytes: Vec<u8>,
    mask: u64,
    is_listed: bool,
}

impl Machine {
    /// A message about a route that is there, or was.
    pub(super) fn route_message(&self, op: RouteOp, key: Key, entry: Entry, told: Told) -> Vec<u8> {
        let dialect = self.profile.dialect;
        let number = dialect.route_type(op).unwrap_or(0);
        let Kind::Route(_, layout) = dialect.message_type(number).kind else { return Vec::new() };
        let flags = entry.flags | self.bit("DONE");
        self.written_route(number, layout, key, entry, flags, told, false)
    }

    /// An entry of a dump.
    pub(super) fn listed_route(&self, key: Key, entry: Entry) -> Vec<u8> {
        let dialect = self.profile.dialect;
        let op = if dialect.route_type(RouteOp::Get2).is_some() { RouteOp::Get2 } else { RouteOp::Get };
        let number = dialect.route_type(op).unwrap_or(0);
        let Kind::Route(_, layout) = dialect.message_type(number).kind else { return Vec::new() };
        self.written_route(number, layout, key, entry, entry.flags, Told { pid: 0, seq: 0, wants_interface: true }, true)
    }

    #[expect(clippy::too_many_arguments, reason = "a message has so many parts")]
    fn written_route(
        &self,
        number: u8,
        layout: &RouteLayout,
        key: Key,
        entry: Entry,
        flags: u32,
        told: Told,
        is_listed: bool,
    ) -> Vec<u8> {
        let mut draft = self.draft(number, layout.addrs, is_listed);
        let family = key.destination.family();
        let mut flags = flags;
        self.push(&mut draft, Axis::Dst, |machine| machine.address(key.destination.network(), key.scope));
        self.push(&mut draft, Axis::Gateway, |machine| match entry.gateway {
            Gate::Address(address, zone) => machine.address(address, if zone == 0 { entry.index } else { zone }),
            Gate::Link(index) => machine.link(index, "", &[], Some(machine.profile.dialect.link_length)),
        });
        if key.destination.is_host() {
            flags |= self.bit("HOST");
        } else {
            self.push(&mut draft, Axis::Netmask, |machine| machine.mask(key.destination, is_listed));
        }
        if told.wants_interface {
            self.push_interface(&mut draft, entry.index);
            // Of several addresses, the one that the network is of.
            let inside = |own: &&Own| own.index == entry.index && key.destination.contains(own.address);
            let inside = self.addresses.iter().find(inside).map(|own| own.address);
            if let Some(own) = inside.or_else(|| self.own_address(entry.index, family)) {
                self.push(&mut draft, Axis::Ifa, |machine| machine.address(own, entry.index));
            }
        }
        // What is told to nobody in particular has no number.
        let is_answer = told.seq != 0 || is_listed;
        let index = if self.profile.says_index || (told.wants_interface && is_answer) { entry.index } else { 0 };
        let fields = [
            (layout.index, index),
            (layout.flags, flags),
            (layout.table, key.table),
            (layout.priority, u32::from(key.priority)),
            (layout.pid, told.pid),
            (layout.seq, told.seq),
        ];
        for (field, value) in fields {
            put(self.order, &mut draft.bytes, field, u64::from(value));
        }
        if let Some(mtu) = layout.metrics.iter().find(|known| known.metric == Metric::Mtu) {
            put(self.order, &mut draft.bytes, mtu.field, entry.mtu);
        }
        self.finished(draft, layout.addrs)
    }

    /// Tells of a route that is still in the table.
    pub(super) fn tell_route(&mut self, op: RouteOp, key: Key, pid: u32) {
        let Some(mut entry) = self.routes.get(&key).copied() else { return };
        if op == RouteOp::Delete {
            entry.flags &= !self.bit("UP");
        }
        // Kernels that do not number the interface in a header name it behind.
        let wants_interface = !self.profile.says_index;
        let message = self.route_message(op, key, entry, Told { pid, seq: 0, wants_interface });
        self.tell(&message);
    }

    pub(super) fn tell_miss(&mut self, destination: IpAddr) {
        let dialect = self.profile.dialect;
        let Some(number) = dialect.route_type(RouteOp::Miss) else { return };
        let Kind::Route(_, layout) = dialect.message_type(number).kind else { return };
        let mut draft = self.draft(number, layout.addrs, false);
        self.push(&mut draft, Axis::Dst, |machine| machine.address(destination, 0));
        put(self.order, &mut draft.bytes, layout.flags, u64::from(self.bit("DONE")));
        let message = self.finished(draft, layout.addrs);
        self.tell(&message);
    }

    /// The message that says that messages were lost, where the system has one.
    pub(super) fn desync(&self) -> Option<Vec<u8>> {
        let at = self.profile.dialect.types.iter().position(|known| matches!(known.kind, Kind::Desync(_)))?;
        let number = u8::try_from(at).ok()?;
        let Kind::Desync(layout) = self.profile.dialect.message_type(number).kind else { return None };
        let draft = self.draft(number, layout.addrs, false);
        Some(self.finished(draft, layout.addrs))
    }

    pub(super) fn tell_announce(&mut self, index: u32, name: &str, comes: bool) {
        let Some((number, Kind::Announce(layout))) = self.kind_named("IFANNOUNCE") else { return };
        let mut bytes = vec![0; usize::from(layout.size)];
        let place = bytes.iter_mut().skip(usize::from(layout.name)).take(usize::from(layout.name_length));
        place.zip(name.bytes()).for_each(|(place, byte)| *place = byte);
        let fields = [
            (Field::u16(0), u64::from(layout.size)),
            (Field::u8(2), u64::from(self.profile.dialect.version)),
            (Field::u8(3), u64::from(number)),
            (layout.index, u64::from(index)),
            (layout.what, u64::from(!comes)),
        ];
        fields.into_iter().for_each(|(field, value)| put(self.order, &mut bytes, field, value));
        self.tell(&bytes);
    }

    pub(super) fn tell_interface(&mut self, index: u32) {
        let message = self.interface_message(index, false);
        self.tell(&message);
    }

    /// The state of a link. Only a dump names it.
    pub(super) fn interface_message(&self, index: u32, is_listed: bool) -> Vec<u8> {
        let second = self.kind_named("IFINFO2").filter(|_| is_listed);
        let Some((number, Kind::Interface(layout))) = second.or_else(|| self.kind_named("IFINFO")) else { return Vec::new() };
        let Some(wire) = self.links.get(&index) else { return Vec::new() };
        let mut draft = self.draft(number, layout.addrs, is_listed);
        if is_listed {
            self.push_interface(&mut draft, index);
        }
        // IFF_UP, IFF_BROADCAST or IFF_LOOPBACK, IFF_RUNNING of net/if.h.
        let flags = u64::from(wire.is_up) | if wire.kind == 24 { 0x8 } else { 0x2 } | u64::from(wire.is_up) << 6;
        let fields = [
            (layout.index, u64::from(index)),
            (layout.flags, flags),
            (layout.kind, u64::from(wire.kind)),
            (layout.mtu, u64::from(wire.mtu)),
        ];
        fields.into_iter().for_each(|(field, value)| put(self.order, &mut draft.bytes, field, value));
        self.finished(draft, layout.addrs)
    }

    pub(super) fn tell_address(&mut self, own: Own, comes: bool) {
        let message = self.address_message(own, comes);
        self.tell(&message);
    }

    pub(super) fn address_message(&self, own: Own, comes: bool) -> Vec<u8> {
        let wanted = if comes { Change::Added } else { Change::Removed };
        let name = if comes { "NEWADDR" } else { "DELADDR" };
        let Some((number, Kind::Address(change, layout))) = self.kind_named(name) else { return Vec::new() };
        debug_assert_eq!(change, wanted, "the name says it");
        let mut draft = self.draft(number, layout.addrs, false);
        if let Ok(prefix) = Prefix::containing(own.address, own.length) {
            self.push(&mut draft, Axis::Netmask, |machine| machine.mask(prefix, false));
        }
        self.push_interface(&mut draft, own.index);
        self.push(&mut draft, Axis::Ifa, |machine| machine.address(own.address, own.index));
        if let Some(broadcast) = self.broadcast(own) {
            self.push(&mut draft, Axis::Brd, |machine| machine.address(broadcast, 0));
        }
        put(self.order, &mut draft.bytes, layout.index, u64::from(own.index));
        self.finished(draft, layout.addrs)
    }

    /// The last address of an IPv4 network, which the loopback's have not.
    pub(super) fn broadcast(&self, own: Own) -> Option<IpAddr> {
        let IpAddr::V4(address) = own.address else { return None };
        let is_loopback = self.links.get(&own.index).is_some_and(|wire| wire.kind == 24);
        let host = u32::MAX.checked_shr(own.length.into()).unwrap_or(0);
        (!is_loopback).then(|| Ipv4Addr::from(address.to_bits() | host).into())
    }

    fn kind_named(&self, name: &str) -> Option<(u8, Kind)> {
        let at = self.profile.dialect.types.iter().position(|known| known.name == name)?;
        let number = u8::try_from(at).ok()?;
        Some((number, self.profile.dialect.message_type(number).kind))
    }

    fn draft(&self, number: u8, layout: AddrsLayout, is_listed: bool) -> Draft {
        let mut bytes = vec![0; usize::from(layout.size)];
        put(self.order, &mut bytes, Field::u8(2), u64::from(self.profile.dialect.version));
        put(self.order, &mut bytes, Field::u8(3), u64::from(number));
        put(self.order, &mut bytes, layout.header_length, u64::from(layout.size));
        Draft { bytes, mask: 0, is_listed }
    }

    /// Adds a sockaddr behind those that are there. The padding of the one before goes between.
    fn push(&self, draft: &mut Draft, axis: Axis, make: impl Fn(&Self) -> Vec<u8>) {
        let Some(bit) = self.profile.dialect.axes.iter().position(|known| *known == axis) else { return };
        draft.mask |= 1 << bit;
        let mut sockaddr = make(self);
        if let SockaddrForm::Length { unit } = self.profile.dialect.sockaddrs {
            sockaddr.resize(sockaddr.len().max(1).next_multiple_of(usize::from(unit)), 0);
        }
        draft.bytes.extend(sockaddr);
    }

    fn push_interface(&self, draft: &mut Draft, index: u32) {
        let Some(wire) = self.links.get(&index) else { return };
        let length = self.profile.interface_length;
        self.push(draft, Axis::Ifp, |machine| machine.link(index, &wire.name, &wire.address, length));
    }

    fn finished(&self, mut draft: Draft, layout: AddrsLayout) -> Vec<u8> {
        debug_assert!(draft.bytes.len() < usize::from(u16::MAX) || draft.is_listed, "a message fits its length");
        let length = draft.bytes.len() as u64;
        put(self.order, &mut draft.bytes, Field::u16(0), length);
        put(self.order, &mut draft.bytes, layout.addrs, draft.mask);
        draft.bytes
    }

    fn headed(&self, family: u8, mut bytes: Vec<u8>) -> Vec<u8> {
        let length = bytes.len() as u64;
        match self.profile.dialect.sockaddrs {
            SockaddrForm::Length { .. } => {
                put(self.order, &mut bytes, Field::u8(0), length);
                put(self.order, &mut bytes, Field::u8(1), u64::from(family));
            }
            _ => put(self.order, &mut bytes, Field::u16(0), u64::from(family)),
        }
        bytes
    }

    fn address(&self, address: IpAddr, zone: u32) -> Vec<u8> {
        let dialect = self.profile.dialect;
        match address {
            IpAddr::V4(address) => {
                let mut bytes = vec![0; 4];
                bytes.extend(address.octets());
                bytes.resize(16, 0);
                self.headed(dialect.families.inet, bytes)
            }
            IpAddr::V6(address) => {
                let is_local = address.is_unicast_link_local();
                let mut segments = address.segments();
                if is_local && dialect.scope == ScopeForm::Embedded {
                    segments[1] = u16::try_from(zone).unwrap_or(0);
                }
                let mut bytes = vec![0; 8];
                bytes.extend(Ipv6Addr::from(segments).octets());
                bytes.resize(if dialect.sockaddrs == SockaddrForm::Family { 32 } else { 28 }, 0);
                if is_local && dialect.scope == ScopeForm::Field {
                    put(self.order, &mut bytes, Field::u32(24), u64::from(zone));
                }
                self.headed(dialect.families.inet6, bytes)
            }
        }
    }

    fn link(&self, index: u32, name: &str, address: &[u8], length: Option<u8>) -> Vec<u8> {
        let kind = self.links.get(&index).map_or(0, |wire| wire.kind);
        let lengths = [name.len(), address.len()].map(|length| u8::try_from(length).unwrap_or(0));
        let mut bytes = vec![0, 0, 0, 0, kind, lengths[0], lengths[1], 0];
        bytes.extend(name.bytes());
        bytes.extend(address);
        bytes.resize(bytes.len().max(usize::from(length.unwrap_or(0))), 0);
        put(self.order, &mut bytes, Field::u16(2), u64::from(index));
        self.headed(self.profile.dialect.families.link, bytes)
    }

    fn mask(&self, prefix: Prefix, is_listed: bool) -> Vec<u8> {
        let dialect = self.profile.dialect;
        let source = if is_listed { waypost_pfroute::wire::Source::Sysctl } else { waypost_pfroute::wire::Source::Socket };
        let written = dialect.written(source);
        let length = u32::from(prefix.length());
        let (mask, form, start): (IpAddr, _, usize) = match prefix.family() {
            Family::V4 => (Ipv4Addr::from(u32::MAX.checked_shl(32 - length).unwrap_or(0)).into(), written.inet_mask, 4),
            Family::V6 => (Ipv6Addr::from(u128::MAX.checked_shl(128 - length).unwrap_or(0)).into(), written.inet6_mask, 8),
        };
        let full = self.address(mask, 0);
        if form == MaskForm::Full {
            return full;
        }
        // Cut behind the last byte that is not zero; what stands before the address is filler.
        let end = full.iter().skip(start).rposition(|byte| *byte != 0).map_or(0, |at| start + at + 1);
        let mut cut: Vec<u8> = full.into_iter().take(end).collect();
        cut.iter_mut().take(start).for_each(|byte| *byte = 0xff);
        if let Some(first) = cut.first_mut() {
            *first = u8::try_from(end).unwrap_or(u8::MAX);
        }
        cut
    }
}
