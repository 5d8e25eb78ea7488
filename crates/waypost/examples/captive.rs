//! Says whether the internet is behind each interface, or a portal, whenever the network is another than before:
//! `cargo run -p waypost --features captive --example captive -- http://ADDRESS/PAGE`, a page that answers 204, No Content.
//!
//! ```text
//!   kernel ──▶ Monitor ──report──▶ this program ──▶ Check ──GET through wlan0──▶ 302 ──▶ captive, and where
//!                                                         ──GET through lte0───▶ 204 ──▶ online
//! ```

use waypost::captive::{Check, Endpoint, Internet, Options};
use waypost::{Monitor, MonitorOptions};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let urls: Vec<String> = std::env::args().skip(1).collect();
    let check = Check::new(Options::new(urls.into_iter().map(Endpoint::no_content)))?;
    // What a tunnel carries goes through another interface, which is asked through itself.
    let mut monitor = Monitor::open(MonitorOptions::new().ignore_interfaces(["tun*", "wg*"]))?;
    loop {
        for found in check.run(monitor.snapshot())? {
            match found.internet {
                Internet::Online => println!("{}: online", found.name),
                Internet::Captive { portal: Some(portal) } => println!("{}: visit {portal}", found.name),
                Internet::Captive { portal: None } => println!("{}: somebody else answers", found.name),
                _ => println!("{}: nobody answers", found.name),
            }
        }
        while monitor.next(None)?.is_none() {}
    }
}
