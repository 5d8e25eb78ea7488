//! What an owner has put in, as text, for kernels that do not keep who put a route in.
//!
//! A journal is written whole, to a file that then takes the place of the one before, before anything is changed and after. So one that is
//! read is whole, or else it is refused: its last line has a sum of all before. It says which boot it belongs to, since after another
//! one the routes of the same words would be somebody else's.
//!
//! ```text
//! waypost journal 1
//! boot 2f1c…
//! owner waypost
//! 10.1.0.0/16 via 10.0.0.1 dev if2
//! sum 8d1a4c1be2907f3a
//! ```

use std::fmt::Write;

use waypost_core::{Error, ErrorKind, Route};

/// The first line: the format and its version.
const FIRST: &str = "waypost journal 1";

/// Writes a journal of these routes.
///
/// ```
/// use waypost_core::Route;
/// use waypost_engine::claim::journal;
///
/// let routes: Vec<Route> = vec!["10.1.0.0/16 via 10.0.0.1 dev if2".parse()?];
/// let text = journal::write("waypost", "boot-1", &routes);
/// assert_eq!(journal::read(&text, "waypost", "boot-1")?, routes);
/// assert_eq!(journal::read(&text, "waypost", "boot-2")?, [], "what was there before the machine started again is gone");
/// assert!(journal::read(&text[..text.len() - 1], "waypost", "boot-1").is_err(), "it is not whole");
/// # Ok::<(), waypost_core::Error>(())
/// ```
#[must_use]
pub fn write<'a>(owner: &str, boot: &str, routes: impl IntoIterator<Item = &'a Route>) -> String {
    let mut text = format!("{FIRST}\nboot {boot}\nowner {owner}\n");
    for route in routes {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{route}");
    }
    let sum = sum_of(text.as_bytes());
    let _ = writeln!(text, "sum {sum:016x}");
    text
}

/// Reads a journal: the routes, or none where it belongs to another boot.
///
/// # Errors
///
/// `Invalid` where it is not whole, was changed, is of another owner, or of a version that is not known.
pub fn read(text: &str, owner: &str, boot: &str) -> Result<Vec<Route>, Error> {
    let invalid = |why: &str| Error::new(ErrorKind::Invalid, "read journal").because(why);
    let body = text.strip_suffix('\n').and_then(|text| text.rfind('\n')).map_or("", |end| &text[..=end]);
    let sum = text[body.len()..].trim_end_matches('\n').strip_prefix("sum ");
    if sum != Some(format!("{:016x}", sum_of(body.as_bytes())).as_str()) || !text.ends_with('\n') {
        return Err(invalid("it is not whole, or was changed"));
    }
    let mut lines = body.lines();
    if lines.next() != Some(FIRST) {
        return Err(invalid("its version is not known"));
    }
    let its_boot = lines.next().and_then(|line| line.strip_prefix("boot "));
    let its_owner = lines.next().and_then(|line| line.strip_prefix("owner "));
    if its_owner != Some(owner) {
        return Err(invalid("it is of another owner"));
    }
    if its_boot != Some(boot) {
        return Ok(Vec::new());
    }
    lines.map(|line| Ok(line.parse::<Route>()?)).collect()
}

/// The boot that a journal says it belongs to, whole or not.
#[must_use]
pub fn boot_of(text: &str) -> Option<&str> {
    text.lines().nth(1)?.strip_prefix("boot ")
}

/// FNV-1a in 64 bits: it finds torn and edited files, and is no seal against malice.
fn sum_of(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes() -> Vec<Route> {
        let words = [
            "10.1.0.0/16 via 10.0.0.1 dev if2",
            "default via fe80::1 dev if2 metric 9",
            "10.2.0.0/16 dev if3 proto2",
            "blackhole 10.3.0.0/16",
        ];
        words.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn a_journal_that_is_torn_or_edited_anywhere_is_refused() {
        let text = write("waypost", "b", &routes());
        assert_eq!(read(&text, "waypost", "b").unwrap(), routes());
        for end in 0..text.len() {
            assert!(read(&text[..end], "waypost", "b").is_err(), "cut at {end}");
        }
        for at in 0..text.len() {
            let mut edited = text.clone().into_bytes();
            edited[at] ^= 1;
            let Ok(edited) = String::from_utf8(edited) else { continue };
            assert!(read(&edited, "waypost", "b").is_err(), "edited at {at}");
        }
        assert!(read(&text, "other", "b").is_err());
        assert!(read("", "waypost", "b").is_err());
    }

    #[test]
    fn an_empty_journal_says_that_there_is_nothing() {
        assert_eq!(read(&write("x", "b", []), "x", "b").unwrap(), []);
    }
}
