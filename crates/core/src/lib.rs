//! An event names a principal and the resources it created; the principal's IAM tags and session
//! tags merge into one tag set; a tagger applies it.
//!
//! ```text
//! STS event ──► record_session ──► SessionStore
//!
//! creation event ──► tag_resources ──► Meaning: which resources
//!                         │        ──► Principal, PrincipalTags, SessionStore: whose tags
//!                         └──────────► Tagger: applied, one result per resource
//! ```
//!
//! This crate does no I/O: it knows no SDK, clock, environment or log. [`record_session`] and
//! [`tag_resources`] are the two verbs; [`Meaning::of`] tells what a record means without asking
//! anybody. Everything can be handled twice, late and in any order, with the same result.

pub mod arn;
pub mod dead_letter;
mod delivery;
pub mod event;
pub mod installation;
pub mod log;
mod meaning;
pub mod merge;
pub mod metrics;
pub mod policy;
pub mod principal;
mod requested;
pub mod rules;
pub mod services;
pub mod session;
pub mod settings;
mod tagging;
pub mod tags;
pub mod timestamp;

pub use arn::Arn;
pub use delivery::Delivery;
pub use event::{Event, NotARecord};
pub use meaning::Meaning;
pub use principal::Principal;
pub use services::{Resource, SERVICES};
pub use session::{Session, SessionMatch};
pub use settings::{SETTINGS, Settings};
pub use tagging::{
    ARNS_PER_CALL, Batch, Cloud, Failure, IDS_PER_CALL, LookUps, Outcome, PrincipalTags, Served,
    SessionStore, Skip, Tagged, Tagger, tag_resources,
};

/// What became of an STS record.
#[derive(Debug, PartialEq, Eq)]
pub enum Recorded {
    /// The session is in the store.
    Stored(Box<Session>),
    /// The session belongs to another account, which has the same record.
    Elsewhere,
    /// The session has no id by which a later call could be matched.
    Unmatchable,
    /// The record starts no session; why.
    NoSession(String),
}

/// Records the session that an STS event starts.
///
/// A cross-account `AssumeRole` reaches both accounts; it is recorded where the role lives.
/// Errors are the store's.
pub async fn record_session<S: SessionStore>(store: &S, event: &Event) -> Result<Recorded, S::Error> {
    if let Some(source) = event.envelope_source.as_deref().filter(|source| !source.starts_with("aws.")) {
        return Ok(Recorded::NoSession(format!("the event's source is `{source}`, not `aws.…`")));
    }
    let session = match Meaning::of(event) {
        Meaning::Session(session) => session,
        other => return Ok(Recorded::NoSession(other.reason())),
    };
    let elsewhere = |account: &str| account != session.account;
    if event.account().as_deref().is_some_and(elsewhere)
        || event.envelope_account.as_deref().is_some_and(elsewhere)
    {
        return Ok(Recorded::Elsewhere);
    }
    if session.id.is_none() {
        return Ok(Recorded::Unmatchable);
    }
    store.put(&session).await?;
    Ok(Recorded::Stored(session))
}
