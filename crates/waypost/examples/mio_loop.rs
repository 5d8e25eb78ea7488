//! The watcher in a loop of one's own, beside another socket: `cargo run --example mio_loop`.
//!
//! It only reads the tables. The other socket is a UDP one on the loopback; it answers with the way to whatever address it is sent.

use std::net::IpAddr;

use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};
use waypost::{Flow, Watcher};

const ROUTES: Token = Token(0);
const QUESTIONS: Token = Token(1);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut watcher = Watcher::open()?;
    watcher.synchronise(None)?;
    let mut socket = UdpSocket::bind("127.0.0.1:0".parse()?)?;
    println!("ask {} for an address", socket.local_addr()?);

    let mut poll = Poll::new()?;
    poll.registry().register(&mut watcher, ROUTES, Interest::READABLE)?;
    poll.registry().register(&mut socket, QUESTIONS, Interest::READABLE)?;
    let mut ready = Events::with_capacity(16);
    loop {
        // The watcher says how long the loop may sleep at most.
        poll.poll(&mut ready, watcher.deadline())?;
        while let Some(event) = watcher.try_next()? {
            println!("{event:?}");
        }
        if ready.iter().any(|event| event.token() == QUESTIONS) {
            answer(&socket, &watcher)?;
        }
    }
}

/// Answers all the questions that have come.
fn answer(socket: &UdpSocket, watcher: &Watcher) -> std::io::Result<()> {
    let mut question = [0; 64];
    loop {
        let (length, asker) = match socket.recv_from(&mut question) {
            Ok(received) => received,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        let address = std::str::from_utf8(&question[..length]).ok().and_then(|text| text.trim().parse::<IpAddr>().ok());
        let answer = match address {
            Some(address) => format!("{:?}\n", watcher.lookup(&Flow::to(address))),
            None => "that is no address\n".to_owned(),
        };
        socket.send_to(answer.as_bytes(), asker)?;
    }
}
