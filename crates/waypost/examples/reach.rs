//! Keeps a connection only as long as it has a way: `cargo run -p waypost --example reach -- 192.0.2.1:443`.
//!
//! ```text
//!   kernel ──messages──▶ Watcher ──events──▶ Reach ──judgements──▶ this program
//!                        (mirror)            a slice of flows at a time
//! ```

use std::net::{Shutdown, SocketAddr, TcpStream};

use waypost::{Effects, Flow, Reach};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let remote: SocketAddr = std::env::args().nth(1).ok_or("an address and a port are missing")?.parse()?;
    let mut reach = Reach::open()?;
    loop {
        let stream = TcpStream::connect(remote)?;
        // What the kernel chose for it is what it stands or falls with.
        let mut flow = Flow::to(remote.ip());
        flow.source = Some(stream.local_addr()?.ip());
        let id = reach.register(&flow);
        println!("connected from {}", stream.local_addr()?);
        while let Some(hit) = reach.next(None)? {
            println!("hit: {}; now: {}", hit.effects.words().collect::<Vec<_>>().join(", "), hit.now.outlook.word());
            if hit.effects.intersects(Effects::ROUTE_LOST | Effects::SOURCE_LOST | Effects::ROUTE_GONE) {
                // TCP itself would go on trying for a quarter of an hour.
                stream.shutdown(Shutdown::Both)?;
                break;
            }
        }
        reach.remove(id);
    }
}
