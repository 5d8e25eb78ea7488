//! What the kernel has of a slot and does not list, read from a file.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{ErrorKind as IoErrorKind, Read};
use std::os::fd::OwnedFd;

use waypost_core::{DumpEnd, Error, ErrorKind, Notice, Notices, Slot, Ticket};

use super::namespace::back_in;
use super::trace_reader::{Illegible, TraceReader};

/// All IPv6 routes of the network namespace that the thread is in which opens it; proc(5).
const FILE: &str = "/proc/thread-self/net/ipv6_route";

/// What is read at once, at most: the kernel gives a page (`seq_read_iter`, fs/seq_file.c, Linux 6.18).
const PART: usize = 16 * 1024;

const OPERATION: &str = "look for routes that are not listed";

/// The requests to look into that file.
#[derive(Debug, Default)]
pub(super) struct Traces {
    waiting: VecDeque<(Ticket, TraceReader)>,
    current: Option<Current>,
}

#[derive(Debug)]
struct Current {
    ticket: Ticket,
    reader: TraceReader,
    /// `None` when it has been read.
    file: Option<File>,
}

impl Traces {
    pub(super) fn submit(&mut self, ticket: Ticket, slots: &[Slot]) {
        self.waiting.push_back((ticket, TraceReader::new(slots)));
    }

    /// Says whether the file is being read: no dump is to begin then.
    pub(super) const fn is_reading(&self) -> bool {
        self.current.is_some()
    }

    /// Says whether there is something to do.
    pub(super) fn is_busy(&self) -> bool {
        self.is_reading() || !self.waiting.is_empty()
    }

    /// Reads a part, now that all has been taken that the kernel has said.
    ///
    /// The end is told one call later than it is read: what has changed by then has been told before, as the kernel tells of an IPv6 route under
    /// the lock that the file is read under (`fib6_add_rt2node` and `fib6_del_route`, net/ipv6/ip6_fib.c, Linux 6.18).
    pub(super) fn go_on(&mut self, place: Option<&OwnedFd>, out: &mut Notices) {
        if let Some(mut current) = self.current.take() {
            match current.read(out) {
                Ok(true) => self.current = Some(current),
                Ok(false) => out.push(Notice::DumpDone(current.ticket, DumpEnd::WHOLE)),
                Err(error) => out.push(Notice::DumpDone(current.ticket, DumpEnd::new(false, Some(error)))),
            }
        } else if let Some((ticket, reader)) = self.waiting.pop_front() {
            out.push(Notice::DumpStarted(ticket));
            match open(place) {
                Ok(file) => self.current = Some(Current { ticket, reader, file: Some(file) }),
                Err(error) => out.push(Notice::DumpDone(ticket, DumpEnd::new(false, Some(error)))),
            }
        }
    }

    /// The sockets are others now: nothing tells what has changed meanwhile.
    pub(super) fn give_up(&mut self, out: &mut Notices) {
        let begun = self.current.take().map(|current| current.ticket);
        let failed = |ticket| {
            let error = Error::new(ErrorKind::Unknown, OPERATION).because("the socket was opened anew");
            Notice::DumpDone(ticket, DumpEnd::new(false, Some(error)))
        };
        out.extend(begun.into_iter().chain(self.waiting.drain(..).map(|(ticket, _)| ticket)).map(failed));
    }
}

impl Current {
    /// Reads a part; says whether to come again.
    fn read(&mut self, out: &mut Notices) -> Result<bool, Error> {
        let Some(file) = &mut self.file else { return Ok(false) };
        let mut part = [0; PART];
        match file.read(&mut part) {
            Ok(0) => {
                self.reader.end().map_err(|why| illegible(&why))?;
                self.file = None;
            }
            Ok(count) => self.reader.take(part.get(..count).unwrap_or_default(), out).map_err(|why| illegible(&why))?,
            Err(error) if error.kind() == IoErrorKind::Interrupted => {}
            Err(error) => return Err(Error::from_io(OPERATION, &error)),
        }
        Ok(true)
    }
}

/// Opens the file in the namespace of the sockets. It stays that namespace's, whoever reads it (`get_proc_net`, fs/proc/proc_net.c, Linux 6.18).
fn open(place: Option<&OwnedFd>) -> Result<File, Error> {
    let unknown = || Error::new(ErrorKind::Unsupported, OPERATION).because("where the sockets are cannot be told");
    back_in(place.ok_or_else(unknown)?, || File::open(FILE).map_err(|error| Error::from_io(OPERATION, &error)))
}

fn illegible(why: &Illegible) -> Error {
    Error::new(ErrorKind::Unsupported, OPERATION).because(match why {
        Illegible::Long => "there are too many",
        Illegible::Strange => "the list cannot be read",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty() -> Current {
        let file = File::open("/dev/null").expect("there is nothing everywhere");
        Current { ticket: Ticket(1), reader: TraceReader::new(&[]), file: Some(file) }
    }

    #[test]
    fn the_end_is_told_when_what_was_said_before_it_has_been_taken() {
        let (mut traces, mut out) = (Traces { current: Some(empty()), ..Traces::default() }, Notices::new());
        traces.go_on(None, &mut out);
        assert!(out.is_empty() && traces.is_busy(), "it has been read: {out:?}");
        traces.go_on(None, &mut out);
        assert!(matches!(&out[..], [Notice::DumpDone(Ticket(1), end)] if end.error.is_none()), "{out:?}");
        assert!(!traces.is_busy());
    }

    #[test]
    fn who_is_nowhere_that_can_be_told_gets_no_answer() {
        let (mut traces, mut out) = (Traces::default(), Notices::new());
        traces.submit(Ticket(1), &[]);
        traces.go_on(None, &mut out);
        assert!(matches!(&out[..], [Notice::DumpStarted(_), Notice::DumpDone(_, end)] if end.error.is_some()), "{out:?}");
    }

    #[test]
    fn what_was_asked_of_sockets_that_are_closed_has_failed() {
        let (mut traces, mut out) = (Traces { current: Some(empty()), ..Traces::default() }, Notices::new());
        traces.submit(Ticket(2), &[]);
        traces.give_up(&mut out);
        assert!(out.iter().all(|notice| matches!(notice, Notice::DumpDone(_, end) if end.error.is_some())), "{out:?}");
        assert!(out.len() == 2 && !traces.is_busy());
    }
}
