//! Waypost, its floors and its peers, measured in one run.
//!
//! `cargo run --release --manifest-path bench/Cargo.toml` measures everything in a network namespace of its own and prints the
//! tables of docs/performance.md; `cargo xtask bench` puts them there. Each repetition is a process of its own ([`subject`]).
//!
//! `--quick` takes part of the table and few repetitions, to see that all works: its figures mean little. Names of sections
//! (`install read memory decode routing start claims lpm-v4 lpm-v6 lpm-v4-generic lpm-v6-generic lpm-small lpm-sizes lpm-frozen lpm-readers lookup
//! lookup-generic changes build`) choose among them; the summary for README.md needs the first four. `--markdown`, the form in which the tables are
//! printed anyway, asks for all, the slow build included. `--keep DIRECTORY` keeps there what each repetition gave and adds it to what was kept before, and
//! `--rounds N` has no subject measured more than so many times now: so a section that takes long is measured in several quiet moments.
//! Some sections are measured by a second build of this program, for the processor at hand. `--waypost PATH` measures that command instead of building it.

mod arguments;
mod peers;
mod prefixes;
mod raw;
mod report;
mod sections;
mod stopwatch;
mod subject;
mod sys;
mod waypost;
mod world;

use std::error::Error;
use std::process::ExitCode;

use arguments::{Arguments, Wish};
use prefixes::Prefixes;
use sections::{ALL, Needs, Section, build, summary};
use subject::Samples;

/// Why something could not be measured.
pub(crate) type Failure = Box<dyn Error>;

fn main() -> ExitCode {
    match Arguments::read(std::env::args().skip(1)).and_then(act) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn act(arguments: Arguments) -> Result<(), Failure> {
    match &arguments.wish {
        Wish::Subject(name) => {
            let (subject, needs) = sections::subject(name).ok_or_else(|| format!("there is no subject {name}"))?;
            if needs == Needs::Empty {
                world::enter_empty()?;
            }
            (subject.measure)(&arguments.setting)?.print();
            Ok(())
        }
        Wish::Sections(names) => measure(&arguments, names),
    }
}

fn measure(arguments: &Arguments, names: &[String]) -> Result<(), Failure> {
    let wanted = |section: &&Section| names.is_empty() || names.iter().any(|name| name == section.name);
    let chosen: Vec<&Section> = ALL.iter().filter(wanted).collect();
    let is_build_wanted = names.iter().any(|name| name == build::NAME) || arguments.is_whole;
    if let Some(unknown) = names.iter().find(|name| *name != build::NAME && chosen.iter().all(|section| section.name != **name)) {
        return Err(format!("there is no section {unknown}").into());
    }
    // Builds come first: they may need the network, which is left behind then.
    if !arguments.is_built {
        build::command()?;
    }
    let own = std::env::current_exe()?;
    let native = if chosen.iter().any(|section| section.is_native) { build::native()? } else { own.clone() };
    if is_build_wanted {
        print!("{}", report::marked(build::NAME, &build::cold()?));
    }
    world::enter()?;
    let mut is_full = false;
    let mut measured = Vec::new();
    for section in chosen {
        if section.needs == Needs::Full && !is_full {
            let prefixes = Prefixes::read(arguments.setting.step)?;
            world::set_all(&prefixes, raw::Wish::Add)?;
            eprintln!("{} routes installed", prefixes.len());
            is_full = true;
        }
        let program = if section.is_native { &native } else { &own };
        let samples = Samples::take(program, section.name, section.subjects, &arguments.setting, &arguments.sitting)?;
        println!("{}", report::marked(section.name, &(section.write)(&samples)));
        if let Some(drawing) = sections::drawing(section, &samples) {
            println!("{drawing}");
        }
        measured.push((section.name, samples));
    }
    if let Some(summary) = summary::write(&measured) {
        println!("{}", report::marked(summary::NAME, &summary));
    }
    Ok(())
}
