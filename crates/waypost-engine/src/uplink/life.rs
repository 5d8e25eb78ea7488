//! The life of an uplink, as a table of arrows.
//!
//! The picture in `docs/uplinks.md` is made from this table, and a test keeps it so.

use std::fmt;

/// Where in its life an uplink is: what is known of its default routes, of which it has two for a moment when it changes its role.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[expect(clippy::exhaustive_enums, reason = "the life of an uplink has these states")]
pub enum Life {
    /// It has no default route, nor is one on its way.
    #[default]
    Inactive,
    /// A default route has been asked for, and the kernel has not answered.
    Added,
    /// It has a default route.
    Active,
    /// Its default routes are being taken away, and the kernel has not answered.
    Removed,
}

/// What moves an uplink in its life: a request, an answer of the kernel's, or a loss. Never an echo.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a life is moved by these")]
pub enum Trigger {
    /// Request: it shall have a default route.
    Wanted,
    /// Answer: the default route is there.
    Installed,
    /// Answer: the default route was refused.
    Refused,
    /// Request: it shall have none.
    Unwanted,
    /// Answer: the last default route is gone, or was not there any more.
    Gone,
    /// Answer: the default route was not taken away, and is still there.
    Kept,
    /// The kernel took the last default route away without being asked, or another program did; confirmed.
    Lost,
}

/// One way from a state to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Arrow {
    /// The state that it leaves.
    pub from: Life,
    /// What takes it.
    pub trigger: Trigger,
    /// The state that it leads to.
    pub to: Life,
    /// What it means.
    pub why: &'static str,
}

/// Something that changes nothing in a state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Refusal {
    /// The state that stays.
    pub state: Life,
    /// What does not move it.
    pub trigger: Trigger,
    /// Why not.
    pub why: &'static str,
}

const fn arrow(from: Life, trigger: Trigger, to: Life, why: &'static str) -> Arrow {
    Arrow { from, trigger, to, why }
}

const fn refusal(state: Life, trigger: Trigger, why: &'static str) -> Refusal {
    Refusal { state, trigger, why }
}

impl Life {
    /// All states, in the order of a life.
    pub const ALL: [Self; 4] = [Self::Inactive, Self::Added, Self::Active, Self::Removed];

    /// All arrows.
    pub const ARROWS: [Arrow; 12] = [
        arrow(Self::Inactive, Trigger::Wanted, Self::Added, "asked for"),
        arrow(Self::Added, Trigger::Installed, Self::Active, "the kernel has it"),
        arrow(Self::Added, Trigger::Refused, Self::Inactive, "refused: tried again later"),
        arrow(Self::Added, Trigger::Unwanted, Self::Removed, "given up before it was there"),
        arrow(Self::Active, Trigger::Unwanted, Self::Removed, "given up"),
        arrow(Self::Active, Trigger::Lost, Self::Inactive, "taken by the kernel or by another program"),
        arrow(Self::Removed, Trigger::Gone, Self::Inactive, "the kernel has none any more"),
        arrow(Self::Removed, Trigger::Kept, Self::Active, "not taken away: reported, and tried again later"),
        arrow(Self::Removed, Trigger::Wanted, Self::Added, "wanted again before the old one was gone"),
        arrow(Self::Added, Trigger::Lost, Self::Inactive, "taken before the answer was looked at"),
        arrow(Self::Added, Trigger::Kept, Self::Active, "the old one was not taken away, and is still there"),
        arrow(Self::Inactive, Trigger::Kept, Self::Active, "nor was it when that was asked again, and the new one is refused"),
    ];

    /// All that changes nothing.
    pub const REFUSALS: [Refusal; 16] = [
        refusal(Self::Inactive, Trigger::Installed, "a late answer: nothing is wanted"),
        refusal(Self::Inactive, Trigger::Refused, "a late answer: nothing is wanted"),
        refusal(Self::Inactive, Trigger::Unwanted, "there is nothing to take away"),
        refusal(Self::Inactive, Trigger::Gone, "a late answer: that was known"),
        refusal(Self::Inactive, Trigger::Lost, "there was nothing to lose"),
        refusal(Self::Added, Trigger::Wanted, "it is under way"),
        refusal(Self::Added, Trigger::Gone, "the answer about an old route: the new one is under way"),
        refusal(Self::Active, Trigger::Wanted, "it is there"),
        refusal(Self::Active, Trigger::Installed, "the answer about the route of another role: it was there before"),
        refusal(Self::Active, Trigger::Refused, "a change of role failed: what it had stays"),
        refusal(Self::Active, Trigger::Gone, "the answer about the route of another role: one is still there"),
        refusal(Self::Active, Trigger::Kept, "the route of another role was not taken away: reported, and tried again later"),
        refusal(Self::Removed, Trigger::Installed, "a late answer: it is being taken away"),
        refusal(Self::Removed, Trigger::Refused, "a late answer: the deletion will find nothing"),
        refusal(Self::Removed, Trigger::Unwanted, "it is under way"),
        refusal(Self::Removed, Trigger::Lost, "the deletion that is under way will find nothing, and say so"),
    ];

    /// Where `trigger` leads from here; `None` where it changes nothing.
    #[must_use]
    pub fn after(self, trigger: Trigger) -> Option<Self> {
        Self::ARROWS.iter().find(|arrow| arrow.from == self && arrow.trigger == trigger).map(|arrow| arrow.to)
    }

    /// The picture of all arrows, in the words of mermaid.
    #[must_use]
    pub fn picture() -> String {
        let mut lines = vec!["stateDiagram-v2".to_owned(), format!("    [*] --> {}", Self::Inactive)];
        for Arrow { from, trigger, to, why } in Self::ARROWS {
            lines.push(format!("    {from} --> {to}: {trigger} ({why})"));
        }
        lines.push(String::new());
        lines.join("\n")
    }

    /// All that changes nothing, as a table in the words of Markdown.
    #[must_use]
    pub fn refusals() -> String {
        let mut lines = vec!["| in state | does not move it | because |".to_owned(), "|---|---|---|".to_owned()];
        for Refusal { state, trigger, why } in Self::REFUSALS {
            lines.push(format!("| {state} | {trigger} | {why} |"));
        }
        lines.push(String::new());
        lines.join("\n")
    }
}

impl Trigger {
    /// All of them.
    pub const ALL: [Self; 7] = [Self::Wanted, Self::Installed, Self::Refused, Self::Unwanted, Self::Gone, Self::Kept, Self::Lost];
}

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wanted => "wanted",
            Self::Installed => "installed",
            Self::Refused => "refused",
            Self::Unwanted => "unwanted",
            Self::Gone => "gone",
            Self::Kept => "kept",
            Self::Lost => "lost",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Life::{Active, Added, Inactive, Removed};
    use super::Trigger::{Gone, Installed, Kept, Lost, Refused, Unwanted, Wanted};
    use super::*;

    /// Written by hand, and not taken from the tables: each state beside each trigger.
    #[test]
    fn every_arrow_leads_where_it_should_and_every_other_nowhere() {
        let columns = [Wanted, Installed, Refused, Unwanted, Gone, Kept, Lost];
        let expected = [
            (Inactive, [Some(Added), None, None, None, None, Some(Active), None]),
            (Added, [None, Some(Active), Some(Inactive), Some(Removed), None, Some(Active), Some(Inactive)]),
            (Active, [None, None, None, Some(Removed), None, None, Some(Inactive)]),
            (Removed, [Some(Added), None, None, None, Some(Inactive), Some(Active), None]),
        ];
        for (state, row) in expected {
            for (trigger, to) in columns.into_iter().zip(row) {
                assert_eq!(state.after(trigger), to, "{state} {trigger}");
            }
        }
    }

    #[test]
    fn each_state_and_trigger_stands_in_one_table_once() {
        for state in Life::ALL {
            for trigger in Trigger::ALL {
                let arrows = Life::ARROWS.iter().filter(|arrow| (arrow.from, arrow.trigger) == (state, trigger)).count();
                let refusals =
                    Life::REFUSALS.iter().filter(|refused| (refused.state, refused.trigger) == (state, trigger)).count();
                assert_eq!(arrows + refusals, 1, "{state} {trigger}");
            }
        }
    }

    #[test]
    fn the_page_shows_this_picture_and_this_table() {
        let page = include_str!("../../../../docs/uplinks.md");
        let picture = format!("```mermaid\n{}```\n", Life::picture());
        assert!(page.contains(&picture), "docs/uplinks.md is to have this:\n{picture}");
        assert!(page.contains(&Life::refusals()), "docs/uplinks.md is to have this:\n{}", Life::refusals());
    }
}
