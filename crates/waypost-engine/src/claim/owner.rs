//! Who owns claims, and by what what they have put in is known again.

use std::fmt;

use waypost_core::{Capabilities, Error, ErrorKind, OwnershipTag, Protocol, Route, RouteFlags, RouteRef, Rule};

/// Who owns a set of claims: a name for people, and a number for kernels that can keep one.
///
/// On Linux the number is the protocol of the owner's routes and rules, which `ip route` prints; on OpenBSD its lowest six bits are their priority.
/// Two owners of one number are one to the kernel, so each owner of a machine needs a number of its own.
///
/// ```
/// use waypost_engine::claim::Owner;
///
/// let owner = Owner::new("vpn", 201)?;
/// assert_eq!(owner.to_string(), "vpn (201)");
/// assert!(Owner::new("mine", 4).is_err(), "that is the administrator's");
/// # Ok::<(), waypost_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Owner {
    name: String,
    number: u8,
}

impl Owner {
    /// An owner of this name and number.
    ///
    /// # Errors
    ///
    /// `Invalid` where the number is known to be another's (static routes, DHCP, a routing daemon) or means nobody; where its lowest six bits
    /// are zero; and where the name is empty or has anything but letters, digits, `-`, `_` and `.`, or begins with a dot: it becomes the name
    /// of a file on systems that keep no tag.
    pub fn new(name: impl Into<String>, number: u8) -> Result<Self, Error> {
        let name = name.into();
        let invalid = |why: String| Err(Error::new(ErrorKind::Invalid, "name an owner").because(why));
        let is_plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
        if name.is_empty() || name.starts_with('.') || !name.chars().all(is_plain) {
            return invalid(format!("{name:?} is no name of letters and digits"));
        }
        if let Some(other) = Protocol(number).name() {
            return invalid(format!("the number {number} is that of {other}"));
        }
        if number & PRIORITY_BITS == 0 {
            return invalid(format!("the number {number} leaves no priority"));
        }
        Ok(Self { name, number })
    }

    /// The owner of what nobody else claims: `waypost`, of number 119.
    #[must_use]
    pub fn standard() -> Self {
        Self { name: "waypost".to_owned(), number: 119 }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its number.
    #[must_use]
    pub const fn number(&self) -> u8 {
        self.number
    }

    /// By what a kernel lets it know its own again.
    #[must_use]
    pub const fn tag(&self, capabilities: &Capabilities) -> Tag {
        match capabilities.ownership_tag {
            OwnershipTag::Protocol => Tag::Protocol(Protocol(self.number)),
            OwnershipTag::Priority => Tag::Priority(self.number & PRIORITY_BITS),
            OwnershipTag::Flag => Tag::Flag,
            _ => Tag::None,
        }
    }
}

/// The bits of a priority: `RTP_MAX` in `net/route.h` (OpenBSD 7.5).
const PRIORITY_BITS: u8 = 0x3f;

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.number)
    }
}

/// What a kernel keeps of who owns a route.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Tag {
    /// A protocol number of the owner's own.
    Protocol(Protocol),
    /// A priority of the owner's own.
    Priority(u8),
    /// `RTF_PROTO2`, which other programs set too: a journal says which routes are the owner's, and the flag that none has come in the place of one.
    Flag,
    /// Nothing: a journal alone says it.
    None,
}

impl Tag {
    /// Says whether the tag alone tells the owner's from all others.
    #[must_use]
    pub const fn is_enough(self) -> bool {
        matches!(self, Self::Protocol(_) | Self::Priority(_))
    }

    /// Says whether a route has the tag. Where that [is not enough](Self::is_enough), others may have it too.
    #[must_use]
    pub fn is_on(self, route: RouteRef<'_>) -> bool {
        match self {
            Self::Protocol(protocol) => route.entry.protocol == protocol,
            Self::Priority(priority) => route.slot.priority == priority,
            Self::Flag => route.entry.flags.contains(RouteFlags::PROTO2),
            Self::None => true,
        }
    }

    /// Says whether a rule has the tag.
    #[must_use]
    pub fn is_on_rule(self, rule: &Rule) -> bool {
        matches!(self, Self::Protocol(protocol) if rule.protocol == protocol)
    }

    /// Puts the tag on a route.
    ///
    /// # Errors
    ///
    /// `Invalid` where the route says that it is another's.
    pub fn put_on(self, route: &mut Route) -> Result<(), Error> {
        // What a route says where nobody named a protocol; kernels that keep none list none.
        if !matches!(self, Self::Protocol(_)) && route.entry.protocol == Protocol::BOOT {
            route.entry.protocol = Protocol::UNSPECIFIED;
        }
        let others = |what: String| Error::new(ErrorKind::Invalid, "claim route").on(&*route).because(what);
        match self {
            Self::Protocol(protocol) => {
                if !is_open(route.entry.protocol, protocol) {
                    return Err(others(format!("proto {} is not the owner's, which is {}", route.entry.protocol, protocol.0)));
                }
                route.entry.protocol = protocol;
            }
            Self::Priority(priority) => {
                if !matches!(route.slot.priority, 0) && route.slot.priority != priority {
                    return Err(others(format!("priority {} is not the owner's, which is {priority}", route.slot.priority)));
                }
                route.slot.priority = priority;
            }
            Self::Flag => route.entry.flags |= RouteFlags::PROTO2,
            Self::None => {}
        }
        Ok(())
    }

    /// Puts the tag on a rule.
    ///
    /// # Errors
    ///
    /// `Invalid` where the rule says that it is another's; `Unsupported` where there are no rules.
    pub fn put_on_rule(self, rule: &mut Rule) -> Result<(), Error> {
        let Self::Protocol(protocol) = self else {
            return Err(Error::new(ErrorKind::Unsupported, "claim rule").on(&*rule).because("this system has no policy rules"));
        };
        if !is_open(rule.protocol, protocol) {
            let why = format!("proto {} is not the owner's, which is {}", rule.protocol, protocol.0);
            return Err(Error::new(ErrorKind::Invalid, "claim rule").on(&*rule).because(why));
        }
        rule.protocol = protocol;
        Ok(())
    }
}

/// Says whether whoever wrote this protocol meant none in particular, or the owner's.
fn is_open(said: Protocol, own: Protocol) -> bool {
    said == Protocol::UNSPECIFIED || said == Protocol::BOOT || said == own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_others_are_nobodys_to_take() {
        for number in [0, 2, 3, 4, 9, 12, 16, 186, 64, 128] {
            assert_eq!(Owner::new("x", number).unwrap_err().kind(), ErrorKind::Invalid, "{number}");
        }
        for name in ["", ".x", "a/b", "a b", "../x"] {
            assert_eq!(Owner::new(name, 201).unwrap_err().kind(), ErrorKind::Invalid, "{name:?}");
        }
        assert_eq!(Owner::new("waypost", 119).unwrap(), Owner::standard());
    }

    #[test]
    fn a_tag_is_put_on_what_says_nothing_else() {
        let tag = Tag::Protocol(Protocol(201));
        let mut route: Route = "10.0.0.0/8 via 10.9.0.1 metric 5".parse().unwrap();
        tag.put_on(&mut route).unwrap();
        assert!(tag.is_on(route.as_ref()) && !Tag::Protocol(Protocol(202)).is_on(route.as_ref()));
        tag.put_on(&mut route).unwrap();
        let mut others: Route = "10.0.0.0/8 via 10.9.0.1 proto static".parse().unwrap();
        assert_eq!(tag.put_on(&mut others).unwrap_err().kind(), ErrorKind::Invalid);
        let mut rule: Rule = "5: from all lookup 7".parse().unwrap();
        tag.put_on_rule(&mut rule).unwrap();
        assert!(tag.is_on_rule(&rule));
        assert_eq!(Tag::Flag.put_on_rule(&mut rule).unwrap_err().kind(), ErrorKind::Unsupported);
        let mut ranked: Route = "10.0.0.0/8 via 10.9.0.1".parse().unwrap();
        Tag::Priority(55).put_on(&mut ranked).unwrap();
        assert!(Tag::Priority(55).is_on(ranked.as_ref()) && !tag.is_on(ranked.as_ref()));
    }
}
