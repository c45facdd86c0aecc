//! Trails of every kind of session and of what goes wrong with them, one a file of `events/sessions`: what
//! `replay` prints for each is in the `.txt` beside it.
//!
//! `make generate` writes the `.txt` files again.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// The tags of the roles and users of the trails: each role's `Base` is its name.
const IAM_TAGS: &str = "crates/cli/tests/session-iam-tags.json";

/// The repository; tests of the tests may name a copy.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::env::var_os("REPOSITORY").map_or(here, PathBuf::from).canonicalize().expect("the repository")
}

fn trails() -> Vec<PathBuf> {
    let files = std::fs::read_dir(root().join("events/sessions")).expect("the folder");
    let mut trails: Vec<PathBuf> = files
        .map(|file| file.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    trails.sort();
    assert!(trails.len() >= 40, "the trails are gone");
    trails
}

#[test]
fn every_trail_gives_the_tags_of_its_snapshot() {
    let update = std::env::var_os("UPDATE").is_some();
    let mut wrong = Vec::new();
    for trail in trails() {
        let path = trail.strip_prefix(root()).expect("below the workspace");
        let mut replay = Command::new(env!("CARGO_BIN_EXE_aws-tags"));
        replay.args(["replay", "--iam-tags", IAM_TAGS]).arg(path).current_dir(root());
        let done = replay.output().expect("runs");
        assert!(done.status.success(), "{}: {}", path.display(), String::from_utf8_lossy(&done.stderr));
        let (text, snapshot) = (String::from_utf8(done.stdout).expect("UTF-8"), trail.with_extension("txt"));
        if update {
            std::fs::write(&snapshot, &text).expect("writable");
        } else if std::fs::read_to_string(&snapshot).ok().as_deref() != Some(&text) {
            wrong.push(path.display().to_string());
        }
    }
    assert!(wrong.is_empty(), "differ from their .txt (run `make generate`): {wrong:#?}");
}

/// The order of records changes nothing: CloudTrail delivers them in any.
#[test]
fn a_trail_that_is_read_backwards_gives_the_same() {
    let folder = std::env::temp_dir().join(format!("aws-tags-sessions-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("writable");
    let backwards = folder.join("backwards.json");
    for trail in trails() {
        let text = std::fs::read_to_string(&trail).expect("readable");
        let mut file: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        file["Records"].as_array_mut().expect("records").reverse();
        std::fs::write(&backwards, file.to_string()).expect("writable");
        let resources = |path: &Path| {
            let mut replay = Command::new(env!("CARGO_BIN_EXE_aws-tags"));
            replay.args(["replay", "--json", "--iam-tags", IAM_TAGS]).arg(path).current_dir(root());
            let lines = String::from_utf8(replay.output().expect("runs").stdout).expect("UTF-8");
            let mut resources: Vec<String> = lines
                .lines()
                .map(|line| {
                    serde_json::from_str::<serde_json::Value>(line).expect("JSON")["resources"].to_string()
                })
                .collect();
            resources.sort();
            resources
        };
        assert_eq!(resources(&backwards), resources(&trail), "{}", trail.display());
    }
    std::fs::remove_dir_all(&folder).expect("removable");
}

/// What the session's record says of a person or pipeline, where its name says nothing.
#[test]
fn the_owner_may_be_whom_the_session_was_given_to() {
    let by_record = "session-tag:email, subject, session-name";
    let user = "arn:aws:iam::111122223333:user/jo";
    for (trail, forms, owner) in [
        ("account-access", by_record, "ann@example.com"),
        ("oidc", by_record, "repo:acme/infra:ref:refs/heads/main"),
        ("saml", by_record, "ann@example.com"),
        ("assume-role", by_record, "ann"),
        ("assume-role", "origin", user),
        ("role-chain", "origin", user),
        ("role-chain", "session-name", "ann"),
        ("oidc", "origin", "repo:acme/infra:ref:refs/heads/main"),
        ("identity-center", "origin", "ann@example.com"),
        ("ec2-instance", "origin", "arn:aws:sts::111122223333:assumed-role/machine/i-0a1b2c3d4e5f60718"),
        ("no-session-recorded", "origin, session-name", "ann"),
    ] {
        let mut replay = Command::new(env!("CARGO_BIN_EXE_aws-tags"));
        replay
            .args(["replay", "--json", "--iam-tags", IAM_TAGS])
            .arg(format!("events/sessions/{trail}.json"));
        replay.env("OWNER", forms).current_dir(root());
        let lines = String::from_utf8(replay.output().expect("runs").stdout).expect("UTF-8");
        let of_queue = |line: &str| {
            let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
            let value =
                line.pointer("/resources/0/tags/Owner/value").or(line.pointer("/resources/0/tags/Owner"));
            value.and_then(serde_json::Value::as_str).map(str::to_owned)
        };
        let owners: Vec<String> = lines.lines().filter_map(of_queue).collect();
        assert_eq!(owners, [owner], "{trail}: {lines}");
    }
}

#[test]
fn no_trail_holds_a_secret() {
    for trail in trails() {
        let text = std::fs::read_to_string(&trail).expect("readable");
        let tokens = text.matches("\"sessionToken\"").count();
        assert_eq!(text.matches("EXAMPLE-NOT-A-TOKEN").count(), tokens, "{}", trail.display());
    }
}
