//! What a kernel does with a request, and what it answers.

use std::net::IpAddr;

use waypost_core::{Family, Prefix};
use waypost_pfroute::wire::{DumpSource, Field, Metric, RouteOp};

use super::machine::{Entry, Gate, Key, Machine};
use super::reader::Asked;
use super::{Errno, Odd};

impl Machine {
    /// Does what a program asks for, and tells everybody.
    pub(super) fn serve(&mut self, _socket: usize, pid: u32, bytes: &[u8]) -> Result<(), i32> {
        let done = self.read_request(bytes).and_then(|asked| self.perform(&asked, pid, bytes));
        match done {
            Ok(answer) => {
                self.tell(&answer);
                Ok(())
            }
            Err(number) => {
                let is_nonsense =
                    number == Errno::EINVAL || number == self.errno(Odd::Type) || number == self.errno(Odd::Version);
                if !(self.profile.hides_nonsense && is_nonsense) {
                    let answer = self.refusal(pid, number, bytes);
                    self.tell(&answer);
                }
                Err(number)
            }
        }
    }

    /// A request that was refused is told to all as it came, with the number of the error.
    fn refusal(&self, pid: u32, number: i32, bytes: &[u8]) -> Vec<u8> {
        let mut answer = bytes.to_vec();
        let layout = self.profile.dialect.request;
        let length = Field::u16(0).read(self.order, bytes).and_then(|length| usize::try_from(length).ok());
        if self.profile.leaves_nonsense && (number == self.errno(Odd::Version) || length != Some(bytes.len())) {
            return answer;
        }
        let number = u64::try_from(number).unwrap_or(0);
        for (field, value) in [(layout.pid, u64::from(pid)), (layout.errno, number)] {
            // What is too short to have the number has none.
            let _is_there = field.write(self.order, &mut answer, value);
        }
        answer
    }

    fn perform(&mut self, asked: &Asked, pid: u32, bytes: &[u8]) -> Result<Vec<u8>, i32> {
        match asked.op {
            RouteOp::Add => {
                if self.routes.contains_key(&asked.key) {
                    return Err(Errno::EEXIST);
                }
                let entry = self.entry(asked, bytes)?;
                self.routes.insert(asked.key, entry);
                Ok(self.answer(asked, pid, bytes, asked.key, entry))
            }
            RouteOp::Change => {
                let (key, old) = self.meant(asked, false).ok_or(Errno::ESRCH)?;
                let mut entry = if asked.gateway.is_some() { self.entry(asked, bytes)? } else { old };
                if entry.mtu == 0 {
                    entry.mtu = old.mtu;
                }
                self.routes.insert(key, entry);
                Ok(self.answer(asked, pid, bytes, key, entry))
            }
            RouteOp::Delete => {
                self.meant(asked, false).ok_or(Errno::ESRCH)?;
                let wants = self.profile.dialect.wants;
                if wants.gateway_in_delete && asked.gateway.is_none() {
                    return Err(Errno::EINVAL);
                }
                let (key, entry) = self.meant(asked, wants.compares_gateway).ok_or(Errno::ESRCH)?;
                self.routes.remove(&key);
                let mut gone = entry;
                gone.flags &= !self.bit("UP");
                Ok(self.anew(asked, pid, bytes, key, gone))
            }
            RouteOp::Get => {
                let (key, entry) = self.find(asked).ok_or(Errno::ESRCH)?;
                Ok(self.anew(asked, pid, bytes, key, entry))
            }
            _ => Err(self.errno(Odd::Type)),
        }
    }

    /// The entry that a request makes.
    fn entry(&self, asked: &Asked, bytes: &[u8]) -> Result<Entry, i32> {
        let gateway = asked.gateway.ok_or(Errno::EINVAL)?;
        let index = match gateway {
            Gate::Link(0) => asked.interface.filter(|index| *index != 0).ok_or(Errno::EINVAL)?,
            Gate::Link(index) => index,
            Gate::Address(address, zone) => {
                let named = asked.interface.filter(|index| *index != 0);
                // Where addresses have no zone, an address of the link's own is on the link that is named.
                let is_zoned = matches!(address, IpAddr::V6(address) if address.is_unicast_link_local());
                let reached = self.reach(address, if zone == 0 && is_zoned { named.unwrap_or(0) } else { zone });
                named.or(reached).filter(|_| reached.is_some()).ok_or_else(|| self.errno(Odd::Unreachable))?
            }
        };
        if !self.links.contains_key(&index) {
            return Err(Errno::ENXIO);
        }
        let layout = self.profile.dialect.request;
        let inits = layout.inits.read(self.order, bytes).unwrap_or(0);
        let known = layout.metrics.iter().find(|known| known.metric == Metric::Mtu);
        let mtu = known.filter(|known| inits & u64::from(known.bit) != 0).and_then(|known| known.field.read(self.order, bytes));
        let mut flags = asked.flags & !self.bit("DONE") | self.bit("UP");
        if mtu.is_some_and(|mtu| mtu != 0) {
            flags |= self.bit("FIXEDMTU");
        }
        Ok(Entry { gateway, index, flags, mtu: mtu.unwrap_or(0) })
    }

    /// The route to just this destination that a request means: the best of those that it could.
    fn meant(&self, asked: &Asked, compares_gateway: bool) -> Option<(Key, Entry)> {
        let last = if asked.has_any_priority { Key { priority: u8::MAX, ..asked.key } } else { asked.key };
        let is_it = |entry: &Entry| !compares_gateway || asked.gateway.is_none_or(|gateway| is_same(gateway, entry.gateway));
        let found = self.routes.range(asked.key..=last).find(|(_, entry)| is_it(entry));
        found.map(|(key, entry)| (*key, *entry))
    }

    /// The route that a lookup finds.
    fn find(&self, asked: &Asked) -> Option<(Key, Entry)> {
        if asked.has_mask {
            return self.meant(asked, false);
        }
        let address = asked.key.destination.network();
        let fits = |key: &Key| {
            key.table == asked.key.table && key.destination.contains(address) && (key.scope == 0 || key.scope == asked.key.scope)
        };
        let rank = |key: &Key| (key.destination.length(), key.scope, u8::MAX - key.priority);
        let best = self.routes.iter().filter(|(key, _)| fits(key)).max_by_key(|(key, _)| rank(key));
        best.map(|(key, entry)| (*key, *entry))
    }

    /// The answer to a request that was done.
    fn answer(&self, asked: &Asked, pid: u32, bytes: &[u8], key: Key, entry: Entry) -> Vec<u8> {
        if self.profile.answers_anew {
            return self.anew(asked, pid, bytes, key, entry);
        }
        let layout = self.profile.dialect.request;
        let mut answer = bytes.to_vec();
        let extra = if entry.mtu == 0 { 0 } else { self.bit("FIXEDMTU") };
        let mut fields = vec![(layout.pid, pid), (layout.flags, asked.flags | extra | self.bit("DONE"))];
        if self.profile.says_index {
            fields.push((layout.index, entry.index));
        }
        for (field, value) in fields {
            let _fits = field.write(self.order, &mut answer, u64::from(value));
        }
        answer
    }

    /// An answer made from the table.
    fn anew(&self, asked: &Asked, pid: u32, bytes: &[u8], key: Key, entry: Entry) -> Vec<u8> {
        let layout = self.profile.dialect.request;
        let seq = layout.seq.read(self.order, bytes).and_then(|seq| u32::try_from(seq).ok()).unwrap_or(0);
        let wants_interface = asked.op == RouteOp::Get && (asked.interface.is_some() || self.profile.answers_anew);
        self.route_message(asked.op, key, entry, super::writer::Told { pid, seq, wants_interface })
    }

    /// What the routing sysctl gives.
    pub(super) fn listing(&self, name: &[i32]) -> Result<Vec<u8>, i32> {
        let dialect = self.profile.dialect;
        let DumpSource::Sysctl { routes, interfaces, .. } = dialect.dump else { return Err(self.errno(Odd::Type)) };
        let &[_, protocol, _, family, operation, _, ref last @ ..] = name else { return Err(Errno::EINVAL) };
        if protocol != i32::from(dialect.protocol_family) {
            return Err(Errno::EINVAL);
        }
        let wanted = match u8::try_from(family) {
            Ok(0) => None,
            Ok(family) if family == dialect.families.inet => Some(Family::V4),
            Ok(family) if family == dialect.families.inet6 => Some(Family::V6),
            _ => return Ok(Vec::new()),
        };
        let passes = |prefix: &Prefix| wanted.is_none_or(|family| family == prefix.family());
        let table = last.first().and_then(|table| u32::try_from(*table).ok()).unwrap_or(0);
        let mut out = Vec::new();
        if operation == i32::from(routes) {
            for (key, entry) in self.routes.iter().filter(|(key, _)| key.table == table && passes(&key.destination)) {
                out.extend(self.listed_route(*key, *entry));
            }
        } else if operation == i32::from(interfaces) {
            for index in self.links.keys() {
                out.extend(self.interface_message(*index, true));
                for own in self.addresses.iter().filter(|own| own.index == *index) {
                    out.extend(self.address_message(*own, true));
                }
            }
        }
        Ok(out)
    }
}

/// A gateway is compared by its address, an interface by its number unless it is left open.
fn is_same(named: Gate, there: Gate) -> bool {
    match (named, there) {
        (Gate::Address(named, _), Gate::Address(there, _)) => named == there,
        (Gate::Link(named), Gate::Link(there)) => named == 0 || named == there,
        _ => false,
    }
}

/// A place for a number, written where the layout has one.
pub(super) fn put(order: waypost_pfroute::wire::ByteOrder, message: &mut [u8], field: Field, value: u64) {
    let _is_there = field.write(order, message, value);
}
