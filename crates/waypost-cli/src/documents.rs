//! `waypost completions` and `waypost man`: what a package installs beside the program.

use std::io::Write;
use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Cli;
use crate::failure::Failure;
use crate::invocation::Invocation;

pub(crate) fn completions(invocation: &mut Invocation, shell: Shell) -> Result<(), Failure> {
    // The generator panics where it cannot write, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "waypost", &mut script);
    Ok(invocation.output.to.write_all(&script)?)
}

/// Prints the page of the command itself, or writes those of all verbs into a directory.
pub(crate) fn manual(invocation: &mut Invocation, directory: Option<&Path>) -> Result<(), Failure> {
    match directory {
        None => Ok(clap_mangen::Man::new(Cli::command()).render(&mut invocation.output.to)?),
        Some(directory) => std::fs::create_dir_all(directory)
            .and_then(|()| clap_mangen::generate_to(Cli::command(), directory))
            .map_err(|error| Failure::Io(format!("write manual pages into {}", directory.display()), error)),
    }
}
