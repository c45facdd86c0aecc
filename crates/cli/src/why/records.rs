//! CloudTrail's records that created or ended a resource, by the rules of a plan.

use std::collections::HashSet;
use std::io;
use std::path::PathBuf;

use aws_tags::backfill::claim::Claim;
use aws_tags::backfill::ended::Ending;
use aws_tags::backfill::relevance::{Kind, kind_of};
use aws_tags::history::{endings, lives};
use aws_tags::record::Arn;
use aws_tags::table::{self, Answered, existing};
use aws_tags::{Effect, Event};

use crate::input::{Input, Record};

/// A record about a resource.
pub(super) struct Recorded {
    pub(super) file: String,
    pub(super) event: Event,
    pub(super) did: Did,
    /// The record that began the caller's session, where the history was asked for it.
    pub(super) session: Option<Event>,
}

/// What a call did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Did {
    Created,
    /// The call answers for what is there, too.
    CreatedOrFound,
    Deleted,
    /// It ended it, or something of it.
    MayHaveDeleted,
}

impl Did {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::CreatedOrFound => "created-or-found",
            Self::Deleted => "deleted",
            Self::MayHaveDeleted => "may-have-deleted",
        }
    }
}

/// Records about one resource, as they come.
pub(super) struct Found<'a> {
    arn: &'a Arn,
    created: Vec<Recorded>,
    claims: Vec<Claim>,
    /// What names it, and may have ended it.
    named: Vec<(String, Event)>,
}

impl<'a> Found<'a> {
    pub(super) const fn of(arn: &'a Arn) -> Self {
        Self { arn, created: Vec::new(), claims: Vec::new(), named: Vec::new() }
    }

    /// Reads files. What cannot be read is reported, and does not stop the rest.
    pub(super) fn read(&mut self, paths: &[PathBuf]) -> io::Result<()> {
        if paths.is_empty() {
            return Ok(());
        }
        let input = Input { paths: paths.to_vec() };
        input.read(&mut |Record { file, event }| {
            self.take(file, event);
            Ok(())
        })?;
        Ok(())
    }

    pub(super) fn take(&mut self, file: String, event: Event) {
        if let Effect::Created(creation) = Effect::of(&event)
            && let Some(resource) = creation.resources.into_iter().find(|one| one.arn == *self.arn)
        {
            self.claims.push(Claim::of(&event, None, &resource));
            let did = match resource.answered {
                Answered::New => Did::Created,
                Answered::NewOrOld => Did::CreatedOrFound,
                Answered::Old => return,
            };
            self.created.push(Recorded { file, event, did, session: None });
        } else if kind_of(&event) == Some(Kind::Ending)
            && endings::named_by(&event).into_iter().any(|text| endings::names(text, self.arn))
        {
            self.named.push((file, event));
        }
    }

    /// All that created or ended it, each once, the oldest first. Of calls of one name that may have ended it, the last.
    pub(super) fn all(self) -> Vec<Recorded> {
        let (arn, claims) = (self.arn, self.claims);
        let ended = self.named.into_iter().filter_map(|(file, event)| {
            let did = match &claims[..] {
                [] => did(&event, &unseen(arn, &event).into_iter().collect::<Vec<_>>(), arn),
                claims => did(&event, claims, arn),
            };
            Some(Recorded { file, event, did: did?, session: None })
        });
        let mut all: Vec<Recorded> = self.created.into_iter().chain(ended).collect();
        all.sort_by_key(|one| std::cmp::Reverse(one.event.time()));
        let (mut ids, mut names) = (HashSet::new(), HashSet::new());
        all.retain(|one| {
            let is_new = one.event.id().is_none_or(|id| ids.insert(id.into_owned()));
            is_new && (one.did != Did::MayHaveDeleted || names.insert(one.event.name.clone()))
        });
        all.reverse();
        all
    }
}

fn did(event: &Event, claims: &[Claim], arn: &Arn) -> Option<Did> {
    let all: Vec<_> = Ending::all(event).filter_map(|one| one.did(claims, arn, endings::did)).collect();
    let ended = all.contains(&lives::Did::Ended).then_some(Did::Deleted);
    ended.or_else(|| (!all.is_empty()).then_some(Did::MayHaveDeleted))
}

/// What the record of its creation would say, where there is none: as far as the ARN tells.
fn unseen(arn: &Arn, ending: &Event) -> Option<Claim> {
    let resource = existing(arn.clone(), ending.region())?;
    let makes = |row: &table::Row| row.resource_type == resource.resource_type;
    let service = table::all().find(|service| service.rows.iter().any(makes))?;
    let is_there = |part: &str, of: &str| part.is_empty() || part == of;
    let account = ending.account().unwrap_or_default();
    let is_its = is_there(arn.account(), &account) && is_there(arn.region(), ending.region());
    let source = format!("{}.amazonaws.com", service.name);
    is_its.then(|| Claim { source, ..Claim::of(ending, None, &resource) })
}
