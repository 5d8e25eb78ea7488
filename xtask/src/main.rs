//! The tasks of the Waypost workspace: `cargo xtask help`.
#![forbid(unsafe_code)]

mod bench;
mod chaos;
mod ci;
mod command;
mod cross;
mod emulated;
mod heard;
mod image;
mod lookup;
mod markers;
mod skips;
mod steps;
mod testing;
mod tidy;
mod zig;

use std::process::ExitCode;

const HELP: &str = "\
Usage: cargo xtask <task>

  test [ARGS]            every test that passes without root on any Linux machine;
                         ARGS go to `cargo test`
  ci [FLAG] [STEP]…      the steps of continuous integration, or only those named;
                         --strict fails for what was skipped without a reason in
                         xtask/allowed-skips.txt, --complete for whatever was
  ci --list              name the steps
  tidy                   the rules of the house that no compiler checks
  cross-check [TARGET]…  the whole workspace, checked and linted for the other systems,
                         or for those named
  abi-check              the tables of the dialects, compared with the headers of the
                         systems that zig has
  cross-link [TARGET]…   the command, linked for those systems
  big-endian             the tests of the model, the codec and the engine on an emulated
                         machine of 32 bits whose most significant byte comes first
  bench [SECTION]…       run bench/ and rewrite the tables of docs/performance.md, or
                         only those of the sections named (read, decode, …)
  lookup [FLAG]… [TEST]  our lookup against the kernel's in random worlds, at length:
                         --worlds N of each family, --flows M in each, --seed S first
  chaos [--minutes N | --storms N] [--seed S]
                         storms on the real kernel, 5 minutes unless told
                         otherwise; what failed is played again by its seed
  help                   this text
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (task, rest) = match args.split_first() {
        Some((task, rest)) => (task.as_str(), rest),
        None => ("help", &args[..]),
    };
    let done = match task {
        "test" => testing::test(rest),
        "ci" => ci::ci(rest),
        "tidy" if rest.is_empty() => tidy::tidy(),
        "cross-check" => cross::cross_check(rest),
        "abi-check" if rest.is_empty() => zig::abi_check(),
        "cross-link" => zig::cross_link(rest),
        "big-endian" if rest.is_empty() => emulated::big_endian(),
        "bench" => bench::bench(rest),
        "lookup" => lookup::lookup(rest),
        "chaos" => chaos::chaos(rest),
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
