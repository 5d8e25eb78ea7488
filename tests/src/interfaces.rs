//! How an administrator of each system with routing sockets does what the contract asks for: ifconfig(8), whose words differ.
//!
//! Unverified: nothing of this has run yet but for its own tests. It is for machines that are thrown away afterwards.

use std::net::IpAddr;
use std::process::Command;

use waypost_sim::contract::Act;

/// An Ethernet interface that needs no hardware, and how it comes and goes.
struct Kind {
    /// As the capabilities name it.
    system: &'static str,
    name: &'static str,
    create: &'static [&'static str],
    destroy: &'static [&'static str],
    /// Further addresses are interfaces of their own there.
    has_logical: bool,
}

const KINDS: &[Kind] = &[
    Kind::simple("FreeBSD", "tap7", &["ifconfig tap7 create"], &["ifconfig tap7 destroy"]),
    Kind::simple("NetBSD", "tap7", &["ifconfig tap7 create"], &["ifconfig tap7 destroy"]),
    Kind::simple("OpenBSD", "vether7", &["ifconfig vether7 create"], &["ifconfig vether7 destroy"]),
    Kind::simple("DragonFly", "tap7", &["ifconfig tap7 create"], &["ifconfig tap7 destroy"]),
    Kind::simple("macOS", "feth7", &["ifconfig feth7 create"], &["ifconfig feth7 destroy"]),
    Kind::logical("illumos"),
    Kind::logical("Solaris"),
];

impl Kind {
    const fn simple(
        system: &'static str,
        name: &'static str,
        create: &'static [&'static str],
        destroy: &'static [&'static str],
    ) -> Self {
        Self { system, name, create, destroy, has_logical: false }
    }

    const fn logical(system: &'static str) -> Self {
        let create: &[&str] = &[
            "dladm create-etherstub stub7",
            "dladm create-vnic -l stub7 way7",
            "ifconfig way7 plumb",
            "ifconfig way7 inet6 plumb",
        ];
        let destroy: &[&str] =
            &["ifconfig way7 inet6 unplumb", "ifconfig way7 unplumb", "dladm delete-vnic way7", "dladm delete-etherstub stub7"];
        Self { system, name: "way7", create, destroy, has_logical: true }
    }

    fn of(system: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.system == system)
    }

    /// The commands for an act about the interface.
    fn commands(&self, act: Act<'_>) -> Vec<String> {
        let (name, owned) = (self.name, |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect());
        match act {
            // One that an earlier test has left is another's.
            Act::AddLink(_) => owned(self.create),
            Act::RemoveLink(_) => owned(self.destroy),
            Act::SetUp(_) if self.has_logical => vec![format!("ifconfig {name} up"), format!("ifconfig {name} inet6 up")],
            Act::SetDown(_) if self.has_logical => vec![format!("ifconfig {name} down"), format!("ifconfig {name} inet6 down")],
            Act::SetUp(_) => vec![format!("ifconfig {name} up")],
            Act::SetDown(_) => vec![format!("ifconfig {name} down")],
            Act::AddAddress(_, address, length) if self.has_logical => {
                vec![format!("ifconfig {name} {} addif {address}/{length} up", inet(address))]
            }
            Act::RemoveAddress(_, address, _) if self.has_logical => {
                vec![format!("ifconfig {name} {} removeif {address}", inet(address))]
            }
            Act::AddAddress(_, address @ IpAddr::V4(_), length) => {
                vec![format!("ifconfig {name} inet {address} netmask {} alias", mask(length))]
            }
            Act::AddAddress(_, address @ IpAddr::V6(_), length) => {
                vec![format!("ifconfig {name} inet6 {address} prefixlen {length} alias")]
            }
            Act::RemoveAddress(_, address, _) => vec![format!("ifconfig {name} {} {address} -alias", inet(address))],
            other => panic!("nobody here can {other:?}"),
        }
    }
}

const fn inet(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "inet" } else { "inet6" }
}

fn mask(length: u8) -> std::net::Ipv4Addr {
    u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0).into()
}

/// The interface of a system's machine that tests know as `w0`; it goes with this.
#[derive(Debug)]
pub struct Interface {
    system: &'static str,
    name: &'static str,
}

impl Interface {
    /// That of the system of this name; `None` where nobody knows how one is made.
    #[must_use]
    pub fn of(system: &str) -> Option<Self> {
        Kind::of(system).map(|kind| Self { system: kind.system, name: kind.name })
    }

    /// The kernel's own name of it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Does something with it.
    ///
    /// # Panics
    ///
    /// Where the system refuses.
    pub fn act(&self, act: Act<'_>) {
        for line in Kind::of(self.system).map(|kind| kind.commands(act)).unwrap_or_default() {
            run(&line).unwrap_or_else(|why| panic!("{line}: {why}"));
        }
    }
}

impl Drop for Interface {
    fn drop(&mut self) {
        for line in Kind::of(self.system).map_or(&[][..], |kind| kind.destroy) {
            // Where it was never made, there is nothing to take away.
            let _gone = run(line);
        }
    }
}

fn run(line: &str) -> Result<(), String> {
    let mut words = line.split_whitespace();
    let output = Command::new(words.next().unwrap_or_default()).args(words).output().map_err(|error| error.to_string())?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

#[cfg(test)]
mod tests {
    use waypost_pfroute::session::capabilities_of_all;

    use super::*;

    #[test]
    fn every_system_with_routing_sockets_has_an_interface() {
        for system in capabilities_of_all() {
            assert!(Interface::of(system.system).is_some(), "{}", system.system);
        }
        assert!(Interface::of("Linux").is_none());
    }

    #[test]
    fn acts_are_said_in_the_words_of_the_system() {
        let address = "10.0.0.2".parse().expect("an address");
        let said = |system: &str, act| Kind::of(system).map(|kind| kind.commands(act)).unwrap_or_default();
        assert_eq!(
            said("OpenBSD", Act::AddAddress("w0", address, 24)),
            ["ifconfig vether7 inet 10.0.0.2 netmask 255.255.255.0 alias"]
        );
        assert_eq!(said("illumos", Act::RemoveAddress("w0", address, 24)), ["ifconfig way7 inet removeif 10.0.0.2"]);
        assert_eq!(said("macOS", Act::SetDown("w0")), ["ifconfig feth7 down"]);
    }
}
