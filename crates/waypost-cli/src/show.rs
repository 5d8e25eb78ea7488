//! `waypost show`: lists routes.

use std::io;
use std::ops::ControlFlow;

use waypost::{RouteRef, Routes};

use crate::columns::Columns;
use crate::failure::Failure;
use crate::invocation::Invocation;
use crate::json::RouteJson;
use crate::numbers;
use crate::words::Selection;

pub(crate) fn run(invocation: &mut Invocation, words: &[String]) -> Result<(), Failure> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut routes = invocation.routes()?;
    let interfaces = routes.names()?;
    let names = numbers::with(&interfaces);
    let selection = Selection::read(&words, names, invocation.family())?;
    let output = &mut invocation.output;
    if output.json {
        let mut array = output.array()?;
        each(&mut routes, &selection, |route| array.push(&RouteJson::new(route, names)))?;
        return Ok(array.end()?);
    }
    if output.terminal {
        let mut columns = Columns::default();
        each(&mut routes, &selection, |route| columns.push(&format!("{:#}", route.with_names(names)), output))?;
        return Ok(columns.print(output)?);
    }
    if output.colour {
        return each(&mut routes, &selection, |route| {
            let text = format!("{:#}", route.with_names(names));
            text.lines().try_for_each(|line| output.line(line))
        });
    }
    each(&mut routes, &selection, |route| output.lines(route.with_names(names)))
}

/// Has each route that is meant printed as it comes.
fn each(
    routes: &mut Routes,
    selection: &Selection,
    mut print: impl FnMut(RouteRef<'_>) -> io::Result<()>,
) -> Result<(), Failure> {
    for filter in selection.filters() {
        let mut printed = Ok(());
        routes.for_each(&filter, |route| {
            if !selection.selects(route) {
                return ControlFlow::Continue(());
            }
            printed = print(route);
            if printed.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        printed?;
    }
    Ok(())
}
