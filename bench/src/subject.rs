//! What is measured, and how: each repetition in a process of its own.
//!
//! A process of its own starts with a fresh heap, may run the threads of an asynchronous runtime, and dies with all
//! that it holds. The subjects of a section take turns (A B C A B C …), so that what else the machine does hits all.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Failure;
use crate::stopwatch::Span;

/// The wall time of a measurement, in seconds.
pub(crate) const WALL: &str = "wall";

/// Its CPU time, in seconds.
pub(crate) const CPU: &str = "cpu";

/// What every subject is told.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    /// Only each so-many-th prefix of the table is used.
    pub(crate) step: usize,
    /// The command `waypost`.
    pub(crate) waypost: PathBuf,
}

/// How much is measured now.
#[derive(Clone, Debug)]
pub(crate) struct Sitting {
    /// No subject gets more repetitions.
    pub(crate) most: usize,
    /// Where what each repetition gave is kept, a file for each section.
    pub(crate) kept: Option<PathBuf>,
}

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject {
    /// Its name, once in all sections.
    pub(crate) name: &'static str,
    /// What the table calls it.
    pub(crate) label: &'static str,
    /// How many repetitions it gets.
    pub(crate) repetitions: usize,
    /// Measures once.
    pub(crate) measure: fn(&Setting) -> Result<Figures, Failure>,
}

/// What one repetition gave: numbers by name.
#[derive(Debug, Default)]
pub(crate) struct Figures(Vec<(String, f64)>);

impl Figures {
    pub(crate) fn of(span: Span) -> Self {
        Self::default().span("", span)
    }

    pub(crate) fn and(mut self, name: &str, value: f64) -> Self {
        self.0.push((name.to_owned(), value));
        self
    }

    /// The times of one of several measurements.
    pub(crate) fn span(self, what: &str, span: Span) -> Self {
        self.and(&format!("{what}{WALL}"), span.wall.as_secs_f64()).and(&format!("{what}{CPU}"), span.cpu.as_secs_f64())
    }

    /// Prints the numbers for [`read`](Self::read).
    pub(crate) fn print(&self) {
        for (name, value) in &self.0 {
            println!("{name} {value}");
        }
    }

    fn read(text: &str) -> Self {
        let number = |line: &str| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        };
        Self(text.lines().filter_map(number).collect())
    }
}

/// What all repetitions gave.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    values: BTreeMap<(&'static str, String), Vec<f64>>,
    failures: BTreeMap<&'static str, String>,
}

impl Samples {
    /// Has `program` measure the subjects of a section, which take turns, each as often as it wants to, but no more often than the sitting has room for.
    pub(crate) fn take(
        program: &Path,
        section: &str,
        subjects: &[Subject],
        setting: &Setting,
        sitting: &Sitting,
    ) -> Result<Self, Failure> {
        let mut samples = Self::default();
        let mut kept = None;
        if let Some(directory) = &sitting.kept {
            fs::create_dir_all(directory)?;
            let path = directory.join(section);
            samples.add_kept(&fs::read_to_string(&path).unwrap_or_default(), subjects);
            kept = Some(fs::File::options().append(true).create(true).open(path)?);
        }
        let rounds = subjects.iter().map(|subject| subject.repetitions).max().unwrap_or(0).min(sitting.most);
        for round in 0..rounds {
            for subject in subjects.iter().filter(|subject| round < subject.repetitions) {
                if samples.failures.contains_key(subject.name) {
                    continue;
                }
                match in_a_process(program, subject, setting) {
                    Ok(figures) => {
                        if let Some(kept) = &mut kept {
                            figures.0.iter().try_for_each(|(name, value)| writeln!(kept, "{} {name} {value}", subject.name))?;
                        }
                        samples.add(subject.name, round, figures);
                    }
                    Err(why) => {
                        eprintln!("{}: {why}", subject.name);
                        samples.failures.insert(subject.name, why.to_string());
                    }
                }
            }
        }
        Ok(samples)
    }

    /// Adds what was kept of these subjects: lines of a subject, the name of a figure, and a number.
    fn add_kept(&mut self, text: &str, subjects: &[Subject]) {
        for line in text.lines() {
            let Some((name, figure)) = line.split_once(' ') else { continue };
            if let Some(subject) = subjects.iter().find(|subject| subject.name == name) {
                for (name, value) in Figures::read(figure).0 {
                    self.values.entry((subject.name, name)).or_default().push(value);
                }
            }
        }
    }

    fn add(&mut self, subject: &'static str, round: usize, figures: Figures) {
        let text: Vec<_> = figures.0.iter().map(|(name, value)| format!("{name} {value:.4e}")).collect();
        eprintln!("{subject} {}: {}", round + 1, text.join(", "));
        for (name, value) in figures.0 {
            self.values.entry((subject, name)).or_default().push(value);
        }
    }

    /// The median of a subject's numbers of this name.
    pub(crate) fn median(&self, subject: &'static str, name: &str) -> Option<f64> {
        let mut values = self.values.get(&(subject, name.to_owned()))?.clone();
        values.sort_unstable_by(f64::total_cmp);
        let middle = values.len() / 2;
        if values.len() % 2 == 1 {
            values.get(middle).copied()
        } else {
            Some((values.get(middle - 1)? + values.get(middle)?) / 2.0)
        }
    }

    /// How many times a subject was measured.
    pub(crate) fn count(&self, subject: &'static str) -> usize {
        let of_it = self.values.iter().filter(|((name, _), _)| *name == subject);
        of_it.map(|(_, values)| values.len()).max().unwrap_or(0)
    }

    /// Why a subject gave nothing more.
    pub(crate) fn failure(&self, subject: &'static str) -> Option<&str> {
        self.failures.get(subject).map(String::as_str)
    }

    /// `subject`'s median over that of `floor`.
    pub(crate) fn ratio(&self, subject: &'static str, floor: &'static str, name: &str) -> Option<f64> {
        Some(self.median(subject, name)? / self.median(floor, name)?)
    }
}

/// Runs this program, or another build of it, to measure one subject once.
fn in_a_process(program: &Path, subject: &Subject, setting: &Setting) -> Result<Figures, Failure> {
    let mut command = Command::new(program);
    command.args(["--subject", subject.name, "--step", &setting.step.to_string(), "--waypost"]).arg(&setting.waypost);
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(Figures::read(&String::from_utf8(output.stdout)?));
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{}: {}", output.status, said.lines().last().unwrap_or("nothing was said")).into())
}
