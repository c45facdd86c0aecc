//! `aws-tags report` as a user meets it: which input it takes, where the file goes, and what it says. What the page says and
//! does, tests/report proves in a browser.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const HEAD: &str = r#"{"audit":{"version":1,"at":"2026-11-26T20:00:00Z","accounts":["111122223333"],"regions":["eu-west-1"],"required":["Owner"],"inventory":[],"partial":false}}"#;
const OURS: &str = r#"{"arn":"arn:aws:sqs:eu-west-1:111122223333:orders","type":"sqs:queue","account":"111122223333","region":"eu-west-1","state":"ours","owner":"ann","missing":[],"tags":[{"key":"Owner","value":"ann","from":"principal"}]}"#;
const UNKNOWN: &str = r#"{"arn":"arn:aws:s3:::photos","type":"s3:bucket","account":"111122223333","region":"eu-west-1","state":"owner-unknown","missing":["Owner"],"tags":[]}"#;

/// An empty folder for a test.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("report").join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("writable");
    path
}

fn file(folder: &Path, name: &str, lines: &[&str]) -> String {
    let path = folder.join(name);
    fs::write(&path, lines.join("\n")).expect("writable");
    path.to_str().expect("UTF-8").to_owned()
}

fn report(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_aws-tags"))
        .arg("report")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs");
    // It may have ended without reading.
    let _ = child.stdin.take().expect("piped").write_all(input);
    child.wait_with_output().expect("ends")
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn complaints(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_report_replaces_no_audit() {
    let folder = folder("replaced");
    let audit = file(&folder, "audit.jsonl", &[HEAD, OURS, UNKNOWN]);
    let done = report(&[&audit, "-o", &audit], b"");
    assert_eq!((code(&done), out(&done)), (Some(2), String::new()));
    assert!(
        complaints(&done).contains("is an audit to read, and would be replaced"),
        "{}",
        complaints(&done)
    );
    assert_eq!(fs::read_to_string(&audit).expect("a file"), [HEAD, OURS, UNKNOWN].join("\n"));
}

#[test]
fn input_is_a_file_gzip_or_standard_input_and_gives_the_same_page() {
    let folder = folder("input");
    let lines = [HEAD, OURS, UNKNOWN].join("\n");
    let plain = file(&folder, "plain.jsonl", &[HEAD, OURS, UNKNOWN]);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(lines.as_bytes()).expect("writable");
    let packed = folder.join("packed.jsonl.gz");
    fs::write(&packed, gzip.finish().expect("writable")).expect("writable");
    let page = report(&[&plain], b"");
    assert_eq!(code(&page), Some(0), "{}", complaints(&page));
    assert!(out(&page).starts_with("<!DOCTYPE html><html lang=\"en\">") && out(&page).contains("50 %"));
    assert_eq!(report(&["-o", "-", "-"], lines.as_bytes()).stdout, page.stdout);
    assert_eq!(report(&[packed.to_str().expect("UTF-8")], b"").stdout, page.stdout);
}

#[test]
fn a_file_is_replaced_whole_keeps_its_permissions_and_is_for_its_owner_if_new() {
    let folder = folder("output");
    let audit = file(&folder, "audit.jsonl", &[HEAD, OURS, UNKNOWN]);
    let target = folder.join("report.html");
    let path = target.to_str().expect("UTF-8");
    let first = report(&["-o", path, &audit], b"");
    assert_eq!((code(&first), complaints(&first).as_str()), (Some(0), ""));
    assert!(out(&first).starts_with(&format!("{path}: 2 resources, 50 % covered; ")), "{}", out(&first));
    let page = fs::read(&target).expect("readable");
    // What cannot be reported on replaces nothing.
    assert_eq!(code(&report(&["-o", path, "no-such-file"], b"")), Some(2));
    assert_eq!(fs::read(&target).expect("readable"), page);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(&target), 0o600);
        fs::set_permissions(&target, fs::Permissions::from_mode(0o644)).expect("ours");
        let link = folder.join("link.html");
        std::os::unix::fs::symlink(&target, &link).expect("writable");
        fs::write(&target, "old").expect("writable");
        assert_eq!(code(&report(&["-o", link.to_str().expect("UTF-8"), &audit], b"")), Some(0));
        assert!(link.is_symlink() && fs::read(&target).expect("readable") == page && mode(&target) == 0o644);
    }
    let left = fs::read_dir(&folder).expect("readable").count();
    assert_eq!(left, 3, "the audit, the report, the link, and no temporary file");
}

#[test]
fn bad_lines_are_named_and_the_rest_is_reported_on() {
    let folder = folder("bad-lines");
    let bad = UNKNOWN.replace("owner-unknown", "lost");
    let long = format!("\"{}\"", "x".repeat(5 << 20));
    let audit = file(&folder, "audit.jsonl", &[HEAD, OURS, &bad, "{", "", &long, "null", UNKNOWN, OURS]);
    let page = report(&[&audit], b"");
    assert_eq!(code(&page), Some(1));
    let said = complaints(&page);
    for part in [
        "line 3: expected a head or a resource: unknown variant `lost`",
        "line 4: expected a head or a resource: EOF",
        "line 6: expected a line of at most 4 MiB",
        "1 more lines could not be read",
        "1 resources are named more than once",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(out(&page).contains("50 %") && out(&page).contains("5 lines"), "{said}");
    // A file that ends early counts as far as it goes.
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    gzip.write_all([HEAD, OURS, UNKNOWN].join("\n").as_bytes()).expect("writable");
    let mut packed = gzip.finish().expect("writable");
    packed.truncate(packed.len() - 30);
    let cut = report(&["-"], &packed);
    assert_eq!(code(&cut), Some(1), "{}", complaints(&cut));
    assert!(out(&cut).contains("100 %"));
}

#[test]
fn the_latest_audit_is_shown_whatever_the_order_and_others_are_its_past() {
    let folder = folder("order");
    let earlier = HEAD.replace("2026-11-26", "2026-10-26");
    let latest = file(&folder, "a.jsonl", &[HEAD, OURS, UNKNOWN]);
    let first = file(&folder, "b.jsonl", &[&earlier, UNKNOWN]);
    let page = report(&[&latest, &first], b"");
    assert_eq!(report(&[&first, &latest], b"").stdout, page.stdout);
    let both = [&earlier, UNKNOWN, HEAD, OURS, UNKNOWN].join("\n");
    assert_eq!(report(&["-"], both.as_bytes()).stdout, page.stdout);
    assert_eq!(report(&[&first, &latest, &latest], b"").stdout, page.stdout);
    assert!(out(&page).contains("Coverage over time: 0 % on 26 October 2026, 50 % on 26 November 2026"));
}

#[test]
fn audits_that_do_not_go_together_are_named() {
    let folder = folder("strangers");
    let latest = file(&folder, "a.jsonl", &[HEAD, OURS]);
    let other = HEAD.replace("111122223333", "444455556666").replace("2026-11-26", "2026-10-26");
    let stranger = file(&folder, "b.jsonl", &[&other, UNKNOWN]);
    let page = report(&[&latest, &stranger], b"");
    assert_eq!((code(&page), out(&page).as_str()), (Some(2), ""));
    assert_eq!(
        complaints(&page),
        "aws-tags: expected audits of the same accounts: that of 26 October 2026, 20:00 UTC is of 444455556666, \
         that of 26 November 2026, 20:00 UTC is of 111122223333; make a report of each\n"
    );
    let future = report(&["-"], HEAD.replace("\"version\":1", "\"version\":2").as_bytes());
    assert_eq!(code(&future), Some(2));
    assert!(complaints(&future).contains("line 1: expected version 1 of the format, found 2"));
}
