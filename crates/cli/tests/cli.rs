//! The command as a user sees it: input in every form, bad input, output for people and programs.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

const VOLUME: &str = "arn:aws:ec2:eu-west-1:111122223333:volume/vol-1";

fn aws_tags(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_aws-tags")).args(arguments).output().expect("runs")
}

fn piped(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_aws-tags"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs");
    child.stdin.take().expect("piped").write_all(input).expect("writable");
    child.wait_with_output().expect("ends")
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn complaints(output: &Output) -> Vec<String> {
    String::from_utf8_lossy(&output.stderr).lines().map(str::to_owned).collect()
}

fn record() -> Value {
    json!({"eventSource": "ec2.amazonaws.com", "eventName": "CreateVolume", "awsRegion": "eu-west-1",
           "eventTime": "2026-05-04T10:00:00Z", "recipientAccountId": "111122223333",
           "userIdentity": {"type": "IAMUser", "userName": "carl", "principalId": "AIDAX",
                            "accountId": "111122223333", "arn": "arn:aws:iam::111122223333:user/carl"},
           "responseElements": {"volumeId": "vol-1"}})
}

/// A folder of its own for a test, empty at the start.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).expect("writable");
    path
}

fn gzipped(text: &str) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(text.as_bytes()).expect("writable");
    writer.finish().expect("writable")
}

#[test]
fn every_form_of_input_gives_the_same_record() {
    let bare = record();
    let quoted = bare.to_string();
    for (form, input) in [
        ("bare", quoted.clone().into_bytes()),
        (
            "EventBridge",
            json!({"source": "aws.ec2", "account": "111122223333", "detail": bare}).to_string().into(),
        ),
        ("trail", json!({"Records": [bare]}).to_string().into()),
        ("list", json!([bare]).to_string().into()),
        ("lookup-events", json!({"Events": [{"CloudTrailEvent": quoted}]}).to_string().into()),
        ("SQS", json!({"Records": [{"messageId": "m", "body": quoted}]}).to_string().into()),
        ("gzip", gzipped(&json!({"Records": [bare]}).to_string())),
    ] {
        let output = piped(&["explain", "--json", "-"], &input);
        assert!(output.status.success(), "{form}: {output:?}");
        let lines = lines(&output);
        assert_eq!(lines.len(), 1, "{form}");
        assert_eq!(lines[0]["resources"], json!([VOLUME]), "{form}");
    }
}

#[test]
fn bad_files_are_named_and_do_not_stop_the_rest() {
    let folder = folder("bad");
    let path = |name: &str| folder.join(name).display().to_string();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).expect("writable");
    write("good.json", &record().to_string());
    write("no.json", "hello");
    write("cut.json", "{\"Records\": [{\"eventSource\": ");
    write("other.json", "{\"a\": 1}");
    write("half.json", &json!({"Records": [record(), {"a": 1}]}).to_string());
    std::fs::write(folder.join("broken.json.gz"), &gzipped("{}")[..12]).expect("writable");
    std::fs::create_dir(folder.join("empty")).expect("writable");
    let files = [
        "good.json",
        "no.json",
        "cut.json",
        "other.json",
        "half.json",
        "broken.json.gz",
        "empty",
        "absent.json",
    ];
    let files: Vec<String> = files.iter().map(|name| path(name)).collect();
    let mut arguments = vec!["explain", "--json"];
    arguments.extend(files.iter().map(String::as_str));
    let output = aws_tags(&arguments);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(lines(&output).len(), 2, "good.json and the good half of half.json");
    let found = complaints(&output);
    for (file, what) in [
        ("no.json", "not JSON: expected value at line 1 column 1"),
        ("cut.json", "JSON ends too early: EOF while parsing a value at line 1 column 29"),
        ("other.json", "not a CloudTrail record: no `eventSource`"),
        ("half.json", "record 2: not a CloudTrail record: no `eventSource`"),
        ("broken.json.gz", "broken gzip"),
        ("empty", "no .json or .json.gz file with CloudTrail records inside"),
        ("absent.json", "No such file"),
    ] {
        let start = format!("aws-tags: {}: {what}", path(file));
        let matching = found.iter().filter(|line| line.starts_with(&start)).count();
        assert_eq!(matching, 1, "{start}\n{found:#?}");
    }
    assert_eq!(found.len(), 7, "one line each: {found:#?}");
}

#[test]
fn an_unreadable_file_is_reported_and_skipped() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder("forbidden");
    let path = folder.join("secret.json");
    std::fs::write(&path, record().to_string()).expect("writable");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).expect("settable");
    if std::fs::read(&path).is_ok() {
        return; // Root may read everything.
    }
    let output = aws_tags(&["explain", &path.display().to_string()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(complaints(&output)[0].contains("Permission denied"));
}

/// Two sessions of one role, their calls, and a user, as a trail's file has them: out of order.
fn trail() -> Value {
    let session = |key: &str, second: &str, team: &str| {
        json!({"eventSource": "sts.amazonaws.com", "eventName": "AssumeRole", "awsRegion": "eu-west-1",
               "eventTime": format!("2026-05-04T09:00:{second}Z"), "recipientAccountId": "111122223333",
               "requestParameters": {"tags": [{"key": "Team", "value": team}]},
               "responseElements": {"credentials": {"accessKeyId": key, "expiration": "May 4, 2026, 9:00:00 PM"},
                   "assumedRoleUser": {"assumedRoleId": "AROAX:ann",
                                       "arn": "arn:aws:sts::111122223333:assumed-role/developer/ann"}}})
    };
    let call = |key: &str, second: &str, volume: &str| {
        let mut call = record();
        call["responseElements"]["volumeId"] = json!(volume);
        call["userIdentity"] = json!({"type": "AssumedRole", "principalId": "AROAX:ann", "accountId": "111122223333",
            "arn": "arn:aws:sts::111122223333:assumed-role/developer/ann", "accessKeyId": key,
            "sessionContext": {"sessionIssuer": {"type": "Role", "principalId": "AROAX", "userName": "developer",
                                   "accountId": "111122223333", "arn": "arn:aws:iam::111122223333:role/developer"},
                               "attributes": {"creationDate": format!("2026-05-04T09:00:{second}Z")}}});
        call
    };
    json!({"Records": [call("ASIA1", "05", "vol-1"), record(), call("ASIA2", "15", "vol-2"),
                       session("ASIA2", "15", "two"), session("ASIA1", "05", "one")]})
}

#[test]
fn a_replay_finds_each_calls_session_and_says_where_tags_come_from() {
    let folder = folder("replay");
    let iam = folder.join("iam.json");
    std::fs::write(&iam, r#"{"role/developer": {"team": "iam", "Cost": "1"}, "user/carl": {"Team": "ops"}}"#)
        .expect("writable");
    let iam = iam.display().to_string();
    let output = piped(&["replay", "--json", "--iam-tags", &iam, "-"], trail().to_string().as_bytes());
    assert!(output.status.success(), "{output:?}");
    let lines = lines(&output);
    let order: Vec<_> = lines.iter().map(|line| line["eventName"].as_str().expect("text")).collect();
    assert_eq!(order, ["AssumeRole", "AssumeRole", "CreateVolume", "CreateVolume", "CreateVolume"]);
    let tags = |nth: usize| &lines[nth]["resources"][0]["tags"];
    let team = |value, source| json!({"value": value, "source": source});
    assert_eq!(tags(2)["Team"], team("one", "session"));
    assert_eq!(tags(2)["team"], Value::Null);
    assert_eq!(tags(2)["Cost"], team("1", "iam"));
    assert_eq!(tags(3)["Team"], team("ops", "iam"));
    assert_eq!(tags(4)["Team"], team("two", "session"));
    assert_eq!(tags(4)["Owner"]["source"], "owner");
}

#[test]
fn the_text_of_a_replay_is_for_people_and_has_no_colour_in_a_pipe() {
    let output = piped(&["replay", "-"], trail().to_string().as_bytes());
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("session  Team=one"), "{text}");
    assert!(text.contains("\nNo AWS was asked"), "{text}");
    assert!(text.ends_with("5 events: 3 resources tagged, 0 failed, 2 sessions\n"), "{text}");
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn wrong_settings_and_wrong_tag_files_are_bad_input() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aws-tags"));
    let output = command.args(["replay", "-"]).env("OWNER", "me").output().expect("runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(complaints(&output)[0].starts_with("aws-tags: OWNER is `me`, allowed: `principal-arn`"));
    let folder = folder("iam");
    let path = folder.join("iam.json");
    std::fs::write(&path, r#"{"developer": {}}"#).expect("writable");
    let output = aws_tags(&["replay", "--iam-tags", &path.display().to_string(), "-"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(complaints(&output)[0].ends_with("`developer` is neither `role/NAME` nor `user/NAME`"));
}

#[test]
fn services_lists_every_row() {
    let output = aws_tags(&["services", "--json"]);
    let rows: usize = aws_tags::table::all().map(|service| service.rows.len()).sum();
    assert_eq!(lines(&output).len(), rows);
    let unknown = aws_tags(&["services", "dynamo"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(complaints(&unknown)[0].ends_with("`dynamo` is not a supported service; there are dynamodb"));
    let unlike_any = aws_tags(&["services", "zzz"]);
    assert!(complaints(&unlike_any)[0].ends_with("`aws-tags services` lists all"));
}

#[test]
fn services_filters_by_tier_resource_type_route_and_evidence() {
    let calls = |arguments: &[&str]| {
        let output = aws_tags(&[&["services", "--json"], arguments].concat());
        let call = |line: Value| line["eventName"].as_str().expect("a call").to_owned();
        lines(&output).into_iter().map(call).collect::<Vec<_>>()
    };
    assert_eq!(calls(&["kms", "--type", "kms:key"]), ["CreateKey", "ReplicateKey"]);
    assert_eq!(calls(&["kms", "--tier", "essential"]), [""; 0]);
    assert_eq!(calls(&["sqs", "--tier", "essential"]), ["CreateQueue"]);
    assert!(calls(&["--route", "ec2:CreateTags"]).contains(&"RunInstances".to_owned()));
    assert!(!calls(&["--route", "ec2:CreateTags"]).contains(&"CreateQueue".to_owned()));
    assert!(!calls(&["sqs", "--evidence", "modelled"]).contains(&"CreateQueue".to_owned()));
}
