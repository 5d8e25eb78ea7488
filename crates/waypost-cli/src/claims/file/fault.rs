//! What is wrong with a file.

use crate::failure::complain;

/// More faults than this are not told one by one: nobody reads a screen of what one wrong file of a million lines has.
const MOST: usize = 100;

/// A reason longer than this loses its middle: a word can be as long as the file.
const LONGEST: usize = 400;

/// What is wrong, and in which line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Fault {
    pub(super) line: usize,
    pub(super) why: String,
}

impl Fault {
    pub(super) fn new(line: usize, why: impl Into<String>) -> Self {
        Self { line, why: shortened(why.into()) }
    }
}

/// Tells what is wrong with a file, in the order of its lines.
pub(super) fn tell(name: &str, mut faults: Vec<Fault>) {
    faults.sort_by_key(|fault| fault.line);
    for Fault { line, why } in faults.iter().take(MOST) {
        complain(&format_args!("{name}:{line}: {why}"));
    }
    if faults.len() > MOST {
        complain(&format_args!("{name}: more of it is wrong"));
    }
}

/// A text without its middle, where it is too long to be read.
fn shortened(text: String) -> String {
    if text.len() <= LONGEST {
        return text;
    }
    let boundary = |at: usize| (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let (head, tail) = (boundary(LONGEST / 2), boundary(text.len() - LONGEST / 4));
    format!("{}…{}", &text[..head], &text[tail..])
}

/// The one of `known` that a word was meant to be: no more than two letters, or one of a short word, are other ones.
pub(super) fn meant<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let near = known.iter().map(|known| (distance(word, known), *known)).min()?;
    (near.0 <= if word.len() < 5 { 1 } else { 2 }).then_some(near.1)
}

/// How many letters must be put in, taken out, changed or swapped with the next to make one word of another.
fn distance(one: &str, two: &str) -> usize {
    let (one, two): (Vec<char>, Vec<char>) = (one.chars().take(64).collect(), two.chars().collect());
    let (mut before, mut last): (Vec<usize>, Vec<usize>) = (Vec::new(), (0..=two.len()).collect());
    for (row, letter) in one.iter().enumerate() {
        let mut next = vec![row + 1];
        for (column, other) in two.iter().enumerate() {
            let mut least = (last[column] + usize::from(letter != other)).min(last[column + 1] + 1).min(next[column] + 1);
            if row > 0 && column > 0 && one[row - 1] == *other && two[column - 1] == *letter {
                least = least.min(before[column - 1] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut last, next);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_nearly_another_was_meant_to_be_it() {
        let known = ["owner", "routes", "rules", "service"];
        for (word, found) in [
            ("routs", Some("routes")),
            ("route", Some("routes")),
            ("ruoles", Some("rules")),
            ("rouets", Some("routes")),
            ("services", Some("service")),
            ("own", None),
            ("table", None),
            ("", None),
        ] {
            assert_eq!(meant(word, &known), found, "{word}");
        }
        assert_eq!(meant("x".repeat(1 << 12).as_str(), &known), None);
    }

    #[test]
    fn a_word_as_long_as_the_file_is_not_told_whole() {
        let told = Fault::new(1, format!("{:?} is no word of a route", "é".repeat(1 << 12))).why;
        assert!(told.len() < 500 && told.starts_with("\"éé") && told.ends_with("is no word of a route"), "{told}");
        assert_eq!(Fault::new(1, "as it is").why, "as it is");
    }
}
