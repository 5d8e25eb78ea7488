//! The tables of the dialects against the sizes and offsets that a C compiler found in those kernels' own headers.

use std::path::Path;

use serde_json::Value;
use waypost_pfroute::wire::{
    AddressLayout, AddrsLayout, AnnounceLayout, Dialect, FREEBSD, Field, InterfaceLayout, Kind, MulticastLayout, NETBSD7,
    RouteOp, SockaddrForm,
};

use crate::captures::{self, SYSTEMS};
use crate::golden;
use crate::record::metric_name;

/// What a compiler found.
struct Headers {
    dialect: &'static Dialect,
    found: Value,
    compared: usize,
}

impl Headers {
    fn read(dialect: &'static Dialect, folder: &str) -> Self {
        let found = serde_json::from_slice(&captures::read(&format!("{folder}/layout.json"))).unwrap();
        Self { dialect, found, compared: 0 }
    }

    fn size(&mut self, structure: &str, ours: u16) {
        self.compared += 1;
        assert_eq!(self.found[structure]["_size"], ours, "{} {structure}", self.dialect.name);
    }

    /// Compares a number that stands in `structure`, which begins at `base`.
    fn field(&mut self, structure: &str, base: u16, member: &str, ours: Field) {
        self.compared += 1;
        let theirs = &self.found[structure][member];
        assert_eq!(theirs[0].as_u64(), Some(u64::from(ours.offset() - base)), "{} {member}", self.dialect.name);
        assert_eq!(theirs[1].as_u64(), Some(u64::from(ours.width())), "{} {member}", self.dialect.name);
    }

    fn addrs(&mut self, structure: &str, prefix: &str, layout: AddrsLayout) {
        self.size(structure, layout.size);
        self.field(structure, 0, &format!("{prefix}_addrs"), layout.addrs);
    }

    fn constant(&mut self, name: &str, ours: u64) {
        self.compared += 1;
        assert_eq!(self.found["consts"][name].as_u64(), Some(ours), "{} {name}", self.dialect.name);
    }

    fn kind(&self, number: u8) -> Kind {
        self.dialect.message_type(number).kind
    }

    fn route(&mut self) {
        let layout = self.dialect.request;
        self.addrs("rt_msghdr", "rtm", layout.addrs);
        let errno = layout.errno;
        for (member, field) in [
            ("rtm_index", layout.index),
            ("rtm_flags", layout.flags),
            ("rtm_pid", layout.pid),
            ("rtm_seq", layout.seq),
            ("rtm_errno", errno),
            ("rtm_inits", layout.inits),
        ] {
            self.field("rt_msghdr", 0, member, field);
        }
        let base = u16::try_from(self.found["rt_msghdr"]["rtm_rmx"][0].as_u64().unwrap()).unwrap();
        self.field("rt_metrics", base, "rmx_locks", layout.locks);
        for known in layout.metrics {
            let Some(member) = metric_name(known.metric) else { continue };
            self.field("rt_metrics", base, member, known.field);
        }
    }

    fn interface(&mut self, layout: &InterfaceLayout) {
        self.addrs("if_msghdr", "ifm", layout.addrs);
        self.field("if_msghdr", 0, "ifm_flags", layout.flags);
        self.field("if_msghdr", 0, "ifm_index", layout.index);
        let base = u16::try_from(self.found["if_msghdr"]["ifm_data"][0].as_u64().unwrap()).unwrap();
        for (member, field) in [
            ("ifi_type", layout.kind),
            ("ifi_addrlen", layout.address_length),
            ("ifi_hdrlen", layout.header_length),
            ("ifi_link_state", layout.link_state),
            ("ifi_mtu", layout.mtu),
            ("ifi_metric", layout.metric),
            ("ifi_baudrate", layout.baud_rate),
        ] {
            self.field("if_data", base, member, field);
        }
    }

    fn address(&mut self, layout: &AddressLayout) {
        self.addrs("ifa_msghdr", "ifam", layout.addrs);
        self.field("ifa_msghdr", 0, "ifam_flags", layout.flags);
        self.field("ifa_msghdr", 0, "ifam_index", layout.index);
        self.field("ifa_msghdr", 0, "ifam_metric", layout.metric);
    }

    fn multicast(&mut self, layout: &MulticastLayout) {
        self.addrs("ifma_msghdr", "ifmam", layout.addrs);
        self.field("ifma_msghdr", 0, "ifmam_flags", layout.flags);
        self.field("ifma_msghdr", 0, "ifmam_index", layout.index);
    }

    fn announce(&mut self, layout: &AnnounceLayout) {
        self.size("if_announcemsghdr", layout.size);
        self.field("if_announcemsghdr", 0, "ifan_index", layout.index);
        self.field("if_announcemsghdr", 0, "ifan_what", layout.what);
        assert_eq!(self.found["if_announcemsghdr"]["ifan_name"], serde_json::json!([layout.name, layout.name_length]));
    }

    /// Compares all that there is.
    fn compare(&mut self, interface: u8) -> usize {
        self.route();
        for number in 1..=u8::MAX {
            match self.kind(number) {
                // Older and newer forms of a message have numbers of their own.
                Kind::Interface(layout) if number == interface => self.interface(layout),
                Kind::Address(_, layout) => self.address(layout),
                Kind::Multicast(_, layout) => self.multicast(layout),
                Kind::Announce(layout) => self.announce(layout),
                _ => {}
            }
        }
        let dialect = self.dialect;
        let SockaddrForm::Length { unit } = dialect.sockaddrs else { panic!("sockaddrs have lengths there") };
        for (name, ours) in [
            ("PF_ROUTE", dialect.protocol_family.into()),
            ("RTM_VERSION", dialect.version.into()),
            ("RTAX_MAX", dialect.axes.len() as u64),
            ("AF_INET6", dialect.families.inet6.into()),
            ("AF_LINK", dialect.families.link.into()),
            (if dialect.version == 5 { "sizeof_long_roundup" } else { "roundup" }, unit.into()),
        ] {
            self.constant(name, ours);
        }
        assert!(dialect.route_type(RouteOp::Add) == Some(1));
        self.compared
    }
}

#[test]
fn layouts_are_those_of_the_kernels_own_headers() {
    assert_eq!(Headers::read(&FREEBSD, "freebsd-13.0-amd64").compare(14), 58);
    assert_eq!(Headers::read(&NETBSD7, "netbsd-7.99.34-amd64").compare(20), 53);
}

/// Every file below a folder, by its path from there.
fn files(folder: &Path, below: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let named = entries.map(|entry| (entry.path(), format!("{below}{}", entry.file_name().to_str().unwrap())));
    named.flat_map(|(path, name)| if path.is_dir() { files(&path, &format!("{name}/")) } else { vec![name] }).collect()
}

#[test]
fn no_captured_file_goes_untested() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    // The first says where all of it comes from, the second is read by `constructed`.
    let mut tested = vec!["README.md".to_owned(), "constructed.txt".to_owned()];
    for system in SYSTEMS {
        tested.extend(["index.jsonl", "layout.json"].map(|name| format!("{}/{name}", system.folder)));
        tested.extend(system.captures().into_iter().map(|capture| format!("{}/{}", system.folder, capture.file)));
    }
    tested.extend(golden::dump_paths().flat_map(|path| [format!("{path}.bin"), format!("{path}.json")]));
    let mut found = files(&data, "");
    found.sort();
    tested.sort();
    // A capture of no bytes is a write that was refused without an echo: its line in the index is all there is of it.
    tested.retain(|path| found.contains(path) || !path.ends_with(".bin"));
    assert_eq!(found, tested);
    assert!(found.len() > 450, "{}", found.len());
}
