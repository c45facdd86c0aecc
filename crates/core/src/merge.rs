//! Merging: who the owner is, which tags a resource inherits, and where each comes from.

use std::fmt;

use crate::arn::{Piece, pieces};
use crate::event::Event;
use crate::principal::Principal;
use crate::settings::{OwnerForm, Settings};
use crate::tags::{KEY_LENGTH, TagMap, VALUE_LENGTH, is_allowed, starts_reserved, too_long};

/// Where a tag comes from. The order is the one in which tags keep their place when a resource
/// cannot take them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The owner that this program states.
    Owner,
    /// A tag of the session.
    Session,
    /// A tag of the IAM role or user.
    Iam,
    /// `PrincipalId`, and tags made from templates.
    Extra,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Owner => "owner",
            Self::Session => "session",
            Self::Iam => "iam",
            Self::Extra => "extra",
        })
    }
}

/// A tag and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Key, in the case of letters of its source.
    pub key: String,
    /// Value.
    pub value: String,
    /// Source.
    pub source: Source,
}

/// A tag that does not reach the resource, and why. Said, never silent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// Key.
    pub key: String,
    /// Source.
    pub source: Source,
    /// Why.
    pub reason: &'static str,
}

/// The tags of one event, in order of priority.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// What every resource of the event gets, as far as it takes them.
    pub tags: Vec<Tag>,
    /// What no resource gets.
    pub dropped: Vec<Dropped>,
}

/// Merges what is known of the principal into the tags of its resources: session over IAM tags,
/// without regard to case; the tags that this program vouches for come from nowhere else.
pub fn merge(
    settings: &Settings,
    event: &Event,
    principal: &Principal,
    iam: &TagMap,
    session: &TagMap,
) -> Merged {
    let mut merged = Merged::default();
    merged.add_owner(settings, principal);
    let foreign = event.account().is_none_or(|account| principal.is_foreign_to(&account));
    // What a service made on its own, or someone of another account: the owner and nothing else.
    if principal.service().is_some() || foreign {
        return merged;
    }
    let hidden = |key: &String| session.keys().any(|other| other.eq_ignore_ascii_case(key));
    let session_tags = session.iter().map(|pair| (pair, Source::Session));
    let iam_tags = iam.iter().filter(|(key, _)| !hidden(key)).map(|pair| (pair, Source::Iam));
    for ((key, value), source) in session_tags.chain(iam_tags) {
        match refusal(settings, key, value) {
            Some(reason) => merged.drop(key, source, reason),
            None => merged.add(key, value.clone(), source),
        }
    }
    merged.add_extra(settings, event, principal);
    merged
}

impl Merged {
    /// The tags for a resource that takes `limit` and on which the creating request has set
    /// `requested`; tags that do not fit are reported in the second value.
    pub fn for_resource(
        &self,
        settings: &Settings,
        limit: usize,
        requested: &TagMap,
    ) -> (TagMap, Vec<Dropped>) {
        let mut tags = TagMap::new();
        let mut dropped = Vec::new();
        let room = limit.saturating_sub(requested.len());
        let mut added = 0;
        for tag in &self.tags {
            let set_by_request = requested.contains_key(&tag.key);
            let reason = if set_by_request && settings.keep_requested {
                Some("set by the request")
            } else if !set_by_request && added == room {
                Some("over the resource's limit of tags")
            } else {
                None
            };
            match reason {
                Some(reason) => dropped.push(Dropped { key: tag.key.clone(), source: tag.source, reason }),
                None => {
                    added += usize::from(!set_by_request);
                    tags.insert(tag.key.clone(), tag.value.clone());
                }
            }
        }
        (tags, dropped)
    }

    fn add(&mut self, key: &str, value: String, source: Source) {
        self.tags.push(Tag { key: key.to_owned(), value, source });
    }

    fn drop(&mut self, key: &str, source: Source, reason: &'static str) {
        self.dropped.push(Dropped { key: key.to_owned(), source, reason });
    }

    fn add_owner(&mut self, settings: &Settings, principal: &Principal) {
        let Some(owner) = owner(settings.owner, principal) else {
            return self.drop(&settings.owner_tag, Source::Owner, "the record names no principal");
        };
        self.add(&settings.owner_tag, owner, Source::Owner);
    }

    fn add_extra(&mut self, settings: &Settings, event: &Event, principal: &Principal) {
        if let (Some(key), Some(id)) = (&settings.principal_id_tag, &principal.id) {
            self.add(key, allowed(id), Source::Extra);
        }
        for (key, template) in &settings.extra_tags {
            match filled(template, event) {
                None => self.drop(key, Source::Extra, "the record lacks a variable"),
                Some(value) if too_long(&value, VALUE_LENGTH) => {
                    self.drop(key, Source::Extra, "longer than 256 characters");
                }
                Some(value) => self.add(key, allowed(&value), Source::Extra),
            }
        }
    }
}

/// Why a tag of the principal is not inherited.
fn refusal(settings: &Settings, key: &str, value: &str) -> Option<&'static str> {
    if starts_reserved(key) {
        return Some("`aws:` is reserved");
    }
    if settings.vouches_for(key) {
        return Some("stated by aws-tags itself");
    }
    if !settings.inherits(key) {
        return Some("not inherited by the settings");
    }
    if key.is_empty() || too_long(key, KEY_LENGTH) || too_long(value, VALUE_LENGTH) {
        return Some("longer than a tag may be");
    }
    None
}

/// The owner in the wanted form; forms that the principal lacks, or that are too long for a tag,
/// give way to the next, down to the principal's ARN, id and account.
fn owner(form: OwnerForm, principal: &Principal) -> Option<String> {
    if let Some(service) = principal.service() {
        return Some(allowed(service));
    }
    let arn = principal.arn.as_deref();
    let session = principal.session_name();
    let source_identity = principal.source_identity.as_deref();
    let user = principal.user_name.as_deref();
    let role = principal.role_name();
    let forms: &[Option<&str>] = match form {
        OwnerForm::PrincipalArn => &[arn],
        OwnerForm::SessionName => &[session, user],
        OwnerForm::UserName => &[user, source_identity, session],
        OwnerForm::RoleName => &[role, user],
        OwnerForm::SourceIdentity => &[source_identity, principal.on_behalf_of.as_deref(), session, user],
    };
    let last = [arn, principal.id.as_deref(), principal.account.as_deref()];
    forms
        .iter()
        .chain(&last)
        .flatten()
        .find(|text| !text.is_empty() && !too_long(text, VALUE_LENGTH))
        .map(|text| allowed(text))
}

/// Fills `${path}` from the record; `None` where a variable is absent.
fn filled(template: &str, event: &Event) -> Option<String> {
    pieces(template)
        .map(|piece| match piece {
            Piece::Text(text) => Some(text.to_owned()),
            Piece::Variable(path) => event.text(path).map(std::borrow::Cow::into_owned),
        })
        .collect()
}

/// Session names may hold characters that tag values must not; each becomes `_`.
fn allowed(value: &str) -> String {
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
        merge(&settings(vars), &event, &Principal::of(&event), &map(iam), &map(session))
    }

    fn value<'a>(merged: &'a Merged, key: &str) -> Option<&'a str> {
        let tag = merged.tags.iter().find(|tag| tag.key == key)?;
        Some(&tag.value)
    }

    #[test]
    fn session_tags_override_iam_tags_in_any_case() {
        let merged = merged(&[], &[("team", "iam"), ("Cost", "1")], &[("Team", "session")]);
        assert_eq!(value(&merged, "Team"), Some("session"));
        assert_eq!(value(&merged, "team"), None);
        assert_eq!(value(&merged, "Cost"), Some("1"));
    }

    #[test]
    fn vouched_tags_cannot_come_from_the_principal_in_any_case() {
        let vars = [("EXTRA_TAGS", "CreatedAt=${eventTime},Gone=${no.such}")];
        let stolen = [("OWNER", "x"), ("createdat", "x"), ("gone", "x"), ("principalID", "x")];
        let merged = merged(&vars, &stolen, &stolen);
        assert!(merged.tags.iter().all(|tag| tag.value != "x"), "{merged:?}");
        assert_eq!(value(&merged, "CreatedAt"), Some("2026-01-02T03:04:05Z"));
        assert_eq!(value(&merged, "Gone"), None);
    }

    #[test]
    fn the_owner_takes_the_wanted_form() {
        let owner = |form| {
            let merged = merged(&[("OWNER", form)], &[], &[]);
            value(&merged, "Owner").map(str::to_owned)
        };
        let arn = "arn:aws:sts::111122223333:assumed-role/dev/ann_b";
        assert_eq!(owner("principal-arn").as_deref(), Some(arn));
        assert_eq!(owner("session-name").as_deref(), Some("ann_b"));
        assert_eq!(owner("role-name").as_deref(), Some("dev"));
        assert_eq!(owner("source-identity").as_deref(), Some("ann@example.com"));
        assert_eq!(owner("user-name").as_deref(), Some("ann@example.com"));
    }

    #[test]
    fn allow_and_deny_lists_are_patterns() {
        let vars = [("INHERIT", "Team,Cost*"), ("DO_NOT_INHERIT", "*Secret")];
        let merged =
            merged(&vars, &[("team", "a"), ("CostCenter", "1"), ("CostSecret", "2"), ("Other", "3")], &[]);
        assert_eq!(value(&merged, "team"), Some("a"));
        assert_eq!(value(&merged, "CostCenter"), Some("1"));
        assert_eq!(value(&merged, "CostSecret"), None);
        assert_eq!(value(&merged, "Other"), None);
    }

    #[test]
    fn tags_of_the_request_are_kept_or_overwritten() {
        let requested = map(&[("Team", "mine")]);
        let tags = |vars: &[(&str, &str)]| {
            merged(vars, &[("Team", "iam")], &[]).for_resource(&settings(vars), 50, &requested).0
        };
        assert_eq!(tags(&[]).get("Team"), None);
        let overwrite = tags(&[("REQUESTED_TAGS", "overwrite")]);
        assert_eq!(overwrite.get("Team").map(String::as_str), Some("iam"));
    }

    #[test]
    fn over_the_limit_the_least_important_tags_go_and_are_named() {
        let iam: Vec<_> = (0..60).map(|n| (format!("iam{n:02}"), "v")).collect();
        let iam: Vec<_> = iam.iter().map(|(k, v)| (k.as_str(), *v)).collect();
        let merged = merged(&[], &iam, &[("zSession", "s")]);
        let (tags, dropped) = merged.for_resource(&settings(&[]), 10, &map(&[("Name", "n")]));
        assert_eq!(tags.len(), 9);
        assert!(tags.contains_key("Owner") && tags.contains_key("zSession"));
        assert_eq!(dropped.len(), merged.tags.len() - 9);
        assert!(dropped.iter().all(|tag| tag.reason.contains("limit")));
    }

    #[test]
    fn reserved_and_overlong_tags_are_dropped_and_named() {
        let long = "v".repeat(257);
        let merged = merged(&[], &[("AWS:x", "1"), ("Long", &long)], &[]);
        assert_eq!(merged.dropped.len(), 2);
    }

    #[test]
    fn a_caller_of_another_account_gives_the_owner_only() {
        let mut record = json!({"eventSource": "s", "eventName": "n", "recipientAccountId": "999999999999"});
        record["userIdentity"] =
            json!({"type": "AWSAccount", "principalId": "AIDAX", "accountId": "111122223333"});
        let event = Event::from_json(record).expect("a record");
        let merged =
            merge(&settings(&[]), &event, &Principal::of(&event), &map(&[("a", "b")]), &map(&[("c", "d")]));
        assert_eq!(merged.tags.len(), 1);
        assert_eq!(value(&merged, "Owner"), Some("AIDAX"));
    }
}
