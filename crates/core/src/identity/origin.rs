//! Who stands at the head of a chain of sessions.
//!
//! A role session may start another one, and that a third: each record names only the session before. The
//! first was started by somebody who has no session: a person or pipeline whom an identity provider names, an
//! IAM user, an AWS service.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining>

use super::session::Session;

/// AWS sets no limit; an hour is the longest that each link of a chain lives.
pub(crate) const LONGEST_CHAIN: usize = 16;

/// The origin of a session that no other session started, in the form that its owner can choose least: whom
/// the identity provider names; the user or instance that assumed the role; the source identity; the Identity
/// Center user; the other account's session; else, where a service gave it, the session itself.
pub(crate) fn head(session: &Session) -> Option<&str> {
    let assumed_by = session.assumed_by.as_deref();
    let forms = [
        session.subject.as_deref(),
        assumed_by.filter(|by| by.starts_with("arn:")),
        session.source_identity.as_deref(),
        session.on_behalf_of.as_deref(),
        // An id with a session's name. Services, and ids of users, have no colon.
        assumed_by.filter(|by| by.contains(':')),
        session.arn.as_deref(),
    ];
    forms.into_iter().flatten().find(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Session {
        Session { arn: Some("the session".into()), ..Session::bare("ASIAX") }
    }

    #[test]
    fn the_origin_is_what_its_owner_can_choose_least() {
        let text = |text: &str| Some(text.to_owned());
        let by = |assumed_by: &str| Session { assumed_by: text(assumed_by), ..session() };
        let user = "arn:aws:iam::111122223333:user/jo";
        for (session, origin) in [
            (Session { subject: text("repo:acme/infra"), ..by("999999999999:acme") }, "repo:acme/infra"),
            (Session { source_identity: text("ann"), ..by(user) }, user),
            (Session { source_identity: text("ann"), ..by("AROAFOREIGN:x") }, "ann"),
            (Session { on_behalf_of: text("user-id"), ..by("account-access.amazonaws.com") }, "user-id"),
            (by("AROAFOREIGN:ann"), "AROAFOREIGN:ann"),
            (by("AIDAFOREIGN"), "the session"),
            (by("pods.eks.amazonaws.com"), "the session"),
            (Session { subject: text(""), ..session() }, "the session"),
        ] {
            assert_eq!(head(&session), Some(origin), "{session:?}");
        }
    }
}
