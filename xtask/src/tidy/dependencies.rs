//! Which crate may see which, from `cargo metadata`; and which crates of others are in use at all.

use serde_json::Value;

use super::Finding;

/// What a crate of ours may see of ours.
struct Sight {
    name: &'static str,
    /// Always.
    always: &'static [&'static str],
    /// Behind a feature, or on one operating system.
    sometimes: &'static [&'static str],
    /// In its tests.
    tests: &'static [&'static str],
}

const CORE: &str = "waypost-core";
const ENGINE: &str = "waypost-engine";
const NETLINK: &str = "waypost-netlink";
const PFROUTE: &str = "waypost-pfroute";
const SIM: &str = "waypost-sim";
const FACADE: &str = "waypost";
const FOREIGN: &str = "waypost-foreign";

/// Dependencies point downwards: a backend cannot see the engine, nor the engine a backend.
const SIGHTS: &[Sight] = &[
    Sight { name: CORE, always: &[], sometimes: &[], tests: &[] },
    Sight { name: ENGINE, always: &[CORE], sometimes: &[], tests: &[SIM] },
    Sight { name: NETLINK, always: &[CORE], sometimes: &[], tests: &[SIM] },
    Sight { name: PFROUTE, always: &[CORE], sometimes: &[], tests: &[SIM] },
    Sight { name: SIM, always: &[CORE], sometimes: &[NETLINK, PFROUTE], tests: &[ENGINE] },
    Sight { name: FACADE, always: &[CORE, ENGINE], sometimes: &[NETLINK, PFROUTE], tests: &[SIM] },
    Sight { name: "waypost-cli", always: &[FACADE], sometimes: &[], tests: &[] },
    Sight { name: "waypost-tests", always: &[CORE, ENGINE, NETLINK, PFROUTE, SIM, FACADE, FOREIGN], sometimes: &[], tests: &[] },
    Sight { name: FOREIGN, always: &[PFROUTE, SIM], sometimes: &[], tests: &[] },
    Sight { name: "xtask", always: &[], sometimes: &[], tests: &[] },
];

/// The crates of others, each approved for one job (ARCHITECTURE.md says which).
const APPROVED: &[&str] = &[
    "anstream",
    "arc-swap",
    "async-io",
    "bitflags",
    "cfg-if",
    "clap",
    "clap_complete",
    "clap_mangen",
    "futures-core",
    "hashbrown",
    "indicatif",
    "jiff",
    "libc",
    "mio",
    "netlink-packet-core",
    "netlink-packet-route",
    "nix",
    "rustc-hash",
    "serde",
    "serde_json",
    "signal-hook",
    "socket2",
    "thiserror",
    "tokio",
    "toml",
    "tracing",
    "ureq",
];

/// Those approved for tests alone.
const APPROVED_IN_TESTS: &[&str] = &["libloading", "prefix-trie", "proptest", "snapbox", "tempfile"];

/// Checks the text that `cargo metadata --no-deps` prints.
pub(super) fn check(metadata: &str) -> Result<Vec<Finding>, String> {
    let metadata: Value = serde_json::from_str(metadata).map_err(|error| format!("cargo metadata: {error}"))?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata names no packages")?;
    let mut findings = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let Some(sight) = SIGHTS.iter().find(|sight| sight.name == name) else {
            findings.push(Finding::new(name, 0, "say in xtask/src/tidy/dependencies.rs what this crate may see"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            findings.extend(judge(sight, dependency).map(|what| Finding::new(name, 0, what)));
        }
    }
    Ok(findings)
}

/// What is wrong with a dependency of the crate that has `sight`.
fn judge(sight: &Sight, dependency: &Value) -> Option<String> {
    let name = dependency["name"].as_str().unwrap_or_default();
    let in_tests = dependency["kind"] == "dev" || sight.name == "waypost-tests";
    if SIGHTS.iter().any(|ours| ours.name == name) {
        let is_conditional = dependency["optional"] == true || !dependency["target"].is_null();
        let is_seen = sight.always.contains(&name)
            || (sight.sometimes.contains(&name) && (is_conditional || in_tests))
            || (sight.tests.contains(&name) && in_tests);
        let condition = if sight.sometimes.contains(&name) { " without a condition" } else { "" };
        return (!is_seen).then(|| format!("may not depend on {name}{condition}"));
    }
    let is_approved = APPROVED.contains(&name) || (in_tests && APPROVED_IN_TESTS.contains(&name));
    (!is_approved).then(|| format!("depends on {name}, which is not approved"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The findings for one package with one dependency.
    fn findings(package: &str, dependency: &str, more: &str) -> usize {
        let text = format!(
            r#"{{"packages":[{{"name":"{package}","dependencies":[{{"name":"{dependency}","kind":null,"optional":false,"target":null{more}}}]}}]}}"#
        );
        check(&text).expect("well-formed").len()
    }

    #[test]
    fn dependencies_point_downwards() {
        assert_eq!(findings(ENGINE, CORE, ""), 0);
        assert_eq!(findings(FACADE, ENGINE, ""), 0);
        assert_eq!(findings("waypost-cli", FACADE, ""), 0);
        assert_eq!(findings(CORE, ENGINE, ""), 1);
        assert_eq!(findings(NETLINK, ENGINE, ""), 1);
        assert_eq!(findings(ENGINE, NETLINK, ""), 1);
        assert_eq!(findings("waypost-cli", CORE, ""), 1);
    }

    #[test]
    fn a_backend_is_seen_under_a_condition_only() {
        assert_eq!(findings(FACADE, NETLINK, ""), 1);
        assert_eq!(findings(FACADE, NETLINK, r#","target":"cfg(x)""#), 0);
        assert_eq!(findings(SIM, NETLINK, ""), 1);
        assert_eq!(findings(SIM, NETLINK, r#","optional":true"#), 0);
    }

    #[test]
    fn tests_see_the_simulator() {
        assert_eq!(findings(ENGINE, SIM, ""), 1);
        assert_eq!(findings(ENGINE, SIM, r#","kind":"dev""#), 0);
        assert_eq!(findings(CORE, SIM, r#","kind":"dev""#), 1);
    }

    #[test]
    fn crates_of_others_are_approved_first() {
        assert_eq!(findings(NETLINK, "socket2", ""), 0);
        assert_eq!(findings(NETLINK, "rand", ""), 1);
        assert_eq!(findings(CORE, "proptest", ""), 1);
        assert_eq!(findings(CORE, "proptest", r#","kind":"dev""#), 0);
    }

    #[test]
    fn a_new_crate_is_given_its_place_first() {
        assert_eq!(check(r#"{"packages":[{"name":"waypost-extra","dependencies":[]}]}"#).expect("well-formed").len(), 1);
        assert!(check("{}").is_err());
    }
}
