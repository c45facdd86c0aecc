//! `backfill` over generated histories of stacks: what a stack's service role made is the one's who deployed the stack
//! last before, and unsure where the history does not show that.
//!
//! A failure names the seed: `SEED=…` tries that alone, `SEEDS=…` so many.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use fastrand::Rng;
use serde_json::{Value, json};

const ACCOUNT: &str = "111122223333";
const PEOPLE: [&str; 3] = ["ann", "bob", "cyd"];
const STACKS: [&str; 3] = ["web", "shop", "data"];
const ROLES: [&str; 2] = ["exec", "other"];
const MINUTE: i64 = 60;
const DAY: i64 = 86_400;

/// A stack that is there.
#[derive(Clone, Debug)]
struct Stack {
    id: String,
    role: &'static str,
    /// Who deployed it last: the person, and its session's team. `None` if that was before the history.
    by: Option<Who>,
}

/// A deploy, and since when a record tells with which role; none does for a deletion.
#[derive(Clone, Debug)]
struct Deployed {
    at: i64,
    role: Option<(i64, &'static str)>,
    who: Who,
}

type Who = (&'static str, Option<String>);

/// Somebody's session.
#[derive(Clone, Debug)]
struct Began {
    person: &'static str,
    key: String,
    at: i64,
    team: Option<String>,
}

struct World {
    dice: Rng,
    now: i64,
    records: Vec<Value>,
    sessions: Vec<Began>,
    stacks: BTreeMap<&'static str, Stack>,
    deployed: Vec<Deployed>,
    /// Whose each resource is; `None` where no record tells.
    owners: BTreeMap<String, Option<Who>>,
    /// The first call.
    first: i64,
}

fn time(at: i64) -> String {
    format!(
        "2025-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        3 + at / DAY / 28,
        1 + at / DAY % 28,
        at / 3600 % 24,
        at / 60 % 60,
        at % 60
    )
}

fn stack_arn(name: &str, id: &str) -> String {
    format!("arn:aws:cloudformation:eu-west-1:{ACCOUNT}:stack/{name}/{id}")
}

fn role_arn(role: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{role}")
}

fn session(role: &str, name: &str, key: &str, began: i64) -> Value {
    json!({"type": "AssumedRole", "principalId": format!("AROA{role}:{name}"), "accountId": ACCOUNT, "accessKeyId": key,
        "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{name}"),
        "sessionContext": {"attributes": {"creationDate": time(began)}, "sessionIssuer": {
            "type": "Role", "principalId": format!("AROA{role}"), "userName": role, "accountId": ACCOUNT, "arn": role_arn(role)}}})
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Rng::with_seed(seed);
        // Some stacks are older than the history.
        let old = |name| (name, Stack { id: format!("old-{name}"), role: ROLES[0], by: None });
        let stacks = STACKS.into_iter().filter(|_| dice.bool()).map(old).collect();
        let (records, sessions, deployed) = (Vec::new(), Vec::new(), Vec::new());
        let mut world =
            Self { dice, now: 0, records, sessions, stacks, deployed, owners: BTreeMap::new(), first: 0 };
        for person in PEOPLE {
            world.begin(person);
        }
        world.now = MINUTE;
        world
    }

    fn begin(&mut self, person: &'static str) {
        let (at, key) = (self.now, format!("ASIA{person}{:04}", self.sessions.len()));
        let team = self.dice.bool().then(|| format!("team{}", self.dice.u8(0..3)));
        let tags: Vec<Value> = team.iter().map(|team| json!({"key": "Team", "value": team})).collect();
        let who = json!({"type": "AWSService", "invokedBy": "ec2.amazonaws.com"});
        let request = json!({"roleArn": role_arn("dev"), "roleSessionName": person, "tags": tags});
        let response = json!({"credentials": {"accessKeyId": key}, "assumedRoleUser": {
            "assumedRoleId": format!("AROAdev:{person}"), "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/dev/{person}")}});
        self.call("sts", "AssumeRole", &who, request, response);
        self.sessions.push(Began { person, key, at, team });
    }

    fn call(&mut self, source: &str, name: &str, by: &Value, request: Value, response: Value) -> usize {
        if self.first == 0 && source != "sts" {
            self.first = self.now;
        }
        let id = format!("{:08x}-0000-4000-a000-{:012x}", self.dice.u32(..), self.records.len());
        self.records.push(json!({"eventVersion": "1.11", "eventID": id, "eventSource": format!("{source}.amazonaws.com"),
            "eventName": name, "eventTime": time(self.now), "awsRegion": "eu-west-1", "recipientAccountId": ACCOUNT,
            "userIdentity": by, "requestParameters": request, "responseElements": response, "readOnly": source == "sts"}));
        self.records.len()
    }

    /// Somebody, and the session.
    fn anybody(&mut self) -> (Who, Value) {
        let by = self.sessions[self.dice.usize(0..self.sessions.len())].clone();
        ((by.person, by.team.clone()), session("dev", by.person, &by.key, by.at))
    }

    fn deploy(&mut self) {
        self.now += self.dice.i64(10..90 * MINUTE);
        if self.dice.u8(0..3) == 0 {
            let person = PEOPLE[self.dice.usize(0..3)];
            self.begin(person);
            self.now += 1;
        }
        let name = STACKS[self.dice.usize(0..3)];
        let (who, by) = self.anybody();
        let known = self.stacks.get(name).cloned();
        let role = known.as_ref().map_or(ROLES[self.dice.usize(0..2)], |stack| stack.role);
        let id = known.as_ref().map_or_else(|| format!("id{}", self.records.len()), |stack| stack.id.clone());
        let arn = stack_arn(name, &id);
        let request = json!({"stackName": name, "roleARN": role_arn(role)});
        let answer = json!({"stackId": arn});
        let told = self.now;
        match (known.is_some(), self.dice.u8(0..5)) {
            (false, 0 | 1) => drop(self.call("cloudformation", "CreateStack", &by, request, answer)),
            (true, 0) => drop(self.call("cloudformation", "UpdateStack", &by, request, answer)),
            (true, 1) => return self.delete(name, &who, &by),
            (_, how) => {
                // Prepared by anybody; who executes it deploys.
                let (_, preparer) = self.anybody();
                let change_set = format!(
                    "arn:aws:cloudformation:eu-west-1:{ACCOUNT}:changeSet/next/{}",
                    self.records.len()
                );
                let kind = if known.is_some() { "UPDATE" } else { "CREATE" };
                let prepared = json!({"stackName": name, "changeSetName": "next", "changeSetType": kind, "roleARN": role_arn(role)});
                self.call(
                    "cloudformation",
                    "CreateChangeSet",
                    &preparer,
                    prepared,
                    json!({"id": change_set, "stackId": arn}),
                );
                self.now += self.dice.i64(1..90);
                let executed = match how {
                    2 => json!({"stackName": name, "changeSetName": "next"}),
                    3 => json!({"stackName": name, "changeSetName": change_set}),
                    _ => json!({"changeSetName": change_set}),
                };
                self.call("cloudformation", "ExecuteChangeSet", &by, executed, Value::Null);
            }
        }
        self.deployed.push(Deployed { at: self.now, role: Some((told, role)), who: who.clone() });
        self.stacks.insert(name, Stack { id, role, by: Some(who) });
        self.makes(name);
    }

    /// Its snapshots are left; the name is free.
    fn delete(&mut self, name: &'static str, who: &Who, by: &Value) {
        self.call("cloudformation", "DeleteStack", by, json!({"stackName": name}), Value::Null);
        self.deployed.push(Deployed { at: self.now, role: None, who: who.clone() });
        if let Some(stack) = self.stacks.get_mut(name) {
            stack.by = Some(who.clone());
        }
        self.makes(name);
        self.stacks.remove(name);
    }

    /// What a stack makes, with its role: long after a deploy, too, as it is drifting along.
    fn makes(&mut self, name: &'static str) {
        let Some(stack) = self.stacks.get(name).cloned() else { return };
        for _ in 0..self.dice.usize(0..4) {
            self.now += self.dice.i64(1..8 * MINUTE);
            let mut by = session(stack.role, "AWSCloudFormation", "ASIACFN", self.now - 1);
            by["invokedBy"] = json!("cloudformation.amazonaws.com");
            let is_named = self.dice.u8(0..3) > 0;
            let tags = is_named.then(|| {
                json!({"items": [{"resourceType": "volume", "tags": [
                {"key": "aws:cloudformation:stack-id", "value": stack_arn(name, &stack.id)}]}]})
            });
            let volume = format!("vol-{:017x}", self.records.len());
            let request = json!({"availabilityZone": "eu-west-1a", "tagSpecificationSet": tags});
            self.call("ec2", "CreateVolume", &by, request, json!({"volumeId": volume}));
            let owner = if is_named { stack.by.clone() } else { self.only_deployer(stack.role) };
            self.owners.insert(format!("arn:aws:ec2:eu-west-1:{ACCOUNT}:volume/{volume}"), owner);
        }
    }

    /// Who alone deployed with a role in a day that the history has.
    fn only_deployer(&self, role: &str) -> Option<Who> {
        let since = self.now - DAY;
        let may_use = |one: &&Deployed| one.role.is_none_or(|(told, of)| told < since || of == role);
        let within = self.deployed.iter().filter(|one| one.at >= since).filter(may_use);
        let mut all: Vec<&Who> = within.map(|one| &one.who).collect();
        all.dedup();
        match all.as_slice() {
            [one] if self.first <= since => Some((*one).clone()),
            _ => None,
        }
    }

    fn live(&mut self, deploys: usize) {
        for nth in 0..deploys {
            if nth % 9 == 8 {
                self.now += self.dice.i64(DAY..2 * DAY);
            }
            if self.dice.u8(0..6) == 0 {
                let name = STACKS[self.dice.usize(0..3)];
                self.makes(name);
            }
            self.deploy();
        }
    }

    fn write(&mut self, folder: &Path) {
        self.dice.shuffle(&mut self.records);
        for (nth, records) in self.records.chunks(40).enumerate() {
            let path = folder.join(format!("{ACCOUNT}_CloudTrail_eu-west-1_20250301T0000Z_{nth:05}.json"));
            fs::write(path, json!({"Records": records}).to_string()).expect("written");
        }
    }
}

/// The lines of the plan of a trail.
fn plan(trail: &Path, more: &[&str]) -> BTreeMap<String, Value> {
    let state = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_aws-tags"));
    command.args(["backfill", "--offline", "--state"]).arg(state.path()).args(more).arg(trail).env_clear();
    let output = command.output().expect("the command runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let run = fs::read_dir(state.path()).expect("a folder").next().expect("a run").expect("a run").path();
    let text = fs::read_to_string(run.join("plan.jsonl")).expect("a plan");
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    lines.map(|line| (line["arn"].as_str().expect("an ARN").to_owned(), line)).collect()
}

fn seeds(few: u64) -> Vec<u64> {
    let number = |name| std::env::var(name).ok().map(|text| text.parse().expect("a number"));
    number("SEED").map_or_else(|| (1..=number("SEEDS").unwrap_or(few)).collect(), |seed| vec![seed])
}

fn tag<'a>(line: &'a Value, key: &str) -> Option<&'a str> {
    line["add"].as_array()?.iter().find(|tag| tag["key"] == key)?["value"].as_str()
}

#[test]
fn what_a_service_role_made_is_the_last_deployers_or_unsure() {
    let (mut sure, mut unsure) = (0, 0);
    for seed in seeds(4) {
        let trail = tempfile::tempdir().expect("a folder");
        let mut world = World::new(seed);
        world.live(90);
        world.write(trail.path());
        let plan = plan(trail.path(), &[]);
        for (arn, owner) in &world.owners {
            let line = plan.get(arn).unwrap_or_else(|| panic!("seed {seed}: {arn} is missed"));
            match owner {
                Some((person, team)) => {
                    sure += 1;
                    let owner = format!("arn:aws:sts::{ACCOUNT}:assumed-role/dev/{person}");
                    assert_eq!(tag(line, "Owner"), Some(owner.as_str()), "seed {seed}: {line}");
                    assert_eq!(tag(line, "Team"), team.as_deref(), "seed {seed}: {line}");
                }
                None => {
                    unsure += 1;
                    assert_eq!(
                        (&line["state"], line["add"].is_null()),
                        (&json!("unsure"), true),
                        "seed {seed}: {line}"
                    );
                }
            }
        }
    }
    println!("{sure} are somebody's, {unsure} are unsure; 0 missed, 0 wrong");
    assert!(sure > 100 && unsure > 20, "{sure} {unsure}");
}

fn cloudformation(role: &str, began: i64) -> Value {
    let mut by = session(role, "AWSCloudFormation", "ASIACFN", began);
    by["invokedBy"] = json!("cloudformation.amazonaws.com");
    by
}

/// The owners in the plan of a world, by the last part of each ARN.
fn owners(world: &mut World, more: &[&str]) -> BTreeMap<String, String> {
    let trail = tempfile::tempdir().expect("a folder");
    world.write(trail.path());
    let owner =
        |line: &Value| tag(line, "Owner").map(|owner| owner.rsplit('/').next().expect("a name").to_owned());
    let last = |arn: &str| arn.rsplit('/').next().expect("a name").to_owned();
    plan(trail.path(), more).iter().filter_map(|(arn, line)| Some((last(arn), owner(line)?))).collect()
}

#[test]
fn a_stack_within_a_stack_is_whose_the_outer_one_is_and_a_new_stack_is_not_the_old_ones() {
    let mut world = World::new(1);
    let volume = |id: &str| json!({"volumeId": id});
    let of = |name: &str, id: &str| {
        json!({"tagSpecificationSet": {"items": [{"resourceType": "volume", "tags": [
            {"key": "aws:cloudformation:stack-id", "value": stack_arn(name, id)}]}]}})
    };
    let by = |world: &World, nth: usize| {
        session("dev", PEOPLE[nth], &world.sessions[nth].key, world.sessions[nth].at)
    };
    let create = |name: &str, id: &str| {
        (json!({"stackName": name, "roleARN": role_arn("exec")}), json!({"stackId": stack_arn(name, id)}))
    };
    let (request, response) = create("outer", "1");
    let ann = by(&world, 0);
    world.call("cloudformation", "CreateStack", &ann, request, response);
    world.now += 30;
    let (mut request, response) = create("inner", "2");
    request["tags"] = json!([{"key": "aws:cloudformation:stack-id", "value": stack_arn("outer", "1")}]);
    world.call("cloudformation", "CreateStack", &cloudformation("exec", 70), request, response);
    world.now += 30;
    world.call("ec2", "CreateVolume", &cloudformation("exec", 100), of("inner", "2"), volume("vol-inner"));
    // Deleted by another, and made again under its name by a third: what is left of the first is the second one's.
    world.now += 3600;
    let (bob, cyd) = (by(&world, 1), by(&world, 2));
    world.call("cloudformation", "DeleteStack", &bob, json!({"stackName": "outer"}), Value::Null);
    world.now += 60;
    world.call("ec2", "CreateVolume", &cloudformation("exec", 3800), of("outer", "1"), volume("vol-left"));
    world.now += 60;
    let (request, response) = create("outer", "3");
    world.call("cloudformation", "CreateStack", &cyd, request, response);
    world.now += 60;
    world.call("ec2", "CreateVolume", &cloudformation("exec", 3900), of("outer", "3"), volume("vol-new"));
    // One whose deploy is not in the history.
    world.call(
        "ec2",
        "CreateVolume",
        &cloudformation("exec", 3900),
        of("elsewhere", "4"),
        volume("vol-unsure"),
    );
    let named = |all: &[(&str, &str)]| {
        all.iter().map(|(id, who)| ((*id).to_owned(), (*who).to_owned())).collect::<BTreeMap<_, _>>()
    };
    assert_eq!(
        owners(&mut world, &[]),
        named(&[("vol-inner", "ann"), ("vol-left", "bob"), ("vol-new", "cyd")])
    );
}

#[test]
fn what_all_regions_share_is_whose_only_deploy_is_known_in_all_of_them() {
    let mut world = World::new(1);
    let ann = session("dev", "ann", &world.sessions[0].key, world.sessions[0].at);
    world.call("ec2", "CreateVolume", &ann, json!({}), json!({"volumeId": "vol-before"}));
    world.now += 2 * DAY;
    let request = json!({"stackName": "web", "roleARN": role_arn("exec")});
    world.call("cloudformation", "CreateStack", &ann, request, json!({"stackId": stack_arn("web", "1")}));
    world.now += 60;
    let role = json!({"role": {"arn": format!("arn:aws:iam::{ACCOUNT}:role/made"), "roleName": "made", "roleId": "AROAMADE"}});
    world.call("iam", "CreateRole", &cloudformation("exec", 2 * DAY), json!({"roleName": "made"}), role);
    assert!(!owners(&mut world, &[]).contains_key("made"), "a history of one Region");
    for record in &mut world.records {
        if record["eventName"] == "CreateRole" {
            record["awsRegion"] = json!("us-east-1");
        }
    }
    assert_eq!(owners(&mut world, &[]).get("made").map(String::as_str), Some("ann"));
    assert!(
        !owners(&mut world, &["--regions", "eu-west-1,us-east-1"]).contains_key("made"),
        "others are left out"
    );
}
