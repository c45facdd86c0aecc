//! The event files: one for every row, named after its call, with a `.txt` that holds what `explain`
//! prints for it.
//!
//! `make generate` writes the `.txt` files again.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use aws_tags::table::{self, BY_HAND, GENERATED};
use aws_tags::{Effect, Event};

/// Records of the generated rows, made from the models of the APIs, a file for each event source.
const MODELLED: &str = "events/modelled";
/// Records in the shapes that AWS's guides print, of calls whose rows are generated; and what each created.
const DOCUMENTED: &str = "events/documented";
/// Trails: see the test of sessions.
const SESSIONS: &str = "events/sessions";

/// The repository; tests of the tests may name a copy.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::env::var_os("REPOSITORY").map_or(here, PathBuf::from).canonicalize().expect("the repository")
}

/// Paths below the workspace, and the events in them.
fn events() -> Vec<(String, Event)> {
    let all: Vec<_> = walkdir::WalkDir::new(root().join("events"))
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.expect("readable").into_path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .filter(|path| {
            ![DOCUMENTED, MODELLED, SESSIONS].iter().any(|folder| path.starts_with(root().join(folder)))
        })
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("readable");
            let event = Event::from_json(serde_json::from_str(&text).expect("JSON")).expect("a record");
            let name = path.strip_prefix(root()).expect("below the workspace");
            (name.display().to_string(), event)
        })
        .collect();
    assert!(all.len() > 100, "the event files are gone");
    all
}

#[test]
fn files_are_named_after_source_call_and_variant() {
    for (path, event) in events() {
        let source = event.source.strip_suffix(".amazonaws.com");
        let source =
            source.or_else(|| event.source.strip_suffix(".aws-tags")).expect("an AWS service, or ours");
        let (folder, file) =
            path.strip_prefix("events/").and_then(|p| p.split_once('/')).expect("events/…/…");
        let stem = file.strip_suffix(".json").expect("JSON");
        let call = stem.split_once("--").map_or(stem, |(call, _)| call);
        assert_eq!((folder, call), (source, event.name.as_str()), "{path}");
    }
}

#[test]
fn every_row_finds_its_resource_in_some_file() {
    let mut seen = BTreeSet::new();
    for (_, event) in events() {
        let Some((service, rows)) = table::rows(&event.source, &event.name) else { continue };
        let Some(row) = rows.first() else { continue };
        let types: Vec<&str> = match Effect::of(&event) {
            Effect::Created(creation) => {
                let looked_up = creation.lookups.iter().map(|lookup| lookup.resource_type());
                creation.resources.iter().map(|resource| resource.resource_type).chain(looked_up).collect()
            }
            Effect::NothingToTag(_) => vec![""],
            _ => vec![],
        };
        seen.extend(types.into_iter().map(|one| (service.name, row.event_name, one)));
    }
    let mut missing = Vec::new();
    for service in BY_HAND {
        for row in service.rows {
            if !seen.contains(&(service.name, row.event_name, row.resource_type)) {
                missing.push(format!("{} {} {}", service.name, row.event_name, row.resource_type));
            }
        }
    }
    assert!(missing.is_empty(), "rows that find nothing in any event file: {missing:#?}");
}

#[test]
fn every_generated_row_finds_its_resource_in_its_modelled_record() {
    let mut seen = BTreeSet::new();
    for entry in std::fs::read_dir(root().join(MODELLED)).expect("the folder") {
        let text = std::fs::read_to_string(entry.expect("readable").path()).expect("readable");
        let mut file: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let records = file["Records"].as_array_mut().expect("records");
        for record in records.drain(..) {
            let event = Event::from_json(record).expect("a record");
            let Effect::Created(creation) = Effect::of(&event) else {
                panic!("{} {} creates nothing", event.source, event.name)
            };
            let looked_up = creation.lookups.iter().map(|lookup| lookup.resource_type());
            let types = creation.resources.iter().map(|resource| resource.resource_type).chain(looked_up);
            seen.extend(types.map(|one| (event.source.clone(), event.name.clone(), one)));
        }
    }
    let rows = GENERATED.iter().flat_map(|service| service.rows.iter().map(move |row| (service.name, row)));
    let found = rows.filter(|(_, row)| row.creates() && !row.optional);
    let wanted: BTreeSet<_> = found
        .map(|(source, row)| {
            (format!("{source}.amazonaws.com"), row.event_name.to_owned(), row.resource_type)
        })
        .collect();
    let missing: Vec<_> = wanted.difference(&seen).collect();
    assert!(wanted.len() > 1000 && missing.is_empty(), "rows that find nothing: {missing:#?}");
}

#[test]
fn records_in_the_shapes_that_aws_prints_name_what_they_created() {
    let read = |name| std::fs::read_to_string(root().join(DOCUMENTED).join(name)).expect("readable");
    let expected = read("expected.tsv");
    let mut file: serde_json::Value = serde_json::from_str(&read("records.json")).expect("JSON");
    let records = file["Records"].as_array_mut().expect("records");
    assert_eq!(records.len(), expected.lines().count());
    for (record, line) in records.drain(..).zip(expected.lines()) {
        let event = Event::from_json(record).expect("a record");
        let Effect::Created(creation) = Effect::of(&event) else { panic!("{line}: creates nothing") };
        let arns: Vec<&str> = creation.resources.iter().map(|made| made.arn.as_str()).collect();
        let source = event.source.trim_end_matches(".amazonaws.com");
        assert_eq!(format!("{source}\t{}\t{}", event.name, arns.join(" ")), line);
        let (service, rows) = table::rows(&event.source, &event.name).expect("a row");
        assert_eq!(table::evidence(service, &rows[0]), table::Evidence::Documented, "{line}");
    }
}

#[test]
fn explanations_equal_their_snapshots() {
    let update = std::env::var_os("UPDATE").is_some();
    let mut wrong = Vec::new();
    for (path, _) in events() {
        let explained = Command::new(env!("CARGO_BIN_EXE_aws-tags"))
            .args(["explain", &path])
            .current_dir(root())
            .output();
        let text = String::from_utf8(explained.expect("runs").stdout).expect("UTF-8");
        let snapshot = root().join(&path).with_extension("txt");
        if update {
            std::fs::write(&snapshot, &text).expect("writable");
        } else if std::fs::read_to_string(&snapshot).ok().as_deref() != Some(&text) {
            wrong.push(path);
        }
    }
    assert!(wrong.is_empty(), "explanations differ from their .txt (run `make generate`): {wrong:#?}");
}

#[test]
fn no_event_file_holds_a_secret() {
    for (path, _) in events() {
        let text = std::fs::read_to_string(root().join(&path)).expect("readable");
        for line in text.lines().filter(|line| line.contains("\"sessionToken\"")) {
            assert!(line.contains("EXAMPLE-NOT-A-TOKEN"), "{path}: {line}");
        }
    }
}
