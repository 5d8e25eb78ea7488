//! Running tests so that what failed stands at the end, too: the output of all steps is long, and of a run elsewhere often its last
//! lines alone are kept.

use std::io::{BufRead as _, BufReader, IsTerminal as _, Read, Write};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use crate::command;

/// How many lines are said again.
const LINES_MAX: usize = 60;

/// How long what is left in the pipes is waited for when the command has ended.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Runs `command` as [`command::run`] does; the error repeats the lines that name what failed.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    // On a terminal the programs choose colours by it, and what went by can be scrolled to.
    if std::io::stdout().is_terminal() {
        return command::run(command);
    }
    passed_on(command, std::io::stdout(), std::io::stderr())
}

fn passed_on(
    command: &mut Command,
    to_out: impl Write + Send + 'static,
    to_err: impl Write + Send + 'static,
) -> Result<(), String> {
    let mut child = command::spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    let heard = Arc::new(Mutex::new(Heard::default()));
    let (ends, ended) = mpsc::channel();
    if let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) {
        let (of_out, of_err, ends_too) = (Arc::clone(&heard), Arc::clone(&heard), ends.clone());
        thread::spawn(move || (pass_on(out, to_out, &of_out), ends.send(())));
        thread::spawn(move || (pass_on(err, to_err, &of_err), ends_too.send(())));
    }
    let status = child.wait().map_err(|error| format!("{} was lost: {error}", command::shown(command)))?;
    // What a test that failed has left running may hold the pipes for ever.
    while ended.recv_timeout(LAST_WORDS).is_ok() {}
    if status.success() {
        return Ok(());
    }
    let heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
    let lines: String = heard.lines.iter().map(|line| format!("\n    {line}")).collect();
    Err(format!("{} failed: {status}{lines}", command::shown(command)))
}

/// Copies `from` to `to` line by line and keeps what tells of failures.
fn pass_on(from: impl Read, mut to: impl Write, heard: &Mutex<Heard>) {
    let mut from = BufReader::new(from);
    let (mut line, mut follow) = (Vec::new(), 0);
    while from.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
        // Whoever listened to us may have gone: the tests go on.
        let _ = to.write_all(&line);
        heard.lock().unwrap_or_else(PoisonError::into_inner).take(String::from_utf8_lossy(&line).trim_end(), &mut follow);
        line.clear();
    }
}

/// What tells of failures.
#[derive(Default, Debug)]
struct Heard {
    lines: Vec<String>,
}

impl Heard {
    /// Keeps the line if it tells; so many of those that `follow` in its stream belong to the last one.
    fn take(&mut self, line: &str, follow: &mut usize) {
        let panicked = line.starts_with("thread '") && line.contains(" panicked at ");
        let tells = panicked || line.ends_with("FAILED") || line.starts_with("error");
        if (tells || *follow > 0) && self.lines.len() < LINES_MAX {
            self.lines.push(line.to_owned());
        }
        // A panic's message is in the lines after the place.
        *follow = if panicked { 3 } else { follow.saturating_sub(1) };
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
        let heard = Mutex::new(Heard::default());
        pass_on(said.as_bytes(), &mut copy, &heard);
        assert_eq!(copy, said.as_bytes());
        let kept = [
            "thread 'c' (7) panicked at c.rs:1:2:",
            "left: 1",
            "right: 2",
            "note",
            "test c ... FAILED",
            "error: test failed, to rerun pass `-p x`",
        ];
        assert_eq!(heard.into_inner().expect("nobody panicked").lines, kept);
    }

    #[test]
    fn the_error_of_a_command_repeats_what_it_said_of_failures() {
        let say = |script| passed_on(Command::new("sh").args(["-c", script]), std::io::sink(), std::io::sink());
        let error = say("echo fine; echo 'test x ... FAILED'; echo 'error: y' >&2; exit 3").expect_err("it fails");
        assert!(error.contains("exit status: 3\n") && error.contains("\n    error: y"), "{error}");
        assert!(error.contains("\n    test x ... FAILED") && !error.contains("\n    fine"), "{error}");
        assert_eq!(say("echo 'error: y'"), Ok(()));
    }

    #[test]
    fn what_a_command_leaves_running_is_not_waited_for() {
        let mut left = Command::new("sh");
        left.args(["-c", "sleep 600 & echo \"error: $!\"; exit 1"]);
        let error = passed_on(&mut left, std::io::sink(), std::io::sink()).expect_err("it fails");
        let process = error.rsplit("error: ").next().expect("it is named");
        assert!(Command::new("kill").arg(process).status().expect("kill starts").success(), "it runs still");
    }
}
