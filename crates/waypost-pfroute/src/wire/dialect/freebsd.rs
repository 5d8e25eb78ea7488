//! FreeBSD 11 to 15: sys/net/route.h, sys/net/if.h, sys/net/if_dl.h.
//!
//! A kernel where a `long` has four bytes has another route header. It is the kernel's width that counts: a 32-bit
//! program on a 64-bit kernel is sent the kernel's own header. The captures come from 13.0 and 14.1 on amd64.

use super::layout::{AddressLayout, AddrsLayout, AnnounceLayout, InterfaceLayout, MetricField, MulticastLayout, RouteLayout};
use super::{
    Carrier, Dialect, DumpSource, Families, FlagBits, Kind, MESSAGE_TYPES, MaskForm, MessageType, OwnRoutes, ReportedMtu,
    ScopeForm, SockaddrForm, SysctlLast, TableSelector, Wants, Written, flag_bits, link_flag_bits, types,
};
use crate::wire::bytes::Field;
use crate::wire::flags::RouteFlags;
use crate::wire::message::{Change, Metric, RouteOp};
use crate::wire::sockaddr::Axis;

/// FreeBSD, 64-bit.
pub static FREEBSD: Dialect = LP64;

/// FreeBSD where a `long` has four bytes: i386, armv7.
pub static FREEBSD_I386: Dialect = Dialect {
    name: "freebsd-i386",
    types: message_types(&ROUTE_ILP32),
    request: &ROUTE_ILP32,
    sockaddrs: SockaddrForm::Length { unit: 4 },
    ..LP64
};

const LP64: Dialect = Dialect {
    name: "freebsd",
    version: 5,
    protocol_family: 17,
    types: message_types(&ROUTE),
    request: &ROUTE,
    axes: &[Axis::Dst, Axis::Gateway, Axis::Netmask, Axis::Genmask, Axis::Ifp, Axis::Ifa, Axis::Author, Axis::Brd],
    sockaddrs: SockaddrForm::Length { unit: 8 },
    families: Families { inet: 2, inet6: 28, link: 18, mpls: None },
    // From a longer one, 13.0 makes a route whose echo it corrupts, by shortening the gateway in place and leaving
    // the rest where the mask should stand.
    link_length: 16,
    flag_bits: FLAGS,
    link_flag_bits: link_flag_bits(0x8000),
    carrier: Carrier::State { down_from: 1, down_to: 1 },
    rtt_units: 1_000_000,
    reported_mtu: ReportedMtu::UnlessFixed,
    own_routes: OwnRoutes { are_static: true, local_lack_done: false },
    scope: ScopeForm::Field,
    on_socket: Written::padded(MaskForm::Full),
    in_sysctl: Written::padded(MaskForm::Full),
    table: TableSelector::Socket,
    dump: DumpSource::Sysctl { routes: 1, by_flags: 2, interfaces: 3, last: SysctlLast::Table },
    wants: Wants {
        up_in_get: false,
        interface_in_get: true,
        interface_twice: false,
        link_gateways: true,
        gateway_in_delete: false,
        compares_gateway: true,
    },
};

const fn message_types(route: &'static RouteLayout) -> [MessageType; MESSAGE_TYPES] {
    types(&[
        (0x1, "ADD", Kind::Route(RouteOp::Add, route)),
        (0x2, "DELETE", Kind::Route(RouteOp::Delete, route)),
        (0x3, "CHANGE", Kind::Route(RouteOp::Change, route)),
        (0x4, "GET", Kind::Route(RouteOp::Get, route)),
        (0x5, "LOSING", Kind::Route(RouteOp::Losing, route)),
        (0x6, "REDIRECT", Kind::Route(RouteOp::Redirect, route)),
        (0x7, "MISS", Kind::Route(RouteOp::Miss, route)),
        (0x8, "LOCK", Kind::Route(RouteOp::Lock, route)),
        (0xb, "RESOLVE", Kind::Route(RouteOp::Resolve, route)),
        (0xc, "NEWADDR", Kind::Address(Change::Added, &ADDRESS)),
        (0xd, "DELADDR", Kind::Address(Change::Removed, &ADDRESS)),
        (0xe, "IFINFO", Kind::Interface(&INTERFACE)),
        (0xf, "NEWMADDR", Kind::Multicast(Change::Added, &MULTICAST)),
        (0x10, "DELMADDR", Kind::Multicast(Change::Removed, &MULTICAST)),
        (0x11, "IFANNOUNCE", Kind::Announce(&ANNOUNCE)),
        (0x12, "IEEE80211", Kind::WirelessEvent(&ANNOUNCE)),
    ])
}

const FLAGS: FlagBits = flag_bits(&[
    (0x1, "UP", RouteFlags::UP),
    (0x2, "GATEWAY", RouteFlags::GATEWAY),
    (0x4, "HOST", RouteFlags::HOST),
    (0x8, "REJECT", RouteFlags::REJECT),
    (0x10, "DYNAMIC", RouteFlags::DYNAMIC),
    (0x20, "MODIFIED", RouteFlags::MODIFIED),
    (0x40, "DONE", RouteFlags::DONE),
    (0x200, "XRESOLVE", RouteFlags::XRESOLVE),
    (0x400, "LLINFO", RouteFlags::LINK_LAYER),
    (0x800, "STATIC", RouteFlags::STATIC),
    (0x1000, "BLACKHOLE", RouteFlags::BLACKHOLE),
    (0x4000, "PROTO2", RouteFlags::PROTO2),
    (0x8000, "PROTO1", RouteFlags::PROTO1),
    (0x4_0000, "PROTO3", RouteFlags::PROTO3),
    (0x8_0000, "FIXEDMTU", RouteFlags::FIXED_MTU),
    (0x10_0000, "PINNED", RouteFlags::PINNED),
    (0x20_0000, "LOCAL", RouteFlags::LOCAL),
    (0x40_0000, "BROADCAST", RouteFlags::BROADCAST),
    (0x80_0000, "MULTICAST", RouteFlags::MULTICAST),
    (0x1000_0000, "STICKY", RouteFlags::STICKY),
    (0x4000_0000, "RNH_LOCKED", RouteFlags::empty()),
    (0x8000_0000, "GWFLAG_COMPAT", RouteFlags::empty()),
]);

const ROUTE: RouteLayout = RouteLayout {
    addrs: AddrsLayout { size: 152, header_length: Field::NONE, addrs: Field::u32(12) },
    index: Field::u16(4),
    flags: Field::u32(8),
    table: Field::NONE,
    priority: Field::NONE,
    pid: Field::u32(16),
    seq: Field::u32(20),
    errno: Field::u32(24),
    flag_mask: Field::u32(28),
    uses: Field::NONE,
    parent_flags: Field::NONE,
    inits: Field::u64(32),
    // `struct rt_metrics` begins at 40, with the locks.
    locks: Field::u64(40),
    // 13.0 keeps MTU, expiry and weight; its echo of a request shows the others, a lookup afterwards does not.
    metrics: &[
        MetricField::kept(Metric::Mtu, Field::u64(48), 0x1),
        MetricField::kept(Metric::Expire, Field::u64(64), 0x4),
        MetricField::kept(Metric::Weight, Field::u64(120), 0x100),
        MetricField::forgotten(Metric::HopCount, Field::u64(56), 0x2),
        MetricField::forgotten(Metric::ReceivePipe, Field::u64(72), 0x8),
        MetricField::forgotten(Metric::SendPipe, Field::u64(80), 0x10),
        MetricField::forgotten(Metric::SlowStartThreshold, Field::u64(88), 0x20),
        MetricField::forgotten(Metric::Rtt, Field::u64(96), 0x40),
        MetricField::forgotten(Metric::RttVariance, Field::u64(104), 0x80),
        MetricField::counted(Metric::PacketsSent, Field::u64(112)),
        MetricField::counted(Metric::NextHopIndex, Field::u64(128)),
    ],
};

const ROUTE_ILP32: RouteLayout = RouteLayout {
    addrs: AddrsLayout { size: 92, ..ROUTE.addrs },
    inits: Field::u32(32),
    locks: Field::u32(36),
    metrics: &[
        MetricField::kept(Metric::Mtu, Field::u32(40), 0x1),
        MetricField::kept(Metric::Expire, Field::u32(48), 0x4),
        MetricField::kept(Metric::Weight, Field::u32(76), 0x100),
        MetricField::forgotten(Metric::HopCount, Field::u32(44), 0x2),
        MetricField::forgotten(Metric::ReceivePipe, Field::u32(52), 0x8),
        MetricField::forgotten(Metric::SendPipe, Field::u32(56), 0x10),
        MetricField::forgotten(Metric::SlowStartThreshold, Field::u32(60), 0x20),
        MetricField::forgotten(Metric::Rtt, Field::u32(64), 0x40),
        MetricField::forgotten(Metric::RttVariance, Field::u32(68), 0x80),
        MetricField::counted(Metric::PacketsSent, Field::u32(72)),
        MetricField::counted(Metric::NextHopIndex, Field::u32(80)),
    ],
    ..ROUTE
};

// `struct ifa_msghdr` has 20 bytes, so that the first sockaddr stands at no multiple of the unit.
const ADDRESS: AddressLayout = AddressLayout {
    addrs: AddrsLayout { size: 20, header_length: Field::NONE, addrs: Field::u32(4) },
    flags: Field::u32(8),
    index: Field::u16(12),
    table: Field::NONE,
    pid: Field::NONE,
    address_flags: Field::NONE,
    metric: Field::u32(16),
};

const MULTICAST: MulticastLayout = MulticastLayout {
    addrs: AddrsLayout { size: 16, header_length: Field::NONE, addrs: Field::u32(4) },
    flags: Field::u32(8),
    index: Field::u16(12),
    references: Field::NONE,
};

// `struct if_data` begins at 16 and has been the same on every machine since FreeBSD 11.
const INTERFACE: InterfaceLayout = InterfaceLayout {
    addrs: AddrsLayout { size: 168, header_length: Field::NONE, addrs: Field::u32(4) },
    flags: Field::u32(8),
    index: Field::u16(12),
    table: Field::NONE,
    kind: Field::u8(16),
    link_state: Field::u8(16 + 4),
    address_length: Field::u8(16 + 2),
    header_length: Field::u8(16 + 3),
    mtu: Field::u32(16 + 8),
    metric: Field::u32(16 + 12),
    baud_rate: Field::u64(16 + 16),
};

const ANNOUNCE: AnnounceLayout =
    AnnounceLayout { size: 24, index: Field::u16(4), name: 6, name_length: 16, what: Field::u16(22) };
