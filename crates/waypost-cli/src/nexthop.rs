//! `waypost nexthop`: lists and changes next-hop objects.

use waypost::{NextHopId, NextHopObject};

use crate::failure::{Failure, Status};
use crate::invocation::Invocation;
use crate::json::NextHopJson;
use crate::numbers;

pub(crate) fn run(invocation: &mut Invocation, words: &[String]) -> Result<(), Failure> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let said = |error| Failure::RefusedOn(format!("nexthop {}", words.join(" ")), error);
    let mut routes = invocation.routes()?;
    match words.as_slice() {
        ["add" | "replace", object @ ..] => {
            let interfaces = routes.names()?;
            let names = numbers::with(&interfaces);
            let object = NextHopObject::parse_words(object, names, invocation.family())
                .map_err(|error| Failure::of_words(&error, object))?;
            let done = if words[0] == "add" { routes.add_next_hop(&object) } else { routes.replace_next_hop(&object) };
            done.map_err(said)
        }
        ["del" | "delete", rest @ ..] => routes.delete_next_hop(id(rest)?).map_err(said),
        [] | ["show" | "list" | "ls"] => show(invocation, None),
        ["show" | "list" | "ls" | "get", rest @ ..] => show(invocation, Some(id(rest)?)),
        [word, ..] => Err(Failure::Usage(format!("{word:?} is none of show, add, replace, del"))),
    }
}

/// Reads `id N`.
pub(crate) fn id(words: &[&str]) -> Result<NextHopId, Failure> {
    let number = match words {
        ["id", number] => number.parse().ok().and_then(NextHopId::new),
        _ => return Err(Failure::Usage("`id` and a number are expected here".to_owned())),
    };
    number.ok_or_else(|| Failure::Usage(format!("{:?} is no number of a next-hop object", words[1])))
}

fn show(invocation: &mut Invocation, wanted: Option<NextHopId>) -> Result<(), Failure> {
    let mut routes = invocation.routes()?;
    let interfaces = routes.names()?;
    let names = numbers::with(&interfaces);
    let mut objects = routes.next_hops()?;
    let family = invocation.family();
    objects.retain(|object| {
        wanted.is_none_or(|id| id == object.id) && (family.is_none() || object.family.is_none() || object.family == family)
    });
    if let (Some(id), true) = (wanted, objects.is_empty()) {
        return Err(Failure::Missing(format!("there is no next-hop object {id}"), Status::NoSuchRoute));
    }
    let output = &mut invocation.output;
    if !output.json {
        return Ok(objects.iter().try_for_each(|object| output.line(&object.with_names(names).to_string()))?);
    }
    let mut array = output.array()?;
    objects.iter().try_for_each(|object| array.push(&NextHopJson::new(object, names)))?;
    Ok(array.end()?)
}
