//! The machine: its links, addresses and routes, and the sockets that hear of them.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use waypost_core::{Error, ErrorKind, Family, Prefix};
use waypost_pfroute::wire::{ByteOrder, DumpSource, RouteOp};

use super::{Odd, SimSockets};
use crate::profile::RoutingProfile;

/// What a routing socket's buffer takes, in bytes, unless told otherwise: net.rtsock.recvspace of FreeBSD.
const RECEIVE_BUFFER: usize = 8192;

/// A machine with routing sockets. Copies of it are the same machine.
#[derive(Clone, Debug)]
pub struct RoutingSim(Arc<Mutex<Machine>>);

#[derive(Debug)]
pub(super) struct Machine {
    pub(super) profile: RoutingProfile,
    pub(super) order: ByteOrder,
    pub(super) links: BTreeMap<u32, Wire>,
    pub(super) addresses: Vec<Own>,
    pub(super) routes: BTreeMap<Key, Entry>,
    sockets: Vec<Socket>,
    last_index: u32,
}

#[derive(Clone, Debug)]
pub(super) struct Wire {
    pub(super) name: String,
    pub(super) is_up: bool,
    pub(super) mtu: u32,
    /// IFT_ETHER or IFT_LOOP.
    pub(super) kind: u8,
    pub(super) address: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Own {
    pub(super) index: u32,
    pub(super) address: IpAddr,
    pub(super) length: u8,
}

/// Where a route is kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Key {
    pub(super) table: u32,
    pub(super) destination: Prefix,
    /// The interface that it is confined to, or zero.
    pub(super) scope: u32,
    /// Its rank among those to the same destination, where headers have one; else zero.
    pub(super) priority: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Gate {
    Address(IpAddr, u32),
    Link(u32),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) gateway: Gate,
    pub(super) index: u32,
    pub(super) flags: u32,
    pub(super) mtu: u64,
}

#[derive(Debug)]
struct Socket {
    queue: VecDeque<Vec<u8>>,
    queued: usize,
    room: usize,
    /// Something was lost, and the reader has not been told.
    is_overrun: bool,
}

impl RoutingSim {
    /// A machine of this kind with a loopback, whose processor has this byte order.
    #[must_use]
    pub fn new(profile: RoutingProfile, order: ByteOrder) -> Self {
        let loopback = Wire { name: "lo0".to_owned(), is_up: true, mtu: 33184, kind: 24, address: Vec::new() };
        let sim = Self(Arc::new(Mutex::new(Machine {
            profile,
            order,
            links: BTreeMap::from([(1, loopback)]),
            addresses: Vec::new(),
            routes: BTreeMap::new(),
            sockets: Vec::new(),
            last_index: 1,
        })));
        for (address, length) in [("127.0.0.1", 8), ("::1", 128)] {
            let address = address.parse().unwrap_or(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));
            sim.lock().addresses.push(Own { index: 1, address, length });
        }
        sim
    }

    /// The sockets of one program of this machine.
    #[must_use]
    pub fn sockets(&self) -> SimSockets {
        SimSockets::new(self.clone())
    }

    /// Opens a socket and gives its number.
    #[must_use]
    pub fn socket(&self) -> usize {
        let mut machine = self.lock();
        let room = RECEIVE_BUFFER;
        machine.sockets.push(Socket { queue: VecDeque::new(), queued: 0, room, is_overrun: false });
        machine.sockets.len() - 1
    }

    /// Gives a socket room for so many bytes that have not been read.
    pub fn set_receive_buffer(&self, socket: usize, bytes: usize) {
        if let Some(socket) = self.lock().sockets.get_mut(socket) {
            socket.room = bytes;
        }
    }

    /// What a socket is told next; `None` where there is nothing.
    ///
    /// # Errors
    ///
    /// The system's number of ENOBUFS where messages were lost.
    pub fn read(&self, socket: usize) -> Result<Option<Vec<u8>>, i32> {
        self.lock().read(socket)
    }

    /// A program writes a request to a socket; `pid` is its process.
    ///
    /// # Errors
    ///
    /// The system's number of the error.
    pub fn write(&self, socket: usize, pid: u32, bytes: &[u8]) -> Result<(), i32> {
        self.lock().serve(socket, pid, bytes)
    }

    /// What the routing sysctl gives for a name, whose family, operation and argument stand behind `CTL_NET`, `PF_ROUTE` and zero.
    ///
    /// # Errors
    ///
    /// The system's number of the error.
    pub fn sysctl(&self, name: &[i32]) -> Result<Vec<u8>, i32> {
        self.lock().listing(name)
    }

    /// Plugs a link in, down; says its number.
    pub fn add_link(&self, name: &str) -> u32 {
        let mut machine = self.lock();
        machine.last_index += 1;
        let index = machine.last_index;
        let last = u8::try_from(index).unwrap_or(u8::MAX);
        let wire = Wire { name: name.to_owned(), is_up: false, mtu: 1500, kind: 6, address: vec![2, 0, 0, 0, 0, last] };
        machine.links.insert(index, wire);
        machine.tell_announce(index, name, true);
        index
    }

    /// The number of the link of this name.
    #[must_use]
    pub fn link(&self, name: &str) -> Option<u32> {
        self.lock().links.iter().find(|(_, wire)| wire.name == name).map(|(index, _)| *index)
    }

    /// Gives a link another link-layer address, before anybody has heard of it.
    pub fn set_link_address(&self, index: u32, address: &[u8]) {
        if let Some(wire) = self.lock().links.get_mut(&index) {
            wire.address = address.to_vec();
        }
    }

    /// Takes a link away, with its addresses and routes.
    ///
    /// # Errors
    ///
    /// `NoSuchDevice`.
    pub fn remove_link(&self, index: u32) -> Result<(), Error> {
        let mut machine = self.lock();
        let wire = machine.links.get(&index).cloned().ok_or_else(no_device)?;
        let own: Vec<Own> = machine.addresses.iter().filter(|own| own.index == index).copied().collect();
        for own in own {
            machine.remove_address(own);
        }
        machine.drop_routes(index);
        machine.tell_interface(index);
        machine.links.remove(&index);
        machine.tell_announce(index, &wire.name, false);
        Ok(())
    }

    /// Switches a link on or off. Routes stay.
    ///
    /// # Errors
    ///
    /// `NoSuchDevice`.
    pub fn set_up(&self, index: u32, is_up: bool) -> Result<(), Error> {
        let mut machine = self.lock();
        machine.links.get_mut(&index).ok_or_else(no_device)?.is_up = is_up;
        machine.tell_interface(index);
        Ok(())
    }

    /// Gives a link another MTU.
    ///
    /// # Errors
    ///
    /// `NoSuchDevice`.
    pub fn set_mtu(&self, index: u32, mtu: u32) -> Result<(), Error> {
        let mut machine = self.lock();
        machine.links.get_mut(&index).ok_or_else(no_device)?.mtu = mtu;
        machine.tell_interface(index);
        Ok(())
    }

    /// Gives a link an address, and so a route to its network.
    ///
    /// # Errors
    ///
    /// `NoSuchDevice`, `Exists`.
    pub fn add_address(&self, index: u32, address: IpAddr, length: u8) -> Result<(), Error> {
        let mut machine = self.lock();
        if !machine.links.contains_key(&index) {
            return Err(no_device());
        }
        if machine.addresses.iter().any(|own| own.address == address) {
            return Err(Error::new(ErrorKind::Exists, "add address").on(address));
        }
        let own = Own { index, address, length };
        machine.addresses.push(own);
        machine.tell_address(own, true);
        if let Some(key) = own.network(machine.connected()) {
            let mut names = vec!["UP"];
            names.extend(["PINNED", "CONNECTED", "CLONING"].into_iter().filter(|name| machine.bit(name) != 0));
            let flags = names.into_iter().map(|name| machine.bit(name)).sum();
            machine.routes.insert(key, Entry { gateway: Gate::Link(index), index, flags, mtu: 0 });
            machine.tell_route(RouteOp::Add, key, 0);
        }
        Ok(())
    }

    /// Takes an address from a link, and the route to its network.
    ///
    /// # Errors
    ///
    /// `NotFound`.
    pub fn remove_address(&self, index: u32, address: IpAddr) -> Result<(), Error> {
        let mut machine = self.lock();
        let own = machine.addresses.iter().find(|own| own.index == index && own.address == address).copied();
        let own = own.ok_or_else(|| Error::new(ErrorKind::NotFound, "remove address").on(address))?;
        machine.remove_address(own);
        Ok(())
    }

    /// Says that a packet to `destination` found no route.
    pub fn miss(&self, destination: IpAddr) {
        self.lock().tell_miss(destination);
    }

    /// Sends a packet, which is told of where there is no route to its destination.
    pub fn send(&self, destination: IpAddr) {
        let mut machine = self.lock();
        let leads = |key: &Key| key.table == 0 && key.destination.contains(destination);
        if !machine.routes.keys().any(leads) {
            machine.tell_miss(destination);
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Machine> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Own {
    /// Where the route to its network is kept; `None` where its network is itself.
    fn network(&self, priority: u8) -> Option<Key> {
        let destination = Prefix::containing(self.address, self.length).ok().filter(|prefix| !prefix.is_host())?;
        let is_local = matches!(self.address, IpAddr::V6(address) if address.is_unicast_link_local());
        Some(Key { table: 0, destination, scope: if is_local { self.index } else { 0 }, priority })
    }
}

impl Machine {
    pub(super) fn errno(&self, odd: Odd) -> i32 {
        odd.number(self.profile.dialect.dump == DumpSource::Mib2)
    }

    /// The flag bit of this name, or zero where the system has none.
    pub(super) fn bit(&self, name: &str) -> u32 {
        let at = self.profile.dialect.flag_bits.names.iter().position(|known| *known == name);
        at.map_or(0, |at| 1 << at)
    }

    /// Says whether headers have a priority, which is part of where a route is kept.
    pub(super) const fn has_priorities(&self) -> bool {
        self.profile.dialect.request.priority.width() != 0
    }

    /// The priority of the routes to networks of its own: RTP_CONNECTED of sys/net/route.h (OpenBSD 7.5).
    const fn connected(&self) -> u8 {
        if self.has_priorities() { 4 } else { 0 }
    }

    fn read(&mut self, socket: usize) -> Result<Option<Vec<u8>>, i32> {
        let lost = self.errno(Odd::NoBuffers);
        let desync = self.desync();
        let tells_loss = self.profile.tells_loss;
        let Some(socket) = self.sockets.get_mut(socket) else { return Ok(None) };
        match socket.queue.pop_front() {
            Some(message) => {
                socket.queued -= message.len();
                Ok(Some(message))
            }
            None if std::mem::take(&mut socket.is_overrun) => match desync {
                Some(message) => Ok(Some(message)),
                None if tells_loss => Err(lost),
                None => Ok(None),
            },
            None => Ok(None),
        }
    }

    /// Tells all sockets the same bytes; what has no room is lost.
    pub(super) fn tell(&mut self, message: &[u8]) {
        for socket in &mut self.sockets {
            if socket.is_overrun || socket.queued + message.len() > socket.room {
                socket.is_overrun = true;
            } else {
                socket.queued += message.len();
                socket.queue.push_back(message.to_vec());
            }
        }
    }

    fn remove_address(&mut self, own: Own) {
        self.addresses.retain(|other| *other != own);
        if let Some(key) = own.network(self.connected()) {
            let is_made = self.routes.get(&key).is_some_and(|entry| entry.gateway == Gate::Link(own.index));
            if is_made {
                self.tell_route(RouteOp::Delete, key, 0);
                self.routes.remove(&key);
            }
        }
        self.tell_address(own, false);
    }

    /// Takes the routes that leave by a link, one message each.
    fn drop_routes(&mut self, index: u32) {
        let keys: Vec<Key> = self.routes.iter().filter(|(_, entry)| entry.index == index).map(|(key, _)| *key).collect();
        for key in keys {
            self.tell_route(RouteOp::Delete, key, 0);
            self.routes.remove(&key);
        }
    }

    /// The link and its own address that a gateway is reached by.
    pub(super) fn reach(&self, gateway: IpAddr, zone: u32) -> Option<u32> {
        if zone != 0 {
            return self.links.contains_key(&zone).then_some(zone);
        }
        let covers = |own: &&Own| Prefix::containing(own.address, own.length).is_ok_and(|prefix| prefix.contains(gateway));
        self.addresses.iter().filter(covers).map(|own| own.index).next()
    }

    /// An address of the family that a link has.
    pub(super) fn own_address(&self, index: u32, family: Family) -> Option<IpAddr> {
        let own = self.addresses.iter().find(|own| own.index == index && Family::of(&own.address) == family)?;
        Some(own.address)
    }
}

fn no_device() -> Error {
    Error::new(ErrorKind::NoSuchDevice, "find").because("there is no such link")
}
