//! The network namespace that everything is measured in.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::net::if_::if_nametoindex;
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getegid, geteuid};

use crate::Failure;
use crate::prefixes::Prefixes;
use crate::raw::{Socket, Wish, request};

/// The interface that all routes leave by.
pub(crate) const INTERFACE: &str = "bench0";

/// The gateway of all IPv4 routes.
pub(crate) const GATEWAY_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// The gateway of all IPv6 routes.
pub(crate) const GATEWAY_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

/// How many messages go in one send; larger batches are no faster.
pub(crate) const PER_SEND: usize = 64;

/// Moves this process into a user and a network namespace of its own, and gives it an interface.
///
/// The kernel refuses the first to a process with several threads (unshare(2)): nothing may have started one.
pub(crate) fn enter() -> Result<(), Failure> {
    let (user, group) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET)?;
    // Without this a group mapping is refused to whoever has no rights outside (user_namespaces(7)).
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("0 {user} 1"))?;
    fs::write("/proc/self/gid_map", format!("0 {group} 1"))?;
    add_interface()
}

/// Moves this process into a network namespace without routes; what it leaves there ends with it.
pub(crate) fn enter_empty() -> Result<(), Failure> {
    unshare(CloneFlags::CLONE_NEWNET)?;
    add_interface()
}

fn add_interface() -> Result<(), Failure> {
    for command in [
        "link set lo up",
        "link add bench0 type veth peer name bench1",
        "addr add 192.0.2.2/24 dev bench0",
        "addr add 2001:db8::2/64 dev bench0 nodad",
        "link set bench0 up",
        "link set bench1 up",
    ] {
        let status = Command::new("ip").args(command.split(' ')).stdin(Stdio::null()).status()?;
        if !status.success() {
            return Err(format!("ip {command}: {status}").into());
        }
    }
    Ok(())
}

/// The number of [`INTERFACE`].
pub(crate) fn interface() -> Result<u32, Failure> {
    Ok(if_nametoindex(INTERFACE)?)
}

/// Adds all prefixes, or deletes them.
pub(crate) fn set_all(prefixes: &Prefixes, wish: Wish) -> Result<(), Failure> {
    let v4 = prefixes.v4.iter().map(|prefix| (IpAddr::V4(prefix.network()), prefix.length()));
    let v6 = prefixes.v6.iter().map(|prefix| (IpAddr::V6(prefix.network()), prefix.length()));
    Pipeline::encode(v4.chain(v6), wish, None, Acknowledged::Each)?.run()
}

/// Which requests of a send the kernel is to answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Acknowledged {
    Each,
    Last,
}

/// Requests, encoded beforehand, to be sent many at a time: the floor for whoever installs or removes routes.
#[derive(Debug)]
pub(crate) struct Pipeline {
    bytes: Vec<u8>,
    /// How many answers each send gets, and where it ends in `bytes`.
    sends: Vec<(usize, usize)>,
}

impl Pipeline {
    pub(crate) fn encode(
        prefixes: impl Iterator<Item = (IpAddr, u8)>,
        wish: Wish,
        metric: Option<u32>,
        acknowledged: Acknowledged,
    ) -> Result<Self, Failure> {
        let interface = interface()?;
        let mut pipeline = Self { bytes: Vec::new(), sends: Vec::new() };
        let mut prefixes = prefixes.zip(1..).peekable();
        while prefixes.peek().is_some() {
            let (mut count, mut sent) = (0, 0);
            while let Some((prefix, sequence)) = prefixes.next_if(|_| sent < PER_SEND) {
                sent += 1;
                let gateway = if prefix.0.is_ipv4() { IpAddr::V4(GATEWAY_V4) } else { IpAddr::V6(GATEWAY_V6) };
                let is_last = sent == PER_SEND || prefixes.peek().is_none();
                let is_acknowledged = is_last || acknowledged == Acknowledged::Each;
                request(&mut pipeline.bytes, wish, sequence, prefix, (gateway, interface), metric, is_acknowledged)?;
                count += usize::from(is_acknowledged);
            }
            pipeline.sends.push((count, pipeline.bytes.len()));
        }
        Ok(pipeline)
    }

    /// Sends all, and takes the acknowledgements; the kernel answers a refusal too, asked or not.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        self.run_at(Duration::ZERO)
    }

    /// The same, with a send in each `interval`.
    pub(crate) fn run_at(&self, interval: Duration) -> Result<(), Failure> {
        let socket = Socket::open()?;
        let mut buffer = [0; 4096];
        let mut start = 0;
        let begin = Instant::now();
        for (&(count, end), number) in self.sends.iter().zip(0..) {
            while let Some(rest) = (interval * number).checked_sub(begin.elapsed()) {
                std::thread::park_timeout(rest);
            }
            socket.send(&self.bytes[start..end])?;
            for _ in 0..count {
                socket.acknowledged(&mut buffer)?;
            }
            start = end;
        }
        Ok(())
    }
}
