//! Carrying out a plan: all of it, or nothing.
//!
//! ```text
//!             next step        all answered, phase by phase
//!  Forward ───────────▶ … ─────────────────────────────────────▶ Applied
//!     │  a step is refused: nothing more is begun, those under way are awaited
//!     ▼
//!  Back ── what was done is undone, last first ────────────────▶ Failed, with what could not be undone
//! ```

use std::collections::VecDeque;
use std::fmt;

use rustc_hash::FxHashSet;
use waypost_core::{Error, ErrorKind, Names, Slot};

use super::any_metric::Twins;
use super::plan::{OWN_ALONE, PHASES, Plan, Step};
use super::{Difference, Item, inverse};

/// What became of a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Done {
    /// The kernel did it.
    Yes,
    /// There was nothing to do: what was to go had gone.
    Nothing,
    /// It is not known whether it did.
    Perhaps,
    No,
}

/// A plan that is being carried out.
///
/// It asks for nothing itself: whoever drives it takes [`next`](Self::next) as long as that gives steps, asks the kernel, and hands over each
/// answer, in the order of the steps, by [`outcome`](Self::outcome). Several steps may be under way at once; where the next must wait for
/// their answers, `next` gives nothing.
///
/// ```
/// use waypost_core::{Error, ErrorKind, Route};
/// use waypost_engine::claim::{Execution, Item, Plan, Step};
///
/// let routes = ["10.1.0.0/16 via 10.0.0.1 metric 5", "10.2.0.0/16 via 10.9.9.9 metric 5"];
/// let items = routes.map(|text| Item::from(text.parse::<Route>().unwrap()));
/// let mut execution = Execution::new(Plan::adding(items));
/// // The kernel takes the first and refuses the second, and so the first is deleted.
/// assert!(matches!(execution.next(), Some(Step::AddRoute(..))));
/// assert!(matches!(execution.next(), Some(Step::AddRoute(..))));
/// execution.outcome(Ok(()));
/// execution.outcome(Err(Error::new(ErrorKind::Unreachable, "add route")));
/// assert!(matches!(execution.next(), Some(Step::DeleteRoute(..))));
/// execution.outcome(Ok(()));
/// let failed = execution.finish().unwrap_err();
/// assert!(failed.left().is_empty() && failed.undone().len() == 1);
/// ```
#[derive(Clone, Debug)]
pub struct Execution {
    steps: Vec<Step>,
    /// How many steps there are up to the end of each phase.
    ends: [usize; PHASES],
    done: Vec<Done>,
    /// How many steps have been begun.
    begun: usize,
    /// How many steps have their answers.
    answered: usize,
    differences: Vec<Difference>,
    split: FxHashSet<Slot>,
    twins: Twins,
    failure: Option<(usize, Error)>,
    back: Option<Back>,
}

/// Undoing.
#[derive(Clone, Debug, Default)]
struct Back {
    /// The inverse steps that have not been begun, with what is known of what they undo.
    steps: VecDeque<(Step, Done)>,
    under_way: VecDeque<(Step, Done)>,
    /// The step that `next` gave last.
    current: Option<Step>,
    undone: Vec<Item>,
    left: Vec<Left>,
}

impl Execution {
    /// Nothing of `plan` has been begun. What is in its way or has to wait is not part of it.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        let mut ends = [0; PHASES];
        let mut steps = Vec::new();
        for (phase, end) in plan.phases.into_iter().zip(&mut ends) {
            // Most plans add and do nothing else: then their steps stay where they are.
            if steps.is_empty() {
                steps = phase
            } else {
                steps.extend(phase)
            }
            *end = steps.len();
        }
        let done = vec![Done::No; steps.len()];
        Self {
            steps,
            ends,
            done,
            begun: 0,
            answered: 0,
            differences: plan.differences,
            split: plan.split,
            twins: plan.twins,
            failure: None,
            back: None,
        }
    }

    /// The next step to ask the kernel for; `None` where there is none until answers have come, or none any more.
    // It is no iterator: what it gives hangs on the answers.
    #[expect(clippy::should_implement_trait, reason = "the steps hang on the answers, and are borrowed")]
    pub fn next(&mut self) -> Option<&Step> {
        if self.failure.is_some() {
            return self.next_back();
        }
        let end = self.ends.iter().copied().find(|end| *end > self.answered)?;
        let at = self.begun;
        if at >= end {
            return None;
        }
        self.begun += 1;
        self.steps.get(at)
    }

    fn next_back(&mut self) -> Option<&Step> {
        if self.answered < self.begun {
            return None;
        }
        if self.back.is_none() {
            let (steps, left) = inverse::of(&self.steps, &self.split, &self.twins, &self.done);
            self.back = Some(Back { steps: steps.into(), left, ..Back::default() });
        }
        let back = self.back.as_mut()?;
        // A turn from deletions to additions or back is a phase too: what takes a slot waits for what leaves it.
        let turns = |(step, _): &&(Step, Done)| back.under_way.back().is_none_or(|(last, _)| last.adds() == step.adds());
        back.steps.front().filter(turns)?;
        let (step, done) = back.steps.pop_front()?;
        back.under_way.push_back((step.clone(), done));
        back.current = Some(step);
        back.current.as_ref()
    }

    /// Takes the answer to the first step that has none.
    pub fn outcome(&mut self, result: Result<(), Error>) {
        match &mut self.back {
            Some(back) => back.outcome(result),
            None => self.forward(result),
        }
    }

    fn forward(&mut self, result: Result<(), Error>) {
        let at = self.answered;
        let (Some(step), Some(done)) = (self.steps.get(at), self.done.get_mut(at)) else { return };
        self.answered += 1;
        let result = match result {
            Err(error)
                if error.kind() == ErrorKind::NotFound && (self.ends[OWN_ALONE - 1]..self.ends[OWN_ALONE]).contains(&at) =>
            {
                *done = Done::Nothing;
                let why = "this next hop is another's, which has joined it, or has gone";
                self.failure.get_or_insert((at, Error::new(ErrorKind::Exists, "change route").on(step.item()).because(why)));
                return;
            }
            result => result,
        };
        *done = match &result {
            Ok(()) => Done::Yes,
            Err(error) => match error.kind() {
                ErrorKind::NotFound if !step.adds() => Done::Nothing,
                ErrorKind::Exists if matches!(step, Step::EnsureRoute(_)) => Done::Nothing,
                ErrorKind::Unknown => Done::Perhaps,
                _ => Done::No,
            },
        };
        if let (Err(error), true) = (result, matches!(*done, Done::No | Done::Perhaps)) {
            self.failure.get_or_insert((at, error));
        }
    }

    /// Takes note that no answer will come any more to the steps that have none.
    pub fn give_up(&mut self, error: &Error) {
        let why = || Error::new(ErrorKind::Unknown, "change").because(error);
        match &self.back {
            Some(back) => (0..back.under_way.len()).for_each(|_| self.outcome(Err(why()))),
            None => (self.answered..self.begun).for_each(|_| self.outcome(Err(why()))),
        }
    }

    /// Says whether the kernel has been asked for all that there is to ask, and has answered.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let all = self.failure.is_none() && self.answered == self.steps.len();
        // Where a step has failed, whether there is anything to undo is known when `next` has been asked.
        all || self.back.as_ref().is_some_and(|back| back.steps.is_empty() && back.under_way.is_empty())
    }

    /// What came of it.
    ///
    /// # Errors
    ///
    /// A step was refused, and what was done before has been undone but for what the error names.
    pub fn finish(mut self) -> Result<Applied, Failed> {
        if self.failure.is_some() && self.back.is_none() {
            // Nobody has asked for what is to be undone: it is all left.
            while self.next_back().is_some() {}
        }
        let Some((at, error)) = self.failure else {
            return Ok(Applied { differences: self.differences, requests: self.steps.len() });
        };
        let back = self.back.unwrap_or_default();
        let mut left = back.left;
        let unasked = back.under_way.into_iter().chain(back.steps);
        left.extend(unasked.map(|(step, _)| Left::new(&step, Error::new(ErrorKind::Unknown, "undo"))));
        let step = self.steps.swap_remove(at);
        let (item, was_added) = (step.item(), step.adds());
        Err(Failed(Box::new(Inner { item, was_added, error, in_its_place: None, undone: back.undone, left })))
    }
}

impl Back {
    fn outcome(&mut self, result: Result<(), Error>) {
        let Some((step, was)) = self.under_way.pop_front() else { return };
        let Err(error) = result else {
            self.undone.push(step.item());
            return;
        };
        match error.kind() {
            // What was to be taken away again is not there.
            ErrorKind::NotFound if !step.adds() => {
                let item = step.item();
                // What held a place meanwhile could not be put back for the way back, and is not to be there at its end.
                self.left.retain(|left| left.is_there || left.item != item);
                self.undone.push(item);
            }
            // Whether it had gone was not known, and it had not.
            ErrorKind::Exists if step.adds() && was == Done::Perhaps => {}
            ErrorKind::Exists if matches!(step, Step::EnsureRoute(_)) => {}
            _ => self.left.push(Left::new(&step, error)),
        }
    }
}

/// What a plan has done.
#[derive(Clone, Debug)]
pub struct Applied {
    differences: Vec<Difference>,
    requests: usize,
}

impl Applied {
    /// What is different now.
    #[must_use]
    pub fn differences(&self) -> &[Difference] {
        &self.differences
    }

    /// How many requests that took.
    #[must_use]
    pub const fn requests(&self) -> usize {
        self.requests
    }
}

/// Something that could not be undone.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Left {
    /// What is left.
    pub item: Item,
    /// It is there and should have been deleted; otherwise it is gone and should have been put back.
    pub is_there: bool,
    /// Why.
    pub error: Error,
}

impl Left {
    fn new(step: &Step, error: Error) -> Self {
        Self { item: step.item(), is_there: !step.adds(), error }
    }
}

/// A plan that has not come about, though part of it may be left.
#[derive(Clone, Debug)]
pub struct Failed(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    item: Item,
    was_added: bool,
    error: Error,
    in_its_place: Option<Item>,
    undone: Vec<Item>,
    left: Vec<Left>,
}

impl Failed {
    /// What the step was about that was refused.
    #[must_use]
    pub const fn item(&self) -> &Item {
        &self.0.item
    }

    /// Why it was refused.
    #[must_use]
    pub const fn error(&self) -> &Error {
        &self.0.error
    }

    /// Says whether it was refused because something is in its place already.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.0.was_added && self.0.error.kind() == ErrorKind::Exists
    }

    /// What is in its place, where that is why it was refused and whoever carried the plan out has [looked](Self::name_in_its_place).
    #[must_use]
    pub fn in_its_place(&self) -> Option<&Item> {
        self.0.in_its_place.as_ref()
    }

    /// The same, and this is what is in its place: no kernel says it in its refusal.
    #[must_use]
    pub fn name_in_its_place(mut self, there: Item) -> Self {
        self.0.in_its_place = Some(there);
        self
    }

    /// What was undone: what had been added or deleted before, the last first.
    #[must_use]
    pub fn undone(&self) -> &[Item] {
        &self.0.undone
    }

    /// What could not be undone. Where this is empty the tables are as before.
    #[must_use]
    pub fn left(&self) -> &[Left] {
        &self.0.left
    }

    /// This with interfaces and numbers by name when printed.
    #[must_use]
    pub fn with_names<'a>(&'a self, names: impl Into<Names<'a>>) -> FailedPrinted<'a> {
        FailedPrinted { failed: self, names: names.into() }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_names(Names::none()).fmt(f)
    }
}

impl std::error::Error for Failed {}

/// A [`Failed`] that prints with names.
#[derive(Clone, Copy, Debug)]
pub struct FailedPrinted<'a> {
    failed: &'a Failed,
    names: Names<'a>,
}

impl fmt::Display for FailedPrinted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { item, was_added, error, in_its_place, undone, left } = &*self.failed.0;
        let verb = if *was_added { "add" } else { "delete" };
        write!(f, "{verb} {}: {}", item.with_names(self.names), error.reason())?;
        if let Some(there) = in_its_place {
            write!(f, ": in its place is {}", there.with_names(self.names))?;
        }
        match undone.len() {
            0 if left.is_empty() => f.write_str("; nothing had been done")?,
            1 => f.write_str("; 1 change was undone")?,
            count => write!(f, "; {count} changes were undone")?,
        }
        for Left { item, is_there, error } in left {
            let state = if *is_there { "is left" } else { "is gone" };
            write!(f, "\n{} {state}: {}", item.with_names(self.names), error.reason())?;
        }
        Ok(())
    }
}
