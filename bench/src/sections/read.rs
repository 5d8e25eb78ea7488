//! Both tables of the kernel, read once.

use super::{Needs, Section, failures, times};
use crate::Failure;
use crate::peers::{command, packet_route};
#[cfg(feature = "peers")]
use crate::peers::{net_route, nlink, route_manager, rtnetlink};
use crate::raw::{AF_INET, AF_INET6, Socket};
use crate::report::{Bound, goal};
use crate::stopwatch;
use crate::subject::{CPU, Figures, Samples, Setting, Subject, WALL};
use crate::waypost;

pub(super) const SECTION: Section = Section { name: "read", subjects: SUBJECTS, needs: Needs::Full, is_native: false, write };

pub(super) const FLOOR: &str = "read/floor";
pub(super) const MIRROR: &str = "read/mirror";
pub(super) const IP: &str = "read/ip";
const SHOW: &str = "read/show";

const SUBJECTS: &[Subject] = &[
    Subject { name: FLOOR, label: "floor: `recv` alone, nothing decoded", repetitions: 9, measure: receive },
    Subject { name: MIRROR, label: "**Waypost**, into a live mirror", repetitions: 9, measure: waypost::mirror },
    Subject { name: "read/list", label: "**Waypost**, `Routes::for_each`", repetitions: 9, measure: waypost::for_each },
    Subject {
        name: "read/packet-route",
        label: "netlink-packet-route 0.34, decoding alone",
        repetitions: 5,
        measure: packet_route::decode_dump,
    },
    #[cfg(feature = "peers")]
    Subject { name: "read/nlink-stream", label: "nlink 0.33, `stream_routes`", repetitions: 5, measure: nlink::stream },
    #[cfg(feature = "peers")]
    Subject { name: "read/nlink", label: "nlink 0.33, `get_routes`", repetitions: 5, measure: nlink::list },
    #[cfg(feature = "peers")]
    Subject { name: "read/net-route", label: "net-route 0.4.6, `list`", repetitions: 5, measure: net_route::list },
    #[cfg(feature = "peers")]
    Subject { name: "read/rtnetlink", label: "rtnetlink 0.24, stream", repetitions: 5, measure: rtnetlink::stream },
    #[cfg(feature = "peers")]
    Subject { name: "read/route-manager", label: "route_manager 0.2.17, `list`", repetitions: 5, measure: route_manager::list },
    Subject { name: IP, label: "`ip route show` of both families to /dev/null", repetitions: 7, measure: command::ip_show },
    Subject { name: SHOW, label: "**`waypost show`** to /dev/null", repetitions: 7, measure: command::waypost_show },
];

fn receive(_: &Setting) -> Result<Figures, Failure> {
    let mut bytes = 0;
    let (span, ()) = stopwatch::here(|| {
        let socket = Socket::open()?;
        socket.dump(AF_INET, |datagram| bytes += datagram.len())?;
        socket.dump(AF_INET6, |datagram| bytes += datagram.len())
    })?;
    Ok(Figures::of(span).and("bytes", f64::from(u32::try_from(bytes)?)))
}

fn write(samples: &Samples) -> String {
    let wall = samples.ratio(MIRROR, FLOOR, WALL);
    let cpu = samples.ratio(MIRROR, FLOOR, CPU);
    let show = samples.ratio(SHOW, IP, WALL);
    format!(
        "{}\n{}{}{}{}",
        times(samples, SUBJECTS, ""),
        goal("mirror, wall time over the floor's", wall, Bound::AtMost(1.8), 2, ""),
        goal("mirror, CPU time over the floor's", cpu, Bound::AtMost(1.8), 2, ""),
        goal("`waypost show` over `ip route show`, wall time", show, Bound::AtMost(0.6), 2, ""),
        failures(samples, SUBJECTS),
    )
}
