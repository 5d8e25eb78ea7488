//! Bytes that were captured say where they come from, so that a reader can judge them and make more.

use std::collections::BTreeSet;

use super::Finding;
use super::tree::Tree;

/// What folders of captured bytes are called.
const FOLDERS: &[&str] = &["captures", "data", "corpus", "seeds", "testdata"];

/// Endings of files with captured bytes, which stand in such a folder and nowhere else.
const ENDINGS: &[&str] = &["bin", "hex", "pcap", "dat", "raw"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut folders = BTreeSet::new();
    for file in tree.files() {
        let captured = file.path.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.contains(&ending));
        match folder(&file.path) {
            Some(folder) if !file.path.ends_with(".rs") => {
                folders.insert(folder);
            }
            None if captured => {
                let what = format!("captured bytes stand in a folder called {}", FOLDERS.join(", "));
                findings.push(Finding::new(&file.path, 0, what));
            }
            _ => {}
        }
    }
    for folder in folders {
        let readme = format!("{folder}/README.md");
        let text = tree.texts().find(|(file, _)| file.path == readme).map(|(_, text)| text.to_lowercase());
        if !text.is_some_and(|text| text.contains("provenance")) {
            findings.push(Finding::new(&readme, 0, "says where the captured bytes come from, under the word Provenance"));
        }
    }
    findings
}

/// The outermost folder of captured bytes that has `path`.
fn folder(path: &str) -> Option<&str> {
    let (folders, _) = path.rsplit_once('/')?;
    let mut end = 0;
    for part in folders.split('/') {
        end += part.len();
        if FOLDERS.contains(&part) {
            return path.get(..end);
        }
        end += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Tree, check};

    fn findings(files: &[(&str, &str)]) -> usize {
        check(&Tree::of(files)).len()
    }

    #[test]
    fn captures_have_a_readme_that_says_whence() {
        let capture = ("crates/a/tests/captures/freebsd/one.bin", "bytes");
        assert_eq!(findings(&[capture]), 1);
        assert_eq!(findings(&[capture, ("crates/a/tests/captures/README.md", "")]), 1);
        assert_eq!(findings(&[capture, ("crates/a/tests/captures/README.md", "# Provenance\nwith tcpdump")]), 0);
        assert_eq!(findings(&[capture, ("crates/a/tests/README.md", "# Provenance")]), 1);
    }

    #[test]
    fn captures_stand_in_no_other_folder() {
        assert_eq!(findings(&[("crates/a/tests/one.hex", "00")]), 1);
        assert_eq!(findings(&[("crates/a/src/data.rs", ""), ("crates/a/src/data/row.rs", "")]), 0);
    }
}
