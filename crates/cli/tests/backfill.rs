//! `backfill` over generated histories whose truth is known: who created what last, what has ended, in which session.
//!
//! Each history is written as a trail writes it: in files, out of order, with records twice, failures, and much that says
//! nothing. A failure names the seed: `SEED=…` tries that alone, `SEEDS=…` so many.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use fastrand::Rng;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

const ACCOUNT: &str = "111122223333";
const PEOPLE: [&str; 3] = ["ann", "bob", "cyd"];
const TEAMS: [&str; 3] = ["payments", "search", "data"];

/// What is created: each stands for a kind of row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// A unique id.
    Volume,
    /// A name; the call fails if it is there.
    Table,
    /// A name; the call answers for what is there.
    Topic,
}

const KINDS: [Kind; 3] = [Kind::Volume, Kind::Table, Kind::Topic];

/// A session as its callers' records name it.
#[derive(Clone, Debug)]
struct Began {
    person: &'static str,
    key: String,
    at: i64,
    team: Option<&'static str>,
}

/// What a plan must say of an ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Truth {
    /// This event created it, for this person, whose session had this team.
    By {
        event: String,
        person: &'static str,
        team: Option<&'static str>,
    },
    /// The same, and no record shows it for certain.
    MayBeOlder {
        event: String,
    },
    Gone,
}

struct World {
    dice: Rng,
    now: i64,
    records: Vec<Value>,
    sessions: Vec<Began>,
    truth: BTreeMap<String, Truth>,
    /// Names of topics of which an ending is recorded.
    known_empty: Vec<String>,
}

fn time(at: i64) -> String {
    format!("2025-03-{:02}T{:02}:{:02}:{:02}Z", 1 + at / 86_400, at / 3600 % 24, at / 60 % 60, at % 60)
}

impl World {
    fn new(seed: u64) -> Self {
        let mut world = Self {
            dice: Rng::with_seed(seed),
            now: 0,
            records: Vec::new(),
            sessions: Vec::new(),
            truth: BTreeMap::new(),
            known_empty: Vec::new(),
        };
        for person in PEOPLE {
            world.begin(person);
        }
        world
    }

    fn id(&mut self) -> String {
        format!("{:08x}-0000-4000-a000-{:012x}", self.dice.u32(..), self.records.len())
    }

    fn begin(&mut self, person: &'static str) {
        let key = format!("ASIA{person}{:04}", self.sessions.len());
        let team = self.dice.bool().then(|| TEAMS[self.dice.usize(0..3)]);
        let tags: Vec<Value> = team.iter().map(|team| json!({"key": "Team", "value": team})).collect();
        let (role, id) = (format!("arn:aws:sts::{ACCOUNT}:assumed-role/dev/{person}"), self.id());
        self.records.push(json!({"eventID": id, "eventSource": "sts.amazonaws.com", "eventName": "AssumeRole",
            "eventTime": time(self.now), "awsRegion": "eu-west-1", "recipientAccountId": ACCOUNT, "readOnly": true,
            "userIdentity": {"type": "AWSService", "invokedBy": "ec2.amazonaws.com"},
            "requestParameters": {"roleArn": format!("arn:aws:iam::{ACCOUNT}:role/dev"), "roleSessionName": person,
                                  "tags": tags},
            "responseElements": {"credentials": {"accessKeyId": key, "sessionToken": "SECRET"},
                "assumedRoleUser": {"assumedRoleId": format!("AROADEV:{person}"), "arn": role}}}));
        self.sessions.push(Began { person, key, at: self.now, team });
    }

    fn call(&mut self, source: &str, name: &str, by: &Began, request: Value, response: Value) -> String {
        let id = self.id();
        let person = by.person;
        let mut record = json!({"eventVersion": "1.11", "eventID": id, "eventSource": format!("{source}.amazonaws.com"),
            "eventName": name, "eventTime": time(self.now), "awsRegion": "eu-west-1", "recipientAccountId": ACCOUNT,
            "requestParameters": request, "responseElements": response, "eventCategory": "Management"});
        record["userIdentity"] = json!({"type": "AssumedRole", "principalId": format!("AROADEV:{person}"),
            "accountId": ACCOUNT, "accessKeyId": by.key,
            "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/dev/{person}"),
            "sessionContext": {"attributes": {"creationDate": time(by.at)}, "sessionIssuer": {
                "type": "Role", "principalId": "AROADEV", "userName": "dev", "accountId": ACCOUNT,
                "arn": format!("arn:aws:iam::{ACCOUNT}:role/dev")}}});
        self.records.push(record);
        id
    }

    fn arn(&self, kind: Kind, name: usize) -> String {
        match kind {
            Kind::Volume => format!("arn:aws:ec2:eu-west-1:{ACCOUNT}:volume/vol-{:017x}", self.records.len()),
            Kind::Table => format!("arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/n{name}"),
            Kind::Topic => format!("arn:aws:sns:eu-west-1:{ACCOUNT}:n{name}"),
        }
    }

    fn create(&mut self, kind: Kind, name: usize) {
        let by = self.sessions[self.dice.usize(0..self.sessions.len())].clone();
        let arn = self.arn(kind, name);
        let last = arn.rsplit(['/', ':']).next().expect("a name").to_owned();
        let is_there = self.truth.get(&arn).is_some_and(|truth| *truth != Truth::Gone);
        let (source, call, request, response) = match kind {
            Kind::Volume => ("ec2", "CreateVolume", json!({}), json!({"volumeId": last})),
            Kind::Table => ("dynamodb", "CreateTable", json!({"tableName": last}), Value::Null),
            Kind::Topic => ("sns", "CreateTopic", json!({"name": last}), json!({"topicArn": arn})),
        };
        let event = self.call(source, call, &by, request, response);
        match kind {
            Kind::Table if is_there => {
                self.records.last_mut().expect("a record")["errorCode"] = json!("ResourceInUseException");
            }
            Kind::Topic if is_there => {}
            Kind::Topic if !self.known_empty.contains(&arn) => {
                self.truth.insert(arn, Truth::MayBeOlder { event });
            }
            _ => drop(self.truth.insert(arn, Truth::By { event, person: by.person, team: by.team })),
        }
    }

    fn end(&mut self) {
        let alive: Vec<String> = self
            .truth
            .iter()
            .filter(|(_, truth)| **truth != Truth::Gone)
            .map(|(arn, _)| arn.clone())
            .collect();
        let Some(arn) = self.dice.choice(&alive).cloned() else { return };
        let by = self.sessions[self.dice.usize(0..self.sessions.len())].clone();
        let last = arn.rsplit(['/', ':']).next().expect("a name").to_owned();
        let (source, call, request) = match arn.split(':').nth(2) {
            Some("ec2") => ("ec2", "DeleteVolume", json!({"volumeId": last})),
            Some("dynamodb") => ("dynamodb", "DeleteTable", json!({"tableName": last})),
            _ => ("sns", "DeleteTopic", json!({"topicArn": arn})),
        };
        self.call(source, call, &by, request, Value::Null);
        match self.dice.u8(0..4) {
            0 => self.records.last_mut().expect("a record")["errorCode"] = json!("AccessDenied"),
            _ => {
                self.known_empty.push(arn.clone());
                self.truth.insert(arn, Truth::Gone);
            }
        }
    }

    /// What fills trails, names of creating calls in it.
    fn noise(&mut self) {
        let by = self.sessions[0].clone();
        let trap = json!({"event": "{\"eventSource\":\"ec2.amazonaws.com\",\"eventName\":\"CreateVolume\"}",
            "eventName": "CreateTable", "tableName": "n1"});
        self.call("events", "TestEventPattern", &by, trap, Value::Null);
    }

    /// Lives for a while.
    fn live(&mut self, calls: usize) {
        for _ in 0..calls {
            self.now += self.dice.i64(1..40);
            match self.dice.u8(0..10) {
                0 | 1 => {
                    let person = PEOPLE[self.dice.usize(0..3)];
                    self.begin(person);
                }
                2 | 3 => self.end(),
                4 => self.noise(),
                _ => {
                    let kind = KINDS[self.dice.usize(0..3)];
                    let name = self.dice.usize(0..calls / 8 + 2);
                    self.create(kind, name);
                }
            }
        }
    }

    /// Writes the records as a trail does, in any order, some twice.
    fn write(&mut self, folder: &Path) {
        let again: Vec<Value> =
            self.records.iter().filter(|record| record["eventID"].as_str() < Some("1")).cloned().collect();
        self.records.extend(again);
        self.dice.shuffle(&mut self.records);
        for (nth, records) in self.records.chunks(40).enumerate() {
            let path = folder.join(format!("{ACCOUNT}_CloudTrail_eu-west-1_20250301T0000Z_{nth:05}.json.gz"));
            let mut file = GzEncoder::new(fs::File::create(path).expect("a file"), Compression::fast());
            file.write_all(json!({"Records": records}).to_string().as_bytes()).expect("written");
            file.finish().expect("packed");
        }
    }
}

fn backfill(state: &Path, arguments: &[&str]) -> Output {
    command(state, arguments).output().expect("the command runs")
}

fn command(state: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aws-tags"));
    command.args(["backfill", "--offline", "--state"]).arg(state).args(arguments);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn lines(plan: &Path) -> BTreeMap<String, Value> {
    let text = fs::read_to_string(plan).expect("a plan");
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    lines.map(|line| (line["arn"].as_str().expect("an ARN").to_owned(), line)).collect()
}

/// The only run of a state folder.
fn run_of(state: &Path) -> String {
    let mut runs = fs::read_dir(state).expect("a folder").map(|run| run.expect("a run").file_name());
    let run = runs.next().expect("a run").into_string().expect("a name");
    assert!(runs.next().is_none(), "one run");
    run
}

fn tag<'a>(line: &'a Value, key: &str) -> Option<&'a str> {
    let tags = line["add"].as_array()?;
    tags.iter().find(|tag| tag["key"] == key)?["value"].as_str()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn seeds(few: u64) -> Vec<u64> {
    let number = |name| std::env::var(name).ok().map(|text| text.parse().expect("a number"));
    number("SEED").map_or_else(|| (1..=number("SEEDS").unwrap_or(few)).collect(), |seed| vec![seed])
}

#[test]
fn a_plan_is_the_truth_of_the_history() {
    for seed in seeds(3) {
        let (trail, state) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let mut world = World::new(seed);
        world.live(1500);
        world.write(trail.path());
        let output = backfill(state.path(), &[trail.path().to_str().expect("a path")]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let mut plan = lines(&state.path().join(run_of(state.path())).join("plan.jsonl"));
        let mut counted = BTreeMap::new();
        for (arn, truth) in &world.truth {
            let line = plan.remove(arn).unwrap_or_else(|| panic!("seed {seed}: {arn} is missed"));
            let state = line["state"].as_str().expect("a state");
            *counted.entry(state.to_owned()).or_insert(0) += 1;
            let told = (state, line["event"]["id"].as_str().expect("an id"));
            match truth {
                Truth::By { event, person, team } => {
                    assert_eq!(told, ("add", event.as_str()), "seed {seed}: {line}");
                    let owner = format!("arn:aws:sts::{ACCOUNT}:assumed-role/dev/{person}");
                    assert_eq!(tag(&line, "Owner"), Some(owner.as_str()), "seed {seed}: {line}");
                    assert_eq!(tag(&line, "Team"), *team, "seed {seed}: {line}");
                }
                Truth::MayBeOlder { event } => {
                    assert_eq!(told, ("unsure", event.as_str()), "seed {seed}: {line}");
                    assert!(
                        line["add"].is_null() && line["guess"]["owner"].is_string(),
                        "seed {seed}: {line}"
                    );
                }
                Truth::Gone => assert_eq!(state, "gone", "seed {seed}: {line}"),
            }
        }
        assert!(plan.is_empty(), "seed {seed}: nobody created {plan:?}");
        assert!(counted.values().all(|count| *count > 20) && counted.len() == 3, "seed {seed}: {counted:?}");
    }
}

#[test]
fn a_run_that_is_killed_anywhere_ends_with_the_same_plan() {
    let kills: u64 = seeds(1).into_iter().map(killed).sum();
    println!("{kills} kills");
    assert!(kills > 1, "it was killed {kills} times");
}

/// Kills a run again and again until it ends. Gives how often.
fn killed(seed: u64) -> u64 {
    let trail = tempfile::tempdir().expect("a folder");
    let mut world = World::new(seed);
    world.live(1500);
    world.write(trail.path());
    let path = trail.path().to_str().expect("a path");
    let undisturbed = tempfile::tempdir().expect("a folder");
    assert!(backfill(undisturbed.path(), &[path]).status.success());
    let expected = lines(&undisturbed.path().join(run_of(undisturbed.path())).join("plan.jsonl"));
    let (state, mut dice, mut kills) = (tempfile::tempdir().expect("a folder"), Rng::with_seed(seed), 0_u64);
    // Each try has more time than the last, so that there is an end.
    let ended = loop {
        let begun = fs::read_dir(state.path()).expect("a folder").next().is_some();
        let arguments =
            if begun { vec!["--resume".to_owned(), run_of(state.path())] } else { vec![path.to_owned()] };
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut process = command(state.path(), &arguments).spawn().expect("the command runs");
        std::thread::sleep(Duration::from_millis(dice.u64(10..100) + kills * 30));
        if process.try_wait().expect("a process").is_some() {
            break process.wait_with_output().expect("an end");
        }
        process.kill().expect("killed");
        process.wait().expect("an end");
        kills += 1;
        // Killed before it could say what it goes by, it has done nothing yet.
        if fs::read_dir(state.path()).expect("a folder").next().is_some()
            && !state.path().join(run_of(state.path())).join("run.json").exists()
        {
            fs::remove_dir_all(state.path().join(run_of(state.path()))).expect("removed");
        }
    };
    assert!(ended.status.success(), "{}", text(&ended.stderr));
    let plan = lines(&state.path().join(run_of(state.path())).join("plan.jsonl"));
    assert_eq!(plan, expected, "seed {seed}, after {kills} kills");
    kills
}

#[test]
fn a_run_goes_on_only_with_what_it_began_with() {
    let (trail, state) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let mut world = World::new(8);
    world.live(60);
    world.write(trail.path());
    let path = trail.path().to_str().expect("a path");
    assert!(backfill(state.path(), &[path]).status.success());
    let run = run_of(state.path());
    let refused = |mut command: Command| {
        let output = command.output().expect("the command runs");
        assert_eq!(output.status.code(), Some(2));
        text(&output.stderr)
    };
    let mut other = command(state.path(), &["--resume", &run]);
    other.env("OWNER", "session-name");
    let expected =
        format!("aws-tags: run {run} cannot go on: OWNER was not given, now it is `session-name`\n");
    assert_eq!(refused(other), expected);
    let source = refused(command(state.path(), &["--resume", &run, state.path().to_str().expect("a path")]));
    assert!(source.contains("the history was") && source.contains(path), "{source}");
    let filter = refused(command(state.path(), &["--resume", &run, "--services", "ec2", path]));
    assert!(filter.contains("--services was not given, now it is `ec2`"), "{filter}");
    let filter = refused(command(state.path(), &["--resume", &run, "--owner", "ann"]));
    assert!(filter.contains("--owner was not given, now it is `ann`"), "{filter}");
    let folder = state.path().join(&run);
    for source in [&folder, &folder.join("plan.jsonl")] {
        let said = refused(command(state.path(), &[source.to_str().expect("a path")]));
        assert!(said.contains(&format!("this is run {run} of a backfill, and no history")), "{said}");
    }
    assert!(refused(command(state.path(), &["--resume", "../x"])).contains("x: there is no such run"));
    let lock = fs::File::options().write(true).open(state.path().join(&run).join("lock")).expect("a lock");
    lock.lock().expect("locked");
    fs::write(state.path().join(&run).join("lock"), "4242\n").expect("written");
    assert!(refused(command(state.path(), &["--resume", &run])).contains("is in use by process 4242"));
    lock.unlock().expect("free");
    assert!(backfill(state.path(), &["--resume", &run]).status.success());
}

/// A reduction that took the place of what it was made of would be all that is left of it.
#[test]
fn a_reduction_replaces_no_source() {
    let (trail, state) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let mut world = World::new(9);
    world.live(20);
    world.write(trail.path());
    let mut files = walkdir::WalkDir::new(trail.path()).into_iter().flatten();
    let file = files.find(|entry| entry.file_type().is_file()).expect("a file").into_path();
    let before = fs::read(&file).expect("a file");
    let (folder, name) = (trail.path().to_str().expect("a path"), file.to_str().expect("a path"));
    for source in [folder, name] {
        let output = backfill(state.path(), &["--reduce-only", name, source]);
        assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains("is part of the source"), "{}", text(&output.stderr));
        assert_eq!(fs::read(&file).expect("a file"), before);
    }
}

#[test]
fn filters_choose_lines_and_hide_no_record() {
    let (trail, state) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let mut world = World::new(9);
    world.live(400);
    world.write(trail.path());
    let path = trail.path().to_str().expect("a path");
    let plan = |arguments: &[&str]| {
        let runs = tempfile::tempdir_in(state.path()).expect("a folder");
        let output = backfill(runs.path(), &[arguments, &[path]].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        lines(&runs.path().join(run_of(runs.path())).join("plan.jsonl"))
    };
    let all = plan(&[]);
    let of = |wanted: &dyn Fn(&Value) -> bool| -> BTreeMap<String, Value> {
        all.iter().filter(|(_, line)| wanted(line)).map(|(arn, line)| (arn.clone(), line.clone())).collect()
    };
    let tables = of(&|line| line["type"] == "dynamodb:table");
    assert_eq!(plan(&["--services", "dynamodb"]), tables);
    let early = of(&|line| line["event"]["time"].as_str() <= Some("2025-03-01T01:00:00Z"));
    assert!(!early.is_empty() && early.len() < all.len());
    assert_eq!(plan(&["--until", "2025-03-01T01:00:00Z"]), early, "a later creation still counts");
    let late = of(&|line| line["event"]["time"].as_str() >= Some("2025-03-01T01:00:00Z"));
    assert!(late.values().any(|line| line["session"]["time"].as_str() < Some("2025-03-01T01:00:00Z")));
    assert_eq!(plan(&["--since", "2025-03-01T01:00:00Z"]), late, "sessions began before what they created");
    assert_eq!(plan(&["--accounts", "999999999999"]), BTreeMap::new());
    let anns = of(&|line| tag(line, "Owner").is_some_and(|owner| owner.ends_with("/ann")));
    let found: Vec<String> = plan(&["--owner", "*/ann"])
        .into_iter()
        .filter(|(_, line)| line["state"] == "add")
        .map(|(arn, _)| arn)
        .collect();
    assert_eq!(found, anns.into_keys().collect::<Vec<_>>());
}

#[cfg(unix)]
#[test]
fn nobody_else_reads_a_run_and_no_secret_is_in_it() {
    use std::os::unix::fs::PermissionsExt;
    let (trail, state) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let mut world = World::new(10);
    world.live(60);
    world.write(trail.path());
    assert!(backfill(state.path(), &[trail.path().to_str().expect("a path")]).status.success());
    let run = state.path().join(run_of(state.path()));
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&run), 0o700);
    let mut files = 0;
    for entry in walkdir::WalkDir::new(&run).into_iter().map(|entry| entry.expect("an entry")) {
        if entry.file_type().is_file() {
            files += 1;
            assert_eq!(mode(entry.path()), 0o600, "{}", entry.path().display());
            let bytes = fs::read(entry.path()).expect("readable");
            assert!(!text(&bytes).contains("SECRET"), "{}", entry.path().display());
        }
    }
    assert!(files > 3, "{files} files");
}

/// It is killed before it could say anything at its end; the state is given as from one folder, and gone on with from another.
#[test]
fn what_a_run_says_at_its_start_goes_on_from_any_folder() {
    let (trail, home) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let mut world = World::new(11);
    world.live(60);
    world.write(trail.path());
    let run = |folder: &Path, arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aws-tags"));
        command.current_dir(folder).args(arguments).env_clear();
        command.output().expect("the command runs")
    };
    let path = trail.path().to_str().expect("a path");
    let output = run(home.path(), &["backfill", "--offline", "--state", "the runs", path]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let (said, state) = (text(&output.stderr), home.path().join("the runs"));
    let state = fs::canonicalize(state).expect("there");
    let name = run_of(&state);
    let folder = state.join(&name);
    let again = format!("aws-tags backfill --resume {name} --state '{}'", state.display());
    let expected =
        format!("aws-tags: run {name} is in {}; if it is stopped, go on with: {again}\n", folder.display());
    assert_eq!(said, expected);
    let plan = lines(&folder.join("plan.jsonl"));
    // As if it had been killed in the last stage.
    let about =
        fs::read_to_string(folder.join("run.json")).expect("a run").replace("\"planned\"", "\"asking\"");
    fs::write(folder.join("run.json"), about).expect("written");
    fs::remove_file(folder.join("plan.jsonl")).expect("removed");
    let elsewhere = tempfile::tempdir().expect("a folder");
    let words = again.replace('\'', "").replace("the runs", "the\u{a0}runs");
    let words: Vec<String> = words.split(' ').skip(1).map(|word| word.replace('\u{a0}', " ")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let output = run(elsewhere.path(), &words);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!((text(&output.stderr), lines(&folder.join("plan.jsonl"))), (String::new(), plan));
}
