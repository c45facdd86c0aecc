//! Verdicts: what all records together say of one ARN, as a line of the plan.

use serde::{Deserialize, Serialize};

use super::claim::Claim;
use super::ended::Ending;
use super::plan::{Guess, Origin, Planned, State};
use crate::history::lives::{self, Creator, Did, Moment};
use crate::record::{Arn, timestamp};
use crate::tags::TagMap;

/// A line of the plan as the history alone gives it, and what AWS could add.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// With the tags that it would get, if it turns out to be certain.
    pub planned: Planned,
    /// What the request set on it.
    pub shown: TagMap,
    /// Why it is unsure, if it is.
    pub doubt: Option<Doubt>,
    /// What would make it certain.
    pub open: Open,
    /// The resource for which a service created it, if only that one's owner is its own.
    pub parent: Option<String>,
}

/// Why it cannot be said for certain whose a resource is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Doubt {
    MadeAgain,
    Unseen,
    MayBeOlder,
    MayHaveEnded,
    TwoCreators,
    TwoSessions,
    NoTime,
    Parent,
    Age,
    Mark,
    NoAnswer,
}

impl Doubt {
    /// For counts of such resources.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MadeAgain => "made again unseen",
            Self::Unseen => "older than the call that names it",
            Self::MayBeOlder => "may be older than the call",
            Self::MayHaveEnded => "may have ended since",
            Self::TwoCreators => "two creators in a second",
            Self::TwoSessions => "two sessions in a second",
            Self::NoTime => "no readable time",
            Self::Parent => "by a service, for what has no owner yet",
            Self::Age => "another creation time",
            Self::Mark => "the mark of another creator",
            Self::NoAnswer => "no answer of AWS",
        }
    }
}

/// What the history leaves open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Open {
    /// Nothing.
    Nothing,
    /// A creation time that fits the event would prove it.
    Age,
    /// It should not be there any more. If it is, it was made again unseen.
    Existence,
    /// Nothing that AWS could tell would help.
    Settled,
}

/// What all claims to one ARN and all endings say of it; `None` if nobody claims it. `did` says what a call of that name
/// did to a resource of that type.
pub fn verdict(claims: &[Claim], endings: &[Ending], did: impl Fn(&str, &str) -> Did) -> Option<Verdict> {
    let first = claims.first()?;
    let arn = Arn::parse(&first.arn)?;
    let ended = endings.iter().filter_map(|ending| Some((&ending.event, ending.did(claims, &arn, &did)?)));
    let ended: Vec<(&Origin, Did)> = ended.collect();
    let by: Vec<String> = claims.iter().map(Claim::by).collect();
    let of_claims = claims.iter().zip(&by).map(|(claim, by)| Moment {
        at: claim.event.time,
        id: claim.event.id.as_deref(),
        by,
        did: Did::Created(claim.answered.into()),
    });
    let of_endings = ended.iter().map(|(event, did)| Moment {
        at: event.time,
        id: event.id.as_deref(),
        by: event.by.as_deref().unwrap_or_default(),
        did: *did,
    });
    let moments: Vec<Moment<'_>> = of_claims.chain(of_endings).collect();
    let origin = |nth: usize| match nth.checked_sub(claims.len()) {
        None => &claims[nth].event,
        Some(ending) => ended[ending].0,
    };
    let order = lives::in_order(&moments);
    let last = order.iter().rev().copied().find(|nth| *nth < claims.len())?;
    let (nth, judged) = judged(lives::creator(&moments), last, &origin);
    let claim = claims.get(nth)?;
    let told = order.into_iter().filter(|other| *other != nth);
    // A call that answered for what was there is no part of its story.
    let told = told.filter(|other| moments[*other].did != Did::Created(crate::table::Answered::Old));
    let before = told.map(|other| origin(other).clone()).collect();
    Some(lined_up(claim, judged, before))
}

/// What is said of the creation that counts.
struct Judged {
    state: State,
    doubt: Option<Doubt>,
    why: Option<String>,
    open: Open,
}

/// `last` is the last call that answered for it, whether or not it created it.
fn judged<'a>(creator: Creator, last: usize, origin: &impl Fn(usize) -> &'a Origin) -> (usize, Judged) {
    let unsure = |doubt, why, open| Judged { state: State::Unsure, doubt: Some(doubt), why: Some(why), open };
    let call = |nth: usize| format!("`{}` {}", origin(nth).name, when(origin(nth)));
    match creator {
        Creator::Of(nth) => (nth, Judged { state: State::Add, doubt: None, why: None, open: Open::Nothing }),
        Creator::MayBeOlder(nth) => {
            let name = &origin(nth).name;
            let why =
                format!("`{name}` also answers for what is there, and no record shows that nothing was");
            (nth, unsure(Doubt::MayBeOlder, why, Open::Age))
        }
        Creator::MayHaveEnded { creation, ending } => {
            let why = format!("{} names it, and may have ended it", call(ending));
            (creation, unsure(Doubt::MayHaveEnded, why, Open::Age))
        }
        Creator::Ended { creation, ending } => {
            let why = Some(format!("ended by {}", call(ending)));
            let judged = Judged { state: State::Gone, doubt: None, why, open: Open::Existence };
            (creation.unwrap_or(last), judged)
        }
        Creator::TwoCreators(one, other) => {
            let by = |nth: usize| origin(nth).by.clone().unwrap_or_else(|| "an unknown caller".to_owned());
            let why = format!("two creators in one second: {} and {}", by(one), by(other));
            (one, unsure(Doubt::TwoCreators, why, Open::Settled))
        }
        Creator::Unordered(nth) => {
            let why = "a record of its creation has no readable time, so that the last one is not known";
            (nth, unsure(Doubt::NoTime, why.to_owned(), Open::Settled))
        }
        Creator::Nobody => {
            let name = &origin(last).name;
            let why = format!("`{name}` answered for what was there already: no record tells who created it");
            (last, unsure(Doubt::Unseen, why, Open::Settled))
        }
    }
}

fn lined_up(claim: &Claim, judged: Judged, before: Vec<Origin>) -> Verdict {
    let Judged { state, doubt, why, open } = settled(claim, judged.state).unwrap_or(judged);
    // Whoever found what was there is no guess at who created it.
    let is_guess = state == State::Unsure && claim.parent.is_none() && doubt != Some(Doubt::Unseen);
    let owner = claim.owner().filter(|_| is_guess);
    let guess =
        owner.map(|owner| Guess { owner: owner.to_owned(), why: format!("by `{}`", claim.event.name) });
    let planned = Planned {
        arn: claim.arn.clone(),
        resource_type: claim.resource_type.clone(),
        account: claim.account.clone(),
        region: claim.region.clone(),
        state,
        why: why.or_else(|| claim.note.clone()),
        event: Origin { by: None, ..claim.event.clone() },
        by: claim.event.by.clone(),
        session: claim.session.clone(),
        add: claim.tags.clone(),
        keep: TagMap::new(),
        guess,
        before,
    };
    Verdict { planned, shown: claim.shown.clone(), doubt, open, parent: claim.parent.clone() }
}

/// What the settings, or the record itself, say of a creation that counts.
fn settled(claim: &Claim, state: State) -> Option<Judged> {
    let judged =
        |state, doubt, why: String| Some(Judged { state, doubt, why: Some(why), open: Open::Settled });
    if state == State::Gone {
        return None;
    }
    if let Some(why) = &claim.left {
        return judged(State::Excluded, None, why.clone());
    }
    if let Some((doubt, why)) = &claim.doubt {
        return judged(State::Unsure, Some(*doubt), why.clone());
    }
    if let Some(parent) = &claim.parent {
        let why = format!("a service created it for {parent}, whose owner is not known");
        return judged(State::Unsure, Some(Doubt::Parent), why);
    }
    let has_all = claim.tags.is_empty() && state == State::Add;
    has_all.then(|| judged(State::Complete, None, "its request set all".to_owned()))?
}

fn when(origin: &Origin) -> String {
    origin.time.map_or_else(|| "at an unknown time".to_owned(), |at| format!("at {}", timestamp::format(at)))
}

impl Verdict {
    /// The line of the plan. Only what will be written stands in it as such.
    pub fn line(self) -> Planned {
        match self.planned.state {
            State::Add => self.planned,
            _ => Planned { add: Vec::new(), ..self.planned },
        }
    }
}
