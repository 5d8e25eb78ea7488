//! The tables of docs/PLATFORMS.md are what the command says of itself.

use super::Finding;
use super::tree::Tree;
use crate::command::{cargo, output};
use crate::markers::{self, Parts};

const DOCUMENT: &str = "docs/PLATFORMS.md";
const PART: &str = "capabilities";

/// Asks `waypost capabilities --markdown`, if the document has a place `<!-- generated:capabilities -->` for it.
pub(super) fn check(tree: &Tree) -> Result<Vec<Finding>, String> {
    let Some((_, text)) = tree.texts().find(|(file, _)| file.path == DOCUMENT) else { return Ok(Vec::new()) };
    let parts = match markers::parts("generated", text) {
        Ok(parts) if parts.contains_key(PART) => parts,
        Ok(_) => return Ok(Vec::new()),
        Err(why) => return Ok(vec![Finding::new(DOCUMENT, 0, why)]),
    };
    let said = output(&mut cargo("run --quiet --package waypost-cli -- capabilities --markdown"))?;
    Ok(compare(&parts, &said))
}

fn compare(parts: &Parts, said: &str) -> Vec<Finding> {
    let same = parts.get(PART).is_some_and(|part| part.trim() == said.trim());
    let finding = || Finding::new(DOCUMENT, 0, "is not what `waypost capabilities --markdown` says now: put that in");
    (!same).then(finding).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_what_the_command_says() {
        let parts = Parts::from([(PART.to_owned(), "| a |".to_owned())]);
        assert_eq!(compare(&parts, "| a |\n"), []);
        assert_eq!(compare(&parts, "| b |\n").len(), 1);
    }

    #[test]
    fn a_document_without_the_place_is_left_alone() {
        assert_eq!(check(&Tree::of(&[(DOCUMENT, "# Platforms\n")])), Ok(Vec::new()));
        assert_eq!(check(&Tree::of(&[])), Ok(Vec::new()));
    }
}
