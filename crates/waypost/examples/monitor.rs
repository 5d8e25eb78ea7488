//! Says when the network is another than before, and what that means: `cargo run -p waypost --example monitor`.
//!
//! ```text
//!   kernel ──messages──▶ Watcher ──events──▶ Monitor ──reports──▶ this program
//!                        (mirror)            at once, then held together
//! ```

use waypost::{Family, Monitor, MonitorOptions, ReportReason};

fn main() -> Result<(), waypost::Error> {
    // A VPN would name its own tunnel, to hear of the default route beneath it.
    let mut monitor = Monitor::open(MonitorOptions::new().ignore_interfaces(["tun*"]))?;
    for family in Family::ALL {
        let way = monitor.snapshot().default_route(family);
        println!("{family:?}: {} routes to everywhere", way.map_or(0, |way| way.routes().count()));
    }
    loop {
        let Some(report) = monitor.next(None)? else { continue };
        println!("{report}\n");
        if report.reasons.iter().any(|reason| matches!(reason, ReportReason::DefaultRoute { to: Some(_), .. })) {
            println!("here a program would connect again\n");
        }
    }
}
