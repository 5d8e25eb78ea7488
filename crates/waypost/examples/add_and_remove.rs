//! Adds a route safely and takes it away again: `cargo run --example add_and_remove`.
//!
//! It makes a user and network namespace of its own first, so it touches no route of the machine and needs no privilege.

use nix::sched::{CloneFlags, unshare};
use waypost::{ErrorKind, InterfaceNames, Route, Routes};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET)?;

    let mut routes = Routes::open()?;
    let route = Route::parse("blackhole 192.0.2.0/24 metric 50 proto static", InterfaceNames::none())?;
    routes.add(&route)?;
    println!("added {route}");

    // Adding is exclusive: what is there already is not overwritten.
    match routes.add(&route) {
        Err(error) if error.kind() == ErrorKind::Exists => println!("not twice: {error}"),
        other => return Err(format!("the second one was added: {other:?}").into()),
    }

    // Deleting names everything: this is another route, and the one that is there stays.
    let mut other = route.clone();
    other.slot.metric = 51;
    println!("{} is not there: {}", other, !routes.delete_if_exists(&other)?);

    routes.delete(&route)?;
    println!("deleted {route}");
    Ok(())
}
