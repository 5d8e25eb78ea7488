//! The contract, of the simulated kernel.

use std::cell::Cell;
use std::time::Duration;

use waypost_core::{Kernel, Now};
use waypost_sim::contract::{self, Act, World};
use waypost_sim::{Profile, Sim, SimKernel};

/// A world about a new machine. It does not wait: its clock goes on as soon as nothing is to be read.
fn world() -> World<'static, SimKernel> {
    let sim = Sim::new(Profile::linux());
    let kernel = sim.kernel();
    let time = Cell::new(Duration::ZERO);
    World::new(
        kernel,
        move |act| operate(&sim, act),
        move |kernel| {
            let due = kernel.deadline()?;
            time.set(time.get().max(due.running));
            Some(Now::awake(time.get()))
        },
    )
}

fn operate(sim: &Sim, act: Act<'_>) {
    let link = |name| sim.link(name).expect("there is such a link");
    let done = match act {
        Act::AddLink(name) => {
            sim.add_link(name);
            Ok(())
        }
        Act::RemoveLink(name) => sim.remove_link(link(name)),
        Act::SetUp(name) => sim.set_up(link(name), true),
        Act::SetDown(name) => sim.set_up(link(name), false),
        Act::TakeCarrier(name) => sim.set_carrier(link(name), false),
        Act::AddAddress(name, address, length) => sim.add_address(link(name), address, length),
        Act::RemoveAddress(name, address, _) => sim.remove_address(link(name), address),
        other => panic!("the simulator cannot {other:?}"),
    };
    done.unwrap_or_else(|error| panic!("{act:?}: {error}"));
}

macro_rules! each {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                contract::$name(&mut world());
            }
        )*
    };
}

waypost_sim::contract_tests!(each);
