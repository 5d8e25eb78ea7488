//! `cargo xtask test`: what passes without root on any Linux machine.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::command::{cargo, is_root, output, program};
use crate::heard::run;
use crate::skips::{LOG, Log, REQUIRE, Skip};

/// Runs the tests and says by name what could not run.
pub(crate) fn test(args: &[String]) -> Result<(), String> {
    let (tests, skips) = workspace(args)?;
    for skip in &skips {
        println!("{skip}");
    }
    if skips.is_empty() {
        println!("nothing was skipped");
    }
    tests
}

/// Whether the tests of the workspace passed, doc examples included, and what of them was skipped.
///
/// Tests against a kernel make themselves a user namespace and a network namespace in it.
pub(crate) fn workspace(args: &[String]) -> Result<(Result<(), String>, Vec<Skip>), String> {
    let log = Log::new()?;
    let mut command = cargo("test --workspace --all-features --no-fail-fast");
    let tests = run(command.args(args).env(LOG, log.path()));
    Ok((tests, log.read()?))
}

/// Has the tests take a whole Internet table (tests/full_table.rs).
const FULL_TABLE: &str = "WAYPOST_FULL_TABLE";

/// The tests against the real kernel, with the rights that this process has: none may be skipped, and the Internet's table is whole.
pub(crate) fn as_root() -> Result<(), String> {
    let log = Log::new()?;
    let mut command = cargo("test --package waypost-tests --all-features --no-fail-fast");
    run(command.env(LOG, log.path()).env(REQUIRE, "1").env(FULL_TABLE, "1"))?;
    match log.read()?.first() {
        None => Ok(()),
        Some(skip) => Err(format!("{skip}, where nothing may be skipped")),
    }
}

/// The tests against the kernel as a user without rights, whoever runs this: root keeps its rights over files in a
/// user namespace of its own making, so that a test can pass with root that fails for everybody else.
///
/// The programs are copied to where such a user can read them, beside the command as they find it when cargo runs them.
pub(crate) fn as_plain_user() -> Result<Vec<Skip>, String> {
    let built = output(&mut cargo("test --package waypost-tests --all-features --no-run --message-format json"))?;
    let command = output(&mut cargo("build --package waypost-cli --message-format json"))?;
    let log = Log::new()?;
    log.open_to_all()?;
    let place = Place::new()?;
    for path in executables(&command) {
        place.take(&path, "")?;
    }
    for path in libraries(&built) {
        place.take(&path, "deps")?;
    }
    let mut failed = Vec::new();
    for path in executables(&built) {
        let copy = place.take(&path, "deps")?;
        if let Err(why) = run(plainly(&copy).current_dir(&place.0).env(LOG, log.path()).env_remove(REQUIRE)) {
            failed.push(why);
        }
    }
    if failed.is_empty() { log.read() } else { Err(failed.join(", ")) }
}

/// The executables that cargo's messages name.
fn executables(messages: &str) -> Vec<PathBuf> {
    let message = |line: &str| serde_json::from_str::<Value>(line).ok();
    messages.lines().filter_map(message).filter_map(|message| message["executable"].as_str().map(PathBuf::from)).collect()
}

/// The shared libraries of our own that cargo's messages name: tests load them from beside them.
fn libraries(messages: &str) -> Vec<PathBuf> {
    let message = |line: &str| serde_json::from_str::<Value>(line).ok();
    let is_ours =
        |message: &Value| message["target"]["kind"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "cdylib"));
    let files = |message: Value| message["filenames"].as_array().cloned().unwrap_or_default();
    let paths = messages.lines().filter_map(message).filter(is_ours).flat_map(files);
    let paths = paths.filter_map(|path| path.as_str().map(PathBuf::from));
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "so")).collect()
}

/// `executable`, to be run by the user and group 65534 that have nothing.
fn plainly(executable: &Path) -> Command {
    if !is_root() {
        return program(&executable.to_string_lossy());
    }
    let mut command = program("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"]).arg(executable);
    command.env("HOME", "/nonexistent");
    command
}

/// A folder for programs, removed at the end.
#[derive(Debug)]
struct Place(PathBuf);

impl Place {
    fn new() -> Result<Self, String> {
        let path = std::env::temp_dir().join(format!("waypost-programs-{}", std::process::id()));
        for folder in [path.clone(), path.join("deps")] {
            let error = |error| format!("{}: {error}", folder.display());
            fs::create_dir(&folder).map_err(error)?;
            // Whatever the umask is.
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).map_err(error)?;
        }
        Ok(Self(path))
    }

    /// Copies `program` into `folder` of the place, and says where it is now.
    fn take(&self, program: &Path, folder: &str) -> Result<PathBuf, String> {
        let name = program.file_name().ok_or_else(|| format!("{} has no name", program.display()))?;
        let copy = self.0.join(folder).join(name);
        fs::copy(program, &copy).map_err(|error| format!("{}: {error}", program.display()))?;
        Ok(copy)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Programs left behind in the temporary directory harm nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::{executables, libraries};

    #[test]
    fn executables_are_read_from_the_messages_of_cargo() {
        let messages = "{\"reason\":\"compiler-artifact\",\"executable\":null}\nnoise\n{\"executable\":\"/t/deps/a-1\"}\n";
        assert_eq!(executables(messages), [std::path::PathBuf::from("/t/deps/a-1")]);
    }
    #[test]
    fn shared_libraries_are_read_from_the_messages_of_cargo() {
        let messages = "{\"target\":{\"kind\":[\"cdylib\",\"rlib\"]},\"filenames\":[\"/t/deps/a.so\",\"/t/deps/a.rlib\"]}\n\
                        {\"target\":{\"kind\":[\"proc-macro\"]},\"filenames\":[\"/t/deps/b.so\"]}\n";
        assert_eq!(libraries(messages), [std::path::PathBuf::from("/t/deps/a.so")]);
    }
}
