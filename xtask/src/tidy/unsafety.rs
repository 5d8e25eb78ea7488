//! `unsafe` stands in `sys` modules, where a reader who looks for it need not look elsewhere; a crate without one
//! forbids it.

use super::Finding;
use super::tree::{File, Tree};

/// The test that loads a foreign kernel.
const ALLOWED: &[&str] = &["tests/foreign"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, code) in tree.rust().filter(|(file, _)| !is_allowed(file)) {
        let what = "`unsafe` stands in `sys` modules only";
        findings.extend(code.find("unsafe").map(|at| Finding::new(&file.path, code.line(at), what)));
    }
    for (file, code) in tree.rust() {
        let folder = file.path.strip_suffix("lib.rs").or_else(|| file.path.strip_suffix("main.rs"));
        let Some(source) = folder.filter(|folder| folder.ends_with("src/")) else { continue };
        let has_sys = tree.rust().any(|(other, _)| other.path.starts_with(source) && other.stems().any(|stem| stem == "sys"));
        let is_empty = code.code().trim().is_empty();
        if !has_sys && !is_empty && !code.code().contains("#![forbid(unsafe_code)]") {
            findings.push(Finding::new(&file.path, 0, "a crate without a `sys` module has `#![forbid(unsafe_code)]`"));
        }
    }
    findings
}

fn is_allowed(file: &File) -> bool {
    // The engine, the model and the simulator have no system beneath them, whatever a module of theirs is called.
    let pure = ["crates/waypost-core", "crates/waypost-engine", "crates/waypost-sim", "crates/waypost-cli"];
    file.is_under(ALLOWED) || (file.stems().any(|stem| stem == "sys") && !file.is_under(&pure))
}

#[cfg(test)]
mod tests {
    use super::{Tree, check};
    use crate::tidy::tests::{accepts, refuses};

    #[test]
    fn sys_modules_may_be_unsafe() {
        accepts(check, "crates/waypost-netlink/src/sys/socket.rs", "unsafe { f() }");
        accepts(check, "crates/waypost-pfroute/src/sys.rs", "unsafe impl Send for A {}");
        accepts(check, "tests/src/sys.rs", "unsafe { f() }");
        accepts(check, "tests/foreign/kernel.rs", "unsafe { f() }");
    }

    #[test]
    fn others_may_not() {
        refuses(check, "crates/waypost-netlink/src/wire/route.rs", "unsafe { f() }");
        refuses(check, "crates/waypost-engine/src/sys/mirror.rs", "unsafe { f() }");
        refuses(check, "crates/waypost/src/system.rs", "#[cfg(test)]\nmod tests { unsafe fn f() {} }");
    }

    #[test]
    fn a_crate_without_sys_forbids_it() {
        refuses(check, "crates/waypost-engine/src/lib.rs", "mod mirror;");
        refuses(check, "crates/waypost-cli/src/main.rs", "// #![forbid(unsafe_code)]\nfn main() {}");
        accepts(check, "crates/waypost-engine/src/lib.rs", "#![forbid(unsafe_code)]\nmod mirror;");
        accepts(check, "crates/waypost-engine/src/lib.rs", "//! Nothing yet.");
        accepts(check, "crates/waypost/tests/main.rs", "fn main() {}");
        let with_sys = [("crates/a/src/lib.rs", "mod sys;"), ("crates/a/src/sys.rs", "unsafe { f() }")];
        assert_eq!(check(&Tree::of(&with_sys)).len(), 0);
    }

    #[test]
    fn the_word_alone_is_not_code() {
        accepts(check, "crates/waypost/src/lib.rs", "#![forbid(unsafe_code)]\n// unsafe\nlet a = \"unsafe\";");
    }
}
