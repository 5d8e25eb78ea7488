//! Keeps two ways out, of which the first is preferred: `uplinks DEV ROUTER DEV ROUTER`.

use std::net::IpAddr;

use waypost::{Error, ErrorKind, Exit, Family, Options, Uplink, UplinkOptions, Uplinks};

fn wrong(why: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Invalid, "read the command line").because(why)
}

/// The pairs of an interface's name and a router; nothing has been opened yet.
fn read(words: &[String]) -> Result<Vec<(&str, IpAddr)>, Error> {
    if words.is_empty() || words.len() % 2 != 0 {
        return Err(wrong("uplinks DEV ROUTER [DEV ROUTER ...]"));
    }
    let router = |word: &str| word.parse().map_err(|_| wrong(format!("{word:?} is no address of a router")));
    words.chunks_exact(2).map(|pair| Ok((pair[0].as_str(), router(&pair[1])?))).collect()
}

fn main() -> Result<(), Error> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let pairs = read(&words)?;
    let mut uplinks = Uplinks::open_with(Options::new(), UplinkOptions::default())?;
    for (number, (name, router)) in pairs.iter().rev().enumerate() {
        let interface = uplinks.names().exactly(name).ok_or_else(|| wrong(format!("there is no interface {name:?}")))?;
        let mut uplink = Uplink::new(format!("{name} {router}"), Family::of(router), interface, Exit::Gateway(*router));
        uplink.priority = u32::try_from(number).unwrap_or(u32::MAX);
        uplinks.set(uplink);
    }
    loop {
        for report in uplinks.turn()?.reports {
            println!("{report:?}");
        }
        uplinks.wait(None)?;
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn words_are_read_before_anything_is_opened() {
        let read = |text: &str| {
            let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
            super::read(&words).map(|pairs| pairs.len()).map_err(|error| error.reason().to_owned())
        };
        assert_eq!(read("eth0 192.0.2.1 wwan0 2001:db8::1"), Ok(2));
        for text in ["", "eth0", "eth0 192.0.2.1 wwan0"] {
            assert_eq!(read(text), Err("uplinks DEV ROUTER [DEV ROUTER ...]".to_owned()), "{text:?}");
        }
        assert_eq!(read("eth0 router"), Err("\"router\" is no address of a router".to_owned()));
    }
}
