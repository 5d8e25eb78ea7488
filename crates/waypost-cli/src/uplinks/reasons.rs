//! Why uplinks are not as they are wanted.

use std::collections::BTreeMap;

use waypost::{Address, Exit, Family, Life, LinkFlags, Names, Role, Route, UplinkId, UplinkReport, UplinkStatus, Uplinks};

/// What happened to default routes last, until they are there.
#[derive(Debug, Default)]
pub(crate) struct Reasons(BTreeMap<UplinkId, String>);

impl Reasons {
    /// Takes in what was told.
    pub(crate) fn note(&mut self, report: &UplinkReport, uplinks: &Uplinks) {
        match report {
            UplinkReport::Refused { wish, error } if wish.role != Role::Resolver => {
                self.0.insert(wish.uplink, format!("{} route refused: {}", wish.role, error.reason()));
            }
            UplinkReport::Lost { wish, overwritten_by } if wish.role.is_default() => {
                let by = |route: &Route| format!(", overwritten by {}", route.with_names(Names::from(uplinks.names())));
                let by = overwritten_by.as_deref().map(by).unwrap_or_default();
                self.0.insert(wish.uplink, format!("its {} route was taken away{by}", wish.role));
            }
            UplinkReport::Switched { uplink, .. } => drop(self.0.remove(uplink)),
            UplinkReport::Moved { to: Life::Active, uplink, .. } => drop(self.0.remove(uplink)),
            _ => {}
        }
        self.0.retain(|uplink, _| uplinks.uplink(*uplink).is_some());
    }

    /// Why it cannot be used, or does not have the default route that it is to have.
    pub(crate) fn why(&self, status: &UplinkStatus<'_>, uplinks: &Uplinks) -> Option<String> {
        if status.hop.is_none() {
            return Some(unusable(status, uplinks));
        }
        let last = self.0.get(&status.id);
        if status.yielded {
            return Some(last.map_or_else(|| "left to a rival".to_owned(), |last| format!("left to a rival: {last}")));
        }
        let has_none = status.defaults.is_empty() || status.retry.is_some();
        last.filter(|_| has_none).cloned()
    }
}

fn unusable(status: &UplinkStatus<'_>, uplinks: &Uplinks) -> String {
    let (interface, family) = (status.uplink.interface, status.uplink.family);
    let Some(link) = uplinks.mirror().links().get(&interface) else { return "its interface has gone".to_owned() };
    if !status.has_link {
        return if link.flags.contains(LinkFlags::UP) { "no carrier" } else { "switched off" }.to_owned();
    }
    let has_address = |own: &Address| own.interface == interface && Family::of(&own.local) == family;
    let has_address = uplinks.mirror().addresses().any(has_address);
    match (status.uplink.exit, status.uplink.vpn, family) {
        (Exit::Learned, ..) if has_address => "nobody has told of its router yet".to_owned(),
        (_, Some(vpn), _) if has_address || status.uplink.exit == Exit::PointToPoint => {
            format!("its server {} cannot be reached", vpn.server)
        }
        (_, _, Family::V4) => "no IPv4 address that serves".to_owned(),
        (_, _, Family::V6) => "no IPv6 address that serves".to_owned(),
    }
}
