//! The surroundings of the command: pipes, terminals, namespaces, shells, manual pages.

use super::*;

pub(super) fn a_reader_that_goes_away_is_no_error() {
    rich_table();
    let (reader, writer) = UnixStream::pair().expect("a pair of sockets");
    drop(reader);
    let output = command("show table all").stdout(OwnedFd::from(writer)).stderr(Stdio::piped()).output().expect("it starts");
    assert_eq!(text(&output.stderr), "");
    assert!(output.status.success());
}

pub(super) fn another_namespace_is_looked_into() {
    veth_with_addresses("w0", "w1");
    ip("netns add blue");
    ip("-n blue link set lo up");
    ip("-n blue route add blackhole 10.77.0.0/16");
    assert_eq!(waypost("--netns blue -4 show"), "blackhole 10.77.0.0/16\n");
    assert_eq!(waypost("-4 show --netns /run/netns/blue"), "blackhole 10.77.0.0/16\n");
    waypost("add 10.78.0.0/16 dev lo --netns blue");
    assert_eq!(ip("route show exact 10.78.0.0/16"), "");
}
