//! The sweep: once a day the tag-handler looks up in CloudTrail's history what was created, and takes what no event
//! brought, as EventBridge delivers CloudTrail's records only at best effort.
//!
//! What arrived is known: the handler notes the id of every creation event that reaches it. So what was handled is not
//! handled again, whatever somebody has changed or removed since, and the number of those that were missed is exact.
//!
//! A schedule's message is divided into a part for each Region. A part is a span of time of one Region's history, from
//! its end back: an invocation looks up what it has time for, and sends the rest to its own queue as another part.
//! Whatever was missed goes there too, and is handled, tried again and given up like every event.

mod arrivals;
mod part;
mod ports;
mod sift;
mod span;

use std::collections::BTreeMap;
use std::fmt;

use time::{Duration, OffsetDateTime};

use crate::ports::Failure;
use crate::record::{Event, timestamp};
use crate::settings::Settings;

pub use arrivals::{Hour, Ids};
pub use part::Part;
pub use ports::{Answer, Sweep, SweepPorts};
pub use sift::Tally;
pub use span::Mark;
use span::Plan;

/// How long arrivals are known: longer than SQS keeps a message, so that a part that waited is still compared with them.
pub const KNOWN_FOR: Duration = Duration::days(16);
/// Pages that one invocation looks up at most: time usually ends it before.
const MOST_PAGES: usize = 20;

/// What became of a sweep's message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Swept {
    /// The settings name no Region.
    Off,
    /// It is not what a schedule or the handler sends; why.
    Refused(Refusal),
    /// Arrivals are noted from now on: what was before, nobody can tell.
    Begun(OffsetDateTime),
    /// A part for each Region was sent.
    Divided { from: OffsetDateTime, to: OffsetDateTime, regions: usize },
    /// A part was looked up, as far as there was time; and the rest, which was sent on.
    LookedUp { part: Part, tally: Tally, rest: Option<Part> },
    /// AWS did not answer, and the message comes again.
    Failed(Failure),
}

/// Why a message is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("it is no message of a sweep")]
    NotOne,
    #[error("{0} is not among the Regions that are swept")]
    Region(String),
    #[error("it begins at {}, and arrivals are known for {} days only", timestamp::format(*.0), KNOWN_FOR.whole_days())]
    TooOld(OffsetDateTime),
}

/// Notes that these events have arrived.
pub async fn note<P: SweepPorts>(ports: &P, events: &[&Event]) -> Result<(), Failure> {
    let mut hours: BTreeMap<Hour, Ids> = BTreeMap::new();
    for (hour, id) in events.iter().filter_map(|event| arrivals::of_interest(event)) {
        hours.entry(hour).or_default().insert(id);
    }
    for (hour, ids) in hours {
        ports.note(hour, &ids).await?;
    }
    Ok(())
}

/// Does what a message asks for.
pub async fn sweep<P: SweepPorts>(
    ports: &P,
    sweep: &Sweep,
    settings: &Settings,
    now: OffsetDateTime,
    event: &Event,
) -> Swept {
    if event.source_other_than_aws().is_some() {
        return Swept::Refused(Refusal::NotOne);
    }
    let swept = match event.name.as_str() {
        part::SCHEDULED => divide(ports, sweep, now).await,
        part::PART => match asked(sweep, now, event) {
            Ok(part) => look_up(ports, sweep, settings, now, part).await,
            Err(refusal) => return Swept::Refused(refusal),
        },
        _ => return Swept::Refused(Refusal::NotOne),
    };
    swept.unwrap_or_else(Swept::Failed)
}

/// Sends a part for each Region, and then says so: what ends in between is only sent twice.
async fn divide<P: SweepPorts>(ports: &P, sweep: &Sweep, now: OffsetDateTime) -> Result<Swept, Failure> {
    let (mark, swept) = match Plan::of(ports.mark().await?, now) {
        Plan::Begin(mark) => (mark, Swept::Begun(mark.since)),
        Plan::LookUp { from, to, mark } => {
            for region in &sweep.regions {
                ports.send(&Part::of(region, from, to).message(now), false).await?;
            }
            (mark, Swept::Divided { from, to, regions: sweep.regions.len() })
        }
    };
    ports.set_mark(mark).await?;
    Ok(swept)
}

/// The part that a message asks for.
fn asked(sweep: &Sweep, now: OffsetDateTime, event: &Event) -> Result<Part, Refusal> {
    let part = Part::read(event).ok_or(Refusal::NotOne)?;
    if !sweep.regions.contains(&part.region) {
        return Err(Refusal::Region(part.region));
    }
    if part.from < now.saturating_sub(KNOWN_FOR) {
        return Err(Refusal::TooOld(part.from));
    }
    Ok(part)
}

/// Looks a part up, page by page. What was done is kept where AWS fails after it: the rest is sent on.
async fn look_up<P: SweepPorts>(
    ports: &P,
    sweep: &Sweep,
    settings: &Settings,
    now: OffsetDateTime,
    part: Part,
) -> Result<Swept, Failure> {
    let mut sieve = sift::Sieve::new(ports, sweep, settings, now, part.from);
    let mut rest = Some(part.clone());
    let mut pages: usize = 0;
    while let Some(left) = rest.take() {
        if pages > 0 && (pages >= MOST_PAGES || !ports.has_time()) {
            rest = Some(left);
            break;
        }
        let page = match ports.page(&left).await {
            Ok(Answer::OldToken) => {
                rest = Some(left.without_token());
                continue;
            }
            Ok(Answer::Page { records, next }) => {
                sieve.may_come_again = pages > 0;
                sieve.sift(&records).await.map(|earliest| left.after(earliest, next))
            }
            Err(failure) => Err(failure),
        };
        match page {
            Ok(after) => rest = after,
            Err(failure) if pages == 0 => return Err(failure),
            Err(_) => {
                rest = Some(left);
                break;
            }
        }
        pages = pages.saturating_add(1);
    }
    if let Some(rest) = &rest {
        ports.send(&rest.message(now), false).await?;
    }
    Ok(Swept::LookedUp { part, tally: sieve.tally, rest })
}

impl Swept {
    /// What was found.
    pub fn tally(&self) -> Tally {
        match self {
            Self::LookedUp { tally, .. } => *tally,
            _ => Tally::default(),
        }
    }

    /// In a word, for the log.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Off | Self::Refused(_) => "skipped",
            Self::Begun(_) => "sweep-begun",
            Self::Divided { .. } => "sweep-divided",
            Self::LookedUp { .. } => "swept",
            Self::Failed(_) => "sweep-failed",
        }
    }
}

impl fmt::Display for Swept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |at: &OffsetDateTime| timestamp::format(*at);
        match self {
            Self::Off => write!(f, "no Region is swept"),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Begun(since) => {
                write!(f, "arrivals are noted since {}, and what is created later is swept", at(since))
            }
            Self::Divided { from, to, regions } => {
                write!(f, "from {} to {} in {regions} Regions", at(from), at(to))
            }
            Self::LookedUp { part, tally, rest } => {
                write!(f, "{part}: {tally}")?;
                rest.as_ref().map_or(Ok(()), |rest| write!(f, "; left to look up: {rest}"))
            }
            Self::Failed(failure) => failure.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests;
