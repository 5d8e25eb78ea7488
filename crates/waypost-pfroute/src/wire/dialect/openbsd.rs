//! OpenBSD 7: sys/net/route.h 1.218, sys/net/if.h 1.221, sys/net/rtsock.c 1.388.
//!
//! Every header says its own length. A machine where a `long` has four bytes rounds sockaddrs otherwise, and i386
//! aligns the time in `struct if_data` otherwise. The captures come from 7.5 on amd64.

use super::layout::WirelessLayout;
use super::layout::{AddressLayout, AddrsLayout, AnnounceLayout, HeadLayout, InterfaceLayout, MetricField, RouteLayout};
use super::{
    Carrier, Dialect, DumpSource, Families, Kind, MESSAGE_TYPES, MaskForm, MessageType, OwnRoutes, ReportedMtu, ScopeForm,
    SockaddrForm, SysctlLast, TableSelector, Wants, Written, flag_bits, link_flag_bits, types,
};
use crate::wire::bytes::Field;
use crate::wire::flags::RouteFlags;
use crate::wire::message::{Change, Metric, RouteOp};
use crate::wire::sockaddr::Axis;

/// OpenBSD, 64-bit.
pub static OPENBSD: Dialect = LP64;

/// OpenBSD on i386.
pub static OPENBSD_I386: Dialect =
    Dialect { name: "openbsd-i386", types: message_types(&INTERFACE_I386), sockaddrs: SockaddrForm::Length { unit: 4 }, ..LP64 };

const LP64: Dialect = Dialect {
    name: "openbsd",
    version: 5,
    protocol_family: 17,
    types: message_types(&INTERFACE),
    request: &ROUTE,
    axes: &[
        Axis::Dst,
        Axis::Gateway,
        Axis::Netmask,
        Axis::Genmask,
        Axis::Ifp,
        Axis::Ifa,
        Axis::Author,
        Axis::Brd,
        Axis::Src,
        Axis::SrcMask,
        Axis::Label,
        Axis::Bfd,
        Axis::Dns,
        Axis::StaticRoutes,
        Axis::Search,
    ],
    sockaddrs: SockaddrForm::Length { unit: 8 },
    families: Families { inet: 2, inet6: 24, link: 18, mpls: Some(33) },
    link_length: 32,
    flag_bits: flag_bits(&[
        (0x1, "UP", RouteFlags::UP),
        (0x2, "GATEWAY", RouteFlags::GATEWAY),
        (0x4, "HOST", RouteFlags::HOST),
        (0x8, "REJECT", RouteFlags::REJECT),
        (0x10, "DYNAMIC", RouteFlags::DYNAMIC),
        (0x20, "MODIFIED", RouteFlags::MODIFIED),
        (0x40, "DONE", RouteFlags::DONE),
        (0x100, "CLONING", RouteFlags::CLONING),
        (0x200, "MULTICAST", RouteFlags::MULTICAST),
        (0x400, "LLINFO", RouteFlags::LINK_LAYER),
        (0x800, "STATIC", RouteFlags::STATIC),
        (0x1000, "BLACKHOLE", RouteFlags::BLACKHOLE),
        (0x2000, "PROTO3", RouteFlags::PROTO3),
        (0x4000, "PROTO2", RouteFlags::PROTO2),
        (0x8000, "PROTO1", RouteFlags::PROTO1),
        (0x1_0000, "CLONED", RouteFlags::CLONED),
        (0x2_0000, "CACHED", RouteFlags::CACHED),
        (0x4_0000, "MPATH", RouteFlags::MULTIPATH),
        (0x10_0000, "MPLS", RouteFlags::empty()),
        (0x20_0000, "LOCAL", RouteFlags::LOCAL),
        (0x40_0000, "BROADCAST", RouteFlags::BROADCAST),
        (0x80_0000, "CONNECTED", RouteFlags::CONNECTED),
        (0x100_0000, "BFD", RouteFlags::empty()),
    ]),
    link_flag_bits: link_flag_bits(0x8000),
    // LINK_STATE_DOWN and LINK_STATE_KALIVE_DOWN of sys/net/if.h; 1 is LINK_STATE_INVALID.
    carrier: Carrier::State { down_from: 2, down_to: 3 },
    rtt_units: 1_000_000,
    reported_mtu: ReportedMtu::Own,
    own_routes: OwnRoutes { are_static: false, local_lack_done: false },
    scope: ScopeForm::Embedded,
    on_socket: Written::padded(MaskForm::Full),
    in_sysctl: Written::padded(MaskForm::Full),
    table: TableSelector::Header,
    dump: DumpSource::Sysctl { routes: 1, by_flags: 2, interfaces: 3, last: SysctlLast::Table },
    wants: Wants {
        up_in_get: false,
        interface_in_get: false,
        interface_twice: true,
        link_gateways: true,
        gateway_in_delete: false,
        compares_gateway: true,
    },
};

const fn message_types(interface: &'static InterfaceLayout) -> [MessageType; MESSAGE_TYPES] {
    types(&[
        (0x1, "ADD", Kind::Route(RouteOp::Add, &ROUTE)),
        (0x2, "DELETE", Kind::Route(RouteOp::Delete, &ROUTE)),
        (0x3, "CHANGE", Kind::Route(RouteOp::Change, &ROUTE)),
        (0x4, "GET", Kind::Route(RouteOp::Get, &ROUTE)),
        (0x5, "LOSING", Kind::Route(RouteOp::Losing, &ROUTE)),
        (0x6, "REDIRECT", Kind::Route(RouteOp::Redirect, &ROUTE)),
        (0x7, "MISS", Kind::Route(RouteOp::Miss, &ROUTE)),
        (0xb, "RESOLVE", Kind::Route(RouteOp::Resolve, &ROUTE)),
        (0xc, "NEWADDR", Kind::Address(Change::Added, &ADDRESS)),
        (0xd, "DELADDR", Kind::Address(Change::Removed, &ADDRESS)),
        (0xe, "IFINFO", Kind::Interface(interface)),
        (0xf, "IFANNOUNCE", Kind::Announce(&ANNOUNCE)),
        (0x10, "DESYNC", Kind::Desync(&ROUTE)),
        (0x11, "INVALIDATE", Kind::Route(RouteOp::Invalidate, &ROUTE)),
        (0x12, "BFD", Kind::Bfd(&HEAD)),
        (0x13, "PROPOSAL", Kind::Route(RouteOp::Proposal, &ROUTE)),
        (0x14, "CHGADDRATTR", Kind::Address(Change::Changed, &ADDRESS)),
        (0x15, "80211INFO", Kind::Wireless(&WIRELESS)),
        (0x16, "SOURCE", Kind::Route(RouteOp::Source, &ROUTE)),
    ])
}

const fn addrs(size: u16) -> AddrsLayout {
    AddrsLayout { size, header_length: Field::u16(4), addrs: Field::u32(12) }
}

const ROUTE: RouteLayout = RouteLayout {
    addrs: addrs(96),
    index: Field::u16(6),
    flags: Field::u32(16),
    table: Field::u16(8),
    priority: Field::u8(10),
    pid: Field::u32(24),
    seq: Field::u32(28),
    errno: Field::u32(32),
    flag_mask: Field::u32(20),
    uses: Field::NONE,
    parent_flags: Field::NONE,
    inits: Field::u32(36),
    // `struct rt_metrics` begins at 40. A request's MTU and expiry are kept (rtsock.c, `rtm_setmetrics`).
    locks: Field::u32(40 + 16),
    metrics: &[
        MetricField::kept(Metric::Expire, Field::u64(40 + 8), 0x4),
        MetricField::kept(Metric::Mtu, Field::u32(40 + 20), 0x1),
        MetricField::counted(Metric::PacketsSent, Field::u64(40)),
        MetricField::counted(Metric::References, Field::u32(40 + 24)),
        MetricField::forgotten(Metric::HopCount, Field::u32(40 + 28), 0x2),
        MetricField::forgotten(Metric::ReceivePipe, Field::u32(40 + 32), 0x8),
        MetricField::forgotten(Metric::SendPipe, Field::u32(40 + 36), 0x10),
        MetricField::forgotten(Metric::SlowStartThreshold, Field::u32(40 + 40), 0x20),
        MetricField::forgotten(Metric::Rtt, Field::u32(40 + 44), 0x40),
        MetricField::forgotten(Metric::RttVariance, Field::u32(40 + 48), 0x80),
    ],
};

const ADDRESS: AddressLayout = AddressLayout {
    addrs: addrs(24),
    flags: Field::u32(16),
    index: Field::u16(6),
    table: Field::u16(8),
    pid: Field::NONE,
    address_flags: Field::NONE,
    metric: Field::u32(20),
};

// `struct if_data` begins at 24.
const INTERFACE: InterfaceLayout = InterfaceLayout {
    addrs: addrs(168),
    flags: Field::u32(16),
    index: Field::u16(6),
    table: Field::u16(8),
    kind: Field::u8(24),
    link_state: Field::u8(24 + 3),
    address_length: Field::u8(24 + 1),
    header_length: Field::u8(24 + 2),
    mtu: Field::u32(24 + 4),
    metric: Field::u32(24 + 8),
    baud_rate: Field::u64(24 + 16),
};

const INTERFACE_I386: InterfaceLayout = InterfaceLayout { addrs: addrs(160), ..INTERFACE };

// What happened stands before the name.
const ANNOUNCE: AnnounceLayout =
    AnnounceLayout { size: 26, index: Field::u16(6), name: 10, name_length: 16, what: Field::u16(8) };

// `struct if_ieee80211_data` begins at 12.
const WIRELESS: WirelessLayout = WirelessLayout {
    size: 64,
    index: Field::u16(6),
    channel: Field::u8(12),
    network_length: Field::u8(12 + 1),
    network: 12 + 12,
    station: 12 + 44,
};

const HEAD: HeadLayout = HeadLayout { size: 8, index: Field::u16(6) };
