//! A session: what STS started, and which session a later call belongs to.
//!
//! No AWS API gives the tags of a session back; only the STS record has them.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html>

use time::{Duration, OffsetDateTime};

use crate::arn::{Arn, is_account};
use crate::event::Event;
use crate::principal::Caller;
use crate::tags::{TagMap, insert_ignoring_case, pairs};
use crate::timestamp;

/// The event source of STS.
pub const STS: &str = "sts.amazonaws.com";

/// CloudTrail may deliver the STS record after the record of a call that the session made; later
/// than this, no record means that there was none.
pub const DELIVERY_TIME: Duration = Duration::minutes(15);

/// How long a session outlives its expiry in the table, for late events and dead-letter redrives.
pub const KEPT_AFTER_EXPIRY: Duration = Duration::days(14);

/// STS writes whole seconds in one record and rounds in the other.
const CLOCK_SLACK: Duration = Duration::seconds(1);

/// A started session. Holds no secret: the session token is never read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The account in which the role, or federated user, lives.
    pub account: String,
    /// `AROA…:session`, or `account:name` of a federated user. Absent where the record lacks it.
    pub id: Option<String>,
    /// `arn:…:sts::account:assumed-role/role/session`; the role's path is not part of it.
    pub arn: Option<String>,
    /// The access key that STS issued.
    pub access_key_id: String,
    /// `eventTime` of the STS record.
    pub issued_at: OffsetDateTime,
    /// When the credentials end.
    pub expires_at: OffsetDateTime,
    /// Session tags, merged by STS's rules.
    pub tags: TagMap,
    /// Keys of tags that pass on to the next role of a chain.
    pub transitive_tag_keys: Vec<String>,
    /// Source identity.
    pub source_identity: Option<String>,
}

/// An STS record that starts no session, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoSession(pub String);

/// One call of STS: where its record names the session.
struct Start {
    call: &'static str,
    id: &'static str,
    arn: &'static str,
    /// What the documentation gives a session whose expiry cannot be read.
    longest: Duration,
}

const ROLE_ID: &str = "responseElements.assumedRoleUser.assumedRoleId";
const ROLE_ARN: &str = "responseElements.assumedRoleUser.arn";

const STARTS: &[Start] = &[
    Start { call: "AssumeRole", id: ROLE_ID, arn: ROLE_ARN, longest: Duration::hours(12) },
    Start { call: "AssumeRoleWithSAML", id: ROLE_ID, arn: ROLE_ARN, longest: Duration::hours(12) },
    Start { call: "AssumeRoleWithWebIdentity", id: ROLE_ID, arn: ROLE_ARN, longest: Duration::hours(12) },
    Start { call: "AssumeRoot", id: "", arn: "", longest: Duration::minutes(15) },
    Start {
        call: "GetFederationToken",
        id: "responseElements.federatedUser.federatedUserId",
        arn: "responseElements.federatedUser.arn",
        longest: Duration::hours(36),
    },
];

/// The calls that start a session by which a later call can be matched.
pub fn matchable_starts() -> impl Iterator<Item = &'static str> {
    STARTS.iter().filter(|start| !start.id.is_empty()).map(|start| start.call)
}

impl Session {
    /// Reads the session that an STS record starts.
    pub fn of(event: &Event) -> Result<Self, NoSession> {
        let Some(start) = STARTS.iter().find(|start| start.call == event.name) else {
            return Err(NoSession(format!("{} starts no tagged session", event.name)));
        };
        if let Some(code) = event.error_code() {
            return Err(NoSession(format!("failed: {code}")));
        }
        let lacks = |what: &str| NoSession(format!("the record has no {what}"));
        let text = |path: &str| event.text(path).map(std::borrow::Cow::into_owned);
        let access_key_id = text("responseElements.credentials.accessKeyId")
            .ok_or_else(|| lacks("`responseElements.credentials.accessKeyId`"))?;
        let issued_at = event.time().ok_or_else(|| lacks("readable `eventTime`"))?;
        let arn = text(start.arn).or_else(|| session_arn(event));
        let account = account(event, arn.as_deref()).ok_or_else(|| lacks("account"))?;
        Ok(Self {
            account,
            id: text(start.id),
            arn,
            access_key_id,
            issued_at,
            expires_at: expiry(event, issued_at, start.longest),
            tags: session_tags(event),
            transitive_tag_keys: transitive_tag_keys(event),
            source_identity: text("requestParameters.sourceIdentity"),
        })
    }

    /// When the table may forget the session.
    pub fn forgotten_at(&self) -> OffsetDateTime {
        self.expires_at.max(self.issued_at).saturating_add(KEPT_AFTER_EXPIRY)
    }
}

/// Which session made a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionMatch {
    /// The caller has no session that could carry tags: an IAM user, root, a service.
    NotASession,
    /// This one.
    Found(Box<Session>),
    /// None was recorded, and the session is young: its record may still arrive.
    Pending,
    /// None was recorded, and none will be.
    Unknown,
    /// Several of one name began in the same second with different tags.
    Ambiguous,
}

impl SessionMatch {
    /// One word for it, as logs and metrics say it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::NotASession => "none",
            Self::Found(_) => "found",
            Self::Pending => "pending",
            Self::Unknown => "unknown",
            Self::Ambiguous => "ambiguous",
        }
    }
}

/// When to look for a caller's sessions, both ends included.
pub fn window(caller: &Caller) -> (OffsetDateTime, OffsetDateTime) {
    (caller.created.saturating_sub(CLOCK_SLACK), caller.created.saturating_add(CLOCK_SLACK))
}

/// Chooses among the sessions of the caller's id that began in its [`window`]: the one with the
/// caller's key, else those of the caller's second if they all carry the same tags.
pub fn choose(
    caller: &Caller,
    at: OffsetDateTime,
    now: OffsetDateTime,
    recorded: Vec<Session>,
) -> SessionMatch {
    // TTL deletion lags by days. A service may act some minutes past the end of the credentials.
    let mut alive = recorded;
    alive.retain(|session| session.expires_at.max(session.issued_at).saturating_add(DELIVERY_TIME) >= at);
    let key = caller.access_key_id.as_deref();
    if let Some(session) = alive.iter().find(|s| Some(s.access_key_id.as_str()) == key) {
        return SessionMatch::Found(Box::new(session.clone()));
    }
    if alive.iter().any(|session| session.issued_at == caller.created) {
        alive.retain(|session| session.issued_at == caller.created);
    }
    match alive.as_slice() {
        [] if now < caller.created.saturating_add(DELIVERY_TIME) => SessionMatch::Pending,
        [] => SessionMatch::Unknown,
        [first, rest @ ..] if rest.iter().all(|session| session.tags == first.tags) => {
            SessionMatch::Found(Box::new(first.clone()))
        }
        _ => SessionMatch::Ambiguous,
    }
}

/// `assumedRoleUser` may be absent (EC2's own `AssumeRole`): the ARN follows from the request.
fn session_arn(event: &Event) -> Option<String> {
    let role = Arn::parse(&event.text("requestParameters.roleArn")?)?;
    let name = event.text("requestParameters.roleSessionName")?;
    Some(format!("arn:{}:sts::{}:assumed-role/{}/{name}", role.partition(), role.account(), role.id()))
}

/// A session lives where its role does; `AssumeRoot` names the member account.
fn account(event: &Event, arn: Option<&str>) -> Option<String> {
    let of_arn = |text: &str| Arn::parse(text).map(|arn| arn.account().to_owned());
    let target = || {
        let target = event.text("requestParameters.targetPrincipal")?;
        of_arn(&target).or_else(|| Some(target.into_owned()))
    };
    arn.and_then(of_arn)
        .or_else(|| of_arn(&event.text("requestParameters.roleArn")?))
        .or_else(target)
        .or_else(|| event.account().map(std::borrow::Cow::into_owned))
        .filter(|account| is_account(account))
}

fn expiry(event: &Event, issued_at: OffsetDateTime, longest: Duration) -> OffsetDateTime {
    let said = || timestamp::parse(&event.text("responseElements.credentials.expiration")?);
    let asked = || {
        let seconds = event.text("requestParameters.durationSeconds")?;
        issued_at.checked_add(Duration::seconds(seconds.parse().ok()?))
    };
    said().or_else(asked).unwrap_or_else(|| issued_at.saturating_add(longest))
}

/// Incoming transitive tags first: what the request itself sets wins.
fn session_tags(event: &Event) -> TagMap {
    let mut tags = TagMap::new();
    for path in [
        "requestParameters.incomingTransitiveTags",
        "requestParameters.tags[]",
        "requestParameters.principalTags",
    ] {
        for (key, value) in event.values(path).into_iter().flat_map(pairs) {
            insert_ignoring_case(&mut tags, key, value);
        }
    }
    tags
}

/// Incoming transitive tags stay transitive, whatever the request says.
fn transitive_tag_keys(event: &Event) -> Vec<String> {
    let mut keys: Vec<String> = event
        .texts("requestParameters.transitiveTagKeys[]")
        .into_iter()
        .map(std::borrow::Cow::into_owned)
        .collect();
    let incoming = event.values("requestParameters.incomingTransitiveTags");
    for (key, _) in incoming.into_iter().flat_map(pairs) {
        if !keys.iter().any(|known| known.eq_ignore_ascii_case(&key)) {
            keys.push(key);
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use time::macros::datetime;

    fn assume_role(request: Value) -> Event {
        Event::from_json(json!({
            "eventSource": STS, "eventName": "AssumeRole", "eventTime": "2026-01-02T03:04:05Z",
            "recipientAccountId": "999999999999",
            "requestParameters": request,
            "responseElements": {
                "credentials": {"accessKeyId": "ASIAX", "sessionToken": "secret",
                                "expiration": "Jan 2, 2026, 4:04:05 AM"},
                "assumedRoleUser": {"assumedRoleId": "AROAX:ann",
                                    "arn": "arn:aws:sts::111122223333:assumed-role/dev/ann"}}
        }))
        .expect("a record")
    }

    #[test]
    fn tags_of_the_request_win_over_incoming_ones_in_any_case() {
        let session = Session::of(&assume_role(json!({
            "incomingTransitiveTags": {"team": "old", "Project": "p"},
            "tags": [{"key": "Team", "value": "new"}, {"key": "Note", "value": ""}],
            "transitiveTagKeys": ["Team"]
        })))
        .expect("a session");
        let tags: Vec<_> = session.tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(tags, [("Note", ""), ("Project", "p"), ("Team", "new")]);
        assert_eq!(session.transitive_tag_keys, ["Team", "Project"]);
    }

    #[test]
    fn a_session_lives_in_the_account_of_its_role() {
        let session = Session::of(&assume_role(json!({}))).expect("a session");
        assert_eq!(session.account, "111122223333");
        assert_eq!(session.expires_at, datetime!(2026-01-02 04:04:05 UTC));
        assert!(!format!("{session:?}").contains("secret"));
    }

    #[test]
    fn an_unreadable_expiry_is_the_asked_duration_or_the_longest() {
        let expires = |request: Value| {
            let mut record = json!({
                "eventSource": STS, "eventName": "AssumeRole", "eventTime": "2026-01-02T03:00:00Z",
                "requestParameters": request,
                "responseElements": {"credentials": {"accessKeyId": "A", "expiration": "soon"}}});
            record["requestParameters"]["roleArn"] = json!("arn:aws:iam::111122223333:role/path/dev");
            record["requestParameters"]["roleSessionName"] = json!("ann");
            let session = Session::of(&Event::from_json(record).expect("a record")).expect("a session");
            assert_eq!(session.arn.as_deref(), Some("arn:aws:sts::111122223333:assumed-role/dev/ann"));
            session.expires_at
        };
        assert_eq!(expires(json!({"durationSeconds": 900})), datetime!(2026-01-02 03:15:00 UTC));
        assert_eq!(expires(json!({})), datetime!(2026-01-02 15:00:00 UTC));
    }

    #[test]
    fn a_failed_call_starts_no_session() {
        let event = Event::from_json(json!({"eventSource": STS, "eventName": "AssumeRole",
                                            "errorCode": "AccessDenied"}));
        let reason = Session::of(&event.expect("a record")).expect_err("no session");
        assert_eq!(reason, NoSession("failed: AccessDenied".into()));
    }

    const BEGAN: OffsetDateTime = datetime!(2026-01-02 03:04:05 UTC);

    fn caller(key: Option<&str>) -> Caller {
        Caller {
            account: "111122223333".into(),
            id: "AROAX:ann".into(),
            created: BEGAN,
            access_key_id: key.map(str::to_owned),
        }
    }

    fn recorded(key: &str, second: i64, team: &str) -> Session {
        let mut session = Session::of(&assume_role(json!({}))).expect("a session");
        session.access_key_id = key.into();
        session.issued_at = BEGAN + Duration::seconds(second);
        session.tags.insert("Team".into(), team.into());
        session
    }

    fn chosen(key: Option<&str>, sessions: &[Session]) -> Option<String> {
        match choose(&caller(key), BEGAN, BEGAN, sessions.to_vec()) {
            SessionMatch::Found(session) => Some(session.tags["Team"].clone()),
            _ => None,
        }
    }

    #[test]
    fn the_callers_key_decides_then_the_second_then_nobody() {
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
        let at = |now| choose(&caller(None), now, now, Vec::new());
        assert_eq!(at(BEGAN + Duration::minutes(14)), SessionMatch::Pending);
        assert_eq!(at(BEGAN + Duration::minutes(15)), SessionMatch::Unknown);
    }

    #[test]
    fn a_session_that_had_ended_is_not_the_callers() {
        let late = BEGAN + Duration::hours(3);
        let found = choose(&caller(None), late, late, vec![recorded("A", 0, "a")]);
        assert_eq!(found, SessionMatch::Unknown);
    }
}
