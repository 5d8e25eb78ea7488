//! Interfaces by name and by number.

use std::collections::BTreeMap;

use crate::{IfIndex, InterfacePrinted, Names, ParseError};

/// The names of interfaces, both ways; a name that is a second one (an alternative name) is found but not printed.
///
/// ```
/// use waypost_core::{IfIndex, InterfaceNames};
///
/// let two = IfIndex::new(2).unwrap();
/// let names: InterfaceNames = [(two, "eth0")].into_iter().collect();
/// assert_eq!(names.name(two), Some("eth0"));
/// assert_eq!(names.index("eth0")?, two);
/// assert_eq!(names.index("if2")?, two);
/// assert!(names.index("eth1").is_err());
/// # Ok::<(), waypost_core::ParseError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct InterfaceNames {
    by_index: BTreeMap<IfIndex, String>,
    by_name: BTreeMap<String, IfIndex>,
}

impl InterfaceNames {
    /// No names at all: every interface goes by number.
    #[must_use]
    pub const fn none() -> &'static Self {
        static NONE: InterfaceNames = InterfaceNames { by_index: BTreeMap::new(), by_name: BTreeMap::new() };
        &NONE
    }

    /// The name of an interface.
    #[must_use]
    pub fn name(&self, index: IfIndex) -> Option<&str> {
        self.by_index.get(&index).map(String::as_str)
    }

    /// The interface of a name; `if` and a number is that number, as long as no interface has that name.
    ///
    /// # Errors
    ///
    /// A [`ParseError`] that names the word, where there is no such interface.
    pub fn index(&self, name: &str) -> Result<IfIndex, ParseError> {
        let by_number = || name.strip_prefix("if")?.parse().ok().and_then(IfIndex::new);
        match self.by_name.get(name) {
            Some(index) => Ok(*index),
            None => by_number().ok_or_else(|| ParseError::new(name, "is no interface here")),
        }
    }

    /// The interface of exactly this name, a further name included.
    #[must_use]
    pub fn exactly(&self, name: &str) -> Option<IfIndex> {
        self.by_name.get(name).copied()
    }

    /// How many interfaces have names.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_index.len()
    }

    /// Says whether no interface has a name.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_index.is_empty()
    }

    /// How `index` is printed.
    #[must_use]
    pub fn printed(&self, index: IfIndex) -> InterfacePrinted<'_> {
        self.name(index).map_or(InterfacePrinted::Number(index), InterfacePrinted::Name)
    }

    /// Gives an interface its name; the one that it had is forgotten.
    pub fn insert(&mut self, index: IfIndex, name: &str) {
        self.remove(index);
        self.by_name.insert(name.to_owned(), index);
        self.by_index.insert(index, name.to_owned());
    }

    /// Gives an interface a further name to be found by.
    pub fn insert_alternative(&mut self, index: IfIndex, name: &str) {
        self.by_name.entry(name.to_owned()).or_insert(index);
    }

    /// Forgets all names of an interface.
    pub fn remove(&mut self, index: IfIndex) {
        if self.by_index.remove(&index).is_some() {
            self.by_name.retain(|_, named| *named != index);
        }
    }
}

/// Something that prints its interfaces by name; `with_names` makes it.
///
/// ```
/// use waypost_core::{IfIndex, InterfaceNames, Neighbour, NeighbourState};
///
/// let two = IfIndex::new(2).unwrap();
/// let names: InterfaceNames = [(two, "eth0")].into_iter().collect();
/// let neighbour = Neighbour::new(two, "10.0.0.1".parse().unwrap(), NeighbourState::Reachable);
/// assert_eq!(neighbour.to_string(), "10.0.0.1 dev if2 REACHABLE");
/// assert_eq!(neighbour.with_names(&names).to_string(), "10.0.0.1 dev eth0 REACHABLE");
/// ```
#[derive(Debug)]
pub struct Named<'a, T> {
    pub(crate) thing: &'a T,
    pub(crate) names: Names<'a>,
}

impl<'a, T> Named<'a, T> {
    pub(crate) fn new(thing: &'a T, names: impl Into<Names<'a>>) -> Self {
        Self { thing, names: names.into() }
    }
}

impl<T> Clone for Named<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Named<'_, T> {}

impl<N: AsRef<str>> FromIterator<(IfIndex, N)> for InterfaceNames {
    fn from_iter<I: IntoIterator<Item = (IfIndex, N)>>(names: I) -> Self {
        let mut all = Self::default();
        names.into_iter().for_each(|(index, name)| all.insert(index, name.as_ref()));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renamed_interface_is_no_longer_found_by_its_old_name() {
        let index = IfIndex::new(3).unwrap();
        let mut names = InterfaceNames::default();
        names.insert(index, "old");
        names.insert_alternative(index, "second");
        names.insert(index, "new");
        assert!(names.index("old").is_err());
        assert!(names.index("second").is_err());
        assert_eq!(names.index("new").unwrap(), index);
    }

    #[test]
    fn a_real_name_wins_over_a_number_that_looks_like_it() {
        let (three, four) = (IfIndex::new(3).unwrap(), IfIndex::new(4).unwrap());
        let names: InterfaceNames = [(three, "if4")].into_iter().collect();
        assert_eq!(names.index("if4").unwrap(), three);
        assert_eq!(names.printed(four).to_string(), "if4");
        assert!(names.index("if0").is_err());
    }
}
