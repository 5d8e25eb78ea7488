//! Interfaces and what belongs to them, as `ip` prints them on one line.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use super::{Address, InterfaceSettings, Link, Neighbour, NeighbourState, SettingsOf};
use crate::{Family, Named, Names, Protocol};

/// Gives things whose interfaces are printed by number or by name both of these.
macro_rules! printed_with_names {
    ($($type:ident, $like:literal);* $(;)?) => {$(
        impl $type {
            /// The same with interfaces by name when printed. One without a name prints as `if` and its number.
            #[must_use]
            pub fn with_names<'a>(&'a self, names: impl Into<Names<'a>>) -> Named<'a, Self> {
                Named::new(self, names)
            }
        }

        impl fmt::Display for $type {
            #[doc = concat!("Writes what ", $like, " would, its interfaces by number.")]
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.with_names(Names::none()).fmt(f)
            }
        }
    )*};
}

printed_with_names!(
    Link, "`ip -o link`";
    Address, "`ip -o addr`";
    Neighbour, "`ip neigh`";
    InterfaceSettings, "`ip netconf`";
);

impl fmt::Display for Named<'_, Link> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { thing: link, names } = *self;
        write!(f, "{}: {}", link.index, link.name)?;
        if let Some(parent) = link.parent {
            write!(f, "@{}", names.interface(parent))?;
        }
        f.write_str(": <")?;
        for (at, word) in link.flags.words().enumerate() {
            write!(f, "{}{word}", if at == 0 { "" } else { "," })?;
        }
        f.write_str(">")?;
        if link.os_flags != 0 {
            write!(f, " flags {:#x}", link.os_flags)?;
        }
        if link.mtu != 0 {
            write!(f, " mtu {}", link.mtu)?;
        }
        if let Some(master) = link.master {
            write!(f, " master {}", names.interface(master))?;
        }
        write!(f, " group {}", names.group(link.group))?;
        if !link.link_address.is_empty() {
            write!(f, " link {}", LinkAddress(&link.link_address))?;
        }
        if !link.kind.is_empty() {
            write!(f, " {}", link.kind)?;
        }
        link.alternative_names.iter().try_for_each(|name| write!(f, " altname {name}"))
    }
}

impl fmt::Display for Named<'_, Address> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { thing: address, names } = *self;
        let Address { interface, local, prefix_length, .. } = address;
        write!(f, "{interface}: {} {} {local}", names.interface(*interface), Family::of(local))?;
        if let Some(peer) = address.peer {
            write!(f, " peer {peer}")?;
        }
        write!(f, "/{prefix_length}")?;
        if address.metric != 0 {
            write!(f, " metric {}", address.metric)?;
        }
        if let Some(broadcast) = address.broadcast {
            write!(f, " brd {broadcast}")?;
        }
        write!(f, " scope {}", names.scope(address.scope))?;
        address.flags.words().try_for_each(|word| write!(f, " {word}"))?;
        if address.os_flags != 0 {
            write!(f, " flags {:#x}", address.os_flags)?;
        }
        if address.protocol != Protocol::UNSPECIFIED {
            write!(f, " proto {}", names.address_protocol(address.protocol))?;
        }
        if !address.label.is_empty() {
            write!(f, " {}", address.label)?;
        }
        write!(f, " valid_lft {} preferred_lft {}", Lifetime(address.valid), Lifetime(address.preferred))
    }
}

impl fmt::Display for Named<'_, Neighbour> {
    /// The order of words is that of `print_neigh` in iproute2's `ip/ipneigh.c` (6.1).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { thing: neighbour, names } = *self;
        write!(f, "{} dev {}", neighbour.address, names.interface(neighbour.interface))?;
        if !neighbour.link_address.is_empty() {
            write!(f, " lladdr {}", LinkAddress(&neighbour.link_address))?;
        }
        if neighbour.router {
            f.write_str(" router")?;
        }
        if neighbour.proxy {
            f.write_str(" proxy")?;
        }
        if neighbour.os_flags != 0 {
            write!(f, " flags {:#x}", neighbour.os_flags)?;
        }
        match neighbour.state {
            NeighbourState::None => Ok(()),
            state => write!(f, " {state}"),
        }
    }
}

impl fmt::Display for NeighbourState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Incomplete => "INCOMPLETE",
            Self::Reachable => "REACHABLE",
            Self::Stale => "STALE",
            Self::Delay => "DELAY",
            Self::Probe => "PROBE",
            Self::Failed => "FAILED",
            Self::NoArp => "NOARP",
            Self::Permanent => "PERMANENT",
            Self::None => "NONE",
        })
    }
}

impl fmt::Display for Named<'_, InterfaceSettings> {
    /// The order of words is that of `print_netconf` in iproute2's `ip/ipnetconf.c` (6.1).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { thing: settings, names } = *self;
        write!(f, "{} ", settings.family)?;
        match settings.of {
            SettingsOf::All => f.write_str("all")?,
            SettingsOf::Default => f.write_str("default")?,
            SettingsOf::Interface(index) => write!(f, "{}", names.interface(index))?,
        }
        let switch = |f: &mut fmt::Formatter<'_>, word: &str, value: Option<bool>| match value {
            Some(value) => write!(f, " {word} {}", if value { "on" } else { "off" }),
            None => Ok(()),
        };
        switch(f, "forwarding", settings.forwarding)?;
        match settings.rp_filter {
            Some(0) => f.write_str(" rp_filter off")?,
            Some(1) => f.write_str(" rp_filter strict")?,
            Some(2) => f.write_str(" rp_filter loose")?,
            Some(number) => write!(f, " rp_filter {number}")?,
            None => {}
        }
        switch(f, "mc_forwarding", settings.multicast_forwarding)?;
        switch(f, "proxy_neigh", settings.proxy_neighbours)?;
        switch(f, "ignore_routes_with_linkdown", settings.ignore_routes_with_link_down)
    }
}

/// A link-layer address: of four or sixteen bytes, as a tunnel has, an IP address.
struct LinkAddress<'a>(&'a [u8]);

impl fmt::Display for LinkAddress<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Ok(octets) = <[u8; 4]>::try_from(self.0) {
            return write!(f, "{}", IpAddr::from(octets));
        }
        if let Ok(octets) = <[u8; 16]>::try_from(self.0) {
            return write!(f, "{}", IpAddr::from(octets));
        }
        for (at, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02x}", if at == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

/// How long something lasts.
struct Lifetime(Option<Duration>);

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(time) => write!(f, "{}sec", time.as_secs()),
            None => f.write_str("forever"),
        }
    }
}

#[cfg(test)]
mod tests;
