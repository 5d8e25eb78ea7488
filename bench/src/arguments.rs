//! The arguments of the program.

use std::path::PathBuf;

use crate::Failure;
use crate::subject::{Setting, Sitting};

/// What a quick run leaves of the table: about 50,000 IPv4 routes.
const QUICK_STEP: usize = 18;

/// How many repetitions a quick run has at most.
const QUICK_REPETITIONS: usize = 2;

const WAYPOST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/release/waypost");

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) wish: Wish,
    pub(crate) setting: Setting,
    pub(crate) sitting: Sitting,
    /// The command `waypost` is there already.
    pub(crate) is_built: bool,
    /// Even what is slow.
    pub(crate) is_whole: bool,
}

/// What to do.
#[derive(Debug)]
pub(crate) enum Wish {
    /// Measure this subject once: the program runs itself so.
    Subject(String),
    /// Measure these sections; if there are none, all.
    Sections(Vec<String>),
}

impl Arguments {
    pub(crate) fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut setting = Setting { step: 1, waypost: PathBuf::from(WAYPOST) };
        let mut names = Vec::new();
        let mut sitting = Sitting { most: usize::MAX, kept: None };
        let (mut subject, mut is_built, mut is_whole) = (None, false, false);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
            match argument.as_str() {
                "--subject" => subject = Some(value()?),
                "--step" => setting.step = value()?.parse()?,
                "--waypost" => (setting.waypost, is_built) = (value()?.into(), true),
                "--quick" => (setting.step, sitting.most) = (QUICK_STEP, QUICK_REPETITIONS),
                "--rounds" => sitting.most = value()?.parse()?,
                "--keep" => sitting.kept = Some(value()?.into()),
                "--markdown" => is_whole = true,
                option if option.starts_with('-') => return Err(format!("there is no option {option}").into()),
                _ => names.push(argument),
            }
        }
        is_whole &= names.is_empty();
        let wish = subject.map_or(Wish::Sections(names), Wish::Subject);
        Ok(Self { wish, setting, sitting, is_built, is_whole })
    }
}
