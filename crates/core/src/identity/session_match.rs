//! Which session made a call.

use time::{Duration, OffsetDateTime};

use super::principal::SessionKey;
use super::session::Session;

/// CloudTrail may deliver the STS record after the record of a call that the session made; later
/// than this, no record means that there is none.
pub const DELIVERY_TIME: Duration = Duration::minutes(15);

/// STS writes whole seconds in one record and rounds in the other.
const CLOCK_SLACK: Duration = Duration::seconds(1);

/// Which session made a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SessionMatch {
    /// The caller has no session that could carry tags: an IAM user, root, a service.
    #[default]
    NoSession,
    Found(Box<Session>),
    /// None was recorded, and the session is young: its record may still arrive.
    Pending,
    /// None was recorded, and none will be.
    Unknown,
    /// Several of one name began in the same second with different tags.
    Ambiguous,
}

impl SessionMatch {
    /// As logs and metrics name it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::NoSession => "none",
            Self::Found(_) => "found",
            Self::Pending => "pending",
            Self::Unknown => "unknown",
            Self::Ambiguous => "ambiguous",
        }
    }
}

/// The issue times among which to look for a caller's sessions, both ends included.
pub(crate) fn window(key: &SessionKey) -> (OffsetDateTime, OffsetDateTime) {
    (key.created.saturating_sub(CLOCK_SLACK), key.created.saturating_add(CLOCK_SLACK))
}

/// When a session that was not recorded until then never will be.
pub(crate) fn pending_until(key: &SessionKey) -> OffsetDateTime {
    key.created.saturating_add(DELIVERY_TIME)
}

/// Chooses among the sessions of the caller's id that began in its [`window`]: the one with the
/// caller's key, else those of the caller's second if they all carry the same tags.
pub(crate) fn choose(
    key: &SessionKey,
    at: OffsetDateTime,
    now: OffsetDateTime,
    recorded: Vec<Session>,
) -> SessionMatch {
    // TTL deletion lags by days. A service may act some minutes past the end of the credentials.
    let mut alive = recorded;
    alive.retain(|session| session.ends_at().saturating_add(DELIVERY_TIME) >= at);
    let access_key_id = key.access_key_id.as_deref();
    if let Some(session) = alive.iter().find(|s| Some(s.access_key_id.as_str()) == access_key_id) {
        return SessionMatch::Found(Box::new(session.clone()));
    }
    if alive.iter().any(|session| session.issued_at == key.created) {
        alive.retain(|session| session.issued_at == key.created);
    }
    match alive.as_slice() {
        [] if now < pending_until(key) => SessionMatch::Pending,
        [] => SessionMatch::Unknown,
        [first, rest @ ..] if rest.iter().all(|session| session.tags == first.tags) => {
            SessionMatch::Found(Box::new(first.clone()))
        }
        _ => SessionMatch::Ambiguous,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tags::TagMap;
    use time::macros::datetime;

    const BEGAN: OffsetDateTime = datetime!(2026-01-02 03:04:05 UTC);

    fn session_key(key: Option<&str>) -> SessionKey {
        SessionKey {
            account: "111122223333".into(),
            id: "AROAX:ann".into(),
            created: BEGAN,
            access_key_id: key.map(str::to_owned),
        }
    }

    fn recorded(key: &str, second: i64, team: &str) -> Session {
        Session {
            account: "111122223333".into(),
            id: Some("AROAX:ann".into()),
            arn: None,
            access_key_id: key.into(),
            issued_at: BEGAN.saturating_add(Duration::seconds(second)),
            expires_at: BEGAN.saturating_add(Duration::hours(1)),
            tags: TagMap::from([("Team".into(), team.into())]),
            transitive_tag_keys: Vec::new(),
            source_identity: None,
        }
    }

    fn chosen(key: Option<&str>, sessions: &[Session]) -> Option<String> {
        match choose(&session_key(key), BEGAN, BEGAN, sessions.to_vec()) {
            SessionMatch::Found(session) => Some(session.tags["Team"].clone()),
            _ => None,
        }
    }

    #[test]
    fn the_access_key_decides_then_the_second_and_different_tags_are_ambiguous() {
        let two = [recorded("A", 0, "a"), recorded("B", 0, "b")];
        assert_eq!(chosen(Some("B"), &two).as_deref(), Some("b"));
        assert_eq!(chosen(Some("console"), &two), None, "ambiguous");
        let apart = [recorded("A", 0, "a"), recorded("B", 1, "b")];
        assert_eq!(chosen(None, &apart).as_deref(), Some("a"));
        let same = [recorded("A", 0, "a"), recorded("B", 0, "a")];
        assert_eq!(chosen(None, &same).as_deref(), Some("a"));
        assert_eq!(chosen(None, &[recorded("A", 1, "a")]).as_deref(), Some("a"));
    }

    #[test]
    fn an_absent_record_means_not_yet_and_later_none() {
        let at = |now| choose(&session_key(None), now, now, Vec::new());
        assert_eq!(at(BEGAN + Duration::minutes(14)), SessionMatch::Pending);
        assert_eq!(at(BEGAN + Duration::minutes(15)), SessionMatch::Unknown);
    }

    #[test]
    fn a_session_whose_record_ends_it_before_its_start_counts_at_its_start() {
        let mut odd = recorded("A", 0, "a");
        odd.expires_at = BEGAN - Duration::days(1);
        let found = choose(&session_key(None), BEGAN, BEGAN, vec![odd.clone()]);
        assert!(matches!(found, SessionMatch::Found(_)));
        assert!(odd.forgotten_at() > BEGAN);
    }

    #[test]
    fn a_session_that_had_ended_is_not_the_callers() {
        let at = |minutes| {
            let late = BEGAN + Duration::minutes(minutes);
            choose(&session_key(None), late, late, vec![recorded("A", 0, "a")])
        };
        let ended = 60;
        assert!(matches!(at(ended + 15), SessionMatch::Found(_)), "a service may act some minutes later");
        assert_eq!(at(ended + 16), SessionMatch::Unknown);
    }
}
