//! A cold build of the facade.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::report::{Bound, goal};
use crate::{Failure, stopwatch};

pub(crate) const NAME: &str = "build";

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Builds the command `waypost`, which is measured too.
pub(crate) fn command() -> Result<(), Failure> {
    run(cargo(&["build", "--quiet", "--release", "--package", "waypost-cli"]))
}

/// Builds this program for the processor at hand, in a folder of its own, and says where it is. The peers that are left out measure nothing there.
pub(crate) fn native() -> Result<PathBuf, Failure> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/native");
    let mut command = cargo(&["build", "--quiet", "--release", "--no-default-features", "--manifest-path", "bench/Cargo.toml"]);
    run({
        command.env("RUSTFLAGS", "-C target-cpu=native").arg("--target-dir").arg(&target);
        command
    })?;
    Ok(target.join("release/waypost-bench"))
}

/// Builds the facade into an empty folder once, for what a program pays that depends on it.
pub(crate) fn cold() -> Result<String, Failure> {
    let target = std::env::temp_dir().join(format!("waypost-bench-{}-target", std::process::id()));
    let mut command = cargo(&["build", "--quiet", "--release", "--jobs", "2", "--package", "waypost", "--target-dir"]);
    command.arg(&target);
    let span = stopwatch::programs(|| run(command));
    if target.exists() {
        fs::remove_dir_all(&target)?;
    }
    let span = span?;
    let tree = cargo(&["tree", "--package", "waypost", "--edges", "normal", "--prefix", "depth", "--format", " {p}"]).output()?;
    Ok(format!(
        "{}- CPU time of it: {:.1} s\n\n```text\n{}```\n",
        goal(
            "`cargo build --release -p waypost`, once, from nothing",
            Some(span.wall.as_secs_f64()),
            Bound::AtMost(40.0),
            1,
            " s"
        ),
        span.cpu.as_secs_f64(),
        indented(&String::from_utf8(tree.stdout)?),
    ))
}

/// The tree without the folders that the workspace's own crates are in.
fn indented(tree: &str) -> String {
    let line = |line: &str| {
        let (depth, package) = line.split_once(' ').unwrap_or(("0", line));
        let package = package.split(" (/").next().unwrap_or(package);
        format!("{}{package}\n", "  ".repeat(depth.parse().unwrap_or(0)))
    };
    tree.lines().map(line).collect()
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(Path::new(ROOT)).stdin(Stdio::null());
    command
}

fn run(mut command: Command) -> Result<(), Failure> {
    // What it prints is not for the document.
    let status = command.stdout(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(format!("cargo: {status}").into()) }
}
