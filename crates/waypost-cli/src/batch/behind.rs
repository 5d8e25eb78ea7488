//! What became of the lines behind the one at which a batch stopped.

use std::fmt;

/// The lines that had been sent with the one that failed: their numbers, in order.
#[derive(Debug, Default)]
pub(super) struct Behind {
    pub(super) done: Vec<usize>,
    pub(super) refused: Vec<usize>,
}

impl fmt::Display for Behind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { done, refused } = self;
        let Some(last) = done.iter().chain(refused).max() else { return f.write_str("nothing behind it was done") };
        f.write_str("sent with it, ")?;
        if !done.is_empty() {
            write!(f, "{} carried out", Lines(done))?;
        }
        if !refused.is_empty() {
            write!(f, "{}{} refused", if done.is_empty() { "" } else { ", " }, Lines(refused))?;
        }
        write!(f, "; nothing behind line {last} was done")
    }
}

/// Numbers of lines, those that follow each other as a range.
struct Lines<'a>(&'a [usize]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [_, rest @ ..] = self.0 else { return Ok(()) };
        write!(f, "{} ", if rest.is_empty() { "line" } else { "lines" })?;
        let runs = self.0.chunk_by(|one, next| one + 1 == *next);
        for (at, run) in runs.enumerate() {
            f.write_str(if at == 0 { "" } else { ", " })?;
            match run {
                [first, .., last] => write!(f, "{first}-{last}")?,
                [one] => write!(f, "{one}")?,
                [] => {}
            }
        }
        f.write_str(if rest.is_empty() { " was" } else { " were" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_named() {
        let said = |done: &[usize], refused: &[usize]| Behind { done: done.to_vec(), refused: refused.to_vec() }.to_string();
        assert_eq!(said(&[], &[]), "nothing behind it was done");
        assert_eq!(said(&[8], &[]), "sent with it, line 8 was carried out; nothing behind line 8 was done");
        assert_eq!(
            said(&[8, 9, 10, 12], &[11, 13]),
            "sent with it, lines 8-10, 12 were carried out, lines 11, 13 were refused; nothing behind line 13 was done"
        );
        assert_eq!(said(&[], &[4]), "sent with it, line 4 was refused; nothing behind line 4 was done");
    }
}
