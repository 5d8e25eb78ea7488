//! The things whose changes are followed: how each is printed.

use serde::Serialize;
use waypost::{Address, Change, Family, InterfaceSettings, Link, Names, Neighbour, NextHopObject, RouteRef, Rule};

use crate::args::Watched;
use crate::json::{AddressJson, LinkJson, NeighbourJson, NextHopJson, RouteJson, RuleJson, SettingsJson};

/// A kind of thing that the kernel tells changes of.
pub(super) trait Followed {
    /// Its name in the stream.
    const KEY: &'static str;
    /// The word by which the user asks for it.
    const WATCHED: Watched;

    /// Its family, if it has one.
    fn family(&self) -> Option<Family>;
    fn text(&self, names: Names<'_>) -> String;
    fn json<'a>(&'a self, names: Names<'a>) -> impl Serialize + 'a;
}

/// The same change of things that stay where they are.
pub(super) fn borrowed<T>(change: &Change<T>) -> Change<&T> {
    match change {
        Change::Added(new) => Change::Added(new),
        Change::Replaced { old, new } => Change::Replaced { old, new },
        Change::Removed(old) => Change::Removed(old),
    }
}

impl Followed for RouteRef<'_> {
    const KEY: &'static str = "route";
    const WATCHED: Watched = Watched::Routes;

    fn family(&self) -> Option<Family> {
        Some(self.slot.destination.family())
    }

    fn text(&self, names: Names<'_>) -> String {
        self.with_names(names).to_string()
    }

    fn json<'a>(&'a self, names: Names<'a>) -> impl Serialize + 'a {
        RouteJson::new(*self, names)
    }
}

impl Followed for Rule {
    const KEY: &'static str = "rule";
    const WATCHED: Watched = Watched::Rules;

    fn family(&self) -> Option<Family> {
        Some(self.family)
    }

    fn text(&self, names: Names<'_>) -> String {
        self.with_names(names).to_string()
    }

    fn json<'a>(&'a self, names: Names<'a>) -> impl Serialize + 'a {
        RuleJson::new(self, names)
    }
}

impl Followed for Link {
    const KEY: &'static str = "link";
    const WATCHED: Watched = Watched::Links;

    fn family(&self) -> Option<Family> {
        None
    }

    fn text(&self, names: Names<'_>) -> String {
        self.with_names(names).to_string()
    }

    fn json<'a>(&'a self, names: Names<'a>) -> impl Serialize + 'a {
        LinkJson::new(self, names)
    }
}

/// An address, which outside the list of a link must tell its interface.
#[derive(Serialize)]
struct AddressOfLink<'a> {
    ifindex: u32,
    dev: String,
    #[serde(flatten)]
    address: AddressJson<'a>,
}

impl Followed for Address {
    const KEY: &'static str = "address";
    const WATCHED: Watched = Watched::Addrs;

    fn family(&self) -> Option<Family> {
        Some(Family::of(&self.local))
    }

    fn text(&self, names: Names<'_>) -> String {
        self.with_names(names).to_string()
    }

    fn json<'a>(&'a self, names: Names<'a>) -> impl Serialize + 'a {
        let dev = names.interface(self.interface).to_string();
        AddressOfLink { ifindex: self.interface.get(), dev, address: AddressJson::new(self, names) }
    }
}

impl Followed for Neighbour {
    const KEY: &'static str = "neighbour";
    const WATCHED: Watched = Watched::Neighbours;

    fn family(&self) -> Option<Family> {
        Some(Family::of(&self.address))
    }

    fn text(&self, names: Names<'_>) -> String {
        self.with_names(names).to_string()
    }

    fn json<'a>(&'a self, names: Names<'a>) -> impl Serialize + 'a {
        NeighbourJson::new(self, names)
    }
}

impl Followed for NextHopObject {
    const KEY: &'static str = "nexthop";
    const WATCHED: Watched = Watched::Nexthops;

    fn family(&self) -> Option<Family> {
        self.family
    }

    fn text(&self, names: Names<'_>) -> String {
        self.with_names(names).to_string()
    }

    fn json<'a>(&'a self, names: Names<'a>) -> impl Serialize + 'a {
        NextHopJson::new(self, names)
    }
}

impl Followed for InterfaceSettings {
    const KEY: &'static str = "settings";
    const WATCHED: Watched = Watched::Links;

    fn family(&self) -> Option<Family> {
        Some(self.family)
    }

    fn text(&self, names: Names<'_>) -> String {
        self.with_names(names).to_string()
    }

    fn json<'a>(&'a self, names: Names<'a>) -> impl Serialize + 'a {
        SettingsJson::new(self, names)
    }
}
