//! What the command prints, byte by byte: standard output, standard error and exit code, one case a file of
//! `tests/snapshots`. `make generate` writes them again.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// Name, environment and arguments.
type Case = (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str]);

/// What needs no AWS; tests/operations has the rest.
const CASES: &[Case] = &[
    ("replay", &[], &["replay", "--iam-tags", "tests/iam-tags.json", TRAIL, "events/ec2/RunInstances.json"]),
    ("replay-in-colour", &[("CLICOLOR_FORCE", "1")], &["replay", TRAIL, OBJECT]),
    ("replay-without-colour", &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], &["replay", TRAIL]),
    ("replay-json", &[], &["replay", "--json", TRAIL]),
    ("replay-summary", &[], &["replay", "--summary", "events/ec2", "events/sns", "events/sts", OBJECT]),
    ("replay-quiet", &[], &["replay", "--quiet", "events/ec2"]),
    ("replay-all", &[], &["replay", "--all", "events/sessions/assume-role-that-failed.json"]),
    ("replay-filtered", &[], &["replay", "--service", "sqs", "--owner", "*user/jo", "events/sessions"]),
    (
        "replay-outcome",
        &[],
        &["replay", "--outcome", "failed-call", "--outcome", "left-alone", "events/sessions", OBJECT],
    ),
    (
        "replay-names-that-nobody-bears",
        &[],
        &[
            "replay",
            "--summary",
            "--iam-tags",
            "tests/iam-tags.json",
            "--service",
            "sqs",
            "--service",
            "sqss",
            "events/sqs",
        ],
    ),
    ("replay-skip-mark", &[], &["replay", "events/ec2/CreateVolume--skip-mark.json"]),
    (
        "replay-skip-mark-of-a-role",
        &[("SKIP_TAG", "department=engineering")],
        &["replay", "--iam-tags", "tests/iam-tags.json", "events/ec2/CreateVolume--skip-mark.json"],
    ),
    ("replay-bad-input", &[], &["replay", "Makefile", "no-such-file", TRAIL]),
    ("replay-wrong-setting", &[("OWNER", "me"), ("OWNER_TAG", "aws:x")], &["replay", TRAIL]),
    ("replay-help-in-80-columns", &[("COLUMNS", "80")], &["replay", "--help"]),
    ("explain", &[], &["explain", "events/sts/AssumeRole.json", OBJECT]),
    ("settings", &[("OWNER_TAG", "Creator")], &["settings"]),
    ("services-unlike-any", &[], &["services", "--type", "bukcet"]),
    ("services-in-capitals", &[], &["services", "SNS"]),
    ("audit-help-in-80-columns", &[("COLUMNS", "80")], &["audit", "--help"]),
    ("audit-without-region", &[], &["audit"]),
    ("audit-wrong-percentage", &[], &["audit", "--min-coverage", "most"]),
    ("audit-wrong-service", &[], &["audit", "--services", "sqs:queue"]),
    (
        "audit-without-history",
        CREDENTIALS,
        &["audit", "--region", "eu-west-1", "--endpoint-url", NOWHERE, "--history", "no-such-file"],
    ),
    ("audit-without-connection", CREDENTIALS, &["audit", "--region", "eu-west-1", "--endpoint-url", NOWHERE]),
    ("doctor-without-region", &[], &["doctor"]),
    ("redrive-without-region", &[], &["redrive", "--dry-run"]),
    (
        "redrive-without-connection",
        CREDENTIALS,
        &["redrive", "--dry-run", "--region", "eu-west-1", "--endpoint-url", NOWHERE],
    ),
    ("probe-without-region", &[], &["probe"]),
    ("probe-of-an-unknown-service", &[], &["probe", "--services", "sns,snss"]),
    ("doctor-with-a-profile-that-is-not-there", &[], &["doctor", "--profile", "prod"]),
    ("replay-access-without-live", &[], &["replay", "--region", "eu-west-1", TRAIL]),
    (
        "replay-apply-with-invented-tags",
        &[],
        &["replay", "--apply", "--iam-tags", "tests/iam-tags.json", TRAIL],
    ),
    (
        "replay-live-without-credentials",
        NO_CREDENTIALS,
        &["replay", "--live", "--region", "eu-west-1", TRAIL],
    ),
    (
        "replay-live-without-connection",
        CREDENTIALS,
        &["replay", "--live", "--region", "eu-west-1", "--endpoint-url", NOWHERE, TRAIL],
    ),
    (
        "doctor-without-connection",
        CREDENTIALS,
        &["doctor", "--region", "eu-west-1", "--endpoint-url", NOWHERE],
    ),
];
const TRAIL: &str = "events/sessions/role-chain.json";
/// Left alone by default.
const OBJECT: &str = "events/s3/PutObject.json";
const NO_CREDENTIALS: &[(&str, &str)] = &[("AWS_EC2_METADATA_DISABLED", "true")];
const CREDENTIALS: &[(&str, &str)] = &[("AWS_ACCESS_KEY_ID", "none"), ("AWS_SECRET_ACCESS_KEY", "none")];
/// Nothing listens there.
const NOWHERE: &str = "http://127.0.0.1:9";

#[test]
fn every_case_is_as_its_snapshot() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots");
    let update = std::env::var_os("UPDATE").is_some();
    let mut wrong = Vec::new();
    for (name, environment, arguments) in CASES {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aws-tags"));
        command.args(*arguments).current_dir(&root).env_clear().env("HOME", "/nowhere");
        let done = command.envs(environment.iter().copied()).output().expect("runs");
        let mut text = String::new();
        let variables: String = environment.iter().map(|(name, value)| format!("{name}={value} ")).collect();
        let quoted = |text: &&str| if text.contains('*') { format!("'{text}'") } else { (*text).to_owned() };
        let words: Vec<_> = arguments.iter().map(quoted).collect();
        writeln!(text, "$ {variables}aws-tags {}", words.join(" ")).expect("a text");
        let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace('\u{1b}', "␛");
        text.push_str(&shown(&done.stdout));
        if !done.stderr.is_empty() {
            write!(text, "--- standard error\n{}", shown(&done.stderr)).expect("a text");
        }
        writeln!(text, "--- exit code {}", done.status.code().unwrap_or_default()).expect("a text");
        let path = folder.join(format!("{name}.txt"));
        if update {
            std::fs::create_dir_all(&folder).expect("writable");
            std::fs::write(&path, &text).expect("writable");
        } else if std::fs::read_to_string(&path).ok().as_deref() != Some(&text) {
            wrong.push(format!("{name}:\n{text}"));
        }
    }
    assert!(wrong.is_empty(), "differ from their snapshots (run `make generate`):\n{}", wrong.join("\n"));
}
