//! The `waypost` command: shows, follows and changes routing tables, as a thin client of the crate `waypost`.
#![forbid(unsafe_code)]

mod args;
mod batch;
mod capabilities;
mod captive;
mod capture;
mod change;
mod check;
mod claims;
mod columns;
mod conns;
mod decode;
mod documents;
mod failure;
mod get;
mod interfaces;
mod invocation;
mod json;
mod monitor;
mod nexthop;
mod numbers;
mod output;
mod rule;
mod show;
mod smd;
mod summary;
mod uplinks;
mod usage;
mod waiting;
mod words;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};
use crate::failure::Failure;
use crate::invocation::Invocation;

fn main() -> ExitCode {
    let Cli { global, command } = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage::report(&error),
    };
    let mut invocation = Invocation::new(global);
    let done = run(&mut invocation, command);
    let flushed = invocation.output.flush();
    match done.and(flushed.map_err(Failure::from)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(invocation: &mut Invocation, command: Command) -> Result<(), Failure> {
    use waypost::RouteChange;
    match command {
        Command::Show { words } => show::run(invocation, &words),
        Command::Get { words, local, explain, fibmatch } => match explain {
            true => get::explain(invocation, &words),
            false => get::run(invocation, &words, local, fibmatch),
        },
        Command::Monitor { initial, summary: true, .. } => summary::run(invocation, initial),
        Command::Monitor { smd: true, .. } => smd::run(invocation),
        Command::Monitor { initial, counted, user, what, .. } => {
            monitor::run(invocation, initial, &counted, user.as_deref(), &what)
        }
        Command::Check => check::run(invocation),
        Command::Captive(asked) => captive::run(invocation, asked),
        Command::Conns { watch, close } => conns::run(invocation, watch, close),
        Command::Add { words } => change::run(invocation, RouteChange::Add, &words),
        Command::Replace { words } => change::run(invocation, RouteChange::Replace, &words),
        Command::Change { words } => change::run(invocation, RouteChange::Change, &words),
        Command::Append { words } => change::run(invocation, RouteChange::Append, &words),
        Command::Prepend { words } => change::run(invocation, RouteChange::Prepend, &words),
        Command::Ensure { words } => change::ensure(invocation, &words),
        Command::Del { words, if_exists } => change::delete(invocation, &words, if_exists),
        Command::Flush { words } => change::flush(invocation, &words),
        Command::Batch { keep_going, file } => batch::run(invocation, keep_going, file.as_deref()),
        Command::Apply { file, prune, keep: true, owner, .. } => claims::keep(invocation, &file, prune, owner.as_deref()),
        Command::Apply { file, dry_run, prune, owner, .. } => claims::apply(invocation, &file, dry_run, prune, owner.as_deref()),
        Command::Diff { file, prune, owner } => claims::diff(invocation, &file, prune, owner.as_deref()),
        Command::Save { owner } => claims::save(invocation, owner.as_deref()),
        Command::Restore { file, dry_run } => claims::restore(invocation, &file, dry_run),
        Command::Sweep { owner, dry_run } => claims::sweep(invocation, &owner, dry_run),
        Command::Claims { owner } => claims::list(invocation, owner.as_deref()),
        Command::Rule { words } => rule::run(invocation, &words),
        Command::Link { words } => interfaces::links(invocation, &words),
        Command::Addr { words } => interfaces::addresses(invocation, &words),
        Command::Neigh { words } => interfaces::neighbours(invocation, &words),
        Command::Nexthop { words } => nexthop::run(invocation, &words),
        Command::Uplinks(asked) => uplinks::run(invocation, &asked),
        Command::Capabilities { markdown } => capabilities::run(invocation, markdown),
        Command::Capture { file } => capture::run(invocation, &file),
        Command::Decode { dialect, source, endian, files } => decode::run(invocation, dialect.as_deref(), source, endian, &files),
        Command::Completions { shell } => documents::completions(invocation, shell),
        Command::Man { directory } => documents::manual(invocation, directory.as_deref()),
    }
}
