//! The traits through which the two verbs reach AWS, or [`offline`] stand-ins.

pub mod offline;

use time::OffsetDateTime;

use crate::identity::{IamIdentity, Session, SessionKey};
use crate::stacks::{Deploy, Shelf};
use crate::table::operation::Found;
use crate::table::{Lookup, Read, Resource, Route};
use crate::tags::{Tag, TagMap};

/// Sessions, by principal and issue time; and who deployed which stack.
#[expect(async_fn_in_trait, reason = "only our own, single-threaded callers await these")]
pub trait SessionStore {
    /// Stores a session; storing it again changes nothing.
    async fn put(&self, session: &Session) -> Result<(), Failure>;
    /// The sessions of the key's account and id that began between the two instants, both included.
    async fn find(
        &self,
        key: &SessionKey,
        window: (OffsetDateTime, OffsetDateTime),
    ) -> Result<Vec<Session>, Failure>;
    /// Stores that what reached a recorder, named by its Region, until that time is recorded.
    async fn beat(&self, recorder: &str, at: OffsetDateTime) -> Result<(), Failure>;
    /// Until when every recorder has recorded; `None` where nobody keeps watch.
    async fn recorded_until(&self) -> Result<Option<OffsetDateTime>, Failure>;
    /// Whether what is not found, once it can no longer come, is known not to be. A history may lack the Region or
    /// the time in which a session began, or STS altogether.
    fn is_whole(&self) -> bool {
        true
    }
    /// Remembers a deploy on its shelves; again, it says what is known by then.
    async fn remember(&self, deploy: &Deploy) -> Result<(), Failure>;
    /// The latest deploys of a shelf between the two instants, both included, and no more than that many.
    async fn deploys(
        &self,
        shelf: &Shelf,
        window: (OffsetDateTime, OffsetDateTime),
        most: usize,
    ) -> Result<Vec<Deploy>, Failure>;
}

impl<S: SessionStore> SessionStore for &S {
    async fn put(&self, session: &Session) -> Result<(), Failure> {
        (**self).put(session).await
    }

    async fn find(
        &self,
        key: &SessionKey,
        window: (OffsetDateTime, OffsetDateTime),
    ) -> Result<Vec<Session>, Failure> {
        (**self).find(key, window).await
    }

    async fn beat(&self, recorder: &str, at: OffsetDateTime) -> Result<(), Failure> {
        (**self).beat(recorder, at).await
    }

    async fn recorded_until(&self) -> Result<Option<OffsetDateTime>, Failure> {
        (**self).recorded_until().await
    }

    fn is_whole(&self) -> bool {
        (**self).is_whole()
    }

    async fn remember(&self, deploy: &Deploy) -> Result<(), Failure> {
        (**self).remember(deploy).await
    }

    async fn deploys(
        &self,
        shelf: &Shelf,
        window: (OffsetDateTime, OffsetDateTime),
        most: usize,
    ) -> Result<Vec<Deploy>, Failure> {
        (**self).deploys(shelf, window, most).await
    }
}

/// Tags of IAM roles and users.
#[expect(async_fn_in_trait, reason = "only our own, single-threaded callers await these")]
pub trait PrincipalTags {
    /// What IAM says; `None` where another role or user has the name by now. One that IAM does not know is a
    /// failure: it may not know it yet.
    async fn entity(&self, identity: &IamIdentity) -> Result<Option<IamEntity>, Failure>;
}

/// What IAM says of a role or user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IamEntity {
    pub tags: TagMap,
    /// Whether it lets nobody pass tags to its sessions: then it is no use to ask often for one.
    pub takes_no_session_tags: bool,
}

/// Resources that records do not name.
#[expect(async_fn_in_trait, reason = "only our own, single-threaded callers await these")]
pub trait Lookups {
    /// Ids or ARNs of what was created at about that time. A failure says what is not known yet, and
    /// why.
    async fn look_up(&self, lookup: &Lookup, created: Option<OffsetDateTime>) -> Result<Vec<Found>, Failure>;
}

/// Applies tags.
#[expect(async_fn_in_trait, reason = "only our own, single-threaded callers await these")]
pub trait Tagger {
    /// Adds the tags to each resource; other tags stay. One result per resource, in their order: the
    /// route that it took, which is another than the batch's where that refused it.
    async fn tag(&self, batch: &Batch) -> Vec<Result<Route, Failure>>;
    /// The tags that resources of one Region have. One result per resource, in their order.
    async fn read(&self, read: Read, region: &str, resources: &[Resource]) -> Vec<Result<TagMap, Failure>>;
    /// The tags of a resource for which others were created; `None` where nobody is asked.
    async fn parent_tags(&self, _: &Resource) -> Result<Option<TagMap>, Failure> {
        Ok(None)
    }
    /// When a resource was created; `None` if AWS does not say. Called only for resources whose
    /// [`Resource::creation_time`] names an API.
    async fn creation_time(&self, resource: &Resource) -> Result<Option<OffsetDateTime>, Failure>;
}

/// Everything that tagging needs from outside.
#[derive(Debug)]
pub struct Ports<S, P, L, T> {
    pub sessions: S,
    pub principal_tags: P,
    pub lookups: L,
    pub tagger: T,
}

/// Resources of one route and Region that get the same tags; fits into one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    pub route: Route,
    pub region: String,
    pub tags: Vec<Tag>,
    pub resources: Vec<Resource>,
}

/// Why a resource could not be tagged, or found, this time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    pub kind: FailureKind,
    /// AWS's code and message.
    pub message: String,
}

/// What a failure means for the next attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// AWS says that there is no such resource.
    NotFound,
    /// AWS is asked too often, or its quota leaves no room in this invocation.
    Throttled,
    /// It may pass within seconds: AWS failed inside, or did not answer.
    Transient,
    /// Another event that is handled at the same time tags the resource first.
    InTurn,
    /// A permission is missing, or a policy forbids it.
    Denied,
    /// Something in the request is wrong: a value, a limit, a kind of resource that the API does not know.
    Refused,
    /// Anything else, such as a resource that is not in the right state.
    Other,
}

impl Failure {
    /// A failure of which only the message is known.
    pub fn other(message: impl Into<String>) -> Self {
        Self { kind: FailureKind::Other, message: message.into() }
    }

    /// There is no such resource, or not yet.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self { kind: FailureKind::NotFound, message: message.into() }
    }
}
