//! Keeps two ways out, of which the first is preferred: `uplinks DEV ROUTER DEV ROUTER`.

use waypost::{Error, ErrorKind, Exit, Family, Options, Uplink, UplinkOptions, Uplinks};

fn main() -> Result<(), Error> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let mut uplinks = Uplinks::open_with(Options::new(), UplinkOptions::default())?;
    for (pair, priority) in words.chunks_exact(2).zip((0..10).rev()) {
        let wrong = |what: &str| Error::new(ErrorKind::Invalid, "read the command line").because(format!("{what:?}"));
        let interface = uplinks.names().exactly(&pair[0]).ok_or_else(|| wrong(&pair[0]))?;
        let router = pair[1].parse().map_err(|_| wrong(&pair[1]))?;
        let mut uplink = Uplink::new(&pair[0], Family::of(&router), interface, Exit::Gateway(router));
        uplink.priority = priority;
        uplinks.set(uplink);
    }
    if words.len() < 2 {
        return Err(Error::new(ErrorKind::Invalid, "read the command line").because("uplinks DEV ROUTER [DEV ROUTER ...]"));
    }
    loop {
        for report in uplinks.turn()?.reports {
            println!("{report:?}");
        }
        uplinks.wait(None)?;
    }
}
