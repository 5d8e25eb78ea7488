//! The tasks of the Waypost workspace: `cargo xtask help`.
#![forbid(unsafe_code)]

mod command;
mod markers;
mod tidy;

use std::process::ExitCode;

const HELP: &str = "\
Usage: cargo xtask <task>

  tidy                   the rules of the house that no compiler checks
  help                   this text
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (task, rest) = match args.split_first() {
        Some((task, rest)) => (task.as_str(), rest),
        None => ("help", &args[..]),
    };
    let done = match task {
        "tidy" if rest.is_empty() => tidy::tidy(),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        _ => {
            eprint!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}
