//! Which uplink of a family takes everything.

use super::health::Grade;
use super::wish::UplinkId;

/// An uplink that can be elected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Candidate {
    pub(super) id: UplinkId,
    pub(super) priority: u32,
    pub(super) grade: Grade,
    /// It has been well for long enough to take another's place.
    pub(super) settled: bool,
    /// Somebody asked for it.
    pub(super) asked: bool,
    /// Somebody asked for others before it.
    pub(super) set_back: bool,
    /// The kernel refuses its default route for now.
    pub(super) blocked: bool,
}

impl Candidate {
    /// What makes it better than another, the weightiest first.
    fn merits(&self, incumbent: Option<UplinkId>) -> impl Ord + use<> {
        (
            self.grade != Grade::Bad,
            !self.blocked,
            !self.set_back,
            self.asked,
            self.settled,
            self.priority,
            // Whether nothing or something good is known is no reason to switch; a doubt is.
            self.grade > Grade::Doubtful,
            incumbent == Some(self.id),
            std::cmp::Reverse(self.id),
        )
    }
}

/// The best of them. One that is not settled takes nobody's place who is well.
pub(super) fn elect(candidates: &[Candidate], incumbent: Option<UplinkId>) -> Option<UplinkId> {
    let is_well = |candidate: &Candidate| candidate.grade != Grade::Bad && !candidate.blocked && !candidate.set_back;
    let holds = candidates.iter().find(|candidate| incumbent == Some(candidate.id) && is_well(candidate));
    candidates
        .iter()
        .filter(|candidate| holds.is_none_or(|holder| candidate.settled || candidate.asked || candidate.id == holder.id))
        // The incumbent is settled by being it.
        .map(|candidate| Candidate { settled: candidate.settled || incumbent == Some(candidate.id), ..*candidate })
        .max_by_key(|candidate| candidate.merits(incumbent))
        .map(|candidate| candidate.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(id: u32, priority: u32, grade: Grade, settled: bool) -> Candidate {
        Candidate { id: UplinkId(id), priority, grade, settled, asked: false, set_back: false, blocked: false }
    }

    #[track_caller]
    fn elects(candidates: &[Candidate], incumbent: Option<u32>, expected: Option<u32>) {
        assert_eq!(elect(candidates, incumbent.map(UplinkId)), expected.map(UplinkId));
        let backwards: Vec<Candidate> = candidates.iter().rev().copied().collect();
        assert_eq!(elect(&backwards, incumbent.map(UplinkId)), expected.map(UplinkId), "whatever their order");
    }

    #[test]
    fn priority_decides_then_health_then_who_has_it() {
        elects(&[], Some(1), None);
        elects(&[candidate(1, 5, Grade::Good, true), candidate(2, 9, Grade::Unknown, true)], Some(1), Some(2));
        elects(&[candidate(1, 5, Grade::Doubtful, true), candidate(2, 5, Grade::Good, true)], Some(1), Some(2));
        elects(&[candidate(1, 5, Grade::Unknown, true), candidate(2, 5, Grade::Good, true)], Some(1), Some(1));
        elects(&[candidate(1, 9, Grade::Doubtful, true), candidate(2, 5, Grade::Good, true)], Some(1), Some(1));
        elects(&[candidate(1, 5, Grade::Good, true), candidate(2, 5, Grade::Good, true)], None, Some(1));
        elects(&[candidate(1, 5, Grade::Good, true), candidate(2, 5, Grade::Good, true)], Some(2), Some(2));
    }

    #[test]
    fn a_bad_one_is_elected_only_among_bad_ones() {
        elects(&[candidate(1, 9, Grade::Bad, true), candidate(2, 5, Grade::Unknown, true)], Some(1), Some(2));
        elects(&[candidate(1, 9, Grade::Bad, true), candidate(2, 5, Grade::Doubtful, false)], Some(1), Some(2));
        elects(&[candidate(1, 9, Grade::Bad, true), candidate(2, 5, Grade::Bad, true)], Some(2), Some(1));
    }

    #[test]
    fn who_has_just_come_again_takes_nobodys_place_but_an_empty_one() {
        elects(&[candidate(1, 9, Grade::Good, false), candidate(2, 5, Grade::Good, true)], Some(2), Some(2));
        elects(&[candidate(1, 9, Grade::Good, false), candidate(2, 5, Grade::Good, true)], None, Some(2));
        elects(&[candidate(1, 9, Grade::Good, false)], None, Some(1));
        elects(&[candidate(1, 9, Grade::Good, false), candidate(2, 5, Grade::Good, false)], Some(2), Some(2));
    }

    #[test]
    fn who_is_refused_its_route_is_elected_only_where_nobody_else_is() {
        let blocked = |id, priority| Candidate { blocked: true, ..candidate(id, priority, Grade::Good, true) };
        elects(&[blocked(1, 9), candidate(2, 5, Grade::Unknown, true)], Some(1), Some(2));
        elects(&[blocked(1, 9), candidate(2, 5, Grade::Bad, true)], Some(2), Some(1));
        elects(&[blocked(1, 9)], Some(1), Some(1));
    }

    #[test]
    fn who_is_set_back_is_elected_only_where_no_other_is_well() {
        let back = |grade| Candidate { set_back: true, ..candidate(1, 9, grade, true) };
        elects(&[back(Grade::Good), candidate(2, 1, Grade::Unknown, false)], Some(1), Some(2));
        elects(&[back(Grade::Good), candidate(2, 1, Grade::Bad, true)], Some(2), Some(1));
        elects(&[back(Grade::Good)], None, Some(1));
    }

    #[test]
    fn who_is_asked_for_is_elected_while_it_is_well() {
        let asked = |grade, settled| Candidate { asked: true, ..candidate(1, 1, grade, settled) };
        elects(&[asked(Grade::Unknown, false), candidate(2, 9, Grade::Good, true)], Some(2), Some(1));
        elects(&[asked(Grade::Bad, true), candidate(2, 9, Grade::Good, true)], Some(1), Some(2));
    }
}
