//! Principals and sessions, as `explain` and `replay` show them.

use aws_tags::record::timestamp;
use aws_tags::tags::TagMap;
use aws_tags::{Principal, Session};
use serde::Serialize;

/// A session as it is shown: without anything secret.
#[derive(Serialize)]
pub(crate) struct SessionFields<'a> {
    account: &'a str,
    id: Option<&'a str>,
    arn: Option<&'a str>,
    access_key_id: &'a str,
    issued_at: String,
    expires_at: String,
    tags: &'a TagMap,
    transitive_tag_keys: &'a [String],
    source_identity: Option<&'a str>,
}

impl<'a> From<&'a Session> for SessionFields<'a> {
    fn from(session: &'a Session) -> Self {
        Self {
            account: &session.account,
            id: session.id.as_deref(),
            arn: session.arn.as_deref(),
            access_key_id: &session.access_key_id,
            issued_at: timestamp::format(session.issued_at),
            expires_at: timestamp::format(session.expires_at),
            tags: &session.tags,
            transitive_tag_keys: &session.transitive_tag_keys,
            source_identity: session.source_identity.as_deref(),
        }
    }
}

/// The principal on one line: `arn:aws:iam::…:user/ann (IAMUser)`.
pub(crate) fn principal(principal: &Principal) -> String {
    let service = principal.service();
    let name =
        service.or(principal.arn.as_deref()).or(principal.id.as_deref()).or(principal.account.as_deref());
    let kind = if principal.kind.is_empty() { "Unknown" } else { &principal.kind };
    match name {
        Some(name) => format!("{name} ({kind})"),
        None => kind.to_owned(),
    }
}

/// The principal as people call it: `developer/ann`, `user ann`, `ecs.amazonaws.com`.
pub(crate) fn short(principal: &Principal) -> String {
    let resource = principal.arn.as_deref().and_then(|arn| arn.splitn(6, ':').nth(5));
    if let Some(service) = principal.service() {
        return service.to_owned();
    }
    match resource.and_then(|resource| resource.split_once('/')) {
        Some(("assumed-role", session)) => session.to_owned(),
        Some((kind, name)) => format!("{kind} {name}"),
        None => resource
            .or(principal.id.as_deref())
            .or(principal.account.as_deref())
            .unwrap_or("nobody that the record names")
            .to_owned(),
    }
}
