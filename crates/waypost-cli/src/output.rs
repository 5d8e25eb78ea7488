//! Standard output: one buffer, colour, and arrays of JSON.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use crate::args::{Global, When};
use crate::waiting::Waiting;

/// How large the buffer is; a full table is a hundred megabytes of text.
const BUFFER: usize = 1 << 18;

/// Standard output, and how to write to it.
pub(crate) struct Output {
    pub(crate) to: BufWriter<StdoutLock<'static>>,
    /// Text is for a person at a terminal: aligned.
    pub(crate) terminal: bool,
    /// Text is coloured.
    pub(crate) colour: bool,
    pub(crate) json: bool,
    pub(crate) quiet: bool,
    /// What goes to standard error is coloured.
    pub(crate) errors_coloured: bool,
}

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        let terminal = io::stdout().is_terminal();
        // https://no-color.org: set and not empty means no colour.
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colour = |terminal| match global.color {
            When::Always => true,
            When::Never => false,
            When::Auto => terminal && !unwanted && std::env::var_os("TERM").is_none_or(|term| term != "dumb"),
        };
        let (colour, errors_coloured) = (colour(terminal), colour(io::stderr().is_terminal()));
        let to = BufWriter::with_capacity(BUFFER, io::stdout().lock());
        Self { to, terminal, colour, json: global.json, quiet: global.quiet, errors_coloured }
    }

    /// Hands on all that has been written.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }

    /// Writes one object on a line of its own: the form of streams.
    pub(crate) fn json_line(&mut self, object: &impl serde::Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.to, object)?;
        self.to.write_all(b"\n")
    }

    /// Begins an array that has an object a line.
    pub(crate) fn array(&mut self) -> io::Result<Array<'_>> {
        self.to.write_all(b"[")?;
        Ok(Array { output: self, any: false })
    }

    /// Writes a line of text.
    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.to, "{}", painted(&fit(text), self.colour))
    }

    /// Writes a line of a diff, in the colour of its first character.
    pub(crate) fn difference(&mut self, text: &str) -> io::Result<()> {
        let kind = match text.as_bytes().first() {
            Some(b'+') => Kind::Good,
            Some(b'-' | b'!') => Kind::Bad,
            _ => Kind::Dim,
        };
        let text = fit(text);
        if self.colour { writeln!(self.to, "\x1b[{}m{text}\x1b[0m", kind.code()) } else { writeln!(self.to, "{text}") }
    }

    /// Writes lines of text that has no colour, as they come out of `what`.
    pub(crate) fn lines(&mut self, what: impl fmt::Display) -> io::Result<()> {
        let mut fitting = Fitting { to: &mut self.to, outcome: Ok(()) };
        let written = write!(fitting, "{what:#}");
        match fitting.outcome {
            Ok(()) if written.is_err() => Err(io::Error::other("what is printed fails")),
            Ok(()) => self.to.write_all(b"\n"),
            failed => failed,
        }
    }

    /// Has a person at a terminal told what is being done, where it takes long and as long as the result is kept.
    pub(crate) fn waiting(&self, what: &'static str) -> Waiting {
        Waiting::begin(self.quiet, what)
    }

    /// Says what was done, to a person who wants to know.
    pub(crate) fn say(&mut self, line: &str) -> io::Result<()> {
        match self.quiet || self.json || !self.terminal {
            true => Ok(()),
            false => self.line(line),
        }
    }
}

/// A JSON array with an object a line.
pub(crate) struct Array<'a> {
    output: &'a mut Output,
    any: bool,
}

impl Array<'_> {
    pub(crate) fn push(&mut self, object: &impl serde::Serialize) -> io::Result<()> {
        let separator: &[u8] = if self.any { b",\n" } else { b"" };
        self.any = true;
        self.output.to.write_all(separator)?;
        Ok(serde_json::to_writer(&mut self.output.to, object)?)
    }

    pub(crate) fn end(self) -> io::Result<()> {
        self.output.to.write_all(b"]\n")
    }
}

/// A line without what a terminal would take for a command: names of interfaces are whatever somebody called them, and a
/// container may be somebody else's.
pub(crate) fn fit(line: &str) -> Cow<'_, str> {
    if is_fit(line, false) { Cow::Borrowed(line) } else { Cow::Owned(escaped(line, false)) }
}

/// Says whether nothing of a text controls a terminal. Tabs do no harm.
fn is_fit(text: &str, may_have_lines: bool) -> bool {
    // 0xc2 begins U+0080 to U+00BF, the first half of which are controls.
    let may_be_control =
        |byte: u8| byte < b' ' && byte != b'\t' && (byte != b'\n' || !may_have_lines) || matches!(byte, 0x7f | 0xc2);
    !text.bytes().any(may_be_control)
}

fn escaped(text: &str, may_have_lines: bool) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\t' => escaped.push('\t'),
            '\n' if may_have_lines => escaped.push('\n'),
            control if control.is_control() => escaped.extend(control.escape_unicode()),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Hands text on as [`fit`] would, several lines of it.
struct Fitting<'a, W> {
    to: &'a mut W,
    outcome: io::Result<()>,
}

impl<W: Write> fmt::Write for Fitting<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.outcome = match is_fit(text, true) {
            true => self.to.write_all(text.as_bytes()),
            false => self.to.write_all(escaped(text, true).as_bytes()),
        };
        self.outcome.as_ref().map_or(Err(fmt::Error), |()| Ok(()))
    }
}

/// What a word is, for its colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Ipv4,
    Ipv6,
    Interface,
    Bad,
    Good,
    Dim,
}

impl Kind {
    /// The colours of `ip -color` where it has one: `attr_colors_dark` in iproute2's `lib/color.c` (6.1).
    const fn code(self) -> &'static str {
        match self {
            Self::Ipv4 => "35",
            Self::Ipv6 => "94",
            Self::Interface => "36",
            Self::Bad => "31",
            Self::Good => "32",
            Self::Dim => "2",
        }
    }
}

/// A line with its words coloured.
pub(crate) fn painted(line: &str, colour: bool) -> String {
    if !colour {
        return line.to_owned();
    }
    let mut after = "";
    let mut painted = String::with_capacity(line.len() + 32);
    if line.contains(": passed over, ") || line.ends_with(" no route that can be taken") {
        // It came to nothing, so that what did stands out.
        painted.extend(["\x1b[", Kind::Dim.code(), "m", line, "\x1b[0m"]);
        return painted;
    }
    for (at, word) in line.split(' ').enumerate() {
        if at > 0 {
            painted.push(' ');
        }
        match kind_of(word, after) {
            Some(kind) => painted.extend(["\x1b[", kind.code(), "m", word, "\x1b[0m"]),
            None => painted.push_str(word),
        }
        after = word;
    }
    painted
}

fn kind_of(word: &str, after: &str) -> Option<Kind> {
    if matches!(after, "dev" | "iif" | "oif") {
        return Some(Kind::Interface);
    }
    match word {
        "blackhole" | "unreachable" | "prohibit" | "throw" | "dead" | "linkdown" | "Deleted" | "NO-CARRIER" | "dropped:"
        | "refused" => {
            return Some(Kind::Bad);
        }
        "Replaced" | "Added" | "taken" | "found" => return Some(Kind::Good),
        "was" => return Some(Kind::Dim),
        _ => {}
    }
    if !word.contains(['.', ':']) {
        return None;
    }
    match word.split('/').next()?.parse() {
        Ok(std::net::IpAddr::V4(_)) => Some(Kind::Ipv4),
        Ok(std::net::IpAddr::V6(_)) => Some(Kind::Ipv6),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_controls_a_terminal_is_written_as_its_number() {
        assert_eq!(fit("dev w0\u{e9}\tx"), "dev w0\u{e9}\tx");
        assert_eq!(fit("dev w\x1b[31m\u{9b}\n\r\x7f"), "dev w\\u{1b}[31m\\u{9b}\\u{a}\\u{d}\\u{7f}");
        let mut to = Vec::new();
        let mut fitting = Fitting { to: &mut to, outcome: Ok(()) };
        fitting.write_str("a\n\tb\x1bc").unwrap();
        assert_eq!(to, b"a\n\tb\\u{1b}c");
    }

    #[test]
    fn colour_changes_no_word() {
        let line = "default via 10.0.0.1 dev eth0 linkdown";
        assert_eq!(painted(line, false), line);
        let coloured = painted(line, true);
        assert!(coloured.contains("\x1b[36meth0\x1b[0m") && coloured.contains("\x1b[31mlinkdown\x1b[0m"), "{coloured:?}");
        let codes = ["\x1b[35m", "\x1b[36m", "\x1b[31m", "\x1b[0m"];
        assert_eq!(codes.iter().fold(coloured, |line, code| line.replace(code, "")), line);
        assert_eq!(painted("  x: taken", true), "  x: \x1b[32mtaken\x1b[0m");
        let nothing = "  its table has no route that can be taken";
        assert_eq!(painted(nothing, true), format!("\x1b[2m{nothing}\x1b[0m"), "green is for what came to something");
    }
}
