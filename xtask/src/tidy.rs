//! `cargo xtask tidy`: the rules of the house that no compiler checks, each in a module of its own.
//!
//! The length of functions is clippy's `too_many_lines` (clippy.toml), and is not measured here again.

mod clock;
mod dependencies;
mod length;
mod names;
mod os_names;
mod paths;
mod phrases;
mod provenance;
mod readme;
mod replaces;
mod rust;
mod tree;
mod unsafety;

use std::fmt;

use crate::command::{cargo, output};
use tree::Tree;

/// A place where a rule is broken.
#[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Finding {
    /// The file or package.
    path: String,
    /// Its line, from 1; 0 if it is about the whole.
    line: usize,
    /// What is wrong, and what to do instead.
    what: String,
}

impl Finding {
    fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.what),
            line => write!(f, "{}:{line}: {}", self.path, self.what),
        }
    }
}

/// A rule over the text of the files.
type Rule = fn(&Tree) -> Vec<Finding>;

const RULES: &[Rule] = &[
    os_names::check,
    unsafety::check,
    clock::check,
    names::check,
    length::check,
    phrases::check,
    provenance::check,
    paths::check,
    replaces::check,
];

/// Checks every rule on the files that git has, or would take.
pub(crate) fn tidy() -> Result<(), String> {
    let tree = Tree::of_git()?;
    let mut findings: Vec<Finding> = RULES.iter().flat_map(|rule| rule(&tree)).collect();
    findings.extend(dependencies::check(&output(&mut cargo("metadata --format-version 1 --no-deps"))?)?);
    findings.extend(readme::check(&tree)?);
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    println!("tidy: {} files, {} findings", tree.files().len(), findings.len());
    if findings.is_empty() { Ok(()) } else { Err("the tree is not tidy".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many findings `rule` has in one file.
    fn findings(rule: Rule, path: &str, text: &str) -> usize {
        rule(&Tree::of(&[(path, text)])).len()
    }

    #[track_caller]
    pub(super) fn accepts(rule: Rule, path: &str, text: &str) {
        assert_eq!(findings(rule, path, text), 0, "{path} is fine:\n{text}");
    }

    #[track_caller]
    pub(super) fn refuses(rule: Rule, path: &str, text: &str) {
        assert_eq!(findings(rule, path, text), 1, "{path} is to be refused once:\n{text}");
    }
}
