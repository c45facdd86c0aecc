//! What AWS says of a resource of the plan, and what follows: pure.

use time::{Duration, OffsetDateTime};

use super::plan::{Guess, PlannedTag, State};
use super::verdict::{Doubt, Open, Verdict};
use crate::ports::{Failure, FailureKind};
use crate::record::{Arn, timestamp};
use crate::settings::Settings;
use crate::table::{CreationTime, Read, Resource, of_type};
use crate::tagging::{DropReason, Mark, absent, brings_tags, is_marked, mark, without_reserved};
use crate::tags::{Tag, TagMap, TagSource};

/// A creation time that is further from the event than this is that of another creation.
const CREATED_WITHIN: Duration = Duration::minutes(15);

/// What AWS is asked about a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    /// Nothing: the history has said it all.
    Nothing,
    /// Its tags, by which it is there or not.
    Tags,
    /// The same, and when it was created.
    TagsAndAge,
}

/// A resource as the table tags and reads it.
pub fn resource(verdict: &Verdict) -> Option<Resource> {
    let planned = &verdict.planned;
    let found = of_type(&planned.resource_type, Arn::parse(&planned.arn)?, &planned.region)?;
    Some(Resource { region: planned.region.clone(), ..found })
}

/// Whether the tags of a resource can be read: what only a lookup told is not told again.
pub const fn is_readable(resource: &Resource) -> bool {
    !matches!(resource.read, Read::Never | Read::Told(_))
}

/// What to ask about a resource.
pub fn asking(verdict: &Verdict, resource: &Resource) -> Asking {
    let tells_age = !resource.unique && resource.creation_time != CreationTime::Never;
    match (verdict.planned.state, verdict.open) {
        (State::Gone, _) if resource.unique => Asking::Nothing,
        (State::Gone, Open::Existence) => Asking::Tags,
        (State::Add | State::Complete, _) if tells_age => Asking::TagsAndAge,
        (State::Add | State::Complete, _) => Asking::Tags,
        (State::Unsure, Open::Age) if tells_age => Asking::TagsAndAge,
        _ => Asking::Nothing,
    }
}

/// A verdict about which AWS cannot be asked, or cannot answer.
pub fn leave(verdict: Verdict, state: State, why: String) -> Verdict {
    verdict.set(state, why)
}

/// Settles a verdict by the tags that a resource has, and by when it was created.
pub fn settle(
    settings: &Settings,
    mut verdict: Verdict,
    resource: &Resource,
    present: Result<TagMap, Failure>,
    created: Option<OffsetDateTime>,
) -> Verdict {
    let present = match present {
        Ok(present) => present,
        Err(failure) => {
            let is_gone = failure.kind == FailureKind::NotFound;
            let state = if is_gone { State::Gone } else { State::Unreadable };
            return verdict.set(state, failure.message);
        }
    };
    if verdict.open == Open::Existence {
        let ended = verdict.planned.why.clone().unwrap_or_default();
        let why = format!("{ended}, and made again since by somebody whom no record names");
        return verdict.doubt(Doubt::MadeAgain, why);
    }
    if is_marked(settings, resource, &present) {
        return verdict.set(State::Excluded, "the resource carries the skip mark".to_owned());
    }
    if let Some(why) = contradicted(&verdict, resource, created) {
        return verdict.doubt(Doubt::Age, why);
    }
    if verdict.open == Open::Age && !is_proved(&verdict, created) {
        return verdict;
    }
    let (tags, present) = (planned_tags(&verdict), without_reserved(&present));
    let brought = brings_tags(&verdict.planned.event.name);
    let is_others = mark(settings, resource, &tags, &present, &verdict.shown, brought) == Mark::Foreign;
    if is_others && !resource.unique {
        return verdict.doubt(Doubt::Mark, "it has the mark of another creator".to_owned());
    }
    verdict.keep(resource, &tags, &present);
    verdict
}

/// The tags that a verdict would add, the most important first.
fn planned_tags(verdict: &Verdict) -> Vec<Tag> {
    let tag = |tag: &PlannedTag| Tag {
        key: tag.key.clone(),
        value: tag.value.clone(),
        source: TagSource::parse(&tag.source).unwrap_or(TagSource::Extra),
    };
    verdict.planned.add.iter().map(tag).collect()
}

/// Why a creation time is not that of the event. S3's moves when the policy of a bucket is edited: it is only known
/// not to be later than it says.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Bucket.html>
fn contradicted(verdict: &Verdict, resource: &Resource, created: Option<OffsetDateTime>) -> Option<String> {
    let (created, at) = (created?, verdict.planned.event.time?);
    let is_older = created.saturating_add(CREATED_WITHIN) < at;
    let moves = resource.creation_time == CreationTime::S3Bucket;
    let is_younger = !moves && created > at.saturating_add(CREATED_WITHIN);
    let says = || format!("AWS says that it was created at {}", timestamp::format(created));
    match (is_older, is_younger) {
        (true, _) => Some(format!("{}, before the event", says())),
        (_, true) => Some(format!("{}, after the event: no record names by whom", says())),
        _ => None,
    }
}

fn is_proved(verdict: &Verdict, created: Option<OffsetDateTime>) -> bool {
    let times = created.zip(verdict.planned.event.time);
    times.is_some_and(|(created, at)| {
        let earliest = at.saturating_sub(CLOCKS_DIFFER);
        (earliest..=at.saturating_add(CREATED_WITHIN)).contains(&created)
    })
}

/// Both times are cut to seconds, by clocks of two services. What is older by more was found by the call.
const CLOCKS_DIFFER: Duration = Duration::seconds(2);

impl Verdict {
    fn set(mut self, state: State, why: String) -> Self {
        self.planned.state = state;
        (self.planned.why, self.doubt, self.open) = (Some(why), None, Open::Settled);
        self
    }

    fn doubt(self, doubt: Doubt, why: String) -> Self {
        let mut verdict = self.set(State::Unsure, why);
        verdict.doubt = Some(doubt);
        let owner = verdict.planned.add.iter().find(|tag| tag.source == TagSource::Owner.as_str());
        // Who made what has ended is no guess at who made it again.
        if verdict.planned.guess.is_none() && doubt != Doubt::MadeAgain {
            let why = format!("by `{}`", verdict.planned.event.name);
            verdict.planned.guess = owner.map(|tag| Guess { owner: tag.value.clone(), why });
        }
        verdict
    }

    /// Takes what is present out of the tags to add.
    fn keep(&mut self, resource: &Resource, tags: &[Tag], present: &TagMap) {
        let (write, dropped) = absent(resource, tags, present);
        let is_kept = |key: &String| {
            dropped.iter().any(|one| one.reason == DropReason::Present && resource.same_key(&one.key, key))
        };
        let kept = present.iter().filter(|(key, _)| is_kept(key));
        self.planned.keep = kept.map(|(key, value)| (key.clone(), value.clone())).collect();
        self.planned.add = write.iter().map(PlannedTag::from).collect();
        let left_out = dropped.iter().find(|one| one.reason != DropReason::Present);
        // What made it unsure is proved.
        if self.open == Open::Age {
            (self.planned.why, self.planned.guess, self.doubt) = (None, None, None);
        }
        if let Some(one) = left_out {
            self.planned.why = Some(format!("without {}: {}", one.key, one.reason));
        }
        self.planned.state = if write.is_empty() { State::Complete } else { State::Add };
        self.open = Open::Settled;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backfill::ended::Ending;
    use crate::backfill::verdict::verdict;
    use crate::history::endings::did;
    use crate::record::Event;
    use serde_json::{Value, json};
    use time::macros::datetime;

    /// What a record of ten o'clock says of a table, a topic, a bucket or a volume.
    fn claim(kind: &str, answered: &str) -> Value {
        let (resource_type, arn, name) = match kind {
            "table" => {
                ("dynamodb:table", "arn:aws:dynamodb:eu-west-1:111122223333:table/orders", "CreateTable")
            }
            "topic" => ("sns:topic", "arn:aws:sns:eu-west-1:111122223333:orders", "CreateTopic"),
            "bucket" => ("s3:bucket", "arn:aws:s3:::orders", "CreateBucket"),
            _ => ("ec2:volume", "arn:aws:ec2:eu-west-1:111122223333:volume/vol-1", "CreateVolume"),
        };
        let service = arn.split(':').nth(2).unwrap_or_default();
        json!({"arn": arn, "type": resource_type, "account": "111122223333", "region": "eu-west-1",
            "source": format!("{service}.amazonaws.com"), "called_in": "eu-west-1", "unique": kind == "volume",
            "answered": answered, "event": {"id": "e1", "time": "2025-03-04T10:00:00Z", "name": name, "by": "ann"},
            "session": null, "shown": {}, "parent": null, "left": null, "doubt": null, "note": null,
            "tags": [{"key": "Owner", "value": "ann", "source": "owner"}, {"key": "Team", "value": "x", "source": "session"}]})
    }

    fn judged(kind: &str, answered: &str, endings: &[Ending]) -> Verdict {
        let claim = serde_json::from_value(claim(kind, answered)).expect("a claim");
        verdict(&[claim], endings, did).expect("a verdict")
    }

    fn settled(verdict: Verdict, present: &[(&str, &str)], created: Option<OffsetDateTime>) -> Verdict {
        let tags = present.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let resource = resource(&verdict).expect("a resource of the table");
        settle(&unset(), verdict, &resource, Ok(tags), created)
    }

    fn keys(verdict: Verdict) -> Vec<String> {
        verdict.line().add.into_iter().map(|tag| tag.key).collect()
    }

    fn unset() -> Settings {
        Settings::read(|_| None::<String>).expect("defaults")
    }

    fn deleted() -> Ending {
        let record = json!({"eventID": "e2", "eventTime": "2025-03-04T11:00:00Z", "eventName": "DeleteTable",
            "eventSource": "dynamodb.amazonaws.com", "awsRegion": "eu-west-1", "recipientAccountId": "111122223333",
            "userIdentity": {"arn": "bob"}, "requestParameters": {"tableName": "orders"}});
        let event = Event::from_json(record).expect("a record");
        Ending::all(&event).next().expect("an ending")
    }

    const AT: OffsetDateTime = datetime!(2025-03-04 10:00:01 UTC);

    #[test]
    fn only_what_is_absent_is_added() {
        let all = settled(judged("table", "new", &[]), &[], Some(AT));
        assert_eq!((all.planned.state, keys(all)), (State::Add, vec!["Owner".to_owned(), "Team".to_owned()]));
        let rest = settled(judged("table", "new", &[]), &[("Team", "other")], Some(AT));
        assert_eq!(rest.planned.keep.get("Team").map(String::as_str), Some("other"));
        assert_eq!(keys(rest), ["Owner"]);
        let none = settled(judged("volume", "new", &[]), &[("Owner", "bob"), ("Team", "x")], None);
        assert_eq!((none.planned.state, keys(none)), (State::Complete, Vec::new()));
    }

    #[test]
    fn a_creation_time_that_contradicts_the_event_makes_unsure() {
        let hour = Duration::HOUR;
        for (kind, created, state) in [
            ("table", AT.saturating_sub(hour), State::Unsure),
            ("table", AT.saturating_add(hour), State::Unsure),
            ("bucket", AT.saturating_sub(hour), State::Unsure),
            ("bucket", AT.saturating_add(hour), State::Add),
            ("table", AT, State::Add),
        ] {
            let settled = settled(judged(kind, "new", &[]), &[], Some(created));
            assert_eq!(settled.planned.state, state, "{kind} {created}");
            assert_eq!(settled.line().add.is_empty(), state == State::Unsure, "{kind} {created}");
        }
    }

    /// The bucket is asked when it was created; the topic has no creation time, so that it stays unsure.
    #[test]
    fn a_call_that_answers_for_what_is_there_is_proved_by_a_creation_time_or_by_nothing() {
        let bucket = judged("bucket", "new-or-old", &[]);
        assert_eq!((bucket.planned.state, bucket.doubt), (State::Unsure, Some(Doubt::MayBeOlder)));
        let asked = |verdict: &Verdict| asking(verdict, &resource(verdict).expect("a resource"));
        assert_eq!(asked(&bucket), Asking::TagsAndAge);
        let proved = settled(bucket.clone(), &[], Some(AT));
        assert_eq!((proved.planned.state, proved.doubt, proved.planned.guess), (State::Add, None, None));
        assert_eq!(settled(bucket.clone(), &[], None).planned.state, State::Unsure);
        assert_eq!(
            settled(bucket, &[], Some(AT.saturating_add(Duration::HOUR))).planned.state,
            State::Unsure
        );
        assert_eq!(asked(&judged("topic", "new-or-old", &[])), Asking::Nothing);
        // The first row that makes tables of DynamoDB tells no time.
        assert_eq!(asked(&judged("table", "new", &[])), Asking::TagsAndAge);
    }

    #[test]
    fn what_has_ended_and_is_there_was_made_again_unseen() {
        let gone = judged("table", "new", &[deleted()]);
        assert_eq!((gone.planned.state, gone.planned.before.len()), (State::Gone, 1));
        let there = settled(gone.clone(), &[], None);
        assert_eq!((there.planned.state, there.doubt), (State::Unsure, Some(Doubt::MadeAgain)));
        assert_eq!(there.planned.guess, None, "who made what has ended is no guess");
        let resource = resource(&gone).expect("a resource");
        let answer = Err(Failure::not_found("there is no such table"));
        assert_eq!(settle(&unset(), gone, &resource, answer, None).planned.state, State::Gone);
    }

    #[test]
    fn what_was_there_before_is_nobodys_and_what_cannot_be_read_is_left() {
        let old = judged("topic", "old", &[]);
        assert_eq!((old.planned.state, old.doubt), (State::Unsure, Some(Doubt::Unseen)));
        assert_eq!((old.planned.guess.clone(), keys(old)), (None, Vec::new()));
        assert_eq!(judged("table", "old", &[deleted()]).planned.state, State::Gone);
        let table = judged("table", "new", &[]);
        let resource = resource(&table).expect("a resource");
        let denied = settle(&unset(), table, &resource, Err(Failure::other("denied")), None);
        assert_eq!((denied.planned.state, keys(denied)), (State::Unreadable, Vec::new()));
    }

    #[test]
    fn the_mark_of_another_creator_makes_a_name_unsure() {
        let other = settled(judged("table", "new", &[]), &[("PrincipalId", "AROABOB:bob")], None);
        assert_eq!((other.planned.state, other.doubt), (State::Unsure, Some(Doubt::Mark)));
        let unique = settled(judged("volume", "new", &[]), &[("PrincipalId", "AROABOB:bob")], None);
        assert_eq!(unique.planned.state, State::Add, "an id is never given again");
    }
}
