//! CloudTrail's history of a name: whether what bears it now is what an event created.
//!
//! A name can be given again once its bearer is deleted. Calls that answer for what is there already
//! create nothing, however often they succeed.

pub mod endings;
pub mod lives;

use std::collections::BTreeSet;

use time::{Duration, OffsetDateTime};

use crate::effect::Effect;
use crate::record::{Arn, Event};
use crate::table::{self, Answered, Resource};
use lives::{Creator, Did, Moment};

/// CloudTrail keeps management events this long for `LookupEvents`.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html>
pub const KEPT_FOR: Duration = Duration::days(90);
/// Until then a name is taken to be that of the resource that the event created.
pub(crate) const LATE_AFTER: Duration = Duration::hours(1);

/// Calls of one name, of a service in a Region since a time: what `LookupEvents` can find in one go.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Question {
    pub region: String,
    pub event_name: String,
    pub since: OffsetDateTime,
}

/// What has a name now, by the history.
#[derive(Clone, Copy, Debug)]
pub enum Bearer<'a> {
    /// What the event created.
    OfThisEvent,
    /// What this other event created, before or since.
    OfAnother(&'a Event),
}

/// The resources of an event that need the history before they are tagged at `now`: those with names, an
/// hour after the event.
pub fn unsettled(event: &Event, now: OffsetDateTime) -> Vec<Resource> {
    let young = event.time().is_some_and(|at| now <= at.saturating_add(LATE_AFTER));
    match Effect::of(event) {
        Effect::Created(creation) if !young => {
            creation.resources.into_iter().filter(|resource| !resource.unique).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether the history has the creations of a resource's type: it has no data events.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html>
pub fn has_creations_of(resource: &Resource) -> bool {
    resource.resource_type != "s3:object"
}

/// What to ask the history about a resource: every call that creates its type and, where a call also
/// answers for what is there, every call before the event and those that delete it.
pub fn questions(event: &Event, resource: &Resource, now: OffsetDateTime) -> Vec<Question> {
    let may_find = resource.answered != Answered::New;
    let since = match event.time() {
        Some(at) if !may_find => at,
        _ => now.saturating_sub(KEPT_FOR),
    };
    let mut names = creating(event, resource);
    if may_find {
        let deleting = deleting(&names);
        names.extend(deleting);
    }
    let region = event.region().to_owned();
    names.into_iter().map(|event_name| Question { region: region.clone(), event_name, since }).collect()
}

/// The names of the calls that create a resource's type, the event's own among them.
fn creating(event: &Event, resource: &Resource) -> BTreeSet<String> {
    let rows = table::all().flat_map(|service| service.rows);
    let of_type = rows.filter(|row| row.creates() && row.resource_type == resource.resource_type);
    of_type.map(|row| row.event_name.to_owned()).chain([event.name.clone()]).collect()
}

/// The names of the calls that delete what these create.
fn deleting(creating: &BTreeSet<String>) -> Vec<String> {
    let nouns = creating.iter().filter_map(|name| name.strip_prefix("Create"));
    nouns.map(|noun| format!("Delete{noun}")).collect()
}

/// Whether a call may have ended what bears an ARN.
fn may_end(event: &Event, arn: &Arn) -> bool {
    let names = || endings::named_by(event).into_iter().any(|text| endings::names(text, arn));
    event.name.starts_with("Delete") && event.error_code().is_none() && names()
}

/// Who created what bears a resource's name now. `history` is in any order, and may hold the event and others.
pub fn bearer<'a>(event: &'a Event, resource: &Resource, history: &'a [Event]) -> Bearer<'a> {
    let deleting = deleting(&creating(event, resource));
    let is_this = |other: &Event| event.id().is_some() && other.id() == event.id();
    let others = history.iter().filter(|other| !is_this(other)).chain([event]);
    let told: Vec<_> =
        others.filter_map(|one| Some((one, said_of(resource, event, one, &deleting)?))).collect();
    let ids: Vec<_> = told.iter().map(|(one, _)| one.id()).collect();
    let moments = told.iter().zip(&ids).map(|((one, did), id)| {
        // Whoever else created it in the same second, it is not known to be this event's.
        let by = if std::ptr::eq(*one, event) { "this" } else { "another" };
        Moment { at: one.time(), id: id.as_deref(), by, did: *did }
    });
    let counting = match lives::creator(&moments.collect::<Vec<_>>()) {
        Creator::Of(nth) | Creator::MayBeOlder(nth) | Creator::MayHaveEnded { creation: nth, .. } => {
            Some(nth)
        }
        Creator::TwoCreators(one, other) => {
            [one, other].into_iter().find(|nth| !std::ptr::eq(told[*nth].0, event))
        }
        Creator::Unordered(_) | Creator::Ended { .. } | Creator::Nobody => None,
    };
    match counting.map(|nth| told[nth].0) {
        Some(other) if !std::ptr::eq(other, event) => Bearer::OfAnother(other),
        _ => Bearer::OfThisEvent,
    }
}

/// What a record of the history says of a resource.
fn said_of(resource: &Resource, event: &Event, one: &Event, deleting: &[String]) -> Option<Did> {
    if let Effect::Created(creation) = Effect::of(one) {
        let found = creation.resources.iter().find(|found| found.arn == resource.arn)?;
        return Some(Did::Created(found.answered));
    }
    let deletes = one.source == event.source && deleting.contains(&one.name);
    (deletes && may_end(one, &resource.arn)).then_some(Did::Ended)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use time::macros::datetime;

    fn event(id: &str, name: &str, minute: u8, request: Value) -> Event {
        let response = match name {
            "CreateTopic" => json!({"topicArn": "arn:aws:sns:eu-west-1:111122223333:t"}),
            _ => Value::Null,
        };
        let source = if name.ends_with("Topic") { "sns.amazonaws.com" } else { "dynamodb.amazonaws.com" };
        let record = json!({"eventID": id, "eventSource": source, "eventName": name, "awsRegion": "eu-west-1",
            "eventTime": format!("2026-05-04T10:{minute:02}:00Z"), "recipientAccountId": "111122223333",
            "requestParameters": request, "responseElements": response});
        Event::from_json(record).expect("a record")
    }

    fn table(id: &str, minute: u8) -> Event {
        event(id, "CreateTable", minute, json!({"tableName": "t"}))
    }

    fn topic(id: &str, minute: u8) -> Event {
        event(id, "CreateTopic", minute, json!({"name": "t"}))
    }

    /// The id of the event that created what bears the first one's name now.
    fn creator(event: &Event, history: &[Event]) -> String {
        let resource = unsettled(event, datetime!(2026-05-05 10:00 UTC)).remove(0);
        match bearer(event, &resource, history) {
            Bearer::OfThisEvent => event.id().expect("an id").into_owned(),
            Bearer::OfAnother(other) => other.id().expect("an id").into_owned(),
        }
    }

    #[test]
    fn the_last_creation_of_a_name_counts() {
        let ann = table("ann", 10);
        assert_eq!(creator(&ann, &[]), "ann");
        assert_eq!(creator(&ann, &[table("ann", 10), table("earlier", 5)]), "ann");
        assert_eq!(creator(&ann, &[table("bob", 40), table("ann", 10)]), "bob");
        let other = event("bob", "CreateTable", 40, json!({"tableName": "u"}));
        assert_eq!(creator(&ann, &[other]), "ann");
        let mut failed = json!({"errorCode": "ResourceInUseException"});
        failed["eventSource"] = json!("dynamodb.amazonaws.com");
        failed["eventName"] = json!("CreateTable");
        failed["eventTime"] = json!("2026-05-04T10:40:00Z");
        failed["requestParameters"] = json!({"tableName": "t"});
        assert_eq!(creator(&ann, &[Event::from_json(failed).expect("a record")]), "ann");
    }

    #[test]
    fn of_calls_that_answer_for_what_is_there_the_first_since_the_last_deletion_counts() {
        let ann = topic("ann", 10);
        let deletion = |minute| {
            let arn = "arn:aws:sns:eu-west-1:111122223333:t";
            event("d", "DeleteTopic", minute, json!({"topicArn": arn}))
        };
        assert_eq!(creator(&ann, &[topic("bob", 40)]), "ann", "bob's call has found it");
        assert_eq!(creator(&ann, &[topic("old", 5)]), "old", "ann's call has found it");
        assert_eq!(creator(&ann, &[topic("old", 5), deletion(7)]), "ann");
        assert_eq!(creator(&ann, &[topic("bob", 40), deletion(20)]), "bob");
        let other = event("d", "DeleteTable", 20, json!({"tableName": "t"}));
        assert_eq!(creator(&ann, &[topic("bob", 40), other]), "ann", "a table of the same name");
    }

    #[test]
    fn only_names_and_old_events_need_the_history() {
        let now = datetime!(2026-05-04 11:10 UTC);
        assert_eq!(unsettled(&table("ann", 10), now).len(), 0, "an hour is not over");
        assert_eq!(unsettled(&table("ann", 9), now).len(), 1);
        let volume = json!({"eventSource": "ec2.amazonaws.com", "eventName": "CreateVolume",
            "recipientAccountId": "111122223333", "awsRegion": "eu-west-1",
            "responseElements": {"volumeId": "vol-1"}});
        assert_eq!(unsettled(&Event::from_json(volume).expect("a record"), now).len(), 0);
    }

    #[test]
    fn objects_are_created_by_data_events_which_the_history_lacks() {
        let object = json!({"eventSource": "s3.amazonaws.com", "eventName": "PutObject",
            "recipientAccountId": "111122223333", "awsRegion": "eu-west-1",
            "requestParameters": {"bucketName": "b", "key": "k"}});
        let now = datetime!(2026-05-05 10:00 UTC);
        let object = unsettled(&Event::from_json(object).expect("a record"), now).remove(0);
        assert!(!has_creations_of(&object));
        assert!(has_creations_of(&unsettled(&topic("a", 10), now)[0]));
    }

    #[test]
    fn the_history_is_asked_for_every_call_that_could_have_given_the_name() {
        let now = datetime!(2026-05-05 10:00 UTC);
        let asked = |event: Event| {
            let resource = unsettled(&event, now).remove(0);
            let questions = questions(&event, &resource, now);
            let since = questions[0].since;
            (questions.into_iter().map(|question| question.event_name).collect::<Vec<_>>(), since)
        };
        let names = [
            "CreateGlobalTable",
            "CreateTable",
            "ImportTable",
            "RestoreTableFromBackup",
            "RestoreTableToPointInTime",
        ];
        assert_eq!(
            asked(table("a", 10)),
            (names.map(String::from).to_vec(), datetime!(2026-05-04 10:10 UTC))
        );
        let (names, since) = asked(topic("a", 10));
        assert_eq!((names, since), (vec!["CreateTopic".into(), "DeleteTopic".into()], now - KEPT_FOR));
    }
}
