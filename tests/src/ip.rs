//! `ip` of iproute2, run in the namespace of the calling thread: an independent witness, and a rival.

use std::ffi::OsStr;
use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::thread;

/// What `ip` prints, given these words.
///
/// # Panics
///
/// Where it fails: the test has failed.
///
/// ```no_run
/// use waypost_tests::ip::ip;
///
/// ip("link add w0 type veth peer name w1");
/// assert!(ip("-br link show w0").starts_with("w0"));
/// ```
#[track_caller]
pub fn ip(words: &str) -> String {
    let output = run("ip", words.split_whitespace());
    assert!(output.status.success(), "ip {words}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What `ip` says as it fails, given these words.
///
/// # Panics
///
/// Where it does not fail.
#[track_caller]
pub fn ip_fails(words: &str) -> String {
    let output = run("ip", words.split_whitespace());
    assert!(!output.status.success(), "ip {words} did not fail: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs lines such as `route add 10.1.0.0/16 dev w0` in one `ip -batch`, up to the first that fails.
///
/// # Panics
///
/// Where one of them fails.
#[track_caller]
pub fn ip_batch(lines: impl IntoIterator<Item = impl AsRef<str>>) {
    let output = batch(&["-batch", "-"], lines);
    assert!(output.status.success(), "ip -batch: {}", String::from_utf8_lossy(&output.stderr));
}

/// Runs lines as [`ip_batch`] does, going on where one fails; says how many did.
///
/// # Panics
///
/// Where there is no `ip`.
pub fn ip_batch_anyhow(lines: impl IntoIterator<Item = impl AsRef<str>>) -> usize {
    let output = batch(&["-force", "-batch", "-"], lines);
    String::from_utf8_lossy(&output.stderr).lines().filter(|line| line.starts_with("Command failed")).count()
}

fn batch(options: &[&str], lines: impl IntoIterator<Item = impl AsRef<str>>) -> Output {
    let mut text = String::new();
    for line in lines {
        text.push_str(line.as_ref());
        text.push('\n');
    }
    let mut child = Command::new("ip")
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("ip starts");
    let mut input = child.stdin.take().expect("a pipe");
    // What `ip` says of its lines must not fill its pipe while it is still being given some.
    let writer = thread::spawn(move || {
        // Where `ip` stops reading, it says why in its output.
        let _ = input.write_all(text.as_bytes());
    });
    let output = child.wait_with_output().expect("ip ends");
    writer.join().expect("writing does not panic");
    output
}

/// Runs a program in the namespace of the calling thread.
///
/// # Panics
///
/// Where there is no such program.
#[track_caller]
pub fn run(program: &str, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Output {
    match Command::new(program).args(arguments).stdin(Stdio::null()).output() {
        Ok(output) => output,
        Err(error) => panic!("{program}: {error}"),
    }
}

/// Makes two interfaces that are joined to each other, and switches both on.
///
/// # Panics
///
/// Where `ip` cannot.
#[track_caller]
pub fn veth(one: &str, other: &str) {
    ip(&format!("link add {one} type veth peer name {other}"));
    ip(&format!("link set {one} up"));
    ip(&format!("link set {other} up"));
}

/// The same, with an address of each family on the first one, and no duplicate address detection that would change things later:
/// `10.0.0.1/24` and `2001:db8::1/64`.
///
/// # Panics
///
/// Where `ip` cannot.
#[track_caller]
pub fn veth_with_addresses(one: &str, other: &str) {
    sysctl("net/ipv6/conf/default/accept_dad", "0");
    sysctl("net/ipv6/conf/default/router_solicitations", "0");
    veth(one, other);
    ip(&format!("address add 10.0.0.1/24 dev {one}"));
    ip(&format!("address add 2001:db8::1/64 dev {one}"));
    // The kernel adds IPv6 addresses in its own time: to the loopback, and a link-local and the global one here. Each `ip` is a turn.
    let is_done = || {
        let own = ip("-6 -oneline route show table local").lines().filter(|line| line.starts_with("local ")).count();
        own == 4 && ip("-6 -oneline address show tentative").is_empty()
    };
    assert!((0..2000).any(|_| is_done()), "the kernel takes for ever over its IPv6 addresses");
}

/// Two interfaces with a way to everywhere each; IPv6 is off unless it is asked for.
///
/// # Panics
///
/// Where `ip` cannot.
#[track_caller]
pub fn two_uplinks() {
    sysctl("net/ipv6/conf/default/disable_ipv6", "1");
    sysctl("net/ipv6/conf/all/disable_ipv6", "1");
    for (name, network, metric) in [("wlan0", "10.0.0", 100), ("lte0", "10.9.0", 600)] {
        ip(&format!("link add {name} type veth peer name {name}-end"));
        ip(&format!("link set {name}-end up"));
        ip(&format!("link set {name} up"));
        ip(&format!("address add {network}.2/24 dev {name}"));
        ip(&format!("route add default via {network}.1 metric {metric}"));
    }
}

/// The number of an interface of the calling thread's namespace.
///
/// # Panics
///
/// Where there is none of that name.
#[track_caller]
#[must_use]
pub fn index_of(interface: &str) -> u32 {
    let line = ip(&format!("-o link show dev {interface}"));
    let number = line.split(':').next().and_then(|number| number.trim().parse().ok());
    number.unwrap_or_else(|| panic!("ip link printed no number: {line}"))
}

/// Sets a variable of the calling thread's namespace, such as `net/ipv4/ip_forward`.
///
/// # Panics
///
/// Where it cannot be written.
#[track_caller]
pub fn sysctl(name: &str, value: &str) {
    if let Err(error) = std::fs::write(format!("/proc/sys/{name}"), value) {
        panic!("{name}: {error}");
    }
}
