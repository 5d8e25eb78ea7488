//! `[[service]]`: routes for some packets alone.

use toml::de::{DeTable, DeValue};
use waypost::claim::{Claim, Item, Service};
use waypost::{Family, Prefix, Route, Rule, RuleAction, TableId};

use super::document::{Document, SERVICE, Value};
use super::fault::meant;
use super::lines::Kind;
use crate::batch::source::words;

/// What tells packets: the words of a rule that a service can have.
const PACKETS: [&str; 6] = ["to", "ipproto", "sport", "dport", "uidrange", "fwmark"];

/// What a service's keys say, each with the place where it stands.
struct Keys {
    packets: (usize, Rule),
    table: (usize, TableId),
    priority: u32,
    routes: (usize, Vec<(usize, Route, bool)>),
}

impl<'t> Document<'_, 't> {
    /// The claims of a service whose heading stands at `heading`.
    pub(super) fn service(&mut self, heading: usize, table: &DeTable<'t>) {
        let (mut packets, mut number, mut priority, mut routes) = (None, None, None, None);
        let (mut there, mut nearly) = (Vec::new(), Vec::new());
        for (key, value) in table {
            let word = key.get_ref().as_ref();
            there.push(word);
            match word {
                "packets" => packets = self.packets(value),
                "table" => number = self.table(value),
                "priority" => priority = self.number("priority", value),
                // They are read when it is known into which table they go.
                "routes" => routes = Some(value),
                _ => {
                    nearly.extend(meant(word, &SERVICE));
                    self.unknown(key, &SERVICE, "a service");
                }
            }
        }
        for key in SERVICE.iter().filter(|key| !there.contains(key) && !nearly.contains(key)) {
            self.fault(heading, format!("\"[[service]]\" has no {key:?}"));
        }
        let routes = routes.map(|value| (value.span().start, self.routes(value, number)));
        if let (Some(packets), Some((at, Some(number))), Some(priority), Some((routes_at, Some(routes)))) =
            (packets, number, priority, routes)
        {
            self.claim_service(heading, Keys { packets, table: (at, number), priority, routes: (routes_at, routes) });
        }
    }

    /// The number of a table, or its name in `rt_tables`, and where it stands.
    fn table(&mut self, value: &Value<'t>) -> Option<(usize, Option<TableId>)> {
        let at = value.span().start;
        let table = match value.get_ref() {
            DeValue::Integer(_) => self.number("table", value).map(TableId),
            DeValue::String(word) => match self.reader.names.read_table(word) {
                Ok(table) => Some(table),
                Err(error) => {
                    self.fault(at, error.to_string());
                    None
                }
            },
            _ => {
                self.wrong_type("table", value, "a number, or a name of rt_tables");
                None
            }
        };
        Some((at, table))
    }

    fn packets(&mut self, value: &Value<'t>) -> Option<(usize, Rule)> {
        let text = self.string("packets", value)?;
        let at = value.span().start;
        let read = words(text).and_then(|words| {
            if let Some(word) = words.iter().step_by(2).find(|word| !PACKETS.contains(word)) {
                return Err(format!("{word:?} is no word of \"packets\", which are {}", PACKETS.join(", ")));
            }
            let rule = Rule::parse_words(&words, self.reader.names, self.reader.family, 0);
            rule.map_err(|error| error.to_string())
        });
        match read {
            Ok(rule) => Some((at, rule)),
            Err(why) => {
                self.fault(at, why);
                None
            }
        }
    }

    /// The routes, each with its place, and whether it says that its metric is 0; `None` where something is wrong with one.
    fn routes(&mut self, value: &Value<'t>, table: Option<(usize, Option<TableId>)>) -> Option<Vec<(usize, Route, bool)>> {
        let mut routes = Vec::new();
        let mut is_wrong = !value.get_ref().is_array();
        for value in self.array("routes", value) {
            let Some(entry) = self.entry(value, Kind::Route) else {
                is_wrong = true;
                continue;
            };
            let reader = super::Reader { family: entry.family, ..*self.reader };
            let read = reader.claim(&entry.words, Some(Kind::Route)).and_then(|claim| {
                let route = claim.item.as_route().cloned().ok_or("it is no route")?;
                match (table_of(&entry.words), table) {
                    (Some(word), Some((_, Some(own)))) if route.slot.table != own => {
                        let own = self.reader.names.table(own);
                        Err(format!("\"table {word}\" is not that of the service, whose routes are in table {own}: leave it out"))
                    }
                    _ => Ok((entry.at, route, claim.metric_zero)),
                }
            });
            match read {
                Ok(route) => routes.push(route),
                Err(why) => {
                    self.fault(entry.at, why);
                    is_wrong = true;
                }
            }
        }
        (!is_wrong).then_some(routes)
    }

    fn claim_service(&mut self, heading: usize, keys: Keys) {
        let Keys { packets: (packets_at, rule), table: (table_at, table), priority, routes: (routes_at, routes) } = keys;
        let capabilities = self.reader.capabilities;
        let service = of_rule(&rule, table, priority);
        // Whatever table a route names is the service's, or else was refused.
        let own = routes.iter().map(|(_, route, _)| {
            let mut route = route.clone();
            route.slot.table = table;
            route
        });
        let claims = match service.claims(capabilities, own) {
            Ok(claims) => claims,
            Err(error) => {
                let defaults = || Family::ALL.map(|family| Route::new(Prefix::default_of(family)));
                let would_do = |service: &Service| service.claims(capabilities, defaults()).is_ok();
                let (at, key) = if !capabilities.rules {
                    (heading, "[[service]]")
                } else if !would_do(&Service::new(table, priority).protocol(6)) {
                    (table_at, "table")
                } else if !would_do(&service) {
                    (packets_at, "packets")
                } else {
                    (routes_at, "routes")
                };
                return self.fault(at, format!("{key:?}: {}", error.reason()));
            }
        };
        // What a service has no word for, such as the mask of a port, is lost in its rules.
        let is_lost = |claim: &Claim| match &claim.item {
            Item::Rule(told) => {
                let mut said = rule.clone();
                (said.family, said.priority, said.action) = (told.family, priority, RuleAction::Lookup(table));
                said != *told
            }
            _ => false,
        };
        if claims.iter().any(is_lost) {
            return self.fault(packets_at, format!("\"packets\" says more than a service can: {rule}"));
        }
        let places = routes.iter().map(|(at, _, is_zero)| (*at, *is_zero)).chain(std::iter::repeat((packets_at, false)));
        for (mut claim, (at, is_zero)) in claims.into_iter().zip(places) {
            claim.metric_zero = is_zero;
            self.claims.push((at, claim));
        }
    }
}

/// The service that takes the packets that a rule tells.
fn of_rule(rule: &Rule, table: TableId, priority: u32) -> Service {
    let mut service = Service::new(table, priority);
    if let Some(to) = rule.to {
        service = service.to(to);
    }
    if let Some(protocol) = rule.ip_protocol {
        service = service.protocol(protocol);
    }
    if let Some(ports) = rule.source_ports {
        service = service.source_ports(ports.first, ports.last);
    }
    if let Some(ports) = rule.destination_ports {
        service = service.destination_ports(ports.first, ports.last);
    }
    if let Some(uids) = rule.uids {
        service = service.uids(uids.first, uids.last);
    }
    if let Some(mark) = rule.mark {
        service = service.mark(mark.value, mark.mask);
    }
    service
}

/// The table that the words of a route name. An interface can have any name.
fn table_of<'w>(words: &[&'w str]) -> Option<&'w str> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "dev" | "oif" => drop(words.next()),
            "table" => return words.next().copied(),
            _ => {}
        }
    }
    None
}
