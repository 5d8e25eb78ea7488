//! Asking for what a dump has not listed and could not list.
//!
//! A sound dump of all routes of a family leaves those that may be hidden, which are suspect at once. The kernel is asked for them before
//! anything else; it is believed if nothing was said from the dump's beginning to the end of its answer, and else the dump is
//! repeated in a calmer moment. Where it cannot tell, they stay suspect.

use waypost_core::{Dump, DumpEnd, Error, ErrorKind, Family, Kernel, Now, Request, Ticket};

use super::agenda::Item;
use super::{Follower, is_final};
use crate::mirror::{Event, Subject};

/// About more slots the kernel is not asked: each has to be compared with all that it tells.
const SLOTS_MAX: usize = 1024;

/// The routes that the last dump of all could not list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seeking {
    /// The dump's.
    family: Family,
    item: Item,
    /// How much had been said when it ended.
    said: u64,
    /// The question, once it has been asked.
    ticket: Option<Ticket>,
}

impl Follower {
    /// A sound dump of all routes of a family has ended.
    pub(super) fn seek_hidden(&mut self, family: Family, item: Item) {
        let slots = self.mirror.hidden_slots().len();
        let is_askable = (1..=SLOTS_MAX).contains(&slots);
        self.seeking = is_askable.then_some(Seeking { family, item, said: self.said, ticket: None });
    }

    /// Asks for what is sought, if that has not been asked; says whether it was there to be asked.
    pub(super) fn ask_for_hidden<K: Kernel>(&mut self, now: Now, kernel: &mut K) -> Result<bool, Error> {
        let Some(seeking) = self.seeking.filter(|seeking| seeking.ticket.is_none()) else { return Ok(false) };
        let ticket = self.ticket();
        match kernel.submit(now, ticket, Request::Dump(Dump::Traces(&self.mirror.hidden_slots()))) {
            Ok(()) => {
                self.seeking = Some(Seeking { ticket: Some(ticket), ..seeking });
                self.runs(now, ticket, None, Item::once(now));
            }
            Err(error) if is_final(&error) => self.give_hidden_up(),
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    /// Says whether this is what was asked.
    pub(super) fn seeks(&self, ticket: Ticket) -> bool {
        self.seeking.is_some_and(|seeking| seeking.ticket == Some(ticket))
    }

    /// The kernel has told what there is, or that it cannot.
    pub(super) fn hidden_told(&mut self, now: Now, asked: Now, end: &DumpEnd, out: &mut Vec<Event>) -> Result<(), Error> {
        let Some(Seeking { family, item, said, .. }) = self.seeking else { return Ok(()) };
        let took = now.running.saturating_sub(asked.running);
        self.verification.took(took);
        match &end.error {
            Some(error) if error.kind() == ErrorKind::Closed => return Err(error.clone()),
            Some(_) => {}
            None if end.interrupted || said != self.said => {
                self.agenda.again(now, Subject::Routes(family, None), item, took, false);
            }
            None => {
                let left = self.mirror.settle_hidden(out);
                self.stats.suspected(now, family, left);
            }
        }
        self.give_hidden_up();
        Ok(())
    }

    fn give_hidden_up(&mut self) {
        self.seeking = None;
        self.mirror.forget_hidden();
    }
}
