//! Captured buffers through the facade, whatever the host.
#![cfg(feature = "decode")]

use std::fs;
use std::path::PathBuf;

use waypost::Notice;
use waypost::decode::{Addr, Decoder, Item, Message, Source};

fn captured(path: &str) -> Vec<u8> {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../waypost-pfroute/tests/data", path].iter().collect();
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn messages(dialect: &str, source: Source, path: &str) -> Vec<Message> {
    let items = Decoder::named(dialect).unwrap().big_endian(false).source(source).items(&captured(path));
    let messages = items.into_iter().map(|item| match item {
        Item::Message(message) => *message,
        other => panic!("{path}: {other:?}"),
    });
    messages.collect()
}

#[test]
fn every_dialect_has_a_decoder() {
    let names: Vec<&str> = Decoder::names().collect();
    let wanted = [
        "freebsd",
        "freebsd-i386",
        "netbsd",
        "netbsd7",
        "openbsd",
        "openbsd-i386",
        "dragonfly",
        "dragonfly6",
        "macos",
        "illumos",
        "rtnetlink",
    ];
    assert_eq!(names, wanted);
    assert!(names.into_iter().all(|name| Decoder::named(name).is_some()));
    assert!(Decoder::named("plan9").is_none());
}

#[test]
fn a_dump_is_told_route_by_route() {
    let dump = messages("openbsd", Source::Sysctl, "openbsd-7.5-amd64/dump-inet.bin");
    assert_eq!(dump.len(), 8);
    let default = &dump[0];
    assert_eq!((default.kind.as_str(), default.version, default.index), ("RTM_GET", Some(5), Some(1)));
    assert_eq!(default.flags, ["UP", "GATEWAY", "DONE", "STATIC"]);
    assert_eq!(default.trailing, Some(0));
    let addr = |name| default.addrs.iter().find(|(known, _)| *known == name).map(|(_, addr)| addr.clone());
    assert_eq!(addr("netmask"), Some(Addr::Text("0.0.0.0".to_owned())));
    assert_eq!(addr("label"), Some(Addr::Text("dhcpleased".to_owned())));
    let address = vec![0, 0x15, 0x5d, 0, 0x65, 0x09];
    assert_eq!(addr("ifp"), Some(Addr::Link { name: "hvn0".to_owned(), index: 1, address }));
    let Some(Notice::Route(_, route)) = &default.meaning else { panic!("{:?}", default.meaning) };
    assert_eq!(route.slot.priority, 8);
}

#[test]
fn a_trimmed_mask_is_one_of_the_destinations_family() {
    let dump = messages("netbsd7", Source::Sysctl, "netbsd-7.99.34-amd64/301-dump-after-down-sysctl.bin");
    let masks: Vec<&str> = dump
        .iter()
        .flat_map(|message| &message.addrs)
        .filter_map(|(name, addr)| match addr {
            Addr::Text(mask) if *name == "netmask" => Some(mask.as_str()),
            _ => None,
        })
        .collect();
    for mask in ["255.255.255.0", "255.0.255.0", "255.255.255.128", "ffff:ffff:ffff:ffff::", "ffff:ffff::"] {
        assert!(masks.contains(&mask), "{mask}: {masks:?}");
    }
}

#[test]
fn an_attempt_is_told_of_with_its_error() {
    let capture = "netbsd-7.99.34-amd64/322-add-unpriv-broadcast.bin";
    let [attempt] = &messages("netbsd7", Source::Socket, capture)[..] else { panic!("one message") };
    assert_eq!((attempt.kind.as_str(), attempt.errno), ("RTM_ADD", Some(13)));
    assert!(matches!(&attempt.meaning, Some(Notice::Route(_, route)) if route.slot.destination.to_string() == "192.168.77.0/24"));
}

#[test]
fn what_cannot_be_read_says_why_and_the_rest_goes_on() {
    let mut bytes = captured("netbsd-7.99.34-amd64/239-miss-v4-event.bin");
    let miss = bytes.clone();
    // Another version, and then a whole one.
    bytes[2] = 5;
    bytes.extend(&miss);
    let items = Decoder::named("netbsd7").unwrap().big_endian(false).items(&bytes);
    let [Item::Malformed { why, offset: 2 }, Item::Message(message)] = &items[..] else { panic!("{items:?}") };
    assert_eq!(why, "expected version 4, found 5");
    assert!(matches!(message.meaning, Some(Notice::Miss(_))));
}
