//! The steps of continuous integration: the one list that `cargo xtask ci`, `.ci/run` and the workflow of the
//! host share.

use std::process::Command;

use crate::ci::Outcome;
use crate::command::{cargo, cargo_of, is_root, output, program, root, run, succeeds};
use crate::{cross, emulated, testing, tidy, zig};

/// One step.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) run: fn() -> Outcome,
}

/// The step that runs the tests against the kernel with the rights of root.
pub(crate) const ROOT: &str = "root";

/// All steps, the quick ones first.
pub(crate) const STEPS: &[Step] = &[
    Step { name: "fmt", about: "everything is formatted", run: || all(&["fmt --all --check"]) },
    Step { name: "tidy", about: "the rules of the house that no compiler checks", run: || tidy::tidy().into() },
    Step { name: "clippy", about: "no warning in any crate, test or example", run: clippy },
    Step { name: cross::STEP, about: "no warning for any of the other systems", run: cross::step },
    Step { name: zig::STEP, about: "the tables of the dialects are what the systems' own headers say", run: zig::step },
    Step { name: "test", about: "every test that passes without root", run: test },
    Step { name: emulated::STEP, about: "the tests of model, codec and engine, 32 bits and big-endian", run: emulated::step },
    Step { name: "user", about: "the tests against the kernel as a user without rights", run: as_plain_user },
    Step { name: ROOT, about: "the tests against the kernel as root, none skipped, with a full Internet table", run: as_root },
    Step { name: "doc", about: "the documentation builds, private items included", run: doc },
    Step { name: "deny", about: "licences, sources and banned crates", run: || deny("bans licenses sources") },
    Step { name: "bench", about: "the bench/ workspace builds without a warning", run: || apart("bench") },
    Step { name: "fuzz", about: "the fuzz/ workspace builds without a warning", run: || apart("fuzz") },
    Step { name: "fuzz-smoke", about: "each fuzz target on the same two thousand inputs", run: fuzz_smoke },
    Step { name: "package", about: "every published crate packs and builds from its package", run: package },
    Step { name: "msrv", about: "the crates build with the oldest supported Rust", run: msrv },
];

/// The workspace members that are not published and may need a newer Rust.
const UNPUBLISHED: &str = "--exclude xtask --exclude waypost-tests --exclude waypost-foreign";

/// What the smoke test does with one fuzz target: the same inputs in the same order each time, so that what fails was
/// broken by a change and not found by luck. Addresses of memory are among what `use_cmp` has inputs made of. The time only
/// bounds it. Luck is tried by hand: fuzz/README.md.
const FUZZ_BOUNDS: &str = "-seed=1 -use_cmp=0 -runs=2000 -max_total_time=60";

/// Runs cargo with each of these, until one fails.
fn all(commands: &[&str]) -> Outcome {
    commands.iter().try_for_each(|args| run(&mut cargo(args))).into()
}

fn clippy() -> Outcome {
    // The default features first: code that only a feature uses must not be dead without it.
    all(&["clippy --workspace --all-targets -- -D warnings", "clippy --workspace --all-targets --all-features -- -D warnings"])
}

fn test() -> Outcome {
    match testing::workspace(&[]) {
        Ok((Ok(()), skips)) => Outcome::Passed(skips),
        Ok((Err(why), _)) | Err(why) => Outcome::Failed(why),
    }
}

fn as_plain_user() -> Outcome {
    testing::as_plain_user().map_or_else(Outcome::Failed, Outcome::Passed)
}

fn as_root() -> Outcome {
    if is_root() { testing::as_root().into() } else { Outcome::Skipped("needs root".into()) }
}

fn doc() -> Outcome {
    // The command and the facade are both called `waypost`: one after the other, or they would write over each other.
    let command = "doc --package waypost-cli --no-deps --document-private-items --all-features";
    let others = "doc --workspace --exclude waypost-cli --no-deps --document-private-items --all-features";
    let mut docs = [command, others].into_iter();
    docs.try_for_each(|args| run(cargo(args).env("RUSTDOCFLAGS", "-D warnings"))).into()
}

/// What `cargo deny` says of all features. The advisories come from the network: the workflow of the host asks for them.
fn deny(checks: &str) -> Outcome {
    if !succeeds(&mut cargo("deny --version")) {
        return Outcome::Skipped("cargo-deny is not installed".into());
    }
    let advisories = if std::env::var("WAYPOST_ADVISORIES").is_ok_and(|value| value == "1") { " advisories" } else { "" };
    run(&mut cargo(&format!("deny --all-features check {checks}{advisories}"))).into()
}

/// Checks a workspace of its own, whose dependencies stay out of the product's lock file.
fn apart(name: &str) -> Outcome {
    let manifest = format!("{name}/Cargo.toml");
    if !root().join(&manifest).exists() {
        return Outcome::Skipped(format!("there is no {name}/ workspace"));
    }
    all(&[
        &format!("fmt --all --check --manifest-path {manifest}"),
        &format!("clippy --all-targets --manifest-path {manifest} -- -D warnings"),
    ])
}

fn fuzz_smoke() -> Outcome {
    if !root().join("fuzz/Cargo.toml").exists() {
        return Outcome::Skipped("there is no fuzz/ workspace".into());
    }
    if !succeeds(&mut cargo_of("nightly", "fuzz --version")) {
        return Outcome::Skipped("needs a nightly toolchain and cargo-fuzz".into());
    }
    let targets = match output(&mut cargo_of("nightly", "fuzz list")) {
        Ok(list) => list,
        Err(why) => return Outcome::Failed(why),
    };
    targets.lines().map(str::trim).filter(|target| !target.is_empty()).try_for_each(smoke).into()
}

/// Runs one target, from its seeds if it has some and nothing else: a corpus of earlier runs would lead elsewhere.
fn smoke(target: &str) -> Result<(), String> {
    let corpus = format!("fuzz/corpus/smoke/{target}");
    let _ = std::fs::remove_dir_all(root().join(&corpus));
    let seeds = format!("fuzz/seeds/{target}");
    std::fs::create_dir_all(root().join(&corpus)).map_err(|error| format!("{corpus}: {error}"))?;
    let seeds = if root().join(&seeds).is_dir() { seeds } else { String::new() };
    run(&mut cargo_of("nightly", &format!("fuzz run {target} {corpus} {seeds} -- {FUZZ_BOUNDS}")))
}

fn package() -> Outcome {
    // A tree with changes is checked too: what is published is packed from a clean one.
    all(&[&format!("package --workspace {UNPUBLISHED} --allow-dirty")])
}

/// The `rust-version` of the workspace.
fn oldest() -> Result<String, String> {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).map_err(|error| format!("Cargo.toml: {error}"))?;
    let version = manifest.lines().find_map(|line| line.strip_prefix("rust-version = \"")?.strip_suffix('"'));
    version.map(str::to_owned).ok_or_else(|| "Cargo.toml names no rust-version".into())
}

fn msrv() -> Outcome {
    let version = match oldest() {
        Ok(version) => version,
        Err(why) => return Outcome::Failed(why),
    };
    let check = format!("check --workspace {UNPUBLISHED} --all-features");
    if let Ok(rustc) = std::env::var("WAYPOST_MSRV_RUSTC") {
        return with_compiler(&version, &rustc, &mut cargo(&check));
    }
    if succeeds(program("rustup").args(["run", &version, "rustc", "--version"])) {
        return run(&mut cargo_of(&version, &check)).into();
    }
    Outcome::Skipped(format!("no Rust {version}: neither a toolchain of rustup nor WAYPOST_MSRV_RUSTC"))
}

/// Runs `command` with the compiler `rustc`, which must be of `version`: a newer one would prove nothing.
fn with_compiler(version: &str, rustc: &str, command: &mut Command) -> Outcome {
    match output(program(rustc).arg("--version")) {
        Ok(said) if said.starts_with(&format!("rustc {version}.")) => run(command.env("RUSTC", rustc)).into(),
        Ok(said) => Outcome::Failed(format!("WAYPOST_MSRV_RUSTC is {}, not {version}", said.trim())),
        Err(why) => Outcome::Failed(why),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{STEPS, oldest, root};

    #[test]
    fn the_workflow_of_the_host_runs_every_step() {
        let workflow = std::fs::read_to_string(root().join(".github/workflows/ci.yml")).expect("the workflow is there");
        let runs =
            workflow.lines().filter_map(|line| line.split_once(": ").and_then(|(_, run)| run.split_once("cargo xtask ci ")));
        let named: BTreeSet<&str> =
            runs.flat_map(|(_, steps)| steps.split_whitespace()).filter(|word| !word.starts_with('-')).collect();
        assert_eq!(named, STEPS.iter().map(|step| step.name).collect());
    }

    #[test]
    fn the_workspace_names_its_oldest_rust() {
        assert!(oldest().expect("it is there").split('.').all(|part| part.parse::<u32>().is_ok()));
    }
}
