//! Writes the tables of a dialect as C that compiles with its system's own headers where they agree:
//! `cargo run -p waypost-pfroute --example headers -- freebsd`. `cargo xtask abi-check` compiles it.

use waypost_pfroute::wire::{
    AddressLayout, AddrsLayout, AnnounceLayout, Axis, Change, Dialect, DumpSource, Field, InterfaceLayout, Kind, Metric,
    MulticastLayout, RouteLayout, RouteOp,
};

/// What the headers are included for stands in several of them.
const INCLUDES: &str = "#include <stddef.h>
#include <sys/types.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <net/if.h>
#include <net/if_dl.h>
#include <net/route.h>
#include <netinet/in.h>
#include <sys/sysctl.h>
";

fn main() -> Result<(), String> {
    let name = std::env::args().nth(1).ok_or("which dialect?")?;
    let dialect = Dialect::named(&name).ok_or_else(|| format!("there is no dialect {name}"))?;
    let mut page = Page(INCLUDES.to_owned());
    page.numbers(dialect);
    page.route("struct rt_msghdr", dialect.request);
    for known in &dialect.types {
        match known.kind {
            Kind::Route(RouteOp::Get2, layout) => page.route("struct rt_msghdr2", layout),
            Kind::Address(_, layout) if known.name == "NEWADDR" => page.address(layout),
            Kind::Interface(layout) if known.name == "IFINFO" => page.interface("struct if_msghdr", layout),
            Kind::Interface(layout) if known.name == "IFINFO2" => page.interface("struct if_msghdr2", layout),
            Kind::Announce(layout) => page.announce(layout),
            Kind::Multicast(Change::Added, layout) if known.name == "NEWMADDR" => page.multicast("struct ifma_msghdr", layout),
            Kind::Multicast(Change::Added, layout) => page.multicast("struct ifma_msghdr2", layout),
            _ => {}
        }
    }
    print!("{}", page.0);
    Ok(())
}

struct Page(String);

impl Page {
    fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    fn equal(&mut self, what: &str, value: impl Into<u64>) {
        let value = value.into();
        self.line(&format!("_Static_assert(({what}) == {value}ULL, \"{what} is not {value}\");"));
    }

    /// The same for a macro that not every version of the headers has.
    fn equal_if_there(&mut self, name: &str, value: u64) {
        self.line(&format!("#ifdef {name}"));
        // Some are signed.
        self.equal(&format!("(unsigned){name}"), value);
        self.line("#endif");
    }

    fn field(&mut self, structure: &str, member: &str, field: Field) {
        if field == Field::NONE {
            return;
        }
        self.equal(&format!("offsetof({structure}, {member})"), field.offset());
        self.equal(&format!("sizeof((({structure} *)0)->{member})"), field.width());
    }

    fn numbers(&mut self, dialect: &Dialect) {
        self.equal("RTM_VERSION", dialect.version);
        self.equal("PF_ROUTE", dialect.protocol_family);
        self.equal("AF_INET", dialect.families.inet);
        self.equal("AF_INET6", dialect.families.inet6);
        self.equal("AF_LINK", dialect.families.link);
        self.equal("RTAX_MAX", dialect.axes.len() as u64);
        for (number, &axis) in (0_u64..).zip(dialect.axes) {
            self.equal(&format!("RTAX_{}", axis_name(axis)), number);
        }
        for (number, known) in (0..).zip(&dialect.types).filter(|(_, known)| !known.name.is_empty()) {
            self.equal_if_there(&format!("RTM_{}", known.name), number);
        }
        for (bit, name) in dialect.flag_bits.names.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            self.equal_if_there(&format!("RTF_{name}"), 1 << bit);
        }
        for known in dialect.request.metrics.iter().filter(|known| known.bit != 0) {
            self.equal_if_there(&format!("RTV_{}", bit_name(known.metric)), known.bit.into());
        }
        if let DumpSource::Sysctl { routes, by_flags, interfaces, .. } = dialect.dump {
            let (dump, list) = match dialect.route_type(RouteOp::Get2) {
                Some(_) => ("NET_RT_DUMP2", "NET_RT_IFLIST2"),
                None => ("NET_RT_DUMP", "NET_RT_IFLIST"),
            };
            self.equal(dump, routes);
            self.equal("NET_RT_FLAGS", by_flags);
            self.equal(list, interfaces);
        }
    }

    fn addrs(&mut self, structure: &str, prefix: &str, layout: AddrsLayout) {
        self.equal(&format!("sizeof({structure})"), layout.size);
        self.field(structure, &format!("{prefix}_addrs"), layout.addrs);
        self.field(structure, &format!("{prefix}_hdrlen"), layout.header_length);
    }

    fn route(&mut self, structure: &str, layout: &RouteLayout) {
        self.addrs(structure, "rtm", layout.addrs);
        for (member, field) in [
            ("rtm_index", layout.index),
            ("rtm_flags", layout.flags),
            ("rtm_tableid", layout.table),
            ("rtm_priority", layout.priority),
            ("rtm_pid", layout.pid),
            ("rtm_seq", layout.seq),
            ("rtm_errno", layout.errno),
            ("rtm_fmask", layout.flag_mask),
            ("rtm_use", layout.uses),
            ("rtm_parentflags", layout.parent_flags),
            ("rtm_inits", layout.inits),
            ("rtm_rmx.rmx_locks", layout.locks),
        ] {
            self.field(structure, member, field);
        }
        for known in layout.metrics {
            let member = match known.metric {
                Metric::References if structure.ends_with('2') => "rtm_refcnt".to_owned(),
                metric => format!("rtm_rmx.rmx_{}", member_name(metric)),
            };
            self.field(structure, &member, known.field);
        }
    }

    fn address(&mut self, layout: &AddressLayout) {
        let structure = "struct ifa_msghdr";
        self.addrs(structure, "ifam", layout.addrs);
        for (member, field) in [
            ("ifam_flags", layout.flags),
            ("ifam_index", layout.index),
            ("ifam_tableid", layout.table),
            ("ifam_pid", layout.pid),
            ("ifam_addrflags", layout.address_flags),
            ("ifam_metric", layout.metric),
        ] {
            self.field(structure, member, field);
        }
    }

    fn interface(&mut self, structure: &str, layout: &InterfaceLayout) {
        self.addrs(structure, "ifm", layout.addrs);
        for (member, field) in [
            ("ifm_flags", layout.flags),
            ("ifm_index", layout.index),
            ("ifm_tableid", layout.table),
            ("ifm_data.ifi_type", layout.kind),
            ("ifm_data.ifi_link_state", layout.link_state),
            ("ifm_data.ifi_addrlen", layout.address_length),
            ("ifm_data.ifi_hdrlen", layout.header_length),
            ("ifm_data.ifi_mtu", layout.mtu),
            ("ifm_data.ifi_metric", layout.metric),
            ("ifm_data.ifi_baudrate", layout.baud_rate),
        ] {
            self.field(structure, member, field);
        }
    }

    fn announce(&mut self, layout: &AnnounceLayout) {
        let structure = "struct if_announcemsghdr";
        self.equal(&format!("sizeof({structure})"), layout.size);
        self.field(structure, "ifan_index", layout.index);
        self.field(structure, "ifan_what", layout.what);
        self.equal(&format!("offsetof({structure}, ifan_name)"), layout.name);
        self.equal(&format!("sizeof((({structure} *)0)->ifan_name)"), layout.name_length);
    }

    fn multicast(&mut self, structure: &str, layout: &MulticastLayout) {
        self.addrs(structure, "ifmam", layout.addrs);
        self.field(structure, "ifmam_flags", layout.flags);
        self.field(structure, "ifmam_index", layout.index);
        self.field(structure, "ifmam_refcount", layout.references);
    }
}

/// The end of `RTAX_`.
fn axis_name(axis: Axis) -> String {
    match axis {
        Axis::StaticRoutes => "STATIC".to_owned(),
        Axis::SrcMask => "SRCMASK".to_owned(),
        other => format!("{other:?}").to_uppercase(),
    }
}

/// The end of `RTV_`.
fn bit_name(metric: Metric) -> String {
    match metric {
        Metric::ReceivePipe => "RPIPE".to_owned(),
        Metric::SendPipe => "SPIPE".to_owned(),
        other => member_name(other).to_uppercase(),
    }
}

/// The end of `rmx_`.
fn member_name(metric: Metric) -> String {
    match metric {
        Metric::ReceivePipe => "recvpipe".to_owned(),
        Metric::SendPipe => "sendpipe".to_owned(),
        Metric::SlowStartThreshold => "ssthresh".to_owned(),
        Metric::RttVariance => "rttvar".to_owned(),
        Metric::PacketsSent => "pksent".to_owned(),
        Metric::NextHopIndex => "nhidx".to_owned(),
        Metric::References => "refcnt".to_owned(),
        other => format!("{other:?}").to_lowercase(),
    }
}
