//! illumos' tables of IP over a stream: whatever the bytes, the walk ends, and what is lifted prints and reads back the same.

use waypost_core::{IfIndex, Notice};
use waypost_pfroute::lift::Mib2Links;
use waypost_pfroute::wire::{ByteOrder, ILLUMOS, Mib2, Mib2Entry};

use crate::{pfroute, text};

/// The least bytes of an entry that is read: that of an IPv6 neighbour.
const ENTRY_MIN: usize = 60;
/// The bytes of an item's head.
const ITEM_MIN: usize = 12;

/// Reads `data` as a dump of tables, and as the control part of an answer, in either byte order.
pub fn run(data: &[u8]) {
    for order in [ByteOrder::Little, ByteOrder::Big] {
        if let Some(head) = Mib2::head(order, data) {
            assert_eq!(head.len(), ITEM_MIN);
            assert_eq!(u32::try_from(Mib2::data_length(order, head)).map(u64::from), Ok(said(order, head)));
        }
        dump(order, data);
    }
}

/// The length in an item's head, read by hand.
fn said(order: ByteOrder, head: &[u8]) -> u64 {
    head.iter().skip(8).enumerate().fold(0, |value, (at, byte)| match order {
        ByteOrder::Little => value | u64::from(*byte) << (8 * at),
        ByteOrder::Big => value << 8 | u64::from(*byte),
    })
}

fn dump(order: ByteOrder, data: &[u8]) {
    let mut entries = Mib2::new(order, data);
    // Each entry has bytes of its own, and so has each item that spoils itself.
    let most = data.len() / ENTRY_MIN + data.len().div_ceil(ITEM_MIN);
    // Names have the number of their first letter, so that some interfaces are known and some are not.
    let index_of = |name: &str| IfIndex::new(name.bytes().next().map_or(0, |byte| u32::from(byte) & 7));
    let links = Mib2Links::read(&ILLUMOS, order, data, index_of);
    for (count, entry) in entries.by_ref().enumerate() {
        assert!(count < most, "there are more entries than bytes for them");
        match entry {
            Ok(entry) => touch(&entry, &links, order, data),
            Err(error) => assert!(error.offset <= data.len() && !error.to_string().is_empty()),
        }
    }
    assert!(entries.next().is_none(), "the walk has ended");
    assert!(links.iter().all(|link| !format!("{link:?}").is_empty()));
}

fn touch(entry: &Mib2Entry<'_>, links: &Mib2Links, order: ByteOrder, data: &[u8]) {
    let inside = |bytes: &[u8], most| {
        assert!(bytes.is_empty() || data.as_ptr_range().contains(&bytes.as_ptr()));
        assert!(bytes.len() <= most);
    };
    match entry {
        Mib2Entry::Route(route) => inside(route.interface, 32),
        Mib2Entry::Address(address) => inside(address.interface, 32),
        Mib2Entry::Neighbour(neighbour) => inside(neighbour.link_address, 32),
        _ => {}
    }
    match pfroute::LIFT.mib2(&ILLUMOS, entry, links) {
        Ok(Some(Notice::Route(_, route))) => {
            text::route_reads_back(&route);
            pfroute::comes_back(&ILLUMOS, order, &route);
        }
        Ok(Some(notice)) => assert!(!format!("{notice:?}").is_empty()),
        Ok(None) => {}
        Err(why) => assert!(!why.to_string().is_empty()),
    }
}
