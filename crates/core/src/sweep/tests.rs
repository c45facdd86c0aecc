use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};

use futures_executor::block_on;
use serde_json::{Value, json};
use time::macros::datetime;

use super::*;
use crate::deployment::Tier;
use crate::history::Question;
use crate::ports::FailureKind;

const NOW: OffsetDateTime = datetime!(2026-05-05 10:00 UTC);

/// A history, a queue and a table in memory.
#[derive(Default)]
struct World {
    /// The latest first.
    records: Vec<Value>,
    per_page: usize,
    arrived: RefCell<BTreeMap<Hour, Ids>>,
    mark: Cell<Option<Mark>>,
    sent: RefCell<VecDeque<(String, bool)>>,
    /// Calls of the history by place, and how they end.
    failures: RefCell<BTreeMap<usize, FailureKind>>,
    old_tokens: RefCell<Vec<usize>>,
    calls: Cell<usize>,
    /// Pages for which an invocation has time.
    pages: usize,
    looked_up: Cell<usize>,
}

impl SweepPorts for World {
    async fn page(&self, part: &Part) -> Result<Answer, Failure> {
        let nth = self.calls.replace(self.calls.get() + 1);
        self.looked_up.set(self.looked_up.get() + 1);
        if let Some(kind) = self.failures.borrow_mut().remove(&nth) {
            return Err(Failure { kind, message: "slow down".into() });
        }
        if part.token.is_some() && self.old_tokens.borrow().contains(&nth) {
            return Ok(Answer::OldToken);
        }
        let is_asked = |record: &&Value| {
            let at = timestamp::parse(record["eventTime"].as_str().expect("a time")).expect("a time");
            record["awsRegion"] == part.region.as_str() && (part.from..=part.to).contains(&at)
        };
        let found: Vec<String> = self.records.iter().filter(is_asked).map(Value::to_string).collect();
        let start: usize = part.token.as_ref().map_or(0, |token| token.parse().expect("a place"));
        let end = (start + self.per_page).min(found.len());
        let next = (end < found.len()).then(|| end.to_string());
        Ok(Answer::Page { records: found[start..end].to_vec(), next })
    }

    async fn history(&self, question: &Question) -> Result<Vec<Event>, Failure> {
        let is_asked = |record: &&Value| record["eventName"] == question.event_name.as_str();
        Ok(self.records.iter().filter(is_asked).map(|record| event(record.clone())).collect())
    }

    async fn arrived(&self, hour: Hour) -> Result<Ids, Failure> {
        Ok(self.arrived.borrow().get(&hour).cloned().unwrap_or_default())
    }

    async fn note(&self, hour: Hour, ids: &Ids) -> Result<(), Failure> {
        self.arrived.borrow_mut().entry(hour).or_default().extend(ids.iter().cloned());
        Ok(())
    }

    async fn mark(&self) -> Result<Option<Mark>, Failure> {
        Ok(self.mark.get())
    }

    async fn set_mark(&self, mark: Mark) -> Result<(), Failure> {
        self.mark.set(Some(mark));
        Ok(())
    }

    async fn send(&self, body: &str, is_last_of_its_name: bool) -> Result<(), Failure> {
        self.sent.borrow_mut().push_back((body.to_owned(), is_last_of_its_name));
        Ok(())
    }

    fn has_time(&self) -> bool {
        self.looked_up.get() < self.pages
    }
}

fn event(record: Value) -> Event {
    Event::from_json(record).expect("a record")
}

fn volume(minute: usize) -> Value {
    json!({"eventID": format!("v-{minute}"), "eventSource": "ec2.amazonaws.com", "eventName": "CreateVolume",
           "eventTime": format!("2026-05-04T{:02}:{:02}:00Z", 11 + minute / 60, minute % 60), "awsRegion": "eu-west-1",
           "recipientAccountId": "111122223333", "responseElements": {"volumeId": format!("vol-{minute}")}})
}

fn table(id: &str, hour: u8) -> Value {
    json!({"eventID": id, "eventSource": "dynamodb.amazonaws.com", "eventName": "CreateTable",
           "eventTime": format!("2026-05-04T{hour}:00:00Z"), "awsRegion": "eu-west-1",
           "recipientAccountId": "111122223333", "requestParameters": {"tableName": "t"}})
}

fn world(mut records: Vec<Value>) -> World {
    records.sort_by_key(|record| std::cmp::Reverse(record["eventTime"].to_string()));
    World { records, per_page: 3, pages: usize::MAX, ..World::default() }
}

fn run(world: &World, message: &str) -> Swept {
    let sweep = Sweep { regions: vec!["eu-west-1".into(), "us-east-1".into()], services: Tier::Common };
    let settings = Settings::read(|_| None::<String>).expect("sound settings");
    let event = Event::from_text(message).expect("a message");
    world.looked_up.set(0);
    block_on(super::sweep(world, &sweep, &settings, NOW, &event))
}

fn scheduled() -> String {
    json!({"eventSource": "sweep.aws-tags", "eventName": "Sweep", "eventTime": "2026-05-05T10:00:00Z"})
        .to_string()
}

fn part(from: OffsetDateTime, to: OffsetDateTime) -> String {
    Part::of("eu-west-1", from, to).message(NOW)
}

fn of_the_day() -> String {
    part(datetime!(2026-05-04 09:00 UTC), datetime!(2026-05-05 09:00 UTC))
}

/// Handles a part and what is sent on, as the queue does; gives the events that were sent, and the sum of all parts.
fn run_all(world: &World, message: String) -> (Vec<(String, bool)>, Tally) {
    let (mut left, mut events, mut sum) = (VecDeque::from([message]), Vec::new(), Tally::default());
    while let Some(message) = left.pop_front() {
        match run(world, &message) {
            Swept::LookedUp { tally, .. } => {
                sum.creations += tally.creations;
                sum.missed += tally.missed;
                sum.superseded += tally.superseded;
            }
            Swept::Failed(_) => left.push_back(message),
            other => panic!("{other:?}"),
        }
        for (body, is_last) in world.sent.borrow_mut().drain(..) {
            let event = Event::from_text(&body).expect("a message");
            match event.source == crate::effect::SWEEP {
                true => left.push_back(body),
                false => events.push((event.id().expect("an id").into_owned(), is_last)),
            }
        }
    }
    (events, sum)
}

fn ids(events: &[(String, bool)]) -> Vec<&str> {
    events.iter().map(|(id, _)| id.as_str()).collect()
}

fn arrive(world: &World, records: &[Value]) {
    let events: Vec<Event> = records.iter().cloned().map(event).collect();
    block_on(note(world, &events.iter().collect::<Vec<_>>())).expect("noted");
}

#[test]
fn what_no_event_brought_is_sent_once() {
    let world = world((0..10).map(volume).collect());
    arrive(&world, &(0..10).filter(|minute| ![2, 7].contains(minute)).map(volume).collect::<Vec<_>>());
    let (sent, tally) = run_all(&world, of_the_day());
    assert_eq!(ids(&sent), ["v-7", "v-2"]);
    assert_eq!(tally, Tally { creations: 10, missed: 2, superseded: 0 });
    let (again, tally) = run_all(&world, of_the_day());
    assert_eq!((again, tally.missed), (vec![], 0), "a sweep again sends nothing");
}

#[test]
fn only_what_the_rules_deliver_is_missed() {
    let mut failed = volume(1);
    failed["errorCode"] = json!("Client.DryRunOperation");
    let other = |source: &str, name: &str, id: &str| {
        let mut record = volume(2);
        (record["eventSource"], record["eventName"]) = (json!(source), json!(name));
        record["eventID"] = json!(id);
        record
    };
    let mut stack = other("cloudformation.amazonaws.com", "UpdateStack", "stack");
    stack["requestParameters"] = json!({"stackName": "web"});
    let mut job = other("braket.amazonaws.com", "CreateJob", "all");
    job["responseElements"] = json!({"jobArn": "arn:aws:braket:eu-west-1:111122223333:job/1"});
    let mut task = other("ecs.amazonaws.com", "RunTask", "opt-in");
    task["responseElements"] = json!({"tasks": [{"taskArn": "arn:aws:ecs:eu-west-1:111122223333:task/c/1"}]});
    let unresolvable = other("ec2.amazonaws.com", "CreateVpc", "unresolvable");
    let read = other("ec2.amazonaws.com", "AttachVolume", "attached");
    let world = world(vec![failed, stack, job, task, unresolvable, read]);
    let (sent, tally) = run_all(&world, of_the_day());
    assert_eq!((ids(&sent), tally.creations), (vec!["stack", "unresolvable"], 2));
}

#[test]
fn what_does_not_fit_into_an_invocation_is_sent_on_whatever_fails_in_between() {
    for (pages, failing, old) in
        [(2, vec![], vec![]), (3, vec![0, 4, 5], vec![]), (2, vec![1, 7], vec![2, 5])]
    {
        let mut world = world((0..40).map(volume).collect());
        world.pages = pages;
        world.failures = RefCell::new(failing.iter().map(|nth| (*nth, FailureKind::Throttled)).collect());
        world.old_tokens = RefCell::new(old.clone());
        arrive(&world, &(0..40).filter(|minute| minute % 4 > 0).map(volume).collect::<Vec<_>>());
        let (sent, tally) = run_all(&world, of_the_day());
        let mut sent = ids(&sent).into_iter().map(str::to_owned).collect::<Vec<_>>();
        let mut wanted: Vec<String> = (0..40).step_by(4).map(|minute| format!("v-{minute}")).collect();
        sent.sort();
        wanted.sort();
        assert_eq!((sent, tally.missed), (wanted, 10), "{pages} {failing:?} {old:?}");
        assert!(world.calls.get() >= 14);
    }
}

#[test]
fn a_failure_before_anything_is_done_brings_the_message_again() {
    let world = world(vec![volume(1)]);
    world.failures.borrow_mut().insert(0, FailureKind::Denied);
    let swept = run(&world, &of_the_day());
    assert!(matches!(&swept, Swept::Failed(failure) if failure.kind == FailureKind::Denied), "{swept:?}");
    assert!(world.sent.borrow().is_empty());
}

#[test]
fn a_name_is_the_last_creations_and_that_is_said() {
    let alone = world(vec![table("ann", 11)]);
    assert_eq!(run_all(&alone, of_the_day()).0, [("ann".to_owned(), true)]);
    let again = world(vec![table("ann", 11), table("bob", 12)]);
    let (sent, tally) = run_all(&again, of_the_day());
    assert_eq!(sent, [("bob".to_owned(), true)]);
    assert_eq!(tally, Tally { creations: 2, missed: 1, superseded: 1 });
    let mut busy = world(vec![table("ann", 11)]);
    busy.pages = 1;
    assert_eq!(
        run_all(&busy, of_the_day()).0,
        [("ann".to_owned(), false)],
        "no time to ask: the handler's rules decide"
    );
    let mut busy = world(vec![table("ann", 11), volume(90)]);
    (busy.per_page, busy.pages) = (1, 2);
    let sent = run_all(&busy, of_the_day()).0;
    assert_eq!(
        sent,
        [("v-90".to_owned(), false), ("ann".to_owned(), true)],
        "the next invocation has time to ask"
    );
}

#[test]
fn the_schedule_is_divided_by_region_and_goes_on_where_it_ended() {
    let world = world(vec![]);
    assert_eq!(run(&world, &scheduled()), Swept::Begun(NOW));
    assert!(world.sent.borrow().is_empty(), "nobody knows what arrived before");
    let until = datetime!(2026-05-04 09:00 UTC);
    world.mark.set(Some(Mark { since: datetime!(2026-05-01 09:00 UTC), until }));
    let (from, to) = (datetime!(2026-05-04 07:00 UTC), datetime!(2026-05-05 09:00 UTC));
    assert_eq!(run(&world, &scheduled()), Swept::Divided { from, to, regions: 2 });
    assert_eq!(world.mark.get().map(|mark| mark.until), Some(to));
    let parts: Vec<Option<Part>> = world
        .sent
        .borrow()
        .iter()
        .map(|(body, _)| Part::read(&Event::from_text(body).expect("a part")))
        .collect();
    assert_eq!(parts, [Some(Part::of("eu-west-1", from, to)), Some(Part::of("us-east-1", from, to))]);
}

#[test]
fn a_message_names_only_what_is_swept_and_known() {
    let world = world(vec![volume(1)]);
    let refused = |message: &str| match run(&world, message) {
        Swept::Refused(refusal) => refusal.to_string(),
        other => panic!("{other:?}"),
    };
    let elsewhere = of_the_day().replace("eu-west-1", "eu-west-3");
    assert_eq!(refused(&elsewhere), "eu-west-3 is not among the Regions that are swept");
    let old = part(datetime!(2026-04-18 09:00 UTC), datetime!(2026-05-05 09:00 UTC));
    assert!(refused(&old).ends_with("arrivals are known for 16 days only"));
    let backwards = part(datetime!(2026-05-05 09:00 UTC), datetime!(2026-05-04 09:00 UTC));
    for wrong in
        [backwards, scheduled().replace("\"Sweep\"", "\"Other\""), scheduled().replace("Sweep", "SweepPart")]
    {
        assert_eq!(refused(&wrong), "it is no message of a sweep");
    }
    let detail: Value = serde_json::from_str(&of_the_day()).expect("JSON");
    let forged = json!({"source": "my.app", "account": "111122223333", "detail": detail}).to_string();
    assert_eq!(refused(&forged), "it is no message of a sweep");
    assert_eq!(world.calls.get(), 0);
}

#[test]
fn a_part_comes_back_from_its_message_without_a_word_lost() {
    let whole = Part::of("eu-west-1", datetime!(2026-05-04 09:00 UTC), datetime!(2026-05-05 09:00 UTC));
    let part = whole.after(Some(datetime!(2026-05-04 12:00:07 UTC)), Some("token".into())).expect("more");
    let read = Part::read(&Event::from_text(&part.message(NOW)).expect("a message"));
    assert_eq!(read, Some(part.clone()));
    let anew = part.without_token();
    assert_eq!((anew.to, anew.token), (datetime!(2026-05-04 12:00:07 UTC), None));
    assert_eq!(whole.after(None, None), None);
}
