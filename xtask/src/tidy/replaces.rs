//! docs/replaces.md names a test for each of its lines, and the test is there; a line without one says that it claims nothing.

use std::collections::BTreeSet;

use super::Finding;
use super::tree::Tree;

const DOCUMENT: &str = "docs/replaces.md";

/// What a line without a test says.
const UNCLAIMED: [&str; 3] = ["missing", "not shown", "left to the program"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let functions: BTreeSet<&str> = tree.rust().flat_map(|(_, code)| functions(code.code())).collect();
    for (file, text) in tree.texts().filter(|(file, _)| file.path == DOCUMENT) {
        let mut finding = |line, what: String| findings.push(Finding::new(&file.path, line, what));
        let rows = (1..).zip(text.lines()).filter(|(_, line)| line.starts_with('|') && !line.starts_with("|--"));
        // The head of a table calls its last column so.
        for (line, row) in rows.filter(|(_, row)| !row.ends_with("| shown by |")) {
            let shown = row.trim_end_matches('|').rsplit('|').next().unwrap_or_default();
            let named: Vec<&str> = shown.split('`').skip(1).step_by(2).filter(|name| is_test(name)).collect();
            if named.is_empty() && !UNCLAIMED.iter().any(|words| row.contains(words)) {
                finding(line, "a line without a test says what is missing".to_owned());
            }
            for name in named {
                let last = name.rsplit("::").next().unwrap_or(name);
                if !functions.contains(last) {
                    finding(line, format!("there is no test `{name}`"));
                }
            }
        }
    }
    findings
}

/// A name of several words is that of a test, not that of a program or a type.
fn is_test(name: &str) -> bool {
    let last = name.rsplit("::").next().unwrap_or(name);
    last.contains('_') && last.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_')
}

/// The names of all functions of a file.
fn functions(code: &str) -> impl Iterator<Item = &str> {
    let names = code.split("fn ").skip(1).filter_map(|after| after.split('(').next());
    names.filter(|name| !name.is_empty() && name.chars().all(|letter| letter.is_alphanumeric() || letter == '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(table: &str) -> usize {
        let files = [(DOCUMENT, table), ("tests/a.rs", "pub(crate) fn it_is_so() {}\n#[test]\nfn nor_is_that() {}\n")];
        check(&Tree::of(&files)).len()
    }

    #[test]
    fn each_line_has_a_test_that_is_there() {
        let head = "| what | here | shown by |\n|---|---|---|\n";
        assert_eq!(findings(&format!("{head}| a | b | `tests/a`: `it_is_so`, `x::nor_is_that` |\n")), 0);
        assert_eq!(findings(&format!("{head}| a | b | `tests/a`: `it_was_so` |\n")), 1);
        assert_eq!(findings(&format!("{head}| a | b | `tests/a` |\n")), 1, "a program is no test");
        assert_eq!(findings(&format!("{head}| a | b | - |\n")), 1);
        assert_eq!(findings(&format!("{head}| a | that is missing | - |\n")), 0);
    }
}
