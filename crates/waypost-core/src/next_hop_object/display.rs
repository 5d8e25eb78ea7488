//! Next-hop objects as `ip nexthop` prints them.

use std::fmt;
use std::time::Duration;

use super::{NextHopObject, NextHopObjectKind, Resilience};
use crate::route::display::{Hex, write_flags, write_realms, write_way};
use crate::{Family, Named, Names, Protocol, Scope};

impl NextHopObject {
    /// This object with its interface by name when printed; see [`Route::with_names`](crate::Route::with_names).
    #[must_use]
    pub fn with_names<'a>(&'a self, names: impl Into<Names<'a>>) -> Named<'a, Self> {
        Named::new(self, names)
    }
}

impl fmt::Display for NextHopObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_names(Names::none()).fmt(f)
    }
}

impl fmt::Display for Named<'_, NextHopObject> {
    /// The order of words is that of `__print_nexthop_entry` in iproute2's `ip/ipnexthop.c` (6.1). The family is not
    /// written, as there.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let object = self.thing;
        write!(f, "id {}", object.id)?;
        match &object.kind {
            NextHopObjectKind::Group { members, resilience } => {
                for (at, member) in members.iter().enumerate() {
                    write!(f, "{}{}", if at == 0 { " group " } else { "/" }, member.id)?;
                    if member.weight.get() != 1 {
                        write!(f, ",{}", member.weight.get())?;
                    }
                }
                if let Some(resilience) = resilience {
                    write_resilience(f, resilience)?;
                }
            }
            NextHopObjectKind::Single(hop) => {
                // A gateway is written without its family: it is the object's.
                let family = hop.gateway.as_ref().map_or(Family::V4, Family::of);
                write_way(f, hop, family, self.names)?;
            }
            NextHopObjectKind::Blackhole => {}
        }
        if object.scope != Scope::UNIVERSE {
            write!(f, " scope {}", self.names.scope(object.scope))?;
        }
        if matches!(object.kind, NextHopObjectKind::Blackhole) {
            f.write_str(" blackhole")?;
        }
        if object.protocol != Protocol::UNSPECIFIED {
            write!(f, " proto {}", self.names.protocol(object.protocol))?;
        }
        if let NextHopObjectKind::Single(hop) = &object.kind {
            write_flags(f, hop)?;
            write_realms(f, hop.realms, self.names)?;
        }
        if object.fdb {
            f.write_str(" fdb")?;
        }
        for attribute in object.unnamed.as_slice() {
            write!(f, " attr {} {}", attribute.kind, Hex(&attribute.data))?;
        }
        Ok(())
    }
}

fn write_resilience(f: &mut fmt::Formatter<'_>, resilience: &Resilience) -> fmt::Result {
    let Resilience { buckets, idle_timer, unbalanced_timer } = resilience;
    write!(f, " type resilient buckets {buckets} idle_timer {}", Seconds(*idle_timer))?;
    write!(f, " unbalanced_timer {}", Seconds(*unbalanced_timer))
}

/// Seconds, with as many decimals as it takes.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.as_secs())?;
        match self.0.subsec_nanos() {
            0 => Ok(()),
            nanos => write!(f, ".{}", format!("{nanos:09}").trim_end_matches('0')),
        }
    }
}
