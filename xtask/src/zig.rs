//! `cargo xtask abi-check` and `cargo xtask cross-link`: what needs the headers and libraries of other systems, which zig brings.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::ci::Outcome;
use crate::command::{cargo, output, program, run, succeeds};
use crate::cross;
use crate::image::Image;

/// The name of the step.
pub(crate) const STEP: &str = "abi-check";

/// A dialect, and zig's name of a system with its headers.
const HEADERS: &[(&str, &str)] = &[
    ("freebsd", "x86_64-freebsd"),
    ("freebsd-i386", "x86-freebsd"),
    ("netbsd", "x86_64-netbsd"),
    ("openbsd", "x86_64-openbsd"),
    ("openbsd-i386", "x86-openbsd"),
    ("macos", "aarch64-macos"),
];

/// A target, zig's name of it, and what its programs are. Of illumos, Solaris and DragonFly zig has no C library.
const LINKED: &[(&str, &str, Image)] = &[
    ("x86_64-unknown-freebsd", "x86_64-freebsd", Image::Elf("/libexec/ld-elf.so.1")),
    ("x86_64-unknown-netbsd", "x86_64-netbsd", Image::Elf("/libexec/ld.elf_so")),
    ("x86_64-unknown-openbsd", "x86_64-openbsd", Image::Elf("/usr/libexec/ld.so")),
    ("aarch64-apple-darwin", "aarch64-macos", Image::MachO),
];

/// How zig is called here: it is a program, or a module of some Python.
struct Zig(Vec<String>);

impl Zig {
    /// The one that `WAYPOST_ZIG` names, the one that is installed, or that of Python.
    fn find() -> Result<Self, String> {
        let words = |text: &str| Self(text.split_whitespace().map(str::to_owned).collect());
        let named = env::var("WAYPOST_ZIG").ok().map(|text| words(&text));
        let known = named.into_iter().chain(["zig", "python3 -m ziglang"].map(words));
        let mut works = known.filter(|zig| succeeds(zig.command().arg("version")));
        works.next().ok_or_else(|| "needs zig: install it, or its Python package ziglang, or name it in WAYPOST_ZIG".to_owned())
    }

    fn command(&self) -> Command {
        let (first, rest) = self.0.split_first().map_or(("zig", &[][..]), |(first, rest)| (first.as_str(), rest));
        let mut command = program(first);
        command.args(rest);
        command
    }

    /// Compiles a C file for a system, and leaves what comes of it behind.
    fn compile(&self, system: &str, file: &Path) -> Command {
        let mut command = self.command();
        command.args(["cc", "-target", system, "-S", "-g0", "-O1", "-o"]).arg(file.with_extension("s")).arg(file);
        command
    }
}

/// Compares the tables of the dialects with the systems' own headers.
pub(crate) fn abi_check() -> Result<(), String> {
    match step() {
        Outcome::Passed(_) => Ok(()),
        Outcome::Skipped(why) | Outcome::Failed(why) => Err(why),
    }
}

/// The same, as a step of continuous integration.
pub(crate) fn step() -> Outcome {
    match Zig::find() {
        Ok(zig) => compare(&zig).into(),
        Err(why) => Outcome::Skipped(why),
    }
}

fn compare(zig: &Zig) -> Result<(), String> {
    let folder = cross::target_folder().join("abi");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut failed = String::new();
    for (dialect, system) in HEADERS {
        let page = output(&mut cargo(&format!("run --quiet --package waypost-pfroute --example headers -- {dialect}")))?;
        let file = folder.join(format!("{dialect}.c"));
        let write = |text: &str| fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()));
        // A compiler that lets what is false pass has nothing to say.
        write(&format!("{page}_Static_assert(RTM_VERSION == 77, \"it is not\");\n"))?;
        if succeeds(&mut zig.compile(system, &file)) {
            return Err(format!("zig takes a false assertion for {system}"));
        }
        write(&page)?;
        match run(&mut zig.compile(system, &file)) {
            Ok(()) => {
                println!("{dialect}: {} statements hold in the headers of {system}", page.matches("_Static_assert").count())
            }
            Err(why) => drop(writeln!(failed, "{dialect}: {why}")),
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(failed) }
}

/// Links the command for the systems whose libraries zig has, or for those of them that `names` has.
pub(crate) fn cross_link(names: &[String]) -> Result<(), String> {
    if let Some(name) = names.iter().find(|name| LINKED.iter().all(|(target, ..)| target != name)) {
        let known: Vec<_> = LINKED.iter().map(|(target, ..)| *target).collect();
        return Err(format!("{name} is none of {}: zig has no C library of others", known.join(" ")));
    }
    let zig = Zig::find()?;
    let chosen = LINKED.iter().filter(|(target, ..)| names.is_empty() || names.iter().any(|name| name == target));
    for (target, system, image) in chosen {
        let linker = linker(&zig, system)?;
        let mut command = cargo(&format!("build --package waypost-cli --bin waypost --target {target}"));
        let variable = format!("CARGO_TARGET_{}_LINKER", target.to_uppercase().replace('-', "_"));
        command.env(variable, linker).env("CARGO_PROFILE_DEV_DEBUG", "0").env("CARGO_TARGET_DIR", cross::target_folder());
        if !succeeds(program("rustup").args(["target", "add", target])) {
            // Rustup has no standard library for it: it is built from its source, which cargo asks for where it is not there.
            let _ = succeeds(program("rustup").args(["component", "add", "rust-src"]));
            command.args(["-Zbuild-std=std,panic_abort,panic_unwind"]).env("RUSTC_BOOTSTRAP", "1");
        }
        run(&mut command)?;
        let path = cross::target_folder().join(target).join("debug/waypost");
        let program = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        image.check(&program).map_err(|why| format!("{}: {why}", path.display()))?;
        println!("{target}: {} has {} bytes", path.display(), program.len());
    }
    Ok(())
}

/// A linker that calls zig, without the libraries that it has under other names or not at all.
fn linker(zig: &Zig, system: &str) -> Result<PathBuf, String> {
    let folder = cross::target_folder().join("linkers");
    let path = folder.join(format!("zigcc-{system}"));
    let script = format!(
        "#!/bin/sh\nfor arg; do\n  shift\n  case \"$arg\" in\n  -lkvm|-lmemstat|-lprocstat|-ldevstat|-liconv) ;;\n  \
         -lgcc_s|-lgcc) set -- \"$@\" -lunwind ;;\n  *) set -- \"$@\" \"$arg\" ;;\n  esac\ndone\nexec {} cc -target {system} \"$@\"\n",
        zig.0.join(" ")
    );
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&path, script))
        .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o755)))
        .map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_that_cannot_be_linked_is_refused() {
        let error = cross_link(&["x86_64-unknown-illumos".to_owned()]).expect_err("zig has no libraries of it");
        assert!(error.starts_with("x86_64-unknown-illumos is none of"), "{error}");
    }
}
