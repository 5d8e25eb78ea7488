//! `waypost apply`, `diff`, `save`, `restore`, `sweep` and `claims`.

mod file;
mod keep;
mod owner;
mod report;
#[cfg(test)]
mod tests;

use waypost::claim::{Failed, Item, Owner, Plan, Policy, Prune};
use waypost::{Claims, Error, Names, NextHopFlags, Options, OwnershipTag, Protocol, RouteFlags};

use crate::failure::{Failure, Status, complain};
use crate::invocation::Invocation;
use crate::numbers;
use crate::output::Output;
use file::{File, Reader, Said, Whose};
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
    open_claims: fn(Options, Owner) -> Result<Claims, Error>,
    policy: Policy,
) -> Result<Claims, Failure> {
    let file = File::open(path)?;
    let mut routes = invocation.routes()?;
    let interfaces = routes.names()?;
    let capabilities = routes.capabilities();
    let owner = owner.map(|word| named(word, capabilities.ownership_tag)).transpose()?;
    let whose = if owner.is_some() { Whose::Another } else { Whose::TheFiles };
    let reader = Reader { names: numbers::with(&interfaces), family: invocation.family(), capabilities, whose };
    let Said { owner: said, mut wishes } = file.read(&reader)?;
    drop(routes);
    let mut claims = open_claims(invocation.options(), owner.or(said).unwrap_or_else(Owner::standard))?;
    wishes.iter_mut().for_each(|wish| wish.claim.policy = policy);
    file.claim(wishes, &mut claims)?;
    Ok(claims)
}

/// The owner that `--owner` names.
fn named(word: &str, tag: OwnershipTag) -> Result<Owner, Failure> {
    owner::read(word, tag).map_err(Failure::Usage)
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
    Ok(Claims::open_once(invocation.options(), owner.map_or_else(|| Ok(Owner::standard()), |word| named(word, tag))?)?)
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
    let file = File::open(path)?;
    let mut claims = open(invocation, None)?;
    let names = numbers::with(claims.names());
    let reader = Reader { names, family: invocation.family(), capabilities: claims.capabilities(), whose: Whose::Nobodys };
    let Said { wishes, .. } = file.read(&reader)?;
    let items = wishes.into_iter().map(|wish| wish.claim.item);
    let plan = claims.claims().plan_to_restore(items, claims.mirror());
    if dry_run {
        return would_be(&mut invocation.output, &plan, names);
    }
    carry_out(invocation, &mut claims, plan)
}
