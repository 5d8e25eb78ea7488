//! Where a journal is kept, on systems that do not keep who put a route in.
//!
//! It is written to a file beside, which is brought to the disk and then takes the journal's place: whoever reads it finds the one before or
//! the one after, whole. The directory is one that is emptied when the machine starts.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind as Io, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use waypost_core::{Error, Route};
use waypost_engine::claim::journal;

use crate::sys;

/// Where journals are kept; hier(7).
const DIRECTORY: &str = "/var/run/waypost";

/// The journal of one owner.
#[derive(Debug)]
pub(super) struct Journal {
    directory: PathBuf,
    owner: String,
    boot: String,
}

impl Journal {
    pub(super) fn of(owner: &str) -> Result<Self, Error> {
        Self::at(Path::new(DIRECTORY), owner)
    }

    fn at(directory: &Path, owner: &str) -> Result<Self, Error> {
        let boot = sys::boot().map_err(|error| Error::from_io("learn when the machine started", &error))?;
        Ok(Self { directory: directory.to_owned(), owner: owner.to_owned(), boot })
    }

    fn file(&self) -> PathBuf {
        self.directory.join(format!("{}.journal", self.owner))
    }

    fn failed(&self, operation: &'static str) -> impl Fn(std::io::Error) -> Error {
        let file = self.file();
        move |error| Error::from_io(operation, &error).on(file.display())
    }

    /// What the owner has put in since the machine started.
    pub(super) fn read(&self) -> Result<Vec<Route>, Error> {
        let text = match fs::read_to_string(self.file()) {
            Err(error) if error.kind() == Io::NotFound => return Ok(Vec::new()),
            text => text.map_err(self.failed("read journal"))?,
        };
        let boot = journal::boot_of(&text).filter(|boot| sys::is_same_boot(boot, &self.boot)).unwrap_or(&self.boot);
        journal::read(&text, &self.owner, boot).map_err(|error| error.on(self.file().display()))
    }

    /// Writes what the owner has put in, or is about to.
    pub(super) fn write<'a>(&self, routes: impl Iterator<Item = &'a Route>) -> Result<(), Error> {
        let failed = self.failed("write journal");
        let text = journal::write(&self.owner, &self.boot, routes);
        DirBuilder::new().recursive(true).mode(0o755).create(&self.directory).map_err(&failed)?;
        let beside = self.file().with_extension("new");
        // What a crash has left is in the way; what anybody else has put there, a link to another file among it, is not written to.
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != Io::NotFound => return Err(failed(error)),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside).map_err(&failed)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(&failed)?;
        fs::rename(&beside, self.file()).map_err(&failed)?;
        // The new name is on the disk when its directory is.
        File::open(&self.directory).and_then(|directory| directory.sync_all()).map_err(&failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(name: &str) -> PathBuf {
        let directory = std::env::temp_dir().join(format!("waypost-journal-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        directory
    }

    #[test]
    fn what_was_written_last_is_read_and_what_was_not_finished_is_not() {
        let directory = directory("last");
        let journal = Journal::at(&directory, "waypost").unwrap();
        assert_eq!(journal.read().unwrap(), []);
        let routes: Vec<Route> =
            ["10.1.0.0/16 via 10.0.0.1 dev if2", "10.2.0.0/16 dev if3"].map(|text| text.parse().unwrap()).into();
        journal.write(routes.iter()).unwrap();
        journal.write(routes[..1].iter()).unwrap();
        assert_eq!(journal.read().unwrap(), routes[..1]);
        // Its writer was killed in the middle: the file beside is no journal.
        fs::write(directory.join("waypost.new"), "waypost journal 1\nboot").unwrap();
        assert_eq!(journal.read().unwrap(), routes[..1]);
        fs::write(journal.file(), "waypost journal 1\nboot").unwrap();
        assert!(journal.read().is_err(), "a journal that is torn all the same is an error, not an empty one");
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn nobody_else_can_read_the_journal_and_no_link_beside_it_is_followed() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let directory = directory("link");
        let journal = Journal::at(&directory, "waypost").unwrap();
        fs::create_dir_all(&directory).unwrap();
        let other = directory.join("other");
        fs::write(&other, "another's").unwrap();
        symlink(&other, directory.join("waypost.new")).unwrap();
        journal.write(std::iter::empty()).unwrap();
        assert_eq!(fs::read_to_string(other).unwrap(), "another's");
        let mode = fs::symlink_metadata(journal.file()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn a_journal_of_another_boot_says_nothing() {
        let directory = directory("boot");
        let mut journal = Journal::at(&directory, "waypost").unwrap();
        let here = std::mem::replace(&mut journal.boot, "another boot".to_owned());
        journal.write(["10.1.0.0/16 via 10.0.0.1 dev if2".parse().unwrap()].iter()).unwrap();
        journal.boot = here;
        assert_eq!(journal.read().unwrap(), []);
        fs::remove_dir_all(directory).unwrap();
    }
}
