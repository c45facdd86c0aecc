//! What CloudFormation makes with a service role belongs to who deployed the stack last before, in whatever order,
//! how often and how late the records come.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]
#![expect(clippy::arithmetic_side_effects, reason = "simulated time is small")]

use std::collections::{BTreeMap, BTreeSet};

use aws_tags::ports::offline::{CountingTagger, GivenIamTags, GivenLookups, MemorySessions};
use aws_tags::ports::{Ports, SessionStore};
use aws_tags::record::timestamp;
use aws_tags::stacks::{Shelf, Stack};
use aws_tags::tagging::Scope;
use aws_tags::{Arn, Event, Outcome, Settings, record_session, tag_resources};
use fastrand::Rng;
use futures_executor::block_on;
use serde_json::{Value, json};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

const ACCOUNT: &str = "111122223333";
const START: OffsetDateTime = datetime!(2026-05-04 00:00:00 UTC);
const ROLE: &str = "arn:aws:iam::111122223333:role/cdk-hnb659fds-cfn-exec-role-111122223333-eu-west-1";
const PEOPLE: [&str; 2] = ["ann", "bob"];
const MINUTE: i64 = 60;
/// CloudTrail's longest delay, as a rule.
const LATEST: i64 = 14 * MINUTE;

type World = Ports<MemorySessions, GivenIamTags, GivenLookups, CountingTagger>;

fn world() -> World {
    Ports {
        sessions: MemorySessions::default(),
        principal_tags: GivenIamTags::default(),
        lookups: GivenLookups::default(),
        tagger: CountingTagger::default(),
    }
}

fn time(at: i64) -> OffsetDateTime {
    START + Duration::seconds(at)
}

fn handle(world: &World, now: i64, event: &Event) -> Outcome {
    handle_with(world, now, event, &[])
}

fn handle_with(world: &World, now: i64, event: &Event, vars: &[(&str, &str)]) -> Outcome {
    let settings = Settings::read(|name| {
        vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    });
    let (settings, scope) = (settings.expect("sound"), Scope::default());
    block_on(tag_resources(world, &settings, &scope, |_| time(now), &[event])).remove(0)
}

fn role_session(role: &str, name: &str, began: i64) -> Value {
    let short = role.rsplit('/').next().expect("a name");
    json!({"type": "AssumedRole", "principalId": format!("AROA{short}:{name}"), "accountId": ACCOUNT,
           "accessKeyId": format!("ASIA{name}{began}"), "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/{short}/{name}"),
           "sessionContext": {"attributes": {"creationDate": timestamp::format(time(began))}, "sessionIssuer": {
               "type": "Role", "principalId": format!("AROA{short}"), "userName": short, "accountId": ACCOUNT, "arn": role}}})
}

/// A person's session: old enough that no record of it comes any more.
fn person(name: &str) -> Value {
    role_session("arn:aws:iam::111122223333:role/dev", name, -7200)
}

fn person_arn(name: &str) -> String {
    format!("arn:aws:sts::{ACCOUNT}:assumed-role/dev/{name}")
}

/// CloudFormation with the service role.
fn cloudformation(began: i64) -> Value {
    let mut identity = role_session(ROLE, "AWSCloudFormation", began);
    identity["invokedBy"] = json!("cloudformation.amazonaws.com");
    identity
}

const ROLE_SESSION: &str = "arn:aws:sts::111122223333:assumed-role/cdk-hnb659fds-cfn-exec-role-111122223333-eu-west-1/AWSCloudFormation";

fn record(
    id: &str,
    source: &str,
    name: &str,
    at: i64,
    identity: Value,
    request: Value,
    response: Value,
) -> Event {
    Event::from_json(
        json!({"eventID": id, "eventSource": format!("{source}.amazonaws.com"), "eventName": name,
        "awsRegion": "eu-west-1", "eventTime": timestamp::format(time(at)), "recipientAccountId": ACCOUNT,
        "userIdentity": identity, "requestParameters": request, "responseElements": response}),
    )
    .expect("a record")
}

fn stack_id(name: &str) -> String {
    format!("arn:aws:cloudformation:eu-west-1:{ACCOUNT}:stack/{name}/id-of-{name}")
}

fn create_stack(id: &str, at: i64, by: Value, stack: &str) -> Event {
    let request = json!({"stackName": stack, "roleARN": ROLE});
    record(id, "cloudformation", "CreateStack", at, by, request, json!({"stackId": stack_id(stack)}))
}

fn update_stack(id: &str, at: i64, by: Value, stack: &str) -> Event {
    let request = json!({"stackName": stack, "roleARN": ROLE});
    record(id, "cloudformation", "UpdateStack", at, by, request, json!({"stackId": stack_id(stack)}))
}

fn change_set_arn(stack: &str) -> String {
    format!("arn:aws:cloudformation:eu-west-1:{ACCOUNT}:changeSet/cdk-deploy-change-set/of-{stack}")
}

fn prepare(id: &str, at: i64, by: Value, stack: &str, kind: &str) -> Event {
    let request = json!({"stackName": stack, "changeSetName": "cdk-deploy-change-set", "changeSetType": kind,
        "roleARN": ROLE});
    let response = json!({"id": change_set_arn(stack), "stackId": stack_id(stack)});
    record(id, "cloudformation", "CreateChangeSet", at, by, request, response)
}

fn execute(id: &str, at: i64, by: Value, request: Value) -> Event {
    record(id, "cloudformation", "ExecuteChangeSet", at, by, request, Value::Null)
}

/// A queue of a stack; `None` where its record names none.
fn queue(id: &str, at: i64, by: Value, stack: Option<&str>) -> Event {
    let tags = stack.map(|stack| json!({"aws:cloudformation:stack-id": stack_id(stack), "aws:cloudformation:stack-name": stack}));
    let url = format!("https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/{id}");
    let request = json!({"queueName": id, "tags": tags});
    record(id, "sqs", "CreateQueue", at, by, request, json!({"queueUrl": url}))
}

fn owner(outcome: &Outcome) -> Option<String> {
    let tags = &outcome.resources().first()?.tags;
    tags.iter().find(|tag| tag.key == "Owner").map(|tag| tag.value.clone())
}

fn parent(outcome: &Outcome) -> Option<String> {
    outcome.tagging()?.parent.as_ref().map(ToString::to_string)
}

fn is_done(outcome: &Outcome) -> bool {
    outcome.unfinished().is_empty()
}

#[test]
fn a_service_roles_queue_gets_the_tags_of_who_created_the_stack() {
    let world = world();
    let stack = create_stack("d", 0, person("ann"), "web");
    assert_eq!(handle(&world, 3600, &stack).as_str(), "left-alone");
    let made = handle(&world, 3600, &queue("q", 30, cloudformation(5), Some("web")));
    assert_eq!(owner(&made), Some(person_arn("ann")));
    assert_eq!(parent(&made).as_deref(), Some("stack web"));
    let tags = &made.resources()[0].tags;
    assert!(tags.iter().any(|tag| tag.key == "PrincipalId" && tag.value == "AROAdev:ann"), "{tags:?}");
    assert!(tags.iter().all(|tag| tag.source.as_str() == "parent"));
}

#[test]
fn a_stack_that_nobody_remembers_is_waited_for_and_then_the_role_is_the_owner() {
    let (world, made) = (world(), queue("q", 0, cloudformation(0), Some("web")));
    let young = handle(&world, 14 * MINUTE, &made);
    assert_eq!(young.unfinished()[0].to_string(), "stack web has no owner yet");
    assert_eq!(owner(&young), None);
    let old = handle(&world, 15 * MINUTE, &made);
    assert_eq!(owner(&old).as_deref(), Some(ROLE_SESSION));
}

#[test]
fn only_a_session_that_began_with_the_deploy_is_certain_at_once() {
    let world = world();
    handle(&world, 3600, &create_stack("d", 0, person("ann"), "web"));
    assert!(is_done(&handle(&world, 40, &queue("q", 30, cloudformation(5), Some("web")))));
    // Another deploy may have come since, and its record may still come.
    let later = queue("r", 30 * MINUTE, cloudformation(29 * MINUTE), Some("web"));
    assert!(!is_done(&handle(&world, 31 * MINUTE, &later)));
    handle(&world, 40 * MINUTE, &update_stack("u", 29 * MINUTE, person("bob"), "web"));
    assert_eq!(owner(&handle(&world, 40 * MINUTE, &later)), Some(person_arn("bob")));
}

#[test]
fn a_stack_of_another_account_or_a_callers_own_session_counts_for_nothing() {
    let world = world();
    handle(&world, 3600, &create_stack("d", 0, person("ann"), "web"));
    // CloudFormation continues the caller's session: the caller is the creator.
    let mut forwarded = person("bob");
    forwarded["invokedBy"] = json!("cloudformation.amazonaws.com");
    assert_eq!(
        owner(&handle(&world, 3600, &queue("q", 30, forwarded, Some("web")))),
        Some(person_arn("bob"))
    );
    let mut other = queue("r", 30, cloudformation(5), Some("web")).to_json();
    other["requestParameters"]["tags"]["aws:cloudformation:stack-id"] =
        json!(stack_id("web").replace(ACCOUNT, "444455556666"));
    let other = handle(&world, 7200, &Event::from_json(other).expect("a record"));
    assert_ne!(parent(&other).as_deref(), Some("stack web of another account"));
    assert!(Stack::of_arn(&Arn::parse(&stack_id("web")).expect("an ARN")).is_some());
}

#[test]
fn a_change_set_that_is_executed_by_its_arn_alone_is_found() {
    let world = world();
    let run = execute("x", 60, person("bob"), json!({"changeSetName": change_set_arn("web")}));
    let early = handle(&world, 70, &run);
    assert_eq!(early.unfinished().len(), 1, "its stack is not known yet");
    handle(&world, 80, &prepare("p", 0, person("ann"), "web", "CREATE"));
    assert!(is_done(&handle(&world, 90, &run)));
    let made = handle(&world, 3600, &queue("q", 90, cloudformation(65), Some("web")));
    assert_eq!(owner(&made), Some(person_arn("bob")));
    // Of a stack that is only announced, its creator is the owner.
    handle(&world, 80, &prepare("s", 0, person("ann"), "shop", "IMPORT"));
    let made = handle(&world, 3600, &queue("r", 90, cloudformation(65), Some("shop")));
    assert_eq!(owner(&made), Some(person_arn("ann")));
}

#[test]
fn without_a_stack_in_the_record_the_only_one_who_deploys_with_the_role_is_the_owner() {
    let world = world();
    let made = |id: &str| handle(&world, 7200, &queue(id, 600, cloudformation(65), None));
    assert_eq!(owner(&made("a")).as_deref(), Some(ROLE_SESSION), "nobody deploys");
    assert_eq!(
        parent(&made("a")),
        Some(format!("a stack of role {}", ROLE.rsplit('/').next().expect("a name")))
    );
    handle(&world, 7200, &prepare("p", 0, person("bob"), "web", "UPDATE"));
    handle(
        &world,
        7200,
        &execute(
            "x",
            60,
            person("ann"),
            json!({"stackName": "web", "changeSetName": "cdk-deploy-change-set"}),
        ),
    );
    assert_eq!(owner(&made("b")), Some(person_arn("ann")));
    assert_eq!(parent(&made("b")).as_deref(), Some("stack web"));
    handle(&world, 7200, &create_stack("d", 300, person("bob"), "shop"));
    assert_eq!(owner(&made("c")).as_deref(), Some(ROLE_SESSION), "two deploy: nobody knows");
    let next_day = queue("e", 90_000, cloudformation(89_999), None);
    assert_eq!(owner(&handle(&world, 200_000, &next_day)).as_deref(), Some(ROLE_SESSION), "both have ended");
}

#[test]
fn a_stack_within_a_stack_belongs_to_who_deployed_the_outer_one() {
    let world = world();
    let inner = {
        let request = json!({"stackName": "web-db", "roleARN": ROLE,
            "tags": [{"key": "aws:cloudformation:stack-id", "value": stack_id("web")}]});
        record(
            "i",
            "cloudformation",
            "CreateStack",
            20,
            cloudformation(5),
            request,
            json!({"stackId": stack_id("web-db")}),
        )
    };
    let made = queue("q", 40, cloudformation(21), Some("web-db"));
    assert!(!is_done(&handle(&world, 41, &inner)) && !is_done(&handle(&world, 41, &made)));
    handle(&world, 42, &create_stack("d", 0, person("ann"), "web"));
    assert!(is_done(&handle(&world, 43, &inner)));
    assert_eq!(owner(&handle(&world, 44, &made)), Some(person_arn("ann")));
    assert_eq!(
        owner(&handle(&world, 7200, &queue("r", 60, cloudformation(5), None))),
        Some(person_arn("ann"))
    );
}

#[test]
fn what_a_group_without_owner_launches_belongs_to_who_created_its_stack() {
    let mut world = world();
    let of_stack = [("aws:cloudformation:stack-id".to_owned(), stack_id("web"))].into();
    world.tagger.present = vec![("autoScalingGroupName/web", Ok(of_stack))];
    handle(&world, 3600, &create_stack("d", 0, person("ann"), "web"));
    handle(&world, 7200, &update_stack("u", 3600, person("bob"), "web"));
    let mut by = role_session(
        "arn:aws:iam::111122223333:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling",
        "AutoScaling",
        7000,
    );
    by["invokedBy"] = json!("autoscaling.amazonaws.com");
    let tags = json!([{"key": "aws:autoscaling:groupName", "value": "web"}]);
    let request = json!({"tagSpecificationSet": {"items": [{"resourceType": "instance", "tags": tags}]}});
    let response = json!({"instancesSet": {"items": [{"instanceId": "i-1"}]}});
    let launch = record("l", "ec2", "RunInstances", 7200, by, request, response);
    let made = handle(&world, 9000, &launch);
    assert_eq!(owner(&made), Some(person_arn("ann")), "nobody knows which deploy made the group");
    assert_eq!(parent(&made).as_deref(), Some("stack web"));
}

#[test]
fn a_deploy_of_a_young_session_is_remembered_and_settled_later() {
    let world = world();
    let origin = &[("OWNER", "origin")];
    let sts = |by: Value, id: &str, arn: &str, key: &str| {
        let response = json!({"credentials": {"accessKeyId": key, "expiration": "May 4, 2026, 11:00:00 PM"},
            "assumedRoleUser": {"assumedRoleId": id, "arn": arn}});
        record(key, "sts", "AssumeRole", 0, by, json!({}), response)
    };
    let young = role_session("arn:aws:iam::111122223333:role/dev", "ann", 0);
    let deploy = create_stack("d", 10, young, "web");
    assert!(!is_done(&handle_with(&world, 20, &deploy, origin)));
    let made = queue("q", 30, cloudformation(15), Some("web"));
    let young = handle_with(&world, 31, &made, origin);
    assert_eq!((owner(&young), is_done(&young)), (None, false));
    let user = json!({"type": "IAMUser", "principalId": "AIDAJO", "userName": "jo", "accountId": ACCOUNT,
        "arn": "arn:aws:iam::111122223333:user/jo"});
    block_on(record_session(
        &world.sessions,
        None,
        &sts(user, "AROAdev:ann", &person_arn("ann"), "ASIAann0"),
    ))
    .expect("stored");
    assert!(is_done(&handle_with(&world, 40, &deploy, origin)));
    let made = handle_with(&world, 41, &made, origin);
    assert_eq!(owner(&made).as_deref(), Some("arn:aws:iam::111122223333:user/jo"));
}

#[test]
fn nothing_is_remembered_where_services_are_the_owners() {
    let world = world();
    let deploy = create_stack("d", 0, person("ann"), "web");
    handle_with(&world, 3600, &deploy, &[("SERVICE_CREATED", "service")]);
    let shelf = Shelf::OfAccount(ACCOUNT.to_owned());
    let found = block_on(world.sessions.deploys(&shelf, (START, time(90)), 9)).expect("memory");
    assert_eq!(found, []);
    handle(&world, 3600, &deploy);
    handle(&world, 3600, &deploy);
    let found = block_on(world.sessions.deploys(&shelf, (START, time(90)), 9)).expect("memory");
    assert_eq!(found.len(), 1, "once, however often the record comes");
}

/// What happens in an account over six hours.
struct History {
    events: Vec<(i64, Event)>,
    /// The owner of each queue, by the id of its event.
    owners: BTreeMap<String, String>,
}

fn history(rng: &mut Rng) -> History {
    let (mut events, mut owners) = (Vec::new(), BTreeMap::new());
    let stacks = ["web", "shop"];
    let mut last: BTreeMap<&str, usize> = BTreeMap::new();
    let mut deployers = BTreeSet::new();
    let mut at = 0;
    for nth in 0..rng.usize(1..7) {
        at += rng.i64(20..40 * MINUTE);
        let (stack, by) = (stacks[rng.usize(0..2)], rng.usize(0..2));
        let who = || person(PEOPLE[by]);
        let id = format!("d{nth}");
        match (last.contains_key(stack), rng.usize(0..3)) {
            (false, 0) => events.push((at, create_stack(&id, at, who(), stack))),
            (true, 0) => events.push((at, update_stack(&id, at, who(), stack))),
            (known, how) => {
                // Prepared by anybody; who executes it deploys.
                let kind = if known { "UPDATE" } else { "CREATE" };
                let preparer = person(PEOPLE[rng.usize(0..2)]);
                events.push((at, prepare(&format!("p{nth}"), at, preparer, stack, kind)));
                at += rng.i64(1..90);
                let mut request = json!({"changeSetName": change_set_arn(stack)});
                if how == 1 {
                    request = json!({"stackName": stack, "changeSetName": "cdk-deploy-change-set"});
                }
                events.push((at, execute(&id, at, who(), request)));
            }
        }
        last.insert(stack, by);
        deployers.insert(by);
        let began = at + rng.i64(0..10);
        let mut made_at = began;
        for child in 0..rng.usize(0..4) {
            made_at += rng.i64(0..8 * MINUTE);
            let (id, named) = (format!("q{nth}x{child}"), rng.bool());
            events.push((made_at, queue(&id, made_at, cloudformation(began), named.then_some(stack))));
            let by_now: Vec<_> = deployers.iter().collect();
            let owner = match (named, by_now.as_slice()) {
                (true, _) => person_arn(PEOPLE[by]),
                (false, [one]) => person_arn(PEOPLE[**one]),
                (false, _) => ROLE_SESSION.to_owned(),
            };
            owners.insert(id, owner);
        }
        at = at.max(made_at) + 1;
    }
    History { events, owners }
}

/// Delivers records with any delay, some twice, and again until they are done: gives what owner each queue got.
fn deliver(rng: &mut Rng, history: &History) -> BTreeMap<String, String> {
    let (world, mut owners) = (world(), BTreeMap::new());
    let mut queue: BTreeMap<(i64, usize), &Event> = BTreeMap::new();
    let mut count = 0..;
    for (at, event) in &history.events {
        for _ in 0..rng.usize(1..3) {
            let arrives = at + rng.i64(1..=LATEST);
            queue.insert((arrives, count.next().expect("endless")), event);
        }
    }
    while let Some(((now, _), event)) = queue.pop_first() {
        let outcome = handle(&world, now, event);
        if let Some(owner) = owner(&outcome) {
            let id = event.id().expect("an id").into_owned();
            let before = owners.insert(id.clone(), owner.clone());
            assert!(before.is_none_or(|before| before == owner), "{id} changes");
        }
        if !is_done(&outcome) {
            queue.insert((now + rng.i64(20..10 * MINUTE), count.next().expect("endless")), event);
        }
    }
    owners.retain(|id, _| id.starts_with('q'));
    owners
}

#[test]
fn no_order_of_deliveries_changes_whose_it_is() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7);
    let histories = std::env::var("HISTORIES").ok().and_then(|one| one.parse().ok()).unwrap_or(60);
    for seed in seed..seed + histories {
        let history = history(&mut Rng::with_seed(seed));
        for order in 0..5 {
            let owners = deliver(&mut Rng::with_seed(seed.wrapping_mul(1000).wrapping_add(order)), &history);
            assert_eq!(owners, history.owners, "SEED={seed} HISTORIES=1, order {order}");
        }
    }
}
