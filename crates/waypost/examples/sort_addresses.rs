//! Prints the addresses of a name in the order in which to try them: `cargo run -p waypost --example sort_addresses -- example.org:443`.
//!
//! ```text
//!   name ──resolver──▶ addresses ─┐
//!   kernel ──▶ Watcher ──mirror──▶ sort_addresses ──▶ the first is to be tried first
//! ```

use std::net::{IpAddr, ToSocketAddrs};

use waypost::{AddressPolicy, Watcher, sort_addresses};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let name = std::env::args().nth(1).ok_or("a name and a port are missing")?;
    let mut addresses: Vec<IpAddr> = name.to_socket_addrs()?.map(|address| address.ip()).collect();
    // As it is printed, the system's own order does not show.
    addresses.sort_unstable();
    addresses.dedup();
    let mut watcher = Watcher::open()?;
    watcher.synchronise(None)?;
    sort_addresses(watcher.mirror(), &AddressPolicy::default(), &mut addresses);
    addresses.iter().for_each(|address| println!("{address}"));
    Ok(())
}
