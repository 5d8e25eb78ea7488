//! Why a packet would go where it goes, by tables that were saved as text.
//!
//! ```console
//! $ waypost show table all > routes
//! $ waypost -4 rule > rules
//! $ cargo run -p waypost-core --example explain -- routes rules 192.0.2.1
//! ```

use std::error::Error;
use std::fs;
use std::net::IpAddr;

use waypost_core::lookup::World;
use waypost_core::{Family, Flow, IfIndex, InterfaceNames, Position, Route, Rule, Tables};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [routes, rules, destination] = &arguments[..] else { return Err("ROUTES RULES ADDRESS".into()) };
    let (routes, rules) = (fs::read_to_string(routes)?, fs::read_to_string(rules)?);
    let destination: IpAddr = destination.parse()?;
    let family = Family::of(&destination);

    // The text names interfaces that need not exist here: each name gets a number as it comes.
    let mut names = InterfaceNames::default();
    let words: Vec<&str> = routes.split_whitespace().collect();
    for pair in words.windows(2).filter(|pair| pair[0] == "dev") {
        if names.exactly(pair[1]).is_none() {
            let next = IfIndex::new(u32::try_from(names.len() + 1)?).ok_or("a number")?;
            names.insert(next, pair[1]);
        }
    }
    let mut tables = Tables::new();
    for line in routes.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        // A list has both families; the words of a default route alone do not tell which it is of.
        let is_v6 = words.iter().any(|word| word.contains("::") || *word == "pref");
        let route = Route::parse_words(&words, &names, Some(if is_v6 { Family::V6 } else { Family::V4 }))?;
        tables.insert(&route, Position::Last);
    }
    let rules = rules.lines().map(|line| Rule::parse(line, Some(family))).collect::<Result<Vec<_>, _>>()?;

    println!("{}", World::new(&tables, &rules, &names).explain(&Flow::to(destination)));
    Ok(())
}
