//! Numbers by the names that an administrator has given them.

use std::collections::BTreeMap;
use std::fmt;

use crate::{IfIndex, InterfaceNames, InterfacePrinted, ParseError, Protocol, Scope, TableId};

/// What a number is of; each has names of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum NumberKind {
    /// A routing table.
    Table,
    /// Who installed a route or rule.
    Protocol,
    /// How far a destination reaches.
    Scope,
    /// A realm of the routing classifier.
    Realm,
    /// The type-of-service byte.
    TypeOfService,
    /// A group of links.
    Group,
    /// Who set an address; these are not the numbers of routes.
    AddressProtocol,
}

/// The names that a system's administrator has given to numbers, beside those that every system has.
///
/// Reading the files that have them is for whoever makes one: here they are data.
///
/// ```
/// use waypost_core::{InterfaceNames, Names, NumberKind, NumberNames, Route};
///
/// let mut numbers = NumberNames::default();
/// numbers.insert(NumberKind::Table, 100, "vpn");
/// let names = Names::new(InterfaceNames::none(), &numbers);
/// let route = Route::parse("10.0.0.0/8 via 10.0.0.1 table vpn", names)?;
/// assert_eq!(route.to_string(), "10.0.0.0/8 via 10.0.0.1 table 100");
/// assert_eq!(route.with_names(names).to_string(), "10.0.0.0/8 via 10.0.0.1 table vpn");
/// # Ok::<(), waypost_core::ParseError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NumberNames {
    by_number: BTreeMap<(NumberKind, u32), String>,
    by_name: BTreeMap<NumberKind, BTreeMap<String, u32>>,
}

impl NumberNames {
    /// No names but those that every system has.
    #[must_use]
    pub const fn none() -> &'static Self {
        static NONE: NumberNames = NumberNames { by_number: BTreeMap::new(), by_name: BTreeMap::new() };
        &NONE
    }

    /// Gives a number a name. It is printed by the last that it got, and found by all of them.
    pub fn insert(&mut self, kind: NumberKind, number: u32, name: &str) {
        self.by_number.insert((kind, number), name.to_owned());
        self.by_name.entry(kind).or_default().insert(name.to_owned(), number);
    }

    /// The name of a number.
    #[must_use]
    pub fn name(&self, kind: NumberKind, number: u32) -> Option<&str> {
        self.by_number.get(&(kind, number)).map(String::as_str)
    }

    /// The number of a name.
    #[must_use]
    pub fn number(&self, kind: NumberKind, name: &str) -> Option<u32> {
        self.by_name.get(&kind)?.get(name).copied()
    }
}

/// How things are called where text is read or printed: interfaces, and numbers that have got names.
///
/// Names of interfaces alone are enough where one of these is asked for: `with_names(&interfaces)`.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    interfaces: &'a InterfaceNames,
    numbers: &'a NumberNames,
}

impl<'a> From<&'a InterfaceNames> for Names<'a> {
    fn from(interfaces: &'a InterfaceNames) -> Self {
        Self::new(interfaces, NumberNames::none())
    }
}

impl<'a> Names<'a> {
    /// Names of interfaces and of numbers.
    #[must_use]
    pub const fn new(interfaces: &'a InterfaceNames, numbers: &'a NumberNames) -> Self {
        Self { interfaces, numbers }
    }

    /// No names: interfaces go by number, and numbers by the names that every system has.
    #[must_use]
    pub const fn none() -> Names<'static> {
        Names::new(InterfaceNames::none(), NumberNames::none())
    }

    /// The names of interfaces.
    #[must_use]
    pub const fn interfaces(self) -> &'a InterfaceNames {
        self.interfaces
    }

    /// How an interface is printed.
    #[must_use]
    pub fn interface(self, index: IfIndex) -> InterfacePrinted<'a> {
        self.interfaces.printed(index)
    }

    /// How a table is printed.
    #[must_use]
    pub fn table(self, table: TableId) -> NumberPrinted<'a> {
        self.printed(NumberKind::Table, table.0, table.name())
    }

    /// How a protocol is printed.
    #[must_use]
    pub fn protocol(self, protocol: Protocol) -> NumberPrinted<'a> {
        self.printed(NumberKind::Protocol, protocol.0.into(), protocol.name())
    }

    /// How a scope is printed.
    #[must_use]
    pub fn scope(self, scope: Scope) -> NumberPrinted<'a> {
        self.printed(NumberKind::Scope, scope.0.into(), scope.name())
    }

    /// How one realm is printed: half of a route's realms, from 0 to 65,535.
    #[must_use]
    pub fn realm(self, realm: u32) -> NumberPrinted<'a> {
        self.printed(NumberKind::Realm, realm, None)
    }

    /// How a type of service is printed.
    #[must_use]
    pub fn type_of_service(self, tos: u8) -> NumberPrinted<'a> {
        self.printed(NumberKind::TypeOfService, tos.into(), None)
    }

    /// How a group of links is printed.
    #[must_use]
    pub fn group(self, group: u32) -> NumberPrinted<'a> {
        self.printed(NumberKind::Group, group, (group == 0).then_some("default"))
    }

    /// How the protocol of an address is printed: `ifa_proto` in linux/if_addr.h (Linux 6.18), whose numbers are not those of routes.
    #[must_use]
    pub fn address_protocol(self, protocol: Protocol) -> NumberPrinted<'a> {
        let name = match protocol.0 {
            0 => Some("unspec"),
            1 => Some("kernel_lo"),
            2 => Some("kernel_ra"),
            3 => Some("kernel_ll"),
            _ => None,
        };
        self.printed(NumberKind::AddressProtocol, protocol.0.into(), name)
    }

    fn printed(self, kind: NumberKind, number: u32, usual: Option<&'static str>) -> NumberPrinted<'a> {
        match self.numbers.name(kind, number).or(usual) {
            Some(name) => NumberPrinted::Name(name),
            None if matches!(kind, NumberKind::TypeOfService | NumberKind::AddressProtocol) => NumberPrinted::Hexadecimal(number),
            None => NumberPrinted::Decimal(number),
        }
    }

    /// Finds the number of a name, or reads one, decimal or hexadecimal with `0x`, of at most `max`; it is a number of `what`.
    pub(crate) fn read(self, kind: NumberKind, word: &str, max: u32, what: &str) -> Result<u32, ParseError> {
        let usual = || match kind {
            NumberKind::Table => word.parse().ok().map(|TableId(number)| number),
            NumberKind::Protocol => word.parse().ok().map(|Protocol(number)| number.into()),
            NumberKind::Scope => word.parse().ok().map(|Scope(number)| number.into()),
            NumberKind::Group if word == "default" => Some(0),
            // `rtnl_dsfield_a2n` in iproute2's `lib/rt_names.c` (6.1) reads it as hexadecimal, with or without 0x.
            NumberKind::TypeOfService => u32::from_str_radix(word.strip_prefix("0x").unwrap_or(word), 16).ok(),
            _ => crate::words::number(word, max).ok(),
        };
        let number = self.numbers.number(kind, word).or_else(usual).filter(|number| *number <= max);
        number.ok_or_else(|| ParseError::new(word, format!("is no {what}")))
    }

    /// Reads a table by name or number.
    ///
    /// # Errors
    ///
    /// A [`ParseError`] that names the word, here and below.
    pub fn read_table(self, word: &str) -> Result<TableId, ParseError> {
        self.read(NumberKind::Table, word, u32::MAX, "routing table").map(TableId)
    }

    /// Reads a protocol by name or number.
    ///
    /// # Errors
    ///
    /// A [`ParseError`] that names the word.
    pub fn read_protocol(self, word: &str) -> Result<Protocol, ParseError> {
        self.read(NumberKind::Protocol, word, 0xff, "routing protocol").map(|number| Protocol(number as u8))
    }

    /// Reads a scope by name or number.
    ///
    /// # Errors
    ///
    /// A [`ParseError`] that names the word.
    pub fn read_scope(self, word: &str) -> Result<Scope, ParseError> {
        self.read(NumberKind::Scope, word, 0xff, "scope").map(|number| Scope(number as u8))
    }

    /// Reads a type of service by name, or as a hexadecimal number with or without `0x`.
    ///
    /// # Errors
    ///
    /// A [`ParseError`] that names the word.
    pub fn read_type_of_service(self, word: &str) -> Result<u8, ParseError> {
        self.read(NumberKind::TypeOfService, word, 0xff, "type of service from 0 to ff").map(|number| number as u8)
    }
}

/// A number as it is printed: by name, where it has one.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum NumberPrinted<'a> {
    /// By name.
    Name(&'a str),
    /// As a decimal number.
    Decimal(u32),
    /// As a hexadecimal number of two digits.
    Hexadecimal(u32),
}

impl fmt::Display for NumberPrinted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.pad(name),
            Self::Decimal(number) => write!(f, "{number}"),
            Self::Hexadecimal(number) => write!(f, "{number:#04x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Family, Link, Route, Rule};

    fn numbers() -> NumberNames {
        let mut numbers = NumberNames::default();
        for (kind, number, name) in [
            (NumberKind::Table, 100, "vpn"),
            (NumberKind::Protocol, 77, "mesh"),
            (NumberKind::Scope, 100, "village"),
            (NumberKind::Realm, 3, "friends"),
            (NumberKind::TypeOfService, 0x20, "CS1"),
            (NumberKind::Group, 5, "uplinks"),
        ] {
            numbers.insert(kind, number, name);
        }
        numbers
    }

    #[test]
    fn names_are_printed_and_read_back() {
        let numbers = numbers();
        let names = Names::new(InterfaceNames::none(), &numbers);
        let text = "10.0.0.0/8 tos CS1 via 10.0.0.1 dev if2 table vpn proto mesh scope village realms friends/4";
        let route = Route::parse(text, names).unwrap();
        assert_eq!(route.with_names(names).to_string(), text);
        assert_eq!(route.to_string(), "10.0.0.0/8 tos 0x20 via 10.0.0.1 dev if2 table 100 proto 77 scope 100 realms 3/4");
        let text = "5: from all tos CS1 lookup vpn suppress_ifgroup uplinks realms friends proto mesh";
        let words: Vec<&str> = text.split(' ').collect();
        let rule = Rule::parse_words(&words, names, Some(Family::V4), 0).unwrap();
        assert_eq!(rule.with_names(names).to_string(), text);
        assert_eq!(rule.to_string(), "5: from all tos 0x20 lookup 100 suppress_ifgroup 5 realms 3 proto 77");
        let mut link = Link::new(IfIndex::new(2).unwrap(), "w0");
        link.group = 5;
        assert!(link.with_names(names).to_string().contains(" group uplinks"));
    }

    #[test]
    fn a_given_name_comes_before_the_usual_one_and_before_a_number() {
        let mut numbers = NumberNames::default();
        numbers.insert(NumberKind::Protocol, 4, "manual");
        numbers.insert(NumberKind::Table, 7, "1000");
        let names = Names::new(InterfaceNames::none(), &numbers);
        assert_eq!(names.protocol(Protocol::STATIC).to_string(), "manual");
        assert_eq!(names.read_protocol("static").unwrap(), Protocol::STATIC);
        assert_eq!(names.read_table("1000").unwrap(), TableId(7));
        assert_eq!(names.read_table("main").unwrap(), TableId::MAIN);
        assert_eq!(names.read_table("nowhere").unwrap_err().to_string(), "\"nowhere\" is no routing table");
    }

    #[test]
    fn a_type_of_service_is_hexadecimal() {
        let names = Names::none();
        assert_eq!(names.read_type_of_service("10").unwrap(), 0x10);
        assert_eq!(names.read_type_of_service("0x10").unwrap(), 0x10);
        assert!(names.read_type_of_service("100").is_err());
        assert_eq!(names.type_of_service(8).to_string(), "0x08");
    }
}
