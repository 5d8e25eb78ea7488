//! Where a journal is kept, on systems that do not keep who put a route in.
//!
//! It is written to a file beside, which is brought to the disk and then takes the journal's place: whoever reads it finds the one before or
//! the one after, whole. The directory is one that is emptied when the machine starts.
//!
//! Who writes it first has it until it ends: a lock on a file beside says so, which the kernel takes away with the process that holds it. Another one may
//! read meanwhile, and is refused when it is about to change something.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind as Io, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use waypost_core::{Error, ErrorKind, Route};
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
    /// What was in it when it was read.
    seen: Option<String>,
    /// It is this one's to write, as long as this lives.
    lock: Option<sys::Lock>,
}

impl Journal {
    pub(super) fn of(owner: &str) -> Result<Self, Error> {
        Self::at(Path::new(DIRECTORY), owner)
    }

    fn at(directory: &Path, owner: &str) -> Result<Self, Error> {
        let boot = sys::boot().map_err(|error| Error::from_io("learn when the machine started", &error))?;
        Ok(Self { directory: directory.to_owned(), owner: owner.to_owned(), boot, seen: None, lock: None })
    }

    fn file(&self) -> PathBuf {
        self.directory.join(format!("{}.journal", self.owner))
    }

    fn failed(&self, operation: &'static str) -> impl Fn(std::io::Error) -> Error {
        let file = self.file();
        move |error| Error::from_io(operation, &error).on(file.display())
    }

    /// What the owner has put in since the machine started.
    pub(super) fn read(&mut self) -> Result<Vec<Route>, Error> {
        self.seen = self.text()?;
        let Some(text) = &self.seen else { return Ok(Vec::new()) };
        let boot = journal::boot_of(text).filter(|boot| sys::is_same_boot(boot, &self.boot)).unwrap_or(&self.boot);
        journal::read(text, &self.owner, boot).map_err(|error| error.on(self.file().display()))
    }

    fn text(&self) -> Result<Option<String>, Error> {
        match fs::read_to_string(self.file()) {
            Err(error) if error.kind() == Io::NotFound => Ok(None),
            text => text.map(Some).map_err(self.failed("read journal")),
        }
    }

    /// Takes the journal for this one alone, unless it has it.
    fn lock(&mut self) -> Result<(), Error> {
        if self.lock.is_some() {
            return Ok(());
        }
        let failed = self.failed("lock journal");
        let busy = |why: &str| Error::new(ErrorKind::Busy, "lock journal").on(self.file().display()).because(why);
        DirBuilder::new().recursive(true).mode(0o755).create(&self.directory).map_err(&failed)?;
        let file = self.file().with_extension("lock");
        let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(file).map_err(&failed)?;
        let Some(lock) = sys::try_lock(lock).map_err(failed)? else {
            return Err(busy("another process changes or keeps what this owner claims"));
        };
        // Whoever had it until now may have put in and taken away what this one knows nothing of.
        if self.text()? != self.seen {
            return Err(busy("another process has changed what this owner claims since it was read"));
        }
        self.lock = Some(lock);
        Ok(())
    }

    /// Writes what the owner has put in, or is about to.
    ///
    /// # Errors
    ///
    /// `Busy` where another process has the journal, or has written it since it was read.
    pub(super) fn write<'a>(&mut self, routes: impl Iterator<Item = &'a Route>) -> Result<(), Error> {
        self.lock()?;
        let failed = self.failed("write journal");
        let text = journal::write(&self.owner, &self.boot, routes);
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
        let mut journal = Journal::at(&directory, "waypost").unwrap();
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
        let mut journal = Journal::at(&directory, "waypost").unwrap();
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

    #[test]
    fn of_two_processes_of_one_owner_the_second_is_refused_until_the_first_has_ended_and_it_has_read_again() {
        let directory = directory("two");
        let routes: [Route; 1] = ["10.1.0.0/16 via 10.0.0.1 dev if2".parse().unwrap()];
        // The lock is one of the open file, so two of one process are as two processes are.
        let mut two = [(); 2].map(|()| Journal::at(&directory, "waypost").unwrap());
        let [first, second] = &mut two;
        assert_eq!((first.read().unwrap(), second.read().unwrap()), (vec![], vec![]));
        first.write(routes.iter()).unwrap();
        assert_eq!(second.write(std::iter::empty()).unwrap_err().kind(), ErrorKind::Busy);
        assert_eq!(second.read().unwrap(), routes, "it may look");
        assert_eq!(second.write(std::iter::empty()).unwrap_err().kind(), ErrorKind::Busy);
        first.write(std::iter::empty()).unwrap();
        first.lock = None;
        let error = second.write(routes.iter()).unwrap_err();
        assert!(error.kind() == ErrorKind::Busy && error.to_string().contains("since it was read"), "{error}");
        assert_eq!(second.read().unwrap(), []);
        second.write(routes.iter()).unwrap();
        // Another owner has a journal of its own.
        Journal::at(&directory, "other").unwrap().write(std::iter::empty()).unwrap();
        fs::remove_dir_all(directory).unwrap();
    }
}
