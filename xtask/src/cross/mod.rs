//! `cargo xtask cross-check`: the whole workspace, type-checked and linted for every system that it is for.
//!
//! No program is linked or run here: that needs the systems' own libraries. What is checked is what the compiler
//! checks, in every crate, test and example, against each system's real standard library and `libc`.

mod toolchain;

use crate::ci::Outcome;
use crate::command::run;
use crate::skips::Skip;
use toolchain::Toolchain;

pub(crate) use toolchain::target_folder;

/// The name of the step.
pub(crate) const STEP: &str = "cross-check";

/// Every target that is checked; the machine that checks is one more.
const TARGETS: &[&str] = &[
    "aarch64-unknown-linux-gnu",
    "armv7-unknown-linux-gnueabihf",
    // Big-endian.
    "s390x-unknown-linux-gnu",
    "x86_64-unknown-freebsd",
    "i686-unknown-freebsd",
    "x86_64-unknown-netbsd",
    "aarch64-unknown-netbsd",
    "x86_64-unknown-openbsd",
    "x86_64-unknown-dragonfly",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
    "x86_64-unknown-illumos",
    "x86_64-pc-solaris",
];

/// What came of one target.
#[derive(Debug)]
enum Checked {
    Passed,
    Skipped(String),
    Failed(String),
}

/// Checks the targets that `names` has, or all.
pub(crate) fn cross_check(names: &[String]) -> Result<(), String> {
    if let Some(name) = names.iter().find(|name| !TARGETS.contains(&name.as_str())) {
        return Err(format!("{name} is none of the targets: {}", TARGETS.join(" ")));
    }
    match check(&|target| names.is_empty() || names.iter().any(|name| name == target)) {
        Outcome::Passed(skips) => {
            skips.iter().for_each(|skip| println!("{skip}"));
            Ok(())
        }
        Outcome::Skipped(why) | Outcome::Failed(why) => Err(why),
    }
}

/// Checks all targets, as a step of continuous integration.
pub(crate) fn step() -> Outcome {
    check(&|_| true)
}

fn check(is_chosen: &dyn Fn(&str) -> bool) -> Outcome {
    let toolchains = Toolchain::all();
    let mut skips = Vec::new();
    let mut failed = Vec::new();
    for target in TARGETS.iter().filter(|target| is_chosen(target)) {
        println!("--- {target}");
        match check_one(&toolchains, target) {
            Checked::Passed => {}
            Checked::Skipped(reason) => skips.push(Skip { name: format!("{STEP} {target}"), reason }),
            Checked::Failed(why) => failed.push(format!("{target}: {why}")),
        }
    }
    if failed.is_empty() { Outcome::Passed(skips) } else { Outcome::Failed(failed.join("; ")) }
}

fn check_one(toolchains: &[Toolchain], target: &str) -> Checked {
    let (toolchain, sysroot) = match toolchain::choose(toolchains, target) {
        Ok(chosen) => chosen,
        Err(reason) => return Checked::Skipped(reason),
    };
    println!("with {} and the standard library {}", toolchain.name(), sysroot.as_ref().map_or("that it has", |_| "from source"));
    // Clippy checks all that `cargo check` does, and lints besides.
    let mut command = toolchain.cargo_clippy();
    command.args(["--workspace", "--all-targets", "--all-features", "--target", target]);
    command.env("CARGO_TARGET_DIR", target_folder());
    // Nothing is run, so nobody debugs it: gigabytes less.
    command.env("CARGO_PROFILE_DEV_DEBUG", "0");
    if let Some(sysroot) = sysroot {
        let variable = format!("CARGO_TARGET_{}_RUSTFLAGS", target.to_uppercase().replace('-', "_"));
        command.env(variable, format!("--sysroot {}", sysroot.display()));
    }
    // Where the system has no thread-locals of its own, the lint takes a `const` initializer for none (clippy 1.95, illumos).
    command.args(["--", "-D", "warnings", "-A", "clippy::missing_const_for_thread_local"]);
    run(&mut command).map_or_else(Checked::Failed, |()| Checked::Passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_that_is_none_is_refused() {
        let error = cross_check(&["x86_64-unknown-plan9".to_owned()]).expect_err("there is none");
        assert!(error.starts_with("x86_64-unknown-plan9 is none of the targets"), "{error}");
    }

    #[test]
    fn a_target_without_a_standard_library_is_skipped_by_name() {
        assert!(matches!(check_one(&[], TARGETS[0]), Checked::Skipped(why) if why.contains("rustup target add")));
    }
}
