//! Keeps two ways out, of which the first is preferred: `uplinks DEV ROUTER DEV ROUTER`. Its routes stay when it is ended, for the next run to take over; with no
//! words but `--clear` it takes away what earlier runs left.

use std::net::IpAddr;

use waypost::{Error, ErrorKind, Exit, Family, Options, Uplink, UplinkId, UplinkOptions, UplinkReport, Uplinks};

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

/// One line for what is worth telling; nothing for what is not.
fn line(report: &UplinkReport, uplinks: &Uplinks) -> Option<String> {
    let name = |id: UplinkId| uplinks.uplink(id).map_or("one that went", |uplink| uplink.name.as_str());
    Some(match report {
        UplinkReport::Elected { now: Some(now), cause, .. } => format!("{} is elected: {}", name(*now), cause.words()),
        UplinkReport::Elected { family, .. } => format!("no uplink can be used for {family:?}"),
        UplinkReport::Switched { uplink, role } => format!("{} has the {role} default route", name(*uplink)),
        UplinkReport::Refused { wish, error } => format!("{}: {} was refused: {error}", name(wish.uplink), wish.route),
        UplinkReport::Kept { wish, error } => format!("{}: {} was not deleted: {error}", name(wish.uplink), wish.route),
        UplinkReport::Lost { wish, .. } => format!("{}: {} has gone", name(wish.uplink), wish.route),
        UplinkReport::Outranked { route } => format!("{route} is used before the elected uplink"),
        UplinkReport::Graded { uplink, grade } => format!("{} is {}", name(*uplink), grade.word()),
        UplinkReport::Leftover { route } => format!("nobody wants {route}, which an earlier run left: it goes"),
        _ => return None,
    })
}

/// Takes away what earlier runs left: routes with our protocol number that no uplink wants.
fn clear(mut uplinks: Uplinks) -> Result<(), Error> {
    loop {
        for report in uplinks.turn()?.reports {
            line(&report, &uplinks).iter().for_each(|line| println!("{line}"));
        }
        if uplinks.is_idle() {
            return Ok(());
        }
        uplinks.wait(None)?;
    }
}

fn main() -> Result<(), Error> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words == ["--clear"] {
        return clear(Uplinks::open_with(Options::new(), UplinkOptions::default())?);
    }
    let pairs = read(&words)?;
    let mut uplinks = Uplinks::open_with(Options::new(), UplinkOptions::default())?;
    for (number, (name, router)) in pairs.iter().rev().enumerate() {
        let interface = uplinks.names().exactly(name).ok_or_else(|| wrong(format!("there is no interface {name:?}")))?;
        let mut uplink = Uplink::new(format!("{name} {router}"), Family::of(router), interface, Exit::Gateway(*router));
        uplink.priority = u32::try_from(number).unwrap_or(u32::MAX);
        uplinks.set(uplink);
    }
    println!("the routes stay when this is ended; --clear takes them away");
    loop {
        for report in uplinks.turn()?.reports {
            line(&report, &uplinks).iter().for_each(|line| println!("{line}"));
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
