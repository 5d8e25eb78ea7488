//! Which routes are meant: the words of `show`, `del` and `flush`.

use waypost::{Disposition, Family, Names, NextHop, Prefix, Route, RouteFilter, RouteRef, TableId};

use super::{check_family, family_told, interface, named, number, read, value};
use crate::failure::Failure;

/// Routes that have all that the words name.
#[derive(Debug)]
pub(crate) struct Selection {
    filter: RouteFilter,
    /// `default`, and nothing that tells of which family.
    default_of_both: bool,
    /// The family of a `default` that is one alone, where the words tell it.
    told: Option<Family>,
    /// What a filter has no field for, as parts of a route.
    rest: Option<Box<Rest>>,
}

#[derive(Debug)]
struct Rest {
    route: Route,
    has_preference: bool,
}

impl Selection {
    /// Reads the words of `show`.
    ///
    /// Routes of the main table are meant unless a table is named; `table all` means every table. A destination without
    /// a keyword is that destination alone, as for `ip route`.
    pub(crate) fn read(words: &[&str], names: Names<'_>, family: Option<Family>) -> Result<Self, Failure> {
        let mut reader = Reader { filter: RouteFilter::default(), family, open_default: false, rest: Vec::new(), names };
        reader.filter.family = family;
        reader.filter.table = Some(TableId::MAIN);
        let told = family_told(words);
        let mut words = words.iter().copied();
        while let Some(word) = words.next() {
            reader.word(word, &mut words)?;
        }
        reader.finish(told)
    }

    /// The filters that the kernel is asked with, one after the other.
    pub(crate) fn filters(&self) -> Vec<RouteFilter> {
        if !self.default_of_both {
            return vec![self.filter.clone()];
        }
        let of = |family| {
            let mut filter = self.filter.clone();
            filter.exactly = Some(Prefix::default_of(family));
            filter
        };
        Family::ALL.into_iter().map(of).collect()
    }

    /// The one filter, for words that name one destination: `default` alone is that of IPv4.
    pub(crate) fn of_one_destination(mut self) -> Result<(Prefix, Self), Failure> {
        if self.default_of_both {
            let address = self.filter.gateway.or(self.filter.preferred_source);
            let of_rest = self.rest.as_ref().map(|rest| rest.route.slot.destination.family());
            let family = self.told.or(address.as_ref().map(Family::of)).or(of_rest).unwrap_or(Family::V4);
            self.filter.exactly = Some(Prefix::default_of(family));
            self.filter.family = Some(family);
            self.default_of_both = false;
        }
        match self.filter.exactly {
            Some(destination) => Ok((destination, self)),
            None => Err(Failure::Usage("a destination is missing".to_owned())),
        }
    }

    /// The filter, where it says all.
    pub(crate) fn into_filters(self) -> Result<Vec<RouteFilter>, Failure> {
        match &self.rest {
            Some(_) => {
                Err(Failure::Usage("only the words of `show` that the kernel has a filter for can be used here".to_owned()))
            }
            None => Ok(self.filters()),
        }
    }

    /// Says whether a route that passes a filter has the rest of what is named, too.
    pub(crate) fn selects(&self, route: RouteRef<'_>) -> bool {
        self.rest.as_ref().is_none_or(|rest| rest.is_in(route))
    }

    /// Says whether a route is one of those that are meant.
    pub(crate) fn passes(&self, route: RouteRef<'_>) -> bool {
        self.filter.passes(route) && self.selects(route)
    }

    /// Says whether the words name a single way out. A route with several is not meant by one of them.
    pub(crate) fn names_one_way(&self) -> bool {
        self.filter.gateway.is_some() || self.filter.interface.is_some()
    }

    pub(crate) fn filter(&self) -> &RouteFilter {
        &self.filter
    }
}

impl Rest {
    fn is_in(&self, there: RouteRef<'_>) -> bool {
        let (slot, wanted) = (&self.route.slot, &self.route.entry);
        let entry = there.entry;
        slot.source.is_none_or(|source| there.slot.source == Some(source))
            && wanted.next_hop_object.is_none_or(|id| entry.next_hop_object == Some(id))
            && wanted.metrics.iter().all(|(metric, value)| entry.metrics.get(metric) == Some(value))
            && wanted.metrics.congestion().is_none_or(|name| entry.metrics.congestion() == Some(name))
            && entry.flags.contains(wanted.flags)
            && (!self.has_preference || entry.preference == wanted.preference)
            && wanted.unnamed.as_slice().iter().all(|attribute| entry.unnamed.as_slice().contains(attribute))
            && self.has_ways_of(&entry.next_hops)
    }

    fn has_ways_of(&self, there: &[NextHop]) -> bool {
        let wanted = &self.route.entry.next_hops;
        let several = wanted.len() > 1;
        (!several || wanted.len() == there.len())
            && wanted.iter().all(|way| there.iter().any(|hop| says_all_of(hop, way) && (!several || hop.weight == way.weight)))
    }
}

fn says_all_of(there: &NextHop, wanted: &NextHop) -> bool {
    wanted.gateway.is_none_or(|gateway| there.gateway == Some(gateway))
        && wanted.interface.is_none_or(|index| there.interface == Some(index))
        && there.flags.contains(wanted.flags)
        && (wanted.realms == 0 || there.realms == wanted.realms)
        && (wanted.encapsulation.is_none() || there.encapsulation == wanted.encapsulation)
}

struct Reader<'a> {
    filter: RouteFilter,
    /// The family that the user confined the command to.
    family: Option<Family>,
    open_default: bool,
    /// Words of a route that a filter has no field for.
    rest: Vec<&'a str>,
    names: Names<'a>,
}

impl<'a> Reader<'a> {
    fn word(&mut self, word: &'a str, words: &mut impl Iterator<Item = &'a str>) -> Result<(), Failure> {
        let filter = &mut self.filter;
        match word {
            "to" | "root" | "match" | "exact" => {
                let mut kind = word;
                let mut target = value(words, word)?;
                if word == "to" && matches!(target, "root" | "match" | "exact") {
                    kind = target;
                    target = value(words, word)?;
                }
                self.destination(kind, target)?;
            }
            "table" => match value(words, word)? {
                "all" => filter.table = None,
                table => filter.table = Some(named(self.names.read_table(table))?),
            },
            "via" => filter.gateway = Some(gateway(words)?),
            "dev" | "oif" => filter.interface = Some(interface(value(words, word)?, self.names)?),
            "proto" | "protocol" => filter.protocol = Some(named(self.names.read_protocol(value(words, word)?))?),
            "type" => {
                let word = value(words, word)?;
                let disposition = disposition(word).ok_or_else(|| Failure::Usage(format!("{word:?} is no type of route")))?;
                filter.disposition = Some(disposition);
            }
            "scope" => filter.scope = Some(named(self.names.read_scope(value(words, word)?))?),
            "src" => filter.preferred_source = Some(read(value(words, word)?, "address")?),
            "metric" | "preference" | "priority" => filter.metric = Some(number(value(words, word)?, "metric")?),
            "tos" | "dsfield" => filter.tos = Some(named(self.names.read_type_of_service(value(words, word)?))?),
            // What stands in here is of that next hop or encapsulation.
            "nexthop" | "encap" => {
                self.rest.push(word);
                self.rest.extend(words);
            }
            _ => self.other(word)?,
        }
        Ok(())
    }

    /// A word that is no keyword of the filter: a destination, its type, or a word of a route.
    fn other(&mut self, word: &'a str) -> Result<(), Failure> {
        let has_destination = [self.filter.exactly, self.filter.inside, self.filter.covering].iter().any(Option::is_some);
        if !self.rest.is_empty() || has_destination || self.open_default {
            self.rest.push(word);
            return Ok(());
        }
        match disposition(word) {
            Some(disposition) => self.filter.disposition = Some(disposition),
            None if looks_like_destination(word) => self.destination("to", word)?,
            None => self.rest.push(word),
        }
        Ok(())
    }

    fn destination(&mut self, kind: &str, word: &str) -> Result<(), Failure> {
        if matches!(word, "default" | "any" | "all") {
            // Everything is inside a default, so as a root it says nothing but its family.
            match (kind, self.family) {
                ("root", _) => {}
                ("match" | "exact" | "to", None) => self.open_default = true,
                (_, Some(family)) => self.filter.exactly = Some(Prefix::default_of(family)),
                _ => {}
            }
            return Ok(());
        }
        let prefix = named(Prefix::parse_short(word))?;
        check_family(prefix, self.family)?;
        match kind {
            "match" => self.filter.covering = Some(prefix),
            "root" => self.filter.inside = Some(prefix),
            _ => self.filter.exactly = Some(prefix),
        }
        self.filter.family = Some(prefix.family());
        Ok(())
    }

    fn finish(self, told: Option<Family>) -> Result<Selection, Failure> {
        let rest = match self.rest.is_empty() {
            true => None,
            false => {
                // The words are read as those of a route; which destination stands before them does not matter.
                let mut words = vec!["default"];
                words.extend(&self.rest);
                let family = self.filter.family.or(told).or(self.rest.contains(&"from").then_some(Family::V6));
                let route = Route::parse_words(&words, self.names, family).map_err(|error| Failure::of_words(&error, &words))?;
                Some(Box::new(Rest { route, has_preference: self.rest.contains(&"pref") }))
            }
        };
        Ok(Selection { filter: self.filter, default_of_both: self.open_default, told, rest })
    }
}

fn looks_like_destination(word: &str) -> bool {
    matches!(word, "default" | "any" | "all") || word.contains(['/', '.', ':'])
}

fn gateway<'a>(words: &mut impl Iterator<Item = &'a str>) -> Result<std::net::IpAddr, Failure> {
    match value(words, "via")? {
        "inet" | "inet6" => read(value(words, "via")?, "address"),
        word => read(word, "address"),
    }
}

fn disposition(word: &str) -> Option<Disposition> {
    Disposition::NAMED.iter().find(|(_, name)| *name == word).map(|(disposition, _)| *disposition)
}

#[cfg(test)]
mod tests;
