//! What holds for the whole run of the command.

use waypost::{Family, Namespace, Options, Routes};

use crate::args::Global;
use crate::failure::Failure;
use crate::output::Output;

/// The global options, and where output goes.
pub(crate) struct Invocation {
    global: Global,
    pub(crate) output: Output,
}

impl Invocation {
    pub(crate) fn new(global: Global) -> Self {
        let output = Output::new(&global);
        Self { global, output }
    }

    /// The family that the user confined the command to.
    pub(crate) fn family(&self) -> Option<Family> {
        match (self.global.ipv4, self.global.ipv6) {
            (true, _) => Some(Family::V4),
            (_, true) => Some(Family::V6),
            _ => None,
        }
    }

    /// How to open the namespace that the user wants; a name with a slash is a path.
    pub(crate) fn options(&self) -> Options {
        match &self.global.netns {
            None => Options::new(),
            Some(path) if path.contains('/') => Options::new().namespace(Namespace::Path(path.into())),
            Some(name) => Options::new().namespace(Namespace::Name(name.clone())),
        }
    }

    /// Says whether the user wants another namespace than the command runs in.
    pub(crate) const fn is_elsewhere(&self) -> bool {
        self.global.netns.is_some()
    }

    pub(crate) fn routes(&self) -> Result<Routes, Failure> {
        Ok(Routes::open_with(&self.options())?)
    }
}
