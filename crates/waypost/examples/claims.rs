//! Owns a route: puts it in, keeps it for a while, and takes it away again.
//!
//! The destination is one that is for documentation alone. Changing routes needs privilege; on Linux a namespace of one's own
//! gives it, and no route of the machine is touched: `unshare -rn cargo run --example claims`.

use std::time::Duration;

use waypost::claim::{Claim, Owner, Policy, Prune};
use waypost::{Claims, InterfaceNames, Route};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut claims = Claims::open(Owner::new("example", 240)?)?;
    let left = claims.owned();
    if !left.is_empty() {
        println!("an earlier run has left {} behind; they go unless they are claimed again", left.len());
    }
    let route = Route::parse("blackhole 192.0.2.0/24", InterfaceNames::none())?;
    let id = claims.put(Claim::new(route).policy(Policy::Reassert))?;

    // What would be changed can be looked at first; then it comes about whole, or not at all.
    let plan = claims.plan(Prune::All)?;
    print!("{plan}");
    let applied = claims.carry_out(plan)??;
    println!("{} requests", applied.requests());

    // Whoever deletes it meanwhile is told of, and it is put back.
    while let Some(told) = claims.next(Some(Duration::from_secs(5)))? {
        println!("{}: {:?}", told.item, told.event);
    }
    claims.withdraw(id);
    let plan = claims.plan(Prune::Withdrawn)?;
    print!("{plan}");
    claims.carry_out(plan)??;
    Ok(())
}
