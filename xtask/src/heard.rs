//! Running tests so that what failed stands at the end, too: the output of all steps is long, and of a run elsewhere often its last
//! lines alone are kept.

use std::io::{BufRead as _, BufReader, IsTerminal as _, Read, Write};
use std::process::{Command, Stdio};
use std::thread;

use crate::command;

/// How many lines are said again.
const LINES_MAX: usize = 60;

/// Runs `command` as [`command::run`] does; the error repeats the lines that name what failed.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    // On a terminal the programs choose colours by it, and what went by can be scrolled to.
    if std::io::stdout().is_terminal() {
        return command::run(command);
    }
    passed_on(command, std::io::stdout(), std::io::stderr())
}

fn passed_on(command: &mut Command, to_out: impl Write, to_err: impl Write + Send) -> Result<(), String> {
    let mut child = command::spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let (out, err) = thread::scope(|scope| {
        let err = scope.spawn(|| err.map_or_else(Heard::default, |err| pass_on(err, to_err)));
        let out = out.map_or_else(Heard::default, |out| pass_on(out, to_out));
        (out, err.join().unwrap_or_default())
    });
    let status = child.wait().map_err(|error| format!("{} was lost: {error}", command::shown(command)))?;
    if status.success() {
        return Ok(());
    }
    let heard: String = err.lines.iter().chain(&out.lines).map(|line| format!("\n    {line}")).collect();
    Err(format!("{} failed: {status}{heard}", command::shown(command)))
}

/// Copies `from` to `to` line by line and keeps what tells of failures.
fn pass_on(from: impl Read, mut to: impl Write) -> Heard {
    let mut heard = Heard::default();
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
        // Whoever listened to us may have gone: the tests go on.
        let _ = to.write_all(&line);
        heard.take(String::from_utf8_lossy(&line).trim_end());
        line.clear();
    }
    heard
}

/// What tells of failures.
#[derive(Default, Debug)]
struct Heard {
    lines: Vec<String>,
    /// How many of the lines that follow belong to the last one.
    follow: usize,
}

impl Heard {
    fn take(&mut self, line: &str) {
        let panicked = line.starts_with("thread '") && line.contains(" panicked at ");
        let tells = panicked || line.ends_with("FAILED") || line.starts_with("error");
        if (tells || self.follow > 0) && self.lines.len() < LINES_MAX {
            self.lines.push(line.to_owned());
        }
        // A panic's message is in the lines after the place.
        self.follow = if panicked { 3 } else { self.follow.saturating_sub(1) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_and_why_is_kept() {
        let said = "running 2 tests\ntest a::b ... ok\nthread 'c' (7) panicked at c.rs:1:2:\nleft: 1\nright: 2\nnote\nmore\n\
                    test c ... FAILED\ntest result: FAILED. 1 passed; 1 failed\nerror: test failed, to rerun pass `-p x`\nok\n";
        let mut copy = Vec::new();
        let heard = pass_on(said.as_bytes(), &mut copy);
        assert_eq!(copy, said.as_bytes());
        let kept = [
            "thread 'c' (7) panicked at c.rs:1:2:",
            "left: 1",
            "right: 2",
            "note",
            "test c ... FAILED",
            "error: test failed, to rerun pass `-p x`",
        ];
        assert_eq!(heard.lines, kept);
    }

    #[test]
    fn the_error_of_a_command_repeats_what_it_said_of_failures() {
        let say = |script| passed_on(Command::new("sh").args(["-c", script]), std::io::sink(), std::io::sink());
        let error = say("echo fine; echo 'test x ... FAILED'; echo 'error: y' >&2; exit 3").expect_err("it fails");
        assert!(error.ends_with("exit status: 3\n    error: y\n    test x ... FAILED"), "{error}");
        assert_eq!(say("echo 'error: y'"), Ok(()));
    }
}
