//! What a kernel lists of links, addresses, neighbours, rules and settings, decoded from captured bytes.

mod any_rule;
mod damage;
mod golden;
mod rules;

/// The payloads of a captured list: one a line, in hexadecimal.
fn payloads(list: &str) -> Vec<Vec<u8>> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    list.lines().map(|line| line.as_bytes().chunks(2).map(byte).collect()).collect()
}

const LINKS: &str = include_str!("../data/lists/links.hex");
const ADDRESSES: &str = include_str!("../data/lists/addresses.hex");
const NEIGHBOURS: &str = include_str!("../data/lists/neighbours.hex");
const PROXIES: &str = include_str!("../data/lists/proxies.hex");
const RULES4: &str = include_str!("../data/lists/rules4.hex");
const RULES6: &str = include_str!("../data/lists/rules6.hex");
const SETTINGS4: &str = include_str!("../data/lists/settings4.hex");
const SETTINGS6: &str = include_str!("../data/lists/settings6.hex");

/// An attribute.
fn attribute(kind: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = (data.len() as u16 + 4).to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(data);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}
