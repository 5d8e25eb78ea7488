//! Prints the routing tables, then what changes in them: `cargo run --example follow`.
//!
//! It only reads, and needs no privilege.

use waypost::{Change, Error, Event, Watcher};

fn main() -> Result<(), Error> {
    let mut watcher = Watcher::open()?;
    watcher.synchronise(None)?;
    for route in watcher.routes() {
        println!("{}", route.with_names(watcher.names()));
    }
    println!("-- {} routes; now what changes", watcher.mirror().tables().len());
    while let Some(event) = watcher.next(None)? {
        let names = watcher.names();
        match event {
            Event::Route { change: Change::Added(route), .. } => println!("added {}", route.with_names(names)),
            Event::Route { change: Change::Removed(route), .. } => println!("removed {}", route.with_names(names)),
            Event::Route { change: Change::Replaced { old, new }, .. } => {
                println!("replaced {} by {}", old.with_names(names), new.with_names(names));
            }
            other => println!("{other:?}"),
        }
    }
    Ok(())
}
