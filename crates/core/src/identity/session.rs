//! A session that STS started.
//!
//! No AWS API returns the tags of a session; only the STS record has them.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html>

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::principal::{Principal, SessionKey};
use crate::record::{Arn, Event, is_account, pairs, timestamp};
use crate::tags::{TagMap, insert_case_insensitive};

/// The event source of STS.
pub const STS: &str = "sts.amazonaws.com";

/// A console, or `aws login`, lives up to twelve hours, whatever the credentials that opened it.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_enable-console-custom-url.html>
const LONGEST_CONSOLE: Duration = Duration::hours(12);

/// How long the table keeps a session that has ended, for late events and dead-letter redrives.
const KEPT_AFTER_END: Duration = Duration::days(14);

/// A started session. Holds no secret: the session token is never read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    #[serde(with = "timestamp::required")]
    pub issued_at: OffsetDateTime,
    /// When the credentials end.
    #[serde(with = "timestamp::required")]
    pub expires_at: OffsetDateTime,
    /// Session tags, merged by STS's rules.
    pub tags: TagMap,
    /// Keys of tags that role chaining passes on.
    pub transitive_tag_keys: Vec<String>,
    pub source_identity: Option<String>,
    /// Unique id of the user who named a federated user: others may have given the same name.
    pub issuer: Option<String>,
    /// Whom the identity provider names: an OIDC subject, e.g. `repo:acme/infra:ref:refs/heads/main`, or a SAML
    /// name.
    pub subject: Option<String>,
    /// Who started the session: an ARN, a service, or an id.
    pub assumed_by: Option<String>,
    /// The Identity Center user for whom it was started.
    pub on_behalf_of: Option<String>,
    /// The session that started this one, where a chain goes on.
    pub started_by: Option<SessionKey>,
}

/// Why a record starts no session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotASession {
    #[error("{0} starts no tagged session")]
    OtherCall(String),
    #[error("failed: {0}")]
    Failed(String),
    #[error("the record has no {0}")]
    Missing(&'static str),
    /// Only AWS can send events whose source begins with `aws.`.
    #[error("the event's source is `{0}`, not `aws.…`")]
    NotFromAws(String),
}

/// A call that starts a session, and where its record names the session.
struct Start {
    event_name: &'static str,
    id: &'static str,
    arn: &'static str,
    /// The longest duration that AWS documents, for a record whose expiry cannot be read.
    max_duration: Duration,
    /// Whether an identity provider names the caller.
    by_provider: bool,
}

const ROLE_ID: &str = "responseElements.assumedRoleUser.assumedRoleId";
const ROLE_ARN: &str = "responseElements.assumedRoleUser.arn";

const ROLE: Start = Start {
    event_name: "AssumeRole",
    id: ROLE_ID,
    arn: ROLE_ARN,
    max_duration: Duration::hours(12),
    by_provider: false,
};

const STARTS: &[Start] = &[
    ROLE,
    Start { event_name: "AssumeRoleWithSAML", by_provider: true, ..ROLE },
    Start { event_name: "AssumeRoleWithWebIdentity", by_provider: true, ..ROLE },
    Start { event_name: "AssumeRoot", id: "", arn: "", max_duration: Duration::minutes(15), ..ROLE },
    Start {
        event_name: "GetFederationToken",
        id: "responseElements.federatedUser.federatedUserId",
        arn: "responseElements.federatedUser.arn",
        max_duration: Duration::hours(36),
        ..ROLE
    },
];

/// The calls that start a session to which a later call can be matched.
pub(crate) fn matchable_starts() -> impl Iterator<Item = &'static str> {
    STARTS.iter().filter(|start| !start.id.is_empty()).map(|start| start.event_name)
}

impl Session {
    /// Reads the session that an STS record starts.
    pub fn of(event: &Event) -> Result<Self, NotASession> {
        use NotASession::{Failed, Missing, OtherCall};
        let known = STARTS.iter().find(|start| event.source == STS && start.event_name == event.name);
        let start = known.ok_or_else(|| OtherCall(event.name.clone()))?;
        if let Some(code) = event.error_code() {
            return Err(Failed(code.into_owned()));
        }
        let text = |path: &str| event.text(path).map(std::borrow::Cow::into_owned);
        let access_key_id = text("responseElements.credentials.accessKeyId")
            .ok_or(Missing("`responseElements.credentials.accessKeyId`"))?;
        let issued_at = event.time().ok_or(Missing("readable `eventTime`"))?;
        let arn = text(start.arn).or_else(|| session_arn(event));
        let account = account(event, arn.as_deref()).ok_or(Missing("account"))?;
        let caller = Principal::of(event);
        Ok(Self {
            started_by: caller.session_key(&account),
            account,
            id: text(start.id),
            arn,
            access_key_id,
            issued_at,
            expires_at: expiry(event, issued_at, start.max_duration),
            tags: session_tags(event),
            transitive_tag_keys: transitive_tag_keys(event),
            source_identity: text("requestParameters.sourceIdentity"),
            issuer: text("userIdentity.principalId").filter(|_| event.name == "GetFederationToken"),
            subject: text("userIdentity.userName").filter(|_| start.by_provider),
            on_behalf_of: caller.on_behalf_of.clone(),
            assumed_by: assumed_by(caller),
        })
    }

    /// The value of a session tag; keys are compared as STS does.
    pub fn tag(&self, key: &str) -> Option<&str> {
        let mut tags = self.tags.iter();
        tags.find(|(other, _)| other.eq_ignore_ascii_case(key)).map(|(_, value)| value.as_str())
    }

    /// Whether whoever has the session signs with other keys than STS issued: Identity Center and account
    /// access hand them out.
    pub(crate) fn has_other_keys(&self) -> bool {
        let is_of_identity_center = |arn: &str| arn.contains(":assumed-role/AWSReservedSSO_");
        self.arn.as_deref().is_some_and(is_of_identity_center)
            || self.assumed_by.as_deref() == Some("account-access.amazonaws.com")
    }

    /// The end of the credentials, not before their start: a record may say otherwise.
    pub(super) fn ends_at(&self) -> OffsetDateTime {
        self.expires_at.max(self.issued_at)
    }

    /// When the table may delete the session: a console lives on without its first credentials.
    pub fn forgotten_at(&self) -> OffsetDateTime {
        let console = self.issued_at.saturating_add(LONGEST_CONSOLE);
        self.ends_at().max(console).saturating_add(KEPT_AFTER_END)
    }
}

/// The caller of the STS call.
fn assumed_by(caller: Principal) -> Option<String> {
    caller.arn.clone().or_else(|| caller.service().map(str::to_owned)).or(caller.id)
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

/// The end that the record names, else that of the requested or the longest duration.
fn expiry(event: &Event, issued_at: OffsetDateTime, max_duration: Duration) -> OffsetDateTime {
    let recorded = || timestamp::parse(&event.text("responseElements.credentials.expiration")?);
    let requested = || {
        let seconds = event.text("requestParameters.durationSeconds")?;
        issued_at.checked_add(Duration::seconds(seconds.parse().ok()?))
    };
    recorded().or_else(requested).unwrap_or_else(|| issued_at.saturating_add(max_duration))
}

/// Incoming transitive tags first, so that tags of the request win.
fn session_tags(event: &Event) -> TagMap {
    let mut tags = TagMap::new();
    for path in [
        "requestParameters.incomingTransitiveTags",
        "requestParameters.tags[]",
        "requestParameters.principalTags",
    ] {
        for (key, value) in event.values(path).into_iter().flat_map(pairs) {
            insert_case_insensitive(&mut tags, key, value);
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
impl Session {
    /// Of ann, with nothing that a session may lack.
    pub(crate) fn bare(access_key_id: &str) -> Self {
        Self {
            account: "111122223333".into(),
            id: Some("AROAX:ann".into()),
            arn: None,
            access_key_id: access_key_id.into(),
            issued_at: OffsetDateTime::UNIX_EPOCH,
            expires_at: OffsetDateTime::UNIX_EPOCH,
            tags: TagMap::new(),
            transitive_tag_keys: Vec::new(),
            source_identity: None,
            issuer: None,
            subject: None,
            assumed_by: None,
            on_behalf_of: None,
            started_by: None,
        }
    }
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
    fn tags_of_the_request_win_over_incoming_ones_case_insensitively() {
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
    fn an_unreadable_expiry_is_that_of_the_requested_or_the_longest_duration() {
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
        assert_eq!(reason, NotASession::Failed("AccessDenied".into()));
    }
}
