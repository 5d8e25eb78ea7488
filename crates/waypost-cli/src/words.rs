//! Values as people write them, and the words of a lookup and of a route to add.

mod selection;

use waypost::{Family, Flow, Metric, Names, ParseError, Prefix, Route};

use crate::failure::Failure;

pub(crate) use selection::Selection;

/// The value behind a keyword.
fn value<'a>(words: &mut impl Iterator<Item = &'a str>, keyword: &str) -> Result<&'a str, Failure> {
    words.next().ok_or_else(|| Failure::Usage(format!("something must follow {keyword:?}")))
}

fn read<T: std::str::FromStr>(word: &str, what: &str) -> Result<T, Failure> {
    word.parse().map_err(|_| Failure::Usage(format!("{word:?} is no {what}")))
}

/// What a word that may be a name has been read as.
fn named<T>(read: Result<T, ParseError>) -> Result<T, Failure> {
    read.map_err(|error| Failure::Usage(error.to_string()))
}

/// A number, decimal or hexadecimal with `0x`.
fn number<N: TryFrom<u32>>(word: &str, what: &str) -> Result<N, Failure> {
    let number: Option<u32> = match word.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => word.parse().ok(),
    };
    number.and_then(|number| number.try_into().ok()).ok_or_else(|| Failure::Usage(format!("{word:?} is no {what}")))
}

/// The interface of a name; that there is none is no wrong usage.
pub(crate) fn interface(name: &str, names: Names<'_>) -> Result<waypost::IfIndex, Failure> {
    names.interfaces().index(name).map_err(|error| Failure::of_words(&error, &["dev", name]))
}

/// Refuses a prefix of the family that the user ruled out.
fn check_family(prefix: Prefix, family: Option<Family>) -> Result<(), Failure> {
    match family {
        Some(wanted) if wanted != prefix.family() => {
            let option = if wanted == Family::V4 { "-4" } else { "-6" };
            Err(Failure::Usage(format!("{prefix} does not go with {option}")))
        }
        _ => Ok(()),
    }
}

/// Reads a whole route, to be added or put in another's place.
pub(crate) fn route(words: &[&str], names: Names<'_>, family: Option<Family>) -> Result<Route, Failure> {
    let told = family.or_else(|| family_told(words));
    // Where routes have metrics, `ip route` means them by this word too; text of systems that have priorities is not for adding here.
    let words: Vec<&str> = words.iter().map(|word| if *word == "priority" { "metric" } else { *word }).collect();
    let mut route = Route::parse_words(&words, names, told).map_err(|error| Failure::of_words(&error, &words))?;
    if words.contains(&"rto_min") {
        // The kernel heeds it only where it is locked, so `ip route add` locks it (`iproute_modify` in iproute2's `ip/iproute.c`, 6.1).
        route.entry.metrics.lock(Metric::RtoMin);
    }
    check_family(route.slot.destination, family)?;
    Ok(route)
}

/// The family that `via inet6` or `via inet` tells of a `default` where nobody names another: for `ip route add` the gateway's, though
/// in what it prints the words mean that the gateway is of another one (`iproute_modify` in iproute2's `ip/iproute.c`, 6.1).
fn family_told(words: &[&str]) -> Option<Family> {
    let is_bare = words.iter().take(3).any(|word| matches!(*word, "default" | "any" | "all"));
    let mut pairs = words.windows(2).filter(|pair| is_bare && pair[0] == "via");
    pairs.find_map(|pair| match pair[1] {
        "inet" => Some(Family::V4),
        "inet6" => Some(Family::V6),
        _ => None,
    })
}

/// Reads the words of `get`.
pub(crate) fn flow(words: &[&str], names: Names<'_>) -> Result<Flow, Failure> {
    let mut words = words.iter().copied().peekable();
    words.next_if_eq(&"to");
    let destination = value(&mut words, "get")?;
    let mut flow = Flow::to(read(destination, "address")?);
    while let Some(word) = words.next() {
        let value = value(&mut words, word)?;
        match word {
            "from" => flow.source = Some(read(value, "address")?),
            "iif" => flow.input = Some(interface(value, names)?),
            "oif" | "dev" => flow.output = Some(interface(value, names)?),
            "mark" | "fwmark" => flow.mark = number(value, "mark")?,
            "tos" | "dsfield" => flow.tos = named(names.read_type_of_service(value))?,
            "uid" => flow.uid = Some(number(value, "user id")?),
            "ipproto" => flow.ip_protocol = Some(ip_protocol(value)?),
            "sport" => flow.source_port = Some(number(value, "port")?),
            "dport" => flow.destination_port = Some(number(value, "port")?),
            "flowlabel" => flow.flow_label = Some(number(value, "flow label")?),
            _ => return Err(Failure::Usage(ParseError::new(word, "is no word of a lookup").to_string())),
        }
    }
    let of_another = |address: std::net::IpAddr| Family::of(&address) != Family::of(&flow.destination);
    match flow.source {
        Some(source) if of_another(source) => {
            Err(Failure::Usage(format!("{source} is not of the family of {}", flow.destination)))
        }
        _ => Ok(flow),
    }
}

fn ip_protocol(word: &str) -> Result<u8, Failure> {
    match word {
        "icmp" => Ok(1),
        "tcp" => Ok(6),
        "udp" => Ok(17),
        "ipv6-icmp" | "icmpv6" => Ok(58),
        "sctp" => Ok(132),
        _ => number(word, "IP protocol"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_flow(text: &str) -> Result<Flow, Failure> {
        flow(&text.split(' ').collect::<Vec<_>>(), Names::none())
    }

    #[test]
    fn a_flow_takes_every_selector() {
        let flow =
            read_flow("192.0.2.1 from 10.0.0.7 iif if2 oif if3 mark 0x7 tos 0x10 uid 5 ipproto tcp sport 1 dport 443").unwrap();
        assert_eq!((flow.mark, flow.tos, flow.uid), (7, 16, Some(5)));
        assert_eq!((flow.ip_protocol, flow.source_port, flow.destination_port), (Some(6), Some(1), Some(443)));
        for wrong in ["192.0.2.1 via 10.0.0.1", "somewhere", "192.0.2.1 from ::1", "192.0.2.1 dport 65536", "192.0.2.1 mark"] {
            assert!(matches!(read_flow(wrong), Err(Failure::Usage(_))), "{wrong}");
        }
    }

    #[test]
    fn a_route_must_be_of_the_family_that_was_asked_for() {
        let read = |text: &str, family| route(&text.split(' ').collect::<Vec<_>>(), Names::none(), family);
        let default = |text, family| read(text, family).unwrap().slot.destination.family();
        assert_eq!(default("default via inet6 fe80::1 dev if2", None), Family::V6);
        assert_eq!(default("throw to default via inet6 fe80::1 dev if2", None), Family::V6);
        assert_eq!(default("default nexthop via inet6 fe80::1 dev if2", None), Family::V6);
        assert_eq!(default("default via inet6 fe80::1 dev if2", Some(Family::V4)), Family::V4);
        assert_eq!(default("0.0.0.0/0 via inet6 fe80::1 dev if2", None), Family::V4);
        assert_eq!(default("10.0.0.0/8 via inet6 fe80::1 dev if2", None), Family::V4);
        assert!(read("10.0.0.0/8 dev if2", Some(Family::V6)).is_err());
        assert_eq!(read("default dev if2", Some(Family::V6)).unwrap().slot.destination, "::/0".parse().unwrap());
    }
}
