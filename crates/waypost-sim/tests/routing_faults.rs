//! What goes wrong on a routing socket, and what the session makes of it.
#![cfg(feature = "pfroute")]

use std::time::Duration;

use waypost_core::{Drained, ErrorKind, Kernel, LossSignal, Notice, Notices, Now, Outcome, Request, Route, RouteChange, Ticket};
use waypost_pfroute::session::{Lane, RoutingSocket, SessionOptions, Transport, capabilities};
use waypost_pfroute::wire::{Axis, ByteOrder, Message, Messages, RouteFlags, RouteOp, RouteRequest, SockaddrValue, Source};
use waypost_sim::RoutingProfile;
use waypost_sim::routing::{RoutingSim, SimSockets};

const ORDER: ByteOrder = ByteOrder::Little;
const RIVAL: u32 = 99;

/// A machine with an interface that has 10.0.0.2/24.
fn machine(profile: RoutingProfile) -> RoutingSim {
    let sim = RoutingSim::new(profile, ORDER);
    let index = sim.add_link("w0");
    sim.set_up(index, true).unwrap();
    sim.add_address(index, "10.0.0.2".parse().unwrap(), 24).unwrap();
    sim
}

fn each_machine() -> impl Iterator<Item = RoutingSim> {
    RoutingProfile::ALL.into_iter().map(machine)
}

/// A program whose socket holds little, as sockets do.
fn program<T: Transport>(profile: RoutingProfile, transport: T, misses: bool) -> RoutingSocket<T> {
    let mut options = SessionOptions::new(capabilities(profile.dialect, profile.system, profile.tells_loss));
    options.misses = misses;
    RoutingSocket::new(profile.dialect, ORDER, transport, options)
}

fn heard<T: Transport>(kernel: &mut RoutingSocket<T>, now: Now) -> Notices {
    let mut notices = Notices::new();
    kernel.drain(now, 10_000, &mut notices).unwrap();
    notices
}

fn route(words: &str) -> Route {
    let mut route: Route = words.parse().unwrap();
    route.slot.table = waypost_core::TableId(0);
    route
}

/// Has a kernel do something, which must come to an end at once.
fn ask<T: Transport>(kernel: &mut RoutingSocket<T>, change: RouteChange, words: &str) -> Outcome {
    let route = route(words);
    kernel.submit(Now::default(), Ticket(7), Request::Route(change, &route)).unwrap();
    kernel.flush().unwrap();
    let outcome = heard(kernel, Now::default()).into_iter().find_map(|notice| match notice {
        Notice::Outcome(Ticket(7), outcome) => Some(outcome),
        _ => None,
    });
    outcome.unwrap()
}

fn must<T: Transport>(kernel: &mut RoutingSocket<T>, change: RouteChange, words: &str) {
    let outcome = ask(kernel, change, words);
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
}

/// Stands between a program and its sockets: a rival changes things between two of its writes, or an answer gets lost.
struct Meddled {
    sockets: SimSockets,
    /// What the rival does before the second write.
    rival: Option<Box<dyn FnMut()>>,
    writes: usize,
    loses_answers: bool,
}

impl Transport for Meddled {
    fn write(&mut self, request: &[u8]) -> Result<(), i32> {
        self.writes += 1;
        if let (2, Some(rival)) = (self.writes, &mut self.rival) {
            rival();
        }
        self.sockets.write(request)
    }

    fn read(&mut self, lane: Lane, buffer: &mut [u8]) -> Result<Option<usize>, i32> {
        let read = self.sockets.read(lane, buffer)?;
        if lane == Lane::Requests && self.loses_answers { Ok(None) } else { Ok(read) }
    }

    fn sysctl(&mut self, name: &[i32], buffer: Option<&mut [u8]>) -> Result<usize, i32> {
        self.sockets.sysctl(name, buffer)
    }

    fn pid(&self) -> Option<u32> {
        self.sockets.pid()
    }

    fn since_epoch(&self) -> Duration {
        self.sockets.since_epoch()
    }
}

#[test]
fn a_route_that_took_the_place_of_the_one_meant_is_put_back() {
    for profile in RoutingProfile::ALL.into_iter().filter(|profile| !profile.dialect.wants.compares_gateway) {
        let sim = machine(profile);
        let mut other = program(profile, sim.sockets(), false);
        must(&mut other, RouteChange::Add, "10.1.0.0/16 via 10.0.0.1");
        let mut meddler = program(profile, sim.sockets(), false);
        let rival = move || must(&mut meddler, RouteChange::Change, "10.1.0.0/16 via 10.0.0.3");
        let meddled = Meddled { sockets: sim.sockets(), rival: Some(Box::new(rival)), writes: 0, loses_answers: false };
        let mut kernel = program(profile, meddled, false);
        let outcome = ask(&mut kernel, RouteChange::Delete, "10.1.0.0/16 via 10.0.0.1");
        let Outcome::Failed(error) = outcome else { panic!("{}: {outcome:?}", profile.dialect.name) };
        assert_eq!(error.kind(), ErrorKind::Conflict, "{}: {error}", profile.dialect.name);
        // The rival's is there again: it can be deleted, once.
        must(&mut other, RouteChange::Delete, "10.1.0.0/16 via 10.0.0.3");
    }
}

#[test]
fn the_error_of_the_write_counts_where_the_answer_is_lost() {
    for profile in RoutingProfile::ALL {
        let sim = machine(profile);
        let meddled = Meddled { sockets: sim.sockets(), rival: None, writes: 0, loses_answers: true };
        let mut kernel = program(profile, meddled, false);
        must(&mut kernel, RouteChange::Add, "10.1.0.0/16 via 10.0.0.1");
        let outcome = ask(&mut kernel, RouteChange::Add, "10.1.0.0/16 via 10.0.0.1");
        assert!(matches!(&outcome, Outcome::Failed(error) if error.kind() == ErrorKind::Exists), "{outcome:?}");
        // What a lookup found stands in the answer alone: it is given up when its time has come, and not before.
        let flow = waypost_core::Flow::to("10.1.0.1".parse().unwrap());
        let request = Request::Lookup(&flow, waypost_core::LookupMode::Path);
        kernel.submit(Now::default(), Ticket(8), request).unwrap();
        kernel.flush().unwrap();
        let is_outcome = |notice: &Notice| matches!(notice, Notice::Outcome(Ticket(8), Outcome::Unknown));
        assert!(!heard(&mut kernel, Now::default()).iter().any(is_outcome));
        let deadline = kernel.deadline().unwrap();
        assert!(heard(&mut kernel, deadline).iter().any(is_outcome));
        assert!(kernel.deadline().is_none());
    }
}

#[test]
fn attempts_of_others_are_told_to_nobody_and_end_nothing() {
    for sim in each_machine() {
        let profile = sim.profile();
        let mut kernel = program(profile, sim.sockets(), false);
        let mut other = program(profile, sim.sockets(), false);
        drop(heard(&mut kernel, Now::default()));
        let socket = sim.socket();
        // A version and a type that are none, a length that is more and one that is less than what is written, and nothing.
        let size = usize::from(profile.dialect.request.addrs.size);
        let mut base = vec![0; size + 40];
        base[..2].copy_from_slice(&u16::try_from(size + 40).unwrap().to_le_bytes());
        (base[2], base[3]) = (profile.dialect.version, 1);
        let edits: [fn(&mut Vec<u8>); 6] = [
            |bytes| bytes[2] = 77,
            |bytes| bytes[3] = 200,
            |bytes| bytes[0] = bytes[0].wrapping_add(50),
            |bytes| bytes[0] = bytes[0].wrapping_sub(30),
            |bytes| bytes.truncate(20),
            |bytes| bytes.truncate(2),
        ];
        for edit in edits {
            let mut bytes = base.clone();
            edit(&mut bytes);
            sim.write(socket, RIVAL, &bytes).unwrap_err();
        }
        let outcome = ask(&mut other, RouteChange::Delete, "10.9.0.0/16 via 10.0.0.1");
        assert!(matches!(outcome, Outcome::Failed(_)));
        let said = heard(&mut kernel, Now::default());
        assert!(said.is_empty(), "{}: {said:?}", profile.dialect.name);
        assert!(kernel.stats().attempts > 0, "they are counted");
        must(&mut other, RouteChange::Add, "10.1.0.0/16 via 10.0.0.1");
        assert_eq!(heard(&mut kernel, Now::default()).len(), 1, "and the stream goes on");
    }
}

#[test]
fn lost_messages_are_told_once_where_the_kernel_tells() {
    for sim in each_machine() {
        let profile = sim.profile();
        let sockets = sim.sockets();
        sockets.set_receive_buffer(1000);
        let mut kernel = program(profile, sockets, false);
        let mut other = program(profile, sim.sockets(), false);
        for net in 0..100 {
            must(&mut other, RouteChange::Add, &format!("10.100.{net}.0/24 via 10.0.0.1"));
        }
        let overruns = |said: &Notices| said.iter().filter(|notice| matches!(notice, Notice::Overrun)).count();
        let said = heard(&mut kernel, Now::default());
        let tells = kernel.capabilities().loss_signal != LossSignal::None;
        assert_eq!(overruns(&said), usize::from(tells), "{}", profile.dialect.name);
        must(&mut other, RouteChange::Add, "10.1.0.0/16 via 10.0.0.1");
        let said = heard(&mut kernel, Now::default());
        assert!(said.iter().any(|notice| matches!(notice, Notice::Route(..))), "the stream goes on");
    }
}

#[test]
fn misses_are_told_to_who_asks_and_not_more_than_some_a_second() {
    for sim in each_machine() {
        let mut deaf = program(sim.profile(), sim.sockets(), false);
        let mut asking = program(sim.profile(), sim.sockets(), true);
        deaf.transport().set_receive_buffer(1 << 20);
        asking.transport().set_receive_buffer(1 << 20);
        let storm = || (0..100).for_each(|_| sim.miss("192.0.2.1".parse().unwrap()));
        let misses = |said: Notices| said.iter().filter(|notice| matches!(notice, Notice::Miss(_))).count();
        storm();
        assert_eq!(misses(heard(&mut deaf, Now::default())), 0);
        assert_eq!(misses(heard(&mut asking, Now::default())), 16);
        storm();
        assert_eq!(misses(heard(&mut asking, Now::awake(Duration::from_secs(1)))), 16);
        assert_eq!((asking.stats().misses, asking.stats().misses_dropped), (200, 168));
        assert_eq!(deaf.stats().misses_dropped, 100);
    }
}

/// A kernel that has one message for one of the sockets, again and again, so many times; with `is_late` once, when it has been
/// written to.
struct Endless {
    sockets: SimSockets,
    lane: Lane,
    message: Vec<u8>,
    reads: usize,
    most: usize,
    is_late: bool,
}

impl Transport for Endless {
    fn write(&mut self, request: &[u8]) -> Result<(), i32> {
        if self.is_late {
            self.reads = self.most - 1;
        }
        self.sockets.write(request)
    }

    fn read(&mut self, lane: Lane, buffer: &mut [u8]) -> Result<Option<usize>, i32> {
        if lane != self.lane || self.reads == self.most {
            return self.sockets.read(lane, buffer);
        }
        self.reads += 1;
        assert!(self.reads < 1_000_000, "it reads for ever");
        buffer[..self.message.len()].copy_from_slice(&self.message);
        Ok(Some(self.message.len()))
    }

    fn sysctl(&mut self, name: &[i32], buffer: Option<&mut [u8]>) -> Result<usize, i32> {
        self.sockets.sysctl(name, buffer)
    }

    fn pid(&self) -> Option<u32> {
        self.sockets.pid()
    }

    fn since_epoch(&self) -> Duration {
        self.sockets.since_epoch()
    }
}

impl Endless {
    fn once(sockets: SimSockets, message: Vec<u8>) -> Self {
        Self { sockets, lane: Lane::Events, message, reads: 0, most: 1, is_late: false }
    }
}

/// A message of this type about 192.0.2.1, with an error: to the request of a process, or of the kernel itself.
fn failure(profile: RoutingProfile, op: RouteOp, pid: u32) -> Vec<u8> {
    let addrs = [(Axis::Dst, SockaddrValue::Inet([192, 0, 2, 1].into()))];
    let mut bytes = Vec::new();
    let request = RouteRequest { pid, addrs: &addrs, ..RouteRequest::new(op) };
    request.encode(profile.dialect, ORDER, &mut bytes).unwrap();
    assert!(profile.dialect.request.errno.write(ORDER, &mut bytes, 12));
    bytes
}

#[test]
fn a_turn_ends_though_others_never_stop_asking() {
    for profile in RoutingProfile::ALL {
        for lane in [Lane::Events, Lane::Requests] {
            let message = failure(profile, RouteOp::Get, RIVAL);
            let sockets =
                Endless { sockets: machine(profile).sockets(), lane, message, reads: 0, most: usize::MAX, is_late: false };
            let mut kernel = program(profile, sockets, false);
            let mut notices = Notices::new();
            let drained = kernel.drain(Now::default(), 100, &mut notices).unwrap();
            assert!(notices.is_empty());
            assert_eq!(drained == Drained::More, lane == Lane::Events, "{}", profile.dialect.name);
            must(&mut kernel, RouteChange::Add, "10.1.0.0/16 via 10.0.0.1");
        }
    }
}

#[test]
fn a_lookup_that_could_not_be_cloned_is_a_miss_and_no_attempt() {
    for profile in RoutingProfile::ALL {
        for (pid, misses, attempts) in [(0, 1, 0), (RIVAL, 0, 1)] {
            let message = failure(profile, RouteOp::Miss, pid);
            let mut kernel = program(profile, Endless::once(machine(profile).sockets(), message), true);
            let said = heard(&mut kernel, Now::default());
            let told = said.iter().filter(|notice| matches!(notice, Notice::Miss(_))).count();
            assert_eq!((told, kernel.stats().attempts), (misses, attempts), "{} of {pid}", profile.dialect.name);
        }
    }
}

#[test]
fn a_route_that_ends_later_than_can_be_said_fails_and_holds_nobody_up() {
    let mut failures = 0;
    for profile in RoutingProfile::ALL {
        let sim = machine(profile);
        let mut kernel = program(profile, sim.sockets(), false);
        // So many seconds fit into 32 bits, and not into what is left of them since 1970.
        let late = route("10.2.0.0/16 via 10.0.0.1 expires 3000000000sec");
        let submitted = kernel.submit(Now::default(), Ticket(6), Request::Route(RouteChange::Add, &late));
        let said = heard(&mut kernel, Now::default());
        let failed = |notice: &Notice| matches!(notice, Notice::Outcome(Ticket(6), Outcome::Failed(_)));
        failures += usize::from(submitted.is_ok() && said.iter().any(failed));
        must(&mut kernel, RouteChange::Add, "10.1.0.0/16 via 10.0.0.1");
    }
    assert!(failures > 0, "some have 32 bits for it");
}

/// A message about 10.1.0.0/16 via 10.0.0.66 that pretends to be the kernel's.
fn forged(profile: RoutingProfile, op: RouteOp, (pid, seq): (u32, u32)) -> Vec<u8> {
    let inet = |address: [u8; 4]| SockaddrValue::Inet(address.into());
    let addrs =
        [(Axis::Dst, inet([10, 1, 0, 0])), (Axis::Gateway, inet([10, 0, 0, 66])), (Axis::Netmask, inet([255, 255, 0, 0]))];
    let flags = RouteFlags::UP | RouteFlags::GATEWAY | RouteFlags::STATIC | RouteFlags::DONE;
    let mut bytes = Vec::new();
    let request = RouteRequest { flags, pid, seq, addrs: &addrs, ..RouteRequest::new(op) };
    request.encode(profile.dialect, ORDER, &mut bytes).unwrap();
    bytes
}

#[test]
fn what_anybody_can_have_the_kernel_say_is_believed_by_nobody() {
    for profile in RoutingProfile::ALL {
        for op in [RouteOp::Add, RouteOp::Delete] {
            let message = forged(profile, op, (0, 0));
            // Were it the kernel's, it would be told of.
            let mut kernel = program(profile, Endless::once(machine(profile).sockets(), message.clone()), false);
            let routes = |said: Notices| said.iter().filter(|notice| matches!(notice, Notice::Route(..))).count();
            assert_eq!(routes(heard(&mut kernel, Now::default())), 1, "{}", profile.dialect.name);
            let another = failure(profile, RouteOp::Get, RIVAL);
            for behind in [&[0; 8][..], &[1], &another] {
                let longer = [&message[..], behind].concat();
                let mut kernel = program(profile, Endless::once(machine(profile).sockets(), longer), false);
                let said = heard(&mut kernel, Now::default());
                assert!(said.is_empty(), "{}: {said:?}", profile.dialect.name);
                assert_eq!(kernel.stats().attempts, 1);
            }
            let shorter = message[..message.len() - 1].to_vec();
            let mut kernel = program(profile, Endless::once(machine(profile).sockets(), shorter), false);
            assert!(heard(&mut kernel, Now::default()).is_empty(), "{}", profile.dialect.name);
        }
    }
}

#[test]
fn an_answer_that_somebody_else_has_the_kernel_say_is_none() {
    for profile in RoutingProfile::ALL {
        let sim = machine(profile);
        must(&mut program(profile, sim.sockets(), false), RouteChange::Add, "10.1.0.0/16 via 10.0.0.1");
        let sockets = sim.sockets();
        // The number of the first request, which whoever has a routing socket sees.
        let mut message = forged(profile, RouteOp::Get, (sockets.pid().unwrap(), 1));
        message.extend([0; 8]);
        let late = Endless { sockets, lane: Lane::Requests, message, reads: 1, most: 1, is_late: true };
        let mut kernel = program(profile, late, false);
        let flow = waypost_core::Flow::to("10.1.0.1".parse().unwrap());
        kernel.submit(Now::default(), Ticket(8), Request::Lookup(&flow, waypost_core::LookupMode::Entry)).unwrap();
        let found = heard(&mut kernel, Now::default()).into_iter().find_map(|notice| match notice {
            Notice::Outcome(_, Outcome::Found(answer)) => Some(answer.route.to_string()),
            _ => None,
        });
        assert!(found.as_ref().is_some_and(|route| route.contains("via 10.0.0.1 ")), "{}: {found:?}", profile.dialect.name);
    }
}

#[test]
fn what_is_overheard_can_be_read_though_others_write_nonsense() {
    for profile in RoutingProfile::ALL {
        let message = forged(profile, RouteOp::Delete, (0, 0));
        let longer = [&message[..], &[0; 8]].concat();
        for (datagram, kept) in [(longer, &message[..]), (message[..message.len() - 1].to_vec(), &[]), (vec![9], &[])] {
            let sim = machine(profile);
            let mut kernel = program(profile, Endless::once(sim.sockets(), datagram), false);
            must(&mut program(profile, sim.sockets(), false), RouteChange::Add, "10.1.0.0/16 via 10.0.0.1");
            let mut bytes = Vec::new();
            while kernel.overhear(&mut bytes).unwrap() == Drained::More {}
            assert!(bytes.starts_with(kept), "{}", profile.dialect.name);
            let all = Messages::new(profile.dialect, ORDER, Source::Socket, &bytes);
            let adds = all.flatten().filter(|message| matches!(message, Message::Route(route) if route.op() == RouteOp::Add));
            assert_eq!(adds.count(), 1, "{}", profile.dialect.name);
        }
    }
}
