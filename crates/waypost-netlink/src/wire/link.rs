//! Link messages: RTM_NEWLINK and RTM_DELLINK.
//!
//! A message is `struct ifinfomsg` and attributes (rtnetlink(7); include/uapi/linux/if_link.h, Linux 6.18). The
//! attributes are read one by one, so that one which cannot be read takes nothing else with it.

use netlink_packet_core::{NlaBuffer, NlasIterator, ParseableParametrized, parse_string};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::link::{LinkAttribute, LinkHeader, Prop};
use waypost_core::{IfIndex, Link, LinkFlags};

use super::constants::{
    AF_UNSPEC, IFF_ALLMULTI, IFF_BROADCAST, IFF_DORMANT, IFF_LOOPBACK, IFF_LOWER_UP, IFF_MASTER, IFF_MULTICAST, IFF_NOARP,
    IFF_POINTOPOINT, IFF_PROMISC, IFF_RUNNING, IFF_SLAVE, IFF_UP, IFLA_ADDRESS, IFLA_GROUP, IFLA_IFNAME, IFLA_INFO_KIND,
    IFLA_LINK, IFLA_LINK_NETNSID, IFLA_LINKINFO, IFLA_MASTER, IFLA_MTU, IFLA_PROP_LIST,
};
use super::{DecodeError, Decoded};

/// The size of `struct ifinfomsg`.
pub(super) const HEADER: usize = 16;

const FLAGS: [(u32, LinkFlags); 13] = [
    (IFF_UP, LinkFlags::UP),
    (IFF_BROADCAST, LinkFlags::BROADCAST),
    (IFF_LOOPBACK, LinkFlags::LOOPBACK),
    (IFF_POINTOPOINT, LinkFlags::POINT_TO_POINT),
    (IFF_RUNNING, LinkFlags::RUNNING),
    (IFF_NOARP, LinkFlags::NO_ARP),
    (IFF_MULTICAST, LinkFlags::MULTICAST),
    (IFF_LOWER_UP, LinkFlags::LOWER_UP),
    (IFF_ALLMULTI, LinkFlags::ALL_MULTICAST),
    (IFF_PROMISC, LinkFlags::PROMISCUOUS),
    (IFF_MASTER, LinkFlags::MASTER),
    (IFF_SLAVE, LinkFlags::SLAVE),
    (IFF_DORMANT, LinkFlags::DORMANT),
];

/// The link in the payload of an RTM_NEWLINK or RTM_DELLINK; `None` where the message is about something else.
///
/// A bridge's word of its ports comes as a link message too, of family AF_BRIDGE: there RTM_DELLINK means that the port
/// has left the bridge, not that the interface is gone (`br_ifinfo_notify` in net/bridge/br_netlink.c, Linux 6.18).
///
/// A link whose name cannot be read is called `if` and its number. The parent is left out where it is an interface of
/// another network namespace, whose numbers mean nothing here.
///
/// # Errors
///
/// [`DecodeError`] where there is no header or no interface number.
///
/// ```
/// use waypost_netlink::wire::link::decode;
///
/// // Interface 1, up and a loopback.
/// let mut payload = vec![0, 0, 4, 3];
/// payload.extend([1u32, 0x9, 0].map(u32::to_ne_bytes).concat());
/// payload.extend([7u16, 3].map(u16::to_ne_bytes).concat());
/// payload.extend(b"lo\0\0");
/// let link = decode(&payload)?.expect("the message is about a link").value;
/// assert_eq!(link.name, "lo");
/// assert!(link.is_up());
/// # Ok::<(), waypost_netlink::wire::DecodeError>(())
/// ```
pub fn decode(payload: &[u8]) -> Result<Option<Decoded<Link>>, DecodeError> {
    let header = LinkHeader::parse(payload).map_err(|_| DecodeError::new(0, "fewer bytes than struct ifinfomsg has"))?;
    if u8::from(header.interface_family) != AF_UNSPEC {
        return Ok(None);
    }
    let index = IfIndex::new(header.index).ok_or(DecodeError::new(4, "a link without a number"))?;
    let mut reader = Reader { link: Link::new(index, ""), family: header.interface_family, parent_is_elsewhere: false };
    let bits = header.flags.bits();
    for (bit, flag) in FLAGS {
        reader.link.flags.set(flag, bits & bit != 0);
    }
    reader.link.os_flags = FLAGS.iter().fold(bits, |rest, (bit, _)| rest & !bit);
    let mut spoiled = 0;
    for attribute in NlasIterator::new(payload.get(HEADER..).unwrap_or_default()) {
        if !attribute.is_ok_and(|attribute| reader.read(&attribute)) {
            spoiled += 1;
        }
    }
    let Reader { mut link, parent_is_elsewhere, .. } = reader;
    if link.name.is_empty() {
        link.name = format!("if{index}");
        spoiled += 1;
    }
    link.parent = link.parent.filter(|_| !parent_is_elsewhere);
    Ok(Some(Decoded { value: link, spoiled }))
}

/// A link of which some attributes have been read.
struct Reader {
    link: Link,
    family: AddressFamily,
    parent_is_elsewhere: bool,
}

impl Reader {
    /// Reads an attribute; says whether it could be read, or is none that matters.
    fn read(&mut self, attribute: &NlaBuffer<&[u8]>) -> bool {
        match attribute.kind() {
            IFLA_LINK_NETNSID => {
                self.parent_is_elsewhere = true;
                true
            }
            // What else stands in there differs with each kind of link, and would be read in vain.
            IFLA_LINKINFO => self.read_kind(attribute.value()),
            IFLA_IFNAME | IFLA_ADDRESS | IFLA_MTU | IFLA_LINK | IFLA_MASTER | IFLA_GROUP | IFLA_PROP_LIST => {
                match LinkAttribute::parse_with_param(attribute, self.family) {
                    Ok(read) => self.take(read),
                    // A name may be any bytes; one that is no UTF-8 still tells interfaces apart.
                    Err(_) if attribute.kind() == IFLA_IFNAME => {
                        let name = attribute.value();
                        self.link.name = String::from_utf8_lossy(name.strip_suffix(&[0]).unwrap_or(name)).into_owned();
                        return false;
                    }
                    Err(_) => return false,
                }
                true
            }
            _ => true,
        }
    }

    fn read_kind(&mut self, nested: &[u8]) -> bool {
        let kind = NlasIterator::new(nested).find_map(|inner| inner.ok().filter(|inner| inner.kind() == IFLA_INFO_KIND));
        match kind.map(|kind| parse_string(kind.value())) {
            Some(Ok(kind)) => self.link.kind = kind,
            // A port of a bridge has port data here and need not have a kind of its own.
            None => {}
            Some(Err(_)) => return false,
        }
        true
    }

    fn take(&mut self, attribute: LinkAttribute) {
        let link = &mut self.link;
        match attribute {
            LinkAttribute::IfName(name) => link.name = name,
            LinkAttribute::Address(bytes) => link.link_address = bytes,
            LinkAttribute::Mtu(mtu) => link.mtu = mtu,
            LinkAttribute::Link(index) => link.parent = IfIndex::new(index),
            LinkAttribute::Controller(index) => link.master = IfIndex::new(index),
            LinkAttribute::Group(group) => link.group = group,
            LinkAttribute::PropList(properties) => {
                link.alternative_names = properties
                    .into_iter()
                    .filter_map(|property| match property {
                        Prop::AltIfName(name) => Some(name),
                        _ => None,
                    })
                    .collect();
            }
            _ => {}
        }
    }
}
