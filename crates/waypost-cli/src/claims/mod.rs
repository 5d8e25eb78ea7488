//! `waypost apply`, `diff`, `save`, `restore`, `sweep` and `claims`.

mod file;
mod keep;
mod report;
#[cfg(test)]
mod tests;

use waypost::claim::{Failed, Item, Owner, Plan, Policy, Prune};
use waypost::{Claims, Error, Names, NextHopFlags, NumberKind, Options, OwnershipTag, Protocol, RouteFlags};

use crate::failure::{Failure, Status, complain};
use crate::invocation::Invocation;
use crate::numbers;
use crate::output::Output;
use file::{File, Wish};
pub(crate) use keep::keep;

/// Makes what a file says be there.
pub(crate) fn apply(
    invocation: &mut Invocation,
    path: &str,
    dry_run: bool,
    prune: bool,
    owner: Option<&str>,
) -> Result<(), Failure> {
    let (mut claims, plan) = planned(invocation, path, prune, owner)?;
    if dry_run {
        return would_be(&mut invocation.output, &plan, numbers::with(claims.names()));
    }
    carry_out(invocation, &mut claims, plan)
}

/// Prints what a plan would do; fails where it would not be carried out.
fn would_be(output: &mut Output, plan: &Plan, names: Names<'_>) -> Result<(), Failure> {
    report::plan(output, plan, names, false)?;
    if is_in_the_way(plan) { Err(Failure::Said(Status::Failed)) } else { Ok(()) }
}

/// Says whether not all of a plan can be.
fn is_in_the_way(plan: &Plan) -> bool {
    !plan.conflicts().is_empty() || !plan.waiting().is_empty()
}

/// Prints what `apply` would change.
pub(crate) fn diff(invocation: &mut Invocation, path: &str, prune: bool, owner: Option<&str>) -> Result<(), Failure> {
    let (claims, plan) = planned(invocation, path, prune, owner)?;
    report::plan(&mut invocation.output, &plan, numbers::with(claims.names()), false)?;
    if plan.is_empty() { Ok(()) } else { Err(Failure::Said(Status::Failed)) }
}

/// Reads a file and compares it with what there is.
fn planned(invocation: &Invocation, path: &str, prune: bool, owner: Option<&str>) -> Result<(Claims, Plan), Failure> {
    if prune {
        concerns_both_families(invocation)?;
    }
    let mut claims = claimed(invocation, path, owner, Claims::open_once, Policy::Report)?;
    let plan = claims.plan(if prune { Prune::All } else { Prune::Withdrawn })?;
    Ok((claims, plan))
}

/// Claims what a file says.
fn claimed(
    invocation: &Invocation,
    path: &str,
    owner: Option<&str>,
    open: fn(Options, Owner) -> Result<Claims, Error>,
    policy: Policy,
) -> Result<Claims, Failure> {
    let text = file::text(path)?;
    let names = invocation.routes()?.names()?;
    let routes = invocation.routes()?;
    let File { owner: named, wishes } =
        file::read(path, &text, numbers::with(&names), invocation.family(), routes.capabilities())?;
    let owner = owner_of(owner.or(named.as_deref()), routes.capabilities().ownership_tag)?;
    drop(routes);
    let mut claims = open(invocation.options(), owner)?;
    put(path, &mut claims, wishes, policy)?;
    Ok(claims)
}

/// Claims each wish; two of one slot are a mistake.
fn put(path: &str, claims: &mut Claims, wishes: Vec<Wish>, policy: Policy) -> Result<(), Failure> {
    let mut lines = Vec::with_capacity(wishes.len());
    claims.reserve(wishes.len());
    let mut is_wrong = false;
    for Wish { line, claim } in wishes {
        let before = claims.claims().len();
        match claims.put(claim.policy(policy)) {
            Ok(id) if claims.claims().len() == before => {
                let first = lines.iter().find(|(other, _)| *other == id).map_or(0, |(_, line)| *line);
                complain(&format_args!("{path}:{line}: line {first} claims the same place"));
                is_wrong = true;
            }
            Ok(id) => lines.push((id, line)),
            Err(error) => {
                complain(&format_args!("{path}:{line}: {error}"));
                is_wrong = true;
            }
        }
    }
    if is_wrong { Err(Failure::Said(Status::Failed)) } else { Ok(()) }
}

/// The owner of a name, `NAME=NUMBER`, or number.
fn owner_of(word: Option<&str>, tag: OwnershipTag) -> Result<Owner, Failure> {
    let Some(word) = word.filter(|word| *word != Owner::standard().name()) else { return Ok(Owner::standard()) };
    if let Some((name, number)) = word.split_once('=') {
        let number = number.parse().map_err(|_| Failure::Usage(format!("{number:?} is no number below 256")))?;
        return Ok(Owner::new(name, number)?);
    }
    // Where routes have no number of an owner's, the name is enough.
    if matches!(tag, OwnershipTag::Flag | OwnershipTag::None) {
        return Ok(Owner::new(word, Owner::standard().number())?);
    }
    let names = numbers::with(waypost::InterfaceNames::none());
    let Ok(Protocol(number)) = names.read_protocol(word) else {
        let why = format!(
            "the owner {word:?} has no number: {word}=NUMBER gives it one, or a line in rt_protos ({:?})",
            NumberKind::Protocol
        );
        return Err(Failure::Usage(why));
    };
    let is_number = word.starts_with(|first: char| first.is_ascii_digit());
    let name = if is_number { format!("owner-{number}") } else { word.to_owned() };
    Ok(Owner::new(name, number)?)
}

/// Carries a plan out, unless something is in its way, and prints what was done.
fn carry_out(invocation: &mut Invocation, claims: &mut Claims, plan: Plan) -> Result<(), Failure> {
    let output = &mut invocation.output;
    if is_in_the_way(&plan) {
        report::plan(output, &plan, numbers::with(claims.names()), false)?;
        output.flush()?;
        complain(&"nothing was changed, as not all of it can be");
        return Err(Failure::Said(Status::Failed));
    }
    if plan.is_empty() {
        return report::plan(output, &plan, numbers::with(claims.names()), true);
    }
    // A plan can be long, and most who ask for quiet have a long one.
    let told = (output.json || !output.quiet).then(|| plan.clone());
    match claims.carry_out(plan)? {
        Ok(_) => told.map_or(Ok(()), |plan| report::plan(output, &plan, numbers::with(claims.names()), true)),
        Err(failed) => {
            let names = numbers::with(claims.names());
            if output.json {
                report::failed(output, &failed, names)?;
            }
            tell(&failed, names);
            Err(Failure::Said(Status::of(failed.error())))
        }
    }
}

/// Says what was refused, what was undone and what is left.
fn tell(failed: &Failed, names: Names<'_>) {
    for line in failed.with_names(names).to_string().lines() {
        complain(&line);
    }
    for item in failed.undone() {
        complain(&format_args!("undone: {}", item.with_names(names)));
    }
}

/// Deletes all that is an owner's.
pub(crate) fn sweep(invocation: &mut Invocation, owner: &str, dry_run: bool) -> Result<(), Failure> {
    concerns_both_families(invocation)?;
    let mut claims = open(invocation, Some(owner))?;
    let plan = claims.plan(Prune::All)?;
    if dry_run {
        return would_be(&mut invocation.output, &plan, numbers::with(claims.names()));
    }
    carry_out(invocation, &mut claims, plan)
}

/// What takes away all that is an owner's and not wanted knows of no family: who asks for one is not to lose the other.
fn concerns_both_families(invocation: &Invocation) -> Result<(), Failure> {
    match invocation.family() {
        None => Ok(()),
        Some(_) => Err(Failure::Usage("what is the owner's is taken away in both families: leave -4 and -6 out".to_owned())),
    }
}

fn open(invocation: &Invocation, owner: Option<&str>) -> Result<Claims, Failure> {
    let tag = invocation.routes()?.capabilities().ownership_tag;
    Ok(Claims::open_once(invocation.options(), owner_of(owner, tag)?)?)
}

/// Lists what is an owner's.
pub(crate) fn list(invocation: &mut Invocation, owner: Option<&str>) -> Result<(), Failure> {
    let claims = open(invocation, owner)?;
    let (names, family) = (numbers::with(claims.names()), invocation.family());
    let owned = claims.owned().into_iter().filter(|item| family.is_none_or(|family| item.family() == family));
    report::items(&mut invocation.output, owned, names)
}

/// Prints routes and rules as a file.
pub(crate) fn save(invocation: &mut Invocation, owner: Option<&str>) -> Result<(), Failure> {
    let claims = open(invocation, owner)?;
    let (names, family) = (numbers::with(claims.names()), invocation.family());
    let items: Vec<Item> = match owner {
        Some(_) => claims.owned(),
        None => everything(&claims),
    };
    let items = items.into_iter().filter(|item| family.is_none_or(|family| item.family() == family)).map(as_written);
    report::file(&mut invocation.output, items, names, claims.capabilities().metric)
}

/// What was asked for, without what the kernel marks, which is not for it to be told.
fn as_written(item: Item) -> Item {
    match item {
        Item::Route(mut route) => {
            route.entry.flags &= RouteFlags::PROTO2;
            let asked = NextHopFlags::ON_LINK | NextHopFlags::PERVASIVE;
            let mut hops = route.entry.next_hops.to_vec();
            hops.iter_mut().for_each(|hop| hop.flags &= asked);
            route.entry.next_hops = hops.into_iter().collect();
            Item::Route(route)
        }
        Item::Rule(mut rule) => {
            rule.os_flags = 0;
            Item::Rule(rule)
        }
        other => other,
    }
}

/// What somebody has put in, and not the kernel or a router's advertisement.
fn everything(claims: &Claims) -> Vec<Item> {
    let is_ours = |protocol: Protocol| ![Protocol::KERNEL, Protocol::REDIRECT, Protocol::RA].contains(&protocol);
    let mirror = claims.mirror();
    let routes = mirror.routes().filter(|route| is_ours(route.entry.protocol)).map(|route| Item::Route(route.to_route()));
    let rules = waypost::Family::ALL.into_iter().flat_map(|family| mirror.rules(family));
    routes.chain(rules.filter(|rule| is_ours(rule.protocol)).cloned().map(Item::Rule)).collect()
}

/// Puts back what was saved.
pub(crate) fn restore(invocation: &mut Invocation, path: &str, dry_run: bool) -> Result<(), Failure> {
    let text = file::text(path)?;
    let mut claims = open(invocation, None)?;
    let names = numbers::with(claims.names());
    let File { wishes, .. } = file::read(path, &text, names, invocation.family(), claims.capabilities())?;
    let items = wishes.into_iter().map(|wish: Wish| wish.claim.item);
    let plan = claims.claims().plan_to_restore(items, claims.mirror());
    if dry_run {
        return would_be(&mut invocation.output, &plan, names);
    }
    carry_out(invocation, &mut claims, plan)
}
