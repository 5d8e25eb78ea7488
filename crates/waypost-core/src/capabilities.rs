//! What a kernel can do, as a value that programs can ask.

use crate::TableId;

/// How a route can be deleted without deleting another's.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum CompareAndDelete {
    /// The kernel compares everything that is named.
    Native,
    /// The kernel compares the gateway.
    Gateway,
    /// The kernel compares the destination alone: Waypost reads, deletes, and puts back what was not meant.
    Emulated,
}

/// How a kernel tells that messages were lost.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum LossSignal {
    /// Reading fails with an error, once.
    Error,
    /// A message says so.
    Message,
    /// It does not: only reading the tables again bounds how stale a mirror can be.
    None,
}

/// By what a kernel lets a program know its own routes again.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum OwnershipTag {
    /// A protocol number.
    Protocol,
    /// A priority.
    Priority,
    /// A flag.
    Flag,
    /// Nothing.
    None,
}

/// What a kernel can do. Code asks this, not which system it runs on.
///
/// ```
/// use waypost_core::{Capabilities, Route};
///
/// fn with_metric(capabilities: &Capabilities, mut route: Route, metric: u32) -> Route {
///     route.slot.table = capabilities.main_table;
///     if capabilities.metric {
///         route.slot.metric = metric;
///     }
///     route
/// }
/// # let route = "10.0.0.0/8 via 10.0.0.1".parse().unwrap();
/// # assert_eq!(with_metric(&Capabilities::least("a system without metrics"), route, 50).slot.metric, 0);
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Capabilities {
    /// The system that it describes, for people.
    pub system: &'static str,
    /// The table where routes go unless somebody says otherwise.
    pub main_table: TableId,
    /// The highest table number; zero where there is one table.
    pub max_table: TableId,
    /// Routes to the same destination differ by metric.
    pub metric: bool,
    /// Routes to the same destination differ by priority.
    pub priority: bool,
    /// Routes can be confined to an interface.
    pub interface_scope: bool,
    /// IPv4 routes differ by type of service.
    pub tos: bool,
    /// IPv6 routes can be for some source addresses.
    pub source_prefix: bool,
    /// A route can have several next hops.
    pub multipath: bool,
    /// An IPv4 route can have an IPv6 gateway.
    pub ipv4_via_ipv6: bool,
    /// Packets can be encapsulated by their route.
    pub encapsulation: bool,
    /// There are next-hop objects.
    pub next_hop_objects: bool,
    /// There are policy rules.
    pub rules: bool,
    /// There are routes of types beyond unicast, local, blackhole and unreachable: throw and prohibit.
    pub throw_and_prohibit: bool,
    /// A route can be put in the place of another in one step.
    pub atomic_replace: bool,
    /// Routes can be put before or behind others in their slot.
    pub append: bool,
    /// The kernel can be asked to list but some of the routes.
    pub dump_filters: bool,
    /// How a route is deleted without deleting another's.
    pub compare_and_delete: CompareAndDelete,
    /// How it tells that messages were lost.
    pub loss_signal: LossSignal,
    /// By what a program knows its own routes again.
    pub ownership_tag: OwnershipTag,
    /// Lookups that find nothing are announced.
    pub miss_events: bool,
    /// Routes vanish without a word when links or addresses go.
    pub silent_removals: bool,
    /// The host's sockets can be listed, and ended from outside.
    pub connections: bool,
    /// What the system has in the place of [rules](Self::rules), for people; empty where there are rules.
    pub instead_of_rules: &'static str,
}

impl Capabilities {
    /// A kernel that can do next to nothing, to be filled in by a backend.
    #[must_use]
    pub const fn least(system: &'static str) -> Self {
        Self {
            system,
            main_table: TableId(0),
            max_table: TableId(0),
            metric: false,
            priority: false,
            interface_scope: false,
            tos: false,
            source_prefix: false,
            multipath: false,
            ipv4_via_ipv6: false,
            encapsulation: false,
            next_hop_objects: false,
            rules: false,
            throw_and_prohibit: false,
            atomic_replace: false,
            append: false,
            dump_filters: false,
            compare_and_delete: CompareAndDelete::Emulated,
            loss_signal: LossSignal::None,
            ownership_tag: OwnershipTag::None,
            miss_events: false,
            silent_removals: false,
            connections: false,
            instead_of_rules: "",
        }
    }

    /// Every capability with its name and what it is here, in the order of the fields, for tables and reports.
    #[must_use]
    pub fn rows(&self) -> Vec<(&'static str, String)> {
        let word = |yes: bool| if yes { "yes".to_owned() } else { "no".to_owned() };
        vec![
            ("main table", self.main_table.0.to_string()),
            ("highest table", self.max_table.0.to_string()),
            ("metric", word(self.metric)),
            ("priority", word(self.priority)),
            ("interface scope", word(self.interface_scope)),
            ("type of service", word(self.tos)),
            ("IPv6 source prefix", word(self.source_prefix)),
            ("multipath", word(self.multipath)),
            ("IPv4 via IPv6", word(self.ipv4_via_ipv6)),
            ("encapsulation", word(self.encapsulation)),
            ("next-hop objects", word(self.next_hop_objects)),
            ("rules", word(self.rules)),
            ("throw and prohibit", word(self.throw_and_prohibit)),
            ("atomic replace", word(self.atomic_replace)),
            ("append", word(self.append)),
            ("dump filters", word(self.dump_filters)),
            ("compare-and-delete", self.compare_and_delete.word().to_owned()),
            ("loss signal", self.loss_signal.word().to_owned()),
            ("ownership tag", self.ownership_tag.word().to_owned()),
            ("miss events", word(self.miss_events)),
            ("silent removals", word(self.silent_removals)),
            ("sockets listed and ended", word(self.connections)),
        ]
    }
}

impl CompareAndDelete {
    const fn word(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Gateway => "gateway",
            Self::Emulated => "emulated",
        }
    }
}

impl LossSignal {
    const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Message => "message",
            Self::None => "none",
        }
    }
}

impl OwnershipTag {
    const fn word(self) -> &'static str {
        match self {
            Self::Protocol => "protocol",
            Self::Priority => "priority",
            Self::Flag => "flag",
            Self::None => "none",
        }
    }
}
