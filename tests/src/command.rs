//! The command `waypost`, as the tests run it.

use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};

use crate::skip::skip;

/// Where cargo puts the command: beside the directory of the test programs.
///
/// # Panics
///
/// Where this program does not know its own path.
#[must_use]
pub fn program() -> PathBuf {
    let test = std::env::current_exe().expect("this program has a path");
    test.parent().and_then(Path::parent).expect("a target directory").join("waypost")
}

/// The command with these words, to be run with nothing on its standard input.
#[must_use]
pub fn command(words: &str) -> Command {
    let mut command = Command::new(program());
    command.args(words.split_whitespace()).stdin(Stdio::null());
    command
}

/// Builds the command: it is another package's, and cargo builds it for that package's own tests only.
///
/// # Errors
///
/// How the test program `name` ends where that fails, as it does for a user who may not write where cargo builds.
pub fn build(name: &str) -> Result<(), ExitCode> {
    let built = Command::new(env!("CARGO")).args(["build", "--quiet", "--package", "waypost-cli", "--bin", "waypost"]).status();
    if built.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    Err(skip(name, "the command cannot be built by this user").map_or_else(
        |required| {
            eprintln!("{required}");
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    ))
}

/// A command that goes on until it is dropped, and the lines that it prints.
#[derive(Debug)]
pub struct Running {
    /// The process.
    pub child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    /// Starts the command with these words.
    #[must_use]
    pub fn new(words: &str) -> Self {
        Self::of(command(words))
    }

    /// Starts any command.
    ///
    /// # Panics
    ///
    /// Where it does not start.
    #[must_use]
    pub fn of(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        Self { child, lines }
    }

    /// Waits for the next line.
    ///
    /// # Panics
    ///
    /// Where the command ends instead.
    #[track_caller]
    pub fn line(&mut self) -> String {
        self.lines.next().expect("it goes on").expect("text")
    }

    /// Waits for the next line and reads it as JSON.
    ///
    /// # Panics
    ///
    /// Where it is none, or the command ends instead.
    #[track_caller]
    pub fn object(&mut self) -> serde_json::Value {
        let line = self.line();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself where the test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
