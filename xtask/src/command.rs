//! Running other programs from the root of the workspace.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    // What cargo says when it runs us, not what it said when it built us: two checkouts may share a target folder.
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    package.parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// `program`, to be run in the root of the workspace with nothing to read.
pub(crate) fn program(program: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root()).stdin(Stdio::null());
    command
}

/// The cargo that runs this task, with `args` split at spaces.
pub(crate) fn cargo(args: &str) -> Command {
    let mut command = program(&std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
    command.args(args.split_whitespace());
    command
}

/// The cargo of another toolchain that rustup has.
pub(crate) fn cargo_of(toolchain: &str, args: &str) -> Command {
    let mut command = program("rustup");
    // What the outer cargo told us would win over the toolchain asked for here.
    command.env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO").env_remove("RUSTC").env_remove("RUSTDOC");
    command.args(["run", toolchain, "cargo"]).args(args.split_whitespace());
    command
}

/// Runs `command` and waits for it; its words go to our own output.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let status = spawn(command)?.wait().map_err(|error| format!("{} was lost: {error}", shown(command)))?;
    if status.success() { Ok(()) } else { Err(format!("{} failed: {status}", shown(command))) }
}

/// Starts `command`.
pub(crate) fn spawn(command: &mut Command) -> Result<Child, String> {
    command.spawn().map_err(|error| format!("{} did not start: {error}", shown(command)))
}

/// Runs `command` and returns what it wrote to its standard output.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let output =
        command.stderr(Stdio::inherit()).output().map_err(|error| format!("{} did not start: {error}", shown(command)))?;
    if !output.status.success() {
        return Err(format!("{} failed: {}", shown(command), output.status));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("{} wrote no UTF-8", shown(command)))
}

/// Whether `command` starts and says yes; its words are dropped.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Whether this process has the rights of root.
pub(crate) fn is_root() -> bool {
    output(program("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// How `command` is named to the reader.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let mut text = format!("`{}", program.to_string_lossy());
    for arg in command.get_args() {
        text.push(' ');
        text.push_str(&arg.to_string_lossy());
    }
    text.push('`');
    text
}
