//! What must not be left in the tree: notes to oneself, tests that do not run, sleeps, lints switched off.

use super::Finding;
use super::rust::words;
use super::tree::Tree;

/// Words that no text may have. They are put together here so that this file may be read too.
const NOTES: &[&str] = &[concat!("FIX", "ME"), concat!("TO", "DO"), concat!("XX", "X")];

/// What no code may have, and what to do instead.
const CODE: &[(&str, &str)] = &[
    ("#[ignore", "a test runs, or says by name that it cannot"),
    ("thread::sleep", "sleeping is no synchronisation"),
    ("time::sleep", "sleeping is no synchronisation"),
    ("dbg!", "a trace for yourself"),
    ("todo!", "finish it"),
    ("unimplemented!", "finish it, or answer `Unsupported`"),
    ("#[allow(", "mend it, or `#[expect(…, reason = \"…\")]`"),
    ("#![allow(", "mend it, or `#![expect(…, reason = \"…\")]`"),
];

/// Doc examples that are not compiled, in the lines of a comment.
const FENCES: &[&str] = &["```ignore", "```rust,ignore"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, text) in tree.texts() {
        for (line, text) in (1..).zip(text.lines()) {
            let note = NOTES.iter().find(|note| words(text, note).next().is_some());
            findings.extend(note.map(|note| Finding::new(&file.path, line, format!("`{note}`: do it, or open an issue"))));
        }
    }
    for (file, code) in tree.rust() {
        for (phrase, instead) in CODE {
            let what = format!("`{phrase}`: {instead}");
            findings.extend(code.find(phrase).map(|at| Finding::new(&file.path, code.line(at), what.clone())));
        }
        for opening in ["#[expect(", "#![expect("] {
            let unreasoned =
                code.find(opening).filter(|&at| !code.bracket(at).is_some_and(|inside| inside.contains("reason = \"")));
            let what = format!("`{opening}` without a reason");
            findings.extend(unreasoned.map(|at| Finding::new(&file.path, code.line(at), what.clone())));
        }
        for (line, text) in (1..).zip(file.text.as_deref().unwrap_or_default().lines()) {
            let text = text.trim_start().trim_start_matches(['/', '!']).trim_start();
            if FENCES.iter().any(|fence| text.starts_with(fence)) {
                findings.push(Finding::new(&file.path, line, "an example that is not compiled: use `no_run`, or none"));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{NOTES, check};
    use crate::tidy::tests::{accepts, refuses};

    const PATH: &str = "crates/waypost/src/lib.rs";

    #[test]
    fn notes_to_oneself_are_refused_in_any_text() {
        for note in NOTES {
            refuses(check, PATH, &format!("// {note}: later\n"));
            refuses(check, "docs/a.md", &format!("- {note}\n"));
        }
        accepts(check, ".ci/run", &format!("mktemp -d /tmp/a.{}X\n", NOTES[2]));
    }

    #[test]
    fn tests_that_do_not_run_are_refused() {
        refuses(check, PATH, "#[test]\n#[ignore]\nfn f() {}");
        refuses(check, PATH, "#[ignore = \"slow\"]\nfn f() {}");
        refuses(check, PATH, "/// ```ignore\n/// f()\n/// ```\nfn f() {}");
        accepts(check, PATH, "/// ```no_run\n/// f()\n/// ```\nfn f(#[cfg(x)] ignore: u8) {}");
    }

    #[test]
    fn sleeps_and_leftovers_are_refused() {
        refuses(check, PATH, "std::thread::sleep(d);");
        refuses(check, PATH, "tokio::time::sleep(d).await;");
        refuses(check, PATH, "dbg!(a);");
        refuses(check, PATH, "todo!()");
        refuses(check, PATH, "unimplemented!()");
        accepts(check, PATH, "// thread::sleep, dbg!(a)\nlet a = \"todo!\"; my_dbg!(a);");
    }

    #[test]
    fn a_lint_is_expected_with_a_reason() {
        refuses(check, PATH, "#[allow(dead_code)] fn f() {}");
        refuses(check, PATH, "#![allow(dead_code)]");
        refuses(check, PATH, "#[expect(dead_code)] fn f() {}");
        accepts(check, PATH, "#[expect(dead_code, reason = \"the (other) half\")] fn f() {}");
        accepts(check, PATH, "x.expect(\"reason\")");
    }
}
