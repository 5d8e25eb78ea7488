//! What a real kernel cannot do by its nature.

/// A test that the kernels whose name and version begin like this do not pass, and why.
struct Exception {
    os: &'static str,
    test: &'static str,
    reason: &'static str,
}

const EXCEPTIONS: &[Exception] = &[
    Exception {
        os: "freebsd 13.",
        test: "a_datagram_without_a_route_is_a_miss",
        reason: "FreeBSD 13.0 sends no RTM_MISS, as captures from it show",
    },
    Exception {
        os: "macos",
        test: "an_interface_comes_and_goes",
        reason: "macOS has no RTM_IFANNOUNCE: it tells of interfaces by kernel events, which are not of routing sockets",
    },
];

/// Why the kernel of this name does not pass the test of this name; `None` where it must.
pub(crate) fn reason(os: &str, test: &str) -> Option<&'static str> {
    EXCEPTIONS.iter().find(|exception| os.starts_with(exception.os) && exception.test == test).map(|exception| exception.reason)
}
