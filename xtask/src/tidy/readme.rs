//! The dependency tree in README.md is what cargo says of the facade.

use super::Finding;
use super::tree::Tree;
use crate::command::{cargo, output};
use crate::markers::{self, Parts};

const DOCUMENT: &str = "README.md";
const PART: &str = "dependencies";
const COMMAND: &str = "tree --package waypost --edges normal --charset utf8 --target x86_64-unknown-linux-gnu";

/// Asks cargo, if the document has a place `<!-- generated:dependencies -->` for it.
pub(super) fn check(tree: &Tree) -> Result<Vec<Finding>, String> {
    let Some((_, text)) = tree.texts().find(|(file, _)| file.path == DOCUMENT) else { return Ok(Vec::new()) };
    match markers::parts("generated", text) {
        Ok(parts) if parts.contains_key(PART) => Ok(compare(&parts, &block(&output(&mut cargo(COMMAND))?))),
        Ok(_) => Ok(Vec::new()),
        Err(why) => Ok(vec![Finding::new(DOCUMENT, 0, why)]),
    }
}

fn compare(parts: &Parts, wanted: &str) -> Vec<Finding> {
    let same = parts.get(PART).is_some_and(|part| part.trim() == wanted);
    let finding = || Finding::new(DOCUMENT, 0, format!("the dependencies are others now; put in:\n{wanted}"));
    (!same).then(finding).into_iter().collect()
}

/// What `cargo tree` says, without the folders of our own crates, as a block of Markdown.
fn block(said: &str) -> String {
    let line = |line: &str| match line.split_once(" (/") {
        Some((before, folder)) => before.to_owned() + if folder.ends_with("(*)") { " (*)" } else { "" },
        None => line.to_owned(),
    };
    format!("```text\n{}\n```", said.lines().map(line).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_what_cargo_says() {
        let said = "waypost v0.1.0 (/some/where)\n├── libc v0.2.191\n└── waypost-core v0.1.0 (/some/where/else) (*)\n";
        let wanted = "```text\nwaypost v0.1.0\n├── libc v0.2.191\n└── waypost-core v0.1.0 (*)\n```";
        assert_eq!(block(said), wanted);
        let parts = Parts::from([(PART.to_owned(), wanted.to_owned())]);
        assert_eq!(compare(&parts, &block(said)), []);
        assert_eq!(compare(&parts, &block("waypost v0.1.0 (/some/where)\n")).len(), 1);
    }

    #[test]
    fn a_document_without_the_place_is_left_alone_and_one_without_its_end_is_not() {
        assert_eq!(check(&Tree::of(&[(DOCUMENT, "# Waypost\n")])), Ok(Vec::new()));
        assert_eq!(check(&Tree::of(&[])), Ok(Vec::new()));
        assert_eq!(check(&Tree::of(&[(DOCUMENT, "<!-- generated:dependencies -->\n")])).unwrap().len(), 1);
    }
}
