//! What comes by the thousand is read without an allocation, in every dialect: messages about routes, and whatever of the others
//! is told to nobody.

mod sys;

use std::cell::Cell;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::Duration;

use waypost_core::{Kernel as _, Notice, Notices, Now, TableId};
use waypost_pfroute::lift::Lift;
use waypost_pfroute::session::{Lane, RoutingSocket, SessionOptions, Transport, capabilities};
use waypost_pfroute::wire::{
    Axis, ByteOrder, DIALECTS, Dialect, Messages, RouteFlags, RouteOp, RouteRequest, SockaddrValue, Source,
};

const ORDER: ByteOrder = ByteOrder::Little;

fn allocations(mut work: impl FnMut()) -> usize {
    let before = sys::allocations();
    work();
    sys::allocations() - before
}

/// A message about 192.0.2.0/24, as the kernel tells of it; `None` where the system has none of the kind.
fn message(dialect: &'static Dialect, op: RouteOp, flags: RouteFlags) -> Option<Vec<u8>> {
    let request = RouteRequest {
        flags: RouteFlags::UP | RouteFlags::GATEWAY | RouteFlags::STATIC | RouteFlags::DONE | flags,
        addrs: &[
            (Axis::Dst, SockaddrValue::Inet(Ipv4Addr::new(192, 0, 2, 0))),
            (Axis::Gateway, SockaddrValue::Inet(Ipv4Addr::new(198, 51, 100, 1))),
            (Axis::Netmask, SockaddrValue::Inet(Ipv4Addr::new(255, 255, 255, 0))),
        ],
        ..RouteRequest::new(op)
    };
    let mut bytes = Vec::new();
    request.encode(dialect, ORDER, &mut bytes).ok()?;
    Some(bytes)
}

/// A kernel that says one thing so many times.
struct Replay {
    message: Vec<u8>,
    left: Rc<Cell<usize>>,
}

impl Transport for Replay {
    fn write(&mut self, _: &[u8]) -> Result<(), i32> {
        Ok(())
    }

    fn read(&mut self, lane: Lane, buffer: &mut [u8]) -> Result<Option<usize>, i32> {
        if lane == Lane::Requests || self.left.get() == 0 {
            return Ok(None);
        }
        self.left.set(self.left.get() - 1);
        buffer[..self.message.len()].copy_from_slice(&self.message);
        Ok(Some(self.message.len()))
    }

    fn sysctl(&mut self, _: &[i32], _: Option<&mut [u8]>) -> Result<usize, i32> {
        Ok(0)
    }

    fn pid(&self) -> Option<u32> {
        Some(1)
    }

    fn since_epoch(&self) -> Duration {
        Duration::ZERO
    }
}

/// How often is allocated while the message is heard a hundred times, and what comes of that. It has been heard once before,
/// because by which interface a gateway is reached is asked once, where the kernel does not say it, and kept.
fn to_hear(dialect: &'static Dialect, message: Vec<u8>) -> (usize, Notices) {
    let options = SessionOptions::new(capabilities(dialect, "a system", true));
    let left = Rc::new(Cell::new(1));
    let mut kernel = RoutingSocket::new(dialect, ORDER, Replay { message, left: Rc::clone(&left) }, options);
    let mut notices = Notices::with_capacity(1000);
    kernel.drain(Now::default(), 1000, &mut notices).unwrap();
    notices.clear();
    left.set(100);
    let count = allocations(|| assert!(kernel.drain(Now::default(), 1000, &mut notices).is_ok()));
    (count, notices)
}

#[test]
fn a_route_is_read_without_an_allocation_in_every_dialect() {
    let lift = Lift { table: TableId(0), since_epoch: Duration::ZERO };
    for dialect in DIALECTS {
        for op in [RouteOp::Add, RouteOp::Change, RouteOp::Delete, RouteOp::Get] {
            let bytes = message(dialect, op, RouteFlags::empty()).unwrap();
            for source in [Source::Socket, Source::Sysctl] {
                let count = allocations(|| {
                    for message in Messages::new(dialect, ORDER, source, &bytes) {
                        let message = message.unwrap();
                        assert!(matches!(lift.listed(&message), Ok(Some(Notice::Route(..)))));
                        assert!(lift.event(&message).is_ok());
                    }
                });
                assert_eq!(count, 0, "{} {op:?}", dialect.name);
            }
        }
    }
}

#[test]
fn what_is_heard_of_routes_is_told_without_an_allocation_in_every_dialect() {
    for dialect in DIALECTS {
        for op in [RouteOp::Add, RouteOp::Change, RouteOp::Delete] {
            let (count, notices) = to_hear(dialect, message(dialect, op, RouteFlags::empty()).unwrap());
            assert_eq!((count, notices.len()), (0, 100), "{} {op:?}", dialect.name);
        }
    }
}

#[test]
fn what_is_told_to_nobody_costs_no_allocation_in_any_dialect() {
    for dialect in DIALECTS {
        let untold = [
            ("an answer to a lookup", message(dialect, RouteOp::Get, RouteFlags::empty())),
            ("a miss", message(dialect, RouteOp::Miss, RouteFlags::empty())),
            ("a neighbour", message(dialect, RouteOp::Add, RouteFlags::LINK_LAYER)),
            ("a clone", message(dialect, RouteOp::Add, RouteFlags::CLONED)),
            ("an attempt", message(dialect, RouteOp::Add, RouteFlags::empty()).map(|bytes| failed(dialect, bytes))),
            ("another version", message(dialect, RouteOp::Add, RouteFlags::empty()).map(another_version)),
        ];
        let mut heard = 0;
        for (what, bytes) in untold {
            let Some(bytes) = bytes else { continue };
            heard += 1;
            let (count, notices) = to_hear(dialect, bytes);
            assert_eq!((count, notices.len()), (0, 0), "{} {what}", dialect.name);
        }
        assert!(heard >= 4, "{}", dialect.name);
    }
}

/// The same, refused with ESRCH.
fn failed(dialect: &'static Dialect, mut bytes: Vec<u8>) -> Vec<u8> {
    assert!(dialect.request.errno.write(ORDER, &mut bytes, 3));
    bytes
}

fn another_version(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes[2] = 77;
    bytes
}

#[test]
fn the_counter_counts() {
    for dialect in DIALECTS {
        let losing = message(dialect, RouteOp::Losing, RouteFlags::empty()).unwrap();
        let (count, notices) = to_hear(dialect, losing);
        assert!(count >= 100 && notices.len() == 100, "{}: it has a box", dialect.name);
    }
}
