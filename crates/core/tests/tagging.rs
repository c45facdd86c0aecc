//! The second verb against a cloud in memory: what is called, what fails, what comes again.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use aws_tags::principal::{Caller, IamIdentity};
use aws_tags::services::Question;
use aws_tags::tags::TagMap;
use aws_tags::{
    Batch, Cloud, Event, Failure, LookUps, Outcome, PrincipalTags, Recorded, Served, Session, SessionStore,
    Settings, Skip, Tagger, record_session, tag_resources,
};
use futures_executor::block_on;
use serde_json::{Value, json};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

const ACCOUNT: &str = "111122223333";
const AT: OffsetDateTime = datetime!(2026-05-04 10:00:00 UTC);
const BEGAN: &str = "2026-05-04T09:59:00Z";

#[derive(Default)]
struct Memory(RefCell<Vec<Session>>);

impl SessionStore for Memory {
    type Error = String;

    async fn put(&self, session: &Session) -> Result<(), String> {
        self.0.borrow_mut().push(session.clone());
        Ok(())
    }

    async fn find(
        &self,
        caller: &Caller,
        _: (OffsetDateTime, OffsetDateTime),
    ) -> Result<Vec<Session>, String> {
        let all = self.0.borrow();
        Ok(all.iter().filter(|session| session.id.as_deref() == Some(&caller.id)).cloned().collect())
    }
}

struct Iam(Result<TagMap, String>);

impl PrincipalTags for Iam {
    type Error = String;

    async fn tags(&self, _: &IamIdentity) -> Result<Option<TagMap>, String> {
        self.0.clone().map(Some)
    }
}

struct Answers(Result<Vec<String>, Failure>);

impl LookUps for Answers {
    async fn look_up(&self, _: &Question, _: Option<OffsetDateTime>) -> Result<Vec<String>, Failure> {
        self.0.clone()
    }
}

/// Counts calls, remembers resources, and refuses some.
#[derive(Default)]
struct Counting {
    calls: Cell<usize>,
    tagged: RefCell<BTreeSet<String>>,
    refused: Vec<(&'static str, Failure)>,
}

impl Tagger for Counting {
    async fn tag(&self, batch: &Batch) -> Vec<Result<(), Failure>> {
        self.calls.set(self.calls.get() + 1);
        let result = |arn: &str| {
            if let Some((_, failure)) = self.refused.iter().find(|(part, _)| arn.ends_with(part)) {
                return Err(failure.clone());
            }
            self.tagged.borrow_mut().insert(arn.to_owned());
            Ok(())
        };
        batch.resources.iter().map(|resource| result(resource.arn.as_str())).collect()
    }
}

type World = Cloud<Memory, Iam, Answers, Counting>;

fn world() -> World {
    Cloud {
        sessions: Memory::default(),
        principals: Iam(Ok(TagMap::from([("Team".into(), "iam".into())]))),
        look_ups: Answers(Ok(Vec::new())),
        tagger: Counting::default(),
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
    event(
        "sts.amazonaws.com",
        "AssumeRole",
        json!({"eventTime": BEGAN,
        "requestParameters": {"tags": [{"key": "Team", "value": team}]},
        "responseElements": {
            "credentials": {"accessKeyId": "ASIAX", "expiration": "May 4, 2026, 9:00:00 PM"},
            "assumedRoleUser": {"assumedRoleId": "AROAX:ann",
                                "arn": "arn:aws:sts::111122223333:assumed-role/dev/ann"}}}),
    )
}

/// Late enough that sessions and resources are either there or will not come.
const LATER: OffsetDateTime = datetime!(2026-05-04 11:00:00 UTC);

fn run(world: &World, now: OffsetDateTime, events: &[Event]) -> Vec<Outcome> {
    let served = Served { account: Some(ACCOUNT.into()), own_sessions: None };
    block_on(tag_resources(world, &settings(&[]), &served, |_| now, events))
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
        assert!(outcomes.iter().all(|outcome| outcome.retry_reasons().is_empty()));
    }
    assert_eq!(world.tagger.tagged.borrow().len(), 1000);
    assert!(world.tagger.calls.get() <= 60, "{} calls", world.tagger.calls.get());
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
fn only_what_failed_comes_again() {
    let mut world = world();
    world.tagger.refused = vec![("vol-2", Failure::new("throttled"))];
    let outcomes = run(&world, LATER, &[volume("vol-1"), volume("vol-2")]);
    assert!(outcomes[0].retry_reasons().is_empty());
    assert_eq!(outcomes[1].retry_reasons(), ["arn:aws:ec2:eu-west-1:111122223333:volume/vol-2: throttled"]);
}

#[test]
fn not_found_means_not_yet_for_ten_minutes_and_then_gone() {
    let mut world = world();
    world.tagger.refused = vec![("vol-1", Failure { reason: "NotFound".into(), not_found: true })];
    let soon = one(&world, AT + Duration::minutes(9), volume("vol-1"));
    assert_eq!(soon.retry_reasons().len(), 2, "not found, and the young session: {soon:?}");
    let late = one(&world, LATER, volume("vol-1"));
    assert!(late.retry_reasons().is_empty());
    assert_eq!(late.resources[0].skipped.as_deref(), Some("gone: NotFound"));
}

#[test]
fn a_young_session_is_tagged_at_once_and_comes_again() {
    let world = world();
    let outcome = one(&world, AT, volume("vol-1"));
    assert_eq!(outcome.resources[0].tags["Team"], "iam");
    assert_eq!(outcome.retry_reasons(), ["session of AROAX:ann is not recorded yet"]);
    let recorded = block_on(record_session(&world.sessions, &sts("session")));
    assert!(matches!(recorded, Ok(Recorded::Stored(_))));
    let outcome = one(&world, AT, volume("vol-1"));
    assert_eq!(outcome.resources[0].tags["Team"], "session");
    assert!(outcome.retry_reasons().is_empty());
}

#[test]
fn without_iam_the_owner_is_tagged_and_the_event_comes_again() {
    let mut world = world();
    world.principals = Iam(Err("throttled".into()));
    let outcome = one(&world, LATER, volume("vol-1"));
    assert_eq!(outcome.retry_reasons(), ["IAM tags of dev: throttled"]);
    assert!(outcome.resources[0].tags.contains_key("Owner"));
    assert_eq!(world.tagger.tagged.borrow().len(), 1);
}

#[test]
fn an_open_look_up_does_not_keep_the_rest_from_being_tagged() {
    let run_instances = || {
        event(
            "ec2.amazonaws.com",
            "RunInstances",
            json!({"responseElements": {"instancesSet": {"items": [{"instanceId": "i-1"}]}}}),
        )
    };
    let mut world = world();
    world.look_ups = Answers(Err(Failure::new("instance i-1 is pending")));
    let outcome = one(&world, LATER, run_instances());
    assert_eq!(outcome.resources.len(), 1);
    assert_eq!(outcome.retry_reasons(), ["ec2:volume: instance i-1 is pending"]);
    world.look_ups = Answers(Ok(vec!["vol-9".into()]));
    let outcome = one(&world, LATER, run_instances());
    assert_eq!(outcome.resources[1].resource.arn.as_str(), "arn:aws:ec2:eu-west-1:111122223333:volume/vol-9");
    assert!(outcome.retry_reasons().is_empty());
}

#[test]
fn an_unresolvable_creation_is_kept_for_redrive() {
    let outcome = one(&world(), LATER, event("ec2.amazonaws.com", "CreateVolume", json!({})));
    assert_eq!(outcome.retry_reasons(), ["unresolvable: CreateVolume has no `responseElements.volumeId`"]);
}

fn skipped(vars: &'static [(&str, &str)], served: &Served, fields: Value) -> Option<Skip> {
    let mut all = json!({"responseElements": {"volumeId": "vol-1"}});
    all.as_object_mut().expect("object").extend(fields.as_object().expect("object").clone());
    let event = event("ec2.amazonaws.com", "CreateVolume", all);
    let world = world();
    let outcomes = block_on(tag_resources(&world, &settings(vars), served, |_| LATER, &[event]));
    assert_eq!(world.tagger.calls.get() == 0, outcomes[0].skipped.is_some());
    outcomes[0].skipped.clone()
}

#[test]
fn whose_creations_are_left_alone() {
    let served = Served { account: Some(ACCOUNT.into()), own_sessions: None };
    assert_eq!(skipped(&[], &served, json!({})), None);
    let other = json!({"recipientAccountId": "444455556666"});
    assert_eq!(skipped(&[], &served, other), Some(Skip::OtherAccount("444455556666".into())));
    let nobody = json!({"userIdentity": null});
    assert_eq!(skipped(&[], &served, nobody), Some(Skip::NoPrincipal));
    let excluded = &[("EXCLUDED_PRINCIPALS", "arn:aws:iam::*:role/dev")];
    assert_eq!(skipped(excluded, &served, json!({})), Some(Skip::ExcludedPrincipal));
    let own =
        Served { own_sessions: Some("arn:aws:sts::111122223333:assumed-role/dev/".into()), ..served.clone() };
    assert_eq!(skipped(&[], &own, json!({})), Some(Skip::ExcludedPrincipal));
    let service = json!({"userIdentity": {"type": "AWSService", "invokedBy": "autoscaling.amazonaws.com"}});
    assert_eq!(skipped(&[], &served, service.clone()), None);
    let skip = Some(Skip::ServiceCreated("autoscaling.amazonaws.com".into()));
    assert_eq!(skipped(&[("SERVICE_CREATED", "skip")], &served, service), skip);
}

#[test]
fn an_event_that_aws_did_not_send_is_left_alone() {
    let event = Event::from_json(json!({"source": "my.app", "account": ACCOUNT, "detail": {
        "eventSource": "ec2.amazonaws.com", "eventName": "CreateVolume", "awsRegion": "eu-west-1",
        "recipientAccountId": ACCOUNT, "userIdentity": identity(), "responseElements": {"volumeId": "vol-1"}}}));
    let outcome = one(&world(), LATER, event.expect("a record"));
    assert_eq!(outcome.skipped, Some(Skip::NotFromAws("my.app".into())));
}

#[test]
fn some_kinds_are_left_alone_unless_the_settings_say_otherwise() {
    let put = || {
        event("s3.amazonaws.com", "PutObject", json!({"requestParameters": {"bucketName": "b", "key": "k"}}))
    };
    let world = world();
    let outcome = one(&world, LATER, put());
    let skipped = outcome.resources[0].skipped.as_deref().expect("skipped");
    assert!(skipped.starts_with("left alone by default: "), "{skipped}");
    assert_eq!(world.tagger.calls.get(), 0);
    let served = Served::default();
    block_on(tag_resources(&world, &settings(&[("ALSO_TAG", "s3:obj*")]), &served, |_| LATER, &[put()]));
    assert_eq!(world.tagger.calls.get(), 1);
}

#[test]
fn interfaces_that_services_make_are_left_alone_and_those_of_people_are_not() {
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
    let skipped = |outcome: &Outcome| outcome.resources[0].skipped.clone();
    assert!(skipped(&one(&world(), LATER, by_service())).is_some_and(|why| why.contains("services make")));
    assert_eq!(skipped(&one(&world(), LATER, by_user)), None);
    let (also, served) = (settings(&[("ALSO_TAG", "ec2:network-interface")]), Served::default());
    let outcomes = block_on(tag_resources(&world(), &also, &served, |_| LATER, &[by_service()]));
    assert_eq!(skipped(&outcomes[0]), None);
}

#[test]
fn a_session_of_a_role_elsewhere_is_recorded_there() {
    let mut record = json!({"eventSource": "sts.amazonaws.com", "eventName": "AssumeRole", "eventTime": BEGAN,
        "recipientAccountId": "444455556666"});
    record["responseElements"] = json!({"credentials": {"accessKeyId": "A"}, "assumedRoleUser": {
        "assumedRoleId": "AROAX:ann", "arn": "arn:aws:sts::111122223333:assumed-role/dev/ann"}});
    let store = Memory::default();
    let recorded = block_on(record_session(&store, &Event::from_json(record).expect("a record")));
    assert_eq!(recorded, Ok(Recorded::Elsewhere));
    assert!(store.0.borrow().is_empty());
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
        let store = Memory::default();
        let recorded = block_on(record_session(&store, &Event::from_json(event).expect("a record")));
        (recorded.expect("a store"), store.0.into_inner().len())
    };
    assert_eq!(record(json!({"source": "aws.sts", "account": ACCOUNT})).1, 1);
    let (recorded, stored) = record(json!({"source": "my.app", "account": ACCOUNT}));
    assert!(matches!(recorded, Recorded::NoSession(why) if why.contains("`my.app`")));
    assert_eq!(stored, 0);
    assert_eq!(record(json!({"source": "aws.sts", "account": "444455556666"})), (Recorded::Elsewhere, 0));
}

#[test]
fn dates_at_the_end_of_time_are_no_reason_to_panic() {
    let mut odd = identity();
    odd["sessionContext"]["attributes"]["creationDate"] = json!("9999-12-31T23:59:59Z");
    let record = json!({"eventSource": "sns.amazonaws.com", "eventName": "CreateTopic", "awsRegion": "eu-west-1",
        "eventTime": "9999-12-31T23:59:59Z", "recipientAccountId": ACCOUNT, "userIdentity": odd,
        "responseElements": {"topicArn": "arn:aws:sns:eu-west-1:111122223333:t"}});
    let outcome = one(&world(), AT, Event::from_json(record).expect("a record"));
    assert_eq!(outcome.resources.len(), 1);
}
