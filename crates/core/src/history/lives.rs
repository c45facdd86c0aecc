//! The lives of what bears a name, one after the other: which creation counts.
//!
//! Pure, and the same for `redrive`, which asks CloudTrail about one name, and `backfill`, which has read of all. What
//! no record tells is said as such: a name whose bearer is not known for certain is left alone.

use time::OffsetDateTime;

use crate::table::Answered;

/// What one record says of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment<'a> {
    /// `eventTime`.
    pub at: Option<OffsetDateTime>,
    /// `eventID`: a record may come twice.
    pub id: Option<&'a str>,
    /// Who made the call, and for whom: two creations by the same are no contradiction.
    pub by: &'a str,
    pub did: Did,
}

/// What a call did to what bears a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Did {
    Created(Answered),
    /// It ended it.
    Ended,
    /// It ended it, or something of it: the call's name does not tell.
    MayHaveEnded,
}

/// Who created what bears a name now. Numbers are places in the moments that were given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Creator {
    /// This creation counts.
    Of(usize),
    /// This one would, but the call answers for what is there already, and nothing shows that nothing was.
    MayBeOlder(usize),
    /// This one would, unless that call has ended it.
    MayHaveEnded { creation: usize, ending: usize },
    /// It has ended since, and nothing was created after.
    Ended { creation: Option<usize>, ending: usize },
    /// Two callers created it in one second: the order is not recorded.
    TwoCreators(usize, usize),
    /// A creation has no time, and there is more than it: the order is not recorded.
    Unordered(usize),
    /// What there is was there before all records.
    Nobody,
}

/// What bears the name at one time, by the records until then.
#[derive(Clone, Copy)]
enum Bearer {
    /// Nothing is known.
    Unknown,
    /// Something of which no record tells the creation.
    Unseen,
    Created {
        nth: usize,
        /// Whether nothing was there before, for certain.
        surely: bool,
    },
    MayHaveEnded {
        nth: usize,
        ending: usize,
    },
    Ended {
        nth: Option<usize>,
        ending: usize,
        /// Whether it was the last call of its second, for certain.
        surely: bool,
    },
}

/// Which of the creations of a name counts. The moments may come in any order, and more than once.
pub fn creator(moments: &[Moment<'_>]) -> Creator {
    let order = in_order(moments);
    let untimed = order.iter().find(|nth| moments[**nth].at.is_none() && counts(moments[**nth].did));
    if let (Some(nth), true) = (untimed, order.len() > 1) {
        return Creator::Unordered(*nth);
    }
    let mut bearer = Bearer::Unknown;
    let mut created_at = None;
    for nth in &order {
        let Moment { at, did, .. } = moments[*nth];
        bearer = bearer.after(*nth, did, created_at == Some(at));
        created_at = if counts(did) { Some(at) } else { created_at };
    }
    let nth = match bearer {
        Bearer::Unknown | Bearer::Unseen => return Creator::Nobody,
        Bearer::Ended { nth, ending, .. } => return Creator::Ended { creation: nth, ending },
        Bearer::Created { nth, .. } | Bearer::MayHaveEnded { nth, .. } => nth,
    };
    if let Some(other) = rival(moments, &order, nth) {
        return Creator::TwoCreators(nth, other);
    }
    match bearer {
        Bearer::Created { surely: false, .. } => Creator::MayBeOlder(nth),
        Bearer::MayHaveEnded { nth, ending } => Creator::MayHaveEnded { creation: nth, ending },
        _ => Creator::Of(nth),
    }
}

/// The places of the moments in order of time, each record once. Within a second a creation comes before an ending,
/// which may have been the later; otherwise the order is that of the ids, so that it is always the same.
pub fn in_order(moments: &[Moment<'_>]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..moments.len()).collect();
    let key = |nth: &usize| {
        let Moment { at, id, by, did } = moments[*nth];
        let rank = match did {
            Did::Created(Answered::New) => 0,
            Did::Created(_) => 1,
            Did::MayHaveEnded => 2,
            Did::Ended => 3,
        };
        (at, rank, id, by)
    };
    order.sort_by_key(key);
    order.dedup_by(|one, other| {
        let (one, other) = (&moments[*one], &moments[*other]);
        one.id.is_some() && one.id == other.id && one.did == other.did
    });
    order
}

const fn counts(did: Did) -> bool {
    matches!(did, Did::Created(Answered::New | Answered::NewOrOld))
}

impl Bearer {
    /// After another call. `at_once` is whether a creation is of the same second.
    fn after(self, nth: usize, did: Did, at_once: bool) -> Self {
        match (did, self) {
            (Did::Created(Answered::New), _) => Self::Created { nth, surely: true },
            (Did::Created(Answered::NewOrOld), Self::Unknown) => Self::Created { nth, surely: false },
            (Did::Created(Answered::NewOrOld), Self::Ended { surely, .. }) => Self::Created { nth, surely },
            (Did::Created(Answered::Old), Self::Unknown | Self::Ended { .. }) => Self::Unseen,
            // It has found what was there.
            (Did::Created(_), there) => there,
            (Did::Ended, was) => Self::Ended { nth: was.creation(), ending: nth, surely: !at_once },
            (Did::MayHaveEnded, Self::Created { nth: was, .. } | Self::MayHaveEnded { nth: was, .. }) => {
                Self::MayHaveEnded { nth: was, ending: nth }
            }
            (Did::MayHaveEnded, there) => there,
        }
    }

    const fn creation(self) -> Option<usize> {
        match self {
            Self::Unknown | Self::Unseen => None,
            Self::Created { nth, .. } | Self::MayHaveEnded { nth, .. } => Some(nth),
            Self::Ended { nth, .. } => nth,
        }
    }
}

/// Another call that created it just as well, in the same second, by somebody else.
fn rival(moments: &[Moment<'_>], order: &[usize], nth: usize) -> Option<usize> {
    let chosen = &moments[nth];
    order.iter().copied().find(|other| {
        let rival = &moments[*other];
        *other != nth && rival.did == chosen.did && rival.at == chosen.at && rival.by != chosen.by
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::Duration;
    use time::macros::datetime;

    const NEW: Did = Did::Created(Answered::New);
    const EITHER: Did = Did::Created(Answered::NewOrOld);
    const OLD: Did = Did::Created(Answered::Old);

    fn moments<'a>(what: &[(i64, &'a str, Did)]) -> Vec<Moment<'a>> {
        let at = |second| Some(datetime!(2026-05-04 10:00 UTC).saturating_add(Duration::seconds(second)));
        what.iter().map(|(second, by, did)| Moment { at: at(*second), id: None, by, did: *did }).collect()
    }

    fn creator_of(what: &[(i64, &str, Did)]) -> Creator {
        creator(&moments(what))
    }

    #[test]
    fn the_last_creation_counts_unless_an_ending_follows() {
        assert_eq!(creator_of(&[(1, "ann", NEW)]), Creator::Of(0));
        assert_eq!(creator_of(&[(5, "bob", NEW), (1, "ann", NEW)]), Creator::Of(0));
        assert_eq!(
            creator_of(&[(1, "ann", NEW), (2, "bob", Did::Ended)]),
            Creator::Ended { creation: Some(0), ending: 1 }
        );
        assert_eq!(creator_of(&[(1, "ann", NEW), (2, "", Did::Ended), (3, "bob", NEW)]), Creator::Of(2));
        assert_eq!(
            creator_of(&[(1, "ann", Did::Ended), (1, "ann", NEW)]),
            Creator::Ended { creation: Some(1), ending: 0 },
            "in one second the ending may be the later"
        );
        assert_eq!(creator_of(&[(1, "", Did::Ended)]), Creator::Ended { creation: None, ending: 0 });
    }

    #[test]
    fn a_call_that_answers_for_what_is_there_counts_only_where_nothing_was() {
        assert_eq!(creator_of(&[(1, "ann", EITHER)]), Creator::MayBeOlder(0));
        assert_eq!(creator_of(&[(1, "ann", EITHER), (2, "bob", EITHER)]), Creator::MayBeOlder(0));
        assert_eq!(creator_of(&[(1, "", Did::Ended), (2, "bob", EITHER)]), Creator::Of(1));
        assert_eq!(creator_of(&[(1, "ann", NEW), (2, "bob", EITHER)]), Creator::Of(0));
        assert_eq!(creator_of(&[(1, "ann", OLD), (2, "bob", EITHER)]), Creator::Nobody);
        assert_eq!(creator_of(&[(1, "ann", OLD)]), Creator::Nobody);
        assert_eq!(
            creator_of(&[(1, "ann", NEW), (2, "", Did::Ended), (3, "bob", OLD)]),
            Creator::Nobody,
            "made again unseen"
        );
    }

    #[test]
    fn what_is_not_certain_is_said() {
        assert_eq!(creator_of(&[(1, "ann", NEW), (1, "bob", NEW)]), Creator::TwoCreators(1, 0));
        assert_eq!(creator_of(&[(1, "ann", NEW), (1, "ann", NEW)]), Creator::Of(1));
        assert_eq!(
            creator_of(&[(1, "ann", NEW), (1, "bob", EITHER)]),
            Creator::Of(0),
            "the second call has found what the first made"
        );
        let perhaps = [(1, "ann", NEW), (2, "bob", Did::MayHaveEnded)];
        assert_eq!(creator_of(&perhaps), Creator::MayHaveEnded { creation: 0, ending: 1 });
        let again = [perhaps[0], perhaps[1], (3, "cyd", NEW)];
        assert_eq!(creator_of(&again), Creator::Of(2));
        let found = [perhaps[0], perhaps[1], (3, "cyd", EITHER)];
        assert_eq!(creator_of(&found), Creator::MayHaveEnded { creation: 0, ending: 1 });
        let mut untimed = moments(&[(1, "ann", NEW), (2, "bob", NEW)]);
        untimed[0].at = None;
        assert_eq!(creator(&untimed), Creator::Unordered(0));
        assert_eq!(creator(&untimed[..1]), Creator::Of(0));
    }

    /// Lives that are known, told in every order and with repetitions: whoever is named as the creator is.
    #[test]
    fn of_generated_lives_no_creator_is_wrong_whatever_the_order() {
        const PEOPLE: [&str; 3] = ["ann", "bob", "cyd"];
        let mut named = [0_u32; 2];
        for seed in 0..20_000_u64 {
            let mut dice = fastrand::Rng::with_seed(seed);
            let idempotent = dice.bool();
            let (mut at, mut bearer, mut seen) = (0, None, Vec::new());
            // Something may be there before the trail begins, and of some calls it has no record.
            let began = dice.i64(0..4);
            let mut told: Vec<(i64, &str, Did)> = Vec::new();
            for _ in 0..dice.usize(1..8) {
                at += dice.i64(0..3);
                let by = PEOPLE[dice.usize(0..3)];
                let did = match (bearer, dice.u8(0..3)) {
                    (Some(_), 0) => {
                        bearer = None;
                        Did::Ended
                    }
                    (Some(_), 1) => Did::MayHaveEnded,
                    (Some(_), _) if idempotent => EITHER,
                    (Some(_), _) => continue,
                    (None, _) => {
                        bearer = Some(by);
                        if idempotent { EITHER } else { NEW }
                    }
                };
                if at >= began {
                    told.push((at, by, did));
                    seen.push(bearer);
                }
            }
            let ids: Vec<String> = (0..told.len()).map(|nth| nth.to_string()).collect();
            let mut all = moments(&told);
            for (moment, id) in all.iter_mut().zip(&ids) {
                moment.id = Some(id);
            }
            let first = creator(&all);
            let name = |nth: usize, all: &[Moment<'_>]| all[nth].by.to_owned();
            if let Creator::Of(nth) = first {
                assert_eq!(bearer, Some(name(nth, &all).as_str()), "seed {seed}: {told:?}");
                named[usize::from(idempotent)] += 1;
            }
            for _ in 0..4 {
                let mut shuffled = all.clone();
                shuffled.extend(dice.choice(&all).copied());
                dice.shuffle(&mut shuffled);
                match (first, creator(&shuffled)) {
                    (Creator::Of(one), Creator::Of(other)) => {
                        assert_eq!(name(one, &all), name(other, &shuffled), "seed {seed}");
                    }
                    (one, other) => assert_eq!(
                        std::mem::discriminant(&one),
                        std::mem::discriminant(&other),
                        "seed {seed}: {told:?}"
                    ),
                }
            }
        }
        assert!(named.iter().all(|count| *count > 1_000), "{named:?}");
    }
}
