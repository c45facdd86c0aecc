//! Verdicts: what all records together say of one ARN, as a line of the plan.

use serde::{Deserialize, Serialize};

use super::claim::Claim;
use super::plan::{Guess, Origin, Planned, State};
use crate::history::endings;
use crate::history::lives::{self, Creator, Did, Moment};
use crate::record::{Arn, timestamp};
use crate::tags::TagMap;

/// A text by which a call of an ending's name may name what it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    pub text: String,
    pub source: String,
    pub account: String,
    pub region: String,
    pub event: Origin,
}

/// A line of the plan as the history alone gives it, and what AWS could add.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// With the tags that it would get, if it turns out to be certain.
    pub planned: Planned,
    /// What the request set on it.
    pub shown: TagMap,
    /// What would make it certain.
    pub open: Open,
    /// The resource for which a service created it, if only that one's owner is its own.
    pub parent: Option<String>,
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

/// What all claims to one ARN and all endings say of it; `None` if no record tells who created it. `did` says what a
/// call of that name did to a resource of that type.
pub fn verdict(claims: &[Claim], endings: &[Ending], did: impl Fn(&str, &str) -> Did) -> Option<Verdict> {
    let first = claims.first()?;
    let arn = Arn::parse(&first.arn)?;
    let ended = endings.iter().filter_map(|ending| {
        let of_service = claims.iter().any(|claim| {
            let is_there = [&claim.region, &claim.called_in].contains(&&ending.region);
            claim.source == ending.source && claim.account == ending.account && is_there
        });
        let names = of_service && endings::names(&ending.text, &arn);
        let did = names.then(|| did(&ending.event.name, &first.resource_type))?;
        // A unique id is never given again: what may have ended only a part of it says nothing.
        (!first.unique || did == Did::Ended).then_some((&ending.event, did))
    });
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
    let (nth, judged) = judged(lives::creator(&moments), &origin)?;
    let claim = claims.get(nth)?;
    let told = lives::in_order(&moments).into_iter().filter(|other| *other != nth);
    // A call that answered for what was there is no part of its story.
    let told = told.filter(|other| moments[*other].did != Did::Created(crate::table::Answered::Old));
    let before = told.map(|other| Origin { file: None, ..origin(other).clone() }).collect();
    Some(lined_up(claim, judged, before))
}

/// What is said of the creation that counts.
struct Judged {
    state: State,
    why: Option<String>,
    open: Open,
}

fn judged<'a>(creator: Creator, origin: &impl Fn(usize) -> &'a Origin) -> Option<(usize, Judged)> {
    let unsure = |why, open| Judged { state: State::Unsure, why: Some(why), open };
    let call = |nth: usize| format!("`{}` {}", origin(nth).name, when(origin(nth)));
    Some(match creator {
        Creator::Of(nth) => (nth, Judged { state: State::Add, why: None, open: Open::Nothing }),
        Creator::MayBeOlder(nth) => {
            let name = &origin(nth).name;
            let why =
                format!("`{name}` also answers for what is there, and no record shows that nothing was");
            (nth, unsure(why, Open::Age))
        }
        Creator::MayHaveEnded { creation, ending } => {
            (creation, unsure(format!("{} names it, and may have ended it", call(ending)), Open::Age))
        }
        Creator::Ended { creation, ending } => {
            let judged = Judged {
                state: State::Gone,
                why: Some(format!("ended by {}", call(ending))),
                open: Open::Existence,
            };
            (creation?, judged)
        }
        Creator::TwoCreators(one, other) => {
            let by = |nth: usize| origin(nth).by.clone().unwrap_or_else(|| "an unknown caller".to_owned());
            let why = format!("two creators in one second: {} and {}", by(one), by(other));
            (one, unsure(why, Open::Settled))
        }
        Creator::Unordered(nth) => {
            let why = "a record of its creation has no readable time, so that the last one is not known";
            (nth, unsure(why.to_owned(), Open::Settled))
        }
        Creator::Nobody => return None,
    })
}

fn lined_up(claim: &Claim, judged: Judged, before: Vec<Origin>) -> Verdict {
    let Judged { state, why, open } = match settled(claim, judged.state) {
        Some((state, why)) => Judged { state, why: Some(why), open: Open::Settled },
        None => judged,
    };
    let owner = claim.owner().filter(|_| state == State::Unsure && claim.parent.is_none());
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
    Verdict { planned, shown: claim.shown.clone(), open, parent: claim.parent.clone() }
}

/// What the settings, or the record itself, say of a creation that counts.
fn settled(claim: &Claim, state: State) -> Option<(State, String)> {
    if state == State::Gone {
        return None;
    }
    if let Some(why) = &claim.left {
        return Some((State::Excluded, why.clone()));
    }
    if let Some(why) = &claim.doubt {
        return Some((State::Unsure, why.clone()));
    }
    if let Some(parent) = &claim.parent {
        let why = format!("a service created it for {parent}, whose owner is not known");
        return Some((State::Unsure, why));
    }
    let has_all = claim.tags.is_empty() && state == State::Add;
    has_all.then(|| (State::Complete, "its request set all".to_owned()))
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
