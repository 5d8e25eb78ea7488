//! Asking the one that runs, and answering: a line each, over a socket whose file says who may.

use std::fs::{DirBuilder, Permissions};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::show;
use crate::failure::{Failure, Status};
use crate::invocation::Invocation;

/// No question is longer.
const QUESTION_MAX: usize = 4096;

/// How long the one that runs may take to answer: its loop waits for nobody.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many may ask at once.
pub(crate) const CLIENTS_MAX: usize = 32;

/// Connects; where more wait to be heard than the system lets, that is an error at once.
fn connect(path: &Path, patience: Duration) -> Result<UnixStream, Failure> {
    let connected = mio::net::UnixStream::connect(path).map(UnixStream::from).and_then(|stream| {
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        Ok(stream)
    });
    connected.map_err(|error| Failure::Io(format!("ask the uplinks at {}", path.display()), error))
}

/// Asks one thing; what is refused is a failure.
pub(crate) fn ask(path: &Path, question: &str) -> Result<(), Failure> {
    let answer = lines(path, question, PATIENCE)?.next().transpose()?.unwrap_or_default();
    match answer["error"].as_str() {
        Some(error) => Err(Failure::Missing(error.to_owned(), Status::Failed)),
        None => Ok(()),
    }
}

/// Prints how the uplinks stand, and with `watch` again whenever that is different.
pub(crate) fn status(invocation: &mut Invocation, path: &Path, watch: bool) -> Result<(), Failure> {
    for answer in lines(path, if watch { "watch" } else { "status" }, PATIENCE)? {
        let answer = answer?;
        if invocation.output.json {
            invocation.output.json_line(&answer)?;
        } else {
            for line in show::table(&answer) {
                invocation.output.line(&line)?;
            }
            if watch {
                invocation.output.line("")?;
            }
        }
        invocation.output.flush()?;
    }
    Ok(())
}

/// The answers to a question: the first comes in time, others when there is something to tell.
fn lines(
    path: &Path,
    question: &str,
    patience: Duration,
) -> Result<impl Iterator<Item = Result<Value, Failure>> + use<>, Failure> {
    let mut stream = connect(path, patience)?;
    let failed = move |error: io::Error| {
        let error = match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                io::Error::new(ErrorKind::TimedOut, format!("who listens there says nothing for {} s", patience.as_secs_f64()))
            }
            _ => error,
        };
        Failure::Io("ask the uplinks".to_owned(), error)
    };
    writeln!(stream, "{question}").map_err(failed)?;
    let (mut reader, mut has_answered) = (BufReader::new(stream), false);
    let next = move || {
        let mut line = String::new();
        let read = reader.read_line(&mut line).and_then(|length| {
            if !std::mem::replace(&mut has_answered, true) {
                reader.get_ref().set_read_timeout(None)?;
            }
            Ok(length)
        });
        match read {
            Ok(0) => None,
            Ok(_) => {
                Some(serde_json::from_str(&line).map_err(|error| Failure::Io("understand the uplinks".to_owned(), error.into())))
            }
            Err(error) => Some(Err(failed(error))),
        }
    };
    Ok(std::iter::from_fn(next))
}

/// Listens at a path, by whose permissions it is decided who may ask. What an earlier run has left there goes.
///
/// Nobody gets in between its coming and its having the mode that it is to have: it is made where nobody else may look. And of several that begin at the
/// same time one listens: a name is given only where there is none, and what is taken away is looked at afterwards.
pub(crate) fn listen(path: &Path, mode: u32) -> io::Result<mio::net::UnixListener> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let own = Own::beside(path)?;
    let beside = own.0.join("new");
    let listener = mio::net::UnixListener::bind(&beside)?;
    std::fs::set_permissions(&beside, Permissions::from_mode(mode))?;
    for _ in 0..ATTEMPTS {
        match std::fs::hard_link(&beside, path) {
            Ok(()) => return Ok(listener),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => own.take_away(path)?,
            Err(error) => return Err(error),
        }
    }
    Err(in_use())
}

/// How often others may come and go at a path before one gives up.
const ATTEMPTS: usize = 8;

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
struct Own(PathBuf);

impl Own {
    fn beside(path: &Path) -> io::Result<Self> {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{}", std::process::id()));
        let own = Self(PathBuf::from(name));
        // What one of the same number has left when it was killed.
        own.clear();
        DirBuilder::new().mode(0o700).create(&own.0)?;
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
        let taken = self.0.join("old");
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
        std::fs::hard_link(taken, path)?;
        Err(in_use())
    }

    fn clear(&self) {
        for name in ["new", "old"] {
            let _ = std::fs::remove_file(self.0.join(name));
        }
        let _ = std::fs::remove_dir(&self.0);
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.clear();
    }
}

/// One who asks.
pub(crate) struct Client {
    pub(crate) stream: mio::net::UnixStream,
    heard: Vec<u8>,
    /// It is told whenever something is different.
    pub(crate) watches: bool,
}

impl Client {
    pub(crate) const fn new(stream: mio::net::UnixStream) -> Self {
        Self { stream, heard: Vec::new(), watches: false }
    }

    /// What it asks, once that is whole; an error where it has gone or talks too much.
    pub(crate) fn question(&mut self) -> io::Result<Option<String>> {
        let mut buffer = [0; 512];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(length) => self.heard.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if self.heard.len() > QUESTION_MAX {
                return Err(ErrorKind::InvalidData.into());
            }
        }
        let Some(end) = self.heard.iter().position(|byte| *byte == b'\n') else { return Ok(None) };
        let line: Vec<u8> = self.heard.drain(..=end).collect();
        Ok(Some(String::from_utf8_lossy(&line).trim().to_owned()))
    }

    /// Tells it something. Who does not read is given up: the daemon waits for nobody.
    pub(crate) fn tell(&mut self, answer: &Value) -> io::Result<()> {
        let mut text = answer.to_string();
        text.push('\n');
        match self.stream.write(text.as_bytes())? {
            written if written == text.len() => Ok(()),
            _ => Err(ErrorKind::WriteZero.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::{UnixDatagram, UnixListener};

    use super::*;

    fn directory(name: &str) -> PathBuf {
        let directory = std::env::temp_dir().join(format!("waypost-control-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&directory);
        directory
    }

    #[test]
    fn only_a_socket_that_nobody_listens_at_goes() {
        let directory = directory("left");
        let path = directory.join("sock");
        drop(listen(&path, 0o600).expect("nothing is there"));
        let listening = listen(&path, 0o600).expect("what is left over goes");
        assert_eq!(listen(&path, 0o600).map(drop).map_err(|error| error.kind()), Err(ErrorKind::AddrInUse));
        assert_eq!(std::fs::read_dir(&directory).expect("it is there").count(), 1, "nothing is left beside");
        drop(listening);
        std::fs::remove_file(&path).expect("it is there");
        // One that cannot be asked: nobody knows what it is to whom.
        let other = UnixDatagram::bind(&path).expect("the place is free");
        assert!(listen(&path, 0o600).is_err());
        assert!(path.exists(), "it is left alone");
        drop(other);
        std::fs::remove_dir_all(&directory).expect("it is the test's own");
    }

    #[test]
    fn what_was_taken_away_is_put_back_where_somebody_has_come_to_listen_at_it() {
        let directory = directory("late");
        std::fs::create_dir_all(&directory).expect("it is the test's own");
        let path = directory.join("sock");
        let own = Own::beside(&path).expect("a directory");
        assert_eq!(std::fs::metadata(&own.0).expect("it is there").permissions().mode() & 0o777, 0o700, "nobody else looks in");
        // He came between the look and the taking away.
        let taken = own.0.join("old");
        let _listening = UnixListener::bind(&taken).expect("the place is free");
        assert_eq!(own.look_at(&taken, &path).map_err(|error| error.kind()), Err(ErrorKind::AddrInUse));
        assert!(UnixStream::connect(&path).is_ok(), "he is where he was");
        drop(own);
        assert!(UnixStream::connect(&path).is_ok());
        std::fs::remove_dir_all(&directory).expect("it is the test's own");
    }

    #[test]
    fn who_says_nothing_is_not_waited_for_for_ever() {
        let directory = directory("silent");
        std::fs::create_dir_all(&directory).expect("it is the test's own");
        let path = directory.join("sock");
        let _silent = UnixListener::bind(&path).expect("the place is free");
        let mut answers = lines(&path, "status", Duration::from_millis(20)).expect("it can be asked");
        let answer = answers.next().expect("an end of waiting");
        assert!(matches!(&answer, Err(Failure::Io(_, error)) if error.kind() == ErrorKind::TimedOut), "{answer:?}");
        std::fs::remove_dir_all(&directory).expect("it is the test's own");
    }
}
