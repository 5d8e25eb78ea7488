//! `cargo xtask bench`: measures, and writes what was measured into docs/performance.md and README.md.

use std::fs;

use crate::command::{cargo, output, root};
use crate::markers::{self, Parts};

/// The documents that have tables.
const DOCUMENTS: [&str; 2] = ["docs/performance.md", README];

/// The document that has the summary, and no other table.
const README: &str = "README.md";

/// The table that compares in few lines.
const SUMMARY: &str = "summary";

/// Runs the program of bench/, which prints each table between `<!-- bench:NAME -->` and `<!-- /bench -->`, and
/// puts the tables where the documents have the same marks: all of them, or those of the sections that are named.
pub(crate) fn bench(sections: &[String]) -> Result<(), String> {
    if !root().join("bench/Cargo.toml").exists() {
        return Err("there is no bench/ workspace".into());
    }
    if let Some(option) = sections.iter().find(|name| name.starts_with('-')) {
        // Such as --quick, whose figures are not for the document.
        return Err(format!("sections are named here, and no options such as {option}"));
    }
    let measured = output(cargo("run --release --manifest-path bench/Cargo.toml -- --markdown").args(sections))?;
    let (drawings, tables) = without_drawings(markers::parts("bench", &measured)?);
    if tables.is_empty() {
        return Err("bench/ printed no table".into());
    }
    for (name, body) in drawings {
        let path = root().join("docs").join(&name);
        fs::write(&path, format!("{body}\n")).map_err(|error| format!("docs/{name}: {error}"))?;
        println!("docs/{name}: drawn anew");
    }
    for document in DOCUMENTS {
        let is_here = |name: &str| (name == SUMMARY) == (document == README);
        let here = tables.iter().filter(|(name, _)| is_here(name));
        let here: Parts = here.map(|(name, body)| (name.clone(), body.clone())).collect();
        if here.is_empty() {
            continue;
        }
        let count = here.len();
        let path = root().join(document);
        let old = fs::read_to_string(&path).map_err(|error| format!("{document}: {error}"))?;
        let new = rewritten(&old, here, sections.is_empty()).map_err(|why| format!("{document}: {why}"))?;
        fs::write(&path, new).map_err(|error| format!("{document}: {error}"))?;
        println!("{document}: {count} tables rewritten");
    }
    Ok(())
}

/// What is a file of its own in docs/, and the tables.
fn without_drawings(parts: Parts) -> (Parts, Parts) {
    parts.into_iter().partition(|(name, _)| name.ends_with(".svg"))
}

/// The document with these tables; if they are not all, the others stay as they are.
fn rewritten(document: &str, tables: Parts, is_whole: bool) -> Result<String, String> {
    let mut all = if is_whole { Parts::new() } else { markers::parts("bench", document)? };
    all.extend(tables);
    markers::replace("bench", document, &all)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "<!-- bench:a -->\n\nold a\n\n<!-- /bench -->\ntext\n<!-- bench:b -->\n\nold b\n\n<!-- /bench -->\n";

    fn measured(name: &str) -> Parts {
        Parts::from([(name.to_owned(), "new".to_owned())])
    }

    #[test]
    fn a_section_alone_leaves_the_other_tables() {
        assert_eq!(rewritten(DOCUMENT, measured("b"), false).unwrap(), DOCUMENT.replace("old b", "new"));
    }

    #[test]
    fn drawings_are_files_and_no_tables() {
        let both = Parts::from([("a".to_owned(), "| a |".to_owned()), ("a.svg".to_owned(), "<svg/>".to_owned())]);
        let (drawings, tables) = without_drawings(both);
        assert!(drawings.keys().eq(["a.svg"]) && tables.keys().eq(["a"]));
    }

    #[test]
    fn a_whole_run_has_a_table_for_each_place() {
        assert!(rewritten(DOCUMENT, measured("b"), true).is_err());
        assert!(rewritten(DOCUMENT, measured("c"), false).is_err());
    }
}
