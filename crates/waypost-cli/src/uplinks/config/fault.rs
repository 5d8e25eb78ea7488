//! What is wrong with a file: its line, its key, and the reason.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

/// The number of the line that a byte is in.
pub(super) fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

/// What is wrong with a key that stands at `at`.
pub(super) fn wrong(text: &str, at: usize, key: &str, why: &str) -> String {
    format!("line {}: {key}: {why}", line_of(text, at))
}

/// What the reader of TOML says, in the same form.
pub(super) fn unreadable(text: &str, error: &toml::de::Error) -> String {
    let span = error.span().unwrap_or(0..0);
    let at = span.start;
    let message = error.message().replace('\n', " ");
    // The words of serde: all that it names stands in backquotes.
    let mut named = message.split('`').skip(1).step_by(2);
    match (message.split_whitespace().take(2).collect::<Vec<_>>().as_slice(), named.next()) {
        (["unknown", "field"], Some(key)) => wrong(text, at, key, &unknown(key, &named.collect::<Vec<_>>())),
        (["missing", "field"], Some(key)) => wrong(text, at, key, "it must be there"),
        (["duplicate", "key"], _) => wrong(text, at, text.get(span).unwrap_or_default(), "it is there twice"),
        _ => match key_at(text, at) {
            Some(key) => wrong(text, at, &key, &message),
            // No TOML at all.
            None => format!("line {}: {message}", line_of(text, at)),
        },
    }
}

/// Why a key is none, and which may have been meant.
fn unknown(key: &str, known: &[&str]) -> String {
    let near = known.iter().map(|one| (distance(key, one), one)).min();
    match near {
        Some((far, one)) if far <= 2 && far < one.len() => format!("there is no such key; {one} may be meant"),
        _ => format!("there is no such key here; there are {}", known.join(", ")),
    }
}

/// How many letters are to be put in, left out, put in another's place or swapped with the next to make one word of the other.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut rows = vec![(0..=other.len()).collect::<Vec<_>>()];
    for i in 1..=one.len() {
        let mut row = vec![i];
        for j in 1..=other.len() {
            let is_same = usize::from(one[i - 1] != other[j - 1]);
            let mut least = (row[j - 1] + 1).min(rows[i - 1][j] + 1).min(rows[i - 1][j - 1] + is_same);
            if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

/// The innermost key whose value a byte is in; none where the text is no TOML.
fn key_at(text: &str, at: usize) -> Option<String> {
    let document = DeTable::parse(text).ok()?;
    let mut found = None;
    look(document.get_ref(), at, &mut found);
    found
}

fn look(table: &DeTable<'_>, at: usize, found: &mut Option<String>) {
    for (key, value) in table {
        let whole = Range { start: key.span().start, end: value.span().end };
        match value.get_ref() {
            DeValue::Table(inner) => look(inner, at, found),
            DeValue::Array(each) if each.iter().any(|one| one.get_ref().is_table()) => {
                each.iter().filter_map(|one| one.get_ref().as_table()).for_each(|inner| look(inner, at, found));
            }
            _ if whole.contains(&at) => *found = Some(key.get_ref().to_string()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_near_another_by_its_slips() {
        for (one, other, far) in [("retry", "retry", 0), ("hold_dwon", "hold_down", 1), ("retri", "retry", 1), ("", "abc", 3)] {
            assert_eq!((distance(one, other), distance(other, one)), (far, far), "{one} {other}");
        }
        assert_eq!(distance("interface", "ipv4"), 8);
    }

    #[test]
    fn a_byte_is_in_the_innermost_key() {
        let text = "retry = 1\n[probe]\nretry = 2\n[[uplink]]\nresolvers = [\n \"a\",\n \"b\" ]\n";
        let key = |word: &str| key_at(text, text.find(word).unwrap());
        assert_eq!(key("1"), Some("retry".to_owned()));
        assert_eq!(key("\"b\""), Some("resolvers".to_owned()));
        assert_eq!(key("[[uplink"), None);
    }
}
