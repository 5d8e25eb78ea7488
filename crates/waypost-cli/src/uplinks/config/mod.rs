//! The configuration: what it says, and what is wrong with it.

mod fault;
mod file;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use waypost::{Exit, Family, IfIndex, ProbeTarget, Uplink, UplinkOptions, Uplinks, Vpn};

/// Where the daemon listens, unless it is told otherwise.
pub(crate) const SOCKET: &str = "/run/waypost/uplinks.sock";

/// An uplink whose interface may not be there yet.
#[derive(Debug, Clone)]
pub(crate) struct Planned {
    pub(crate) name: String,
    pub(crate) interface: String,
    pub(crate) family: Family,
    pub(crate) exit: Exit,
    pub(crate) priority: u32,
    resolvers: Vec<IpAddr>,
    source: Option<IpAddr>,
    probed: bool,
    vpn: Option<Vpn>,
}

/// Whether an uplink that is planned can be one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Readiness {
    /// Over the interface of this number.
    Ready(IfIndex),
    /// Its interface is not there.
    NoInterface,
    /// What is said to be its router is this host.
    OwnGateway(IpAddr),
}

/// A key that holds for a whole run, what it says, and where it stands.
#[derive(Debug, Clone)]
struct Fixed {
    key: &'static str,
    line: Option<usize>,
    value: String,
}

/// What the daemon goes by.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) options: UplinkOptions,
    pub(crate) planned: Vec<Planned>,
    /// The routers that are written down.
    gateways: BTreeSet<IpAddr>,
    pub(crate) socket: PathBuf,
    pub(crate) socket_mode: u32,
    pub(crate) targets: Vec<ProbeTarget>,
    pub(crate) timeout: Duration,
    /// Always the same keys, in the same order.
    fixed: Vec<Fixed>,
    /// The line of the targets, or else of the time that each of them may take.
    pub(crate) targets_at: Option<usize>,
}

impl Plan {
    /// Reads the text of a file. What is wrong is told with its line, its key and the reason.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        file::read(text)
    }

    /// Listens there, whatever the file says.
    pub(crate) fn listen_at(&mut self, socket: PathBuf) {
        self.fixed.retain(|fixed| fixed.key != "socket");
        self.socket = socket;
    }

    /// Whether each uplink that is planned can be one now.
    pub(crate) fn readiness(&self, uplinks: &Uplinks) -> Vec<Readiness> {
        let names = uplinks.names();
        let own = uplinks.mirror().addresses().map(|own| own.local);
        let own: Vec<IpAddr> = own.filter(|own| self.gateways.contains(own)).collect();
        let ready = |planned: &Planned| match (names.exactly(&planned.interface), planned.gateway()) {
            (None, _) => Readiness::NoInterface,
            (_, Some(gateway)) if own.contains(&gateway) => Readiness::OwnGateway(gateway),
            (Some(interface), _) => Readiness::Ready(interface),
        };
        self.planned.iter().map(ready).collect()
    }

    /// Says whether any uplink is to be probed.
    pub(crate) fn probes(&self) -> bool {
        self.planned.iter().any(|planned| planned.probed)
    }

    /// What is gone by from now on, where this runs and `new` has been read.
    ///
    /// # Errors
    ///
    /// What would take another start: with its line, its key and the reason.
    pub(crate) fn followed_by(&self, mut new: Self) -> Result<Self, String> {
        let differ = self.fixed.iter().zip(&new.fixed).filter(|(old, new)| old.value != new.value);
        let told: Vec<String> = differ
            .map(|(old, new)| {
                let Fixed { key, value, .. } = new;
                match (new.line, old.line) {
                    (Some(line), _) => format!("line {line}: {key}: it is {value}, and {} in the one that runs", old.value),
                    (None, Some(line)) => format!("line {line} has gone: {key}: it was {}, and would be {value}", old.value),
                    (None, None) => format!("{key}: it was {}, and would be {value}", old.value),
                }
            })
            .collect();
        if !told.is_empty() {
            return Err(format!("{}: only uplinks and targets can change while it runs", told.join("; ")));
        }
        // How long an answer is waited for comes from the targets, and stays.
        let runs = self.options.probes.patience;
        let patience = std::mem::replace(&mut new.options.probes.patience, runs);
        if patience > runs {
            let line = new.targets_at.unwrap_or(1);
            let (takes, waits) = (patience.as_secs_f64() / 2.0, runs.as_secs_f64() / 2.0);
            return Err(format!(
                "line {line}: probe.targets: all of them may take {takes} s, and the one that runs waits {waits} s"
            ));
        }
        Ok(new)
    }
}

impl Planned {
    /// One that was found, with its way out.
    pub(crate) fn found(interface: &str, family: Family, exit: Exit, priority: u32) -> Self {
        let (resolvers, source, probed, vpn) = (Vec::new(), None, false, None);
        let (name, interface) = (interface.to_owned(), interface.to_owned());
        Self { name, interface, family, exit, priority, resolvers, source, probed, vpn }
    }

    /// The name and family by which it is known.
    pub(crate) fn key(&self) -> (&str, Family) {
        (&self.name, self.family)
    }

    /// It is a VPN that takes only what has routes of its own.
    pub(crate) fn is_split(&self) -> bool {
        self.vpn.is_some_and(|vpn| vpn.split)
    }

    /// Its router, where that is written down.
    pub(crate) fn gateway(&self) -> Option<IpAddr> {
        match self.exit {
            Exit::Gateway(gateway) => Some(gateway),
            _ => None,
        }
    }

    /// The uplink over that interface.
    pub(crate) fn uplink(&self, interface: IfIndex) -> Uplink {
        let mut uplink = Uplink::new(self.name.clone(), self.family, interface, self.exit);
        uplink.priority = self.priority;
        uplink.resolvers = self.resolvers.clone();
        uplink.source = self.source;
        uplink.probed = self.probed;
        uplink.vpn = self.vpn;
        uplink
    }
}

impl Readiness {
    /// Why it is no uplink now.
    pub(crate) fn why(self, planned: &Planned) -> Option<String> {
        match self {
            Self::Ready(_) => None,
            Self::NoInterface => Some(format!("no interface {} yet", planned.interface)),
            Self::OwnGateway(gateway) => Some(format!("its gateway {gateway} is an address of this host")),
        }
    }
}
