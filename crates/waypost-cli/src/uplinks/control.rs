//! Asking the one that runs, and answering: a line each, over a socket whose file says who may.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use waypost::Family;

use super::show;
use crate::failure::{Failure, Status, without_number};
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
    connected.map_err(|error| {
        let path = path.display();
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => {
                Failure::Missing(format!("no uplinks are kept: nobody listens at {path}"), Status::Failed)
            }
            ErrorKind::PermissionDenied => {
                let why = without_number(&error);
                Failure::Missing(
                    format!("ask the uplinks at {path}: {why} (the socket's file says who may)"),
                    Status::NotPermitted,
                )
            }
            _ => Failure::Io(format!("ask the uplinks at {path}"), error),
        }
    })
}

/// What is asked: a verb, of one family or of both, and the name of an uplink.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Question {
    pub(crate) verb: Verb,
    pub(crate) families: &'static [Family],
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Verb {
    Status,
    Watch,
    Release,
    Promote(String),
    Demote(String),
}

impl Question {
    pub(crate) const fn new(verb: Verb, family: Option<Family>) -> Self {
        Self { verb, families: families(family) }
    }

    /// The line that it is asked by: a word, with the family behind it where it is of one, then a name.
    fn line(&self) -> String {
        let (word, name) = match &self.verb {
            Verb::Status => ("status", ""),
            Verb::Watch => ("watch", ""),
            Verb::Release => ("release", ""),
            Verb::Promote(name) => ("promote", name.as_str()),
            Verb::Demote(name) => ("demote", name.as_str()),
        };
        let family = match self.families {
            [Family::V4] => "-inet",
            [Family::V6] => "-inet6",
            _ => "",
        };
        format!("{word}{family} {name}").trim_end().to_owned()
    }

    pub(crate) fn read(line: &str) -> Option<Self> {
        let (word, name) = line.split_once(' ').unwrap_or((line, ""));
        let (word, family) = match word.split_once('-') {
            None => (word, None),
            Some((word, "inet")) => (word, Some(Family::V4)),
            Some((word, "inet6")) => (word, Some(Family::V6)),
            Some(_) => return None,
        };
        let verb = match (word, name) {
            ("status", "") => Verb::Status,
            ("watch", "") => Verb::Watch,
            ("release", "") => Verb::Release,
            ("promote", name) if !name.is_empty() => Verb::Promote(name.to_owned()),
            ("demote", name) if !name.is_empty() => Verb::Demote(name.to_owned()),
            _ => return None,
        };
        Some(Self::new(verb, family))
    }
}

/// One family, or both.
pub(crate) const fn families(family: Option<Family>) -> &'static [Family] {
    match family {
        Some(Family::V4) => &[Family::V4],
        Some(Family::V6) => &[Family::V6],
        None => &Family::ALL,
    }
}

/// Asks one thing; what is refused is a failure.
pub(crate) fn ask(path: &Path, question: &Question) -> Result<(), Failure> {
    let answer = lines(path, question, PATIENCE)?.next().unwrap_or_else(|| Err(ended()))?;
    match answer["error"].as_str() {
        Some(error) => Err(Failure::Missing(error.to_owned(), Status::Failed)),
        None => Ok(()),
    }
}

/// Prints how the uplinks stand, and with `watch` again whenever that is different, until the one that runs ends.
pub(crate) fn status(invocation: &mut Invocation, path: &Path, watch: bool) -> Result<(), Failure> {
    let verb = if watch { Verb::Watch } else { Verb::Status };
    let mut answers = lines(path, &Question::new(verb, invocation.family()), PATIENCE)?;
    loop {
        let answer = answers.next().unwrap_or_else(|| Err(ended()))?;
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
        if !watch {
            return Ok(());
        }
    }
}

/// Who was asked says no more.
fn ended() -> Failure {
    Failure::Missing("the one that kept the uplinks has ended".to_owned(), Status::Failed)
}

/// The answers to a question: the first comes in time, others when there is something to tell.
fn lines(
    path: &Path,
    question: &Question,
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
    writeln!(stream, "{}", question.line()).map_err(failed)?;
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

/// One who asks.
pub(crate) struct Client {
    pub(crate) stream: mio::net::UnixStream,
    heard: Vec<u8>,
    /// Of which families it is told whenever something is different.
    pub(crate) watches: Option<&'static [Family]>,
}

impl Client {
    pub(crate) const fn new(stream: mio::net::UnixStream) -> Self {
        Self { stream, heard: Vec::new(), watches: None }
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
    use std::os::unix::net::UnixListener;
    use std::path::PathBuf;

    use super::*;

    fn directory(name: &str) -> PathBuf {
        let directory = std::env::temp_dir().join(format!("waypost-control-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&directory);
        directory
    }

    #[test]
    fn who_says_nothing_is_not_waited_for_for_ever() {
        let directory = directory("silent");
        std::fs::create_dir_all(&directory).expect("it is the test's own");
        let path = directory.join("sock");
        let _silent = UnixListener::bind(&path).expect("the place is free");
        let mut answers = lines(&path, &Question::new(Verb::Status, None), Duration::from_millis(20)).expect("it can be asked");
        let answer = answers.next().expect("an end of waiting");
        assert!(matches!(&answer, Err(Failure::Io(_, error)) if error.kind() == ErrorKind::TimedOut), "{answer:?}");
        std::fs::remove_dir_all(&directory).expect("it is the test's own");
    }

    #[test]
    fn a_question_is_read_as_it_was_asked() {
        let name = || "inet6 of the office".to_owned();
        for verb in [Verb::Status, Verb::Watch, Verb::Release, Verb::Promote(name()), Verb::Demote(name())] {
            for family in [None, Some(Family::V4), Some(Family::V6)] {
                let question = Question::new(verb.clone(), family);
                assert_eq!(Question::read(&question.line()), Some(question));
            }
        }
        for nonsense in ["", "stat", "status-inet4", "status x", "promote", "promote-inet", "-inet"] {
            assert_eq!(Question::read(nonsense), None, "{nonsense:?}");
        }
    }

    #[test]
    fn nobody_who_listens_and_nobody_who_goes_on_are_failures() {
        let directory = directory("none");
        std::fs::create_dir_all(&directory).expect("it is the test's own");
        let path = directory.join("sock");
        let ask = || ask(&path, &Question::new(Verb::Release, None)).expect_err("nobody is there");
        assert_eq!(ask().status(), Some(Status::Failed));
        assert!(ask().to_string().starts_with("no uplinks are kept: nobody listens at /"), "{}", ask());
        drop(UnixListener::bind(&path).expect("the place is free"));
        assert!(ask().to_string().starts_with("no uplinks are kept: nobody listens at /"), "{}", ask());
        std::fs::remove_file(&path).expect("it is there");
        let ends = UnixListener::bind(&path).expect("the place is free");
        let asked = std::thread::spawn(move || {
            let (stream, _) = ends.accept().expect("somebody asks");
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).expect("a question");
        });
        assert_eq!(ask().to_string(), "the one that kept the uplinks has ended");
        asked.join().expect("it was asked");
        std::fs::remove_dir_all(&directory).expect("it is the test's own");
    }
}
