//! `cargo xtask big-endian`: the model, the codec of routing sockets and the engine on a machine whose most significant byte comes
//! first and whose pointers have 32 bits: PowerPC, emulated by qemu.

use crate::ci::Outcome;
use crate::command::{cargo, program, succeeds};
use crate::cross;
use crate::heard::run;

/// The name of the step.
pub(crate) const STEP: &str = "big-endian";

const TARGET: &str = "powerpc-unknown-linux-gnu";

/// What is needed besides Rust, and the Debian package that has it.
const PROGRAMS: [(&str, &str); 2] = [(LINKER, "gcc-powerpc-linux-gnu"), (EMULATOR, "qemu-user")];
const LINKER: &str = "powerpc-linux-gnu-gcc";
const EMULATOR: &str = "qemu-ppc";
/// Where the C library of the target is, which qemu looks for programs' libraries in.
const LIBRARIES: &str = "/usr/powerpc-linux-gnu";

/// Runs the tests of the crates that read bytes and of those that count in words of the machine.
const TESTS: &str = "test --package waypost-core --package waypost-pfroute --package waypost-engine --lib --tests";

/// Runs them.
pub(crate) fn big_endian() -> Result<(), String> {
    match step() {
        Outcome::Passed(_) => Ok(()),
        Outcome::Skipped(why) | Outcome::Failed(why) => Err(why),
    }
}

/// The same, as a step of continuous integration.
pub(crate) fn step() -> Outcome {
    if let Some((program, package)) = PROGRAMS.iter().find(|(name, _)| !succeeds(program(name).arg("--version"))) {
        return Outcome::Skipped(format!("needs {program}: install {package}"));
    }
    if !std::path::Path::new(LIBRARIES).join("lib/libc.so.6").exists() {
        return Outcome::Skipped(format!("needs the C library in {LIBRARIES}: install libc6-dev-powerpc-cross"));
    }
    let mut command = cargo(TESTS);
    command.args(["--target", TARGET]);
    command.env("CARGO_TARGET_POWERPC_UNKNOWN_LINUX_GNU_LINKER", LINKER);
    command.env("CARGO_TARGET_POWERPC_UNKNOWN_LINUX_GNU_RUNNER", format!("{EMULATOR} -L {LIBRARIES}"));
    command.env("CARGO_TARGET_DIR", cross::target_folder()).env("CARGO_PROFILE_DEV_DEBUG", "0");
    // An emulated processor is slow, so that fewer instructions pay for being looked for.
    command.env("CARGO_PROFILE_TEST_OPT_LEVEL", "1");
    if !succeeds(program("rustup").args(["target", "add", TARGET])) {
        // Rustup has no standard library for it: it is built from its source.
        command.args(["-Zbuild-std=std,panic_abort,panic_unwind"]).env("RUSTC_BOOTSTRAP", "1");
    }
    run(&mut command).into()
}
