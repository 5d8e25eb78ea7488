//! Modules are named for what they are about. A drawer for everything is about nothing.

use super::Finding;
use super::tree::Tree;

const BANNED: &[&str] = &["utils", "util", "common", "helpers", "helper", "misc", "types", "prelude"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, code) in tree.rust() {
        if let Some(name) = file.stems().find(|stem| BANNED.contains(stem)) {
            findings.push(Finding::new(&file.path, 0, what(name)));
        }
        for at in code.find("mod") {
            let rest = code.code().get(at + "mod".len()..).unwrap_or_default().trim_start();
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            // `mod name;` is found as the file.
            if BANNED.contains(&name) && after.trim_start().starts_with('{') {
                findings.push(Finding::new(&file.path, code.line(at), what(name)));
            }
        }
    }
    findings
}

fn what(name: &str) -> String {
    format!("`{name}` says nothing: name the module for what it is about")
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tidy::tests::{accepts, refuses};

    #[test]
    fn a_name_says_what_it_is_about() {
        accepts(check, "crates/waypost-netlink/src/wire/attributes.rs", "mod tests { mod utilities {} }");
        accepts(check, "crates/waypost-core/src/lib.rs", "let types = common.util();");
    }

    #[test]
    fn a_drawer_is_refused() {
        refuses(check, "crates/waypost-netlink/src/wire/utils.rs", "");
        refuses(check, "crates/waypost-netlink/src/common/mod.rs", "");
        refuses(check, "tests/src/helpers.rs", "");
        refuses(check, "crates/waypost-core/src/lib.rs", "mod prelude { }");
        refuses(check, "crates/waypost-core/src/lib.rs", "pub mod  types{}");
    }
}
