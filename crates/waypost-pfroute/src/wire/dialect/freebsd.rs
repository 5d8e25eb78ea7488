//! FreeBSD 12 to 15 on 64-bit machines: sys/net/route.h, sys/net/if.h, sys/net/if_dl.h.
//!
//! The captures that this is tested against come from 13.0 and 14.1. Where a `long` has four bytes the route
//! header has other offsets; that is another table.

use waypost_core::LinkFlags;

use super::{AddressLayout, AnnounceLayout, Dialect, Families, InterfaceLayout, Kind, MetricField, MulticastLayout, RouteLayout};
use super::{flag_bits, kinds};
use crate::wire::bytes::Field;
use crate::wire::flags::RouteFlags;
use crate::wire::message::{Change, Metric, RouteOp};
use crate::wire::sockaddr::Axis;

/// FreeBSD, 64-bit.
pub static FREEBSD: Dialect = Dialect {
    name: "freebsd",
    version: 5,
    kinds: kinds(&[
        (0x1, Kind::Route(RouteOp::Add)),
        (0x2, Kind::Route(RouteOp::Delete)),
        (0x3, Kind::Route(RouteOp::Change)),
        (0x4, Kind::Route(RouteOp::Get)),
        (0x5, Kind::Route(RouteOp::Losing)),
        (0x6, Kind::Route(RouteOp::Redirect)),
        (0x7, Kind::Route(RouteOp::Miss)),
        (0x8, Kind::Route(RouteOp::Lock)),
        (0xb, Kind::Route(RouteOp::Resolve)),
        (0xc, Kind::Address(Change::Added)),
        (0xd, Kind::Address(Change::Removed)),
        (0xe, Kind::Interface),
        (0xf, Kind::Multicast(Change::Added)),
        (0x10, Kind::Multicast(Change::Removed)),
        (0x11, Kind::Announce),
    ]),
    route: ROUTE,
    // `struct ifa_msghdr` has 20 bytes, so that the first sockaddr stands at no multiple of the unit.
    address: AddressLayout {
        size: 20,
        addrs: Field::u32(4),
        flags: Field::u32(8),
        index: Field::u16(12),
        metric: Field::u32(16),
    },
    multicast: MulticastLayout { size: 16, addrs: Field::u32(4), flags: Field::u32(8), index: Field::u16(12) },
    // `struct if_data` begins at 16 and has been the same on every machine since FreeBSD 11.
    interface: InterfaceLayout {
        size: 168,
        addrs: Field::u32(4),
        flags: Field::u32(8),
        index: Field::u16(12),
        kind: Field::u8(16),
        link_state: Field::u8(16 + 4),
        address_length: Field::u8(16 + 2),
        header_length: Field::u8(16 + 3),
        mtu: Field::u32(16 + 8),
        metric: Field::u32(16 + 12),
        baud_rate: Field::u64(16 + 16),
    },
    announce: AnnounceLayout { size: 24, index: Field::u16(4), name: 6, name_length: 16, what: Field::u16(22) },
    axes: &[Axis::Dst, Axis::Gateway, Axis::Netmask, Axis::Genmask, Axis::Ifp, Axis::Ifa, Axis::Author, Axis::Brd],
    unit: 8,
    families: Families { inet: 2, inet6: 28, link: 18 },
    flag_bits: flag_bits(
        RouteFlags::empty(),
        &[
            (0x1, RouteFlags::UP),
            (0x2, RouteFlags::GATEWAY),
            (0x4, RouteFlags::HOST),
            (0x8, RouteFlags::REJECT),
            (0x10, RouteFlags::DYNAMIC),
            (0x20, RouteFlags::MODIFIED),
            (0x40, RouteFlags::DONE),
            (0x200, RouteFlags::XRESOLVE),
            (0x400, RouteFlags::LINK_LAYER),
            (0x800, RouteFlags::STATIC),
            (0x1000, RouteFlags::BLACKHOLE),
            (0x4000, RouteFlags::PROTO2),
            (0x8000, RouteFlags::PROTO1),
            (0x4_0000, RouteFlags::PROTO3),
            (0x8_0000, RouteFlags::FIXED_MTU),
            (0x10_0000, RouteFlags::PINNED),
            (0x20_0000, RouteFlags::LOCAL),
            (0x40_0000, RouteFlags::BROADCAST),
            (0x80_0000, RouteFlags::MULTICAST),
            (0x1000_0000, RouteFlags::STICKY),
        ],
    ),
    link_flag_bits: flag_bits(
        LinkFlags::empty(),
        &[
            (0x1, LinkFlags::UP),
            (0x2, LinkFlags::BROADCAST),
            (0x8, LinkFlags::LOOPBACK),
            (0x10, LinkFlags::POINT_TO_POINT),
            (0x40, LinkFlags::RUNNING),
            (0x80, LinkFlags::NO_ARP),
            (0x8000, LinkFlags::MULTICAST),
        ],
    ),
    reports_interface_mtu: true,
};

const ROUTE: RouteLayout = RouteLayout {
    size: 152,
    index: Field::u16(4),
    flags: Field::u32(8),
    addrs: Field::u32(12),
    pid: Field::u32(16),
    seq: Field::u32(20),
    errno: Field::u32(24),
    flag_mask: Field::u32(28),
    inits: Field::u64(32),
    // `struct rt_metrics` begins at 40, with the locks.
    locks: Field::u64(40),
    // 13.0 keeps MTU, expiry and weight; its echo of a request shows the others, a lookup afterwards does not.
    metrics: &[
        MetricField { metric: Metric::Mtu, field: Field::u64(48), bit: 0x1, kept: true },
        MetricField { metric: Metric::HopCount, field: Field::u64(56), bit: 0x2, kept: false },
        MetricField { metric: Metric::Expire, field: Field::u64(64), bit: 0x4, kept: true },
        MetricField { metric: Metric::ReceivePipe, field: Field::u64(72), bit: 0x8, kept: false },
        MetricField { metric: Metric::SendPipe, field: Field::u64(80), bit: 0x10, kept: false },
        MetricField { metric: Metric::SlowStartThreshold, field: Field::u64(88), bit: 0x20, kept: false },
        MetricField { metric: Metric::Rtt, field: Field::u64(96), bit: 0x40, kept: false },
        MetricField { metric: Metric::RttVariance, field: Field::u64(104), bit: 0x80, kept: false },
        MetricField { metric: Metric::PacketsSent, field: Field::u64(112), bit: 0, kept: false },
        MetricField { metric: Metric::Weight, field: Field::u64(120), bit: 0x100, kept: true },
        MetricField { metric: Metric::NextHopIndex, field: Field::u64(128), bit: 0, kept: false },
    ],
};
