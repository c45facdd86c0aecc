//! Stand-ins for AWS in memory, for `aws-tags replay` and for tests.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use time::OffsetDateTime;

use super::{Batch, Failure, FailureKind, IamEntity, Lookups, PrincipalTags, SessionStore, Tagger};
use crate::identity::{IamIdentity, IamKind, Session, SessionKey};
use crate::stacks::{Deploy, Shelf};
use crate::table::operation::Found;
use crate::table::{Lookup, Read, Resource, Route};
use crate::tags::TagMap;

type ByTime = BTreeMap<OffsetDateTime, Vec<Session>>;
/// By time and event.
type Deploys = BTreeMap<(OffsetDateTime, String), Deploy>;

/// Sessions in memory, of one recorder, and deploys.
#[derive(Debug, Default)]
pub struct MemorySessions {
    /// By account and id, and by when they began: a pipeline may start thousands under one name.
    sessions: RefCell<BTreeMap<(String, String), ByTime>>,
    deploys: RefCell<BTreeMap<Shelf, Deploys>>,
    /// Its last heartbeat; without, it is not watched.
    pub recorded_until: Cell<Option<OffsetDateTime>>,
    /// Whether others may have begun that are not here.
    pub is_part: Cell<bool>,
}

impl MemorySessions {
    pub fn len(&self) -> usize {
        self.sessions.borrow().values().flat_map(BTreeMap::values).map(Vec::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.sessions.borrow().is_empty()
    }
}

impl SessionStore for MemorySessions {
    async fn put(&self, session: &Session) -> Result<(), Failure> {
        let caller = (session.account.clone(), session.id.clone().unwrap_or_default());
        let mut all = self.sessions.borrow_mut();
        let of_second = all.entry(caller).or_default().entry(session.issued_at).or_default();
        if !of_second.contains(session) {
            of_second.push(session.clone());
        }
        Ok(())
    }

    async fn find(
        &self,
        key: &SessionKey,
        (from, to): (OffsetDateTime, OffsetDateTime),
    ) -> Result<Vec<Session>, Failure> {
        let all = self.sessions.borrow();
        let of_caller = all.get(&(key.account.clone(), key.id.clone())).filter(|_| from <= to);
        let found = of_caller.into_iter().flat_map(|of_caller| of_caller.range(from..=to));
        Ok(found.flat_map(|(_, sessions)| sessions).cloned().collect())
    }

    async fn beat(&self, _: &str, at: OffsetDateTime) -> Result<(), Failure> {
        self.recorded_until.set(Some(at));
        Ok(())
    }

    async fn recorded_until(&self) -> Result<Option<OffsetDateTime>, Failure> {
        Ok(self.recorded_until.get())
    }

    fn is_whole(&self) -> bool {
        !self.is_part.get()
    }

    async fn remember(&self, deploy: &Deploy) -> Result<(), Failure> {
        let mut shelves = self.deploys.borrow_mut();
        for shelf in deploy.shelves() {
            let key = (deploy.at, deploy.event_id.clone());
            shelves.entry(shelf).or_default().insert(key, deploy.clone());
        }
        Ok(())
    }

    async fn deploys(
        &self,
        shelf: &Shelf,
        (from, to): (OffsetDateTime, OffsetDateTime),
        most: usize,
    ) -> Result<Vec<Deploy>, Failure> {
        let shelves = self.deploys.borrow();
        let all = shelves.get(shelf).into_iter().flat_map(BTreeMap::values).rev();
        Ok(all.filter(|deploy| (from..=to).contains(&deploy.at)).take(most).cloned().collect())
    }
}

/// IAM tags from a map.
#[derive(Debug, Default)]
pub struct GivenIamTags {
    /// By `role/name` and `user/name`.
    pub tags: BTreeMap<String, TagMap>,
    /// The error that every call returns, if any.
    pub failure: Option<Failure>,
}

impl GivenIamTags {
    /// The key of a role's or user's tags.
    pub fn key(identity: &IamIdentity) -> String {
        let kind = match identity.kind {
            IamKind::Role => "role",
            IamKind::User => "user",
        };
        format!("{kind}/{}", identity.name)
    }
}

impl PrincipalTags for GivenIamTags {
    async fn entity(&self, identity: &IamIdentity) -> Result<Option<IamEntity>, Failure> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        let tags = self.tags.get(&Self::key(identity)).cloned();
        Ok(tags.map(|tags| IamEntity { tags, ..IamEntity::default() }))
    }
}

/// Gives every lookup the same answer: by default, that nothing was found.
#[derive(Debug)]
pub struct GivenLookups(pub Result<Vec<Found>, Failure>);

impl Default for GivenLookups {
    fn default() -> Self {
        Self(Ok(Vec::new()))
    }
}

impl Lookups for GivenLookups {
    async fn look_up(&self, _: &Lookup, _: Option<OffsetDateTime>) -> Result<Vec<Found>, Failure> {
        self.0.clone()
    }
}

/// Tags nothing, says that it did, and counts.
#[derive(Debug, Default)]
pub struct CountingTagger {
    /// The tags that resources have, or why they cannot be read, by the end of their ARN. Others have
    /// none.
    pub present: Vec<(&'static str, Result<TagMap, Failure>)>,
    /// Calls so far that tag.
    pub calls: Cell<usize>,
    /// Calls so far that read.
    pub reads: Cell<usize>,
    /// Resources so far that did not fail.
    pub tagged: Cell<usize>,
    /// Failures of the resources whose ARNs have these endings.
    pub failures: Vec<(&'static str, Failure)>,
    /// Keys that every resource refuses.
    pub refuses: Vec<&'static str>,
    /// When every resource was created.
    pub created: Option<OffsetDateTime>,
}

impl Tagger for CountingTagger {
    async fn tag(&self, batch: &Batch) -> Vec<Result<Route, Failure>> {
        self.calls.set(self.calls.get() + 1);
        let refused = batch.tags.iter().find(|tag| self.refuses.contains(&tag.key.as_str()));
        if let Some(tag) = refused {
            let message = format!("InvalidTag: {}", tag.key);
            let refusal = Failure { kind: FailureKind::Refused, message };
            return vec![Err(refusal); batch.resources.len()];
        }
        let result = |arn: &str| match self.failures.iter().find(|(end, _)| arn.ends_with(end)) {
            Some((_, failure)) => Err(failure.clone()),
            None => {
                self.tagged.set(self.tagged.get() + 1);
                Ok(batch.route)
            }
        };
        batch.resources.iter().map(|resource| result(resource.arn.as_str())).collect()
    }

    async fn read(&self, _: Read, _: &str, resources: &[Resource]) -> Vec<Result<TagMap, Failure>> {
        self.reads.set(self.reads.get() + 1);
        let present = |resource: &Resource| {
            let found = self.present.iter().find(|(end, _)| resource.arn.as_str().ends_with(end));
            found.map_or(Ok(TagMap::new()), |(_, tags)| tags.clone())
        };
        resources.iter().map(present).collect()
    }

    async fn parent_tags(&self, parent: &Resource) -> Result<Option<TagMap>, Failure> {
        let found = self.present.iter().find(|(end, _)| parent.arn.as_str().ends_with(end));
        found.map(|(_, tags)| tags.clone()).transpose()
    }

    async fn creation_time(&self, _: &Resource) -> Result<Option<OffsetDateTime>, Failure> {
        Ok(self.created)
    }
}
