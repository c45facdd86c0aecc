//! Generated histories, delivered in many orders, over the real code with simulated time and a simulated
//! AWS: whatever people, tools and other principals do before, between and after, no tag that was there
//! when we read ever changes, no owner is written that the rules do not allow, and where they leave no
//! choice, every order of deliveries ends in the same state.
//!
//! `make histories` tries 10,000 histories with 20 orders each; the test a seeded sample. A failure names
//! the seed: `SEED=… HISTORIES=1`.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]
#![expect(clippy::arithmetic_side_effects, reason = "simulated time is small")]

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::env;

use aws_tags::history::{Bearer, bearer, unsettled};
use aws_tags::ports::offline::{GivenIamTags, GivenLookups, MemorySessions};
use aws_tags::ports::{Batch, Failure, FailureKind, Ports, Tagger};
use aws_tags::record::timestamp;
use aws_tags::table::{Read, Resource, Route};
use aws_tags::tagging::{Scope, Unfinished};
use aws_tags::tags::TagMap;
use aws_tags::{Event, Settings, record_session, tag_resources};
use fastrand::Rng;
use futures_executor::block_on;
use serde_json::{Value, json};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

const ACCOUNT: &str = "111122223333";
/// Seconds since then are the simulation's clock.
const START: OffsetDateTime = datetime!(2026-05-04 00:00:00 UTC);
const HOUR: i64 = 3600;
/// Histories last this long, and then come the dead letters.
const LENGTH: i64 = 6 * HOUR;

/// What is created: each stands for a kind of row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// A unique id.
    Volume,
    /// A name; the call answers for what is there, and nothing tells the age.
    Topic,
    /// A name; the call answers for what is there, and a read tells the age.
    Queue,
    /// A name; the call fails if it is there, and a read tells the age.
    Table,
    /// A name; the call fails if it is there, and nothing tells the age.
    Function,
}

const KINDS: [Kind; 5] = [Kind::Volume, Kind::Topic, Kind::Queue, Kind::Table, Kind::Function];
impl Kind {
    fn answers_for_old(self) -> bool {
        matches!(self, Self::Topic | Self::Queue)
    }

    fn tells_its_age(self) -> bool {
        matches!(self, Self::Queue | Self::Table)
    }
}

const PEOPLE: [&str; 2] = ["ann", "bob"];
/// Keys that other writers use; some are ours, too.
const KEYS: [&str; 4] = ["Owner", "Team", "Name", "Stage"];

/// What happens in the account, whatever we do.
#[derive(Clone, Debug)]
enum Action {
    Create { kind: Kind, name: u8, by: usize, tags: TagMap },
    Delete { kind: Kind, name: u8 },
    Write { kind: Kind, name: u8, key: &'static str, value: String },
}

/// A resource from its creation to its deletion.
#[derive(Clone, Debug)]
struct Living {
    /// Number of the resource, over the whole history.
    number: usize,
    created: i64,
    by: usize,
    tags: TagMap,
}

/// The account at one time.
#[derive(Clone, Debug, Default)]
struct Account {
    living: BTreeMap<(Kind, u8), Living>,
    made: usize,
}

/// A creation that succeeded, as CloudTrail records it.
#[derive(Clone, Debug)]
struct Call {
    at: i64,
    by: usize,
    event: Event,
    tags: TagMap,
}

fn arn(kind: Kind, name: u8, number: usize) -> String {
    let resource = match kind {
        Kind::Volume => format!("ec2:eu-west-1:{ACCOUNT}:volume/vol-{number:08}"),
        Kind::Topic => format!("sns:eu-west-1:{ACCOUNT}:n{name}"),
        Kind::Queue => format!("sqs:eu-west-1:{ACCOUNT}:n{name}"),
        Kind::Table => format!("dynamodb:eu-west-1:{ACCOUNT}:table/n{name}"),
        Kind::Function => format!("lambda:eu-west-1:{ACCOUNT}:function:n{name}"),
    };
    format!("arn:aws:{resource}")
}

fn time(at: i64) -> OffsetDateTime {
    START + Duration::seconds(at)
}

fn text(at: i64) -> String {
    timestamp::format(time(at))
}

fn identity(by: usize) -> Value {
    let person = PEOPLE[by];
    json!({"type": "AssumedRole", "principalId": format!("AROA{person}:{person}"), "accountId": ACCOUNT,
           "accessKeyId": format!("ASIA{person}"), "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/dev/{person}"),
           "sessionContext": {"attributes": {"creationDate": text(0)}, "sessionIssuer": {
               "type": "Role", "principalId": format!("AROA{person}"), "userName": person, "accountId": ACCOUNT,
               "arn": format!("arn:aws:iam::{ACCOUNT}:role/{person}")}}})
}

fn record(
    id: String,
    source: &str,
    name: &str,
    at: i64,
    by: usize,
    request: Value,
    response: Value,
) -> Event {
    Event::from_json(json!({"eventID": id, "eventSource": format!("{source}.amazonaws.com"), "eventName": name,
        "awsRegion": "eu-west-1", "eventTime": text(at), "recipientAccountId": ACCOUNT, "userIdentity": identity(by),
        "requestParameters": request, "responseElements": response}))
    .expect("a record")
}

fn creation(id: usize, kind: Kind, name: u8, number: usize, at: i64, by: usize, tags: &TagMap) -> Event {
    let list: Vec<Value> = tags.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
    let named = format!("n{name}");
    let (source, call, request, response) = match kind {
        Kind::Volume => {
            let items = json!([{"resourceType": "volume", "tags": list}]);
            let request = json!({"tagSpecificationSet": {"items": items}});
            let response = json!({"volumeId": format!("vol-{number:08}")});
            ("ec2", "CreateVolume", request, response)
        }
        Kind::Topic => {
            let response = json!({"topicArn": arn(kind, name, number)});
            ("sns", "CreateTopic", json!({"name": named, "tags": list}), response)
        }
        Kind::Queue => {
            let response =
                json!({"queueUrl": format!("https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/{named}")});
            ("sqs", "CreateQueue", json!({"queueName": named, "tags": tags}), response)
        }
        Kind::Table => ("dynamodb", "CreateTable", json!({"tableName": named, "tags": list}), Value::Null),
        Kind::Function => {
            let response = json!({"functionName": named});
            ("lambda", "CreateFunction20150331", json!({"functionName": named, "tags": tags}), response)
        }
    };
    record(format!("e{id}"), source, call, at, by, request, response)
}

fn deletion(id: usize, kind: Kind, name: u8, at: i64) -> Option<Event> {
    let (source, call, request) = match kind {
        Kind::Topic => ("sns", "DeleteTopic", json!({"topicArn": arn(kind, name, 0)})),
        Kind::Queue => {
            let url = format!("https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/n{name}");
            ("sqs", "DeleteQueue", json!({"queueUrl": url}))
        }
        Kind::Table => ("dynamodb", "DeleteTable", json!({"tableName": format!("n{name}")})),
        Kind::Volume | Kind::Function => return None,
    };
    Some(record(format!("d{id}"), source, call, at, 0, request, Value::Null))
}

/// The record of the session that a person works in.
fn session(by: usize) -> Event {
    start(by, "", "team-of")
}

/// The record of another session of the same role and name that began in the same second, with other tags.
fn twin(by: usize) -> Event {
    start(by, "TWIN", "not-the-team-of")
}

fn start(by: usize, key: &str, team: &str) -> Event {
    let person = PEOPLE[by];
    let role = format!("arn:aws:sts::{ACCOUNT}:assumed-role/dev/{person}");
    record(
        format!("s{by}{key}"),
        "sts",
        "AssumeRole",
        0,
        by,
        json!({"tags": [{"key": "Team", "value": format!("{team}-{person}")}, {"key": person, "value": person}]}),
        json!({"credentials": {"accessKeyId": format!("ASIA{person}{key}"), "expiration": "May 5, 2026, 12:00:00 AM"},
               "assumedRoleUser": {"assumedRoleId": format!("AROA{person}:{person}"), "arn": role}}),
    )
}

/// The tags that we give to what a person creates.
fn ours(by: usize) -> TagMap {
    let person = PEOPLE[by];
    [
        (person, person.to_owned()),
        ("Owner", format!("arn:aws:sts::{ACCOUNT}:assumed-role/dev/{person}")),
        ("PrincipalId", format!("AROA{person}:{person}")),
        ("Team", format!("team-of-{person}")),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into()
}

impl Account {
    /// Does what an action does; the call that CloudTrail records of it.
    fn act(&mut self, at: i64, action: &Action) -> Option<(Kind, u8, usize)> {
        match action {
            Action::Create { kind, name, by, tags } => {
                let key = (*kind, *name);
                if let Some(there) = self.living.get(&key) {
                    return kind.answers_for_old().then_some((*kind, *name, there.number));
                }
                let living = Living { number: self.made, created: at, by: *by, tags: tags.clone() };
                self.made += 1;
                let number = living.number;
                self.living.insert(key, living);
                Some((*kind, *name, number))
            }
            Action::Delete { kind, name } => {
                self.living.remove(&(*kind, *name)).map(|gone| (*kind, *name, gone.number))
            }
            Action::Write { kind, name, key, value } => {
                let there = self.living.get_mut(&(*kind, *name))?;
                there.tags.insert((*key).to_owned(), value.clone());
                None
            }
        }
    }

    fn find(&mut self, arn_text: &str) -> Option<&mut Living> {
        self.living
            .iter_mut()
            .find(|((kind, name), living)| arn(*kind, *name, living.number) == arn_text)
            .map(|(_, living)| living)
    }
}

/// A history: what happens, the records of it, and the account at its end without us.
struct History {
    actions: Vec<(i64, Action)>,
    calls: Vec<Call>,
    records: Vec<Event>,
    end: Account,
    /// Names that were given more than once, or that a call has found.
    again: BTreeSet<(Kind, u8)>,
}

fn history(rng: &mut Rng) -> History {
    let mut actions = Vec::new();
    for _ in 0..rng.usize(4..16) {
        let (kind, name) = (KINDS[rng.usize(0..5)], rng.u8(0..2));
        let key = KEYS[rng.usize(0..4)];
        let action = match rng.u8(0..10) {
            0..=4 => {
                let mut tags = TagMap::new();
                if rng.bool() {
                    tags.insert(key.to_owned(), "of the request".to_owned());
                }
                Action::Create { kind, name, by: rng.usize(0..2), tags }
            }
            5..=6 => Action::Delete { kind, name },
            _ => Action::Write { kind, name, key, value: format!("by hand {}", rng.u8(..)) },
        };
        // Things come in bursts: a template creates, and tags a second later.
        let last = actions.last().map_or(60, |(at, _): &(i64, Action)| *at);
        let gap = if rng.bool() { rng.i64(1..5) } else { rng.i64(60..2 * HOUR) };
        if last + gap > LENGTH {
            break;
        }
        actions.push((last + gap, action));
    }
    let (mut account, mut calls, mut records) = (Account::default(), Vec::new(), Vec::new());
    let (mut again, mut given) = (BTreeSet::new(), BTreeSet::new());
    for (id, (at, action)) in actions.iter().enumerate() {
        let Some((kind, name, number)) = account.act(*at, action) else { continue };
        match action {
            Action::Create { by, tags, .. } => {
                if !given.insert((kind, name)) {
                    again.insert((kind, name));
                }
                let event = creation(id, kind, name, number, *at, *by, tags);
                records.push(event.clone());
                calls.push(Call { at: *at, by: *by, event, tags: tags.clone() });
            }
            Action::Delete { .. } => records.extend(deletion(id, kind, name, *at)),
            Action::Write { .. } => {}
        }
    }
    History { actions, calls, records, end: account, again }
}

/// The simulated AWS, and what we did in it.
struct World {
    now: i64,
    account: Account,
    pending: VecDeque<(i64, Action)>,
    rng: Rng,
    /// The tags of each resource when we last read them, in this invocation.
    read: BTreeMap<usize, TagMap>,
    /// Keys that another wrote between our read and our write: read and write are two calls.
    crossed: BTreeSet<(usize, String)>,
    /// Resources that were created between our read of their name and our write.
    mixed: BTreeSet<usize>,
    writes: Vec<Wrote>,
}

/// A write of ours.
#[derive(Clone, Debug)]
struct Wrote {
    number: usize,
    at: i64,
    tags: TagMap,
    seen: TagMap,
}

impl World {
    fn advance(&mut self, to: i64) {
        while self.pending.front().is_some_and(|(at, _)| *at <= to) {
            let (at, action) = self.pending.pop_front().expect("an action");
            self.account.act(at, &action);
        }
        self.now = self.now.max(to);
    }
}

struct Simulated<'a>(&'a RefCell<World>);

impl Tagger for Simulated<'_> {
    async fn tag(&self, batch: &Batch) -> Vec<Result<Route, Failure>> {
        let mut world = self.0.borrow_mut();
        let (now, fails) = (world.now, world.rng.u8(0..20) == 0);
        let World { account, read, crossed, mixed, writes, .. } = &mut *world;
        let tag = |resource: &Resource| {
            if fails {
                return Err(Failure { kind: FailureKind::Transient, message: "throttled".into() });
            }
            let living = account.find(resource.arn.as_str()).ok_or_else(|| Failure::not_found("NotFound"))?;
            // What was read may have been another of this name, a moment ago.
            let seen = read.get(&living.number).cloned();
            for tag in &batch.tags {
                if let Some(seen) = &seen {
                    assert!(!seen.contains_key(&tag.key), "{} of {} was there", tag.key, resource.arn);
                }
                if seen.is_none() {
                    mixed.insert(living.number);
                }
                if living.tags.contains_key(&tag.key) {
                    crossed.insert((living.number, tag.key.clone()));
                }
                living.tags.insert(tag.key.clone(), tag.value.clone());
            }
            let tags = batch.tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect();
            writes.push(Wrote { number: living.number, at: now, tags, seen: seen.unwrap_or_default() });
            Ok(batch.route)
        };
        batch.resources.iter().map(tag).collect()
    }

    async fn read(&self, _: Read, _: &str, resources: &[Resource]) -> Vec<Result<TagMap, Failure>> {
        let mut world = self.0.borrow_mut();
        let fails = world.rng.u8(0..20) == 0;
        let mut results = Vec::new();
        for resource in resources {
            let found =
                world.account.find(resource.arn.as_str()).map(|living| (living.number, living.tags.clone()));
            results.push(match found {
                _ if fails => Err(Failure::other("throttled")),
                None if resource.unique => Ok(TagMap::new()),
                None => Err(Failure::not_found("NotFound")),
                Some((number, tags)) => {
                    world.read.insert(number, tags.clone());
                    Ok(tags)
                }
            });
        }
        // Others go on between our read and our write.
        let to = world.now + i64::from(world.rng.u8(0..3));
        world.advance(to);
        results
    }

    async fn creation_time(&self, resource: &Resource) -> Result<Option<OffsetDateTime>, Failure> {
        let mut world = self.0.borrow_mut();
        let found = world.account.find(resource.arn.as_str()).map(|living| time(living.created));
        found.map(Some).ok_or_else(|| Failure::not_found("NotFound"))
    }
}

/// Delivers a history's events in one order: the account at the end, and what we did.
fn delivered(history: &History, rng: &mut Rng) -> World {
    let world = RefCell::new(World {
        now: 0,
        account: Account::default(),
        pending: history.actions.iter().cloned().collect(),
        rng: rng.fork(),
        read: BTreeMap::new(),
        crossed: BTreeSet::new(),
        mixed: BTreeSet::new(),
        writes: Vec::new(),
    });
    let sessions = MemorySessions::default();
    let iam = ["ann", "bob"].map(|person| (format!("role/{person}"), TagMap::new()));
    let principal_tags = GivenIamTags { tags: iam.into(), failure: None };
    let ports =
        Ports { sessions, principal_tags, lookups: GivenLookups::default(), tagger: Simulated(&world) };
    let settings = Settings::read(|_| None::<String>).expect("sound settings");
    let scope = Scope { account: Some(ACCOUNT.into()), own_role_sessions: None };
    // Sessions are recorded within their quarter of an hour, or when a recorder that was down is mended.
    let is_down = rng.u8(0..3) == 0;
    let recorded = [0, 1].map(|_| rng.i64(if is_down { 1..3 * HOUR } else { 1..14 * 60 }));
    let mended = if is_down { recorded[0].max(recorded[1]) } else { 0 };
    let mut queue: Vec<(i64, usize, u32)> = Vec::new();
    for (nth, call) in history.calls.iter().enumerate() {
        let delay = match rng.u8(0..10) {
            0..=5 => rng.i64(1..60),
            6..=7 => rng.i64(60..HOUR),
            _ => rng.i64(HOUR..4 * HOUR),
        };
        queue.push((call.at + delay, nth, 0));
        if rng.u8(0..3) == 0 {
            queue.push((call.at + delay + rng.i64(0..2 * HOUR), nth, 0));
        }
    }
    let mut dead = BTreeSet::new();
    // A twin's record, before or after.
    let twins = [0, 1].map(|_| (rng.u8(0..2) == 0).then(|| rng.i64(1..14 * 60)));
    let mut is_recorded = [false; 2];
    while let Some(at) = queue.iter().map(|(at, ..)| *at).min() {
        for by in 0..2 {
            // Some records come twice.
            if recorded[by] <= at && (!is_recorded[by] || rng.u8(0..20) == 0) {
                block_on(record_session(&ports.sessions, None, &session(by))).expect("a store");
                is_recorded[by] = true;
            }
            if twins[by].is_some_and(|recorded| recorded <= at) {
                block_on(record_session(&ports.sessions, None, &twin(by))).expect("a store");
            }
        }
        ports.sessions.recorded_until.set(Some(time(if at < mended { 0 } else { at })));
        let due = queue.iter().position(|(due, ..)| *due == at).expect("an event");
        let (_, nth, tries) = queue.swap_remove(due);
        world.borrow_mut().advance(at);
        world.borrow_mut().read.clear();
        let event = &history.calls[nth].event;
        let outcome = block_on(tag_resources(&ports, &settings, &scope, |_| time(at), &[event])).remove(0);
        let reasons = outcome.unfinished();
        let late = reasons.iter().any(|reason| matches!(reason, Unfinished::Late(_)));
        match reasons.is_empty() {
            true => {}
            false if late || tries > 60 => drop(dead.insert(nth)),
            false => queue.push((at + 60, nth, tries + 1)),
        }
    }
    let end = LENGTH + 5 * HOUR;
    world.borrow_mut().advance(end);
    for by in 0..2 {
        block_on(record_session(&ports.sessions, None, &session(by))).expect("a store");
    }
    ports.sessions.recorded_until.set(Some(time(end)));
    redrive(history, &dead, time(end), |event| {
        for _ in 0..60 {
            world.borrow_mut().read.clear();
            let outcome =
                block_on(tag_resources(&ports, &settings, &scope, |_| time(end), &[event])).remove(0);
            if outcome.unfinished().is_empty() {
                return;
            }
        }
        panic!("{:?} never ends", event.id());
    });
    world.into_inner()
}

/// What `aws-tags redrive` does with late events.
fn redrive(history: &History, dead: &BTreeSet<usize>, now: OffsetDateTime, handle: impl Fn(&Event)) {
    for nth in dead {
        let mut event = history.calls[*nth].event.clone();
        let open = unsettled(&event, now);
        let is_last = |resource| matches!(bearer(&event, resource, &history.records), Bearer::OfThisEvent);
        if open.iter().all(is_last) {
            event.is_last_of_its_name = !open.is_empty();
            handle(&event);
        }
    }
}

/// Checks one order's end; the tags of what the rules leave no choice about.
fn checked(history: &History, world: &World) -> BTreeMap<usize, TagMap> {
    let mut certain = BTreeMap::new();
    let unmixed = history.end.living.iter().filter(|(_, living)| !world.mixed.contains(&living.number));
    for (key, living) in unmixed {
        let (kind, _) = *key;
        let ended = &world.account.living[key];
        assert_eq!(ended.number, living.number);
        let is_crossed = |tag: &String| world.crossed.contains(&(living.number, tag.clone()));
        for (tag, value) in living.tags.iter().filter(|(tag, _)| !is_crossed(tag)) {
            assert_eq!(ended.tags.get(tag), Some(value), "{tag} of {key:?} was another's");
        }
        for wrote in world.writes.iter().filter(|wrote| wrote.number == living.number) {
            let by =
                PEOPLE.iter().position(|person| wrote.tags.values().any(|value| value.ends_with(person)));
            let by = by.expect("tags of a person");
            assert!(
                by == living.by || is_open(history, kind, living, wrote, by),
                "{wrote:?} on {living:?}: {:?}, {:?}",
                history.actions,
                world.writes
            );
        }
        // Names that were given once, and ids, get everything in every order.
        let found_or_given_again = history.again.contains(key) && kind != Kind::Volume;
        let explained =
            kind != Kind::Topic || living.tags.keys().all(|tag| is_of_request(history, living, tag));
        if !found_or_given_again && explained {
            let mut wanted = ours(living.by);
            wanted.extend(living.tags.clone());
            wanted.retain(|tag, _| !is_crossed(tag));
            let mut tags = ended.tags.clone();
            tags.retain(|tag, _| !is_crossed(tag));
            assert_eq!(tags, wanted, "{key:?}: {:?}", history.actions);
            certain.insert(living.number, tags);
        }
    }
    certain
}

fn is_of_request(history: &History, living: &Living, tag: &str) -> bool {
    let creation = history.calls.iter().find(|call| call.at == living.created);
    creation.is_some_and(|call| call.tags.get(tag) == living.tags.get(tag))
}

/// The cases that the rules leave open, as the docs say: a name that another gives again within the hour,
/// and an old resource that an idempotent call takes for new, as nothing on it says otherwise.
fn is_open(history: &History, kind: Kind, living: &Living, wrote: &Wrote, by: usize) -> bool {
    // What such a case has begun goes on: the first write was checked, too.
    if wrote.seen.get("PrincipalId") == ours(by).get("PrincipalId") {
        return true;
    }
    let its_calls = || history.calls.iter().filter(|call| call.by == by && call.at <= wrote.at);
    // Given again, or found, within seconds: its creation time fits as well.
    if kind.tells_its_age() && its_calls().any(|call| (-2..=5).contains(&(living.created - call.at))) {
        return true;
    }
    let mut within_the_hour = its_calls().filter(|call| wrote.at - call.at <= HOUR);
    within_the_hour.any(|call| {
        let unmarked = !wrote.seen.contains_key("PrincipalId");
        let given_again = kind != Kind::Volume && living.created > call.at;
        let taken_for_new = kind.answers_for_old()
            && living.created <= call.at
            && wrote.seen.iter().all(|(key, value)| call.tags.get(key) == Some(value));
        unmarked && (given_again || taken_for_new)
    })
}

/// Names the seed of a failure.
struct Tried(u64);

impl Drop for Tried {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("to see it alone: SEED={} HISTORIES=1", self.0);
        }
    }
}

fn count(name: &str, default: u64) -> u64 {
    env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn no_order_of_deliveries_harms_anybody() {
    let (histories, orders, first) = (count("HISTORIES", 300), count("ORDERS", 5), count("SEED", 0));
    let (mut events, mut writes, mut compared) = (0, 0, 0);
    for seed in first..first + histories {
        let mut rng = Rng::with_seed(seed);
        let history = history(&mut rng);
        let mut before: Option<BTreeMap<usize, TagMap>> = None;
        for _ in 0..orders {
            let _tried = Tried(seed);
            let world = delivered(&history, &mut rng);
            let certain = checked(&history, &world);
            events += history.calls.len();
            writes += world.writes.len();
            if let Some(before) = &before {
                for (number, tags) in &certain {
                    let Some(other) = before.get(number) else { continue };
                    // Crossed keys are missing in one of the two.
                    let same =
                        |(key, value): (&String, &String)| other.get(key).is_none_or(|other| other == value);
                    assert!(tags.iter().all(same), "{number}: {tags:?} and {other:?}");
                    compared += 1;
                }
            }
            before = Some(certain);
        }
    }
    println!(
        "{histories} histories in {orders} orders: {events} events, {writes} writes, {compared} ends compared"
    );
    assert!(writes > 0 && compared > 0);
}
