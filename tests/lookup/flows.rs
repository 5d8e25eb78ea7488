//! Random flows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use waypost::{Family, Flow, IfIndex, InterfaceNames};
use waypost_tests::seeded::Seeded;

/// The interfaces that flows come in or go out by.
pub(crate) struct Interfaces {
    input: Vec<IfIndex>,
    output: Vec<IfIndex>,
}

impl Interfaces {
    pub(crate) fn of(names: &InterfaceNames) -> Self {
        let index = |name: &&str| names.index(name).expect("it has been made");
        Self {
            input: ["w0", "w1", "w2", "w4"].iter().map(index).collect(),
            output: ["w0", "w2", "w4", "w1"].iter().map(index).collect(),
        }
    }
}

fn number(seeded: &mut Seeded, end: u64) -> u16 {
    u16::try_from(seeded.below(end)).expect("it is small")
}

fn host(seeded: &mut Seeded, family: Family) -> IpAddr {
    let (one, two, three) = (number(seeded, 4), number(seeded, 4), number(seeded, 4));
    match family {
        Family::V4 => Ipv4Addr::from([10, 100 + one as u8, two as u8, three as u8]).into(),
        Family::V6 => Ipv6Addr::new(0x2001, 0xdb8, 0x100 + one, two, 0, 0, 0, three).into(),
    }
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// An address near the host.
fn near(seeded: &mut Seeded, family: Family) -> IpAddr {
    address(seeded.pick(match family {
        Family::V4 => &["10.0.0.2", "10.0.0.9", "10.6.0.3", "10.7.0.2", "192.0.2.1", "10.0.0.255"],
        Family::V6 => &["2001:db8::2", "2001:db8::9", "2001:db8:6::3", "2001:db8:7::2", "2001:db9::1", "fe80::5"],
    }))
}

fn own(seeded: &mut Seeded, family: Family) -> IpAddr {
    address(seeded.pick(match family {
        Family::V4 => &["10.0.0.1", "10.6.0.1", "10.7.0.1"],
        Family::V6 => &["2001:db8::1", "2001:db8:6::1", "2001:db8:7::1"],
    }))
}

pub(crate) fn flow(seeded: &mut Seeded, family: Family, interfaces: &Interfaces) -> Flow {
    let destination = match seeded.below(16) {
        0 => near(seeded, family),
        1 => own(seeded, family),
        _ => host(seeded, family),
    };
    let mut flow = Flow::to(destination);
    if seeded.below(10) < 3 {
        flow.input = Some(seeded.pick(&interfaces.input));
        flow.source = Some(match seeded.below(8) {
            0 => own(seeded, family),
            1..=3 => near(seeded, family),
            _ => host(seeded, family),
        });
    } else {
        flow.output = seeded.one_in(4).then(|| seeded.pick(&interfaces.output));
        flow.source = match seeded.below(32) {
            0 => Some(host(seeded, family)),
            1..=15 => Some(own(seeded, family)),
            _ => None,
        };
    }
    flow.mark = seeded.pick(&[0, 0, 1, 2, 0x10, 0x13]);
    flow.tos = seeded.pick(&[0, 0, 0x10, 0x08, 0xb8, 0x30]);
    // A question to the kernel that names no protocol is one of UDP on IPv4, and of none on IPv6.
    flow.ip_protocol = (family == Family::V4 || !seeded.one_in(8)).then(|| seeded.pick(&[6, 17]));
    if seeded.one_in(2) {
        flow.source_port = Some(seeded.pick(&[1000, 1001, 80, 4000]));
    }
    if !seeded.one_in(4) {
        flow.destination_port = Some(seeded.pick(&[53, 80, 443, 8080]));
    }
    // Without one the kernel takes whoever asks.
    flow.uid = Some(seeded.pick(&[0, 0, 5, 1000]));
    if family == Family::V6 && seeded.one_in(2) {
        flow.flow_label = Some(seeded.pick(&[5, 2, 0x12345]));
    }
    flow
}
