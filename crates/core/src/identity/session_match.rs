//! Which session made a call.

use time::{Duration, OffsetDateTime};

use super::principal::SessionKey;
use super::session::Session;

/// CloudTrail may deliver the STS record after the record of a call that the session made; later
/// than this, no record means that there is none.
pub const DELIVERY_TIME: Duration = Duration::minutes(15);

/// Another session of the same name and second is known by then, as a rule.
const TWIN_TIME: Duration = Duration::minutes(2);

/// A recorder's heartbeat comes once a minute, through its queue: by then it shows that nothing is missing.
const HEARTBEAT_TIME: Duration = Duration::seconds(90);

/// STS writes whole seconds in one record and rounds in the other.
const CLOCK_SLACK: Duration = Duration::seconds(1);

/// No session is older: `GetFederationToken` gives 36 hours.
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html>
const LONGEST: Duration = Duration::hours(36);

/// Which session made a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SessionMatch {
    /// The caller has no session that could carry tags: an IAM user, root, a service, an instance.
    #[default]
    NoSession,
    Found(Box<Session>),
    /// It is not certain yet: the session is young, and its record, or another one, may still arrive.
    Pending {
        /// When it is certain.
        until: OffsetDateTime,
        /// Whether its own record is missing, with which it would be certain at once.
        missing: bool,
    },
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
            Self::Pending { .. } => "pending",
            Self::Unknown => "unknown",
            Self::Ambiguous => "ambiguous",
        }
    }
}

impl SessionKey {
    /// The issue times among which to look for the caller's sessions at the time of a call, both ends
    /// included.
    pub(crate) fn window(&self, at: OffsetDateTime) -> (OffsetDateTime, OffsetDateTime) {
        let created = |at: OffsetDateTime| (at.saturating_sub(CLOCK_SLACK), at.saturating_add(CLOCK_SLACK));
        self.created.map_or_else(|| (at.saturating_sub(LONGEST), created(at).1), created)
    }

    /// Whether STS issued the key that signed the call with this session: certain for ever.
    pub fn names(&self, session: &Session) -> bool {
        self.access_key_id.as_deref() == Some(session.access_key_id.as_str())
    }

    /// Whether a session may be the caller's at all. The names of federated users are only unique for the
    /// user who gave them.
    fn may_be(&self, session: &Session) -> bool {
        match (&self.issuer, &session.issuer) {
            (Some(own), Some(other)) => own == other,
            _ => true,
        }
    }
}

/// Chooses among the sessions of the caller's id that began in its window: the one with the caller's key;
/// else the only one of the caller's second, else of the seconds beside it, once none can come any more.
///
/// The console, Identity Center and account access sign with keys that no record names. Where call or session
/// show that, the only one of the second counts as soon as another would be known: people do not begin two
/// sessions in one second, but pipelines that share a name do, and the caller's own record may be the later.
pub(crate) fn choose(
    key: &SessionKey,
    at: OffsetDateTime,
    now: OffsetDateTime,
    mut recorded: Vec<Session>,
) -> SessionMatch {
    recorded.retain(|session| key.may_be(session));
    if let Some(session) = recorded.iter().find(|session| key.names(session)) {
        return SessionMatch::Found(Box::new(session.clone()));
    }
    // A session of unknown age is no older than the call.
    let settled = key.created.unwrap_or(at).saturating_add(DELIVERY_TIME);
    let is_young = now < settled;
    let missing = SessionMatch::Pending { until: settled.saturating_add(HEARTBEAT_TIME), missing: true };
    let Some(created) = key.created else {
        return if is_young { missing } else { SessionMatch::Unknown };
    };
    let is_exact = recorded.iter().any(|session| session.issued_at == created);
    if is_exact {
        recorded.retain(|session| session.issued_at == created);
    }
    let is_expected = key.signed_in || recorded.iter().all(Session::has_other_keys);
    let until = match is_exact && is_expected {
        true => settled.min(at.saturating_add(TWIN_TIME)),
        false => settled,
    };
    match alike(&recorded).or_else(|| alike(&alive(&recorded, at))) {
        _ if recorded.is_empty() && is_young => missing,
        _ if recorded.is_empty() => SessionMatch::Unknown,
        Some(_) if now < until => {
            SessionMatch::Pending { until: until.saturating_add(HEARTBEAT_TIME), missing: false }
        }
        Some(session) => SessionMatch::Found(Box::new(session)),
        // The caller's own record, with its key, may still come.
        None if is_young => missing,
        None => SessionMatch::Ambiguous,
    }
}

/// One of the sessions, if all have the same tags.
fn alike(sessions: &[Session]) -> Option<Session> {
    let (first, rest) = sessions.split_first()?;
    rest.iter().all(|session| session.tags == first.tags).then(|| first.clone())
}

/// The sessions whose credentials had not ended at the time of the call. A console may live longer than
/// the credentials that it was opened with, so this only breaks a tie.
fn alive(sessions: &[Session], at: OffsetDateTime) -> Vec<Session> {
    sessions.iter().filter(|session| session.ends_at() >= at).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tags::TagMap;
    use time::macros::datetime;

    const BEGAN: OffsetDateTime = datetime!(2026-05-04 09:00:00 UTC);

    fn session_key(key: Option<&str>) -> SessionKey {
        SessionKey {
            account: "111122223333".into(),
            id: "AROAX:ann".into(),
            created: Some(BEGAN),
            access_key_id: key.map(str::to_owned),
            signed_in: key.is_none_or(|key| key == "console"),
            issuer: None,
        }
    }

    fn recorded(key: &str, second: i64, team: &str) -> Session {
        Session {
            issued_at: BEGAN.saturating_add(Duration::seconds(second)),
            expires_at: BEGAN.saturating_add(Duration::hours(1)),
            tags: TagMap::from([("Team".into(), team.into())]),
            ..Session::bare(key)
        }
    }

    /// The team, or the word, for a call some minutes after the session began that is handled after some
    /// more.
    fn chosen(key: &SessionKey, at: i64, later: i64, sessions: &[Session]) -> String {
        let at = BEGAN.saturating_add(Duration::minutes(at));
        match choose(key, at, at.saturating_add(Duration::minutes(later)), sessions.to_vec()) {
            SessionMatch::Found(session) => session.tags["Team"].clone(),
            other => other.as_str().to_owned(),
        }
    }

    #[test]
    fn the_callers_key_is_certain_at_once() {
        let two = [recorded("A", 0, "a"), recorded("B", 0, "b"), recorded("C", 1, "c")];
        for (key, team) in [("A", "a"), ("B", "b"), ("C", "c")] {
            assert_eq!(chosen(&session_key(Some(key)), 0, 0, &two), team);
        }
    }

    #[test]
    fn without_the_key_the_only_session_of_the_second_counts_when_a_twin_would_be_known() {
        let (console, one) = (session_key(Some("console")), [recorded("A", 0, "a")]);
        assert_eq!(chosen(&console, 0, 1, &one), "pending");
        assert_eq!(chosen(&console, 0, 2, &one), "a");
        assert_eq!(chosen(&console, 20, 0, &one), "a", "the session is old");
        let apart = [recorded("A", 0, "a"), recorded("B", 1, "b")];
        assert_eq!(chosen(&console, 0, 2, &apart), "a");
    }

    #[test]
    fn a_neighbour_of_the_same_second_does_not_count_while_the_callers_own_record_may_come() {
        let (own, mut neighbour) = (session_key(Some("B")), recorded("A", 0, "a"));
        assert_eq!(chosen(&own, 0, 14, &[neighbour.clone()]), "pending");
        assert_eq!(chosen(&own, 0, 14, &[neighbour.clone(), recorded("B", 0, "b")]), "b");
        assert_eq!(chosen(&own, 0, 15, &[neighbour.clone()]), "a");
        // Identity Center hands out other keys: none of its own will come.
        neighbour.arn = Some("arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Dev_0123/ann".into());
        assert_eq!(chosen(&own, 0, 2, &[neighbour.clone()]), "a");
        neighbour.arn = None;
        neighbour.assumed_by = Some("account-access.amazonaws.com".into());
        assert_eq!(chosen(&own, 0, 2, &[neighbour]), "a");
    }

    #[test]
    fn a_session_of_the_second_before_or_after_counts_when_none_can_come() {
        let (key, beside) = (session_key(None), [recorded("A", 1, "a")]);
        assert_eq!(chosen(&key, 0, 14, &beside), "pending");
        assert_eq!(chosen(&key, 0, 15, &beside), "a");
        assert_eq!(chosen(&key, 0, 15, &[recorded("A", 1, "a"), recorded("B", -1, "b")]), "ambiguous");
    }

    #[test]
    fn twins_with_different_tags_are_ambiguous_unless_one_had_ended() {
        let (key, mut twins) = (session_key(None), [recorded("A", 0, "a"), recorded("B", 0, "b")]);
        assert_eq!(chosen(&key, 0, 14, &twins), "pending", "the caller's own record may come");
        assert_eq!(chosen(&key, 0, 15, &twins), "ambiguous");
        twins[0].expires_at = BEGAN.saturating_add(Duration::minutes(30));
        assert_eq!(chosen(&key, 40, 2, &twins), "b");
        twins[1] = recorded("B", 0, "a");
        assert_eq!(chosen(&key, 0, 2, &twins), "a");
    }

    #[test]
    fn a_session_may_outlive_its_first_credentials() {
        assert_eq!(chosen(&session_key(Some("console")), 300, 0, &[recorded("A", 0, "a")]), "a");
    }

    #[test]
    fn an_absent_record_means_not_yet_and_later_none() {
        let key = session_key(Some("A"));
        assert_eq!(chosen(&key, 0, 14, &[]), "pending");
        assert_eq!(chosen(&key, 0, 15, &[]), "unknown");
        let until = BEGAN.saturating_add(DELIVERY_TIME + HEARTBEAT_TIME);
        assert_eq!(choose(&key, BEGAN, BEGAN, Vec::new()), SessionMatch::Pending { until, missing: true });
        let (until, one) = (BEGAN.saturating_add(TWIN_TIME + HEARTBEAT_TIME), vec![recorded("A", 0, "a")]);
        let pending = SessionMatch::Pending { until, missing: false };
        assert_eq!(choose(&session_key(None), BEGAN, BEGAN, one), pending);
    }

    #[test]
    fn without_a_creation_date_only_the_key_tells() {
        let key = |key| SessionKey { created: None, ..session_key(key) };
        let one = [recorded("A", 0, "a")];
        assert_eq!(chosen(&key(Some("A")), 600, 0, &one), "a");
        assert_eq!(chosen(&key(Some("B")), 600, 14, &one), "pending");
        assert_eq!(chosen(&key(None), 600, 15, &one), "unknown");
        let (from, to) = key(None).window(BEGAN);
        assert_eq!((BEGAN - from, to - BEGAN), (LONGEST, CLOCK_SLACK));
    }

    #[test]
    fn federated_users_of_one_name_are_told_apart_by_who_gave_it() {
        let by = |issuer: &str| SessionKey { issuer: Some(issuer.into()), ..session_key(Some("console")) };
        let session =
            |issuer: &str, team| Session { issuer: Some(issuer.into()), ..recorded(issuer, 0, team) };
        let both = [session("AIDAJO", "a"), session("AIDABO", "b")];
        assert_eq!(chosen(&by("AIDAJO"), 0, 2, &both), "a");
        assert_eq!(chosen(&by("AIDABO"), 0, 2, &both), "b");
        assert_eq!(chosen(&by("AIDACY"), 0, 15, &both), "unknown");
    }

    #[test]
    fn a_session_whose_record_ends_it_before_its_start_counts() {
        let mut odd = recorded("A", 0, "a");
        odd.expires_at = BEGAN - Duration::days(1);
        assert_eq!(chosen(&session_key(None), 0, 2, &[odd.clone()]), "a");
        assert!(odd.forgotten_at() > BEGAN);
    }
}
