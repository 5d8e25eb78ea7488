//! `unsafe` stands in `sys` modules, where a reader who looks for it need not look elsewhere.

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
    findings
}

fn is_allowed(file: &File) -> bool {
    // The engine, the model and the simulator have no system beneath them, whatever a module of theirs is called.
    let pure = ["crates/waypost-core", "crates/waypost-engine", "crates/waypost-sim", "crates/waypost-cli"];
    file.is_under(ALLOWED) || (file.stems().any(|stem| stem == "sys") && !file.is_under(&pure))
}

#[cfg(test)]
mod tests {
    use super::check;
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
    fn the_word_alone_is_not_code() {
        accepts(check, "crates/waypost/src/lib.rs", "#![forbid(unsafe_code)]\n// unsafe\nlet a = \"unsafe\";");
    }
}
