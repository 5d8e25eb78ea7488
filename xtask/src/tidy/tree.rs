//! The files that the rules read.

use std::fs;

use super::rust::Code;
use crate::command::{output, program, root};

/// A file with text in it.
#[derive(Debug)]
pub(super) struct File {
    /// From the root of the workspace, with `/`.
    pub(super) path: String,
    /// The whole text; none for bytes that are no text.
    pub(super) text: Option<String>,
    /// Rust's view of it, for a file of Rust.
    pub(super) rust: Option<Code>,
}

impl File {
    fn new(path: String, text: Option<String>) -> Self {
        let rust = text.as_deref().filter(|_| path.ends_with(".rs")).map(Code::of);
        Self { path, text, rust }
    }

    /// The parts of the path without the ending of the last: `crates/a/src/sys.rs` has `crates`, `a`, `src`, `sys`.
    pub(super) fn stems(&self) -> impl Iterator<Item = &str> {
        let path = self.path.as_str();
        let file = path.rfind('/').map_or(0, |slash| slash + 1);
        let end = path.get(file..).and_then(|name| name.find('.')).map_or(path.len(), |dot| file + dot.max(1));
        path.get(..end).unwrap_or(path).split('/')
    }

    /// Whether one of these folders has the file.
    pub(super) fn is_under(&self, folders: &[&str]) -> bool {
        folders.iter().any(|folder| self.path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')))
    }
}

/// The files of a work tree.
#[derive(Debug)]
pub(super) struct Tree(Vec<File>);

impl Tree {
    /// What git has or would take at the next `git add`, but for symbolic links.
    pub(super) fn of_git() -> Result<Self, String> {
        let list =
            output(program("git").args(["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"]))?;
        let mut files = Vec::new();
        for path in list.split('\0').filter(|path| !path.is_empty()) {
            let full = root().join(path);
            // A file that git still lists may be gone from the work tree.
            let Ok(metadata) = fs::symlink_metadata(&full) else { continue };
            if metadata.is_file() {
                let bytes = fs::read(&full).map_err(|error| format!("{path}: {error}"))?;
                files.push(File::new(path.to_owned(), String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))));
            }
        }
        Ok(Self(files))
    }

    /// These files, for a test.
    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| File::new((*path).to_owned(), Some((*text).to_owned()))).collect())
    }

    /// All files.
    pub(super) fn files(&self) -> &[File] {
        &self.0
    }

    /// The files of Rust.
    pub(super) fn rust(&self) -> impl Iterator<Item = (&File, &Code)> {
        self.0.iter().filter_map(|file| Some((file, file.rust.as_ref()?)))
    }

    /// The files with text.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&File, &str)> {
        self.0.iter().filter_map(|file| Some((file, file.text.as_deref()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stems_leave_out_the_ending() {
        let stems = |path: &str| File::new(path.into(), None).stems().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(stems("crates/a/src/sys.rs"), ["crates", "a", "src", "sys"]);
        assert_eq!(stems("a/sys/x.tar.gz"), ["a", "sys", "x"]);
        assert_eq!(stems("LICENSE"), ["LICENSE"]);
        assert_eq!(stems(".ci/run"), [".ci", "run"]);
    }

    #[test]
    fn a_folder_is_matched_whole() {
        let file = File::new("crates/waypost-cli/src/main.rs".into(), None);
        assert!(file.is_under(&["crates/waypost-cli"]));
        assert!(!file.is_under(&["crates/waypost"]));
    }
}
