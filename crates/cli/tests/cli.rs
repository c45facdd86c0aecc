//! The command as a user sees it: input in every form, bad input, output for people and programs.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
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

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[test]
fn every_form_of_input_gives_the_same_record() {
    let bare = record();
    let text = bare.to_string();
    let logs =
        json!({"messageType": "DATA_MESSAGE", "logEvents": [{"id": "1", "timestamp": 1, "message": text}]});
    let notification = json!({"Type": "Notification", "MessageId": "m", "Message": text});
    let athena = json!({"ResultSet": {"Rows": [
        {"Data": [{"VarCharValue": "eventsource"}, {"VarCharValue": "eventname"}, {"VarCharValue": "responseelements"},
                  {"VarCharValue": "awsregion"}, {"VarCharValue": "recipientaccountid"}, {}]},
        {"Data": [{"VarCharValue": bare["eventSource"]}, {"VarCharValue": bare["eventName"]},
                  {"VarCharValue": bare["responseElements"].to_string()}, {"VarCharValue": bare["awsRegion"]},
                  {"VarCharValue": bare["recipientAccountId"]}, {}]}]}});
    for (form, input) in [
        ("bare", text.clone()),
        ("EventBridge", json!({"source": "aws.ec2", "account": "111122223333", "detail": bare}).to_string()),
        ("trail", json!({"Records": [bare]}).to_string()),
        ("list", json!([bare]).to_string()),
        ("lines", format!("{text}\n\n")),
        ("lines of a bad neighbour", format!("{{\"cut\": [1\n{text}\n")),
        ("lookup-events", json!({"Events": [{"CloudTrailEvent": text}]}).to_string()),
        ("lookup-events --query Events", json!([{"CloudTrailEvent": text}]).to_string()),
        ("lookup-events --query Events[].CloudTrailEvent", json!([text]).to_string()),
        ("the same, one text", json!(text).to_string()),
        ("pages", format!("{}{}", json!({"Events": []}), json!({"Events": [{"CloudTrailEvent": text}]}))),
        ("SQS", json!({"Records": [{"messageId": "m", "body": text}]}).to_string()),
        ("receive-message", json!({"Messages": [{"MessageId": "m", "Body": text}]}).to_string()),
        ("SNS", notification.to_string()),
        ("SNS to Lambda", json!({"Records": [{"EventSource": "aws:sns", "Sns": notification}]}).to_string()),
        (
            "SNS by SQS",
            json!({"Records": [{"messageId": "m", "body": notification.to_string()}]}).to_string(),
        ),
        ("CloudWatch Logs", logs.to_string()),
        (
            "CloudWatch Logs to Lambda",
            json!({"awslogs": {"data": base64(&gzipped(&logs.to_string()))}}).to_string(),
        ),
        ("filter-log-events", json!({"events": [{"message": text, "logStreamName": "s"}]}).to_string()),
        (
            "Logs Insights",
            json!({"results": [[{"field": "@message", "value": text}, {"field": "@ptr", "value": "x"}]]})
                .to_string(),
        ),
        ("export of logs", format!("2026-05-04T10:00:00.000Z {text}\n")),
        ("Firehose", json!({"records": [{"recordId": "1", "data": base64(text.as_bytes())}]}).to_string()),
        (
            "Kinesis",
            json!({"Records": [{"eventSource": "aws:kinesis", "eventName": "aws:kinesis:record",
                                        "kinesis": {"data": base64(&gzipped(&logs.to_string()))}}]})
            .to_string(),
        ),
        ("CloudTrail Lake", json!({"QueryResultRows": [[{"eventJson": text}]]}).to_string()),
        (
            "Lake, beside another column",
            json!({"QueryStatus": "FINISHED", "QueryResultRows": [[{"eventName": "x"}, {"eventJson": text}]]})
                .to_string(),
        ),
        (
            "lookup-events, beside its own columns",
            json!([{"EventName": "x", "CloudTrailEvent": text}]).to_string(),
        ),
        ("Athena", athena.to_string()),
    ] {
        let inputs = [("", input.clone().into_bytes()), (" in gzip", gzipped(&input))];
        for (how, input) in inputs {
            let output = piped(&["explain", "--json", "-"], &input);
            let is_good = output.status.success() || form == "lines of a bad neighbour";
            assert!(is_good, "{form}{how}: {output:?}");
            let lines = lines(&output);
            assert_eq!(lines.len(), 1, "{form}{how}: {output:?}");
            assert_eq!(lines[0]["resources"], json!([VOLUME]), "{form}{how}");
        }
    }
}

#[test]
fn structures_that_athena_prints_are_refused_by_name() {
    let row = json!([{"eventName": "CreateVolume"}, {"eventSource": "ec2.amazonaws.com"},
                     {"responseElements": "{volumeId=vol-1}"}]);
    let output = piped(&["explain", "-"], json!({"QueryResultRows": [row]}).to_string().as_bytes());
    assert_eq!(output.status.code(), Some(2));
    let complaint = &complaints(&output)[0];
    assert!(
        complaint.contains("`responseElements`") && complaint.contains("select `eventJson`"),
        "{complaint}"
    );
}

#[test]
fn a_text_of_a_row_may_begin_as_a_structure_does() {
    let mut row = record();
    for column in ["userIdentity", "requestParameters", "responseElements"] {
        row[column] = row[column].to_string().into();
    }
    row["userAgent"] = "[S3Console/0.4, aws-internal/3]".into();
    let output = piped(&["explain", "--json", "-"], row.to_string().as_bytes());
    assert_eq!(lines(&output)[0]["resources"], json!([VOLUME]), "{output:?}");
}

#[test]
fn tables_and_queries_without_an_answer_are_refused_by_name() {
    for (input, said) in [
        ("\"eventname\",\"useridentity\"\n\"CreateQueue\",\"{type=Root}\"\n", "a CSV file"),
        ("\u{feff}eventJson\n\"{}\"\n", "a CSV file"),
        ("Event name,Event time\nCreateQueue,today\n", "a CSV file"),
        (
            r#"{"QueryStatus": "FAILED", "ErrorMessage": "no such column", "QueryResultRows": []}"#,
            "its status is FAILED: no such column",
        ),
        (r#"{"QueryStatus": "RUNNING", "QueryResultRows": []}"#, "its status is RUNNING"),
    ] {
        let output = piped(&["explain", "-"], input.as_bytes());
        assert_eq!(output.status.code(), Some(2), "{input}");
        let complaints = complaints(&output);
        assert!(complaints.len() == 1 && complaints[0].contains(said), "{input}: {complaints:?}");
    }
}

#[test]
fn every_outcome_of_an_event_can_be_filtered_by() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events");
    let replayed = lines(&aws_tags(&["replay", "--json", root]));
    let outcomes: BTreeSet<&str> = replayed.iter().filter_map(|line| line["outcome"].as_str()).collect();
    assert!(outcomes.len() > 10, "{outcomes:?}");
    for outcome in outcomes {
        let some = lines(&aws_tags(&["replay", "--json", "--outcome", outcome, root]));
        let all = replayed.iter().filter(|line| line["outcome"] == outcome).count();
        assert_eq!(some.len(), all, "{outcome}");
    }
}

#[test]
fn what_lies_beside_logs_is_counted_and_no_error() {
    let folder = folder("beside");
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.join(name), bytes).expect("writable");
    write("log.json.gz", &gzipped(&json!({"Records": [record()]}).to_string()));
    write("empty-log.json.gz", &gzipped("{\"Records\": []}"));
    write("digest.json.gz", &gzipped("{\"digestStartTime\": \"2026-05-04T10:00:00Z\", \"logFiles\": []}"));
    write(
        "insight.json.gz",
        &gzipped("{\"Records\": [{\"eventCategory\": \"Insight\", \"insightDetails\": {}}]}"),
    );
    write(
        "config.json.gz",
        &gzipped("{\"fileVersion\": \"1.0\", \"configurationItems\": [{\"resourceId\": \"i-1\"}]}"),
    );
    write("elb.log.gz", &gzipped("https 2026-05-04T10:00:00Z app/web 192.0.2.1\n"));
    write("ConfigWritabilityCheckFile", b"");
    write("notes.txt", b"hello");
    std::os::unix::fs::symlink("log.json.gz", folder.join("link.json.gz")).expect("a link");
    std::os::unix::fs::symlink(".", folder.join("loop")).expect("a link");
    let path = folder.display().to_string();
    let output = aws_tags(&["replay", "--summary", &path]);
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(text.contains("calls       2 events"), "a link is followed: {text}");
    let others = "no records  digest files: 1, files of AWS Config: 1, insight events: 1, links to a folder around them: 1, other files: 3";
    assert!(text.contains(others), "{text}");
}

#[test]
fn what_has_no_end_is_given_up() {
    let output = aws_tags(&["explain", "/dev/zero"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(complaints(&output)[0].contains("given up after 64 MB without a record"), "{output:?}");
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
        ("no.json", "line 1: neither a JSON object nor a list"),
        ("cut.json", "line 1: JSON ends too early"),
        ("other.json", "record 1: not a CloudTrail record: no `eventSource`"),
        ("half.json", "record 2: not a CloudTrail record: no `eventSource`"),
        ("broken.json.gz", "broken gzip"),
        ("empty", "no file with CloudTrail records inside"),
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
    assert!(text.contains("\nresources   3 would be tagged\n"), "{text}");
    assert!(text.contains("\ncalls       5 events, 2 started sessions\n"), "{text}");
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
