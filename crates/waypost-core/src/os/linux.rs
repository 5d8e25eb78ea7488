//! What routes of Linux say, by the names of rtnetlink(7): `include/uapi/linux/rtnetlink.h` (6.18).
//!
//! ```
//! use waypost_core::os::linux::{Realms, RouteExt, RouteExtMut};
//! use waypost_core::Route;
//!
//! let mut route: Route = "10.1.0.0/16 via 10.0.0.1 dev if2 onlink realms 3/4".parse()?;
//! assert_eq!(route.realms(), Some(Realms { source: 3, destination: 4 }));
//! assert_eq!(route.rtm_flags(), 0x4, "RTNH_F_ONLINK");
//!
//! // An attribute that Waypost has no name for goes along with the route when it is added.
//! const RTA_TTL_PROPAGATE: u16 = 26;
//! route.set_attribute(RTA_TTL_PROPAGATE, &[1]);
//! assert_eq!(route.attribute(RTA_TTL_PROPAGATE), Some(&[1][..]));
//! # Ok::<(), waypost_core::ParseError>(())
//! ```

use std::sync::Arc;

use crate::{Attribute, Encapsulation, Entry, NextHop, NextHopFlags, Route, RouteFlags, RouteRef, Unnamed};

/// The bits of `nla_type` that are a number: the others say how the payload is written (`NLA_TYPE_MASK` in
/// `include/uapi/linux/netlink.h`).
const NUMBER: u16 = 0x3fff;

/// The bits of `rtm_flags` that are those of the next hop, where a route has one.
const OF_NEXT_HOP: u32 = 0xff;

/// The other bits of `rtm_flags` that the model has names for (`RTM_F_*`).
const NAMED: [(u32, RouteFlags); 5] = [
    (0x200, RouteFlags::CLONED),
    (0x2000, RouteFlags::MATCHED_ENTRY),
    (0x4000, RouteFlags::OFFLOADED),
    (0x8000, RouteFlags::TRAPPED),
    (0x2000_0000, RouteFlags::OFFLOAD_FAILED),
];

/// The realms of the routing classifier (`RTA_FLOW`, tc-route(8)).
///
/// ```
/// use waypost_core::os::linux::Realms;
///
/// let realms = Realms::from(0x0003_0004);
/// assert_eq!((realms.source, realms.destination), (3, 4));
/// assert_eq!(u32::from(realms), 0x0003_0004);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "the kernel has these two in one number")]
pub struct Realms {
    /// The realm of packets that come from there, or zero.
    pub source: u16,
    /// The realm of packets that go there, or zero.
    pub destination: u16,
}

impl From<u32> for Realms {
    fn from(number: u32) -> Self {
        let [s0, s1, d0, d1] = number.to_be_bytes();
        Self { source: u16::from_be_bytes([s0, s1]), destination: u16::from_be_bytes([d0, d1]) }
    }
}

impl From<Realms> for u32 {
    fn from(realms: Realms) -> Self {
        Self::from(realms.source) << 16 | Self::from(realms.destination)
    }
}

/// Reads what Linux says of a route.
///
/// Of `RTA_CACHEINFO` nothing is kept but [`Route::expires`]: the rest changes from listing to listing.
pub trait RouteExt {
    /// What the route says.
    fn entry(&self) -> &Entry;

    /// The flags as the kernel has them in `rtm_flags`: `RTM_F_*`, and where the route has one next hop its `RTNH_F_*`.
    ///
    /// Of a route with several next hops, `RTNH_F_DEAD` and `RTNH_F_LINKDOWN` are set where all of them have it.
    fn rtm_flags(&self) -> u32 {
        let entry = self.entry();
        let named = NAMED.into_iter().filter(|(_, flag)| entry.flags.contains(*flag)).fold(0, |bits, (bit, _)| bits | bit);
        let of_hops = match &*entry.next_hops {
            [] => 0,
            [hop] => hop.flags.bits() | hop.os_flags & OF_NEXT_HOP,
            hops => {
                let common = hops.iter().fold(NextHopFlags::all(), |common, hop| common & hop.flags);
                (common & (NextHopFlags::DEAD | NextHopFlags::LINK_DOWN)).bits()
            }
        };
        entry.os_flags | named | of_hops
    }

    /// The realms, where the route has some and all its next hops the same.
    fn realms(&self) -> Option<Realms> {
        let (first, others) = self.entry().next_hops.split_first()?;
        let is_common = first.realms != 0 && others.iter().all(|hop| hop.realms == first.realms);
        is_common.then(|| first.realms.into())
    }

    /// What is put around packets (`RTA_ENCAP_TYPE`, `RTA_ENCAP`), where the route has that and all its next hops the same.
    ///
    /// [`Attributes::of`] reads its [`data`](Encapsulation::data).
    fn encapsulation(&self) -> Option<&Encapsulation> {
        let (first, others) = self.entry().next_hops.split_first()?;
        let is_common = others.iter().all(|hop| hop.encapsulation == first.encapsulation);
        first.encapsulation.as_deref().filter(|_| is_common)
    }

    /// The attributes that have no name in the model, in the kernel's order.
    fn attributes(&self) -> &[Attribute] {
        self.entry().unnamed.as_slice()
    }

    /// The payload of the first of these attributes that has this number (`RTA_*`).
    fn attribute(&self, number: u16) -> Option<&[u8]> {
        let attribute = self.attributes().iter().find(|attribute| attribute.kind & NUMBER == number & NUMBER)?;
        Some(&attribute.data)
    }
}

impl RouteExt for Entry {
    fn entry(&self) -> &Entry {
        self
    }
}

impl RouteExt for Route {
    fn entry(&self) -> &Entry {
        &self.entry
    }
}

impl RouteExt for RouteRef<'_> {
    fn entry(&self) -> &Entry {
        self.entry
    }
}

/// Says of a route what Linux knows, for one to be added.
///
/// What the kernel makes of it is its own affair: it ignores attributes that it does not know, and some flags are not for anybody else to set.
pub trait RouteExtMut: RouteExt {
    /// What the route says.
    fn entry_mut(&mut self) -> &mut Entry;

    /// Sets the flags as [`RouteExt::rtm_flags`] reads them. Bits of a next hop go to the one that the route has; where it has
    /// none or several they are kept with the route.
    ///
    /// `RTM_F_CLONED` makes no sense in a route to be added, and adding it is refused as `Unsupported`; the marks of hardware are not sent.
    fn set_rtm_flags(&mut self, bits: u32) {
        let entry = self.entry_mut();
        entry.os_flags = bits;
        for (bit, flag) in NAMED {
            entry.flags.set(flag, bits & bit != 0);
            entry.os_flags &= !bit;
        }
        if let [hop] = &*entry.next_hops {
            entry.os_flags &= !OF_NEXT_HOP;
            let mut hop = hop.clone();
            hop.flags = NextHopFlags::from_bits_truncate(bits);
            hop.os_flags = bits & OF_NEXT_HOP & !NextHopFlags::all().bits();
            entry.next_hops = hop.into();
        }
    }

    /// Sets the realms of all the next hops that the route has; `Realms::default()` is none. IPv6 has no realms: adding such a route is
    /// refused as `Unsupported`.
    fn set_realms(&mut self, realms: Realms) {
        each_hop(self.entry_mut(), |hop| hop.realms = realms.into());
    }

    /// Sets what all the next hops that the route has put around packets.
    fn set_encapsulation(&mut self, encapsulation: Option<Encapsulation>) {
        let shared = encapsulation.map(Arc::new);
        each_hop(self.entry_mut(), |hop| hop.encapsulation.clone_from(&shared));
    }

    /// Sets the attribute of this number to these bytes, in the place of all that it has of that number. An attribute that the
    /// model has a field for belongs there: set twice, the kernel takes the last.
    fn set_attribute(&mut self, number: u16, data: &[u8]) {
        self.remove_attribute(number);
        self.entry_mut().unnamed.push(Attribute::new(number, data.to_vec()));
    }

    /// Takes away the attributes of this number; says whether there were any.
    fn remove_attribute(&mut self, number: u16) -> bool {
        let mut left = Unnamed::default();
        let before = std::mem::take(&mut self.entry_mut().unnamed);
        let others = before.as_slice().iter().filter(|attribute| attribute.kind & NUMBER != number & NUMBER);
        others.for_each(|attribute| left.push(attribute.clone()));
        let had = left.as_slice().len() < before.as_slice().len();
        self.entry_mut().unnamed = left;
        had
    }
}

impl RouteExtMut for Entry {
    fn entry_mut(&mut self) -> &mut Entry {
        self
    }
}

impl RouteExtMut for Route {
    fn entry_mut(&mut self) -> &mut Entry {
        &mut self.entry
    }
}

fn each_hop(entry: &mut Entry, edit: impl Fn(&mut NextHop)) {
    let edited = entry.next_hops.iter().map(|hop| {
        let mut hop = hop.clone();
        edit(&mut hop);
        hop
    });
    entry.next_hops = edited.collect();
}

/// The attributes that stand one behind the other in the payload of another, such as an encapsulation's: number and payload of each.
///
/// It ends where the bytes make no attribute any more.
///
/// ```
/// use waypost_core::os::linux::Attributes;
///
/// // MPLS_IPTUNNEL_DST (1) with the label 100, at the bottom of the stack.
/// let mut data = [8_u16.to_ne_bytes(), 1_u16.to_ne_bytes()].concat();
/// data.extend((100_u32 << 12 | 1 << 8).to_be_bytes());
/// let (number, label) = Attributes::of(&data).next().unwrap();
/// assert_eq!((number, label), (1, &[0, 6, 65, 0][..]));
/// ```
#[derive(Clone, Debug)]
pub struct Attributes<'a>(&'a [u8]);

impl<'a> Attributes<'a> {
    /// The attributes in this payload.
    #[must_use]
    pub const fn of(payload: &'a [u8]) -> Self {
        Self(payload)
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        // `struct nlattr` is a length, its own four bytes included, and a type; what follows begins at a multiple of four.
        let &[l0, l1, k0, k1] = self.0.first_chunk()?;
        let length = usize::from(u16::from_ne_bytes([l0, l1]));
        let data = self.0.get(4..length)?;
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((u16::from_ne_bytes([k0, k1]) & NUMBER, data))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(text: &str) -> Route {
        text.parse().unwrap()
    }

    #[test]
    fn flags_are_read_as_they_were_set() {
        for text in ["10.0.0.0/8 via 10.9.0.1", "blackhole 10.0.0.0/8", "10.0.0.0/8 nexthop via 10.9.0.1 nexthop via 10.9.0.2"] {
            for bits in [0, 0x4, 0x84, 0x200, 0x2000, 0xc000, 0x2000_0000, 0x8000_0100, u32::MAX] {
                let mut flagged = route(text);
                flagged.set_rtm_flags(bits);
                assert_eq!(flagged.rtm_flags(), bits, "{text}");
                assert_eq!(flagged.as_ref().rtm_flags(), bits, "{text}");
                flagged.set_rtm_flags(0);
                assert_eq!(flagged, route(text));
            }
        }
        let dead = "10.0.0.0/8 nexthop via 10.9.0.1 dev if2 dead linkdown nexthop via 10.9.0.2 dev if3 dead";
        assert_eq!(route(dead).rtm_flags(), 0x1);
    }

    #[test]
    fn realms_are_those_of_all_next_hops() {
        let mut several = route("10.0.0.0/8 nexthop via 10.9.0.1 realms 3/4 nexthop via 10.9.0.2 realms 3/5");
        assert_eq!(several.realms(), None);
        let realms = Realms { source: 7, destination: u16::MAX };
        several.set_realms(realms);
        assert_eq!(several.realms(), Some(realms));
        assert!(several.entry.next_hops.iter().all(|hop| hop.realms == 0x7_ffff));
        several.set_realms(Realms::default());
        assert_eq!(several.realms(), None);
        assert_eq!(route("blackhole 10.0.0.0/8").realms(), None);
    }

    #[test]
    fn an_encapsulation_is_that_of_all_next_hops() {
        let mut several = route("10.0.0.0/8 nexthop via 10.9.0.1 nexthop via 10.9.0.2");
        assert_eq!(several.encapsulation(), None);
        let mpls = Encapsulation::new(1, vec![8, 0, 1, 0, 0, 6, 65, 0]);
        several.set_encapsulation(Some(mpls.clone()));
        assert_eq!(several.encapsulation(), Some(&mpls));
        let mut hops = several.entry.next_hops.to_vec();
        hops[1].encapsulation = None;
        several.entry.next_hops = hops.into();
        assert_eq!(several.encapsulation(), None);
        several.set_encapsulation(None);
        assert_eq!(several, route("10.0.0.0/8 nexthop via 10.9.0.1 nexthop via 10.9.0.2"));
    }

    #[test]
    fn attributes_go_by_their_numbers() {
        let mut odd = route("10.0.0.0/8 via 10.9.0.1 attr 26 0x01 attr 0x8063 0x0a attr 26 0x02");
        assert_eq!(odd.attributes().len(), 3);
        assert_eq!(odd.attribute(26), Some(&[1][..]));
        assert_eq!(odd.attribute(99), Some(&[10][..]), "its flag of nesting does not count");
        assert_eq!(odd.attribute(27), None);
        odd.set_attribute(26, &[3, 4]);
        assert_eq!(odd, route("10.0.0.0/8 via 10.9.0.1 attr 0x8063 0x0a attr 26 0x0304"));
        assert!(odd.remove_attribute(99) && !odd.remove_attribute(99));
        assert!(odd.remove_attribute(26));
        assert_eq!(odd, route("10.0.0.0/8 via 10.9.0.1"));
    }

    #[test]
    fn attributes_end_where_the_bytes_make_none() {
        let all = |bytes: &[u8]| Attributes::of(bytes).map(|(number, data)| (number, data.to_vec())).collect::<Vec<_>>();
        let mut bytes = [5_u16.to_ne_bytes(), 0x8001_u16.to_ne_bytes()].concat();
        bytes.extend([9, 0, 0, 0]);
        bytes.extend([4_u16.to_ne_bytes(), 2_u16.to_ne_bytes()].concat());
        let whole = [(1, vec![9]), (2, vec![])];
        assert_eq!(all(&bytes), whole);
        assert_eq!(all(&bytes[..5]), [(1, vec![9])], "the last needs no padding");
        for cut in 0..bytes.len() {
            assert!(whole.starts_with(&all(&bytes[..cut])));
        }
        for length in [0_u16, 3, 9, u16::MAX] {
            assert_eq!(all(&[&length.to_ne_bytes()[..], &[1, 0, 9, 9, 9, 9]].concat()), []);
        }
    }
}
