//! What every table must keep to.

use super::*;
use crate::wire::bytes::Field;

/// The length of a kind's header, and the numbers in it.
fn header(kind: Kind) -> (u16, Vec<Field>) {
    match kind {
        Kind::Route(_, at) | Kind::Desync(at) => {
            let mut fields = vec![at.addrs.header_length, at.addrs.addrs, at.index, at.flags, at.table, at.priority];
            fields.extend([at.pid, at.seq, at.errno, at.flag_mask, at.uses, at.parent_flags, at.inits, at.locks]);
            fields.extend(at.metrics.iter().map(|metric| metric.field));
            (at.addrs.size, fields)
        }
        Kind::Address(_, at) => {
            let head = vec![at.addrs.header_length, at.addrs.addrs, at.flags, at.index];
            (at.addrs.size, [head, vec![at.table, at.pid, at.address_flags, at.metric]].concat())
        }
        Kind::Multicast(_, at) => {
            (at.addrs.size, vec![at.addrs.header_length, at.addrs.addrs, at.flags, at.index, at.references])
        }
        Kind::Interface(at) => {
            let head = vec![at.addrs.header_length, at.addrs.addrs, at.flags, at.index, at.table, at.kind];
            let data = vec![at.link_state, at.address_length, at.header_length, at.mtu, at.metric, at.baud_rate];
            (at.addrs.size, [head, data].concat())
        }
        Kind::Announce(at) | Kind::WirelessEvent(at) => (at.size, vec![at.index, at.what]),
        Kind::Wireless(at) => (at.size, vec![at.index, at.channel, at.network_length]),
        Kind::Bfd(at) => (at.size, vec![at.index]),
        Kind::Unknown => (4, Vec::new()),
    }
}

#[test]
fn no_number_overlaps_another_or_leaves_its_header() {
    for dialect in DIALECTS {
        for known in dialect.types {
            let (size, fields) = header(known.kind);
            let mut taken = vec![false; usize::from(size)];
            for field in fields {
                for at in field.offset()..field.offset() + field.width() {
                    let place = taken.get_mut(usize::from(at));
                    let place = place.unwrap_or_else(|| panic!("{} {}: {field:?}", dialect.name, known.name));
                    assert!(at >= 4 && !*place, "{} {}: {field:?}", dialect.name, known.name);
                    *place = true;
                }
            }
        }
    }
}

#[test]
fn every_dialect_has_the_routes_words() {
    for (nth, dialect) in DIALECTS.into_iter().enumerate() {
        assert!(DIALECTS.iter().skip(nth + 1).all(|other| other.name != dialect.name), "{}", dialect.name);
        assert!(std::ptr::eq(Dialect::named(dialect.name).unwrap(), dialect));
        for (op, number) in [(RouteOp::Add, 1), (RouteOp::Delete, 2), (RouteOp::Change, 3), (RouteOp::Get, 4)] {
            assert_eq!(dialect.route_type(op), Some(number), "{}", dialect.name);
        }
        let common = Axis::ALL.get(..8).unwrap();
        assert_eq!(dialect.axes.get(..8), Some(common), "{}: all systems have these, in this order", dialect.name);
        let flags = [RouteFlags::UP, RouteFlags::GATEWAY, RouteFlags::HOST, RouteFlags::REJECT];
        assert!((0..).zip(flags).all(|(bit, flag)| dialect.flag_word(flag) == Some(1 << bit)), "{}", dialect.name);
        assert_eq!(dialect.flag_word(RouteFlags::DONE), Some(0x40));
    }
    assert!(Dialect::named("plan9").is_none());
}

#[test]
fn no_two_bits_mean_the_same_flag() {
    for dialect in DIALECTS {
        for (bit, &flag) in dialect.flag_bits.flags.iter().enumerate().filter(|(_, flag)| !flag.is_empty()) {
            assert_eq!(dialect.flag_word(flag), Some(1 << bit), "{}: {flag:?}", dialect.name);
            assert!(!dialect.flag_bits.names.get(bit).unwrap().is_empty());
        }
    }
}

#[test]
fn what_the_reader_of_dumps_takes_for_granted() {
    for dialect in DIALECTS {
        if let SockaddrForm::Length { unit } = dialect.sockaddrs {
            assert!(unit.is_power_of_two(), "{}", dialect.name);
        }
        let layouts = dialect.types.iter().filter_map(|known| match known.kind {
            Kind::Route(_, layout) | Kind::Desync(layout) => Some(layout),
            _ => None,
        });
        for layout in layouts {
            assert!(layout.metrics.is_sorted_by_key(|known| !known.kept), "{}: those that are kept come first", dialect.name);
        }
        for bit in 0..32 {
            let flags = dialect.flags(1 << bit);
            let is_said = !flags.is_empty() && RouteFlags::PORTABLE.contains(flags);
            assert_eq!(dialect.other_bits(1 << bit) == 0, is_said, "{} bit {bit}", dialect.name);
        }
    }
}

#[test]
fn a_sockaddr_takes_whole_units() {
    for (length, taken) in [(0, 8), (1, 8), (8, 8), (9, 16), (255, 256)] {
        assert_eq!(rounded(length, 8), taken);
    }
    assert_eq!((rounded(5, 4), rounded(16, 1)), (8, 16));
}
