//! Waypost itself, through its facade.

use std::net::IpAddr;
use std::ops::ControlFlow;

use waypost::{NextHop, Operation, Prefix, Protocol, Route, RouteChange, RouteFilter, Routes, Watcher};

use crate::Failure;
use crate::prefixes::Prefixes;
use crate::sections::{Memory, install};
use crate::stopwatch;
use crate::subject::{Figures, Setting};
use crate::world::{self, GATEWAY_V4};

/// From nothing to a live mirror, in which routes can be looked up.
pub(crate) fn mirror(_: &Setting) -> Result<Figures, Failure> {
    let (span, watcher) = stopwatch::here(synchronised)?;
    Ok(Figures::of(span).and("routes", count(&watcher)?))
}

/// The memory of a live mirror.
pub(crate) fn memory(_: &Setting) -> Result<Figures, Failure> {
    let memory = Memory::before()?;
    let watcher = synchronised()?;
    memory.after(watcher.mirror().tables().len())
}

fn synchronised() -> Result<Watcher, Failure> {
    let mut watcher = Watcher::open()?;
    watcher.synchronise(None)?;
    Ok(watcher)
}

fn count(watcher: &Watcher) -> Result<f64, Failure> {
    Ok(f64::from(u32::try_from(watcher.mirror().tables().len())?))
}

/// All routes, one after another, none of them kept.
pub(crate) fn for_each(_: &Setting) -> Result<Figures, Failure> {
    let mut count: u32 = 0;
    let (span, ()) = stopwatch::here(|| {
        let each = |_: waypost::RouteRef<'_>| {
            count += 1;
            ControlFlow::Continue(())
        };
        Ok(Routes::open()?.for_each(&RouteFilter::default(), each)?)
    })?;
    Ok(Figures::of(span).and("routes", f64::from(count)))
}

/// The IPv4 table in and out, with an outcome for each route.
pub(crate) fn batch(setting: &Setting) -> Result<Figures, Failure> {
    let prefixes = Prefixes::read(setting.step)?;
    let interface = waypost::IfIndex::new(world::interface()?).ok_or("an interface has a number")?;
    let route = |prefix| {
        let mut route = Route::new(Prefix::V4(prefix));
        route.slot.metric = install::METRIC;
        route.entry.protocol = Protocol::STATIC;
        route.entry.next_hops = NextHop::via(IpAddr::V4(GATEWAY_V4)).with_interface(interface).into();
        route
    };
    let run = |change| {
        stopwatch::here(|| {
            let mut done = 0;
            let mut refused = None;
            let operations = prefixes.v4.iter().map(|prefix| Operation::Route(change, route(*prefix)));
            Routes::open()?.batch(operations, |_, outcome| match outcome {
                Ok(()) => {
                    done += 1;
                    ControlFlow::Continue(())
                }
                Err(error) => {
                    refused = Some(error);
                    ControlFlow::Break(())
                }
            })?;
            match refused {
                Some(error) => Err(error.into()),
                None if done == prefixes.v4.len() => Ok(()),
                None => Err(format!("{done} outcomes of {}", prefixes.v4.len()).into()),
            }
        })
    };
    let (add, ()) = run(RouteChange::Add)?;
    let (delete, ()) = run(RouteChange::Delete)?;
    Ok(Figures::default().span(install::ADD, add).span(install::DELETE, delete))
}
