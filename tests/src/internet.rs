//! A full Internet routing table.

use std::collections::HashSet;
use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

use waypost::Prefix;

/// A part of the program, since whoever runs it need not be allowed to read where it was built.
const TABLE: &[u8] = include_bytes!("../data/internet-prefixes.txt.gz");

/// The prefixes of both families, each once; of them only each `step`th, so that a part has the shape of the whole.
///
/// # Panics
///
/// Where there is no `gzip`, or the file is not what it was.
#[must_use]
pub fn prefixes(step: usize) -> Vec<Prefix> {
    let mut seen = HashSet::new();
    let all = text();
    let parsed = all.lines().step_by(step).map(|line| line.parse::<Prefix>().unwrap_or_else(|error| panic!("{line}: {error}")));
    parsed.filter(|prefix| seen.insert(*prefix)).collect()
}

/// The table, a prefix a line.
fn text() -> String {
    let gzip = Command::new("gzip").arg("-dc").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut gzip = gzip.expect("gzip is there");
    let mut input = gzip.stdin.take().expect("a pipe");
    // What it gives must not fill its pipe while it is still being given some.
    let writer = thread::spawn(move || input.write_all(TABLE));
    let output = gzip.wait_with_output().expect("gzip ends");
    writer.join().expect("writing does not panic").expect("gzip takes all");
    String::from_utf8(output.stdout).expect("text")
}
