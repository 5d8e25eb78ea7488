//! What a kernel says of single packets, on one line.

use std::fmt;

use super::{Miss, Redirect};
use crate::route::display::Destination;
use crate::{Named, Names};

impl fmt::Display for Miss {
    /// Writes the destination, and whose packet it was where that is known: `192.0.2.1 from 10.0.0.1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.destination)?;
        match self.source {
            Some(source) => write!(f, " from {source}"),
            None => Ok(()),
        }
    }
}

impl Redirect {
    /// This redirect with its interface by name when printed. One without a name prints as `if` and its number.
    #[must_use]
    pub fn with_names<'a>(&'a self, names: impl Into<Names<'a>>) -> Named<'a, Self> {
        Named::new(self, names)
    }
}

impl fmt::Display for Redirect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_names(Names::none()).fmt(f)
    }
}

impl fmt::Display for Named<'_, Redirect> {
    /// Writes it like a route, and who said so: `192.0.2.1 via 10.0.0.2 dev eth0 from 10.0.0.1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { thing: redirect, names } = *self;
        write!(f, "{} via {}", Destination(redirect.destination), redirect.gateway)?;
        if let Some(index) = redirect.interface {
            write!(f, " dev {}", names.interface(index))?;
        }
        match redirect.author {
            Some(author) => write!(f, " from {author}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{IfIndex, InterfaceNames};

    #[test]
    fn what_is_not_known_is_not_printed() {
        let mut miss = Miss::new("192.0.2.1".parse().unwrap());
        assert_eq!(miss.to_string(), "192.0.2.1");
        miss.source = Some("10.0.0.1".parse().unwrap());
        assert_eq!(miss.to_string(), "192.0.2.1 from 10.0.0.1");
        let mut redirect = Redirect::new("192.0.2.1/32".parse().unwrap(), "10.0.0.2".parse().unwrap());
        assert_eq!(redirect.to_string(), "192.0.2.1 via 10.0.0.2");
        (redirect.author, redirect.interface) = (Some("10.0.0.1".parse().unwrap()), IfIndex::new(2));
        let names: InterfaceNames = redirect.interface.map(|index| (index, "eth0")).into_iter().collect();
        assert_eq!(redirect.with_names(&names).to_string(), "192.0.2.1 via 10.0.0.2 dev eth0 from 10.0.0.1");
    }
}
