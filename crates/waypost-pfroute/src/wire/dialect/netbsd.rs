//! NetBSD 8 and later, and the older layout of 7: sys/net/route.h, sys/net/if.h, sys/net/if_dl.h.
//!
//! All numbers that a `long` could have have been made eight bytes wide, so that 32-bit machines write the same. The
//! captures come from 7.99.34 and 10.0 on amd64.

use super::layout::{AddressLayout, AddrsLayout, AnnounceLayout, InterfaceLayout, MetricField, RouteLayout};
use super::{
    Carrier, Dialect, DumpSource, Families, Kind, MaskForm, OwnRoutes, ReportedMtu, ScopeForm, SockaddrForm, SysctlLast,
    TableSelector, Wants, Written, flag_bits, link_flag_bits, types,
};
use crate::wire::bytes::Field;
use crate::wire::flags::RouteFlags;
use crate::wire::message::{Change, Metric, RouteOp};
use crate::wire::sockaddr::Axis;

/// NetBSD 8 and later.
pub static NETBSD: Dialect = EIGHT;

const EIGHT: Dialect = Dialect {
    name: "netbsd",
    version: 4,
    // 17 is the domain of programs that were built for older kernels, with their layouts.
    protocol_family: 34,
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
        (0xc, "ONEWADDR", Kind::Address(Change::Added, &ADDRESS_7)),
        (0xd, "ODELADDR", Kind::Address(Change::Removed, &ADDRESS_7)),
        (0xe, "OOIFINFO", Kind::Interface(&OLD_INTERFACE)),
        (0xf, "OIFINFO", Kind::Interface(&OLD_INTERFACE)),
        (0x10, "IFANNOUNCE", Kind::Announce(&ANNOUNCE)),
        (0x11, "IEEE80211", Kind::WirelessEvent(&ANNOUNCE)),
        (0x12, "SETGATE", Kind::Route(RouteOp::SetGateway, &ROUTE)),
        (0x13, "LLINFO_UPD", Kind::Route(RouteOp::LinkLayerUpdate, &ROUTE)),
        (0x14, "IFINFO", Kind::Interface(&INTERFACE)),
        (0x15, "OCHGADDR", Kind::Address(Change::Changed, &ADDRESS_7)),
        (0x16, "NEWADDR", Kind::Address(Change::Added, &ADDRESS)),
        (0x17, "DELADDR", Kind::Address(Change::Removed, &ADDRESS)),
        (0x18, "CHGADDR", Kind::Address(Change::Changed, &ADDRESS)),
    ]),
    request: &ROUTE,
    axes: &[Axis::Dst, Axis::Gateway, Axis::Netmask, Axis::Genmask, Axis::Ifp, Axis::Ifa, Axis::Author, Axis::Brd, Axis::Tag],
    sockaddrs: SockaddrForm::Length { unit: 8 },
    families: Families { inet: 2, inet6: 24, link: 18, mpls: Some(33) },
    link_length: 20,
    flag_bits: flag_bits(&[
        (0x1, "UP", RouteFlags::UP),
        (0x2, "GATEWAY", RouteFlags::GATEWAY),
        (0x4, "HOST", RouteFlags::HOST),
        (0x8, "REJECT", RouteFlags::REJECT),
        (0x10, "DYNAMIC", RouteFlags::DYNAMIC),
        (0x20, "MODIFIED", RouteFlags::MODIFIED),
        (0x40, "DONE", RouteFlags::DONE),
        (0x80, "MASK", RouteFlags::empty()),
        (0x100, "CONNECTED", RouteFlags::CONNECTED),
        (0x400, "LLDATA", RouteFlags::LINK_LAYER),
        (0x800, "STATIC", RouteFlags::STATIC),
        (0x1000, "BLACKHOLE", RouteFlags::BLACKHOLE),
        (0x2000, "CLONED", RouteFlags::CLONED),
        (0x4000, "PROTO2", RouteFlags::PROTO2),
        (0x8000, "PROTO1", RouteFlags::PROTO1),
        (0x1_0000, "SRC", RouteFlags::empty()),
        (0x2_0000, "ANNOUNCE", RouteFlags::empty()),
        (0x4_0000, "LOCAL", RouteFlags::LOCAL),
        (0x8_0000, "BROADCAST", RouteFlags::BROADCAST),
        (0x10_0000, "UPDATING", RouteFlags::empty()),
        (0x20_0000, "DONTCHANGEIFA", RouteFlags::empty()),
    ]),
    link_flag_bits: link_flag_bits(0x8000),
    carrier: Carrier::State { down_from: 1, down_to: 1 },
    rtt_units: 1_000_000,
    reported_mtu: ReportedMtu::Own,
    own_routes: OwnRoutes { are_static: false, local_lack_done: true },
    scope: ScopeForm::Embedded,
    on_socket: Written::padded(MaskForm::Trimmed),
    in_sysctl: Written::padded(MaskForm::Trimmed),
    table: TableSelector::None,
    dump: DumpSource::Sysctl { routes: 1, by_flags: 2, interfaces: 6, last: SysctlLast::Nothing },
    wants: Wants {
        up_in_get: true,
        interface_in_get: true,
        interface_twice: false,
        link_gateways: true,
        gateway_in_delete: false,
        compares_gateway: false,
    },
};

/// NetBSD 7, and 7.99 before addresses had flags of their own.
pub static NETBSD7: Dialect = Dialect {
    name: "netbsd7",
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
        (0xc, "NEWADDR", Kind::Address(Change::Added, &ADDRESS_7)),
        (0xd, "DELADDR", Kind::Address(Change::Removed, &ADDRESS_7)),
        (0xe, "OOIFINFO", Kind::Interface(&OLD_INTERFACE)),
        (0xf, "OIFINFO", Kind::Interface(&OLD_INTERFACE)),
        (0x10, "IFANNOUNCE", Kind::Announce(&ANNOUNCE)),
        (0x11, "IEEE80211", Kind::WirelessEvent(&ANNOUNCE)),
        (0x12, "SETGATE", Kind::Route(RouteOp::SetGateway, &ROUTE)),
        (0x13, "LLINFO_UPD", Kind::Route(RouteOp::LinkLayerUpdate, &ROUTE)),
        (0x14, "IFINFO", Kind::Interface(&INTERFACE)),
        (0x15, "CHGADDR", Kind::Address(Change::Changed, &ADDRESS_7)),
    ]),
    dump: DumpSource::Sysctl { routes: 1, by_flags: 2, interfaces: 5, last: SysctlLast::Nothing },
    ..EIGHT
};

const ROUTE: RouteLayout = RouteLayout {
    addrs: AddrsLayout { size: 120, header_length: Field::NONE, addrs: Field::u32(12) },
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
    // `struct rt_metrics` begins at 40, with the locks; expiry stands last but one, unlike everywhere else.
    locks: Field::u64(40),
    metrics: &[
        MetricField::kept(Metric::Mtu, Field::u64(48), 0x1),
        MetricField::kept(Metric::HopCount, Field::u64(56), 0x2),
        MetricField::kept(Metric::ReceivePipe, Field::u64(64), 0x8),
        MetricField::kept(Metric::SendPipe, Field::u64(72), 0x10),
        MetricField::kept(Metric::SlowStartThreshold, Field::u64(80), 0x20),
        MetricField::kept(Metric::Rtt, Field::u64(88), 0x40),
        MetricField::kept(Metric::RttVariance, Field::u64(96), 0x80),
        MetricField::kept(Metric::Expire, Field::u64(104), 0x4),
        MetricField::counted(Metric::PacketsSent, Field::u64(112)),
    ],
};

const ADDRESS: AddressLayout = AddressLayout {
    addrs: AddrsLayout { size: 32, header_length: Field::NONE, addrs: Field::u32(12) },
    flags: Field::u32(8),
    index: Field::u16(4),
    table: Field::NONE,
    pid: Field::u32(16),
    address_flags: Field::u32(20),
    metric: Field::u32(24),
};

// The metric stands before the index: `layout.json` of 7.99.34, made by a C compiler from that kernel's own headers.
const ADDRESS_7: AddressLayout = AddressLayout {
    addrs: AddrsLayout { size: 24, header_length: Field::NONE, addrs: Field::u32(4) },
    flags: Field::u32(8),
    index: Field::u16(16),
    table: Field::NONE,
    pid: Field::NONE,
    address_flags: Field::NONE,
    metric: Field::u32(12),
};

// `struct if_data` begins at 16.
const INTERFACE: InterfaceLayout = InterfaceLayout {
    addrs: AddrsLayout { size: 152, header_length: Field::NONE, addrs: Field::u32(4) },
    flags: Field::u32(8),
    index: Field::u16(12),
    table: Field::NONE,
    kind: Field::u8(16),
    link_state: Field::u32(16 + 4),
    address_length: Field::u8(16 + 1),
    header_length: Field::u8(16 + 2),
    mtu: Field::u64(16 + 8),
    metric: Field::u64(16 + 16),
    baud_rate: Field::u64(16 + 24),
};

// For programs of older kernels alone. What their `struct if_data` has is not read, nor what stands behind it.
const OLD_INTERFACE: InterfaceLayout = InterfaceLayout {
    addrs: AddrsLayout { size: 16, header_length: Field::NONE, addrs: Field::NONE },
    flags: Field::u32(8),
    index: Field::u16(12),
    table: Field::NONE,
    kind: Field::NONE,
    link_state: Field::NONE,
    address_length: Field::NONE,
    header_length: Field::NONE,
    mtu: Field::NONE,
    metric: Field::NONE,
    baud_rate: Field::NONE,
};

const ANNOUNCE: AnnounceLayout =
    AnnounceLayout { size: 24, index: Field::u16(4), name: 6, name_length: 16, what: Field::u16(22) };
