//! CloudTrail's records that created or deleted a resource.

use std::io;
use std::path::PathBuf;

use aws_tags::history::{ends, may_end};
use aws_tags::record::Arn;
use aws_tags::table::{Answered, Resource};
use aws_tags::{Effect, Event};

use crate::input::{Input, Record};

/// A record about a resource.
pub(super) struct Recorded {
    pub(super) file: String,
    pub(super) event: Event,
    pub(super) did: Did,
}

/// What a call did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Did {
    Created,
    /// The call answers for what is there, too.
    CreatedOrFound,
    Deleted,
}

impl Did {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::CreatedOrFound => "created-or-found",
            Self::Deleted => "deleted",
        }
    }
}

/// Those that created or deleted it, the oldest first.
pub(super) fn about(paths: &[PathBuf], arn: &Arn) -> io::Result<Vec<Recorded>> {
    let mut found: Vec<Recorded> = Vec::new();
    let mut example: Option<(Event, Resource)> = None;
    if paths.is_empty() {
        return Ok(found);
    }
    // What cannot be read is reported, and does not stop the rest.
    Input { paths: paths.to_vec() }.read(&mut |Record { file, event }| {
        if let Effect::Created(creation) = Effect::of(&event)
            && let Some(resource) = creation.resources.into_iter().find(|one| one.arn == *arn)
        {
            let did = match resource.answered {
                Answered::New => Did::Created,
                Answered::NewOrOld => Did::CreatedOrFound,
                Answered::Old => return Ok(()),
            };
            example.get_or_insert_with(|| (event.clone(), resource));
            found.push(Recorded { file, event, did });
        } else if may_end(&event, arn) {
            found.push(Recorded { file, event, did: Did::Deleted });
        }
        Ok(())
    })?;
    found.retain(|one| {
        one.did != Did::Deleted
            || example.as_ref().is_some_and(|(creation, resource)| ends(&one.event, creation, resource))
    });
    found.sort_by_key(|one| one.event.time());
    // The same record comes in several files.
    found.dedup_by(|one, other| one.event.id().is_some() && one.event.id() == other.event.id());
    Ok(found)
}
