//! Runs each test in a process of its own, and prints what became of it in the words of `cargo test`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

use nix::unistd::alarm;
use waypost_core::{Dump, Notice};
use waypost_tests::skip::skip;
use waypost_tests::wish::Wish;

use crate::kernel::Foreign;
use crate::library::Library;
use crate::{Test, beyond, exceptions};

/// Names the library with the kernel.
const KERNEL: &str = "WAYPOST_FOREIGN_KERNEL";
/// Names, in a process of its own, the test that it is to run.
const TEST: &str = "WAYPOST_FOREIGN_TEST";

/// The dialects of the simulated kernels that the library has which stands in for a real one.
const SIMULATED: [&str; 9] =
    ["freebsd", "freebsd-i386", "netbsd", "netbsd7", "openbsd", "openbsd-i386", "dragonfly", "dragonfly6", "macos"];

/// How long a test may take, in seconds: then the process is ended.
const SECONDS_MAX: u32 = 120;
/// What a process ends with whose kernel cannot pass the test.
const CANNOT: u8 = 77;

/// Runs the tests that the arguments ask for, or the one that this process is for.
pub(crate) fn run(contract: &[Test], beyond: &[beyond::Test]) -> ExitCode {
    if let Ok(name) = env::var(TEST) {
        return run_one(contract, beyond, &name);
    }
    let names: Vec<&str> = contract.iter().map(|(name, _)| *name).chain(beyond.iter().map(|(name, _)| *name)).collect();
    let systems: &[&str] = if env::var_os(KERNEL).is_some() { &[""] } else { &SIMULATED };
    let all = systems.iter().flat_map(|system| names.iter().map(move |name| Job { system, name }));
    let wish = Wish::read(env::args().skip(1));
    let (chosen, other): (Vec<Job<'_>>, Vec<Job<'_>>) = all.partition(|job| wish.names(&job.shown()));
    if wish.list {
        chosen.iter().for_each(|job| println!("{}: test", job.shown()));
        return ExitCode::SUCCESS;
    }
    println!("\nrunning {} tests", chosen.len());
    let kernel = match library() {
        Ok(kernel) => kernel,
        Err(why) => {
            return match skip("foreign_kernel", why) {
                Ok(()) => ExitCode::SUCCESS,
                Err(required) => {
                    eprintln!("{required}");
                    ExitCode::FAILURE
                }
            };
        }
    };
    let (mut failed, mut ignored) = (Vec::new(), 0);
    for job in &chosen {
        let status = job.command(&kernel).status();
        match status.as_ref().map(std::process::ExitStatus::code) {
            Ok(Some(0)) => println!("test {} ... ok", job.shown()),
            Ok(Some(code)) if code == i32::from(CANNOT) => {
                println!("test {} ... ignored", job.shown());
                ignored += 1;
            }
            _ => {
                println!("test {} ... FAILED: {status:?}", job.shown());
                failed.push(job.shown());
            }
        }
    }
    let passed = chosen.len() - failed.len() - ignored;
    let verdict = if failed.is_empty() { "ok" } else { "FAILED" };
    if !failed.is_empty() {
        println!("\nfailures:\n    {}", failed.join("\n    "));
    }
    let (failed, filtered) = (failed.len(), other.len());
    println!("\ntest result: {verdict}. {passed} passed; {failed} failed; {ignored} ignored; {filtered} filtered out\n");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One test of one kernel.
struct Job<'a> {
    /// The simulated system; empty for the kernel that was named.
    system: &'a str,
    name: &'a str,
}

impl Job<'_> {
    fn shown(&self) -> String {
        if self.system.is_empty() { self.name.to_owned() } else { format!("{}::{}", self.system, self.name) }
    }

    fn command(&self, kernel: &Path) -> Command {
        let mut command = Command::new(env::current_exe().unwrap_or_default());
        command.env(KERNEL, kernel).env(TEST, self.name);
        if !self.system.is_empty() {
            command.env(waypost_foreign::CHOICE, self.system);
        }
        command
    }
}

/// The library with the kernel: the one that was named, or the simulated one, which cargo has built beside this program.
fn library() -> Result<PathBuf, String> {
    if let Some(path) = env::var_os(KERNEL) {
        return Ok(path.into());
    }
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let folder = program.parent().ok_or("this program is nowhere")?;
    let is_it = |path: &Path| {
        let stem = path.file_stem().map(OsStr::to_string_lossy).unwrap_or_default();
        let is_library = path.extension().is_some_and(|extension| extension == "so" || extension == "dylib");
        is_library && (stem == "libwaypost_foreign" || stem.starts_with("libwaypost_foreign-"))
    };
    let entries = fs::read_dir(folder).map_err(|error| error.to_string())?;
    let mut found: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(|path| is_it(path)).collect();
    // One that an older build has left may be there too.
    found.sort_by_key(|path| fs::metadata(path).and_then(|data| data.modified()).ok());
    found.pop().ok_or_else(|| format!("{KERNEL} names no library, and the simulated kernel's is not beside this program"))
}

/// Runs one test in this process.
fn run_one(contract: &[Test], beyond: &[beyond::Test], name: &str) -> ExitCode {
    // A kernel that hangs takes its process with it, and no other.
    alarm::set(SECONDS_MAX);
    let path = PathBuf::from(env::var_os(KERNEL).unwrap_or_default());
    let foreign = Library::load(&path).and_then(|library| {
        if let Some(reason) = exceptions::reason(&library.os(), name) {
            println!("not of {}: {name}: {reason}", library.os());
            return Ok(None);
        }
        Foreign::boot(library).map(Some)
    });
    let foreign = match foreign {
        Ok(Some(foreign)) => foreign,
        Ok(None) => return ExitCode::from(CANNOT),
        Err(why) => {
            eprintln!("{}: {why}", path.display());
            return ExitCode::FAILURE;
        }
    };
    if let Some((_, test)) = contract.iter().find(|(known, _)| *known == name) {
        let mut world = foreign.world(false);
        if name == "a_route_that_leads_nowhere_says_so" && !has_loopback(&world.list(Dump::Addresses)) {
            println!("not of this machine: {name}: its loopback has no address, and nobody here can give it one");
            return ExitCode::from(CANNOT);
        }
        test(&mut world);
    } else if let Some((_, test)) = beyond.iter().find(|(known, _)| *known == name) {
        test(foreign);
    } else {
        eprintln!("there is no test {name}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// What is dropped must lead to the loopback all the same, of either family.
fn has_loopback(listed: &[Notice]) -> bool {
    let has = |is_v6| {
        listed
            .iter()
            .any(|notice| matches!(notice, Notice::Address(_, own) if own.local.is_loopback() && own.local.is_ipv6() == is_v6))
    };
    has(false) && has(true)
}
