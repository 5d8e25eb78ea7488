//! Three uplinks of both families, and a VPN over them.

use waypost_tests::command::Running;
use waypost_tests::ip::ip;

use crate::running::{kill_after_promoting_w3, rounds, start_again};
use crate::world::{BEYOND, BEYOND_6, Stream, ask, leaves_by_to, make_three, signal, until, write_config};

/// The VPN's server: what is sent to it must not go by the VPN.
const SERVER: std::net::Ipv4Addr = std::net::Ipv4Addr::new(198, 51, 100, 9);

/// How many metrics there are for elected uplinks, so that a switch takes one that is better than the last.
const HIGH_BAND: u32 = 99;

/// The uplinks w2, w3 and w4, and the VPN v0 to the host beyond.
fn begin() -> Running {
    make_three();
    ip("link add v0 type veth peer name e0 index 109");
    ip("link set e0 netns beyond");
    ip("address add 10.9.0.2 peer 10.9.0.1 dev v0");
    ip("link set v0 up");
    ip("-n beyond address add 10.9.0.1 peer 10.9.0.2 dev e0");
    ip("-n beyond link set e0 up");
    // A tunnel's end takes packets to any host; the other end of this one has to be told which it answers for.
    ip(&format!("neigh add {BEYOND} lladdr {} dev v0 nud permanent", address_of_e0()));
    ip(&format!("-n beyond address add {SERVER}/32 dev lo"));
    let mut text = "socket = \"/run/uplinks/sock\"\nhold_down = 0.05\nhold_down_max = 0.05\n".to_owned();
    for number in [2, 3, 4] {
        text += &format!(
            "[[uplink]]\nname = \"w{number}\"\ninterface = \"w{number}\"\nipv4 = \"10.{number}.0.1\"\nipv6 = \"2001:db8:{number}::1\"\n\
             priority = {}\n",
            40 - number * 10
        );
    }
    text += &format!(
        "[[uplink]]\nname = \"vpn\"\ninterface = \"v0\"\nipv4 = \"point-to-point\"\npriority = 90\nvpn_server = \"{SERVER}\"\n"
    );
    Running::new(&format!("uplinks --config {}", write_config(&text)))
}

fn address_of_e0() -> String {
    let line = ip("-n beyond -o link show dev e0");
    line.split_whitespace().skip_while(|word| *word != "link/ether").nth(1).expect("it has one").to_owned()
}

/// Waits until IPv6, and what goes to the VPN's server, leave by an uplink, and all else of IPv4 by another.
#[track_caller]
fn until_by(physical: &str, four: &str) {
    until(&format!("{physical} carries, {four} takes all"), || {
        leaves_by_to(BEYOND_6.into()) == physical
            && leaves_by_to(SERVER.into()) == physical
            && leaves_by_to(BEYOND.into()) == four
    });
}

/// Ends the streams, of which neither has lost anything.
fn end(streams: [Stream; 2], what: &str, switches: u32) {
    for (family, stream) in ["IPv4, the VPN", "IPv6"].into_iter().zip(streams) {
        let (sent, lost) = stream.end();
        eprintln!("three uplinks, {family}: {switches} {what}, {sent} packets, {lost} lost");
        // A lookup of IPv6 at a route that is being deleted fails once, which the high band avoids until it is at its end and begins again.
        let may_be_lost = if family == "IPv6" { switches / HIGH_BAND } else { 0 };
        assert!(lost <= may_be_lost, "{family}: {lost} of {sent}");
    }
}

pub(crate) fn three_uplinks_of_both_families_carry_a_vpn_through_switches_without_a_loss() {
    let mut daemon = begin();
    until_by("w2", "v0");
    let streams = [Stream::begin(), Stream::to(BEYOND_6.into())];
    for _ in 0..rounds(3) {
        ask("--demote w2");
        until_by("w3", "v0");
        ask("--demote w3");
        until_by("w4", "v0");
        ask("--release");
        until_by("w2", "v0");
        ask("--promote w4");
        until_by("w4", "w4");
        ask("--release");
        until_by("w2", "v0");
    }
    end(streams, "switches", rounds(3) * 5);
    // Who carries goes down: the VPN goes on over the next.
    ip("link set w2 down");
    until_by("w3", "v0");
    ip("link set v0 down");
    until_by("w3", "w3");
    ip("link set v0 up");
    until_by("w3", "v0");
    signal(&daemon, "TERM");
    assert!(daemon.child.wait().expect("it ends").success());
    assert_eq!(ip("-4 route show table all proto 87") + &ip("-6 route show table all proto 87"), "", "nothing is left");
}

pub(crate) fn killed_and_started_again_three_uplinks_and_a_vpn_lose_nothing() {
    let mut daemon = begin();
    until_by("w2", "v0");
    let streams = [Stream::begin(), Stream::to(BEYOND_6.into())];
    let mut moment = 11;
    for _ in 0..rounds(4) {
        kill_after_promoting_w3(daemon, &mut moment);
        daemon = start_again();
        until_by("w2", "v0");
    }
    end(streams, "kills", rounds(4));
}
