//! The ways out of a route.

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::ops::Deref;
use std::sync::Arc;

use crate::{IfIndex, NextHopFlags};

/// How large a share of a multipath route's traffic one next hop takes: 1 to 256, as in `ip route … weight`.
///
/// A nexthop group's weights go to 65,536 on newer kernels; those that do not fit are held at [`Weight::MAX`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Weight(NonZeroU16);

impl Weight {
    /// The weight of a next hop that names none.
    pub const ONE: Self = Self(NonZeroU16::MIN);
    /// The largest weight.
    pub const MAX: Self = Self(NonZeroU16::MAX);

    /// The weight of this number; zero is none.
    #[must_use]
    pub const fn new(weight: u16) -> Option<Self> {
        match NonZeroU16::new(weight) {
            Some(weight) => Some(Self(weight)),
            None => None,
        }
    }

    /// The number, never zero.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0.get()
    }
}

impl Default for Weight {
    fn default() -> Self {
        Self::ONE
    }
}

impl fmt::Debug for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Weight({})", self.0)
    }
}

/// What is put around a packet before it leaves (MPLS labels, segment routing and so on), as the kernel's own bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Encapsulation {
    /// The kernel's number for the kind: `LWTUNNEL_ENCAP_*` on Linux.
    pub kind: u16,
    /// What the kernel says of it, byte for byte.
    pub data: Vec<u8>,
}

impl Encapsulation {
    /// An encapsulation of this kind and these bytes.
    #[must_use]
    pub fn new(kind: u16, data: Vec<u8>) -> Self {
        Self { kind, data }
    }
}

/// One way out: through a gateway, an interface, or both.
///
/// ```
/// use waypost_core::NextHop;
///
/// let hop = NextHop::via("10.0.0.1".parse().unwrap());
/// assert_eq!(hop.weight.get(), 1);
/// assert!(hop.interface.is_none(), "the kernel will choose it");
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct NextHop {
    /// The router to hand packets to; it need not be of the destination's family. `None` means that destinations
    /// are attached to the interface.
    pub gateway: Option<IpAddr>,
    /// The interface that packets leave by.
    pub interface: Option<IfIndex>,
    /// The zone of a link-local gateway where it differs from the interface, else zero.
    pub scope_id: u32,
    /// The share of the traffic.
    pub weight: Weight,
    /// What the kernel marks on it.
    pub flags: NextHopFlags,
    /// The bits of the kernel's flags that have no portable meaning.
    pub os_flags: u32,
    /// The realms of Linux's routing classifier, source in the upper half, or zero.
    pub realms: u32,
    /// What is put around packets, where anything is.
    pub encapsulation: Option<Arc<Encapsulation>>,
}

impl NextHop {
    /// The way through a gateway, over whichever interface reaches it.
    #[must_use]
    pub fn via(gateway: IpAddr) -> Self {
        Self { gateway: Some(gateway), ..Self::default() }
    }

    /// The way out of an interface, for destinations attached to it.
    #[must_use]
    pub fn dev(interface: IfIndex) -> Self {
        Self { interface: Some(interface), ..Self::default() }
    }

    /// The same, out of this interface.
    #[must_use]
    pub fn with_interface(mut self, interface: IfIndex) -> Self {
        self.interface = Some(interface);
        self
    }

    /// The same, with this share of the traffic.
    #[must_use]
    pub fn with_weight(mut self, weight: Weight) -> Self {
        self.weight = weight;
        self
    }
}

/// The next hops of a route: none, one without an allocation, or several that copies share.
///
/// It is a slice: `route.entry.next_hops.iter()`.
#[derive(Clone, Default)]
pub struct NextHops(Inner);

#[derive(Clone, Default)]
enum Inner {
    #[default]
    None,
    One(NextHop),
    Many(Arc<[NextHop]>),
}

impl NextHops {
    /// No next hop: a blackhole, or one that a next-hop object names.
    pub const NONE: Self = Self(Inner::None);

    /// One next hop.
    #[must_use]
    pub const fn one(hop: NextHop) -> Self {
        Self(Inner::One(hop))
    }

    /// Makes it one next hop that says nothing, to be filled where it stays.
    ///
    /// ```
    /// use waypost_core::{IfIndex, NextHop, NextHops};
    ///
    /// let mut hops = NextHops::NONE;
    /// hops.make_one().interface = IfIndex::new(2);
    /// assert_eq!(hops, NextHops::one(NextHop::dev(IfIndex::new(2).unwrap())));
    /// ```
    #[inline]
    pub fn make_one(&mut self) -> &mut NextHop {
        self.0 = Inner::One(NextHop::default());
        match &mut self.0 {
            Inner::One(hop) => hop,
            _ => unreachable!("it was made one"),
        }
    }
}

impl Deref for NextHops {
    type Target = [NextHop];

    fn deref(&self) -> &[NextHop] {
        match &self.0 {
            Inner::None => &[],
            Inner::One(hop) => std::slice::from_ref(hop),
            Inner::Many(hops) => hops,
        }
    }
}

impl From<NextHop> for NextHops {
    fn from(hop: NextHop) -> Self {
        Self::one(hop)
    }
}

impl From<Vec<NextHop>> for NextHops {
    fn from(mut hops: Vec<NextHop>) -> Self {
        match hops.len() {
            0 => Self::NONE,
            1 => hops.pop().map_or(Self::NONE, Self::one),
            _ => Self(Inner::Many(hops.into())),
        }
    }
}

impl FromIterator<NextHop> for NextHops {
    fn from_iter<I: IntoIterator<Item = NextHop>>(hops: I) -> Self {
        let mut hops = hops.into_iter();
        let Some(first) = hops.next() else { return Self::NONE };
        let Some(second) = hops.next() else { return Self::one(first) };
        Self(Inner::Many([first, second].into_iter().chain(hops).collect()))
    }
}

impl<'a> IntoIterator for &'a NextHops {
    type Item = &'a NextHop;
    type IntoIter = std::slice::Iter<'a, NextHop>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl PartialEq for NextHops {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for NextHops {}

impl std::hash::Hash for NextHops {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl fmt::Debug for NextHops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for NextHops {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for NextHops {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<NextHop>::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_they_were_made_equal_hops_are_equal() {
        let hop = NextHop::via("10.0.0.1".parse().unwrap());
        assert_eq!(NextHops::from(vec![hop.clone()]), NextHops::one(hop.clone()));
        assert_eq!([hop.clone()].into_iter().collect::<NextHops>(), NextHops::one(hop.clone()));
        assert_eq!(NextHops::from(vec![]), NextHops::NONE);
        let two: NextHops = [hop.clone(), hop.clone()].into_iter().collect();
        assert_eq!(two.len(), 2);
        assert_ne!(two, NextHops::one(hop));
    }

    #[test]
    fn one_hop_takes_no_more_than_a_cache_line() {
        assert!(size_of::<NextHop>() <= 64, "{}", size_of::<NextHop>());
        assert!(size_of::<NextHops>() <= 64, "{}", size_of::<NextHops>());
    }
}
