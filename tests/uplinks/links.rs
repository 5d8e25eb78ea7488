//! Links that go and come, and what that costs.

use std::fs::File;
use std::io::Read;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use waypost_tests::ip::{index_of, ip, ip_batch, sysctl};
use waypost_tests::{route_socket, switch_link};

use crate::running::rounds;
use crate::world::{Stream, beyond, config, defaults, leaves_by, make, now, pass, start, until};

/// Hears what the kernel tells of links and routes, each as it comes.
struct Ear(File);

/// What it tells, of what counts here.
#[derive(PartialEq)]
enum Said {
    /// The interface of this number carries nothing.
    Down(u32),
    /// There is an uplink's high default route.
    High,
    Other,
}

impl Ear {
    /// `RTMGRP_LINK` and `RTMGRP_IPV4_ROUTE`.
    const GROUPS: u32 = 1 | 0x40;

    fn open() -> Self {
        Self(File::from(route_socket(Self::GROUPS)))
    }

    /// Waits until that is told, and says when it came.
    fn hears(&mut self, awaited: &Said) -> Instant {
        let mut buffer = [0; 4096];
        loop {
            let length = self.0.read(&mut buffer).expect("the socket lives");
            let time = now();
            if read(&buffer[..length]) == *awaited {
                return time;
            }
        }
    }
}

/// Reads one message: its type stands at 4, what it tells from 16 on (rtnetlink(7)).
fn read(message: &[u8]) -> Said {
    const NEW_LINK: u16 = 16;
    const NEW_ROUTE: u16 = 24;
    const IFF_LOWER_UP: u32 = 0x1_0000;
    const RTA_PRIORITY: u16 = 6;
    let short = |at: usize| u16::from_ne_bytes([message[at], message[at + 1]]);
    let long = |at: usize| u32::from_ne_bytes([message[at], message[at + 1], message[at + 2], message[at + 3]]);
    match short(4) {
        NEW_LINK if long(24) & IFF_LOWER_UP == 0 => Said::Down(long(20)),
        // The length of the destination and the protocol; of the attributes behind, the metric.
        NEW_ROUTE if message[17] == 0 && u32::from(message[21]) == PROTOCOL => {
            let mut at = 28;
            while at + 8 <= message.len() {
                if short(at + 2) == RTA_PRIORITY {
                    return if long(at + 4) < 100 { Said::High } else { Said::Other };
                }
                at += usize::from(short(at)).max(4).next_multiple_of(4);
            }
            Said::Other
        }
        _ => Said::Other,
    }
}

/// By what the routes of the daemon are known.
const PROTOCOL: u32 = 87;

/// From when a program like the daemon hears that the link is down to when it hears of the other uplink's high default route; and the same from when
/// the kernel was done with the link: it tells before, and whoever asks for a route in between waits for it (`dev_close_many`, net/core/dev.c, Linux 6.18).
fn time_to_switch(down: u32, switch: impl FnOnce()) -> [Duration; 2] {
    let mut ear = Ear::open();
    let (listens, listening) = mpsc::channel();
    thread::scope(|scope| {
        let times = scope.spawn(move || {
            listens.send(()).expect("somebody waits");
            let broadcast = ear.hears(&Said::Down(down));
            (broadcast, ear.hears(&Said::High))
        });
        listening.recv().expect("it listens");
        switch();
        let done = now();
        let (broadcast, high) = times.join().expect("it hears both");
        [broadcast, done].map(|from| high.saturating_duration_since(from))
    })
}

/// The times of a kind, in order, with what is said of them.
fn tell(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent).div_ceil(100) - 1];
    eprintln!("{what}, {} times: median {:?}, p99 {:?}, longest {:?}", times.len(), at(50), at(99), at(100));
}

pub(crate) fn a_link_that_goes_down_is_left_at_once() {
    make();
    let _daemon = start(&config("hold_down = 0.05\nhold_down_max = 0.05", ""));
    let own = index_of("w2");
    let other = ip("-n beyond -o link show dev r2").split(':').next().and_then(|number| number.parse().ok()).expect("a number");
    let there = move |up| beyond(move || switch_link(other, up)).join().expect("it is switched");
    let here = move |up| switch_link(own, up);
    let kinds: [(&str, &dyn Fn(bool)); 2] = [("switched off", &here), ("carrier lost", &there)];
    for (what, switch) in kinds {
        let mut times = [Vec::new(), Vec::new()];
        let stream = Stream::begin();
        for _ in 0..rounds(5) {
            until("w2 is elected", || leaves_by() == "w2" && defaults().len() == 2);
            for (times, time) in times.iter_mut().zip(time_to_switch(own, || switch(false))) {
                times.push(time);
            }
            switch(true);
        }
        let (sent, lost) = stream.end();
        // How long it took is a matter of the scheduler's beside builds and other tests: it is told, not judged.
        tell(&format!("{what}, from its being told"), &mut times[0]);
        tell(&format!("{what}, from its being done"), &mut times[1]);
        eprintln!("{what}: {sent} packets, {lost} lost");
    }
}

/// The processor time that a process has used, of all its threads.
fn used(process: u32) -> Duration {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).expect("it runs");
    let time = |thread: std::fs::DirEntry| {
        // What the first number says is in nanoseconds (Documentation/scheduler/sched-stats.rst, Linux 6.18).
        let text = std::fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
        text.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
    };
    Duration::from_nanos(threads.flatten().map(time).sum())
}

pub(crate) fn sixty_four_uplinks_that_flap_have_their_routes_again() {
    const UPLINKS: u32 = 64;
    sysctl("net/ipv6/conf/default/disable_ipv6", "1");
    ip("netns add beyond");
    let mut lines = Vec::new();
    let mut text = "socket = \"/run/uplinks/sock\"\n".to_owned();
    for number in 0..UPLINKS {
        lines.push(format!("link add d{number} type veth peer name e{number} netns beyond"));
        lines.push(format!("address add 10.{number}.0.2/24 dev d{number}"));
        lines.push(format!("link set d{number} up"));
        text += &format!(
            "[[uplink]]\nname = \"d{number}\"\ninterface = \"d{number}\"\nipv4 = \"10.{number}.0.1\"\npriority = {}\n",
            UPLINKS - number
        );
    }
    ip_batch(lines);
    let peers = (0..UPLINKS).map(|number| format!("link set e{number} up"));
    beyond(move || ip_batch(peers)).join().expect("the other ends are switched on");
    let indices: Vec<u32> = (0..UPLINKS).map(|number| index_of(&format!("d{number}"))).collect();
    let path = crate::world::write_config(&text);
    let daemon = waypost_tests::command::Running::new(&format!("uplinks --config {path}"));
    let all = usize::try_from(UPLINKS).expect("a few");
    until("all have their routes", || defaults().len() == all);
    let flaps = rounds(1) * 20;
    let (begin, before) = (now(), used(daemon.child.id()));
    for flap in 0..flaps {
        // The elected one in each second turn, else another each time.
        let at = if flap % 2 == 0 { 0 } else { usize::try_from(flap).expect("a few") % all };
        switch_link(indices[at], false);
        pass(Duration::from_millis(50));
        switch_link(indices[at], true);
        pass(Duration::from_millis(50));
    }
    let (took, spent) = (begin.elapsed(), used(daemon.child.id()) - before);
    let share = spent.as_secs_f64() / took.as_secs_f64() * 100.0;
    eprintln!(
        "64 uplinks, {:.1} flaps a second for {:.1} s: {:?} for each, {share:.2} % of a core",
        f64::from(flaps) / took.as_secs_f64(),
        took.as_secs_f64(),
        spent / flaps
    );
    until("all have their routes again", || defaults().len() == all);
}
