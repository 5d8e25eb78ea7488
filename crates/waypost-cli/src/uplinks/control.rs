//! Asking the one that runs, and answering: a line each, over a socket whose file says who may.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::Value;

use super::show;
use crate::failure::{Failure, Status};
use crate::invocation::Invocation;

/// No question is longer.
const QUESTION_MAX: usize = 4096;

/// How many may ask at once.
pub(crate) const CLIENTS_MAX: usize = 32;

fn connect(path: &Path) -> Result<UnixStream, Failure> {
    UnixStream::connect(path).map_err(|error| Failure::Io(format!("ask the uplinks at {}", path.display()), error))
}

/// Asks one thing; what is refused is a failure.
pub(crate) fn ask(path: &Path, question: &str) -> Result<(), Failure> {
    let answer = lines(path, question)?.next().transpose()?.unwrap_or_default();
    match answer["error"].as_str() {
        Some(error) => Err(Failure::Missing(error.to_owned(), Status::Failed)),
        None => Ok(()),
    }
}

/// Prints how the uplinks stand, and with `watch` again whenever that is different.
pub(crate) fn status(invocation: &mut Invocation, path: &Path, watch: bool) -> Result<(), Failure> {
    for answer in lines(path, if watch { "watch" } else { "status" })? {
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

/// The answers to a question.
fn lines(path: &Path, question: &str) -> Result<impl Iterator<Item = Result<Value, Failure>>, Failure> {
    let mut stream = connect(path)?;
    let failed = |error: io::Error| Failure::Io("ask the uplinks".to_owned(), error);
    writeln!(stream, "{question}").map_err(failed)?;
    let parse = move |line: io::Result<String>| {
        let line = line.map_err(failed)?;
        serde_json::from_str(&line).map_err(|error| Failure::Io("understand the uplinks".to_owned(), error.into()))
    };
    Ok(BufReader::new(stream).lines().map(parse))
}

/// Listens at a path, by whose permissions it is decided who may ask. What an earlier run has left there goes.
pub(crate) fn listen(path: &Path, mode: u32) -> io::Result<mio::net::UnixListener> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    match std::fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            return Err(io::Error::new(ErrorKind::AlreadyExists, "it is there, and no socket"));
        }
        Ok(_) => match UnixStream::connect(path) {
            Ok(_) => {
                return Err(io::Error::new(ErrorKind::AddrInUse, "somebody listens there: two would take each other's routes"));
            }
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => std::fs::remove_file(path)?,
            // Who may not ask does not know that nobody listens.
            Err(error) => return Err(error),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    // Nobody is to get in between its coming and its having the mode that it is to have: it gets its name last.
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    let beside = Path::new(&beside);
    let _ = std::fs::remove_file(beside);
    let listener = mio::net::UnixListener::bind(beside)?;
    let named =
        std::fs::set_permissions(beside, std::fs::Permissions::from_mode(mode)).and_then(|()| std::fs::rename(beside, path));
    match named {
        Ok(()) => Ok(listener),
        Err(error) => {
            let _ = std::fs::remove_file(beside);
            Err(error)
        }
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
    use std::os::unix::net::UnixDatagram;

    use super::*;

    #[test]
    fn only_a_socket_that_nobody_listens_at_goes() {
        let directory = std::env::temp_dir().join(format!("waypost-control-{}", std::process::id()));
        let path = directory.join("sock");
        let _ = std::fs::remove_dir_all(&directory);
        drop(listen(&path, 0o600).expect("nothing is there"));
        let listening = listen(&path, 0o600).expect("what is left over goes");
        assert_eq!(listen(&path, 0o600).map(drop).map_err(|error| error.kind()), Err(ErrorKind::AddrInUse));
        drop(listening);
        std::fs::remove_file(&path).expect("it is there");
        // One that cannot be asked: nobody knows what it is to whom.
        let other = UnixDatagram::bind(&path).expect("the place is free");
        assert!(listen(&path, 0o600).is_err());
        assert!(path.exists(), "it is left alone");
        drop(other);
        std::fs::remove_dir_all(&directory).expect("it is the test's own");
    }
}
