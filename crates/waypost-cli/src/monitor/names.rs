//! The names of interfaces as they were when something happened to them.

use std::collections::VecDeque;

use waypost::{Change, IfIndex, InterfaceNames, Link};

use crate::numbers;

/// How many interfaces that have gone keep their names.
const KEPT: usize = 256;

/// The names of interfaces, those that have just gone among them: routes that go with an interface are told after it.
#[derive(Debug)]
pub(super) struct Names {
    names: InterfaceNames,
    gone: VecDeque<IfIndex>,
}

impl Names {
    pub(super) fn new(names: &InterfaceNames) -> Self {
        Self { names: names.clone(), gone: VecDeque::new() }
    }

    pub(super) fn current(&self) -> waypost::Names<'_> {
        numbers::with(&self.names)
    }

    /// Takes note of a change before it is printed.
    pub(super) fn follow(&mut self, change: &Change<Link>) {
        match change {
            Change::Added(link) | Change::Replaced { new: link, .. } => {
                self.gone.retain(|gone| *gone != link.index);
                self.names.insert(link.index, &link.name);
            }
            Change::Removed(link) => {
                self.gone.push_back(link.index);
                if self.gone.len() > KEPT {
                    self.gone.pop_front().iter().for_each(|index| self.names.remove(*index));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(index: u32) -> Link {
        Link::new(IfIndex::new(index).unwrap(), &format!("w{index}"))
    }

    #[test]
    fn an_interface_that_has_gone_keeps_its_name_for_a_while() {
        let mut names = Names::new(InterfaceNames::none());
        names.follow(&Change::Added(link(2)));
        names.follow(&Change::Removed(link(2)));
        assert_eq!(names.current().interfaces().name(link(2).index), Some("w2"));
        for index in 3..3 + KEPT as u32 {
            names.follow(&Change::Added(link(index)));
            names.follow(&Change::Removed(link(index)));
        }
        assert_eq!(names.current().interfaces().name(link(2).index), None);
        assert_eq!(names.current().interfaces().name(link(3).index), Some("w3"));
        names.follow(&Change::Added(link(3)));
        (300..300 + KEPT as u32).for_each(|index| names.follow(&Change::Removed(link(index))));
        assert_eq!(names.current().interfaces().name(link(3).index), Some("w3"), "it has come back");
    }
}
