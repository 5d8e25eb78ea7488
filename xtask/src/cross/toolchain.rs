//! The compilers that are here, and a standard library for each target.
//!
//! A target that rustup has a standard library for is checked against that. For the others, and where rustup can add
//! nothing, the standard library is checked from its source and only its metadata kept: enough to check what is built
//! on it, though not to link. Source and compiler must be of one version, so each is taken from where the other is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use crate::command::{cargo, output, program, root, run, succeeds};

/// Names a folder with `bin` and `lib` of another Rust, such as a distribution's packages unpacked.
const OTHER: &str = "WAYPOST_CROSS_RUST";

/// A Rust: a compiler, its clippy, and perhaps the source of its standard library.
#[derive(Debug)]
pub(super) struct Toolchain {
    /// Where its `bin` and `lib` stand.
    prefix: PathBuf,
}

impl Toolchain {
    /// Those that are here, the usual one first.
    pub(super) fn all() -> Vec<Self> {
        let usual = output(program("rustc").args(["--print", "sysroot"])).map(|path| PathBuf::from(path.trim())).ok();
        let other = env::var_os(OTHER).map(PathBuf::from);
        let installed = Some(PathBuf::from("/usr"));
        let all = [usual, other, installed].into_iter().flatten().map(|prefix| Self { prefix });
        all.filter(|toolchain| toolchain.binary("rustc").exists() && toolchain.binary("cargo-clippy").exists()).collect()
    }

    /// What it is, for people.
    pub(super) fn name(&self) -> String {
        let version = output(self.apart(&mut program(&self.binary("rustc").to_string_lossy())).arg("--version"));
        version.map_or_else(|why| why, |version| version.trim().to_owned())
    }

    /// Its `cargo clippy`.
    pub(super) fn cargo_clippy(&self) -> Command {
        let mut command = program(&self.binary("cargo-clippy").to_string_lossy());
        command.arg("clippy");
        self.apart(&mut command).env("RUSTC", self.binary("rustc"));
        command
    }

    /// Frees a command from what the outer cargo says, which would win over the compiler asked for here.
    fn apart<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let libraries = self.prefix.join("lib");
        let mut paths = vec![libraries.clone()];
        // Debian's are a level deeper.
        paths.extend(
            fs::read_dir(&libraries)
                .into_iter()
                .flatten()
                .flatten()
                .map(|entry| entry.path())
                .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().ends_with("-linux-gnu"))),
        );
        let paths = env::join_paths(paths).unwrap_or_default();
        command.env_remove("RUSTDOC").env_remove("RUSTUP_TOOLCHAIN").env("LD_LIBRARY_PATH", paths)
    }

    fn binary(&self, name: &str) -> PathBuf {
        self.prefix.join("bin").join(name)
    }

    fn source(&self) -> Option<PathBuf> {
        let source = self.prefix.join("lib/rustlib/src/rust/library");
        source.join("sysroot/Cargo.toml").exists().then_some(source)
    }

    /// Whether it has a standard library for the target, to be linked with.
    fn has_std(&self, target: &str) -> bool {
        let folder = fs::read_dir(self.prefix.join("lib/rustlib").join(target).join("lib"));
        let is_std = |name: &str| name.starts_with("libstd-") && name.ends_with(".rlib");
        folder.into_iter().flatten().flatten().any(|entry| is_std(&entry.file_name().to_string_lossy()))
    }

    /// A folder with the metadata of the standard library for the target; it is made where it is not there yet.
    fn metadata(&self, target: &str) -> Result<PathBuf, String> {
        let source = self.source().ok_or("the source of the standard library is not there")?;
        let version = output(self.apart(&mut program(&self.binary("rustc").to_string_lossy())).arg("-vV"))?;
        let folder = cache().join("std").join(key(&version)).join(target);
        let libraries = folder.join("lib/rustlib").join(target).join("lib");
        if libraries.exists() {
            return Ok(folder);
        }
        println!("checking the standard library for {target}, once");
        let build = cache().join(format!("std-build-{}", std::process::id()));
        let made = self.check_std(&source, target, &build).and_then(|()| {
            let new = folder.join("new");
            // What an earlier attempt has left must not be mixed with this one.
            drop(fs::remove_dir_all(&folder));
            copy_metadata(&build.join(target).join("release/deps"), &new)
                .and_then(|()| fs::create_dir_all(libraries.parent().unwrap_or(&folder)))
                .and_then(|()| fs::rename(&new, &libraries))
                .map_err(|error| format!("{}: {error}", folder.display()))
        });
        drop(fs::remove_dir_all(&build));
        made.map(|()| folder)
    }

    fn check_std(&self, source: &Path, target: &str, build: &Path) -> Result<(), String> {
        let mut command = cargo("");
        command.args(["check", "--quiet", "--release", "--locked", "--features", "panic-unwind,backtrace"]);
        command.arg("--manifest-path").arg(source.join("sysroot/Cargo.toml")).args(["--target", target]);
        command.arg("--target-dir").arg(build);
        // Where the sources of its dependencies stand beside it, cargo finds them by a file in this folder.
        command.current_dir(source);
        self.apart(&mut command).env("RUSTC", self.binary("rustc")).env("RUSTC_BOOTSTRAP", "1");
        // Its crates may not be found by mistake beside those of the workspace's own of the same name.
        command.env("__CARGO_DEFAULT_LIB_METADATA", "waypost-std");
        command.env("RUSTFLAGS", "-Zforce-unstable-if-unmarked --cap-lints allow -Copt-level=0");
        run(&mut command)
    }
}

/// The toolchain to check `target` with, and the standard library where it is not its own.
///
/// # Errors
///
/// What to install, where there is none.
pub(super) fn choose<'a>(toolchains: &'a [Toolchain], target: &str) -> Result<(&'a Toolchain, Option<PathBuf>), String> {
    let with_std = || toolchains.iter().find(|toolchain| toolchain.has_std(target));
    if let Some(toolchain) = with_std() {
        return Ok((toolchain, None));
    }
    if !toolchains.is_empty() && succeeds(program("rustup").args(["target", "add", target])) {
        if let Some(toolchain) = with_std() {
            return Ok((toolchain, None));
        }
    }
    if !toolchains.is_empty() && toolchains.iter().all(|toolchain| toolchain.source().is_none()) {
        // Whether it could be had is seen by what is there then.
        let _ = succeeds(program("rustup").args(["component", "add", "rust-src"]));
    }
    let mut why = Vec::new();
    for toolchain in toolchains {
        match toolchain.metadata(target) {
            Ok(folder) => return Ok((toolchain, Some(folder))),
            Err(reason) => why.push(reason),
        }
    }
    let install = "install its standard library (`rustup target add`), or the source of all (`rustup component add rust-src`; \
                   Debian: rustc-web rust-web-src rust-web-clippy)";
    Err(if why.is_empty() { install.to_owned() } else { format!("{}; {install}", why.join("; ")) })
}

/// Where builds for other targets go.
pub(crate) fn target_folder() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from).join("cross")
}

/// What is expensive to build is kept outside the checkout, where `.ci/run` keeps it too.
fn cache() -> PathBuf {
    let base = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || PathBuf::from(env::var_os("HOME").unwrap_or_else(|| "/tmp".into())).join(".cache");
    base.unwrap_or_else(home).join("waypost-ci")
}

/// A name for what `rustc -vV` printed: an update of the compiler makes another.
fn key(version: &str) -> String {
    let value = |field: &str| version.lines().find_map(|line| line.strip_prefix(field)).unwrap_or("unknown").trim();
    let commit: String = value("commit-hash: ").chars().take(9).collect();
    format!("{}-{commit}", value("release: "))
}

fn copy_metadata(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.path().extension().is_some_and(|extension| extension == "rmeta") {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::key;

    #[test]
    fn another_compiler_has_another_key() {
        let version = "rustc 1.96.0\nbinary: rustc\ncommit-hash: ac68faa20c58cbcc\nrelease: 1.96.0\n";
        assert_eq!(key(version), "1.96.0-ac68faa20");
        assert_ne!(key(&version.replace("ac68", "ac69")), key(version));
    }
}
