//! The verbs with stand-ins for AWS: what is called, what fails, what is handled again.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use aws_tags::effect::HEARTBEAT;
use aws_tags::identity::IamIdentity;
use aws_tags::ports::offline::{CountingTagger, GivenIamTags, GivenLookups, MemorySessions};
use aws_tags::ports::{Failure, IamEntity, Ports, PrincipalTags};
use aws_tags::table::operation::Found;
use aws_tags::tagging::{
    DropReason, EventSkip, Handling, NotOurs, Recorders, ResourceSkip, Scope, TagResult,
};
use aws_tags::tags::TagMap;
use aws_tags::{Event, Outcome, Recorded, Settings, record_session, tag_resources};
use futures_executor::block_on;
use serde_json::{Value, json};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

const ACCOUNT: &str = "111122223333";
const AT: OffsetDateTime = datetime!(2026-05-04 10:00:00 UTC);
const BEGAN: &str = "2026-05-04T09:59:00Z";

type World = Ports<MemorySessions, GivenIamTags, GivenLookups, CountingTagger>;

fn world() -> World {
    let tags = TagMap::from([("Team".into(), "iam".into())]);
    Ports {
        sessions: MemorySessions::default(),
        principal_tags: GivenIamTags { tags: [("role/dev".to_owned(), tags)].into(), failure: None },
        lookups: GivenLookups::default(),
        tagger: CountingTagger::default(),
    }
}

fn settings(vars: &'static [(&str, &str)]) -> Settings {
    Settings::read(|name| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
        .expect("sound settings")
}

fn identity() -> Value {
    json!({"type": "AssumedRole", "principalId": "AROAX:ann", "accountId": ACCOUNT, "accessKeyId": "ASIAX",
           "arn": "arn:aws:sts::111122223333:assumed-role/dev/ann",
           "sessionContext": {"attributes": {"creationDate": BEGAN}, "sessionIssuer": {
               "type": "Role", "principalId": "AROAX", "userName": "dev", "accountId": ACCOUNT,
               "arn": "arn:aws:iam::111122223333:role/dev"}}})
}

fn event(source: &str, name: &str, fields: Value) -> Event {
    let mut record = json!({"eventSource": source, "eventName": name, "awsRegion": "eu-west-1",
        "eventTime": "2026-05-04T10:00:00Z", "recipientAccountId": ACCOUNT, "userIdentity": identity()});
    record.as_object_mut().expect("object").extend(fields.as_object().expect("object").clone());
    Event::from_json(record).expect("a record")
}

fn volume(id: &str) -> Event {
    event("ec2.amazonaws.com", "CreateVolume", json!({"responseElements": {"volumeId": id}}))
}

fn topic(name: &str) -> Event {
    let arn = format!("arn:aws:sns:eu-west-1:{ACCOUNT}:{name}");
    event("sns.amazonaws.com", "CreateTopic", json!({"responseElements": {"topicArn": arn}}))
}

fn sts(team: &str) -> Event {
    sts_with("Team", team)
}

/// A session with this tag.
fn sts_with(key: &str, value: &str) -> Event {
    event(
        "sts.amazonaws.com",
        "AssumeRole",
        json!({"eventTime": BEGAN,
        "requestParameters": {"tags": [{"key": key, "value": value}]},
        "responseElements": {
            "credentials": {"accessKeyId": "ASIAX", "expiration": "May 4, 2026, 9:00:00 PM"},
            "assumedRoleUser": {"assumedRoleId": "AROAX:ann",
                                "arn": "arn:aws:sts::111122223333:assumed-role/dev/ann"}}}),
    )
}

/// Late enough that sessions and resources are either there or will not come.
const LATER: OffsetDateTime = datetime!(2026-05-04 11:00:00 UTC);

fn run(world: &World, now: OffsetDateTime, events: &[Event]) -> Vec<Outcome> {
    let scope = Scope { account: Some(ACCOUNT.into()), own_role_sessions: None };
    let events: Vec<&Event> = events.iter().collect();
    block_on(tag_resources(world, &settings(&[]), &scope, |_| now, &events))
}

fn reasons(outcome: &Outcome) -> Vec<String> {
    outcome.unfinished().iter().map(ToString::to_string).collect()
}

/// A tag of a resource, by the number of the resource.
fn tag<'a>(outcome: &'a Outcome, nth: usize, key: &str) -> Option<&'a str> {
    let tag = outcome.resources()[nth].tags.iter().find(|tag| tag.key == key)?;
    Some(&tag.value)
}

fn one(world: &World, now: OffsetDateTime, event: Event) -> Outcome {
    run(world, now, &[event]).remove(0)
}

#[test]
fn a_thousand_events_of_one_principal_share_calls() {
    let world = world();
    // SQS gives a batch of up to 10,000 messages; 100 is what the template asks for.
    let events: Vec<_> = (0..1000)
        .map(|n| if n % 2 == 0 { volume(&format!("vol-{n}")) } else { topic(&format!("t{n}")) })
        .collect();
    for batch in events.chunks(100) {
        let outcomes = run(&world, LATER, batch);
        assert!(outcomes.iter().all(|outcome| outcome.unfinished().is_empty()));
    }
    assert_eq!(world.tagger.tagged.get(), 1000);
    assert!(world.tagger.calls.get() <= 60, "{} calls", world.tagger.calls.get());
}

#[test]
fn no_call_is_larger_than_its_api_allows() {
    let calls = |events: Vec<Event>| {
        let world = world();
        run(&world, LATER, &events);
        (world.tagger.reads.get(), world.tagger.calls.get())
    };
    let topics = |count| calls((0..count).map(|n| topic(&format!("t{n}"))).collect());
    let volumes = |count| calls((0..count).map(|n| volume(&format!("vol-{n}"))).collect());
    assert_eq!((topics(20), topics(21)), ((20, 1), (21, 2)));
    assert_eq!((volumes(200), volumes(201)), ((1, 1), (2, 1)));
    assert_eq!((volumes(1000), volumes(1001)), ((5, 1), (6, 2)));
}

#[test]
fn regions_and_tags_are_not_mixed() {
    let world = world();
    let mut other = identity();
    other["principalId"] = json!("AROAX:bob");
    let elsewhere = event(
        "ec2.amazonaws.com",
        "CreateVolume",
        json!({"awsRegion": "us-east-1", "responseElements": {"volumeId": "vol-2"}}),
    );
    let of_bob = event(
        "ec2.amazonaws.com",
        "CreateVolume",
        json!({"userIdentity": other, "responseElements": {"volumeId": "vol-3"}}),
    );
    run(&world, LATER, &[volume("vol-1"), elsewhere, of_bob]);
    assert_eq!(world.tagger.calls.get(), 3);
}

#[test]
fn only_the_event_that_failed_is_retried() {
    let mut world = world();
    world.tagger.failures = vec![("vol-2", Failure::other("throttled"))];
    let outcomes = run(&world, LATER, &[volume("vol-1"), volume("vol-2")]);
    assert!(outcomes[0].unfinished().is_empty());
    assert_eq!(reasons(&outcomes[1]), ["arn:aws:ec2:eu-west-1:111122223333:volume/vol-2: throttled"]);
}

#[test]
fn not_found_means_not_yet_for_ten_minutes_and_then_gone() {
    let mut world = world();
    world.tagger.failures = vec![("vol-1", Failure::not_found("NotFound"))];
    let soon = one(&world, AT + Duration::minutes(9), volume("vol-1"));
    assert_eq!(soon.unfinished().len(), 2, "not found, and the young session: {soon:?}");
    let late = one(&world, LATER, volume("vol-1"));
    assert!(late.unfinished().is_empty());
    assert_eq!(late.resources()[0].result.reason().as_deref(), Some("gone: NotFound"));
}

#[test]
fn resources_of_a_young_session_get_inherited_tags_when_the_session_is_known() {
    let world = world();
    let outcome = one(&world, AT, volume("vol-1"));
    assert_eq!((tag(&outcome, 0, "Team"), tag(&outcome, 0, "Owner").is_some()), (None, true));
    assert_eq!(reasons(&outcome), ["session of AROAX:ann is not recorded yet"]);
    let recorded = block_on(record_session(&world.sessions, None, &sts("session")));
    assert!(matches!(recorded, Ok(Recorded::Stored(_))));
    let outcome = one(&world, AT, volume("vol-1"));
    assert_eq!(tag(&outcome, 0, "Team"), Some("session"));
    assert!(outcome.unfinished().is_empty());
}

#[test]
fn without_iam_the_owner_is_tagged_and_the_event_retried() {
    let mut world = world();
    world.principal_tags.failure = Some(Failure::other("throttled"));
    let outcome = one(&world, LATER, volume("vol-1"));
    assert_eq!(reasons(&outcome), ["IAM tags of dev: throttled"]);
    assert!(tag(&outcome, 0, "Owner").is_some());
    assert_eq!(world.tagger.tagged.get(), 1);
}

fn with_tags(tags: &[(&str, &str)]) -> World {
    let present = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    World {
        tagger: CountingTagger { present: vec![("vol-1", Ok(present))], ..Default::default() },
        ..world()
    }
}

#[test]
fn tags_that_an_ec2_resource_has_stay() {
    let outcome = one(&with_tags(&[("Owner", "bob"), ("aws:x", "y")]), LATER, volume("vol-1"));
    assert_eq!((tag(&outcome, 0, "Owner"), tag(&outcome, 0, "Team")), (None, Some("iam")));
    assert_eq!(outcome.resources()[0].dropped[0].reason.as_str(), "on the resource already");
}

#[test]
fn tags_of_aws_take_no_room() {
    let keys: Vec<_> = (0..47).map(|n| format!("k{n}")).chain((0..5).map(|n| format!("aws:k{n}"))).collect();
    let tags: Vec<_> = keys.iter().map(|key| (key.as_str(), "")).collect();
    let outcome = one(&with_tags(&tags), LATER, volume("vol-1"));
    assert_eq!((outcome.resources()[0].tags.len(), outcome.resources()[0].dropped.len()), (3, 0));
}

/// EC2 may not show yet what the creating call has just set.
#[test]
fn tags_of_the_request_stay_where_they_are_not_read_yet() {
    let create = json!({"responseElements": {"volumeId": "vol-1"}, "requestParameters": {"tagSpecificationSet": {
        "items": [{"resourceType": "volume", "tags": [{"key": "Team", "value": "theirs"}]}]}}});
    let outcome = one(&world(), LATER, event("ec2.amazonaws.com", "CreateVolume", create));
    assert_eq!((tag(&outcome, 0, "Team"), tag(&outcome, 0, "PrincipalId")), (None, Some("AROAX:ann")));
}

#[test]
fn a_second_delivery_writes_nothing() {
    let owner = ("Owner", "arn:aws:sts::111122223333:assumed-role/dev/ann");
    let world = with_tags(&[owner, ("PrincipalId", "AROAX:ann"), ("Team", "iam")]);
    let outcome = one(&world, LATER, volume("vol-1"));
    assert_eq!(outcome.resources()[0].result, TagResult::Skipped(ResourceSkip::NothingToAdd));
    assert_eq!(world.tagger.calls.get(), 0);
}

#[test]
fn with_overwrite_and_without_skip_mark_nothing_is_read() {
    let (world, scope) = (with_tags(&[("Owner", "bob")]), Scope::default());
    let vars = &[("EXISTING_TAGS", "overwrite"), ("SKIP_TAG", "")];
    let (settings, event) = (settings(vars), volume("vol-1"));
    let outcomes = block_on(tag_resources(&world, &settings, &scope, |_| LATER, &[&event]));
    assert!(tag(&outcomes[0], 0, "Owner").is_some_and(|owner| owner != "bob"));
    assert_eq!((world.tagger.reads.get(), world.tagger.calls.get()), (0, 1));
}

#[test]
fn unreadable_tags_keep_old_resources_from_being_tagged_and_not_young_ones() {
    let denied = || Failure::other("UnauthorizedOperation: no");
    let mut world = world();
    world.tagger.present = vec![("vol-1", Err(denied()))];
    let late = one(&world, LATER, volume("vol-1"));
    assert_eq!(
        (late.resources()[0].result.clone(), world.tagger.calls.get()),
        (TagResult::Failed(denied()), 0)
    );
    let young = one(&world, AT + Duration::minutes(5), volume("vol-1"));
    assert_eq!((young.resources()[0].result.clone(), world.tagger.calls.get()), (TagResult::Tagged, 1));
}

/// A topic of Ann's with these tags, her event handled at a time: what became of it, and how many calls
/// tagged.
fn topic_with(tags: &[(&str, &str)], now: OffsetDateTime) -> (TagResult, usize) {
    let world = World {
        tagger: CountingTagger { present: vec![(":t", Ok(tag_map(tags)))], ..Default::default() },
        ..world()
    };
    let outcome = one(&world, now, topic("t"));
    (outcome.resources()[0].result.clone(), world.tagger.calls.get())
}

fn tag_map(tags: &[(&str, &str)]) -> TagMap {
    tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

const MUCH_LATER: OffsetDateTime = datetime!(2026-05-04 11:00:01 UTC);

#[test]
fn a_name_with_the_mark_of_another_is_left_alone_at_any_age() {
    for now in [AT, LATER, MUCH_LATER] {
        let not_ours = TagResult::Skipped(ResourceSkip::NotOurs(NotOurs::OthersMark));
        assert_eq!(topic_with(&[("PrincipalId", "AROAX:bob")], now), (not_ours, 0));
    }
    // An id is for ever: whoever has edited its tags, it is the volume that Ann made.
    let outcome = one(&with_tags(&[("PrincipalId", "AROAX:bob")]), MUCH_LATER, volume("vol-1"));
    assert_eq!((&outcome.resources()[0].result, tag(&outcome, 0, "Team")), (&TagResult::Tagged, Some("iam")));
}

#[test]
fn a_name_with_the_own_mark_gets_what_it_lacks_at_any_age() {
    for now in [LATER, MUCH_LATER] {
        let tags = [("PrincipalId", "AROAX:ann"), ("Owner", "edited by hand")];
        assert_eq!(topic_with(&tags, now), (TagResult::Tagged, 1));
    }
}

#[test]
fn a_name_without_mark_is_tagged_for_an_hour_and_then_late() {
    assert_eq!(topic_with(&[], LATER), (TagResult::Tagged, 1));
    assert_eq!(topic_with(&[], MUCH_LATER), (TagResult::Late, 0));
    let outcome = one(&world(), MUCH_LATER, topic("t"));
    assert_eq!(
        reasons(&outcome),
        ["late: another resource may be arn:aws:sns:eu-west-1:111122223333:t by now"]
    );
    let mut settled = topic("t");
    settled.is_last_of_its_name = true;
    let outcome = one(&world(), MUCH_LATER, settled);
    assert_eq!((&outcome.resources()[0].result, outcome.unfinished().len()), (&TagResult::Tagged, 0));
}

#[test]
fn of_several_events_in_a_batch_the_first_writes_to_a_resource() {
    let mut bobs = identity();
    bobs["principalId"] = json!("AROAX:bob");
    let arn = format!("arn:aws:sns:eu-west-1:{ACCOUNT}:t");
    let later = json!({"userIdentity": bobs, "eventTime": "2026-05-04T10:00:01Z",
                       "responseElements": {"topicArn": arn}});
    let of_bob = event("sns.amazonaws.com", "CreateTopic", later);
    let world = world();
    let outcomes = run(&world, LATER, &[of_bob, topic("t"), topic("t")]);
    let results: Vec<_> = outcomes.iter().map(|outcome| outcome.resources()[0].result.as_str()).collect();
    assert_eq!(results, ["failed", "tagged", "skipped"], "bob's comes again, and finds ann's mark");
    assert_eq!((world.tagger.calls.get(), world.tagger.tagged.get()), (1, 1));
}

/// A queue, whose creation AWS also answers for one that is there, and tells when that was created.
fn queue_with(tags: &[(&str, &str)], created: Option<OffsetDateTime>, now: OffsetDateTime) -> TagResult {
    let tagger = CountingTagger { present: vec![(":q", Ok(tag_map(tags)))], created, ..Default::default() };
    let request = json!({"requestParameters": {"queueName": "q", "tags": {"Name": "orders"}}});
    let event = event("sqs.amazonaws.com", "CreateQueue", request);
    one(&World { tagger, ..world() }, now, event).resources()[0].result.clone()
}

#[test]
fn what_a_call_may_have_found_is_written_only_if_its_tags_or_its_age_say_that_it_is_new() {
    let (explained, other) = ([("Name", "orders"), ("aws:x", "y")], [("Team", "theirs")]);
    let older = TagResult::Skipped(ResourceSkip::NotOurs(NotOurs::Older));
    assert_eq!(queue_with(&explained, None, LATER), TagResult::Tagged);
    assert_eq!(queue_with(&[], None, LATER), TagResult::Tagged);
    assert_eq!(queue_with(&other, None, LATER), TagResult::Skipped(ResourceSkip::MayBeOlder));
    assert_eq!(queue_with(&other, Some(AT - Duration::days(9)), LATER), older);
    assert_eq!(queue_with(&other, Some(AT + Duration::seconds(1)), LATER), TagResult::Tagged);
    assert_eq!(queue_with(&[], Some(AT + Duration::seconds(1)), MUCH_LATER), TagResult::Tagged);
    assert_eq!(queue_with(&[], Some(AT - Duration::days(9)), MUCH_LATER), older);
    assert_eq!(queue_with(&[], Some(AT + Duration::minutes(20)), MUCH_LATER), TagResult::Late);
}

#[test]
fn an_answer_that_is_older_than_its_call_is_not_ours() {
    let machine = |created: &str| {
        let arn = "arn:aws:states:eu-west-1:111122223333:stateMachine:m";
        let answer = json!({"stateMachineArn": arn, "creationDate": created});
        let event = event(
            "states.amazonaws.com",
            "CreateStateMachine",
            json!({"requestParameters": {"name": "m"}, "responseElements": answer}),
        );
        let world = world();
        let result = one(&world, AT, event).resources()[0].result.clone();
        (result, world.tagger.reads.get())
    };
    assert_eq!(machine("May 4, 2026 10:00:00 AM"), (TagResult::Tagged, 1));
    let older = TagResult::Skipped(ResourceSkip::NotOurs(NotOurs::Older));
    assert_eq!(machine("May 1, 2026 10:00:00 AM"), (older, 0));
}

#[test]
fn with_overwrite_names_are_read_all_the_same() {
    let scope = Scope::default();
    let overwrite = |tags: &[(&str, &str)]| {
        let tagger = CountingTagger { present: vec![(":t", Ok(tag_map(tags)))], ..Default::default() };
        let (world, event) = (World { tagger, ..world() }, topic("t"));
        let settings = settings(&[("EXISTING_TAGS", "overwrite")]);
        let outcomes = block_on(tag_resources(&world, &settings, &scope, |_| LATER, &[&event]));
        (outcomes[0].resources()[0].result.clone(), tag(&outcomes[0], 0, "Team").map(str::to_owned))
    };
    assert_eq!(overwrite(&[("Team", "theirs")]).1.as_deref(), Some("iam"));
    let not_ours = TagResult::Skipped(ResourceSkip::NotOurs(NotOurs::OthersMark));
    assert_eq!(overwrite(&[("PrincipalId", "AROAX:bob")]).0, not_ours);
}

#[test]
fn a_refused_tag_does_not_keep_the_others_away() {
    let mut world = world();
    let tags: TagMap = (0..8).map(|nth| (format!("Key{nth}"), "v".to_owned())).collect();
    world.principal_tags.tags.insert("role/dev".into(), tags);
    world.tagger.refuses = vec!["Key2", "Key5"];
    let outcome = one(&world, LATER, volume("vol-1"));
    let made = &outcome.resources()[0];
    let keys: Vec<_> = made.tags.iter().map(|tag| tag.key.as_str()).collect();
    assert_eq!(keys, ["Owner", "PrincipalId", "Key0", "Key1", "Key3", "Key4", "Key6", "Key7"]);
    let dropped: Vec<_> = made.dropped.iter().map(|one| (one.key.as_str(), one.reason.as_str())).collect();
    assert_eq!(dropped, [("Key2", "InvalidTag: Key2"), ("Key5", "InvalidTag: Key5")]);
    assert!(outcome.unfinished().is_empty());
    assert_eq!(world.tagger.calls.get(), 1 + 1 + 1 + 2 + 4 + 4, "all, the first, the rest, its halves …");
}

#[test]
fn a_resource_that_refuses_its_owner_is_tried_again() {
    let mut world = world();
    world.tagger.refuses = vec!["Owner"];
    let outcome = one(&world, LATER, volume("vol-1"));
    assert_eq!(reasons(&outcome), ["arn:aws:ec2:eu-west-1:111122223333:volume/vol-1: InvalidTag: Owner"]);
    assert_eq!(world.tagger.calls.get(), 2);
}

#[test]
fn a_looked_up_resource_must_be_of_the_right_age_type_account_and_region() {
    let group = |created: OffsetDateTime, place: &str, kind: &str| {
        let name = format!("arn:aws:autoscaling:{place}:{kind}:1f:autoScalingGroupName/web");
        let mut world = world();
        world.lookups = GivenLookups(Ok(vec![Found { name, created: Some(created), tags: None }]));
        let request = json!({"requestParameters": {"autoScalingGroupName": "web"}});
        let outcome =
            one(&world, LATER, event("autoscaling.amazonaws.com", "CreateAutoScalingGroup", request));
        let results: Vec<_> = outcome.resources().iter().map(|made| made.result.clone()).collect();
        (results, reasons(&outcome).concat())
    };
    let (here, kind) = ("eu-west-1:111122223333", "autoScalingGroup");
    assert_eq!(group(AT, here, kind), (vec![TagResult::Tagged], String::new()));
    let older = TagResult::Skipped(ResourceSkip::NotOurs(NotOurs::Older));
    assert_eq!(group(AT - Duration::HOUR, here, kind), (vec![older], String::new()));
    assert_eq!(group(AT + Duration::HOUR, here, kind), (Vec::new(), String::new()), "ours is gone");
    let (elsewhere, of_others) = ("eu-central-1:111122223333", "eu-west-1:444455556666");
    for (place, kind) in [(of_others, kind), (elsewhere, kind), (here, "launchConfiguration")] {
        let (results, reasons) = group(AT, place, kind);
        assert!(results.is_empty() && reasons.contains("is no autoscaling:autoScalingGroup"), "{reasons}");
    }
}

#[test]
fn an_unanswered_lookup_does_not_keep_other_resources_from_being_tagged() {
    let run_instances = || {
        event(
            "ec2.amazonaws.com",
            "RunInstances",
            json!({"responseElements": {"instancesSet": {"items": [{"instanceId": "i-1"}]}}}),
        )
    };
    let mut world = world();
    world.lookups = GivenLookups(Err(Failure::other("instance i-1 is pending")));
    let outcome = one(&world, LATER, run_instances());
    assert_eq!(outcome.resources().len(), 1);
    assert_eq!(reasons(&outcome), ["ec2:volume: instance i-1 is pending"]);
    world.lookups = GivenLookups(Ok(vec!["vol-9".into()]));
    let outcome = one(&world, LATER, run_instances());
    assert_eq!(
        outcome.resources()[1].resource.arn.as_str(),
        "arn:aws:ec2:eu-west-1:111122223333:volume/vol-9"
    );
    assert!(outcome.unfinished().is_empty());
}

#[test]
fn an_unresolvable_creation_is_kept_for_redrive() {
    let outcome = one(&world(), LATER, event("ec2.amazonaws.com", "CreateVolume", json!({})));
    assert_eq!(reasons(&outcome), ["unresolvable: CreateVolume has no `responseElements.volumeId`"]);
}

fn event_skip(outcome: &Outcome) -> Option<&EventSkip> {
    match &outcome.handling {
        Handling::Skipped(skip) => Some(skip),
        _ => None,
    }
}

fn skipped(vars: &'static [(&str, &str)], scope: &Scope, fields: Value) -> Option<EventSkip> {
    let mut all = json!({"responseElements": {"volumeId": "vol-1"}});
    all.as_object_mut().expect("object").extend(fields.as_object().expect("object").clone());
    let event = event("ec2.amazonaws.com", "CreateVolume", all);
    let world = world();
    let outcomes = block_on(tag_resources(&world, &settings(vars), scope, |_| LATER, &[&event]));
    let skip = event_skip(&outcomes[0]).cloned();
    assert_eq!(world.tagger.calls.get() == 0, skip.is_some());
    skip
}

#[test]
fn creations_of_other_accounts_and_excluded_principals_are_left_alone() {
    let scope = Scope { account: Some(ACCOUNT.into()), own_role_sessions: None };
    assert_eq!(skipped(&[], &scope, json!({})), None);
    let other = json!({"recipientAccountId": "444455556666"});
    assert_eq!(skipped(&[], &scope, other), Some(EventSkip::OtherAccount("444455556666".into())));
    let without_identity = json!({"userIdentity": null});
    assert_eq!(skipped(&[], &scope, without_identity), Some(EventSkip::NoPrincipal));
    let excluded = &[("EXCLUDED_PRINCIPALS", "arn:aws:iam::*:role/dev")];
    assert_eq!(skipped(excluded, &scope, json!({})), Some(EventSkip::ExcludedPrincipal));
    let own = Scope {
        own_role_sessions: Some("arn:aws:sts::111122223333:assumed-role/dev/".into()),
        ..scope.clone()
    };
    assert_eq!(skipped(&[], &own, json!({})), Some(EventSkip::ExcludedPrincipal));
    let service = json!({"userIdentity": {"type": "AWSService", "invokedBy": "autoscaling.amazonaws.com"}});
    assert_eq!(skipped(&[], &scope, service.clone()), None);
    let skip = Some(EventSkip::ServiceCreated("autoscaling.amazonaws.com".into()));
    assert_eq!(skipped(&[("SERVICE_CREATED", "skip")], &scope, service), skip);
}

#[test]
fn what_carries_the_skip_mark_is_left_alone_wherever_the_mark_is() {
    const MARK: &str = "aws-tags:ignore";
    let with_role_tag = |key: &str, value: &str| {
        let mut world = world();
        world.principal_tags.tags = [("role/dev".to_owned(), tag_map(&[(key, value)]))].into();
        world
    };
    let of_request = |tags: Value| {
        let fields = json!({"requestParameters": {"tagSpecificationSet": tags}, "responseElements": {"volumeId": "vol-1"}});
        event("ec2.amazonaws.com", "CreateVolume", fields)
    };
    let skip = |world: &World, event| event_skip(&one(world, LATER, event)).map(ToString::to_string);
    let specified = |of: &str| json!({"items": [{"resourceType": of, "tags": [{"key": MARK, "value": ""}]}]});
    for of in ["volume", "snapshot"] {
        let found = skip(&world(), of_request(specified(of)));
        assert_eq!(found.as_deref(), Some("the request carries the skip mark"));
    }
    let on_role = with_role_tag("AWS-Tags:Ignore", "yes");
    assert_eq!(skip(&on_role, volume("vol-1")).as_deref(), Some("the role carries the skip mark"));
    assert_eq!(on_role.tagger.reads.get(), 0);
    let on_session = world();
    let start = sts_with(&MARK.to_uppercase(), "1");
    block_on(record_session(&on_session.sessions, None, &start)).expect("recorded");
    assert_eq!(skip(&on_session, volume("vol-1")).as_deref(), Some("the session carries the skip mark"));
    let on_resource = with_tags(&[(MARK, "true")]);
    for vars in [&[][..], &[("EXISTING_TAGS", "overwrite")]] {
        let settings = settings(vars);
        let outcome = block_on(tag_resources(
            &on_resource,
            &settings,
            &Scope::default(),
            |_| LATER,
            &[&volume("vol-1")],
        ));
        let result = &outcome[0].resources()[0].result;
        assert_eq!(*result, TagResult::Skipped(ResourceSkip::SkipMark));
        assert_eq!(outcome[0].unfinished(), []);
    }
    assert_eq!(on_resource.tagger.calls.get(), 0);
    let shown = event(
        "ec2.amazonaws.com",
        "CreateVolume",
        json!({"responseElements": {"volumeId": "vol-1", "tagSet": {"items": [{"key": MARK, "value": ""}]}}}),
    );
    let shown = one(&world(), LATER, shown);
    assert_eq!(shown.resources()[0].result, TagResult::Skipped(ResourceSkip::SkipMark));
}

#[test]
fn another_value_or_case_on_a_resource_is_no_skip_mark_and_no_mark_is_inherited() {
    const VARS: &[(&str, &str)] = &[("SKIP_TAG", "ignore=true")];
    let mut world = with_tags(&[("ignore", "false"), ("IGNORE", "true")]);
    world.principal_tags.tags =
        [("role/dev".to_owned(), tag_map(&[("Ignore", "false"), ("Team", "iam")]))].into();
    let outcomes =
        block_on(tag_resources(&world, &settings(VARS), &Scope::default(), |_| LATER, &[&volume("vol-1")]));
    assert_eq!((tag(&outcomes[0], 0, "Team"), tag(&outcomes[0], 0, "Ignore")), (Some("iam"), None));
    assert_eq!(outcomes[0].resources()[0].result, TagResult::Tagged);
}

#[test]
fn an_event_that_aws_did_not_send_from_this_account_is_left_alone() {
    let skip = |source: &str, account: &str| {
        let event = Event::from_json(json!({"source": source, "account": account, "detail": {
            "eventSource": "ec2.amazonaws.com", "eventName": "CreateVolume", "awsRegion": "eu-west-1",
            "recipientAccountId": ACCOUNT, "userIdentity": identity(),
            "responseElements": {"volumeId": "vol-1"}}}));
        event_skip(&one(&world(), LATER, event.expect("a record"))).cloned()
    };
    assert_eq!(skip("aws.ec2", ACCOUNT), None);
    assert_eq!(skip("my.app", ACCOUNT), Some(EventSkip::NotFromAws("my.app".into())));
    assert_eq!(skip("aws.ec2", "444455556666"), Some(EventSkip::OtherAccount("444455556666".into())));
}

#[test]
fn opt_in_types_are_left_alone_unless_the_settings_name_them() {
    let put = || {
        event("s3.amazonaws.com", "PutObject", json!({"requestParameters": {"bucketName": "b", "key": "k"}}))
    };
    let world = world();
    let outcome = one(&world, LATER, put());
    assert!(matches!(outcome.resources()[0].result, TagResult::Skipped(ResourceSkip::OptIn(_))));
    assert_eq!(world.tagger.calls.get(), 0);
    let scope = Scope::default();
    block_on(tag_resources(&world, &settings(&[("ALSO_TAG", "s3:obj*")]), &scope, |_| LATER, &[&put()]));
    assert_eq!(world.tagger.calls.get(), 1);
}

#[test]
fn network_interfaces_are_left_alone_if_a_service_created_them() {
    let record = |identity: Value| {
        event(
            "ec2.amazonaws.com",
            "CreateNetworkInterface",
            json!({"userIdentity": identity,
            "responseElements": {"networkInterface": {"networkInterfaceId": "eni-1"}}}),
        )
    };
    let by_service = || record(json!({"type": "AWSService", "invokedBy": "lambda.amazonaws.com"}));
    let by_user =
        record(json!({"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/ann", "accountId": ACCOUNT,
        "principalId": "AIDAX", "userName": "ann"}));
    let result = |outcome: &Outcome| outcome.resources()[0].result.clone();
    let of_service = result(&one(&world(), LATER, by_service()));
    assert!(
        matches!(of_service, TagResult::Skipped(ResourceSkip::OptIn(why)) if why.contains("services make"))
    );
    assert_eq!(result(&one(&world(), LATER, by_user)), TagResult::Tagged);
    let (also, scope) = (settings(&[("ALSO_TAG", "ec2:network-interface")]), Scope::default());
    let outcomes = block_on(tag_resources(&world(), &also, &scope, |_| LATER, &[&by_service()]));
    assert_eq!(result(&outcomes[0]), TagResult::Tagged);
}

#[test]
fn a_session_of_a_role_in_another_account_is_not_recorded() {
    let mut record = json!({"eventSource": "sts.amazonaws.com", "eventName": "AssumeRole", "eventTime": BEGAN,
        "recipientAccountId": "444455556666"});
    record["responseElements"] = json!({"credentials": {"accessKeyId": "A"}, "assumedRoleUser": {
        "assumedRoleId": "AROAX:ann", "arn": "arn:aws:sts::111122223333:assumed-role/dev/ann"}});
    let store = MemorySessions::default();
    let recorded = block_on(record_session(&store, None, &Event::from_json(record).expect("a record")));
    assert_eq!(recorded, Ok(Recorded::OtherAccount));
    assert!(store.is_empty());
}

#[test]
fn a_session_of_another_account_than_the_one_that_is_served_is_not_recorded() {
    let event = Event::from_json(sts_record("444455556666")).expect("a record");
    for (own, recorded) in [(Some("444455556666"), true), (None, true), (Some(ACCOUNT), false)] {
        let store = MemorySessions::default();
        let outcome = block_on(record_session(&store, own, &event)).expect("a store");
        assert_eq!((!store.is_empty(), outcome == Recorded::OtherAccount), (recorded, !recorded), "{own:?}");
    }
}

/// A recorder that was down may have missed the session: nothing is final until its heartbeat has passed.
#[test]
fn an_absent_session_is_final_only_when_the_recorder_has_kept_up() {
    let world = world();
    let handled = |id| one(&world, LATER, volume(id));
    let beat = |at: &str| {
        let event = json!({"eventSource": HEARTBEAT, "eventName": "Heartbeat", "awsRegion": "eu-west-1", "eventTime": at});
        let event = Event::from_json(event).expect("a heartbeat");
        assert_eq!(block_on(record_session(&world.sessions, None, &event)), Ok(Recorded::Heartbeat));
    };
    beat("2026-05-04T10:13:00Z");
    let waits = handled("vol-1");
    assert_eq!(reasons(&waits), ["session of AROAX:ann is not known: the session-recorder has not kept up"]);
    assert_eq!((tag(&waits, 0, "Team"), tag(&waits, 0, "Owner").is_some()), (None, true));
    beat("2026-05-04T10:14:00Z");
    let without = handled("vol-2");
    assert_eq!((tag(&without, 0, "Team"), without.unfinished().len()), (Some("iam"), 0));
    beat("2026-05-04T10:13:00Z");
    let recorded = block_on(record_session(&world.sessions, None, &sts("session")));
    assert!(matches!(recorded, Ok(Recorded::Stored(_))));
    let tagged = handled("vol-1");
    assert_eq!((tag(&tagged, 0, "Team"), tagged.unfinished().len()), (Some("session"), 0), "by its key");
}

/// What IAM says of every role.
struct Role {
    takes_no_session_tags: bool,
}

impl PrincipalTags for Role {
    async fn entity(&self, _: &IamIdentity) -> Result<Option<IamEntity>, Failure> {
        let tags = tag_map(&[("Team", "iam")]);
        Ok(Some(IamEntity { tags, takes_no_session_tags: self.takes_no_session_tags }))
    }
}

/// A history may lack the session's record: what the session's tags would win over is not written, unless the role
/// lets nobody pass any.
#[test]
fn without_the_session_a_part_of_the_history_tells_no_tags_of_iam() {
    for (is_part, takes_no_session_tags, team) in
        [(false, false, Some("iam")), (true, false, None), (true, true, Some("iam"))]
    {
        let World { sessions, lookups, tagger, .. } = world();
        sessions.is_part.set(is_part);
        let world = Ports { sessions, principal_tags: Role { takes_no_session_tags }, lookups, tagger };
        let scope = Scope::default();
        let outcomes =
            block_on(tag_resources(&world, &settings(&[]), &scope, |_| LATER, &[&volume("vol-1")]));
        let outcome = &outcomes[0];
        assert_eq!((tag(outcome, 0, "Team"), tag(outcome, 0, "Owner").is_some()), (team, true));
        let Handling::Tagging(tagging) = &outcome.handling else { panic!("{outcome:?}") };
        let dropped: Vec<_> =
            tagging.merged.dropped.iter().map(|one| (one.key.as_str(), &one.reason)).collect();
        let withheld = [("Team", &DropReason::SessionUnknown)];
        assert_eq!(dropped, withheld[..usize::from(team.is_none())]);
    }
}

#[test]
fn at_its_own_heartbeat_the_tag_handler_looks_after_the_recorders() {
    let beat = || {
        let event = json!({"eventSource": HEARTBEAT, "eventName": "Heartbeat", "awsRegion": "eu-west-1", "eventTime": BEGAN});
        Event::from_json(event).expect("a heartbeat")
    };
    for (minutes, keeps_up) in [(None, true), (Some(9), true), (Some(11), false)] {
        let world = world();
        let until = minutes.map(|minutes| LATER - Duration::minutes(minutes));
        world.sessions.recorded_until.set(until);
        let outcome = one(&world, LATER, beat());
        assert_eq!((outcome.as_str(), outcome.unfinished().len()), ("heartbeat", 0));
        let Handling::LookedAfter(recorders) = outcome.handling else { panic!("{outcome:?}") };
        assert_eq!((recorders == Recorders::KeepUp, recorders.reason().is_none()), (keeps_up, keeps_up));
    }
}

/// The session `AROA<role>:x` of a chain, which began at that minute, as `userIdentity` of its calls.
fn link(role: &str, began: u8) -> Value {
    let mut link = identity();
    link["principalId"] = json!(format!("AROA{role}:x"));
    link["arn"] = json!(format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/x"));
    link["accessKeyId"] = json!(format!("ASIA{role}"));
    link["sessionContext"]["attributes"]["creationDate"] = json!(format!("2026-05-04T09:{began}:00Z"));
    link
}

/// The record of its start.
fn start(caller: Value, role: &str, began: u8) -> Event {
    event(
        "sts.amazonaws.com",
        "AssumeRole",
        json!({"eventTime": format!("2026-05-04T09:{began}:00Z"), "userIdentity": caller, "responseElements": {
            "credentials": {"accessKeyId": format!("ASIA{role}"), "expiration": "May 4, 2026, 9:00:00 PM"},
            "assumedRoleUser": {"assumedRoleId": format!("AROA{role}:x"),
                                "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/x")}}}),
    )
}

#[test]
fn the_owner_may_be_who_stands_at_the_head_of_a_chain() {
    let user = json!({"type": "IAMUser", "principalId": "AIDAJO", "accountId": ACCOUNT, "userName": "jo",
                      "arn": "arn:aws:iam::111122223333:user/jo"});
    let head = start(user.clone(), "head", 50);
    let rest = [start(link("head", 50), "middle", 55), start(link("middle", 55), "last", 59)];
    let owner = |sessions: &[&Event], caller: Value, now| {
        let world = world();
        for session in sessions {
            block_on(record_session(&world.sessions, None, session)).expect("a store");
        }
        let fields = json!({"userIdentity": caller, "responseElements": {"volumeId": "vol-1"}});
        let made = event("ec2.amazonaws.com", "CreateVolume", fields);
        let (asked, scope) = (settings(&[("OWNER", "origin,session-name")]), Scope::default());
        let outcome = block_on(tag_resources(&world, &asked, &scope, |_| now, &[&made])).remove(0);
        (tag(&outcome, 0, "Owner").map(str::to_owned), reasons(&outcome))
    };
    let jo = Some("arn:aws:iam::111122223333:user/jo".to_owned());
    // The order of the records does not matter.
    assert_eq!(owner(&[&rest[1], &head, &rest[0]], link("last", 59), AT), (jo.clone(), Vec::new()));
    assert_eq!(owner(&[&head], link("head", 50), AT), (jo.clone(), Vec::new()));
    assert_eq!(owner(&[], user, AT), (jo, Vec::new()), "who has no session is the head");
    // Its first link may still come; later it is known to be unknown.
    let waits = ["session of AROAhead:x is not recorded yet".to_owned()].into();
    assert_eq!(owner(&[&rest[0], &rest[1]], link("last", 59), AT), (None, waits));
    assert_eq!(owner(&[&rest[0], &rest[1]], link("last", 59), LATER), (Some("x".to_owned()), Vec::new()));
    // Records that name each other have no head.
    let ring = start(link("last", 59), "head", 50);
    assert_eq!(owner(&[&ring, &rest[0], &rest[1]], link("last", 59), LATER).0, Some("x".to_owned()));
}

/// A session of a role in an account, as that account's trail has it.
fn sts_record(account: &str) -> Value {
    json!({"eventSource": "sts.amazonaws.com", "eventName": "AssumeRole", "eventTime": BEGAN,
        "recipientAccountId": account, "responseElements": {"credentials": {"accessKeyId": "A"},
        "assumedRoleUser": {"assumedRoleId": "AROAX:ann",
                            "arn": format!("arn:aws:sts::{account}:assumed-role/dev/ann")}}})
}

#[test]
fn a_session_that_aws_did_not_report_is_not_recorded() {
    let detail = json!({"eventSource": "sts.amazonaws.com", "eventName": "AssumeRole", "eventTime": BEGAN,
        "recipientAccountId": ACCOUNT, "requestParameters": {"tags": [{"key": "Team", "value": "stolen"}]},
        "responseElements": {"credentials": {"accessKeyId": "A"}, "assumedRoleUser": {
            "assumedRoleId": "AROAX:ann", "arn": "arn:aws:sts::111122223333:assumed-role/dev/ann"}}});
    let record = |envelope: Value| {
        let mut event = envelope;
        event["detail"] = detail.clone();
        let store = MemorySessions::default();
        let recorded = block_on(record_session(&store, None, &Event::from_json(event).expect("a record")));
        (recorded.expect("a store"), store.len())
    };
    assert_eq!(record(json!({"source": "aws.sts", "account": ACCOUNT})).1, 1);
    let (recorded, stored) = record(json!({"source": "my.app", "account": ACCOUNT}));
    assert!(matches!(recorded, Recorded::NotASession(why) if why.to_string().contains("`my.app`")));
    assert_eq!(stored, 0);
    assert_eq!(record(json!({"source": "aws.sts", "account": "444455556666"})), (Recorded::OtherAccount, 0));
}

#[test]
fn dates_at_the_end_of_time_do_not_panic() {
    let mut late = identity();
    late["sessionContext"]["attributes"]["creationDate"] = json!("9999-12-31T23:59:59Z");
    let record = json!({"eventSource": "sns.amazonaws.com", "eventName": "CreateTopic", "awsRegion": "eu-west-1",
        "eventTime": "9999-12-31T23:59:59Z", "recipientAccountId": ACCOUNT, "userIdentity": late,
        "responseElements": {"topicArn": "arn:aws:sns:eu-west-1:111122223333:t"}});
    let outcome = one(&world(), AT, Event::from_json(record).expect("a record"));
    assert_eq!(outcome.resources().len(), 1);
}

/// What Spot Fleet does by its service-linked role, with the mark of a fleet, at `AT`.
fn launched(mark: Value, fields: Value) -> Event {
    let linked = json!({"type": "AssumedRole", "principalId": "AROAS:Fleet", "accountId": ACCOUNT,
        "arn": "arn:aws:sts::111122223333:assumed-role/AWSServiceRoleForEC2SpotFleet/Fleet",
        "invokedBy": "spotfleet.amazonaws.com", "sessionContext": {"sessionIssuer": {
            "type": "Role", "principalId": "AROAS", "accountId": ACCOUNT, "userName": "AWSServiceRoleForEC2SpotFleet",
            "arn": "arn:aws:iam::111122223333:role/aws-service-role/spotfleet.amazonaws.com/AWSServiceRoleForEC2SpotFleet"}}});
    let mut all = json!({"userIdentity": linked,
        "requestParameters": {"tagSpecificationSet": {"items": [{"resourceType": "instance", "tags": [mark]}]}},
        "responseElements": {"instancesSet": {"items": [{"instanceId": "i-1"}]}}});
    all.as_object_mut().expect("object").extend(fields.as_object().expect("object").clone());
    event("ec2.amazonaws.com", "RunInstances", all)
}

fn of_fleet() -> Event {
    launched(json!({"key": "aws:ec2spot:fleet-request-id", "value": "sfr-1"}), json!({}))
}

/// A world in which the fleet has these tags.
fn with_fleet(tags: &[(&str, &str)]) -> World {
    let tags: TagMap = tags.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    let mut world = world();
    world.tagger.present = vec![("spot-fleet-request/sfr-1", Ok(tags))];
    world
}

const OF_ANN: &[(&str, &str)] = &[("Owner", "ann"), ("PrincipalId", "AROAX:ann")];

fn tags_with(vars: &'static [(&str, &str)], world: &World, event: &Event) -> Vec<(String, String)> {
    let outcomes = block_on(tag_resources(world, &settings(vars), &Scope::default(), |_| LATER, &[event]));
    let tags = outcomes[0].resources()[0].tags.iter();
    tags.map(|tag| (tag.key.clone(), tag.value.clone())).collect()
}

#[test]
fn what_a_service_creates_for_another_resource_gets_its_owner() {
    let world = with_fleet(OF_ANN);
    let outcome = one(&world, AT, of_fleet());
    assert_eq!(
        (tag(&outcome, 0, "Owner"), tag(&outcome, 0, "PrincipalId")),
        (Some("ann"), Some("AROAX:ann"))
    );
    assert!(outcome.unfinished().is_empty());
    let parent = outcome.tagging().and_then(|tagging| tagging.parent.clone()).expect("a parent");
    assert_eq!(parent.to_string(), "Spot Fleet sfr-1");
    assert_eq!(outcome.resources()[0].tags[0].source.as_str(), "parent");
}

#[test]
fn of_a_parents_tags_only_those_are_inherited_that_are_ours_or_named() {
    let all =
        [OF_ANN, &[("Name", "web"), ("Team", "a"), ("kubernetes.io/cluster/x", "owned"), ("stop", "18:00")]]
            .concat();
    let keys = |vars| {
        let tags = tags_with(vars, &with_fleet(&all), &of_fleet());
        tags.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
    };
    assert_eq!(keys(&[]), ["Owner", "PrincipalId"], "`*` names nothing");
    assert_eq!(keys(&[("INHERIT", "team,cost*")]), ["Owner", "PrincipalId", "Team"]);
    assert_eq!(keys(&[("INHERIT", "*,team"), ("DO_NOT_INHERIT", "team")]), ["Owner", "PrincipalId"]);
    assert_eq!(keys(&[("SERVICE_CREATED", "service")]), ["Owner"]);
}

#[test]
fn a_parent_without_owner_is_waited_for_and_then_the_service_is_the_owner() {
    let world = with_fleet(&[("Name", "web")]);
    let young = one(&world, AT, of_fleet());
    assert_eq!(reasons(&young), ["Spot Fleet sfr-1 has no owner yet"]);
    assert_eq!(young.resources()[0].tags, []);
    assert_eq!(world.tagger.calls.get(), 0, "what is written stays");
    let old = one(&world, LATER, of_fleet());
    assert_eq!(tag(&old, 0, "Owner"), Some("spotfleet.amazonaws.com"));
    assert!(old.unfinished().is_empty());
}

#[test]
fn a_parent_that_is_gone_or_cannot_be_read_says_nothing_for_others() {
    let mut world = with_fleet(&[]);
    world.tagger.present[0].1 = Err(Failure::not_found("NotFound"));
    assert_eq!(tag(&one(&world, LATER, of_fleet()), 0, "Owner"), Some("spotfleet.amazonaws.com"));
    world.tagger.present[0].1 = Err(Failure::other("AccessDenied"));
    let outcome = one(&world, LATER, of_fleet());
    assert_eq!(reasons(&outcome), ["tags of Spot Fleet sfr-1: AccessDenied"]);
    assert_eq!(outcome.resources()[0].tags, []);
}

#[test]
fn only_the_service_itself_names_a_parent_and_only_of_its_account() {
    let owner = |event: Event| {
        let outcome = one(&with_fleet(OF_ANN), LATER, event);
        tag(&outcome, 0, "Owner").map(str::to_owned)
    };
    let mark = json!({"key": "aws:ec2spot:fleet-request-id", "value": "sfr-1"});
    let by_bob = json!({"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/bob", "accountId": ACCOUNT,
        "principalId": "AIDAX", "userName": "bob"});
    let bob = Some("arn:aws:iam::111122223333:user/bob".to_owned());
    assert_eq!(owner(launched(mark.clone(), json!({"userIdentity": by_bob}))), bob);
    // EC2 Fleet calls with the session of whoever asked for instances.
    let mut forwarded = identity();
    forwarded["invokedBy"] = json!("ec2fleet.amazonaws.com");
    let fleet = json!({"key": "aws:ec2:fleet-id", "value": "fleet-1"});
    let dev = Some("arn:aws:sts::111122223333:assumed-role/dev/ann".to_owned());
    assert_eq!(owner(launched(fleet, json!({"userIdentity": forwarded}))), dev);
    let service = Some("spotfleet.amazonaws.com".to_owned());
    let other = "arn:aws:ec2:eu-west-1:444455556666:spot-fleet-request/sfr-1";
    assert_eq!(
        owner(launched(json!({"key": "aws:ec2spot:fleet-request-id", "value": other}), json!({}))),
        service
    );
    assert_eq!(owner(launched(json!({"key": "aws:other", "value": "sfr-1"}), json!({}))), service);
}

#[test]
fn roles_that_services_were_given_name_parents_too() {
    let role = |session: &str, invoked_by: &str, agent: &str| {
        json!({"userAgent": agent, "userIdentity": {"type": "AssumedRole", "principalId": format!("AROAX:{session}"),
            "accountId": ACCOUNT, "arn": format!("arn:aws:sts::111122223333:assumed-role/dev/{session}"),
            "invokedBy": invoked_by, "sessionContext": {"sessionIssuer": {"type": "Role", "principalId": "AROAX",
                "userName": "dev", "accountId": ACCOUNT, "arn": "arn:aws:iam::111122223333:role/dev"}}}})
    };
    let owner = |name: &str, source: &str, fields: Value, more: Value, end: &'static str| {
        let mut all = fields;
        all.as_object_mut().expect("object").extend(more.as_object().expect("object").clone());
        let mut world = world();
        let tags = OF_ANN.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        world.tagger.present = vec![(end, Ok(tags))];
        tag(&one(&world, LATER, event(source, name, all)), 0, "Owner").map(str::to_owned)
    };
    let snapshot =
        json!({"requestParameters": {"volumeId": "vol-1"}, "responseElements": {"snapshotId": "snap-1"}});
    let backup = |session, by| {
        owner("CreateSnapshot", "ec2.amazonaws.com", snapshot.clone(), role(session, by, by), "volume/vol-1")
    };
    assert_eq!(backup("AWSBackup-dev", "backup.amazonaws.com"), Some("ann".into()));
    let dev = |session: &str| Some(format!("arn:aws:sts::111122223333:assumed-role/dev/{session}"));
    assert_eq!(
        backup("AWSBackup-dev", "192.0.2.1"),
        dev("AWSBackup-dev"),
        "the session's name alone proves nothing"
    );
    assert_eq!(backup("bob", "backup.amazonaws.com"), dev("bob"), "with the caller's own session");
    let group = |name: &str| json!({"requestParameters": {"logGroupName": name}});
    let log = |name: &str, agent: &str| {
        owner(
            "CreateLogGroup",
            "logs.amazonaws.com",
            group(name),
            role("orders", "", agent),
            "function:orders",
        )
    };
    assert_eq!(log("/aws/lambda/orders", "awslambda-worker/1.0"), Some("ann".into()));
    assert_eq!(log("/aws/lambda/billing", "awslambda-worker/1.0"), dev("orders"), "another function's");
    assert_eq!(log("/aws/lambda/orders", "aws-cli/2"), dev("orders"));
}

/// A Spot Fleet, a group, another fleet, a cluster, a cluster of EMR, each with a tag that names the next.
fn line_with_owner(nth: usize, last_names: (&str, &str)) -> World {
    let mut line = vec![
        ("spot-fleet-request/sfr-1", vec![("aws:autoscaling:groupName", "web")]),
        ("autoScalingGroupName/web", vec![("aws:ec2:fleet-id", "fleet-1")]),
        ("fleet/fleet-1", vec![("aws:eks:cluster-name", "shop")]),
        ("cluster/shop", vec![last_names]),
        ("cluster/j-1", vec![]),
    ];
    if let Some((_, tags)) = line.get_mut(nth) {
        tags.extend(OF_ANN);
    }
    let mut world = world();
    world.tagger.present = line.into_iter().map(|(end, tags)| (end, Ok(tag_map(&tags)))).collect();
    world
}

#[test]
fn a_parent_without_owner_may_have_a_parent_itself_for_four_steps_and_never_in_a_circle() {
    let last = ("aws:elasticmapreduce:job-flow-id", "j-1");
    for (nth, parent) in
        ["Spot Fleet sfr-1", "Auto Scaling group web", "EC2 Fleet fleet-1", "EKS cluster shop"]
            .into_iter()
            .enumerate()
    {
        let outcome = one(&line_with_owner(nth, last), LATER, of_fleet());
        let found = outcome.tagging().and_then(|tagging| tagging.parent.clone()).expect("a parent");
        assert_eq!((found.to_string().as_str(), tag(&outcome, 0, "Owner")), (parent, Some("ann")));
    }
    let service = Some("spotfleet.amazonaws.com");
    assert_eq!(tag(&one(&line_with_owner(4, last), LATER, of_fleet()), 0, "Owner"), service, "too far");
    let circle = line_with_owner(4, ("aws:ec2spot:fleet-request-id", "sfr-1"));
    assert_eq!(tag(&one(&circle, LATER, of_fleet()), 0, "Owner"), service, "a circle");
    // Anybody may put this tag on a fleet.
    let named_by_anybody = [("eks:eks-cluster-name", "shop"), ("kubernetes.io/cluster/shop", "owned")];
    let mut world = line_with_owner(3, last);
    world.tagger.present[0].1 = Ok(tag_map(&named_by_anybody));
    assert_eq!(tag(&one(&world, LATER, of_fleet()), 0, "Owner"), service);
    // A group of another account, whatever names it.
    let mut world = line_with_owner(3, last);
    let other = "arn:aws:eks:eu-west-1:444455556666:cluster/shop";
    world.tagger.present[0].1 = Ok(tag_map(&[("aws:eks:cluster-name", other)]));
    assert_eq!(tag(&one(&world, LATER, of_fleet()), 0, "Owner"), service);
}
