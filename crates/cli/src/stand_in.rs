//! Stand-ins for AWS: sessions in memory, IAM tags from a file, and a tagger that agrees.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;

use aws_tags::principal::{Caller, IamIdentity, IamKind};
use aws_tags::services::Question;
use aws_tags::tags::TagMap;
use aws_tags::{Batch, Failure, LookUps, PrincipalTags, Session, SessionStore, Tagger};
use time::OffsetDateTime;

/// Sessions that the replayed records started.
#[derive(Default)]
pub struct Sessions(RefCell<Vec<Session>>);

impl SessionStore for Sessions {
    type Error = Infallible;

    async fn put(&self, session: &Session) -> Result<(), Infallible> {
        let mut all = self.0.borrow_mut();
        if !all.contains(session) {
            all.push(session.clone());
        }
        Ok(())
    }

    async fn find(
        &self,
        caller: &Caller,
        (from, to): (OffsetDateTime, OffsetDateTime),
    ) -> Result<Vec<Session>, Infallible> {
        let of_caller = |session: &&Session| {
            session.account == caller.account
                && session.id.as_deref() == Some(caller.id.as_str())
                && (from..=to).contains(&session.issued_at)
        };
        Ok(self.0.borrow().iter().filter(of_caller).cloned().collect())
    }
}

/// IAM tags by `role/name` and `user/name`.
#[derive(Default)]
pub struct IamTags(BTreeMap<String, TagMap>);

impl IamTags {
    /// Reads `{"role/developer": {"Team": "payments"}}`; the error names file and position.
    pub fn read(path: &Path) -> Result<Self, String> {
        let named = |reason: String| format!("{}: {reason}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| named(error.to_string()))?;
        let tags: BTreeMap<String, TagMap> =
            serde_json::from_str(&text).map_err(|error| named(format!("not a map of tags: {error}")))?;
        match tags.keys().find(|key| !key.starts_with("role/") && !key.starts_with("user/")) {
            Some(key) => Err(named(format!("`{key}` is neither `role/NAME` nor `user/NAME`"))),
            None => Ok(Self(tags)),
        }
    }
}

impl PrincipalTags for IamTags {
    type Error = Infallible;

    async fn tags(&self, identity: &IamIdentity) -> Result<Option<TagMap>, Infallible> {
        let kind = match identity.kind {
            IamKind::Role => "role",
            IamKind::User => "user",
        };
        Ok(self.0.get(&format!("{kind}/{}", identity.name)).cloned())
    }
}

/// Knows nothing that the record does not tell; the questions are shown instead.
pub struct NoLookUps;

impl LookUps for NoLookUps {
    async fn look_up(&self, _: &Question, _: Option<OffsetDateTime>) -> Result<Vec<String>, Failure> {
        Ok(Vec::new())
    }
}

/// Tags nothing and says yes.
pub struct Agreeing;

impl Tagger for Agreeing {
    async fn tag(&self, batch: &Batch) -> Vec<Result<(), Failure>> {
        batch.resources.iter().map(|_| Ok(())).collect()
    }
}
