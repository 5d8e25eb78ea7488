//! DragonFly 6, with messages of version 7 (from 5.7.5) and of version 6 before: sys/net/route.h, sys/net/if.h.
//!
//! On amd64 alone. What version 7 changed comes from programs that read it, not from its header.

use super::layout::{AddressLayout, AddrsLayout, AnnounceLayout, InterfaceLayout, MetricField, MulticastLayout, RouteLayout};
use super::{
    Carrier, Dialect, DumpSource, Families, Kind, MESSAGE_TYPES, MaskForm, MessageType, OwnRoutes, ReportedMtu, ScopeForm,
    SockaddrForm, SysctlLast, TableSelector, Wants, Written, flag_bits, link_flag_bits, types,
};
use crate::wire::bytes::Field;
use crate::wire::flags::RouteFlags;
use crate::wire::message::{Change, Metric, RouteOp};
use crate::wire::sockaddr::Axis;

/// DragonFly with messages of version 7.
pub static DRAGONFLY: Dialect = SEVEN;

/// DragonFly with messages of version 6.
pub static DRAGONFLY6: Dialect =
    Dialect { name: "dragonfly6", version: 6, types: message_types(&ADDRESS_6, &INTERFACE_6, &MULTICAST_6), ..SEVEN };

const SEVEN: Dialect = Dialect {
    name: "dragonfly",
    version: 7,
    protocol_family: 17,
    types: message_types(&ADDRESS, &INTERFACE, &MULTICAST),
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
        Axis::Mpls1,
        Axis::Mpls2,
        Axis::Mpls3,
    ],
    sockaddrs: SockaddrForm::Length { unit: 8 },
    families: Families { inet: 2, inet6: 28, link: 18, mpls: Some(34) },
    link_length: 54,
    flag_bits: flag_bits(&[
        (0x1, "UP", RouteFlags::UP),
        (0x2, "GATEWAY", RouteFlags::GATEWAY),
        (0x4, "HOST", RouteFlags::HOST),
        (0x8, "REJECT", RouteFlags::REJECT),
        (0x10, "DYNAMIC", RouteFlags::DYNAMIC),
        (0x20, "MODIFIED", RouteFlags::MODIFIED),
        (0x40, "DONE", RouteFlags::DONE),
        (0x100, "CLONING", RouteFlags::CLONING),
        (0x200, "XRESOLVE", RouteFlags::XRESOLVE),
        (0x400, "LLINFO", RouteFlags::LINK_LAYER),
        (0x800, "STATIC", RouteFlags::STATIC),
        (0x1000, "BLACKHOLE", RouteFlags::BLACKHOLE),
        (0x4000, "PROTO2", RouteFlags::PROTO2),
        (0x8000, "PROTO1", RouteFlags::PROTO1),
        (0x1_0000, "PRCLONING", RouteFlags::empty()),
        (0x2_0000, "WASCLONED", RouteFlags::CLONED),
        (0x4_0000, "PROTO3", RouteFlags::PROTO3),
        (0x10_0000, "PINNED", RouteFlags::PINNED),
        (0x20_0000, "LOCAL", RouteFlags::LOCAL),
        (0x40_0000, "BROADCAST", RouteFlags::BROADCAST),
        (0x80_0000, "MULTICAST", RouteFlags::MULTICAST),
        (0x100_0000, "MPLSOPS", RouteFlags::empty()),
    ]),
    link_flag_bits: link_flag_bits(0x8000),
    carrier: Carrier::State { down_from: 1, down_to: 1 },
    rtt_units: 1_000_000,
    reported_mtu: ReportedMtu::Own,
    own_routes: OwnRoutes { are_static: false, local_lack_done: false },
    scope: ScopeForm::Embedded,
    on_socket: Written::padded(MaskForm::Trimmed),
    in_sysctl: Written::padded(MaskForm::Trimmed),
    table: TableSelector::None,
    dump: DumpSource::Sysctl { routes: 1, by_flags: 2, interfaces: 3, last: SysctlLast::Processor },
    wants: Wants {
        up_in_get: false,
        interface_in_get: true,
        interface_twice: false,
        link_gateways: true,
        gateway_in_delete: false,
        compares_gateway: false,
    },
};

const fn message_types(
    address: &'static AddressLayout,
    interface: &'static InterfaceLayout,
    multicast: &'static MulticastLayout,
) -> [MessageType; MESSAGE_TYPES] {
    types(&[
        (0x1, "ADD", Kind::Route(RouteOp::Add, &ROUTE)),
        (0x2, "DELETE", Kind::Route(RouteOp::Delete, &ROUTE)),
        (0x3, "CHANGE", Kind::Route(RouteOp::Change, &ROUTE)),
        (0x4, "GET", Kind::Route(RouteOp::Get, &ROUTE)),
        (0x5, "LOSING", Kind::Route(RouteOp::Losing, &ROUTE)),
        (0x6, "REDIRECT", Kind::Route(RouteOp::Redirect, &ROUTE)),
        (0x7, "MISS", Kind::Route(RouteOp::Miss, &ROUTE)),
        (0x8, "LOCK", Kind::Route(RouteOp::Lock, &ROUTE)),
        (0xb, "RESOLVE", Kind::Route(RouteOp::Resolve, &ROUTE)),
        (0xc, "NEWADDR", Kind::Address(Change::Added, address)),
        (0xd, "DELADDR", Kind::Address(Change::Removed, address)),
        (0xe, "IFINFO", Kind::Interface(interface)),
        (0xf, "NEWMADDR", Kind::Multicast(Change::Added, multicast)),
        (0x10, "DELMADDR", Kind::Multicast(Change::Removed, multicast)),
        (0x11, "IFANNOUNCE", Kind::Announce(&ANNOUNCE)),
        (0x12, "IEEE80211", Kind::WirelessEvent(&ANNOUNCE)),
    ])
}

const ROUTE: RouteLayout = RouteLayout {
    addrs: AddrsLayout { size: 152, header_length: Field::NONE, addrs: Field::u32(12) },
    index: Field::u16(4),
    flags: Field::u32(8),
    table: Field::NONE,
    priority: Field::NONE,
    pid: Field::u32(16),
    seq: Field::u32(20),
    errno: Field::u32(24),
    flag_mask: Field::NONE,
    uses: Field::u32(28),
    parent_flags: Field::NONE,
    inits: Field::u64(32),
    // `struct rt_metrics` begins at 40, with the locks.
    locks: Field::u64(40),
    metrics: &[
        MetricField::kept(Metric::Mtu, Field::u64(48), 0x1),
        MetricField::kept(Metric::Expire, Field::u64(64), 0x4),
        MetricField::kept(Metric::SendPipe, Field::u64(72), 0x10),
        MetricField::kept(Metric::SlowStartThreshold, Field::u64(80), 0x20),
        MetricField::kept(Metric::Rtt, Field::u64(88), 0x40),
        MetricField::kept(Metric::RttVariance, Field::u64(96), 0x80),
        MetricField::kept(Metric::ReceivePipe, Field::u64(104), 0x8),
        MetricField::kept(Metric::HopCount, Field::u64(112), 0x2),
        MetricField::kept(Metric::SegmentLife, Field::u64(128), 0x100),
        MetricField::kept(Metric::InitialWindow, Field::u64(136), 0x200),
        MetricField::kept(Metric::InitialWindowCap, Field::u64(144), 0x400),
        MetricField::counted(Metric::PacketsSent, Field::u64(56)),
        MetricField::counted(Metric::SegmentSize, Field::u16(120)),
    ],
};

const fn addrs(size: u16, addrs: Field) -> AddrsLayout {
    AddrsLayout { size, header_length: Field::NONE, addrs }
}

const ADDRESS: AddressLayout = AddressLayout {
    addrs: addrs(24, Field::u32(12)),
    flags: Field::u32(8),
    index: Field::u16(4),
    table: Field::NONE,
    pid: Field::NONE,
    address_flags: Field::u32(16),
    metric: Field::u32(20),
};

const ADDRESS_6: AddressLayout = AddressLayout {
    addrs: addrs(20, Field::u32(4)),
    flags: Field::u32(8),
    index: Field::u16(12),
    table: Field::NONE,
    pid: Field::NONE,
    address_flags: Field::NONE,
    metric: Field::u32(16),
};

const MULTICAST: MulticastLayout =
    MulticastLayout { addrs: addrs(16, Field::u32(12)), flags: Field::u32(8), index: Field::u16(4), references: Field::NONE };

const MULTICAST_6: MulticastLayout =
    MulticastLayout { addrs: addrs(16, Field::u32(4)), flags: Field::u32(8), index: Field::u16(12), references: Field::NONE };

// `struct if_data` begins at 16, in either version.
const INTERFACE: InterfaceLayout = InterfaceLayout {
    addrs: addrs(176, Field::u32(12)),
    flags: Field::u32(8),
    index: Field::u16(4),
    table: Field::NONE,
    kind: Field::u8(16),
    link_state: Field::u64(16 + 24),
    address_length: Field::u8(16 + 2),
    header_length: Field::u8(16 + 3),
    mtu: Field::u64(16 + 8),
    metric: Field::u64(16 + 16),
    baud_rate: Field::u64(16 + 32),
};

const INTERFACE_6: InterfaceLayout = InterfaceLayout { addrs: addrs(176, Field::u32(4)), index: Field::u16(12), ..INTERFACE };

const ANNOUNCE: AnnounceLayout =
    AnnounceLayout { size: 24, index: Field::u16(4), name: 6, name_length: 16, what: Field::u16(22) };
