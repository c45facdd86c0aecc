//! The sessions that what was created leads to, and those that started them.
//!
//! Each takes one call, if its Region is guessed well: where others of its role began, else where it was used. Where
//! many are wanted and most sessions of a Region are, pages of all of them take fewer.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_tags::Event;
use aws_tags::backfill::deploys::Deployers;
use aws_tags::backfill::relevance::{Kind, kind_of};
use aws_tags::backfill::sessions::{Wanted, wanted};
use aws_tags::identity::Session;
use aws_tags_aws::Asked;
use futures_util::future::join_all;

use super::{Run, Stopped};
use crate::backfill::line;

/// The part of the store for them.
const PART: &str = "sessions";
/// The reading calls that start sessions which carry tags, and from how many wanted sessions of a Region on a page of
/// all of them is tried. All tries in vain are a twelfth of the look-ups at most.
const STARTS: &[(&str, usize)] =
    &[("AssumeRole", 12), ("AssumeRoleWithSAML", 24), ("AssumeRoleWithWebIdentity", 36)];
/// A page with fewer of them is worth no other.
const WORTH_ANOTHER: usize = 2;

/// Sessions that are wanted, and what is known of where they begin.
struct Search<'a> {
    run: &'a Run<'a>,
    regions: Vec<String>,
    /// How many were found in each Region.
    found: RefCell<HashMap<String, usize>>,
    /// What the sessions that were found lead to.
    further: RefCell<Vec<Wanted>>,
}

type Identity = (String, Option<time::OffsetDateTime>);

/// Finds all that are wanted. Gives why it is not all, if it is not.
pub(super) async fn find(run: &Run<'_>) -> Vec<Stopped> {
    let (found, further) = (RefCell::default(), RefCell::default());
    let search = Search { run, regions: run.regions_of_sessions(), found, further };
    let mut left = match search.wanted_by_what_is_kept() {
        Ok(left) => left,
        Err(error) => return vec![Stopped::Files(error)],
    };
    while !left.is_empty() {
        let mut stops = search.by_pages(&mut left).await;
        let mut roles: BTreeMap<String, Vec<Wanted>> = BTreeMap::new();
        for one in left.into_values() {
            let role = one.key.id.split(':').next().unwrap_or_default().to_owned();
            roles.entry(role).or_default().push(one);
        }
        if stops.is_empty() {
            let asked = join_all(roles.into_values().map(|role| search.one_by_one(role))).await;
            stops.extend(asked.into_iter().filter_map(Result::err));
        }
        if !stops.is_empty() {
            return stops;
        }
        left = search.not_asked(search.further.take());
    }
    Vec::new()
}

fn unit_of(wanted: &Wanted) -> String {
    let (name, created) = wanted.identity();
    format!("{name} {}", created.map_or(0, time::OffsetDateTime::unix_timestamp))
}

impl Search<'_> {
    /// What the records lead to that are kept, without what they have already.
    fn wanted_by_what_is_kept(&self) -> std::io::Result<BTreeMap<Identity, Wanted>> {
        let (mut all, mut known) = (Vec::new(), HashMap::<String, Vec<Session>>::new());
        let mut deployers = Deployers::default();
        self.run.store.borrow().records(|record| {
            let Ok(event) = Event::from_text(record) else { return Ok(()) };
            let kind = kind_of(&event);
            if kind.is_some_and(|kind| kind != Kind::Session) {
                deployers.take(&event);
            }
            match kind {
                Some(Kind::Creation) => all.extend(wanted(&event)),
                Some(Kind::Session) => {
                    all.extend(wanted(&event));
                    let session = Session::of(&event).ok();
                    if let Some((id, session)) =
                        session.and_then(|session| Some((session.id.clone()?, session)))
                    {
                        known.entry(id).or_default().push(session);
                    }
                }
                Some(Kind::Ending | Kind::Deploy) | None => {}
            }
            Ok(())
        })?;
        all.extend(deployers.wanted());
        let is_known = |one: &Wanted| {
            let sessions = known.get(&one.key.id).map(Vec::as_slice).unwrap_or_default();
            sessions.iter().any(|session| one.may_be(session) && one.is_settled_by(session))
        };
        all.retain(|one| !is_known(one));
        Ok(self.not_asked(all))
    }

    /// Each once, without those that were asked for.
    fn not_asked(&self, all: Vec<Wanted>) -> BTreeMap<Identity, Wanted> {
        let asked = self.run.store.borrow().units(PART);
        let left = all.into_iter().filter(|one| !asked.contains(&unit_of(one)));
        left.map(|one| (one.identity(), one)).collect()
    }

    /// The Regions to ask, the likeliest first.
    fn order(&self, one: &Wanted, last: Option<&str>) -> Vec<String> {
        let found = self.found.borrow();
        let mut regions = self.regions.clone();
        regions.sort_by_key(|region| {
            let count = found.get(region).copied().unwrap_or_default();
            let is_last = Some(region.as_str()) == last;
            (!is_last, std::cmp::Reverse(count), *region != one.region, region != super::GLOBAL_REGION)
        });
        regions
    }

    /// Asks for the sessions of a role: they begin where others of it did.
    async fn one_by_one(&self, role: Vec<Wanted>) -> Result<(), Stopped> {
        let mut last: Option<String> = None;
        for one in role {
            let mut lines = Vec::new();
            for region in self.order(&one, last.as_deref()) {
                if self.look_up(&one, &region, &mut lines).await? {
                    last = Some(region);
                    break;
                }
            }
            self.keep(&unit_of(&one), &lines)?;
        }
        Ok(())
    }

    /// Whether a Region has the session for certain. All that may be it are added.
    async fn look_up(&self, one: &Wanted, region: &str, lines: &mut Vec<String>) -> Result<bool, Stopped> {
        let (from, to) = one.window();
        let asked = Asked { attribute: "ResourceName", value: one.resource_name().to_owned(), from, to };
        let (mut next, mut is_settled, mut any) = (None::<String>, false, false);
        loop {
            let page = self.run.page(region, &asked, next.as_deref()).await?;
            for record in &page.records {
                let Some(session) = self.session(record).filter(|session| one.may_be(session)) else {
                    continue;
                };
                lines.push(line::of(record));
                is_settled |= one.is_settled_by(&session);
                any = true;
            }
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        self.begins_in(region, any.into());
        Ok(is_settled)
    }

    /// So many more sessions began in a Region.
    fn begins_in(&self, region: &str, count: usize) {
        let mut found = self.found.borrow_mut();
        let all = found.entry(region.to_owned()).or_default();
        *all = all.saturating_add(count);
    }

    /// The session of a record. It leads on to the one that started it.
    fn session(&self, record: &str) -> Option<Session> {
        let event = Event::from_text(record).ok()?;
        let session = Session::of(&event).ok().filter(|_| kind_of(&event) == Some(Kind::Session))?;
        self.further.borrow_mut().extend(wanted(&event));
        Some(session)
    }

    fn keep(&self, unit: &str, lines: &[String]) -> Result<(), Stopped> {
        self.run.store.borrow_mut().keep(PART, unit, lines).map_err(Stopped::Files)
    }

    /// Reads pages of all sessions, in Regions where many are wanted, as long as they have some. What they settle is
    /// taken out.
    async fn by_pages(&self, left: &mut BTreeMap<Identity, Wanted>) -> Vec<Stopped> {
        let mut regions: BTreeMap<String, Vec<Wanted>> = BTreeMap::new();
        for one in left.values() {
            let first = self.order(one, None).into_iter().next().unwrap_or_default();
            regions.entry(first).or_default().push(one.clone());
        }
        let pages = async |(region, wanted): (String, Vec<Wanted>)| self.pages(&region, wanted).await;
        let read = join_all(regions.into_iter().map(pages)).await;
        let mut stops = Vec::new();
        for settled in read {
            match settled {
                Ok(settled) => left.retain(|identity, _| !settled.contains(identity)),
                Err(stopped) => stops.push(stopped),
            }
        }
        stops
    }

    /// The wanted sessions that pages of a Region settle.
    async fn pages(&self, region: &str, mut wanted: Vec<Wanted>) -> Result<BTreeSet<Identity>, Stopped> {
        let mut settled = BTreeSet::new();
        for (start, worth_a_try) in STARTS {
            if wanted.len() < *worth_a_try {
                break;
            }
            let by_id = wanted.iter().fold(HashMap::<&str, Vec<&Wanted>>::new(), |mut by_id, one| {
                by_id.entry(&one.key.id).or_default().push(one);
                by_id
            });
            let from = wanted.iter().map(|one| one.window().0).min().unwrap_or(self.run.since);
            let to = wanted.iter().map(|one| one.window().1).max().unwrap_or(self.run.until);
            let asked = Asked { attribute: "EventName", value: (*start).to_owned(), from, to };
            let (mut next, mut found) = (None::<String>, Vec::<&Wanted>::new());
            let mut oldest = to;
            for nth in 1.. {
                let page = match self.run.page(region, &asked, next.as_deref()).await {
                    Ok(page) => page,
                    Err(Stopped::Aws(_, error)) if error.is_old_token() => break,
                    Err(stopped) => return Err(stopped),
                };
                let (before, mut lines) = (found.len(), Vec::new());
                for record in &page.records {
                    let Some(session) = self.session_of(record) else { continue };
                    oldest = oldest.min(session.issued_at);
                    let candidates = session.id.as_deref().and_then(|id| by_id.get(id));
                    let meant = candidates.into_iter().flatten().filter(|one| one.may_be(&session));
                    let meant: Vec<&Wanted> = meant.copied().collect();
                    if !meant.is_empty() {
                        self.session(record);
                        lines.push(line::of(record));
                    }
                    found.extend(meant.into_iter().filter(|one| one.is_settled_by(&session)));
                }
                self.keep(&format!("{start} of {region}, page {nth}"), &lines)?;
                next = page.next;
                let gained = found.len().saturating_sub(before);
                if next.is_none() || gained < WORTH_ANOTHER {
                    break;
                }
            }
            // Another of the same second may be on the page that was not read.
            found.retain(|one| next.is_none() || oldest < one.window().0);
            let identities: BTreeSet<Identity> = found.iter().map(|one| one.identity()).collect();
            let units: Vec<String> = found.iter().map(|one| unit_of(one)).collect();
            units.iter().try_for_each(|unit| self.keep(unit, &[]))?;
            wanted.retain(|one| !identities.contains(&one.identity()));
            self.begins_in(region, identities.len());
            settled.extend(identities);
        }
        Ok(settled)
    }

    fn session_of(&self, record: &str) -> Option<Session> {
        let event = Event::from_text(record).ok()?;
        Session::of(&event).ok().filter(|_| kind_of(&event) == Some(Kind::Session))
    }
}
