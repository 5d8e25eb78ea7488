//! The socket at which the one that runs listens: a file, whose permissions say who may ask.

use std::fs::{DirBuilder, Metadata, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use mio::net::UnixListener;

/// How often others may come and go at a path before one gives up.
const ATTEMPTS: usize = 8;

/// Gives a file another name, where there is none yet.
type Link = fn(&Path, &Path) -> io::Result<()>;

/// One who listens. Its file goes with it, where it may still be taken away.
#[derive(Debug)]
pub(super) struct Listening {
    pub(super) listener: UnixListener,
    path: PathBuf,
    /// The device and the number of the file, by which it is known.
    file: (u64, u64),
}

impl Listening {
    fn new(listener: UnixListener, path: &Path) -> io::Result<Self> {
        Ok(Self { listener, path: path.to_owned(), file: identity(&std::fs::symlink_metadata(path)?) })
    }

    /// Takes the file away, while it is still listened at: nobody takes it for one that is left over and puts his own there meanwhile.
    pub(super) fn end(&mut self) -> io::Result<()> {
        match std::fs::symlink_metadata(&self.path) {
            Ok(found) if identity(&found) == self.file => std::fs::remove_file(&self.path),
            _ => Ok(()),
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

fn identity(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

/// Listens at a path. What an earlier run has left there goes.
///
/// Nobody gets in between its coming and its having the mode that it is to have: it is made where nobody else may look. And of several that begin at the
/// same time one listens: a name is given only where there is none, and what is taken away is looked at afterwards.
pub(super) fn listen(path: &Path, mode: u32) -> io::Result<Listening> {
    listen_by(path, mode, |from, to| std::fs::hard_link(from, to))
}

fn listen_by(path: &Path, mode: u32, link: Link) -> io::Result<Listening> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let own = Own::beside(path, link)?;
    let beside = own.directory.join("new");
    let listener = UnixListener::bind(&beside)?;
    std::fs::set_permissions(&beside, Permissions::from_mode(mode))?;
    for _ in 0..ATTEMPTS {
        match link(&beside, path) {
            Ok(()) => return Listening::new(listener, path),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => own.take_away(path)?,
            Err(error) if has_no_links(&error) => match listen_there(path, mode) {
                Err(error) if error.kind() == ErrorKind::AddrInUse => own.take_away(path)?,
                other => return other,
            },
            Err(error) => return Err(error),
        }
    }
    Err(in_use())
}

/// Says whether a file system does not let a file have two names: `EPERM` of link(2), or what one says that does not know of it.
fn has_no_links(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::Unsupported)
}

/// Listens at a path at once, where nothing may be: bind(2) is exclusive. Who came before it had its mode is not heard.
fn listen_there(path: &Path, mode: u32) -> io::Result<Listening> {
    let listening = Listening::new(UnixListener::bind(path)?, path)?;
    std::fs::set_permissions(path, Permissions::from_mode(mode))?;
    loop {
        match listening.listener.accept() {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(listening),
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionAborted) => {}
            Err(error) => return Err(error),
        }
    }
}

fn in_use() -> io::Error {
    io::Error::new(ErrorKind::AddrInUse, "somebody listens there: two would take each other's routes")
}

/// Says whether nobody listens at a socket; an error where that cannot be known.
fn is_left_over(path: &Path) -> io::Result<bool> {
    match UnixStream::connect(path) {
        Ok(_) => Ok(false),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(true),
        // Who may not ask does not know that nobody listens.
        Err(error) => Err(error),
    }
}

/// A directory of one's own, which goes with all that is in it.
struct Own {
    directory: PathBuf,
    link: Link,
}

impl Own {
    fn beside(path: &Path, link: Link) -> io::Result<Self> {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{}", std::process::id()));
        let own = Self { directory: PathBuf::from(name), link };
        // What one of the same number has left when it was killed.
        own.clear();
        DirBuilder::new().mode(0o700).create(&own.directory)?;
        Ok(own)
    }

    /// Takes away what is at a path if it is a socket that nobody listens at.
    fn take_away(&self, path: &Path) -> io::Result<()> {
        match std::fs::symlink_metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Ok(found) if !found.file_type().is_socket() => {
                return Err(io::Error::new(ErrorKind::AlreadyExists, "it is there, and no socket"));
            }
            Ok(_) => {}
            Err(error) => return Err(error),
        }
        if !is_left_over(path)? {
            return Err(in_use());
        }
        // Another may have put his there meanwhile: what was taken away is what counts.
        let taken = self.directory.join("old");
        match std::fs::rename(path, &taken) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            renamed => renamed?,
        }
        self.look_at(&taken, path)
    }

    /// Puts what was taken away back if somebody listens at it.
    fn look_at(&self, taken: &Path, path: &Path) -> io::Result<()> {
        if is_left_over(taken).unwrap_or(false) {
            return std::fs::remove_file(taken);
        }
        match (self.link)(taken, path) {
            // Where a name cannot be given only where there is none, the look comes first.
            Err(error) if has_no_links(&error) && std::fs::symlink_metadata(path).is_err() => std::fs::rename(taken, path)?,
            other => other?,
        }
        Err(in_use())
    }

    fn clear(&self) {
        for name in ["new", "old"] {
            let _ = std::fs::remove_file(self.directory.join(name));
        }
        let _ = std::fs::remove_dir(&self.directory);
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::{UnixDatagram, UnixListener};

    use super::*;

    fn directory(name: &str) -> PathBuf {
        let directory = std::env::temp_dir().join(format!("waypost-listen-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&directory);
        directory
    }

    fn refused(listening: io::Result<Listening>) -> Option<ErrorKind> {
        listening.err().map(|error| error.kind())
    }

    /// All ways in which a file system takes a second name for a file, or does not.
    fn links() -> [(&'static str, Link); 3] {
        [
            ("links", |from, to| std::fs::hard_link(from, to)),
            ("not-permitted", |_, _| Err(ErrorKind::PermissionDenied.into())),
            ("unsupported", |_, _| Err(ErrorKind::Unsupported.into())),
        ]
    }

    #[test]
    fn only_a_socket_that_nobody_listens_at_goes() {
        for (name, link) in links() {
            let directory = directory(name);
            let path = directory.join("sock");
            std::fs::create_dir_all(&directory).expect("it is the test's own");
            drop(UnixListener::bind(&path).expect("nothing is there"));
            let listening = listen_by(&path, 0o640, link).expect("what is left over goes");
            assert_eq!(std::fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, 0o640, "{name}");
            assert_eq!(refused(listen_by(&path, 0o640, link)), Some(ErrorKind::AddrInUse), "{name}");
            assert!(UnixStream::connect(&path).is_ok(), "the first goes on");
            assert_eq!(std::fs::read_dir(&directory).expect("it is there").count(), 1, "nothing is left beside");
            drop(listening);
            assert!(!path.exists(), "its file goes with it");
            // One that cannot be asked: nobody knows what it is to whom.
            let other = UnixDatagram::bind(&path).expect("the place is free");
            assert!(listen_by(&path, 0o640, link).is_err());
            assert!(path.exists(), "it is left alone");
            drop(other);
            std::fs::remove_dir_all(&directory).expect("it is the test's own");
        }
    }

    #[test]
    fn what_was_taken_away_is_put_back_where_somebody_has_come_to_listen_at_it() {
        for (name, link) in links() {
            let directory = directory(&format!("late-{name}"));
            std::fs::create_dir_all(&directory).expect("it is the test's own");
            let path = directory.join("sock");
            let own = Own::beside(&path, link).expect("a directory");
            let mode = std::fs::metadata(&own.directory).expect("it is there").permissions().mode();
            assert_eq!(mode & 0o777, 0o700, "nobody else looks in");
            // He came between the look and the taking away.
            let taken = own.directory.join("old");
            let _listening = UnixListener::bind(&taken).expect("the place is free");
            assert_eq!(own.look_at(&taken, &path).map_err(|error| error.kind()), Err(ErrorKind::AddrInUse));
            assert!(UnixStream::connect(&path).is_ok(), "he is where he was");
            drop(own);
            assert!(UnixStream::connect(&path).is_ok());
            std::fs::remove_dir_all(&directory).expect("it is the test's own");
        }
    }

    #[test]
    fn the_file_of_another_stays() {
        let directory = directory("other");
        let path = directory.join("sock");
        let listening = listen(&path, 0o600).expect("nothing is there");
        std::fs::remove_file(&path).expect("it is there");
        let _other = UnixListener::bind(&path).expect("the place is free");
        drop(listening);
        assert!(UnixStream::connect(&path).is_ok());
        std::fs::remove_dir_all(&directory).expect("it is the test's own");
    }
}
