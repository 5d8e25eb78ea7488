//! macOS and iOS: xnu bsd/net/route.h, route_private.h, if.h, if_var.h and rtsock.c of 2025-05.
//!
//! No header has a `long`, so that all machines write the same. Nobody tells when an interface comes: its first
//! state does. The captures come from 14.5 on x86_64.

use super::layout::{AddressLayout, AddrsLayout, InterfaceLayout, MetricField, MulticastLayout, RouteLayout};
use super::{
    Carrier, Dialect, DumpSource, Families, Kind, MaskForm, OwnRoutes, ReportedMtu, ScopeForm, SockaddrForm, SysctlLast,
    TableSelector, Wants, Written, flag_bits, link_flag_bits, types,
};
use crate::wire::bytes::Field;
use crate::wire::flags::RouteFlags;
use crate::wire::message::{Change, Metric, RouteOp};
use crate::wire::sockaddr::Axis;

/// macOS and iOS.
pub static MACOS: Dialect = Dialect {
    name: "macos",
    version: 5,
    protocol_family: 17,
    types: types(&[
        (0x1, "ADD", Kind::Route(RouteOp::Add, &ROUTE)),
        (0x2, "DELETE", Kind::Route(RouteOp::Delete, &ROUTE)),
        (0x3, "CHANGE", Kind::Route(RouteOp::Change, &ROUTE)),
        (0x4, "GET", Kind::Route(RouteOp::Get, &ROUTE)),
        (0x5, "LOSING", Kind::Route(RouteOp::Losing, &ROUTE)),
        (0x6, "REDIRECT", Kind::Route(RouteOp::Redirect, &ROUTE)),
        (0x7, "MISS", Kind::Route(RouteOp::Miss, &ROUTE)),
        (0x8, "LOCK", Kind::Route(RouteOp::Lock, &ROUTE)),
        (0x9, "OLDADD", Kind::Route(RouteOp::OldAdd, &ROUTE)),
        (0xa, "OLDDEL", Kind::Route(RouteOp::OldDelete, &ROUTE)),
        (0xb, "RESOLVE", Kind::Route(RouteOp::Resolve, &ROUTE)),
        (0xc, "NEWADDR", Kind::Address(Change::Added, &ADDRESS)),
        (0xd, "DELADDR", Kind::Address(Change::Removed, &ADDRESS)),
        (0xe, "IFINFO", Kind::Interface(&INTERFACE)),
        (0xf, "NEWMADDR", Kind::Multicast(Change::Added, &MULTICAST)),
        (0x10, "DELMADDR", Kind::Multicast(Change::Removed, &MULTICAST)),
        (0x11, "GET_SILENT", Kind::Route(RouteOp::GetSilently, &ROUTE)),
        (0x12, "IFINFO2", Kind::Interface(&INTERFACE2)),
        (0x13, "NEWMADDR2", Kind::Multicast(Change::Added, &MULTICAST2)),
        (0x14, "GET2", Kind::Route(RouteOp::Get2, &ROUTE2)),
        (0x15, "GET_EXT", Kind::Route(RouteOp::GetExtended, &ROUTE_EXTENDED)),
    ]),
    request: &ROUTE,
    axes: &[Axis::Dst, Axis::Gateway, Axis::Netmask, Axis::Genmask, Axis::Ifp, Axis::Ifa, Axis::Author, Axis::Brd],
    sockaddrs: SockaddrForm::Length { unit: 4 },
    families: Families { inet: 2, inet6: 30, link: 18, mpls: None },
    link_length: 20,
    flag_bits: flag_bits(&[
        (0x1, "UP", RouteFlags::UP),
        (0x2, "GATEWAY", RouteFlags::GATEWAY),
        (0x4, "HOST", RouteFlags::HOST),
        (0x8, "REJECT", RouteFlags::REJECT),
        (0x10, "DYNAMIC", RouteFlags::DYNAMIC),
        (0x20, "MODIFIED", RouteFlags::MODIFIED),
        (0x40, "DONE", RouteFlags::DONE),
        (0x80, "DELCLONE", RouteFlags::empty()),
        (0x100, "CLONING", RouteFlags::CLONING),
        (0x200, "XRESOLVE", RouteFlags::XRESOLVE),
        (0x400, "LLINFO", RouteFlags::LINK_LAYER),
        (0x800, "STATIC", RouteFlags::STATIC),
        (0x1000, "BLACKHOLE", RouteFlags::BLACKHOLE),
        (0x2000, "NOIFREF", RouteFlags::empty()),
        (0x4000, "PROTO2", RouteFlags::PROTO2),
        (0x8000, "PROTO1", RouteFlags::PROTO1),
        (0x1_0000, "PRCLONING", RouteFlags::empty()),
        (0x2_0000, "WASCLONED", RouteFlags::CLONED),
        (0x4_0000, "PROTO3", RouteFlags::PROTO3),
        (0x10_0000, "PINNED", RouteFlags::PINNED),
        (0x20_0000, "LOCAL", RouteFlags::LOCAL),
        (0x40_0000, "BROADCAST", RouteFlags::BROADCAST),
        (0x80_0000, "MULTICAST", RouteFlags::MULTICAST),
        (0x100_0000, "IFSCOPE", RouteFlags::INTERFACE_SCOPE),
        (0x200_0000, "CONDEMNED", RouteFlags::empty()),
        (0x400_0000, "IFREF", RouteFlags::empty()),
        (0x800_0000, "PROXY", RouteFlags::empty()),
        (0x1000_0000, "ROUTER", RouteFlags::empty()),
        (0x2000_0000, "DEAD", RouteFlags::empty()),
        (0x4000_0000, "GLOBAL", RouteFlags::empty()),
    ]),
    link_flag_bits: link_flag_bits(0x8000),
    carrier: Carrier::Nothing,
    rtt_units: 1_000_000,
    reported_mtu: ReportedMtu::UnlessLocked,
    own_routes: OwnRoutes { are_static: true, local_lack_done: false },
    scope: ScopeForm::Embedded,
    // rtsock.c: `rt_msg1` makes the first, `rt_msg2` the second.
    on_socket: Written { pads_last: false, inet_mask: MaskForm::Trimmed, inet6_mask: MaskForm::Full },
    in_sysctl: Written::padded(MaskForm::Trimmed),
    table: TableSelector::Interface,
    // NET_RT_DUMP2, which counts who holds a route, and NET_RT_IFLIST2, whose counters are 64 bits wide.
    dump: DumpSource::Sysctl { routes: 7, by_flags: 2, interfaces: 6, last: SysctlLast::Nothing },
    wants: Wants {
        up_in_get: false,
        interface_in_get: true,
        interface_twice: false,
        link_gateways: true,
        gateway_in_delete: false,
        compares_gateway: false,
    },
};

const ROUTE: RouteLayout = RouteLayout {
    addrs: AddrsLayout { size: 92, header_length: Field::NONE, addrs: Field::u32(12) },
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
    inits: Field::u32(32),
    // `struct rt_metrics` begins at 36, with the locks.
    locks: Field::u32(36),
    metrics: &[
        MetricField::kept(Metric::Mtu, Field::u32(40), 0x1),
        MetricField::kept(Metric::HopCount, Field::u32(44), 0x2),
        MetricField::kept(Metric::Expire, Field::u32(48), 0x4),
        MetricField::kept(Metric::ReceivePipe, Field::u32(52), 0x8),
        MetricField::kept(Metric::SendPipe, Field::u32(56), 0x10),
        MetricField::kept(Metric::SlowStartThreshold, Field::u32(60), 0x20),
        MetricField::kept(Metric::Rtt, Field::u32(64), 0x40),
        MetricField::kept(Metric::RttVariance, Field::u32(68), 0x80),
        MetricField::counted(Metric::PacketsSent, Field::u32(72)),
    ],
};

// `struct rt_msghdr2` counts who holds the route where `struct rt_msghdr` says who asked.
const ROUTE2: RouteLayout = RouteLayout {
    pid: Field::NONE,
    seq: Field::NONE,
    errno: Field::NONE,
    parent_flags: Field::u32(20),
    metrics: &[
        MetricField::kept(Metric::Mtu, Field::u32(40), 0x1),
        MetricField::kept(Metric::HopCount, Field::u32(44), 0x2),
        MetricField::kept(Metric::Expire, Field::u32(48), 0x4),
        MetricField::kept(Metric::ReceivePipe, Field::u32(52), 0x8),
        MetricField::kept(Metric::SendPipe, Field::u32(56), 0x10),
        MetricField::kept(Metric::SlowStartThreshold, Field::u32(60), 0x20),
        MetricField::kept(Metric::Rtt, Field::u32(64), 0x40),
        MetricField::kept(Metric::RttVariance, Field::u32(68), 0x80),
        MetricField::counted(Metric::PacketsSent, Field::u32(72)),
        MetricField::counted(Metric::References, Field::u32(16)),
    ],
    ..ROUTE
};

// `struct rt_msghdr_ext`, 64-bit: the index has four bytes, and what is known of the neighbour stands behind the
// metrics.
const ROUTE_EXTENDED: RouteLayout = RouteLayout {
    addrs: AddrsLayout { size: 136, header_length: Field::NONE, addrs: Field::u32(16) },
    index: Field::u32(4),
    pid: Field::u32(20),
    seq: Field::u32(24),
    errno: Field::u32(28),
    uses: Field::u32(32),
    inits: Field::u32(36),
    locks: Field::u32(40),
    metrics: &[
        MetricField::kept(Metric::Mtu, Field::u32(44), 0x1),
        MetricField::kept(Metric::HopCount, Field::u32(48), 0x2),
        MetricField::kept(Metric::Expire, Field::u32(52), 0x4),
        MetricField::kept(Metric::ReceivePipe, Field::u32(56), 0x8),
        MetricField::kept(Metric::SendPipe, Field::u32(60), 0x10),
        MetricField::kept(Metric::SlowStartThreshold, Field::u32(64), 0x20),
        MetricField::kept(Metric::Rtt, Field::u32(68), 0x40),
        MetricField::kept(Metric::RttVariance, Field::u32(72), 0x80),
        MetricField::counted(Metric::PacketsSent, Field::u32(76)),
    ],
    ..ROUTE
};

const fn addrs(size: u16) -> AddrsLayout {
    AddrsLayout { size, header_length: Field::NONE, addrs: Field::u32(4) }
}

const ADDRESS: AddressLayout = AddressLayout {
    addrs: addrs(20),
    flags: Field::u32(8),
    index: Field::u16(12),
    table: Field::NONE,
    pid: Field::NONE,
    address_flags: Field::NONE,
    metric: Field::u32(16),
};

const MULTICAST: MulticastLayout =
    MulticastLayout { addrs: addrs(16), flags: Field::u32(8), index: Field::u16(12), references: Field::NONE };

const MULTICAST2: MulticastLayout =
    MulticastLayout { addrs: addrs(20), flags: Field::u32(8), index: Field::u16(12), references: Field::u32(16) };

// `struct if_data` begins at 16; it has no state of the link.
const INTERFACE: InterfaceLayout = InterfaceLayout {
    addrs: addrs(112),
    flags: Field::u32(8),
    index: Field::u16(12),
    table: Field::NONE,
    kind: Field::u8(16),
    link_state: Field::NONE,
    address_length: Field::u8(16 + 3),
    header_length: Field::u8(16 + 4),
    mtu: Field::u32(16 + 8),
    metric: Field::u32(16 + 12),
    baud_rate: Field::u32(16 + 16),
};

// `struct if_data64` begins at 32.
const INTERFACE2: InterfaceLayout = InterfaceLayout {
    addrs: addrs(160),
    kind: Field::u8(32),
    address_length: Field::u8(32 + 3),
    header_length: Field::u8(32 + 4),
    mtu: Field::u32(32 + 8),
    metric: Field::u32(32 + 12),
    baud_rate: Field::u64(32 + 16),
    ..INTERFACE
};
