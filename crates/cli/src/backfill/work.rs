//! Goes through the resources of each Region, one call after the other, the Regions beside each other.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_tags::Settings;
use aws_tags::backfill::journal::{Act, Entry, Left, LeftBecause};
use aws_tags::backfill::plan::Planned;
use aws_tags::backfill::writing::{Step, asks_for_age, is_made_again, to_put_back, to_remove, to_write};
use aws_tags::ports::{FailureKind, Tagger};
use aws_tags::table::{Resource, Route};
use aws_tags::tags::{Tag, TagMap, TagSource};
use futures_util::future::join_all;
use time::OffsetDateTime;
use tokio::time::Instant;

use super::books::BookError;
use super::call::{Call, Fate, Hand};
use super::rate::Rate;
use super::tally::{End, Tally};

/// What was read longer ago is read again before anything is written.
const FRESH_FOR: Duration = Duration::from_secs(60);
/// How often a call is made that AWS throttles.
const ATTEMPTS: u32 = 8;
/// `TagResources` takes 20 ARNs a call.
/// <https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_TagResources.html>
const ARNS_PER_CALL: usize = 20;
/// A filter of `DescribeTags` takes 200 values.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeTags.html>
const IDS_PER_READ: usize = 200;

/// A signal came: finish the call in hand, then stop.
pub(crate) static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// What is done with each resource.
pub(crate) enum Job<'a> {
    /// It gets what the plan would add and it lacks.
    Apply { settings: &'a Settings, planned_at: OffsetDateTime },
    /// It loses what we wrote and is still ours.
    Undo,
    /// It gets again what undoing took, and it lacks.
    Redo,
}

/// A resource that is to be written to.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) account: String,
    pub(crate) resource: Resource,
    /// What the plan says of it, where it is applied.
    pub(crate) planned: Option<Planned>,
    /// The tags that it loses or gets again, where it is undone or redone.
    pub(crate) tags: TagMap,
    pub(crate) attempts: u32,
}

/// Everything that goes through resources.
pub(crate) struct Work<'a> {
    pub(crate) hand: Hand<'a>,
    pub(crate) job: Job<'a>,
    pub(crate) rate: f64,
    pub(crate) tally: RefCell<Tally>,
}

/// A resource, and the tags that it has.
type Present = (Item, TagMap);
/// The tags of the call that a resource needs, and the keys that it has already.
type Wanted = (Vec<Tag>, Vec<String>);

/// Resources that are read together, and what they have.
struct Reading {
    items: Vec<Present>,
    at: Instant,
}

impl Work<'_> {
    /// Does the job for all, by account and Region. An error means that nothing more may be written.
    pub(crate) async fn go(&self, items: Vec<Item>) -> Result<(), BookError> {
        let mut regions: BTreeMap<(String, String), VecDeque<Item>> = BTreeMap::new();
        for item in items {
            let key = (item.account.clone(), item.resource.region.clone());
            regions.entry(key).or_default().push_back(item);
        }
        let all = join_all(regions.into_values().map(|items| self.region(items))).await;
        all.into_iter().collect()
    }

    async fn region(&self, mut items: VecDeque<Item>) -> Result<(), BookError> {
        let mut rate = Rate::new(self.rate);
        while !items.is_empty() && !INTERRUPTED.load(Ordering::Relaxed) {
            let chunk = next_chunk(&mut items);
            let again = self.chunk(chunk, &mut rate).await;
            if again.is_err() {
                // Other Regions finish the call in hand.
                INTERRUPTED.store(true, Ordering::Relaxed);
            }
            items.extend(again?);
        }
        Ok(())
    }

    /// Gives those that are to come again.
    async fn chunk(&self, chunk: Vec<Item>, rate: &mut Rate) -> Result<Vec<Item>, BookError> {
        let mut again = Vec::new();
        let reading = self.read(chunk, &mut again, rate).await?;
        let mut calls: Vec<(Vec<Tag>, Vec<Present>)> = Vec::new();
        let mut left = BTreeMap::new();
        for (item, present) in reading.items {
            let (because, step) = self.decide(&item, &present);
            left.extend(because.map(|because| (item.resource.arn.to_string(), because)));
            if let Some((tags, kept)) = step {
                self.tally.borrow_mut().kept(&item, &kept);
                match calls.iter_mut().find(|(of, _)| *of == tags) {
                    Some((_, items)) => items.push((item, present)),
                    None => calls.push((tags, vec![(item, present)])),
                }
            }
        }
        self.leave(left)?;
        for (tags, items) in calls {
            for some in items.chunks(per_call(items.first().map(|(item, _)| item.resource.route))) {
                if INTERRUPTED.load(Ordering::Relaxed) {
                    return Ok(again);
                }
                rate.turn().await;
                if reading.at.elapsed() > FRESH_FOR {
                    again.extend(some.iter().map(|(item, _)| item.clone()));
                    continue;
                }
                again.extend(self.call(&tags, some, rate).await?);
            }
        }
        Ok(again)
    }

    /// Reads the tags of a chunk, and says what cannot be read.
    async fn read(
        &self,
        chunk: Vec<Item>,
        again: &mut Vec<Item>,
        rate: &mut Rate,
    ) -> Result<Reading, BookError> {
        let at = Instant::now();
        let resources: Vec<Resource> = chunk.iter().map(|item| item.resource.clone()).collect();
        let results = self.hand.read(&resources).await;
        let (mut items, mut gone) = (Vec::new(), BTreeMap::new());
        for (item, result) in chunk.into_iter().zip(results) {
            match result {
                Ok(_) if self.is_made_again(&item).await? => {}
                Ok(present) => items.push((item, present)),
                Err(failure) if failure.kind == FailureKind::NotFound => {
                    gone.insert(item.resource.arn.to_string(), LeftBecause::Gone(failure.message));
                }
                Err(failure) if failure.kind == FailureKind::Throttled && item.attempts < ATTEMPTS => {
                    rate.adapt(true);
                    again.push(Item { attempts: item.attempts.saturating_add(1), ..item });
                }
                Err(failure) => self.tally.borrow_mut().end(&item, End::Failed(failure.message)),
            }
        }
        self.leave(gone)?;
        Ok(Reading { items, at })
    }

    /// Whether a name was given again since the plan: then it is left, and so it is said.
    async fn is_made_again(&self, item: &Item) -> Result<bool, BookError> {
        let (Job::Apply { planned_at, .. }, Some(planned)) = (&self.job, &item.planned) else {
            return Ok(false);
        };
        if !asks_for_age(&item.resource, *planned_at, OffsetDateTime::now_utc()) {
            return Ok(false);
        }
        match self.hand.tagger.creation_time(&item.resource).await {
            Ok(Some(created)) if is_made_again(planned, created) => {
                let because = LeftBecause::MadeAgain(created.to_string());
                self.leave(BTreeMap::from([(item.resource.arn.to_string(), because)]))?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Why a resource is left, wholly or for some keys; and the tags of the call that it needs, with the keys that it
    /// has already.
    fn decide(&self, item: &Item, present: &TagMap) -> (Option<LeftBecause>, Option<Wanted>) {
        let step = match (&self.job, &item.planned) {
            (Job::Apply { settings, .. }, Some(planned)) => {
                to_write(settings, &item.resource, planned, present)
            }
            (Job::Undo, _) | (Job::Apply { .. }, None) => {
                let (remove, others) = to_remove(&item.tags, present);
                let source = TagSource::Extra;
                let tags: Vec<Tag> =
                    remove.into_iter().map(|(key, value)| Tag { key, value, source }).collect();
                let others = (!others.is_empty()).then_some(LeftBecause::NotOurs(others));
                return (others, (!tags.is_empty()).then_some((tags, Vec::new())));
            }
            (Job::Redo, _) => to_put_back(&item.resource, &item.tags, present),
        };
        match step {
            Step::Leave(because) => (Some(because), None),
            Step::Write { tags, kept } if matches!(self.job, Job::Redo) && !kept.is_empty() => {
                (Some(LeftBecause::Complete(kept.clone())), Some((tags, kept)))
            }
            Step::Write { tags, kept } => (None, Some((tags, kept))),
        }
    }

    /// Says in the journal what is left, and why.
    fn leave(&self, left: BTreeMap<String, LeftBecause>) -> Result<(), BookError> {
        if left.is_empty() {
            return Ok(());
        }
        for (arn, because) in &left {
            self.tally.borrow_mut().left(arn, because);
        }
        let n = self.hand.books.next();
        self.hand.books.write(self.hand.book, Entry::Left(Left { n, at: OffsetDateTime::now_utc(), left }))
    }

    /// Makes one call, and gives those that were throttled.
    async fn call(&self, tags: &[Tag], items: &[Present], rate: &mut Rate) -> Result<Vec<Item>, BookError> {
        let Some((first, _)) = items.first() else { return Ok(Vec::new()) };
        let call = Call {
            act: if matches!(self.job, Job::Undo) { Act::Untag } else { Act::Tag },
            account: first.account.clone(),
            region: first.resource.region.clone(),
            tags: tags.to_vec(),
            resources: items.iter().map(|(item, _)| item.resource.clone()).collect(),
            before: items.iter().map(|(_, present)| present.clone()).collect(),
        };
        let (fates, calls) = self.hand.make(&call).await?;
        rate.charge(calls.saturating_sub(1));
        rate.adapt(fates.iter().any(|fate| matches!(fate, Fate::Throttled { .. })));
        let mut again = Vec::new();
        for ((item, _), fate) in items.iter().zip(fates) {
            let mut tally = self.tally.borrow_mut();
            match fate {
                Fate::Done { lacking } => tally.end(item, End::Done { tags, lacking }),
                Fate::Gone(why) => tally.left(item.resource.arn.as_str(), &LeftBecause::Gone(why)),
                Fate::Throttled { .. } if item.attempts < ATTEMPTS => {
                    again.push(Item { attempts: item.attempts.saturating_add(1), ..item.clone() });
                }
                Fate::Throttled { failure, .. } | Fate::Failed { failure, .. } | Fate::Unknown(failure) => {
                    tally.end(item, End::Failed(failure));
                }
            }
        }
        Ok(again)
    }
}

/// The next resources that are read together: neighbours of one route.
fn next_chunk(items: &mut VecDeque<Item>) -> Vec<Item> {
    let Some(first) = items.pop_front() else { return Vec::new() };
    let route = first.resource.route;
    let mut chunk = vec![first];
    while chunk.len() < per_call(Some(route))
        && let Some(next) = items.pop_front_if(|next| are_alike(next.resource.route, route))
    {
        chunk.push(next);
    }
    chunk
}

/// Whether resources of two routes fit into one call.
fn are_alike(one: Route, other: Route) -> bool {
    matches!((one, other), (Route::TaggingApi(_), Route::TaggingApi(_))) || one == other
}

const fn per_call(route: Option<Route>) -> usize {
    match route {
        Some(Route::Ec2CreateTags) => IDS_PER_READ,
        Some(Route::TaggingApi(_)) => ARNS_PER_CALL,
        Some(Route::S3Object | Route::TagOperation(_)) | None => 1,
    }
}
