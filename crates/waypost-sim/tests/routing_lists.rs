//! Lists that do not fit where they are read to.
#![cfg(feature = "pfroute")]

use std::time::Duration;

use waypost_core::{
    Dump, Family, Kernel, Notice, Notices, Now, Request, Route, RouteChange, RouteFilter, RouteVerb, TableId, Ticket,
};
use waypost_pfroute::session::{Lane, RoutingSocket, SessionOptions, Transport, capabilities};
use waypost_pfroute::wire::{ByteOrder, DumpSource, FREEBSD};
use waypost_sim::RoutingProfile;
use waypost_sim::routing::{RoutingSim, SimSockets};

/// The routing sysctl, seen through somebody who does something between the question how long a list is and the reading.
struct Between<F> {
    sockets: SimSockets,
    /// Gets how often it was asked and how long the list is, and says how long it is to be said to be.
    said: F,
    asked: usize,
}

impl<F: FnMut(usize, usize) -> usize> Transport for Between<F> {
    fn write(&mut self, request: &[u8]) -> Result<(), i32> {
        self.sockets.write(request)
    }

    fn read(&mut self, lane: Lane, buffer: &mut [u8]) -> Result<Option<usize>, i32> {
        self.sockets.read(lane, buffer)
    }

    fn sysctl(&mut self, name: &[i32], buffer: Option<&mut [u8]>) -> Result<usize, i32> {
        let is_question = buffer.is_none();
        let length = self.sockets.sysctl(name, buffer)?;
        if !is_question {
            return Ok(length);
        }
        self.asked += 1;
        Ok((self.said)(self.asked, length))
    }

    fn pid(&self) -> Option<u32> {
        self.sockets.pid()
    }

    fn since_epoch(&self) -> Duration {
        self.sockets.since_epoch()
    }
}

fn machine(profile: RoutingProfile) -> RoutingSim {
    let sim = RoutingSim::new(profile, ByteOrder::NATIVE);
    let index = sim.add_link("w0");
    sim.set_up(index, true).unwrap();
    sim.add_address(index, "10.0.0.2".parse().unwrap(), 24).unwrap();
    sim
}

/// Adds 100 routes in one of the networks 10.1.0.0/16 to 10.200.0.0/16.
fn grow(sim: &RoutingSim, network: usize) {
    let mut kernel = sim.kernel();
    for net in 0..100 {
        let mut route: Route = format!("10.{network}.{net}.0/24 via 10.0.0.1").parse().unwrap();
        route.slot.table = TableId(0);
        kernel.submit(Now::default(), Ticket(net), Request::Route(RouteChange::Add, &route)).unwrap();
    }
    kernel.flush().unwrap();
}

/// Lists the routes through a transport; what was said beside them must be nothing.
fn listed(profile: RoutingProfile, transport: impl Transport) -> Result<usize, waypost_core::Error> {
    let options = SessionOptions::new(capabilities(profile.dialect, profile.system, profile.tells_loss));
    let mut kernel = RoutingSocket::new(profile.dialect, ByteOrder::NATIVE, transport, options);
    let filter = RouteFilter::default();
    kernel.submit(Now::default(), Ticket(1), Request::Dump(Dump::Routes(Family::V4, &filter))).unwrap();
    let mut notices = Notices::new();
    kernel.drain(Now::default(), 100_000, &mut notices).unwrap();
    let is_bad = |notice: &Notice| matches!(notice, Notice::Undecodable { .. });
    assert!(!notices.iter().any(is_bad), "{}", profile.dialect.name);
    let ended = notices.iter().find_map(|notice| match notice {
        Notice::DumpDone(_, end) => Some(end.error.clone()),
        _ => None,
    });
    match ended.expect("it ends") {
        Some(error) => Err(error),
        None => Ok(notices.iter().filter(|notice| matches!(notice, Notice::Route(RouteVerb::Listed, _))).count()),
    }
}

fn each_with_sysctl() -> impl Iterator<Item = RoutingProfile> {
    RoutingProfile::ALL.into_iter().filter(|profile| matches!(profile.dialect.dump, DumpSource::Sysctl { .. }))
}

#[test]
fn a_table_that_grows_while_it_is_read_is_read_whole() {
    for profile in each_with_sysctl() {
        let sim = machine(profile);
        let growing = sim.clone();
        let said = move |asked, length| {
            if asked <= 3 {
                grow(&growing, asked);
            }
            length
        };
        let transport = Between { sockets: sim.sockets(), said, asked: 0 };
        assert_eq!(listed(profile, transport).unwrap(), 301, "{}", profile.dialect.name);
    }
}

#[test]
fn a_table_that_grows_for_ever_is_an_error_and_not_half_a_table() {
    for profile in each_with_sysctl() {
        let sim = machine(profile);
        grow(&sim, 1);
        // As of a table that was empty each time, and had grown by the time it was read.
        let transport = Between { sockets: sim.sockets(), said: |_, _| 0, asked: 0 };
        let error = listed(profile, transport).unwrap_err();
        assert_eq!(error.kind(), waypost_core::ErrorKind::Busy, "{}: {error}", profile.dialect.name);
    }
}

#[test]
fn a_dump_that_is_cut_behind_a_message_is_seen_to_be_cut() {
    let profile = RoutingProfile::named(FREEBSD.name).unwrap();
    let sim = machine(profile);
    grow(&sim, 1);
    grow(&sim, 2);
    let sysctl = |length: usize| length + (length >> 3) + 2048;
    let whole = sim.sysctl(&[4, 17, 0, 2, 1, 0]).unwrap();
    // All messages but the first, that of the network of the interface, are equally long.
    let ends: Vec<usize> = {
        let mut at = 0;
        let mut ends = Vec::new();
        while let Some(length) = whole.get(at..at + 2) {
            at += usize::from(u16::from_ne_bytes([length[0], length[1]]));
            ends.push(at);
        }
        ends
    };
    // So short a list is pretended that the room for it ends where a message does.
    let short = (1..whole.len()).find(|length| sysctl(*length) < whole.len() && ends.contains(&sysctl(*length))).unwrap();
    let said = move |asked, length| if asked == 1 { short } else { length };
    assert_eq!(listed(profile, Between { sockets: sim.sockets(), said, asked: 0 }).unwrap(), 201);
}

#[test]
fn a_list_that_is_said_to_have_no_end_is_an_error_and_not_a_panic() {
    for profile in each_with_sysctl() {
        for said_to_be in [usize::MAX, usize::MAX - 4096, usize::MAX / 2] {
            let transport = Between { sockets: machine(profile).sockets(), said: move |_, _| said_to_be, asked: 0 };
            let error = listed(profile, transport).unwrap_err();
            assert_eq!(error.kind(), waypost_core::ErrorKind::Busy, "{}: {error}", profile.dialect.name);
        }
    }
}
