//! Next-hop objects: the fields of `ip -json -details nexthop`.

use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;
use waypost::{InterfacePrinted, Names, NextHopFlags, NextHopObject, NextHopObjectKind, NumberPrinted};

use super::{AttributeJson, Mark, Text, hexadecimal, mark};

/// A next-hop object.
#[derive(Serialize)]
pub(crate) struct NextHopJson<'a> {
    id: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    group: Vec<MemberJson>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resilient_args: Option<ResilienceJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encap: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encap_data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dev: Option<Text<InterfacePrinted<'a>>>,
    scope: Text<NumberPrinted<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blackhole: Mark,
    protocol: Text<NumberPrinted<'a>>,
    flags: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fdb: Mark,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attributes: Vec<AttributeJson>,
}

#[derive(Serialize)]
struct MemberJson {
    id: u32,
    /// Not written where it is 1, as in iproute2.
    #[serde(skip_serializing_if = "Option::is_none")]
    weight: Option<u16>,
}

#[derive(Serialize)]
struct ResilienceJson {
    buckets: u16,
    idle_timer: f64,
    unbalanced_timer: f64,
}

impl<'a> NextHopJson<'a> {
    pub(crate) fn new(object: &NextHopObject, names: Names<'a>) -> Self {
        let (group, resilience) = match &object.kind {
            NextHopObjectKind::Group { members, resilience } => (members.as_slice(), *resilience),
            _ => (&[][..], None),
        };
        let hop = match &object.kind {
            NextHopObjectKind::Single(hop) => Some(hop),
            _ => None,
        };
        let encapsulation = hop.and_then(|hop| hop.encapsulation.as_ref());
        let flags = hop.map_or(NextHopFlags::empty(), |hop| hop.flags);
        Self {
            id: object.id.get(),
            group: group
                .iter()
                .map(|member| MemberJson { id: member.id.get(), weight: Some(member.weight.get()).filter(|weight| *weight != 1) })
                .collect(),
            kind: resilience.map(|_| "resilient"),
            resilient_args: resilience.map(|resilience| ResilienceJson {
                buckets: resilience.buckets,
                idle_timer: Duration::as_secs_f64(&resilience.idle_timer),
                unbalanced_timer: Duration::as_secs_f64(&resilience.unbalanced_timer),
            }),
            encap: encapsulation.map(|encap| encap.name().map_or_else(|| encap.kind.to_string(), str::to_owned)),
            encap_data: encapsulation.map(|encap| hexadecimal(&encap.data)),
            gateway: hop.and_then(|hop| hop.gateway),
            dev: hop.and_then(|hop| hop.interface).map(|index| Text(names.interface(index))),
            scope: Text(names.scope(object.scope)),
            blackhole: mark(matches!(object.kind, NextHopObjectKind::Blackhole)),
            protocol: Text(names.protocol(object.protocol)),
            flags: NextHopFlags::WORDS.into_iter().filter(|(flag, _)| flags.contains(*flag)).map(|(_, word)| word).collect(),
            fdb: mark(object.fdb),
            attributes: AttributeJson::all(&object.unnamed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use waypost::{GroupMember, IfIndex, InterfaceNames, NextHop, NextHopId, Scope, Weight};

    #[test]
    fn the_fields_are_those_of_iproute2() {
        let names: InterfaceNames = [(IfIndex::new(2).unwrap(), "eth0")].into_iter().collect();
        let hop = NextHop::via("10.0.0.1".parse().unwrap()).with_interface(IfIndex::new(2).unwrap());
        let mut object = NextHopObject::new(NextHopId::new(7).unwrap(), None, NextHopObjectKind::Single(hop));
        object.scope = Scope::LINK;
        assert_eq!(
            serde_json::to_value(NextHopJson::new(&object, (&names).into())).unwrap(),
            json!({ "id": 7, "gateway": "10.0.0.1", "dev": "eth0", "scope": "link", "protocol": "unspec", "flags": [] })
        );
        let member = |id, weight| GroupMember { id: NextHopId::new(id).unwrap(), weight: Weight::new(weight).unwrap() };
        let members = vec![member(7, 3), member(8, 1)];
        object.kind = NextHopObjectKind::Group { members, resilience: None };
        let group = serde_json::to_value(NextHopJson::new(&object, (&names).into())).unwrap();
        assert_eq!(group["group"], json!([{ "id": 7, "weight": 3 }, { "id": 8 }]));
    }
}
