//! The two kinds of simulated machines, as one.

use std::net::IpAddr;

use waypost_core::{ErrorKind, IfIndex, Kernel, Notice, Notices, Now, Outcome, Request, Route, RouteChange, TableId, Ticket};
use waypost_pfroute::session::{RoutingSocket, SessionOptions, capabilities};
use waypost_pfroute::wire::ByteOrder;
use waypost_sim::routing::{RoutingSim, SimSockets};
use waypost_sim::{Fault, Profile, RoutingProfile, Sim, SimKernel};
use waypost_tests::seeded::Seeded;

/// What an administrator, a cable and other programs do to a machine.
pub(crate) trait Machine {
    type Kernel: Kernel;

    fn kernel(&self) -> Self::Kernel;
    fn name(&self) -> &'static str;
    fn add_link(&self, name: &str) -> IfIndex;
    fn set_up(&self, link: IfIndex, up: bool);
    /// A link can lose its carrier and still be switched on.
    fn has_carrier(&self) -> bool;
    fn set_carrier(&self, link: IfIndex, carrier: bool);
    fn add_address(&self, link: IfIndex, address: IpAddr, length: u8);
    fn remove_address(&self, link: IfIndex, address: IpAddr);
    /// Another program changes a route, if it can.
    fn rival(&self, change: RouteChange, route: &Route);
    /// Something goes wrong between the kernel and its program; says whether nobody tells the program.
    fn harm(&self, kernel: &mut Self::Kernel, numbers: &mut Seeded) -> bool;
}

/// A kernel whose routes have metrics.
pub(crate) struct WithMetrics(Sim);

impl WithMetrics {
    pub(crate) fn new(profile: Profile) -> Self {
        Self(Sim::new(profile))
    }
}

impl Machine for WithMetrics {
    type Kernel = SimKernel;

    fn kernel(&self) -> SimKernel {
        self.0.kernel()
    }

    fn name(&self) -> &'static str {
        "with metrics"
    }

    fn add_link(&self, name: &str) -> IfIndex {
        self.0.add_link(name)
    }

    fn set_up(&self, link: IfIndex, up: bool) {
        self.0.set_up(link, up).expect("it is there");
    }

    fn has_carrier(&self) -> bool {
        true
    }

    fn set_carrier(&self, link: IfIndex, carrier: bool) {
        self.0.set_carrier(link, carrier).expect("it is there");
    }

    fn add_address(&self, link: IfIndex, address: IpAddr, length: u8) {
        let _ = self.0.add_address(link, address, length);
    }

    fn remove_address(&self, link: IfIndex, address: IpAddr) {
        let _ = self.0.remove_address(link, address);
    }

    fn rival(&self, change: RouteChange, route: &Route) {
        let _ = self.0.rival(change, route);
    }

    fn harm(&self, kernel: &mut SimKernel, numbers: &mut Seeded) -> bool {
        let count = usize::try_from(1 + numbers.below(3)).expect("a few");
        let millis = numbers.pick(&[0, 0, 5, 80]);
        let kind = numbers.below(6);
        kernel.suffer(match kind {
            0 => Fault::LoseEvents { count, signalled: true },
            1 => Fault::LoseEvents { count, signalled: false },
            2 => Fault::LoseOutcomes(count),
            3 => Fault::RefuseRequests { count, kind: numbers.pick(&[ErrorKind::Busy, ErrorKind::NotPermitted]) },
            4 => Fault::DelayOutcomes(std::time::Duration::from_millis(millis)),
            _ => Fault::DumpBatch(2),
        });
        kind == 1
    }
}

/// A kernel with routing sockets: one route to each destination.
pub(crate) struct Routing {
    sim: RoutingSim,
    profile: RoutingProfile,
}

impl Routing {
    pub(crate) fn new(profile: RoutingProfile) -> Self {
        Self { sim: RoutingSim::new(profile, ByteOrder::Little), profile }
    }
}

impl Machine for Routing {
    type Kernel = RoutingSocket<SimSockets>;

    fn kernel(&self) -> Self::Kernel {
        let can = capabilities(self.profile.dialect, self.profile.system, self.profile.tells_loss);
        RoutingSocket::new(self.profile.dialect, ByteOrder::Little, self.sim.sockets(), SessionOptions::new(can))
    }

    fn name(&self) -> &'static str {
        self.profile.dialect.name
    }

    fn add_link(&self, name: &str) -> IfIndex {
        IfIndex::new(self.sim.add_link(name)).expect("never 0")
    }

    fn set_up(&self, link: IfIndex, up: bool) {
        self.sim.set_up(link.get(), up).expect("it is there");
    }

    fn has_carrier(&self) -> bool {
        false
    }

    fn set_carrier(&self, _: IfIndex, _: bool) {}

    fn add_address(&self, link: IfIndex, address: IpAddr, length: u8) {
        let _ = self.sim.add_address(link.get(), address, length);
    }

    fn remove_address(&self, link: IfIndex, address: IpAddr) {
        let _ = self.sim.remove_address(link.get(), address);
    }

    fn rival(&self, change: RouteChange, route: &Route) {
        let mut route = route.clone();
        route.slot.metric = 0;
        let mut kernel = self.kernel();
        if kernel.submit(Now::default(), Ticket(1), Request::Route(change, &route)).is_ok() {
            let mut notices = Notices::new();
            let _ = kernel.flush();
            let _ = kernel.drain(Now::default(), 1000, &mut notices);
            assert!(!notices.iter().any(|notice| matches!(notice, Notice::Outcome(_, Outcome::Unknown))));
        }
    }

    fn harm(&self, _: &mut Self::Kernel, _: &mut Seeded) -> bool {
        false
    }
}

/// The table where routes go.
pub(crate) fn main_table(kernel: &impl Kernel) -> TableId {
    kernel.capabilities().main_table
}
