//! Routes: the fields of `ip -json -details route`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Serialize, Serializer};
use waypost::{Family, Metric, Names, NextHop, NextHopFlags, NumberPrinted, RouteFlags, RouteRef};

use super::{AttributeJson, Text, hexadecimal, is_zero};

/// A route. `type`, `dst`, `table`, `protocol`, `scope` and `flags` are always there.
#[derive(Serialize)]
pub(crate) struct RouteJson<'a> {
    #[serde(rename = "type")]
    disposition: Text<waypost::Disposition>,
    dst: Destination,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Destination>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nhid: Option<u32>,
    #[serde(flatten)]
    way: Option<WayJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tos: Option<Text<NumberPrinted<'a>>>,
    table: Text<NumberPrinted<'a>>,
    protocol: Text<NumberPrinted<'a>>,
    scope: Text<NumberPrinted<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prefsrc: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metric: Option<u32>,
    #[serde(skip_serializing_if = "is_zero")]
    priority: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    ifscope: Option<u32>,
    flags: Flags,
    #[serde(skip_serializing_if = "is_zero")]
    os_flags: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    metrics: Vec<MetricsJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pref: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    nexthops: Vec<HopJson<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attributes: Vec<AttributeJson>,
}

impl<'a> RouteJson<'a> {
    pub(crate) fn new(route: RouteRef<'a>, names: Names<'a>) -> Self {
        let RouteRef { slot, entry, .. } = route;
        let family = slot.destination.family();
        let hops = &entry.next_hops;
        let single = (hops.len() == 1).then(|| &hops[0]);
        let several: &[NextHop] = if hops.len() > 1 { hops } else { &[] };
        Self {
            disposition: Text(entry.disposition),
            dst: Destination(slot.destination),
            from: slot.source.map(|source| Destination(source.into())),
            nhid: entry.next_hop_object.map(waypost::NextHopId::get),
            way: single.map(|hop| WayJson::new(hop, family, names)),
            tos: (slot.tos != 0).then(|| Text(names.type_of_service(slot.tos))),
            table: Text(names.table(slot.table)),
            protocol: Text(names.protocol(entry.protocol)),
            scope: Text(names.scope(entry.scope)),
            prefsrc: entry.preferred_source,
            metric: (slot.metric != 0 || family == Family::V6).then_some(slot.metric),
            priority: slot.priority,
            ifscope: slot.interface_scope.map(waypost::IfIndex::get),
            flags: Flags { hop: single.map_or(NextHopFlags::empty(), |hop| hop.flags), route: entry.flags },
            os_flags: entry.os_flags | single.map_or(0, |hop| hop.os_flags),
            expires: route.expires.map(|time| time.as_secs()),
            metrics: MetricsJson::new(entry).into_iter().collect(),
            pref: (family == Family::V6).then(|| entry.preference.to_string()),
            nexthops: several.iter().map(|hop| HopJson::new(hop, family, names)).collect(),
            attributes: AttributeJson::all(&entry.unnamed),
        }
    }
}

/// A destination as iproute2 writes it: `default`, and host routes without a length.
struct Destination(waypost::Prefix);

impl Serialize for Destination {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            prefix if prefix.is_default() => serializer.serialize_str("default"),
            prefix if prefix.is_host() => serializer.collect_str(&prefix.network()),
            prefix => serializer.collect_str(&prefix),
        }
    }
}

/// The way out.
#[derive(Serialize)]
struct WayJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    via: Option<ViaJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dev: Option<Text<waypost::InterfacePrinted<'a>>>,
    #[serde(skip_serializing_if = "is_zero")]
    zone: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    encap: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encap_data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flow: Option<FlowJson<'a>>,
}

/// A gateway that is not of the destination's family.
#[derive(Serialize)]
struct ViaJson {
    family: Text<Family>,
    host: IpAddr,
}

/// The realms of the routing classifier.
#[derive(Serialize)]
struct FlowJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Text<NumberPrinted<'a>>>,
    to: Text<NumberPrinted<'a>>,
}

impl<'a> WayJson<'a> {
    fn new(hop: &NextHop, family: Family, names: Names<'a>) -> Self {
        let same = |gateway: &IpAddr| Family::of(gateway) == family;
        Self {
            gateway: hop.gateway.filter(same),
            via: hop.gateway.filter(|gateway| !same(gateway)).map(|host| ViaJson { family: Text(Family::of(&host)), host }),
            dev: hop.interface.map(|index| Text(names.interface(index))),
            zone: hop.scope_id,
            encap: hop.encapsulation.as_ref().map(|encap| encap.name().map_or_else(|| encap.kind.to_string(), str::to_owned)),
            encap_data: hop.encapsulation.as_ref().map(|encap| hexadecimal(&encap.data)),
            flow: (hop.realms != 0).then(|| FlowJson {
                from: Some(hop.realms >> 16).filter(|from| *from != 0).map(|from| Text(names.realm(from))),
                to: Text(names.realm(hop.realms & 0xffff)),
            }),
        }
    }
}

/// One next hop of several.
#[derive(Serialize)]
struct HopJson<'a> {
    #[serde(flatten)]
    way: WayJson<'a>,
    weight: u16,
    flags: Flags,
    #[serde(skip_serializing_if = "is_zero")]
    os_flags: u32,
}

impl<'a> HopJson<'a> {
    fn new(hop: &NextHop, family: Family, names: Names<'a>) -> Self {
        let flags = Flags { hop: hop.flags, route: RouteFlags::empty() };
        Self { way: WayJson::new(hop, family, names), weight: hop.weight.get(), flags, os_flags: hop.os_flags }
    }
}

/// The words of `ip route` for what the kernel marks.
struct Flags {
    hop: NextHopFlags,
    route: RouteFlags,
}

impl Serialize for Flags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let hop = NextHopFlags::WORDS.into_iter().filter(|(flag, _)| self.hop.contains(*flag)).map(|(_, word)| word);
        let route = RouteFlags::WORDS.into_iter().filter(|(flag, _)| self.route.contains(*flag)).map(|(_, word)| word);
        serializer.collect_seq(hop.chain(route))
    }
}

/// The path metrics: iproute2's names and units, and which of them are locked.
#[derive(Serialize)]
struct MetricsJson<'a> {
    #[serde(flatten)]
    values: BTreeMap<&'static str, MetricJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    congestion: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    locked: Vec<&'static str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum MetricJson {
    Number(u32),
    /// Milliseconds of which there is a fraction.
    Fraction(f64),
    /// The presence of the name says all.
    Set(()),
}

impl<'a> MetricsJson<'a> {
    fn new(entry: &'a waypost::Entry) -> Option<Self> {
        let metrics = &entry.metrics;
        if metrics.is_empty() {
            return None;
        }
        let mut locked: Vec<_> = Metric::ALL.into_iter().filter(|metric| metrics.is_locked(*metric)).map(Metric::word).collect();
        locked.extend(metrics.is_congestion_locked().then_some("congestion"));
        let mut values = BTreeMap::new();
        for (metric, value) in metrics.iter() {
            values.extend(
                match metric {
                    Metric::Rtt => [Some(("rtt", MetricJson::parts_of_a_millisecond(value, 8))), None],
                    Metric::RttVar => [Some(("rttvar", MetricJson::parts_of_a_millisecond(value, 4))), None],
                    Metric::Features => {
                        let others = value & !FEATURE_ECN;
                        let ecn = (value & FEATURE_ECN != 0).then_some(("ecn", MetricJson::Set(())));
                        [ecn, (others != 0).then_some(("features", MetricJson::Number(others)))]
                    }
                    _ => [Some((metric.word(), MetricJson::Number(value))), None],
                }
                .into_iter()
                .flatten(),
            );
        }
        Some(Self { values, congestion: metrics.congestion(), locked })
    }
}

/// `RTAX_FEATURE_ECN` of linux/rtnetlink.h (6.18).
const FEATURE_ECN: u32 = 1;

impl MetricJson {
    fn parts_of_a_millisecond(value: u32, parts: u32) -> Self {
        match value % parts {
            0 => Self::Number(value / parts),
            _ => Self::Fraction(f64::from(value) / f64::from(parts)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waypost::{IfIndex, InterfaceNames, Route};

    fn json(text: &str) -> serde_json::Value {
        let names: InterfaceNames = [(IfIndex::new(2).unwrap(), "eth0")].into_iter().collect();
        let route = Route::parse(text, &names).unwrap();
        serde_json::to_value(RouteJson::new(route.as_ref(), (&names).into())).unwrap()
    }

    #[test]
    fn the_fields_are_those_of_iproute2() {
        assert_eq!(
            json("default via 10.0.0.1 dev eth0 proto static metric 100 onlink mtu lock 1400"),
            serde_json::json!({
                "type": "unicast", "dst": "default", "gateway": "10.0.0.1", "dev": "eth0", "table": "main",
                "protocol": "static", "scope": "global", "metric": 100, "flags": ["onlink"],
                "metrics": [{ "mtu": 1400, "locked": ["mtu"] }],
            })
        );
        assert_eq!(
            json("10.0.0.1 via inet6 fe80::1 dev eth0 table 51820"),
            serde_json::json!({
                "type": "unicast", "dst": "10.0.0.1", "via": { "family": "inet6", "host": "fe80::1" }, "dev": "eth0",
                "table": "51820", "protocol": "boot", "scope": "global", "flags": [],
            })
        );
    }

    #[test]
    fn metrics_are_in_the_units_of_iproute2() {
        let metrics =
            &json("10.0.0.0/8 via 10.0.0.1 rtt 300ms rttvar 100.25ms rto_min 2s features ecn congctl lock bbr realms 3/4");
        assert_eq!(metrics["flow"], serde_json::json!({ "from": "3", "to": "4" }));
        assert_eq!(
            metrics["metrics"][0],
            serde_json::json!({
                "rtt": 300, "rttvar": 100.25, "rto_min": 2000, "ecn": null, "congestion": "bbr", "locked": ["congestion"],
            })
        );
    }

    #[test]
    fn several_next_hops_are_a_list() {
        let route = json("2001:db8::/32 metric 7 nexthop via fe80::1 dev eth0 weight 3 nexthop via fe80::2 dev eth0 weight 1");
        assert_eq!(route["pref"], "medium");
        assert_eq!(route["nexthops"][0], serde_json::json!({ "gateway": "fe80::1", "dev": "eth0", "weight": 3, "flags": [] }));
        assert_eq!(route["nexthops"][1]["weight"], 1);
        assert!(route.get("gateway").is_none());
    }
}
