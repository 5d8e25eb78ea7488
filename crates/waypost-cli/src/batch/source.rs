//! The lines of a batch, block by block.

use std::borrow::Cow;
use std::io::{self, Read};

/// How much is read at a time, at most. What a pipe has is carried out before more is waited for, however little it is.
const BLOCK: usize = 1 << 24;

/// How much is read at first.
const SMALLEST: usize = 1 << 16;

/// A file or pipe of lines.
pub(crate) struct Source {
    from: Box<dyn Read>,
    rest: Vec<u8>,
    /// How much is read next; it grows as long as reads fill it.
    room: usize,
    /// The number of the first line that has not been given yet.
    line: usize,
    /// How many bytes have been given.
    given: u64,
    ended: bool,
}

/// Whole lines, and the number of the first.
pub(crate) struct Block {
    text: String,
    line: usize,
}

impl Source {
    pub(crate) fn new(from: Box<dyn Read>) -> Self {
        Self { from, rest: Vec::new(), room: SMALLEST, line: 1, given: 0, ended: false }
    }

    pub(crate) const fn given(&self) -> u64 {
        self.given
    }

    /// The next lines, waited for if need be.
    pub(crate) fn next(&mut self) -> io::Result<Option<Block>> {
        while !self.ended {
            let filled = self.rest.len();
            self.rest.resize(filled + self.room, 0);
            let read = match self.from.read(&mut self.rest[filled..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
                read => {
                    let read = read?;
                    self.ended = read == 0;
                    read
                }
            };
            self.rest.truncate(filled + read);
            if read == self.room && self.room < BLOCK {
                self.room *= 4;
            }
            let end = if self.ended { self.rest.len() } else { end_of_lines(&self.rest) };
            if end > 0 {
                let after = self.rest.split_off(end);
                return self.block(after).map(Some);
            }
        }
        Ok(None)
    }

    fn block(&mut self, after: Vec<u8>) -> io::Result<Block> {
        let whole = std::mem::replace(&mut self.rest, after);
        self.given += whole.len() as u64;
        let text = String::from_utf8(whole).map_err(|error| {
            let before = error.as_bytes().iter().take(error.utf8_error().valid_up_to());
            let line = self.line + before.filter(|byte| **byte == b'\n').count();
            io::Error::new(io::ErrorKind::InvalidData, format!("line {line} is no text in UTF-8"))
        })?;
        let line = self.line;
        self.line += text.bytes().filter(|byte| *byte == b'\n').count();
        Ok(Block { text, line })
    }
}

/// Where the last line ends that does not go on behind a backslash.
fn end_of_lines(text: &[u8]) -> usize {
    let ends = text.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n');
    let goes_on = |line: &[u8]| line.strip_suffix(b"\r").unwrap_or(line).ends_with(b"\\");
    let mut whole = ends.filter(|(at, _)| !text.get(..*at).is_some_and(goes_on));
    whole.next().map_or(0, |(at, _)| at + 1)
}

impl Block {
    /// The lines with their numbers; lines that go on behind a backslash are one, with the number of the first.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, Cow<'_, str>)> {
        let mut lines = self.text.lines().zip(self.line..);
        std::iter::from_fn(move || {
            let (line, number) = lines.next()?;
            let Some(begun) = line.strip_suffix('\\') else { return Some((number, Cow::Borrowed(line))) };
            let mut all = begun.to_owned();
            for (line, _) in lines.by_ref() {
                all.push(' ');
                match line.strip_suffix('\\') {
                    Some(part) => all.push_str(part),
                    None => {
                        all.push_str(line);
                        break;
                    }
                }
            }
            Some((number, Cow::Owned(all)))
        })
    }
}

/// More words than this a line seldom has.
const WORDS: usize = 16;

/// The words of a line, as `makeargs` in iproute2's `lib/utils.c` (6.1) takes them: quotes keep blanks together, and what follows
/// a `#` is a comment.
pub(crate) fn words(line: &str) -> Result<Vec<&str>, String> {
    let mut words = Vec::with_capacity(WORDS);
    let mut begun = None;
    // Byte by byte and once: a full table has a million lines.
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            b'"' | b'\'' => return quoted_words(line),
            b'#' => {
                words.extend(begun.map(|begun: usize| &line[begun..at]));
                return Ok(words);
            }
            _ if byte.is_ascii_whitespace() => words.extend(begun.take().map(|begun| &line[begun..at])),
            _ => begun = begun.or(Some(at)),
        }
    }
    words.extend(begun.map(|begun| &line[begun..]));
    Ok(words)
}

/// The words of a line that has quotes.
#[cold]
fn quoted_words(line: &str) -> Result<Vec<&str>, String> {
    let mut words = Vec::new();
    let mut rest = line.trim_ascii_start();
    while let Some(first) = rest.chars().next() {
        match first {
            '#' => break,
            '"' | '\'' => {
                let (word, after) = rest[1..].split_once(first).ok_or_else(|| format!("the quote {first} is not closed"))?;
                words.push(word);
                rest = after.trim_ascii_start();
            }
            _ => {
                let end = rest.find(|byte: char| byte.is_ascii_whitespace() || byte == '#').unwrap_or(rest.len());
                words.push(&rest[..end]);
                rest = rest[end..].trim_ascii_start();
            }
        }
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a few bytes at a time.
    struct Drip(&'static [u8], usize);

    impl Read for Drip {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            let take = self.1.min(self.0.len()).min(to.len());
            let (now, later) = self.0.split_at(take);
            to[..take].copy_from_slice(now);
            self.0 = later;
            Ok(take)
        }
    }

    fn all(text: &'static str, step: usize) -> Vec<(usize, String)> {
        let mut source = Source::new(Box::new(Drip(text.as_bytes(), step)));
        let mut lines = Vec::new();
        while let Some(block) = source.next().unwrap() {
            lines.extend(block.lines().map(|(number, line)| (number, line.into_owned())));
        }
        lines
    }

    #[test]
    fn lines_are_the_same_however_they_come() {
        let text = "one\ntwo \\\n more\\\n\n\nfour\nlast";
        let whole = all(text, 1000);
        assert_eq!(whole.len(), 5);
        assert_eq!((whole[1].0, whole[1].1.split_ascii_whitespace().collect::<Vec<_>>()), (2, vec!["two", "more"]));
        assert_eq!((whole[4].0, whole[4].1.as_str()), (7, "last"));
        for step in 1..9 {
            assert_eq!(all(text, step), whole, "{step} bytes at a time");
        }
        // The same from an editor that ends lines as another system does.
        let text = "one\r\ntwo \\\r\n more\\\r\n\r\n\r\nfour\r\nlast";
        for step in [1, 2, 3, 1000] {
            let lines = all(text, step);
            assert_eq!(lines.len(), 5, "{step} bytes at a time: {lines:?}");
            assert_eq!(lines[1].1.split_ascii_whitespace().collect::<Vec<_>>(), ["two", "more"]);
        }
    }

    #[test]
    fn a_signal_does_not_end_a_file() {
        struct Interrupted(bool, Drip);
        impl Read for Interrupted {
            fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
                self.0 = !self.0;
                if self.0 { Err(io::ErrorKind::Interrupted.into()) } else { self.1.read(to) }
            }
        }
        let mut source = Source::new(Box::new(Interrupted(false, Drip(b"one\n", 9))));
        assert_eq!(source.next().unwrap().unwrap().lines().count(), 1);
        assert!(source.next().unwrap().is_none());
    }

    #[test]
    fn words_can_be_quoted_and_commented() {
        assert_eq!(words("route add 10.0.0.0/8 dev w0 # why").unwrap(), ["route", "add", "10.0.0.0/8", "dev", "w0"]);
        assert_eq!(words("route add 'a b' \"c # d\" e#f").unwrap(), ["route", "add", "a b", "c # d", "e"]);
        assert!(words("  # only").unwrap().is_empty());
        assert_eq!(words("\troute  add x#y 'z").unwrap(), ["route", "add", "x"]);
        assert_eq!(words("route add ü\r").unwrap(), ["route", "add", "ü"]);
        assert!(words("route add 'open").is_err());
    }

    #[test]
    fn what_is_no_text_is_an_error() {
        let mut source = Source::new(Box::new(Drip(b"\xff\n", 9)));
        assert_eq!(source.next().map(|_| ()).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
