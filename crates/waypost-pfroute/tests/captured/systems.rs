//! What the portable model makes of what other systems' kernels said.

use std::time::Duration;

use waypost_core::{Notice, RouteVerb, TableId, Verb};
use waypost_pfroute::lift::Lift;
use waypost_pfroute::wire::{ByteOrder, Dialect, MACOS, Messages, NETBSD, NETBSD7, OPENBSD, Source};

use crate::captures::{self, NETBSD799};

const LIFT: Lift = Lift { table: TableId(0), since_epoch: Duration::from_secs(600) };

/// Every entry of a dump in words, without `table 0`; a neighbour as such, and what is left out as a dash.
fn listed(dialect: &'static Dialect, bytes: &[u8]) -> Vec<String> {
    let messages = Messages::new(dialect, ByteOrder::Little, Source::Sysctl, bytes);
    messages
        .map(|message| match LIFT.listed(&message.unwrap()) {
            Ok(Some(Notice::Route(RouteVerb::Listed, route))) => route.to_string().replace(" table 0", ""),
            Ok(Some(Notice::Neighbour(Verb::Listed, neighbour))) => format!("neighbour {}", neighbour.address),
            Ok(None) => "-".to_owned(),
            Err(error) => error.to_string(),
            other => panic!("{other:?}"),
        })
        .collect()
}

/// All routes of the machine, IPv4 and IPv6, after its interface went down.
const NETBSD_799: &str = "\
10.0.0.0/24 dev if2 proto kernel scope link cloning up
local 10.0.0.1 dev if2 proto kernel scope host up
local 127.0.0.1 dev if1 proto kernel scope host up mtu 33624
172.30.0.0/16 via 10.0.0.2 dev if2 proto static rt_static up
172.30.1.1 via 10.0.0.3 dev if2 proto redirect dynamic up
a netmask with a gap
192.168.20.0/22 dev if2 proto static scope link rt_static cloning up
192.168.24.0/22 dev if2 proto static scope link rt_static cloning up
192.168.28.0/22 dev if2 proto static scope link rt_static cloning up
192.168.32.0/24 via 10.0.0.254 dev if2 proto static rt_static up
192.168.33.0/24 via 10.0.0.254 dev if2 proto static rt_static up
192.168.34.0/24 via 10.0.0.254 dev if2 proto static rt_static up mtu 1300
192.168.36.0/24 via 10.0.0.254 dev if2 proto static rt_static proto1 up
unreachable 198.18.0.0/15 via 127.0.0.1 dev if1 proto static rt_static up mtu 33624
blackhole 198.51.100.0/25 via 127.0.0.1 dev if1 proto static rt_static up mtu 33624
::1 dev if1 proto unspec scope link up mtu 33624 pref medium
2001:db8::/64 dev if2 proto kernel scope link cloning up pref medium
local 2001:db8::1 dev if2 proto kernel scope host metric 0 up pref medium
2001:db8:9::9 via 2001:db8::2 dev if2 proto static rt_static up pref medium
unreachable 2001:db8:dead::/48 via ::1 dev if1 proto static rt_static up mtu 33624 pref medium
fe80::/64 dev if1 proto unspec scope link ifscope 1 up pref medium
local fe80::1 dev if1 proto kernel scope host metric 0 ifscope 1 up pref medium
fe80::/64 dev if2 proto kernel scope link ifscope 2 cloning up pref medium
local fe80::b0a0:f7ff:fe03:ac00 dev if2 proto kernel scope host metric 0 ifscope 2 up pref medium
ff01::/32 dev if1 proto kernel scope link ifscope 1 cloning up mtu 33624 pref medium
ff01::/32 dev if2 proto kernel scope link ifscope 2 cloning up pref medium
ff02::/32 dev if1 proto kernel scope link ifscope 1 cloning up mtu 33624 pref medium
ff02::/32 dev if2 proto kernel scope link ifscope 2 cloning up pref medium";

const NETBSD_10: &str = "\
default via 172.23.192.1 dev if1 proto unspec up
unreachable 127.0.0.0/8 via 127.0.0.1 dev if2 proto static rt_static up mtu 33624
local 127.0.0.1 dev if2 proto kernel scope host up mtu 33624
172.23.192.0/20 dev if1 proto kernel scope link cloning up
local 172.23.207.191 dev if1 proto kernel scope host up
neighbour 172.23.192.1";

const OPENBSD_INET: &str = "\
default via 172.23.192.1 dev if1 proto static priority 8 rt_static up
unreachable 224.0.0.0/4 dev if3 proto static scope link priority 8 rt_static up mtu 32768
unreachable 127.0.0.0/8 via 127.0.0.1 dev if3 proto static priority 8 rt_static up mtu 32768
local 127.0.0.1 dev if3 proto kernel scope host priority 1 up mtu 32768
172.23.192.0/20 dev if1 proto kernel scope link priority 4 cloning up
neighbour 172.23.192.1
local 172.23.192.138 dev if1 proto kernel scope host priority 1 up
broadcast 172.23.207.255 dev if1 proto kernel scope link priority 1 up";

const OPENBSD_INET6: &str = "\
unreachable ::/96 via ::1 dev if3 proto static priority 8 rt_static up mtu 32768 pref medium
local ::1 dev if3 proto kernel scope host metric 0 priority 1 up mtu 32768 pref medium
unreachable ::ffff:0.0.0.0/96 via ::1 dev if3 proto static priority 8 rt_static up mtu 32768 pref medium
unreachable 2002::/24 via ::1 dev if3 proto static priority 8 rt_static up mtu 32768 pref medium
unreachable 2002:7f00::/24 via ::1 dev if3 proto static priority 8 rt_static up mtu 32768 pref medium
unreachable 2002:e000::/20 via ::1 dev if3 proto static priority 8 rt_static up mtu 32768 pref medium
unreachable 2002:ff00::/24 via ::1 dev if3 proto static priority 8 rt_static up mtu 32768 pref medium
unreachable fe80::/10 via ::1 dev if3 proto static priority 8 rt_static up mtu 32768 pref medium
unreachable fec0::/10 via ::1 dev if3 proto static priority 8 rt_static up mtu 32768 pref medium
local fe80::1 dev if3 proto kernel scope host metric 0 priority 1 ifscope 3 up mtu 32768 pref medium
unreachable ff01::/16 via ::1 dev if3 proto static priority 8 rt_static up mtu 32768 pref medium
multicast ff01::/32 dev if3 proto kernel scope link priority 4 ifscope 3 up mtu 32768 pref medium
unreachable ff02::/16 via ::1 dev if3 proto static priority 8 rt_static up mtu 32768 pref medium
multicast ff02::/32 dev if3 proto kernel scope link priority 4 ifscope 3 up mtu 32768 pref medium";

/// Without what was cloned, of which there are 44.
const MACOS_INET: &str = "\
default via 10.0.2.2 dev if5 proto static rt_static up flags 0x40010000
10.0.2.0/24 dev if5 proto kernel scope link rt_static cloning up
10.0.2.2 dev if5 proto kernel scope link rt_static cloning up
neighbour 10.0.2.2
neighbour 10.0.2.3
10.0.2.15 dev if5 proto kernel scope link rt_static cloning up
127.0.0.0/8 dev if1 proto kernel scope link rt_static cloning up recvpipe 49152 sendpipe 49152
local 127.0.0.1 dev if1 proto kernel scope host up recvpipe 49152 sendpipe 49152
169.254.0.0/16 dev if5 proto kernel scope link rt_static cloning up
multicast 224.0.0.0/4 dev if5 proto kernel scope link rt_static cloning up
255.255.255.255 dev if5 proto kernel scope link rt_static cloning up";

#[test]
fn dumps_list_the_machines_routes() {
    for (dialect, bytes, expected) in [
        (&NETBSD7, NETBSD799.capture(301).bytes, NETBSD_799),
        (&NETBSD, captures::read("netbsd-10.0-amd64/dump-inet.bin"), NETBSD_10),
        (&OPENBSD, captures::read("openbsd-7.5-amd64/dump-inet.bin"), OPENBSD_INET),
        (&OPENBSD, captures::read("openbsd-7.5-amd64/dump-inet6.bin"), OPENBSD_INET6),
    ] {
        assert_eq!(listed(dialect, &bytes).join("\n"), expected);
    }
    let lines = listed(&MACOS, &captures::read("macos-14.5-x86_64/dump-inet.bin"));
    let (clones, others): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| line == "-");
    assert_eq!(others.join("\n"), MACOS_INET);
    assert_eq!(clones.len(), 44);
}

/// What the events of one capture say, in words.
fn told(number: u32) -> String {
    let capture = NETBSD799.capture(number);
    let message = Messages::new(&NETBSD7, ByteOrder::Little, Source::Socket, &capture.bytes).next().unwrap().unwrap();
    match LIFT.event(&message) {
        Ok(Some(Notice::Route(verb, route))) => format!("{verb:?} {route}").replace(" table 0", ""),
        Ok(Some(Notice::Address(verb, address))) => {
            let brd = address.broadcast.map_or_else(String::new, |broadcast| format!(" brd {broadcast}"));
            assert_eq!(address.peer, None);
            format!("{verb:?} {}/{}{brd} if{}", address.local, address.prefix_length, address.interface)
        }
        Ok(Some(Notice::Link(verb, link))) => format!("{verb:?} link {:?} {} up {}", link.name, link.mtu, link.is_up()),
        Ok(Some(Notice::Miss(miss))) => format!("miss {}", miss.destination),
        Ok(Some(Notice::Redirect(redirect))) => {
            format!("redirect {} to {} by {}", redirect.destination, redirect.gateway, redirect.author.unwrap())
        }
        Ok(None) => "-".to_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn events_say_what_happened() {
    for (number, text) in [
        (1, "Present link \"shmif0\" 0 up false"),
        (2, "Present 10.0.0.1/24 if2"),
        (4, "Added 10.0.0.0/24 dev if2 proto kernel scope link cloning up"),
        (5, "Present link \"\" 1500 up true"),
        // The kernel does not mark this as done.
        (7, "Added local fe80::b0a0:f7ff:fe03:ac00 dev if2 proto kernel scope host metric 0 ifscope 2 up pref medium"),
        (22, "Present 10.9.0.1/24 brd 10.9.255.255 if2"),
        (28, "Removed local 10.0.0.7 dev if2 proto kernel scope host up"),
        (29, "Removed 10.0.0.7/32 if2"),
        (239, "miss 9.9.9.9"),
        (245, "redirect 172.30.1.1/32 to 10.0.0.3 by 10.0.0.2"),
        // A redirect that the kernel did not follow.
        (305, "-"),
        (314, "Removed fe80::/64 dev if2 proto kernel scope link ifscope 2 cloning up pref medium"),
        (319, "Removed link \"shmif0\" 0 up false"),
        (322, "-"),
    ] {
        assert_eq!(told(number), text, "{number}");
    }
}

#[test]
fn what_failed_or_only_asked_changes_nothing() {
    let mut asked = 0;
    for capture in NETBSD799.captures() {
        let is_lookup = capture.decoded["type"] == 4;
        if capture.kind != "reply" && capture.kind != "broadcast" || !(is_lookup || capture.write_result < 0) {
            continue;
        }
        for message in Messages::new(&NETBSD7, ByteOrder::Little, Source::Socket, &capture.bytes).flatten() {
            asked += 1;
            assert!(matches!(LIFT.event(&message), Ok(None)), "{}", capture.file);
        }
    }
    assert!(asked > 40, "{asked}");
}

#[test]
fn an_address_of_the_hosts_own_is_told_alike_by_events_and_dumps() {
    let line = "local 2001:db8::1 dev if2 proto kernel scope host metric 0 up pref medium";
    assert!(NETBSD_799.contains(line));
    assert_eq!(told(10), format!("Added {line}"));
    assert_eq!(told(317), format!("Removed {line}"));
}
