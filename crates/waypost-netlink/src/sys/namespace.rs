//! Opening something in another network namespace.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::thread;

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns};
use waypost_core::{Error, ErrorKind};

use super::Namespace;
use super::socket::Identity;

/// Where `ip netns` keeps its names (iproute2, `lib/namespace.c`).
const NAMES: &str = "/run/netns";

/// The calling thread's namespace.
const HERE: &str = "/proc/thread-self/ns/net";

/// The namespace of the calling thread, to come back to; `None` where there is no such file, as without /proc.
pub(super) fn here() -> Option<OwnedFd> {
    Some(File::open(HERE).ok()?.into())
}

/// Runs `open` in the namespace that [`here`] gave, be it named or not.
pub(super) fn back_in<T: Send>(place: &OwnedFd, open: impl FnOnce() -> Result<T, Error> + Send) -> Result<T, Error> {
    // Entering takes rights, and whoever is there already may have given up theirs.
    let is_here = here().is_some_and(|here| Identity::of(&here) == Identity::of(place));
    if is_here { open() } else { enter(place, "that was opened before", open) }
}

/// Runs `open` in a namespace.
///
/// A socket belongs to the namespace that its thread was in when it was made (Linux, `net/socket.c`, `sock_create`),
/// so a thread that ends with the call is enough and the calling thread stays where it is.
pub(super) fn within<T: Send>(namespace: &Namespace, open: impl FnOnce() -> Result<T, Error> + Send) -> Result<T, Error> {
    match namespace {
        Namespace::Current => open(),
        Namespace::Fd(fd) => enter(fd, "of a descriptor", open),
        Namespace::Path(path) => enter(file(path, path, "there is no such file")?, path.display(), open),
        Namespace::Name(name) => enter(file(&named(name)?, Path::new(name), "there is none of that name")?, name, open),
    }
}

fn enter<T: Send>(
    fd: impl AsFd + Send,
    what: impl std::fmt::Display + Send,
    open: impl FnOnce() -> Result<T, Error> + Send,
) -> Result<T, Error> {
    let inside = move || {
        setns(fd, CloneFlags::CLONE_NEWNET)
            .map_err(|errno| match errno {
                // setns(2): the descriptor is not one of a namespace of this type.
                Errno::EINVAL => Error::from_io("enter network namespace", &errno.into()).because("this is no network namespace"),
                _ => Error::from_io("enter network namespace", &errno.into()),
            })
            .map_err(|error| error.on(what))?;
        open()
    };
    let joined = thread::scope(|scope| {
        let thread = thread::Builder::new().name("waypost-netns".to_owned()).spawn_scoped(scope, inside);
        thread.map(thread::ScopedJoinHandle::join)
    });
    match joined {
        Ok(Ok(result)) => result,
        Ok(Err(_panicked)) => Err(Error::new(ErrorKind::Other, "enter network namespace").because("its thread panicked")),
        Err(error) => Err(Error::from_io("enter network namespace", &error)),
    }
}

fn named(name: &str) -> Result<PathBuf, Error> {
    // A name is one component: anything else would open some other file.
    if name.is_empty() || name.contains('/') || name == "." || name == ".." {
        return Err(Error::new(ErrorKind::Invalid, "open network namespace").on(name).because("this is no name"));
    }
    Ok(Path::new(NAMES).join(name))
}

fn file(path: &Path, named: &Path, missing: &str) -> Result<File, Error> {
    File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::new(ErrorKind::NoSuchDevice, "open network namespace")
            .on(named.display())
            .because(missing)
            .with_os_error(libc::ENOENT),
        _ => Error::from_io("open network namespace", &error).on(named.display()),
    })
}
