//! Messages of captured files.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use waypost::decode::{Addr, Item, Message};
use waypost::{Names, Notice};

use super::{AddressJson, LinkJson, NeighbourJson, NextHopJson, RouteJson, RuleJson, SettingsJson, Text, hexadecimal};

/// A message, or bytes that are none.
pub(crate) struct ItemJson<'a> {
    item: &'a Item,
    names: Names<'a>,
}

impl<'a> ItemJson<'a> {
    pub(crate) const fn new(item: &'a Item, names: Names<'a>) -> Self {
        Self { item, names }
    }
}

impl Serialize for ItemJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self.item {
            Item::Message(message) => fields(&mut map, message, self.names)?,
            Item::Malformed { why, offset } => {
                map.serialize_entry("malformed", why)?;
                map.serialize_entry("offset", offset)?;
            }
            other => map.serialize_entry("malformed", &format!("{other:?}"))?,
        }
        map.end()
    }
}

fn fields<M: SerializeMap>(map: &mut M, message: &Message, names: Names<'_>) -> Result<(), M::Error> {
    map.serialize_entry("type", &message.kind)?;
    if let Some(version) = message.version {
        map.serialize_entry("version", &version)?;
    }
    for (key, value) in [("seq", message.seq), ("pid", message.pid), ("errno", message.errno)] {
        if let Some(value) = value {
            map.serialize_entry(key, &value)?;
        }
    }
    map.serialize_entry("flags", &message.flags)?;
    if let Some(index) = message.index {
        map.serialize_entry("index", &index)?;
    }
    // Routing messages have both by their format, be there any or none.
    let is_routing = message.version.is_some();
    if is_routing || !message.addrs.is_empty() {
        map.serialize_entry("addrs", &Pairs(message.addrs.iter().map(|(axis, addr)| (*axis, AddrJson(addr))).collect()))?;
    }
    if is_routing || !message.metrics.is_empty() {
        map.serialize_entry("metrics", &Pairs(message.metrics.clone()))?;
    }
    if !message.locks.is_empty() {
        map.serialize_entry("locks", &message.locks)?;
    }
    if let Some(meaning) = &message.meaning {
        meant(map, meaning, names)?;
    }
    if let Some(fault) = &message.fault {
        map.serialize_entry("fault", fault)?;
    }
    if let Some(trailing) = message.trailing {
        map.serialize_entry("trailing", &trailing)?;
    }
    Ok(())
}

/// What the message is about, in the portable model, under its name in the stream of `monitor`.
fn meant<M: SerializeMap>(map: &mut M, meaning: &Notice, names: Names<'_>) -> Result<(), M::Error> {
    match meaning {
        Notice::Route(_, route) => map.serialize_entry("route", &RouteJson::new(route.as_ref(), names)),
        Notice::Losing(route) => map.serialize_entry("losing", &RouteJson::new(route.as_ref().as_ref(), names)),
        Notice::Rule(_, rule) => map.serialize_entry("rule", &RuleJson::new(rule, names)),
        Notice::Link(_, link) => map.serialize_entry("link", &LinkJson::new(link, names)),
        Notice::Address(_, address) => map.serialize_entry("addr", &AddressJson::new(address, names)),
        Notice::Neighbour(_, neighbour) => map.serialize_entry("neighbour", &NeighbourJson::new(neighbour, names)),
        Notice::NextHop(_, object) => map.serialize_entry("nexthop", &NextHopJson::new(object, names)),
        Notice::Settings(_, settings) => map.serialize_entry("settings", &SettingsJson::new(settings, names)),
        Notice::Miss(miss) => map.serialize_entry("miss", &Text(miss.destination)),
        Notice::Redirect(redirect) => {
            let to = [("dst", redirect.destination.to_string()), ("gateway", redirect.gateway.to_string())];
            map.serialize_entry("redirect", &std::collections::BTreeMap::from(to))
        }
        Notice::Overrun => map.serialize_entry("overrun", &true),
        _ => Ok(()),
    }
}

/// Pairs as an object.
struct Pairs<T>(Vec<(&'static str, T)>);

impl<T: Serialize> Serialize for Pairs<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

struct AddrJson<'a>(&'a Addr);

impl Serialize for AddrJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Addr::Text(text) => serializer.serialize_str(text),
            Addr::Link { name, index, address } => {
                let mut map = serializer.serialize_map(None)?;
                if !name.is_empty() {
                    map.serialize_entry("name", name)?;
                }
                if *index != 0 {
                    map.serialize_entry("index", index)?;
                }
                if !address.is_empty() {
                    let bytes: Vec<String> = address.iter().map(|byte| format!("{byte:02x}")).collect();
                    map.serialize_entry("lladdr", &bytes.join(":"))?;
                }
                map.end()
            }
            Addr::Unknown(family, bytes) => {
                let mut map = serializer.serialize_map(None)?;
                map.serialize_entry("family", family)?;
                map.serialize_entry("data", &hexadecimal(bytes))?;
                map.end()
            }
            other => serializer.collect_str(&format_args!("{other:?}")),
        }
    }
}
