//! `waypost add`, `replace`, `change`, `append`, `prepend`, `ensure`, `del` and `flush`.

use waypost::{Ensured, Error, ErrorKind, InterfaceNames, Names, Route, RouteChange, RouteRef, Routes};

use crate::failure::Failure;
use crate::invocation::Invocation;
use crate::numbers;
use crate::words::{self, Selection};

/// Makes one change of the kind that the verb says.
pub(crate) fn run(invocation: &mut Invocation, change: RouteChange, words: &[String]) -> Result<(), Failure> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut routes = invocation.routes()?;
    let route = read(&mut routes, invocation, &words)?;
    routes.change(change, &route).map_err(|error| refused(verb(change), &words, error))
}

/// The word for a change.
const fn verb(change: RouteChange) -> &'static str {
    match change {
        RouteChange::Add => "add",
        RouteChange::Replace => "replace",
        RouteChange::Change => "change",
        RouteChange::Append => "append",
        RouteChange::Prepend => "prepend",
        RouteChange::Delete => "del",
        _ => "change",
    }
}

/// Makes sure that a route is there.
pub(crate) fn ensure(invocation: &mut Invocation, words: &[String]) -> Result<(), Failure> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut routes = invocation.routes()?;
    let route = read(&mut routes, invocation, &words)?;
    let ensured = routes.ensure(&route).map_err(|error| refused("ensure", &words, error))?;
    let output = &mut invocation.output;
    let text = words.join(" ");
    match ensured {
        Ensured::Added => output.say(&format!("Added {text}"))?,
        Ensured::There => output.say(&format!("{text} was there"))?,
    }
    Ok(())
}

/// Deletes the one route that has all that is named.
pub(crate) fn delete(invocation: &mut Invocation, words: &[String], if_exists: bool) -> Result<(), Failure> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut routes = invocation.routes()?;
    let interfaces = routes.names()?;
    let names = numbers::with(&interfaces);
    let (_, selection) = Selection::read(&words, names, invocation.family())?.of_one_destination()?;
    let waiting = invocation.output.waiting("reading the tables");
    let there = routes.list(selection.filter()).map_err(|error| refused("del", &words, error))?;
    drop(waiting);
    let meant = match the_one(there.iter().map(Route::as_ref), &selection, names) {
        Ok(meant) => meant.to_route(),
        Err(error) if if_exists && error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(refused("del", &words, error)),
    };
    match routes.delete(&meant) {
        Ok(()) => Ok(invocation.output.say(&format!("Deleted {}", meant.with_names(names)))?),
        Err(error) if if_exists && error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(refused("del", &words, error)),
    }
}

/// How many routes an error names before it says that there are more.
const NAMED: usize = 5;

/// The one route among those `there` that is meant.
///
/// A way out that stands by itself means a route that has no other: of a route with several it would take away the
/// others too.
pub(crate) fn the_one<'a>(
    there: impl IntoIterator<Item = RouteRef<'a>>,
    selection: &Selection,
    names: Names<'_>,
) -> Result<RouteRef<'a>, Error> {
    let passing = there.into_iter().filter(|route| selection.passes(*route));
    let (meant, wider): (Vec<_>, Vec<_>) =
        passing.partition(|route| !selection.names_one_way() || route.entry.next_hops.len() < 2);
    match (meant.as_slice(), wider.first()) {
        ([one], _) => Ok(*one),
        ([], None) => Err(Error::new(ErrorKind::NotFound, "delete route").because("there is no such route")),
        ([], Some(wider)) => {
            let why = format!("that is one of several next hops of {}", wider.with_names(names));
            Err(Error::new(ErrorKind::Ambiguous, "delete route").because(why))
        }
        (several, _) => {
            let mut listed: Vec<_> = several.iter().take(NAMED).map(|route| route.with_names(names).to_string()).collect();
            if several.len() > NAMED {
                listed.push("…".to_owned());
            }
            let why = format!("{} routes are meant: {}", several.len(), listed.join("; "));
            Err(Error::new(ErrorKind::Ambiguous, "delete route").because(why))
        }
    }
}

/// Deletes every route that has all that is named.
pub(crate) fn flush(invocation: &mut Invocation, words: &[String]) -> Result<(), Failure> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut routes = invocation.routes()?;
    let interfaces = routes.names()?;
    let names = numbers::with(&interfaces);
    let filters = Selection::read(&words, names, invocation.family())?.into_filters()?;
    if filters.iter().any(waypost::RouteFilter::is_empty) {
        return Err(Failure::Usage("that would delete every route of every table: name what is to go".to_owned()));
    }
    let mut deleted = 0;
    let waiting = invocation.output.waiting("deleting routes");
    for filter in &filters {
        deleted += routes.flush(filter).map_err(|error| refused("flush", &words, error))?;
    }
    drop(waiting);
    let output = &mut invocation.output;
    if output.json {
        return Ok(output.json_line(&serde_json::json!({ "deleted": deleted }))?);
    }
    Ok(output.say(&format!("Deleted {deleted} {}", if deleted == 1 { "route" } else { "routes" }))?)
}

/// Reads a route; names of interfaces are asked for only where there is one.
fn read(routes: &mut Routes, invocation: &Invocation, words: &[&str]) -> Result<Route, Failure> {
    let names_interface = words.iter().any(|word| matches!(*word, "dev" | "oif"));
    let interfaces = if names_interface { routes.names()? } else { InterfaceNames::default() };
    words::route(words, numbers::with(&interfaces), invocation.family())
}

/// What the user said and why that failed.
fn refused(verb: &str, words: &[&str], error: Error) -> Failure {
    Failure::RefusedOn(format!("{verb} {}", words.join(" ")), error)
}

#[cfg(test)]
mod tests {
    use super::*;

    const THERE: [&str; 3] = [
        "10.0.0.0/8 via 10.9.0.1 dev if2 metric 5",
        "10.0.0.0/8 via 10.9.0.1 dev if2 metric 6",
        "10.1.0.0/16 metric 5 nexthop via 10.9.0.1 dev if2 weight 1 nexthop via 10.9.0.2 dev if2 weight 1",
    ];

    fn one(words: &str) -> Result<String, Error> {
        let words: Vec<&str> = words.split(' ').collect();
        let there = THERE.map(|text| text.parse::<Route>().unwrap());
        let selection = Selection::read(&words, Names::none(), None).unwrap();
        the_one(there.iter().map(Route::as_ref), &selection, Names::none()).map(|route| route.to_string())
    }

    #[test]
    fn only_the_one_route_that_is_meant_is_deleted() {
        assert_eq!(one("10.0.0.0/8 metric 6").unwrap(), THERE[1]);
        assert_eq!(one("10.1.0.0/16").unwrap(), THERE[2]);
        assert_eq!(one("10.0.0.0/8 metric 7").unwrap_err().kind(), ErrorKind::NotFound);
        let error = one("10.0.0.0/8").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Ambiguous);
        assert!(error.reason().starts_with("2 routes are meant: 10.0.0.0/8 via"), "{error}");
    }

    #[test]
    fn of_many_routes_some_are_named() {
        let there: Vec<Route> =
            (1..=NAMED + 1).map(|metric| format!("10.0.0.0/8 dev if2 metric {metric}").parse().unwrap()).collect();
        let selection = Selection::read(&["10.0.0.0/8"], Names::none(), None).unwrap();
        let said = |count: usize| {
            let there = there.iter().take(count).map(Route::as_ref);
            the_one(there, &selection, Names::none()).unwrap_err().reason().to_owned()
        };
        assert!(
            said(NAMED + 1).starts_with("6 routes are meant: ") && said(NAMED + 1).ends_with(" metric 5; …"),
            "{}",
            said(NAMED + 1)
        );
        assert!(said(NAMED).ends_with(" metric 5"), "{}", said(NAMED));
    }

    #[test]
    fn one_way_does_not_mean_a_route_with_several() {
        let error = one("10.1.0.0/16 via 10.9.0.1").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Ambiguous);
        assert!(error.reason().contains("one of several"), "{error}");
        assert_eq!(one("10.1.0.0/16 nexthop via 10.9.0.2 nexthop via 10.9.0.1").unwrap(), THERE[2]);
    }
}
