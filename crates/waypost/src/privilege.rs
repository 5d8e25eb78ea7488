//! Giving up the rights of root.

use nix::unistd::{Uid, User, setgid, setuid};
use waypost_core::{Error, ErrorKind};

use crate::sys::{keep_network_rights, leave_groups};

/// Gives up the rights of root for those of `user`, a name, for good.
///
/// A [`Watcher`](crate::Watcher) that was opened before follows on as it did: reading needs no rights. What is opened or written afterwards is so as
/// that user.
///
/// Where the process has asked to keep its capabilities (`PR_SET_KEEPCAPS`, prctl(2)), they stay in its permitted set, though none is in effect:
/// such a process should drop them itself.
///
/// # Errors
///
/// `Invalid` where there is no such user, `NotPermitted` where this process may not become it, or where it could take the rights
/// of root back as it keeps its capabilities whoever it is (`SECBIT_NO_SETUID_FIXUP`); then it is that user nevertheless, `Unsupported` on Apple's systems, where
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
    // Whoever can come back has given up nothing. One who had CAP_SETUID without being root still has it, and is root now: the second
    // way down begins at root, and that is what takes the capabilities away; capabilities(7), "Effect of user ID changes".
    let root = Uid::from_raw(0);
    for _ in 0..2 {
        if uid.is_root() || setuid(root).is_err() {
            return Ok(());
        }
        setuid(uid).map_err(failed)?;
    }
    Err(Error::new(ErrorKind::NotPermitted, verb).because("the rights of root can be taken back"))
}

/// Gives up all rights of the calling thread, and of those that it starts afterwards, but those to change the network (CAP_NET_ADMIN and CAP_NET_RAW),
/// and becomes `user`, a name, if there is one: for programs that go on changing routes. Call it while there is one thread.
///
/// # Errors
///
/// `Invalid` where there is no such user, `NotPermitted` where this process may not become it, or could become root again; `Unsupported` where only
/// root may change routes, on all systems but Linux.
///
/// ```no_run
/// let uplinks = waypost::Uplinks::open_with(waypost::Options::new(), waypost::UplinkOptions::default())?;
/// waypost::become_network_user(Some("nobody"))?;
/// # Ok::<(), waypost::Error>(())
/// ```
pub fn become_network_user(user: Option<&str>) -> Result<(), Error> {
    let verb = "give up rights";
    let failed = |errno: nix::Error| Error::from_io(verb, &errno.into()).because(user.unwrap_or("no other user"));
    let Some(name) = user else { return keep_network_rights(|| Ok(())).map_err(failed) };
    let found = User::from_name(name).map_err(failed)?;
    let Some(User { uid, gid, .. }) = found else {
        return Err(Error::new(ErrorKind::Invalid, verb).because(format!("there is no user {name:?}")));
    };
    keep_network_rights(|| {
        leave_groups(gid)?;
        setgid(gid)?;
        setuid(uid)
    })
    .map_err(failed)?;
    if uid.is_root() || setuid(Uid::from_raw(0)).is_err() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::NotPermitted, verb).because("the rights of root can be taken back"))
}
