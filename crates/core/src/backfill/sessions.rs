//! Which sessions a history is asked for: those that created something, and those from which they were started.
//!
//! A session is found by one question: CloudTrail indexes its record by `AROA…:session`. Without the second in which
//! it began, only the key that STS issued tells, and that is indexed, too.
//! <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupAttribute.html>

use time::OffsetDateTime;

use crate::identity::{Principal, Session, SessionKey};
use crate::record::Event;

/// A session that the history is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub key: SessionKey,
    /// Where it was used: its record may well be there.
    pub region: String,
    /// When it was used.
    at: OffsetDateTime,
}

/// The session that made a call, or that started another one; `None` where there is none that could carry tags.
pub fn wanted(event: &Event) -> Option<Wanted> {
    let (at, region) = (event.time()?, event.region().to_owned());
    let key = match Session::of(event) {
        Ok(session) => session.started_by?,
        Err(_) => Principal::of(event).session_key(&event.account()?)?,
    };
    (key.created.is_some() || key.access_key_id.is_some()).then_some(Wanted { key, region, at })
}

impl Wanted {
    /// What to ask for as `ResourceName`.
    pub fn resource_name(&self) -> &str {
        match (self.key.created, &self.key.access_key_id) {
            (None, Some(key)) => key,
            _ => &self.key.id,
        }
    }

    /// The span of time to ask about, both ends included.
    pub fn window(&self) -> (OffsetDateTime, OffsetDateTime) {
        self.key.window(self.at)
    }

    /// By what it is told from other sessions: each is asked for once.
    pub fn identity(&self) -> (String, Option<OffsetDateTime>) {
        (self.resource_name().to_owned(), self.key.created)
    }

    /// Whether a session may be the one that is meant.
    pub fn may_be(&self, session: &Session) -> bool {
        let (from, to) = self.window();
        let is_its_time = (from..=to).contains(&session.issued_at);
        is_its_time
            && session.id.as_deref() == Some(self.key.id.as_str())
            && (self.key.created.is_some() || self.key.names(session))
    }

    /// Whether such a session leaves nothing to ask elsewhere. Where the caller signs with a key that STS issued, only
    /// the one with that key is certain; the console and Identity Center sign with others.
    pub fn is_settled_by(&self, session: &Session) -> bool {
        self.key.names(session) || self.key.signed_in || session.has_other_keys()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn event(fields: Value) -> Event {
        let mut record = json!({
            "eventSource": "sqs.amazonaws.com", "eventName": "CreateQueue", "awsRegion": "eu-west-1",
            "eventTime": "2026-05-04T10:00:00Z", "recipientAccountId": "111122223333",
            "userIdentity": {"type": "AssumedRole", "principalId": "AROAX:ann", "accountId": "111122223333",
                "arn": "arn:aws:sts::111122223333:assumed-role/dev/ann", "accessKeyId": "ASIAX",
                "sessionContext": {"attributes": {"creationDate": "2026-05-04T09:00:00Z"}}}});
        record.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
        Event::from_json(record).expect("a record")
    }

    fn session(key: &str, at: &str) -> Session {
        let record = json!({"eventSource": "sts.amazonaws.com", "eventName": "AssumeRole", "eventTime": at,
            "responseElements": {"credentials": {"accessKeyId": key}, "assumedRoleUser": {
                "assumedRoleId": "AROAX:ann", "arn": "arn:aws:sts::111122223333:assumed-role/dev/ann"}}});
        Session::of(&Event::from_json(record).expect("a record")).expect("a session")
    }

    #[test]
    fn a_session_is_asked_for_by_its_id_in_the_seconds_around_its_beginning() {
        let wanted = wanted(&event(json!({}))).expect("a session");
        let (from, to) = wanted.window();
        assert_eq!((wanted.resource_name(), (to - from).whole_seconds()), ("AROAX:ann", 2));
        assert!(wanted.may_be(&session("ASIAY", "2026-05-04T09:00:01Z")));
        assert!(!wanted.may_be(&session("ASIAX", "2026-05-04T09:00:02Z")));
    }

    #[test]
    fn only_the_callers_key_is_certain_where_sts_issued_it() {
        let wanted = wanted(&event(json!({}))).expect("a session");
        assert!(wanted.is_settled_by(&session("ASIAX", "2026-05-04T09:00:00Z")));
        assert!(!wanted.is_settled_by(&session("ASIAY", "2026-05-04T09:00:00Z")));
        let console = super::wanted(&event(json!({"sessionCredentialFromConsole": "true"})));
        assert!(console.expect("a session").is_settled_by(&session("ASIAY", "2026-05-04T09:00:00Z")));
    }

    #[test]
    fn without_its_beginning_a_session_is_asked_for_by_its_key() {
        let identity = json!({"type": "AssumedRole", "principalId": "AROAX:ann", "accountId": "111122223333",
            "arn": "arn:aws:sts::111122223333:assumed-role/dev/ann", "accessKeyId": "ASIAX"});
        let wanted = wanted(&event(json!({"userIdentity": identity}))).expect("a session");
        assert_eq!(wanted.resource_name(), "ASIAX");
        assert!(wanted.may_be(&session("ASIAX", "2026-05-03T23:00:00Z")));
        assert!(!wanted.may_be(&session("ASIAY", "2026-05-03T23:00:00Z")));
    }

    #[test]
    fn who_has_no_session_needs_none_and_a_session_needs_the_one_that_started_it() {
        let user = json!({"type": "IAMUser", "principalId": "AIDAX", "accountId": "111122223333",
            "arn": "arn:aws:iam::111122223333:user/jo"});
        assert_eq!(wanted(&event(json!({"userIdentity": user}))), None);
        let chained = event(json!({"eventSource": "sts.amazonaws.com", "eventName": "AssumeRole",
            "responseElements": {"credentials": {"accessKeyId": "ASIAZ"}, "assumedRoleUser": {
                "assumedRoleId": "AROAY:bo", "arn": "arn:aws:sts::111122223333:assumed-role/next/bo"}}}));
        assert_eq!(wanted(&chained).map(|wanted| wanted.key.id), Some("AROAX:ann".to_owned()));
    }
}
