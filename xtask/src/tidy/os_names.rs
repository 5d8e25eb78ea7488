//! Names of operating systems stand where the system is chosen or its dialect is written down, nowhere else.
//!
//! Logic that asks for a name is logic that somebody must read once for each system.

use super::Finding;
use super::rust::words;
use super::tree::{File, Tree};

/// Folders, or files with that name and `.rs`, that may name systems: the kinds of files that design gives them.
const ALLOWED: &[(&str, &str)] = &[
    ("crates/waypost/src", "sys"),
    ("crates/waypost-netlink/src", "sys"),
    ("crates/waypost-pfroute/src", "sys"),
    ("crates/waypost-pfroute/src/wire", "dialect"),
    ("crates/waypost-core/src", "os"),
    ("crates/waypost-sim/src", "profile"),
    ("tests/src", "sys"),
];

/// The one manifest that chooses a backend.
const FACADE: &str = "crates/waypost/Cargo.toml";

/// The crates where it does not matter: they measure or fuzz, on one system.
const FREE: &[&str] = &["bench", "fuzz"];

const NAMES: &[&str] =
    &["linux", "android", "freebsd", "netbsd", "openbsd", "dragonfly", "macos", "ios", "apple", "illumos", "solaris", "windows"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, code) in tree.rust().filter(|(file, _)| !is_allowed(file)) {
        for word in ["target_os", "target_vendor", "consts::OS"] {
            findings.extend(code.find(word).map(|at| finding(file, code.line(at), word)));
        }
        for opening in ["cfg", "cfg_attr"] {
            for at in code.find(opening) {
                let after = code.code().get(at + opening.len()..).unwrap_or_default();
                let is_condition = after.starts_with('(') || after.starts_with("!(");
                let condition = code.bracket(at).filter(|_| is_condition).unwrap_or_default();
                // Where `target_os` stands it was found above.
                let name = NAMES.iter().find(|name| words(condition, name).next().is_some());
                let name = name.filter(|_| !condition.contains("target_"));
                findings.extend(name.map(|name| finding(file, code.line(at), name)));
            }
        }
        for name in NAMES {
            findings.extend(code.find(&format!("std::os::{name}")).map(|at| finding(file, code.line(at), name)));
        }
    }
    for (file, text) in tree.texts().filter(|(file, _)| is_foreign_manifest(file)) {
        for (line, text) in (1..).zip(text.lines()) {
            let text = text.split('#').next().unwrap_or_default();
            let is_target = text.starts_with("[target.") && NAMES.iter().any(|name| words(text, name).next().is_some());
            if is_target || text.contains("target_os") {
                findings.push(Finding::new(&file.path, line, format!("only {FACADE} chooses by operating system")));
            }
        }
    }
    findings
}

fn is_allowed(file: &File) -> bool {
    let has = |(folder, start): &(&str, &str)| {
        let rest = file.path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'));
        let mut parts = rest.into_iter().flat_map(|rest| rest.split('/'));
        match *start {
            // dialect.rs, dialect/, dialect_freebsd.rs …: the tables of the dialects.
            "dialect" => parts.next().is_some_and(|part| part.starts_with("dialect")),
            // Anywhere below, as a folder or a file.
            _ => parts.any(|part| part == *start || part.strip_suffix(".rs") == Some(start)),
        }
    };
    file.is_under(FREE) || ALLOWED.iter().any(has)
}

fn is_foreign_manifest(file: &File) -> bool {
    file.path.ends_with("Cargo.toml") && file.path != FACADE && !file.is_under(FREE)
}

fn finding(file: &File, line: usize, name: &str) -> Finding {
    Finding::new(&file.path, line, format!("`{name}`: name operating systems in a `sys` module, a dialect or a profile only"))
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tidy::tests::{accepts, refuses};

    const ATTRIBUTE: &str = "#[cfg(target_os = \"linux\")]\nmod a;\n";

    #[test]
    fn a_name_stands_where_the_system_is_chosen() {
        for path in [
            "crates/waypost/src/sys.rs",
            "crates/waypost-netlink/src/sys/socket.rs",
            "crates/waypost-pfroute/src/sys.rs",
            "crates/waypost-pfroute/src/wire/dialect.rs",
            "crates/waypost-pfroute/src/wire/dialect/freebsd.rs",
            "crates/waypost-core/src/os/linux.rs",
            "crates/waypost-sim/src/profile/linux.rs",
            "bench/src/main.rs",
        ] {
            accepts(check, path, ATTRIBUTE);
        }
    }

    #[test]
    fn a_name_stands_nowhere_else() {
        for path in [
            "crates/waypost/src/watcher.rs",
            "crates/waypost-engine/src/sys.rs",
            "crates/waypost-netlink/src/wire/system.rs",
            "crates/waypost-netlink/src/wire/dialect.rs",
            "crates/waypost-cli/src/main.rs",
            "tests/netlink.rs",
            "xtask/src/main.rs",
        ] {
            refuses(check, path, ATTRIBUTE);
        }
    }

    #[test]
    fn every_way_to_ask_is_seen() {
        let path = "crates/waypost/src/lib.rs";
        refuses(check, path, "if cfg!(target_os = \"linux\") {}");
        refuses(check, path, "#[cfg_attr(target_os = \"macos\", path = \"a.rs\")] mod a;");
        refuses(check, path, "#[cfg(target_vendor = \"apple\")] fn f() {}");
        refuses(check, path, "#[cfg(linux)] fn f() {}");
        refuses(check, path, "if std::env::consts::OS == x {}");
        refuses(check, path, "use std::os::linux::fs::MetadataExt;");
    }

    #[test]
    fn words_in_comments_literals_and_names_are_no_conditions() {
        let path = "crates/waypost/src/lib.rs";
        accepts(check, path, "// on linux: target_os\nlet a = \"#[cfg(target_os)]\";\n");
        accepts(check, path, "use waypost_core::os::linux::RouteExt;\n#[cfg(unix)]\nfn linux() {}\n");
        accepts(check, path, "#[cfg(feature = \"tokio\")] fn f() {}");
    }

    #[test]
    fn only_the_facade_chooses_a_backend() {
        let table = "[target.'cfg(target_os = \"linux\")'.dependencies]\n";
        accepts(check, "crates/waypost/Cargo.toml", table);
        refuses(check, "crates/waypost-cli/Cargo.toml", table);
        refuses(check, "crates/waypost-cli/Cargo.toml", "[target.x86_64-unknown-linux-gnu.dependencies]\n");
        accepts(check, "crates/waypost-cli/Cargo.toml", "[target.'cfg(unix)'.dependencies]\n# not target_os\n");
    }
}
