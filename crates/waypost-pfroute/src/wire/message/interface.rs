//! Messages about interfaces and their addresses.

use waypost_core::LinkFlags;

use super::Change;
use crate::wire::bytes::View;
use crate::wire::dialect::{AddressLayout, AnnounceLayout, InterfaceLayout, MulticastLayout};
use crate::wire::sockaddr::Sockaddrs;

/// A message about an address of an interface: `struct ifa_msghdr`.
#[derive(Clone, Copy, Debug)]
pub struct AddressMessage<'a> {
    pub(super) layout: &'static AddressLayout,
    pub(super) change: Change,
    pub(super) addrs: Sockaddrs<'a>,
}

impl<'a> AddressMessage<'a> {
    /// Whether the address came or went; in a dump it came.
    #[must_use]
    pub const fn change(&self) -> Change {
        self.change
    }

    /// The interface's index.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.addrs.view().u32(self.layout.index)
    }

    /// The flags of the address, in the system's own numbers.
    #[must_use]
    pub fn raw_flags(&self) -> u32 {
        self.addrs.view().u32(self.layout.flags)
    }

    /// Which sockaddrs the message announces, as a bit mask.
    #[must_use]
    pub fn raw_addrs(&self) -> u32 {
        self.addrs.view().u32(self.layout.addrs.addrs)
    }

    /// The flags of the address itself, in the system's own numbers; zero where messages do not have them.
    #[must_use]
    pub fn raw_address_flags(&self) -> u32 {
        self.addrs.view().u32(self.layout.address_flags)
    }

    /// The process that asked; zero where messages do not say.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.addrs.view().u32(self.layout.pid)
    }

    /// The metric of the address.
    #[must_use]
    pub fn metric(&self) -> u32 {
        self.addrs.view().u32(self.layout.metric)
    }

    /// The sockaddrs.
    #[must_use]
    pub const fn addrs(&self) -> &Sockaddrs<'a> {
        &self.addrs
    }

    /// The whole message.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.addrs.view().bytes
    }
}

/// A message about a multicast address: `struct ifma_msghdr`.
#[derive(Clone, Copy, Debug)]
pub struct MulticastMessage<'a> {
    pub(super) layout: &'static MulticastLayout,
    pub(super) change: Change,
    pub(super) addrs: Sockaddrs<'a>,
}

impl<'a> MulticastMessage<'a> {
    /// Whether the address came or went; in a dump it came.
    #[must_use]
    pub const fn change(&self) -> Change {
        self.change
    }

    /// The interface's index.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.addrs.view().u32(self.layout.index)
    }

    /// The flags, in the system's own numbers.
    #[must_use]
    pub fn raw_flags(&self) -> u32 {
        self.addrs.view().u32(self.layout.flags)
    }

    /// Which sockaddrs the message announces, as a bit mask.
    #[must_use]
    pub fn raw_addrs(&self) -> u32 {
        self.addrs.view().u32(self.layout.addrs.addrs)
    }

    /// How many want the group; zero where messages do not say.
    #[must_use]
    pub fn references(&self) -> u32 {
        self.addrs.view().u32(self.layout.references)
    }

    /// The sockaddrs: the group is [`Axis::Ifa`](crate::wire::Axis::Ifa), its link-layer address [`Axis::Gateway`](crate::wire::Axis::Gateway).
    #[must_use]
    pub const fn addrs(&self) -> &Sockaddrs<'a> {
        &self.addrs
    }

    /// The whole message.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.addrs.view().bytes
    }
}

/// The state of an interface: `struct if_msghdr`.
#[derive(Clone, Copy, Debug)]
pub struct InterfaceMessage<'a> {
    pub(super) layout: &'static InterfaceLayout,
    pub(super) addrs: Sockaddrs<'a>,
}

impl<'a> InterfaceMessage<'a> {
    /// The interface's index.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.addrs.view().u32(self.layout.index)
    }

    /// The IFF_ flags.
    #[must_use]
    pub fn raw_flags(&self) -> u32 {
        self.addrs.view().u32(self.layout.flags)
    }

    /// The flags that the model has names for, and the bits of the others.
    #[must_use]
    pub fn flags(&self) -> (LinkFlags, u32) {
        self.addrs.dialect().link_flags(self.raw_flags())
    }

    /// Which sockaddrs the message announces, as a bit mask.
    #[must_use]
    pub fn raw_addrs(&self) -> u32 {
        self.addrs.view().u32(self.layout.addrs.addrs)
    }

    /// The IFT_ type.
    #[must_use]
    pub fn kind(&self) -> u16 {
        self.addrs.view().u16(self.layout.kind)
    }

    /// LINK_STATE_: 0 unknown, 1 down, 2 up.
    #[must_use]
    pub fn link_state(&self) -> u16 {
        self.addrs.view().u16(self.layout.link_state)
    }

    /// The length of a link-layer address, in bytes.
    #[must_use]
    pub fn address_length(&self) -> u16 {
        self.addrs.view().u16(self.layout.address_length)
    }

    /// The length of a link-layer header, in bytes.
    #[must_use]
    pub fn header_length(&self) -> u16 {
        self.addrs.view().u16(self.layout.header_length)
    }

    /// The largest packet, in bytes.
    #[must_use]
    pub fn mtu(&self) -> u32 {
        self.addrs.view().u32(self.layout.mtu)
    }

    /// The routing metric.
    #[must_use]
    pub fn metric(&self) -> u32 {
        self.addrs.view().u32(self.layout.metric)
    }

    /// The speed, in bits a second.
    #[must_use]
    pub fn baud_rate(&self) -> u64 {
        self.addrs.view().get(self.layout.baud_rate)
    }

    /// The sockaddrs: a dump names the interface by [`Axis::Ifp`](crate::wire::Axis::Ifp), an event does not.
    #[must_use]
    pub const fn addrs(&self) -> &Sockaddrs<'a> {
        &self.addrs
    }

    /// The whole message.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.addrs.view().bytes
    }
}

/// An interface came or went: `struct if_announcemsghdr`.
#[derive(Clone, Copy, Debug)]
pub struct AnnounceMessage<'a> {
    pub(super) view: View<'a>,
    pub(super) layout: &'static AnnounceLayout,
}

/// What an announcement says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Announced {
    /// The interface has come.
    Arrival,
    /// The interface has gone.
    Departure,
    /// Something else, by its number.
    Other(u16),
}

impl<'a> AnnounceMessage<'a> {
    /// The interface's index.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.view.u32(self.layout.index)
    }

    /// The interface's name, without the zeros behind it.
    #[must_use]
    pub fn name(&self) -> &'a [u8] {
        let start = usize::from(self.layout.name);
        let name = self.view.bytes.get(start..start + usize::from(self.layout.name_length)).unwrap_or_default();
        name.split(|&byte| byte == 0).next().unwrap_or_default()
    }

    /// What stands behind the header: a wireless event's own bytes.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.view.bytes.get(usize::from(self.layout.size)..).unwrap_or_default()
    }

    /// What happened to it.
    #[must_use]
    pub fn what(&self) -> Announced {
        match self.view.u16(self.layout.what) {
            0 => Announced::Arrival,
            1 => Announced::Departure,
            other => Announced::Other(other),
        }
    }

    /// The whole message.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.view.bytes
    }
}
