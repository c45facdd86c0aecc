//! Merges tags: who the owner is, which tags a resource inherits, and where each comes from.

use std::fmt;

use crate::identity::{Principal, Session};
use crate::record::{Event, Piece, pieces};
use crate::settings::{OwnerForm, SESSION_VARIABLE, SessionFact, Settings};
use crate::tags::{KEY_LENGTH, Tag, TagMap, TagSource, VALUE_LENGTH, is_allowed, starts_reserved, too_long};

/// A tag that does not reach the resource, and why: it is reported, never silent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    pub key: String,
    pub source: TagSource,
    pub reason: DropReason,
}

/// Why a tag does not reach the resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DropReason {
    Alphabet,
    Empty,
    NoPrincipal,
    NoVariable,
    NotInherited,
    OverLimit,
    Reserved,
    Present,
    /// AWS refuses it on this resource, with its reason.
    Refused(String),
    /// It depends on a session that is not known yet.
    SessionPending,
    /// A session of which no record is left may have had a tag that wins over it.
    SessionUnknown,
    /// It is the skip mark's key.
    SkipMark,
    Stated,
    TooLong,
}

impl DropReason {
    pub fn as_str(&self) -> &str {
        match self {
            Self::Alphabet => "the service takes fewer characters",
            Self::Empty => "its key is empty",
            Self::NoPrincipal => "the record names no principal",
            Self::NoVariable => "the record lacks a variable",
            Self::NotInherited => "not inherited by the settings",
            Self::OverLimit => "over the resource's limit of tags",
            Self::Reserved => "`aws:` is reserved",
            Self::Present => "on the resource already",
            Self::Refused(reason) => reason,
            Self::SessionPending => "waits for the session",
            Self::SessionUnknown => "the session is not known, whose tags win over it",
            Self::SkipMark => "the skip mark is never inherited",
            Self::Stated => "stated by aws-tags itself",
            Self::TooLong => "longer than a tag may be",
        }
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The tags of one event, in order of priority.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// Tags for every resource of the event, up to its limit.
    pub tags: Vec<Tag>,
    /// Tags that no resource gets.
    pub dropped: Vec<Dropped>,
}

/// What is known of a principal, for certain.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inherited<'a> {
    /// Tags of the role or user.
    pub(crate) iam: &'a TagMap,
    /// The session, if it has one that is recorded.
    pub(crate) session: Option<&'a Session>,
    /// Who stands at the head of the session's chain, where the settings ask for it.
    pub(crate) origin: Option<&'a str>,
}

impl<'a> Inherited<'a> {
    fn fact(self, fact: &SessionFact) -> Option<&'a str> {
        match fact {
            SessionFact::Origin => self.origin,
            SessionFact::Subject => self.session?.subject.as_deref(),
            SessionFact::AssumedBy => self.session?.assumed_by.as_deref(),
            SessionFact::SourceIdentity => self.session?.source_identity.as_deref(),
            SessionFact::OnBehalfOf => self.session?.on_behalf_of.as_deref(),
            SessionFact::Tag(key) => self.session?.tag(key),
        }
    }
}

/// Merges the principal's tags into those of its resources. Session tags override IAM tags,
/// case-insensitively; the tags that this program states come from nowhere else. `inherited` is `None`
/// while it is not known.
pub(crate) fn merge(
    settings: &Settings,
    event: &Event,
    principal: &Principal,
    inherited: Option<Inherited<'_>>,
) -> Merged {
    let mut merged = Merged::default();
    let foreign = event.account().is_none_or(|account| principal.is_foreign_to(&account));
    merged.add_owner(settings, principal, foreign, inherited);
    // Created by a service on its own, or from another account: the owner and nothing else.
    if principal.service().is_some() || foreign {
        return merged;
    }
    merged.add_mark(settings, principal);
    let no_tags = TagMap::new();
    let iam = inherited.map_or(&no_tags, |known| known.iam);
    let session = inherited.and_then(|known| known.session).map_or(&no_tags, |session| &session.tags);
    let overridden = |key: &String| session.keys().any(|other| other.eq_ignore_ascii_case(key));
    let session_tags = session.iter().map(|pair| (pair, TagSource::Session));
    let iam_tags = iam.iter().filter(|(key, _)| !overridden(key)).map(|pair| (pair, TagSource::Iam));
    for ((key, value), source) in session_tags.chain(iam_tags) {
        match not_inherited_because(settings, key, value) {
            Some(reason) => merged.drop(key, source, reason),
            None => merged.add(key, value.clone(), source),
        }
    }
    merged.add_extra(settings, event, inherited);
    merged
}

impl Merged {
    fn add(&mut self, key: &str, value: String, source: TagSource) {
        self.tags.push(Tag { key: key.to_owned(), value, source });
    }

    fn drop(&mut self, key: &str, source: TagSource, reason: DropReason) {
        self.dropped.push(Dropped { key: key.to_owned(), source, reason });
    }

    /// Leaves out the tags of the role or user, as those of the session may win over them.
    pub(crate) fn withhold_iam_tags(&mut self) {
        for tag in self.tags.extract_if(.., |tag| tag.source == TagSource::Iam) {
            let Tag { key, source, .. } = tag;
            self.dropped.push(Dropped { key, source, reason: DropReason::SessionUnknown });
        }
    }

    fn add_owner(
        &mut self,
        settings: &Settings,
        principal: &Principal,
        foreign: bool,
        inherited: Option<Inherited<'_>>,
    ) {
        match owner(&settings.owner, principal, foreign, inherited) {
            Ok(owner) => self.add(&settings.owner_tag, owner, TagSource::Owner),
            Err(reason) => self.drop(&settings.owner_tag, TagSource::Owner, reason),
        }
    }

    /// The tag by which a resource is known again.
    fn add_mark(&mut self, settings: &Settings, principal: &Principal) {
        if let (Some(key), Some(id)) = (&settings.principal_id_tag, &principal.id) {
            self.add(key, sanitized(id), TagSource::Extra);
        }
    }

    fn add_extra(&mut self, settings: &Settings, event: &Event, inherited: Option<Inherited<'_>>) {
        for (key, template) in &settings.extra_tags {
            match filled(template, event, inherited) {
                Err(reason) => self.drop(key, TagSource::Extra, reason),
                Ok(value) if too_long(&value, VALUE_LENGTH) => {
                    self.drop(key, TagSource::Extra, DropReason::TooLong);
                }
                Ok(value) => self.add(key, sanitized(&value), TagSource::Extra),
            }
        }
    }
}

/// Why a tag of the principal is not inherited; `None` where it is.
pub fn not_inherited_because(settings: &Settings, key: &str, value: &str) -> Option<DropReason> {
    if starts_reserved(key) {
        return Some(DropReason::Reserved);
    }
    if settings.states(key) {
        return Some(DropReason::Stated);
    }
    if settings.skip_mark.as_ref().is_some_and(|mark| mark.key.eq_ignore_ascii_case(key)) {
        return Some(DropReason::SkipMark);
    }
    if !settings.inherits(key) {
        return Some(DropReason::NotInherited);
    }
    if key.is_empty() {
        return Some(DropReason::Empty);
    }
    if too_long(key, KEY_LENGTH) || too_long(value, VALUE_LENGTH) {
        return Some(DropReason::TooLong);
    }
    None
}

/// The owner in the first of the forms that the principal has. One that it lacks, or that is too long for a
/// tag, gives way to the next, and in the end only to what the principal cannot choose: the IAM user's name,
/// then ARN, id and account.
fn owner(
    forms: &[OwnerForm],
    principal: &Principal,
    foreign: bool,
    inherited: Option<Inherited<'_>>,
) -> Result<String, DropReason> {
    if let Some(service) = principal.service() {
        return Ok(sanitized(service));
    }
    let fits = |text: &&str| !text.is_empty() && !too_long(text, VALUE_LENGTH);
    let (arn, account) = (principal.arn.as_deref(), principal.account.as_deref());
    // Names of another account's principals mean nothing here, and may be those of ours.
    for form in forms.iter().filter(|_| !foreign) {
        let text = match form {
            OwnerForm::PrincipalArn => arn,
            OwnerForm::SessionName => principal.session_name(),
            OwnerForm::UserName => principal.user_name.as_deref(),
            OwnerForm::RoleName => principal.role_name(),
            OwnerForm::SourceIdentity => {
                principal.source_identity.as_deref().or(principal.on_behalf_of.as_deref())
            }
            OwnerForm::Session(fact) => inherited.ok_or(DropReason::SessionPending)?.fact(fact),
        };
        if let Some(text) = text.filter(fits) {
            return Ok(sanitized(text));
        }
    }
    let (user, id) = (principal.user_name.as_deref(), principal.id.as_deref());
    let fallbacks = if foreign { [None, arn, account, id] } else { [user, arn, id, account] };
    let last = fallbacks.into_iter().flatten().find(fits);
    last.map(sanitized).ok_or(DropReason::NoPrincipal)
}

/// Fills `${path}` from the record, and `${session.…}` from that of the session.
fn filled(template: &str, event: &Event, inherited: Option<Inherited<'_>>) -> Result<String, DropReason> {
    pieces(template)
        .map(|piece| match piece {
            Piece::Text(text) => Ok(text.to_owned()),
            Piece::Variable(path) => {
                let text = match path.strip_prefix(SESSION_VARIABLE).and_then(SessionFact::named) {
                    None => event.text(path).map(std::borrow::Cow::into_owned),
                    Some(fact) => inherited.ok_or(DropReason::SessionPending)?.fact(&fact).map(str::to_owned),
                };
                text.ok_or(DropReason::NoVariable)
            }
        })
        .collect()
}

/// Replaces characters that tag values must not hold, but session names may, by `_`.
fn sanitized(value: &str) -> String {
    value.chars().map(|c| if is_allowed(c) { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn settings(vars: &[(&str, &str)]) -> Settings {
        Settings::read(|name| {
            let found = vars.iter().find(|(key, _)| *key == name)?;
            Some(found.1.to_owned())
        })
        .expect("sound settings")
    }

    fn event() -> Event {
        Event::from_json(json!({
            "eventSource": "s", "eventName": "n", "eventTime": "2026-01-02T03:04:05Z",
            "recipientAccountId": "111122223333",
            "userIdentity": {"type": "AssumedRole", "principalId": "AROAX:ann,b", "accountId": "111122223333",
                "arn": "arn:aws:sts::111122223333:assumed-role/dev/ann,b",
                "sessionContext": {"sourceIdentity": "ann@example.com", "sessionIssuer": {
                    "type": "Role", "principalId": "AROAX", "accountId": "111122223333",
                    "arn": "arn:aws:iam::111122223333:role/dev", "userName": "dev"}}}}))
        .expect("a record")
    }

    fn map(pairs: &[(&str, &str)]) -> TagMap {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    fn merged(vars: &[(&str, &str)], iam: &[(&str, &str)], session: &[(&str, &str)]) -> Merged {
        let event = event();
        let session = session_with(map(session));
        let inherited = Inherited { iam: &map(iam), session: Some(&session), origin: Some("jo") };
        merge(&settings(vars), &event, &Principal::of(&event), Some(inherited))
    }

    fn session_with(tags: TagMap) -> Session {
        Session {
            account: "111122223333".into(),
            id: None,
            arn: None,
            access_key_id: "ASIAX".into(),
            issued_at: time::OffsetDateTime::UNIX_EPOCH,
            expires_at: time::OffsetDateTime::UNIX_EPOCH,
            tags,
            transitive_tag_keys: Vec::new(),
            source_identity: None,
            issuer: None,
            subject: Some("repo:acme/infra:ref:refs/heads/main".into()),
            assumed_by: Some("arn:aws:iam::111122223333:user/jo".into()),
            on_behalf_of: None,
            started_by: None,
        }
    }

    fn value<'a>(merged: &'a Merged, key: &str) -> Option<&'a str> {
        let tag = merged.tags.iter().find(|tag| tag.key == key)?;
        Some(&tag.value)
    }

    #[test]
    fn session_tags_override_iam_tags_case_insensitively() {
        let merged = merged(&[], &[("team", "iam"), ("Cost", "1")], &[("Team", "session")]);
        assert_eq!(value(&merged, "Team"), Some("session"));
        assert_eq!(value(&merged, "team"), None);
        assert_eq!(value(&merged, "Cost"), Some("1"));
    }

    #[test]
    fn stated_tags_never_come_from_the_principal_case_insensitively() {
        let vars = [("EXTRA_TAGS", "CreatedAt=${eventTime},Gone=${no.such}")];
        let stolen = [("OWNER", "x"), ("createdat", "x"), ("gone", "x"), ("principalID", "x")];
        let merged = merged(&vars, &stolen, &stolen);
        assert!(merged.tags.iter().all(|tag| tag.value != "x"), "{merged:?}");
        assert_eq!(value(&merged, "CreatedAt"), Some("2026-01-02T03:04:05Z"));
        assert_eq!(value(&merged, "Gone"), None);
    }

    #[test]
    fn the_owner_has_the_form_that_the_settings_ask_for() {
        let owner = |form| {
            let merged = merged(&[("OWNER", form)], &[], &[]);
            value(&merged, "Owner").map(str::to_owned)
        };
        let arn = "arn:aws:sts::111122223333:assumed-role/dev/ann_b";
        assert_eq!(owner("principal-arn").as_deref(), Some(arn));
        assert_eq!(owner("session-name").as_deref(), Some("ann_b"));
        assert_eq!(owner("role-name").as_deref(), Some("dev"));
        assert_eq!(owner("source-identity").as_deref(), Some("ann@example.com"));
        assert_eq!(owner("user-name").as_deref(), Some(arn), "no form that the caller chose");
    }

    #[test]
    fn the_first_form_that_the_principal_has_counts() {
        let owner = |forms, session: &[(&str, &str)]| {
            let merged = merged(&[("OWNER", forms)], &[("email", "of-the-role")], session);
            value(&merged, "Owner").map(str::to_owned)
        };
        let forms = "session-tag:email, user-name, source-identity";
        assert_eq!(owner(forms, &[("Email", "ann@x")]).as_deref(), Some("ann@x"));
        assert_eq!(owner(forms, &[("email", "")]).as_deref(), Some("ann@example.com"));
        assert_eq!(owner("user-name,session-name,role-name", &[]).as_deref(), Some("ann_b"));
        assert_eq!(owner("subject", &[]).as_deref(), Some("repo:acme/infra:ref:refs/heads/main"));
        assert_eq!(owner("origin,subject", &[]).as_deref(), Some("jo"));
    }

    #[test]
    fn extra_tags_may_say_who_began_the_session() {
        let vars = [(
            "EXTRA_TAGS",
            "From=${session.subject} by ${session.assumedBy},Head=${session.origin},Unit=${session.tags.team},\
             Gone=${session.onBehalfOf}",
        )];
        let known = merged(&vars, &[], &[("Team", "payments")]);
        let from = "repo:acme/infra:ref:refs/heads/main by arn:aws:iam::111122223333:user/jo";
        assert_eq!((value(&known, "From"), value(&known, "Head")), (Some(from), Some("jo")));
        assert_eq!((value(&known, "Unit"), value(&known, "Gone")), (Some("payments"), None));
        let event = event();
        let waits = merge(&settings(&vars), &event, &Principal::of(&event), None);
        assert!(
            waits.dropped.iter().all(|dropped| dropped.reason == DropReason::SessionPending),
            "{waits:?}"
        );
        assert_eq!(value(&waits, "From"), None);
    }

    #[test]
    fn an_owner_that_a_session_decides_waits_for_it() {
        let owner = |forms| {
            let event = event();
            let merged = merge(&settings(&[("OWNER", forms)]), &event, &Principal::of(&event), None);
            (value(&merged, "Owner").map(str::to_owned), merged.dropped)
        };
        let waits =
            Dropped { key: "Owner".into(), source: TagSource::Owner, reason: DropReason::SessionPending };
        assert_eq!(owner("session-tag:email,session-name"), (None, vec![waits]));
        assert_eq!(owner("session-name,session-tag:email"), (Some("ann_b".to_owned()), Vec::new()));
    }

    #[test]
    fn an_empty_form_is_none() {
        let record = json!({"eventSource": "s", "eventName": "n", "recipientAccountId": "111122223333",
            "userIdentity": {"type": "AssumedRole", "principalId": "AROAX:", "accountId": "111122223333"}});
        let event = Event::from_json(record).expect("a record");
        let merged = merge(&settings(&[("OWNER", "session-name")]), &event, &Principal::of(&event), None);
        assert_eq!(value(&merged, "Owner"), Some("AROAX:"));
    }

    #[test]
    fn inherited_keys_are_chosen_by_patterns() {
        let vars = [("INHERIT", "Team,Cost*"), ("DO_NOT_INHERIT", "*Secret")];
        let merged =
            merged(&vars, &[("team", "a"), ("CostCenter", "1"), ("CostSecret", "2"), ("Other", "3")], &[]);
        assert_eq!(value(&merged, "team"), Some("a"));
        assert_eq!(value(&merged, "CostCenter"), Some("1"));
        assert_eq!(value(&merged, "CostSecret"), None);
        assert_eq!(value(&merged, "Other"), None);
    }

    #[test]
    fn reserved_and_overlong_tags_are_dropped_and_named() {
        let text = |length| "ä".repeat(length);
        let longest = merged(&[], &[(&text(128), &text(256))], &[]);
        assert_eq!(value(&longest, &text(128)), Some(text(256).as_str()));
        for (key, value, reason) in [
            ("AWS:x", "1", DropReason::Reserved),
            ("", "1", DropReason::Empty),
            (&text(129), "1", DropReason::TooLong),
            ("Long", &text(257), DropReason::TooLong),
        ] {
            let merged = merged(&[], &[(key, value)], &[]);
            assert_eq!(merged.dropped, [Dropped { key: key.into(), source: TagSource::Iam, reason }]);
            assert!(merged.tags.iter().all(|tag| tag.key != key));
        }
    }

    #[test]
    fn what_is_filled_into_a_template_may_be_too_long_or_no_tag_value() {
        let mut record = json!({"eventSource": "s", "eventName": "n", "recipientAccountId": "111122223333",
            "userIdentity": {"type": "IAMUser", "principalId": "AIDAX", "accountId": "111122223333",
                             "userName": "ann"}});
        record["userAgent"] = json!("x".repeat(257));
        record["sourceIPAddress"] = json!("a;b");
        let event = Event::from_json(record).expect("a record");
        let vars = [("EXTRA_TAGS", "Agent=${userAgent},From=${sourceIPAddress}")];
        let no_tags = TagMap::new();
        let inherited = Inherited { iam: &no_tags, session: None, origin: None };
        let merged = merge(&settings(&vars), &event, &Principal::of(&event), Some(inherited));
        assert_eq!(
            (merged.dropped[0].key.as_str(), &merged.dropped[0].reason),
            ("Agent", &DropReason::TooLong)
        );
        assert_eq!((value(&merged, "Agent"), value(&merged, "From")), (None, Some("a_b")));
    }

    #[test]
    fn a_caller_of_another_account_gives_the_owner_only() {
        let mut record = json!({"eventSource": "s", "eventName": "n", "recipientAccountId": "999999999999"});
        record["userIdentity"] =
            json!({"type": "AWSAccount", "principalId": "AIDAX", "accountId": "111122223333"});
        let event = Event::from_json(record).expect("a record");
        let (iam, session) = (map(&[("a", "b")]), session_with(map(&[("c", "d")])));
        let inherited = Inherited { iam: &iam, session: Some(&session), origin: Some("jo") };
        let merged =
            merge(&settings(&[("OWNER", "origin")]), &event, &Principal::of(&event), Some(inherited));
        assert_eq!(merged.tags.len(), 1);
        assert_eq!(value(&merged, "Owner"), Some("111122223333"));
    }
}
