//! `waypost apply --keep`: stays, tells what becomes of what is claimed, and puts it back.

use serde::Serialize;
use waypost::claim::{ClaimEvent, ClaimTold, Policy, Prune};
use waypost::{Claims, ErrorKind, Names};

use super::report::{self, ItemJson};
use super::{claimed, concerns_both_families, tell};
use crate::failure::{Failure, Status};
use crate::invocation::Invocation;
use crate::numbers;
use crate::output::Output;

/// Makes what a file says be there, and keeps it until somebody ends it. What is there stays then.
pub(crate) fn keep(invocation: &mut Invocation, path: &str, prune: bool, owner: Option<&str>) -> Result<(), Failure> {
    if prune {
        concerns_both_families(invocation)?;
    }
    let mut claims = claimed(invocation, path, owner, |options, owner| Claims::open_with(&options, owner), Policy::Reassert)?;
    let plan = claims.plan(if prune { Prune::All } else { Prune::Withdrawn })?;
    let output = &mut invocation.output;
    let told = plan.clone();
    match claims.carry_out(plan)? {
        Ok(_) => {
            report::plan(output, &told, numbers::with(claims.names()), true)?;
            // What is there now has been told.
            while let Some(told) = claims.try_next()? {
                if !matches!(told.event, ClaimEvent::Installed) {
                    one(output, &told, numbers::with(claims.names()))?;
                }
            }
        }
        Err(failed) => {
            tell(&failed, numbers::with(claims.names()));
            // What cannot be there yet is waited for, and the others come without it.
            if !matches!(failed.error().kind(), ErrorKind::Unreachable | ErrorKind::NoSuchDevice) {
                return Err(Failure::Said(Status::of(failed.error())));
            }
        }
    }
    loop {
        output.flush()?;
        if let Some(told) = claims.next(None)? {
            one(output, &told, numbers::with(claims.names()))?;
        }
    }
}

#[derive(Serialize)]
struct ToldJson<'a> {
    time: String,
    event: &'static str,
    item: Option<ItemJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<ItemJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// Prints what has become of one claim.
fn one(output: &mut Output, told: &ClaimTold, names: Names<'_>) -> Result<(), Failure> {
    let (mut pid, mut other, mut why) = (None, None, None);
    let event = match &told.event {
        ClaimEvent::Installed => "installed",
        ClaimEvent::Deleted { pid: by } => {
            pid = *by;
            "deleted"
        }
        ClaimEvent::Replaced { by, pid: process } => {
            (pid, other) = (*process, Some(by.clone()));
            "replaced"
        }
        ClaimEvent::Gone(obstacle) => {
            why = Some(obstacle.word().to_owned());
            "gone"
        }
        ClaimEvent::Waiting(obstacle) => {
            why = Some(obstacle.word().to_owned());
            "waiting"
        }
        ClaimEvent::Conflict { there } => {
            other = Some(there.clone());
            "conflict"
        }
        ClaimEvent::Shadowed { by } => {
            other = Some(by.clone().into());
            "shadowed"
        }
        ClaimEvent::GivenUp { error } => {
            why = error.as_ref().map(|error| error.reason().to_owned());
            "given up"
        }
        _ => return Ok(()),
    };
    if output.json {
        let item = ItemJson::new(&told.item, names);
        let by = other.as_ref().and_then(|other| ItemJson::new(other, names));
        return Ok(output.json_line(&ToldJson { time: jiff::Timestamp::now().to_string(), event, item, pid, by, why })?);
    }
    let mut text = format!("{}: {event}", told.item.with_names(names));
    if let Some(pid) = pid {
        text.push_str(&format!(" by process {pid}"));
    }
    if let Some(other) = &other {
        text.push_str(&format!(": {}", other.with_names(names)));
    }
    if let Some(why) = &why {
        text.push_str(&format!(": {why}"));
    }
    Ok(output.line(&text)?)
}
