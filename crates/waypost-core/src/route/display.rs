//! Routes as `ip route` prints them.

use std::fmt;

use super::parse::{usual_scope, usual_table};
use super::{
    Disposition, Encapsulation, Entry, Metric, NextHop, NextHopFlags, Preference, Route, RouteFlags, RouteRef, Slot, Weight,
};
use crate::{Family, IfIndex, Names, Prefix, Protocol, Scope, TableId};

/// The encapsulations that `ip route` has names for; `linux/lwtunnel.h`, `enum lwtunnel_encap_types` (Linux 6.18).
pub(super) const ENCAPSULATIONS: [(u16, &str); 10] = [
    (1, "mpls"),
    (2, "ip"),
    (3, "ila"),
    (4, "ip6"),
    (5, "seg6"),
    (6, "bpf"),
    (7, "seg6local"),
    (8, "rpl"),
    (9, "ioam6"),
    (10, "xfrm"),
];

impl Encapsulation {
    /// The name that `ip route` has for its kind, where it has one.
    ///
    /// ```
    /// use waypost_core::Encapsulation;
    ///
    /// assert_eq!(Encapsulation::new(5, Vec::new()).name(), Some("seg6"));
    /// assert_eq!(Encapsulation::new(999, Vec::new()).name(), None);
    /// ```
    #[must_use]
    pub fn name(&self) -> Option<&'static str> {
        ENCAPSULATIONS.iter().find(|(kind, _)| *kind == self.kind).map(|(_, word)| *word)
    }
}

/// A route that prints its interfaces by name; [`Route::with_names`] makes it.
///
/// The alternate form, `{:#}`, puts each next hop of a multipath route on a line of its own as `ip route` does.
#[derive(Clone, Copy, Debug)]
pub struct WithNames<'a> {
    route: RouteRef<'a>,
    names: Names<'a>,
    says_zero: bool,
}

impl WithNames<'_> {
    /// The same with the metric 0 in words too, for readers to whom a route without a metric has another.
    ///
    /// ```
    /// use waypost_core::{InterfaceNames, Route};
    ///
    /// let route: Route = "10.0.0.0/8 via 10.9.0.1".parse()?;
    /// let text = route.with_names(InterfaceNames::none()).with_metric_zero().to_string();
    /// assert_eq!(text, "10.0.0.0/8 via 10.9.0.1 metric 0");
    /// # Ok::<(), waypost_core::ParseError>(())
    /// ```
    #[must_use]
    pub const fn with_metric_zero(mut self) -> Self {
        self.says_zero = true;
        self
    }
}

impl Route {
    /// This route with its interfaces by name when printed. One without a name prints as `if` and its number.
    ///
    /// ```
    /// use waypost_core::{IfIndex, InterfaceNames, Route};
    ///
    /// let names: InterfaceNames = [(IfIndex::new(2).unwrap(), "eth0")].into_iter().collect();
    /// let route = Route::parse("default via 10.0.0.1 dev eth0", &names)?;
    /// assert_eq!(route.to_string(), "default via 10.0.0.1 dev if2");
    /// assert_eq!(route.with_names(&names).to_string(), "default via 10.0.0.1 dev eth0");
    /// # Ok::<(), waypost_core::ParseError>(())
    /// ```
    #[must_use]
    pub fn with_names<'a>(&'a self, names: impl Into<Names<'a>>) -> WithNames<'a> {
        WithNames { route: self.as_ref(), names: names.into(), says_zero: false }
    }
}

impl<'a> RouteRef<'a> {
    /// This route with its interfaces by name when printed; see [`Route::with_names`].
    #[must_use]
    pub fn with_names(self, names: impl Into<Names<'a>>) -> WithNames<'a> {
        WithNames { route: self, names: names.into(), says_zero: false }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_names(Names::none()).fmt(f)
    }
}

impl fmt::Display for RouteRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        RouteRef::with_names(*self, Names::none()).fmt(f)
    }
}

impl fmt::Display for WithNames<'_> {
    /// The order of words is that of `print_route` in iproute2's `ip/iproute.c` (6.1).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RouteRef { slot, entry, expires } = self.route;
        write_head(f, &slot, entry, self.names)?;
        let (single, legs) = ways(&entry.next_hops);
        if let Some(hop) = single {
            write_way(f, hop, slot.destination.family(), self.names)?;
        }
        write_origin(f, &slot, entry, self.names, self.says_zero)?;
        if let Some(hop) = single {
            write_flags(f, hop)?;
        }
        write_marks(f, entry)?;
        if let Some(hop) = single {
            write_realms(f, hop.realms, self.names)?;
        }
        if let Some(expires) = expires {
            write!(f, " expires {}sec", expires.as_secs())?;
        }
        write_metrics(f, entry)?;
        if slot.destination.family() == Family::V6 {
            write!(f, " pref {}", preference_word(entry.preference))?;
        }
        for attribute in entry.unnamed.as_slice() {
            write!(f, " attr {} {}", attribute.kind, Hex(&attribute.data))?;
        }
        for hop in legs {
            f.write_str(if f.alternate() { "\n\tnexthop" } else { " nexthop" })?;
            write_way(f, hop, slot.destination.family(), self.names)?;
            write!(f, " weight {}", hop.weight.get())?;
            write_flags(f, hop)?;
            write_realms(f, hop.realms, self.names)?;
        }
        Ok(())
    }
}

/// The way out that goes by its words alone, or else those that `nexthop` must introduce: one that has a weight, or no words.
fn ways(hops: &[NextHop]) -> (Option<&NextHop>, &[NextHop]) {
    match hops {
        [hop] if hop.weight == Weight::ONE && *hop != NextHop::default() => (Some(hop), &[]),
        legs => (None, legs),
    }
}

/// Writes where a way out leads; a gateway that is not of `family` is written with its own.
pub(crate) fn write_way(f: &mut fmt::Formatter<'_>, hop: &NextHop, family: Family, names: Names<'_>) -> fmt::Result {
    if let Some(encapsulation) = &hop.encapsulation {
        match encapsulation.name() {
            Some(word) => write!(f, " encap {word}")?,
            None => write!(f, " encap {}", encapsulation.kind)?,
        }
        write!(f, " {}", Hex(&encapsulation.data))?;
    }
    match hop.gateway {
        Some(gateway) if Family::of(&gateway) == family => write!(f, " via {gateway}")?,
        Some(gateway) => write!(f, " via {} {gateway}", Family::of(&gateway))?,
        None => {}
    }
    if hop.scope_id != 0 {
        write!(f, " zone {}", hop.scope_id)?;
    }
    if let Some(index) = hop.interface {
        write!(f, " dev {}", names.interface(index))?;
    }
    Ok(())
}

fn write_head(f: &mut fmt::Formatter<'_>, slot: &Slot, entry: &Entry, names: Names<'_>) -> fmt::Result {
    if entry.disposition != Disposition::Unicast {
        write!(f, "{} ", entry.disposition)?;
    }
    write!(f, "{}", Destination(slot.destination))?;
    if let Some(source) = slot.source {
        write!(f, " from {}", Destination(source.into()))?;
    }
    if let Some(id) = entry.next_hop_object {
        write!(f, " nhid {id}")?;
    }
    if slot.tos != 0 {
        write!(f, " tos {}", names.type_of_service(slot.tos))?;
    }
    Ok(())
}

fn write_origin(f: &mut fmt::Formatter<'_>, slot: &Slot, entry: &Entry, names: Names<'_>, says_zero: bool) -> fmt::Result {
    if slot.table != TableId::MAIN || usual_table(entry.disposition) != TableId::MAIN {
        write!(f, " table {}", names.table(slot.table))?;
    }
    if entry.protocol != Protocol::BOOT {
        write!(f, " proto {}", names.protocol(entry.protocol))?;
    }
    // What reading would not guess is written too, so that text reads back as the same route.
    if entry.scope != Scope::UNIVERSE || usual_scope(slot.destination.family(), entry, &entry.next_hops) != entry.scope {
        write!(f, " scope {}", names.scope(entry.scope))?;
    }
    if let Some(source) = entry.preferred_source {
        write!(f, " src {source}")?;
    }
    // The kernel names the metric of every IPv6 route, and has 0 for the host's own addresses.
    let own = slot.destination.family() == Family::V6 && matches!(entry.disposition, Disposition::Local | Disposition::Anycast);
    if slot.metric != 0 || own || says_zero {
        write!(f, " metric {}", slot.metric)?;
    }
    if slot.priority != 0 {
        write!(f, " priority {}", slot.priority)?;
    }
    if let Some(index) = slot.interface_scope {
        write!(f, " ifscope {index}")?;
    }
    Ok(())
}

pub(crate) fn write_flags(f: &mut fmt::Formatter<'_>, hop: &NextHop) -> fmt::Result {
    for (flag, word) in NextHopFlags::WORDS {
        if hop.flags.contains(flag) {
            write!(f, " {word}")?;
        }
    }
    if hop.os_flags != 0 {
        write!(f, " hopflags {:#x}", hop.os_flags)?;
    }
    Ok(())
}

fn write_marks(f: &mut fmt::Formatter<'_>, entry: &Entry) -> fmt::Result {
    for (flag, word) in RouteFlags::WORDS {
        if entry.flags.contains(flag) {
            write!(f, " {word}")?;
        }
    }
    if entry.os_flags != 0 {
        write!(f, " flags {:#x}", entry.os_flags)?;
    }
    Ok(())
}

pub(crate) fn write_realms(f: &mut fmt::Formatter<'_>, realms: u32, names: Names<'_>) -> fmt::Result {
    match (realms >> 16, realms & 0xffff) {
        (0, 0) => Ok(()),
        (0, to) => write!(f, " realm {}", names.realm(to)),
        (from, to) => write!(f, " realms {}/{}", names.realm(from), names.realm(to)),
    }
}

fn write_metrics(f: &mut fmt::Formatter<'_>, entry: &Entry) -> fmt::Result {
    let metrics = &entry.metrics;
    for metric in Metric::ALL {
        // A metric can be locked without having been set.
        let Some(value) = metrics.get(metric).or_else(|| metrics.is_locked(metric).then_some(0)) else { continue };
        write!(f, " {}", metric.word())?;
        if metrics.is_locked(metric) {
            f.write_str(" lock")?;
        }
        match metric {
            Metric::Rtt => write!(f, " {}ms", f64::from(value) / 8.0)?,
            Metric::RttVar => write!(f, " {}ms", f64::from(value) / 4.0)?,
            Metric::RtoMin => write!(f, " {value}ms")?,
            // `RTAX_FEATURE_ECN` of linux/rtnetlink.h (6.18), the one bit that `ip route` has a word for.
            Metric::Features if value == 1 => f.write_str(" ecn")?,
            Metric::Features => write!(f, " {value:#x}")?,
            _ => write!(f, " {value}")?,
        }
    }
    match metrics.congestion() {
        Some(congestion) if metrics.is_congestion_locked() => write!(f, " congctl lock {congestion}"),
        Some(congestion) => write!(f, " congctl {congestion}"),
        None => Ok(()),
    }
}

/// A destination as `ip route` prints it: `default`, and host routes without a length.
pub(crate) struct Destination(pub(crate) Prefix);

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            prefix if prefix.is_default() => f.write_str("default"),
            prefix if prefix.is_host() => write!(f, "{}", prefix.network()),
            prefix => write!(f, "{prefix}"),
        }
    }
}

/// Bytes as one hexadecimal word.
pub(crate) struct Hex<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

pub(super) const fn preference_word(preference: Preference) -> &'static str {
    match preference {
        Preference::Low => "low",
        Preference::Medium => "medium",
        Preference::High => "high",
    }
}

impl fmt::Display for Preference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(preference_word(*self))
    }
}

impl fmt::Display for Disposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Self::NAMED.iter().find(|(disposition, _)| disposition == self) {
            Some((_, word)) => f.pad(word),
            None => match self {
                Self::Other(number) => write!(f, "{number}"),
                _ => f.write_str("unicast"),
            },
        }
    }
}

impl fmt::Display for InterfacePrinted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.pad(name),
            Self::Number(index) => write!(f, "if{index}"),
        }
    }
}

/// How an interface is printed: by name, or as `if` and its number where it has none.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "there is a name or there is none")]
pub enum InterfacePrinted<'a> {
    /// By name.
    Name(&'a str),
    /// By number.
    Number(IfIndex),
}
