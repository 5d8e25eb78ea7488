//! Adds a route safely and takes it away again.
//!
//! The destination is one that is for documentation alone. Changing routes needs privilege; on Linux a namespace of one's own
//! gives it, and no route of the machine is touched: `unshare -rn cargo run --example add_and_remove`.

use waypost::{Disposition, ErrorKind, InterfaceNames, Route, Routes};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut routes = Routes::open()?;
    let mut route = Route::parse("blackhole 192.0.2.0/24 proto static", InterfaceNames::none())?;
    // Systems differ; what this one can do is a value to be asked.
    route.slot.table = routes.capabilities().main_table;
    if routes.capabilities().metric {
        route.slot.metric = 50;
    }
    routes.add(&route)?;
    println!("added {route}");

    // Adding is exclusive: what is there already is not overwritten.
    match routes.add(&route) {
        Err(error) if error.kind() == ErrorKind::Exists => println!("not twice: {error}"),
        other => return Err(format!("the second one was added: {other:?}").into()),
    }

    // Deleting names everything: this is another route, and the one that is there stays.
    let mut other = route.clone();
    other.entry.disposition = Disposition::Unreachable;
    println!("{} is not there: {}", other, !routes.delete_if_exists(&other)?);

    routes.delete(&route)?;
    println!("deleted {route}");
    Ok(())
}
