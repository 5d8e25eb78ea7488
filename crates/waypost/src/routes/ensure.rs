//! Whether a route that is there says all that another asks for.

use waypost_core::{Error, ErrorKind, Route};
use waypost_engine::claim::{as_kept, satisfies};

use super::Routes;
use super::deletion::of_same_destination;

/// What [`Routes::ensure`] did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "it was there or it was not")]
pub enum Ensured {
    /// It added the route.
    Added,
    /// The route was there already.
    There,
}

impl Routes {
    /// Looks for a route that says all of `wanted`, which the kernel would not add because of `refusal`.
    pub(super) fn find_ensured(&mut self, wanted: &Route, refusal: Error) -> Result<Ensured, Error> {
        let there = self.list(&of_same_destination(wanted))?;
        if there.iter().any(|route| satisfies(route, wanted)) {
            return Ok(Ensured::There);
        }
        match there.iter().find(|route| route.slot == wanted.slot || route.slot == as_kept(wanted.slot)) {
            Some(other) => {
                let names = self.names()?;
                let why = format!("in its place is {}", other.with_names(&names));
                Err(Error::new(ErrorKind::Exists, "ensure route").on(wanted.with_names(&names)).because(why))
            }
            None => Err(refusal),
        }
    }
}
