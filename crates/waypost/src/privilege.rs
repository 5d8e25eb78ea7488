//! Giving up the rights of root.

use nix::unistd::{Uid, User, setgid, setuid};
use waypost_core::{Error, ErrorKind};

use crate::sys::leave_groups;

/// Gives up the rights of root for those of `user`, a name, for good.
///
/// A [`Watcher`](crate::Watcher) that was opened before follows on as it did: reading needs no rights. What is opened or written afterwards is so as
/// that user.
///
/// # Errors
///
/// `Invalid` where there is no such user, `NotPermitted` where this process may not become it, `Unsupported` on Apple's systems, where
/// a process cannot leave all its groups by portable means.
pub fn become_user(user: &str) -> Result<(), Error> {
    let verb = "become another user";
    let failed = |errno: nix::Error| Error::from_io(verb, &errno.into()).because(user);
    let found = User::from_name(user).map_err(failed)?;
    let Some(User { uid, gid, .. }) = found else {
        return Err(Error::new(ErrorKind::Invalid, verb).because(format!("there is no user {user:?}")));
    };
    leave_groups(gid).map_err(failed)?;
    setgid(gid).map_err(failed)?;
    setuid(uid).map_err(failed)?;
    // Whoever can come back has given up nothing.
    match uid.is_root() || setuid(Uid::from_raw(0)).is_err() {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::NotPermitted, verb).because("the rights of root can be taken back")),
    }
}
