//! `waypost link`, `addr` and `neigh`: list what routes hang on.

use waypost::{Address, Family, IfIndex, Names};

use crate::failure::Failure;
use crate::invocation::Invocation;
use crate::json::{AddressJson, LinkAddressesJson, LinkJson, NeighbourJson};
use crate::numbers;
use crate::words;

pub(crate) fn links(invocation: &mut Invocation, words: &[String]) -> Result<(), Failure> {
    let mut routes = invocation.routes()?;
    let interfaces = routes.names()?;
    let names = numbers::with(&interfaces);
    let wanted = one_interface(words, names)?;
    let mut links = routes.links()?;
    links.retain(|link| wanted.is_none_or(|index| index == link.index));
    let output = &mut invocation.output;
    if !output.json {
        return Ok(links.iter().try_for_each(|link| output.line(&link.with_names(names).to_string()))?);
    }
    let mut array = output.array()?;
    links.iter().try_for_each(|link| array.push(&LinkJson::new(link, names)))?;
    Ok(array.end()?)
}

pub(crate) fn addresses(invocation: &mut Invocation, words: &[String]) -> Result<(), Failure> {
    let mut routes = invocation.routes()?;
    let links = routes.links()?;
    let interfaces = routes.names()?;
    let names = numbers::with(&interfaces);
    let wanted = one_interface(words, names)?;
    let family = invocation.family();
    let mut addresses = routes.addresses()?;
    addresses.retain(|address| is_of(address.interface, &address.local, wanted, family));
    let output = &mut invocation.output;
    if !output.json {
        return Ok(addresses.iter().try_for_each(|address| output.line(&address.with_names(names).to_string()))?);
    }
    let mut array = output.array()?;
    for link in &links {
        let has = |address: &&Address| address.interface == link.index;
        let addr_info: Vec<_> = addresses.iter().filter(has).map(|address| AddressJson::new(address, names)).collect();
        if !addr_info.is_empty() {
            array.push(&LinkAddressesJson { link: LinkJson::new(link, names), addr_info })?;
        }
    }
    Ok(array.end()?)
}

pub(crate) fn neighbours(invocation: &mut Invocation, words: &[String]) -> Result<(), Failure> {
    let mut routes = invocation.routes()?;
    let interfaces = routes.names()?;
    let names = numbers::with(&interfaces);
    let wanted = one_interface(words, names)?;
    let family = invocation.family();
    let mut neighbours = routes.neighbours()?;
    neighbours.retain(|neighbour| is_of(neighbour.interface, &neighbour.address, wanted, family));
    let output = &mut invocation.output;
    if !output.json {
        return Ok(neighbours.iter().try_for_each(|neighbour| output.line(&neighbour.with_names(names).to_string()))?);
    }
    let mut array = output.array()?;
    neighbours.iter().try_for_each(|neighbour| array.push(&NeighbourJson::new(neighbour, names)))?;
    Ok(array.end()?)
}

fn is_of(interface: IfIndex, address: &std::net::IpAddr, wanted: Option<IfIndex>, family: Option<Family>) -> bool {
    wanted.is_none_or(|index| index == interface) && family.is_none_or(|family| family == Family::of(address))
}

/// Reads `[show] [dev] [NAME]`.
fn one_interface(words: &[String], names: Names<'_>) -> Result<Option<IfIndex>, Failure> {
    let mut words = words.iter().map(String::as_str).peekable();
    words.next_if(|word| matches!(*word, "show" | "list" | "ls"));
    let is_announced = words.next_if_eq(&"dev").is_some();
    let wanted = words.next().map(|name| words::interface(name, names)).transpose()?;
    if is_announced && wanted.is_none() {
        return Err(Failure::Usage("something must follow \"dev\"".to_owned()));
    }
    match words.next() {
        Some(word) => Err(Failure::Usage(format!("{word:?} is one word too many"))),
        None => Ok(wanted),
    }
}
