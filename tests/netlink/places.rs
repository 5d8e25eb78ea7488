use std::fs::File;

use waypost::{Namespace, Native, Options};
use waypost_core::{Dump, ErrorKind, Request};
use waypost_tests::ip::ip;

use super::{ask, changes, hear};

/// The calling thread's namespace.
const HERE: &str = "/proc/thread-self/ns/net";

fn open_in(namespace: Namespace) -> Native {
    Native::open(&Options::new().namespace(namespace)).expect("it opens")
}

pub(crate) fn another_namespace_is_reached_by_name_by_path_and_by_descriptor() {
    ip("netns add blue");
    let file = File::open("/run/netns/blue").unwrap();
    let kernels = [Namespace::Name("blue".into()), Namespace::Path("/run/netns/blue".into()), Namespace::Fd(file.into())];
    let mut kernels = kernels.map(open_in);
    let mut here = open_in(Namespace::Current);
    ip("-n blue link set lo up");
    ip("-n blue route add 10.1.0.0/16 dev lo");
    for kernel in &mut kernels {
        let heard = changes(&hear(kernel));
        assert_eq!(heard.iter().filter(|change| *change == "Added 10.1.0.0/16").count(), 1, "{heard:?}");
        let listed = ask(kernel, Request::Dump(Dump::Routes(waypost_core::Family::V4, &Default::default())));
        assert!(changes(&listed).contains(&"Listed 10.1.0.0/16".to_owned()));
    }
    assert!(changes(&hear(&mut here)).is_empty());
}

pub(crate) fn the_caller_stays_where_it_is() {
    ip("netns add blue");
    let before = std::fs::read_link(HERE).unwrap();
    open_in(Namespace::Name("blue".into()));
    assert_eq!(std::fs::read_link(HERE).unwrap(), before);
}

pub(crate) fn a_namespace_that_is_missing_is_said_to_be() {
    let refused = |namespace| Native::open(&Options::new().namespace(namespace)).expect_err("there is none");
    let error = refused(Namespace::Name("green".into()));
    assert_eq!((error.kind(), error.subject()), (ErrorKind::NoSuchDevice, Some("green")));
    assert_eq!(refused(Namespace::Path("/run/netns/green".into())).kind(), ErrorKind::NoSuchDevice);
    assert_eq!(refused(Namespace::Name("../netns/green".into())).kind(), ErrorKind::Invalid);
    // A file that is no namespace.
    assert_eq!(refused(Namespace::Path("/proc/self/status".into())).kind(), ErrorKind::Invalid);
}

pub(crate) fn the_receive_buffer_is_told_as_it_is() {
    let kernel = Native::open(&Options::new().receive_buffer(100_000)).unwrap();
    assert_eq!(kernel.receive_buffer(), 100_000);
    let limit: usize = std::fs::read_to_string("/proc/sys/net/core/rmem_max").unwrap().trim().parse().unwrap();
    assert!(Native::open(&Options::new()).unwrap().receive_buffer() >= (2 * limit).min(64 << 20));
}

pub(crate) fn rights_allow_a_larger_receive_buffer() {
    assert_eq!(Native::open(&Options::new()).unwrap().receive_buffer(), 64 << 20);
}
