//! Commands: `ip` of iproute2, and `waypost`.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Failure;
use crate::prefixes::Prefixes;
use crate::sections::install;
use crate::stopwatch::{self, Span};
use crate::subject::{Figures, Setting};
use crate::world::{GATEWAY_V4, INTERFACE};

/// `ip route show` of both families; it does one at a time.
pub(crate) fn ip_show(_: &Setting) -> Result<Figures, Failure> {
    Ok(Figures::of(stopwatch::programs(|| {
        run(Path::new("ip"), &["-4", "route", "show"])?;
        run(Path::new("ip"), &["-6", "route", "show"])
    })?))
}

pub(crate) fn waypost_show(setting: &Setting) -> Result<Figures, Failure> {
    measured(&setting.waypost, &["show"])
}

pub(crate) fn do_nothing(_: &Setting) -> Result<Figures, Failure> {
    measured(Path::new("true"), &[])
}

pub(crate) fn waypost_version(setting: &Setting) -> Result<Figures, Failure> {
    measured(&setting.waypost, &["--version"])
}

pub(crate) fn ip_version(_: &Setting) -> Result<Figures, Failure> {
    measured(Path::new("ip"), &["-V"])
}

pub(crate) fn ip_batch(setting: &Setting) -> Result<Figures, Failure> {
    by_batch(setting, |file| measure(Path::new("ip"), &["-batch", file]))
}

pub(crate) fn waypost_batch(setting: &Setting) -> Result<Figures, Failure> {
    by_batch(setting, |file| measure(&setting.waypost, &["batch", file]))
}

/// The IPv4 table in and out by two files of commands.
fn by_batch(setting: &Setting, run: impl Fn(&str) -> Result<Span, Failure>) -> Result<Figures, Failure> {
    let prefixes = Prefixes::read(setting.step)?;
    let timed = |verb| {
        let file = BatchFile::write(verb, &prefixes)?;
        run(file.0.to_str().ok_or("the temporary folder has no plain name")?)
    };
    let (add, delete) = (timed("add")?, timed("del")?);
    Ok(Figures::default().span(install::ADD, add).span(install::DELETE, delete))
}

/// A file with a command for each route, gone with this value.
struct BatchFile(PathBuf);

impl BatchFile {
    fn write(verb: &str, prefixes: &Prefixes) -> Result<Self, Failure> {
        let file = Self(std::env::temp_dir().join(format!("waypost-bench-{}-{verb}", std::process::id())));
        let mut out = BufWriter::new(File::create(&file.0)?);
        for prefix in &prefixes.v4 {
            let metric = install::METRIC;
            writeln!(out, "route {verb} {prefix} via {GATEWAY_V4} dev {INTERFACE} proto static metric {metric}")?;
        }
        out.flush()?;
        Ok(file)
    }
}

impl Drop for BatchFile {
    fn drop(&mut self) {
        // What cannot be removed is a temporary file.
        let _ = fs::remove_file(&self.0);
    }
}

fn measured(program: &Path, arguments: &[&str]) -> Result<Figures, Failure> {
    measure(program, arguments).map(Figures::of)
}

fn measure(program: &Path, arguments: &[&str]) -> Result<Span, Failure> {
    stopwatch::programs(|| run(program, arguments))
}

fn run(program: &Path, arguments: &[&str]) -> Result<(), Failure> {
    let mut command = Command::new(program);
    let status = command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(format!("{}: {status}", program.display()).into()) }
}
