//! The verb of the session-recorder: stores the session that an STS event starts.

use crate::effect::HEARTBEAT;
use crate::identity::{NotASession, Session};
use crate::ports::{Failure, SessionStore};
use crate::record::Event;

/// What became of an STS record.
#[derive(Debug, PartialEq, Eq)]
pub enum Recorded {
    /// The session is in the store.
    Stored(Box<Session>),
    /// It was a heartbeat, and its time is in the store.
    Heartbeat,
    /// The same, which could not be stored. The next one comes within a minute.
    MissedHeartbeat(Failure),
    /// The session belongs to another account, which has the same record.
    OtherAccount,
    /// The session has no id by which a later call could be matched.
    Unmatchable,
    /// The record starts no session.
    NotASession(NotASession),
}

/// Records the session that an STS event starts.
///
/// A cross-account `AssumeRole` reaches both accounts; it is recorded where the role lives. `own` is the
/// account that is served, if it is known. Errors are the store's.
pub async fn record_session<S: SessionStore>(
    store: &S,
    own: Option<&str>,
    event: &Event,
) -> Result<Recorded, Failure> {
    if let Some(source) = event.source_other_than_aws() {
        return Ok(Recorded::NotASession(NotASession::NotFromAws(source.to_owned())));
    }
    if let (HEARTBEAT, Some(at)) = (event.source.as_str(), event.time()) {
        let stored = store.beat(event.region(), at).await;
        return Ok(stored.map_or_else(Recorded::MissedHeartbeat, |()| Recorded::Heartbeat));
    }
    let session = match Session::of(event) {
        Ok(session) => session,
        Err(reason) => return Ok(Recorded::NotASession(reason)),
    };
    let differs = |account: &str| account != session.account;
    if own.is_some_and(differs)
        || event.account().as_deref().is_some_and(differs)
        || event.envelope_account.as_deref().is_some_and(differs)
    {
        return Ok(Recorded::OtherAccount);
    }
    if session.id.is_none() {
        return Ok(Recorded::Unmatchable);
    }
    store.put(&session).await?;
    Ok(Recorded::Stored(Box::new(session)))
}
