//! illumos, and Solaris as far as they agree: uts/common/net/route.h, net/if.h, inet/ip/ip_rts.c.
//!
//! No sockaddr says its length. There is no routing sysctl: see [`DumpSource::Mib2`].

use super::layout::{AddressLayout, AddrsLayout, InterfaceLayout, MetricField, RouteLayout};
use super::{
    Carrier, Dialect, DumpSource, Families, Kind, MaskForm, OwnRoutes, ReportedMtu, ScopeForm, SockaddrForm, TableSelector,
    Wants, Written, flag_bits, link_flag_bits, types,
};
use crate::wire::bytes::Field;
use crate::wire::flags::RouteFlags;
use crate::wire::message::{Change, Metric, RouteOp};
use crate::wire::sockaddr::Axis;

/// illumos and Solaris.
pub static ILLUMOS: Dialect = Dialect {
    name: "illumos",
    version: 3,
    protocol_family: 24,
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
        (0xf, "CHGADDR", Kind::Address(Change::Changed, &ADDRESS)),
        (0x10, "FREEADDR", Kind::Address(Change::Freed, &ADDRESS)),
    ]),
    request: &ROUTE,
    axes: &[Axis::Dst, Axis::Gateway, Axis::Netmask, Axis::Genmask, Axis::Ifp, Axis::Ifa, Axis::Author, Axis::Brd, Axis::Src],
    sockaddrs: SockaddrForm::Family,
    families: Families { inet: 2, inet6: 26, link: 25, mpls: None },
    link_length: 252,
    flag_bits: flag_bits(&[
        (0x1, "UP", RouteFlags::UP),
        (0x2, "GATEWAY", RouteFlags::GATEWAY),
        (0x4, "HOST", RouteFlags::HOST),
        (0x8, "REJECT", RouteFlags::REJECT),
        (0x10, "DYNAMIC", RouteFlags::DYNAMIC),
        (0x20, "MODIFIED", RouteFlags::MODIFIED),
        (0x40, "DONE", RouteFlags::DONE),
        (0x80, "MASK", RouteFlags::empty()),
        (0x100, "CLONING", RouteFlags::CLONING),
        (0x200, "XRESOLVE", RouteFlags::XRESOLVE),
        (0x400, "LLINFO", RouteFlags::LINK_LAYER),
        (0x800, "STATIC", RouteFlags::STATIC),
        (0x1000, "BLACKHOLE", RouteFlags::BLACKHOLE),
        (0x2000, "PRIVATE", RouteFlags::empty()),
        (0x4000, "PROTO2", RouteFlags::PROTO2),
        (0x8000, "PROTO1", RouteFlags::PROTO1),
        (0x1_0000, "MULTIRT", RouteFlags::empty()),
        (0x2_0000, "SETSRC", RouteFlags::SET_SOURCE),
        (0x4_0000, "INDIRECT", RouteFlags::empty()),
        (0x8_0000, "KERNEL", RouteFlags::KERNEL),
    ]),
    link_flag_bits: link_flag_bits(0x800),
    // if_tcp(4P): IFF_RUNNING is cleared where the link is down.
    carrier: Carrier::Running,
    rtt_units: 1_000_000,
    reported_mtu: ReportedMtu::Own,
    own_routes: OwnRoutes { are_static: false, local_lack_done: false },
    scope: ScopeForm::None,
    on_socket: Written::padded(MaskForm::Full),
    in_sysctl: Written::padded(MaskForm::Full),
    table: TableSelector::None,
    dump: DumpSource::Mib2,
    wants: Wants {
        up_in_get: false,
        interface_in_get: true,
        interface_twice: false,
        link_gateways: false,
        gateway_in_delete: true,
        compares_gateway: true,
    },
};

const ROUTE: RouteLayout = RouteLayout {
    addrs: AddrsLayout { size: 76, header_length: Field::NONE, addrs: Field::u32(12) },
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
        MetricField::kept(Metric::ReceivePipe, Field::u32(52), 0x8),
        MetricField::kept(Metric::SendPipe, Field::u32(56), 0x10),
        MetricField::kept(Metric::SlowStartThreshold, Field::u32(60), 0x20),
        MetricField::kept(Metric::Rtt, Field::u32(64), 0x40),
        MetricField::kept(Metric::RttVariance, Field::u32(68), 0x80),
        MetricField::forgotten(Metric::HopCount, Field::u32(44), 0x2),
        MetricField::forgotten(Metric::Expire, Field::u32(48), 0x4),
        MetricField::counted(Metric::PacketsSent, Field::u32(72)),
    ],
};

const ADDRESS: AddressLayout = AddressLayout {
    addrs: AddrsLayout { size: 20, header_length: Field::NONE, addrs: Field::u32(4) },
    flags: Field::u32(8),
    index: Field::u16(12),
    table: Field::NONE,
    pid: Field::NONE,
    address_flags: Field::NONE,
    metric: Field::u32(16),
};

// `struct if_data` begins at 16; it has no state of the link.
const INTERFACE: InterfaceLayout = InterfaceLayout {
    addrs: AddrsLayout { size: 84, header_length: Field::NONE, addrs: Field::u32(4) },
    flags: Field::u32(8),
    index: Field::u16(12),
    table: Field::NONE,
    kind: Field::u8(16),
    link_state: Field::NONE,
    address_length: Field::u8(16 + 1),
    header_length: Field::u8(16 + 2),
    mtu: Field::u32(16 + 4),
    metric: Field::u32(16 + 8),
    baud_rate: Field::u32(16 + 12),
};
