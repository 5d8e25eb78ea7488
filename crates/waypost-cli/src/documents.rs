//! `waypost completions` and `waypost man`: what a package installs beside the program.

use std::io::Write;
use std::path::Path;

use clap::{Arg, Command, CommandFactory};
use clap_complete::Shell;

use crate::args::Cli;
use crate::failure::Failure;
use crate::invocation::Invocation;

pub(crate) fn completions(invocation: &mut Invocation, shell: Shell) -> Result<(), Failure> {
    // The generator panics where it cannot write, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "waypost", &mut script);
    if shell == Shell::Fish {
        script.extend(words_for_fish(&Cli::command()).bytes());
    }
    Ok(invocation.output.to.write_all(&script)?)
}

/// The words that can stand behind a verb, which the generator (clap_complete 4.6) leaves out for this shell: it would offer files.
fn words_for_fish(command: &Command) -> String {
    let mut lines = String::new();
    for verb in command.get_subcommands() {
        let words: Vec<String> =
            verb.get_positionals().flat_map(Arg::get_possible_values).map(|value| value.get_name().to_owned()).collect();
        if !words.is_empty() {
            let (verb, words) = (verb.get_name(), words.join(" "));
            lines.push_str(&format!("complete -c waypost -n \"__fish_waypost_using_subcommand {verb}\" -f -a \"{words}\"\n"));
        }
    }
    lines
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fish_is_told_the_words_behind_a_verb() {
        let lines = words_for_fish(&Cli::command());
        let of = |verb: &str| lines.lines().find(|line| line.contains(&format!("subcommand {verb}\""))).map(str::to_owned);
        assert!(
            of("monitor").is_some_and(|line| line.contains(" -f -a \"routes rules links addrs neighbours nexthops\"")),
            "{lines}"
        );
        assert!(of("completions").is_some_and(|line| line.contains("zsh")), "{lines}");
        assert_eq!(of("show"), None);
    }
}
