//! `catalog`: generates the table of creating calls from pinned packages. A developer's tool.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Result, bail, ensure};
use aws_tags_catalog::sources::Unfetched;
use aws_tags_catalog::table::{Catalog, Row};
use aws_tags_catalog::{coverage, emit, requests, sample, stale};

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    // From the table that is compiled in: no package is needed.
    if arguments == ["requests"] {
        requests::print();
        return Ok(());
    }
    if arguments == ["answers"] {
        return requests::read_answers();
    }
    let catalog = match Catalog::read() {
        Err(error) if arguments == ["check"] && error.is::<Unfetched>() => {
            eprintln!("catalog: skipped: cannot fetch the packages: {error}");
            return Ok(());
        }
        read => read?,
    };
    let rows = catalog.rows();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => write(&catalog, &rows),
        ["list"] => {
            for row in catalog.all_rows() {
                let format = row.formats.first().map_or("-", String::as_str);
                println!(
                    "{}\t{}\t{}\t{format}\t{:?}\t{}\t{}\t{}\t{}",
                    row.source,
                    row.event_name,
                    row.resource_type,
                    row.because,
                    row.registered.as_deref().unwrap_or("-"),
                    row.upsert,
                    row.from.0,
                    row.places.join(" | ")
                );
            }
            Ok(())
        }
        ["coverage"] => Ok(fs::write(coverage_page(), coverage::page(&catalog, &catalog.all_rows()))?),
        ["events"] => write_events(&catalog, &rows),
        ["check"] => check(&catalog, &rows),
        _ => bail!("usage: catalog [list | check | coverage | events | requests | answers]"),
    }
}

/// Fails if a file differs from what the packages give, or an override overrides nothing.
fn check(catalog: &Catalog, rows: &[Row]) -> Result<()> {
    let all_rows = catalog.all_rows();
    let mut files: Vec<(PathBuf, String)> =
        generated(catalog, rows).into_iter().map(|(file, text)| (folder().join(file), text)).collect();
    files.push((coverage_page(), coverage::page(catalog, &all_rows)));
    for (path, text) in files {
        ensure!(fs::read_to_string(&path)? == text, "{} differs from what the packages give", path.display());
    }
    for (source, text) in events(catalog, rows) {
        let path = events_folder().join(format!("{source}.json"));
        ensure!(fs::read_to_string(&path)? == text, "{} differs from what the packages give", path.display());
    }
    let faults: Vec<String> = rows
        .iter()
        .filter(|row| sample::is_tried(row))
        .filter_map(|row| sample::fault(catalog, row))
        .collect();
    ensure!(faults.is_empty(), "rows that the models contradict:\n{}", faults.join("\n"));
    let stale = stale::overrides(catalog, &all_rows);
    ensure!(stale.is_empty(), "overrides that override nothing: {}", stale.join(", "));
    Ok(())
}

/// Writes the event files of generated rows: one per event source, like CloudTrail's own files.
fn write_events(catalog: &Catalog, rows: &[Row]) -> Result<()> {
    let folder = events_folder();
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    for (source, text) in events(catalog, rows) {
        fs::write(folder.join(format!("{source}.json")), text)?;
    }
    Ok(())
}

/// The files of `events/modelled`: one record per line.
fn events(catalog: &Catalog, rows: &[Row]) -> BTreeMap<String, String> {
    let variant = sample::Variant { seed: 1, region: "us-east-1" };
    let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in rows.iter().filter(|row| sample::is_tried(row) && !row.optional) {
        if let Some((record, _)) = sample::record(catalog, row, variant) {
            lines.entry(row.source.clone()).or_default().push(sample::short(&record, row).to_string());
        }
    }
    let file = |lines: Vec<String>| format!("{{\"Records\": [\n{}\n]}}\n", lines.join(",\n"));
    lines.into_iter().map(|(source, lines)| (source, file(lines))).collect()
}

fn coverage_page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("COVERAGE.md")
}

/// The generated files and what they hold.
fn generated(catalog: &Catalog, rows: &[Row]) -> [(&'static str, String); 2] {
    [("services.rs", emit::rust(catalog, rows)), ("operations.rs", emit::operations(catalog, rows))]
}

fn write(catalog: &Catalog, rows: &[Row]) -> Result<()> {
    for (file, text) in generated(catalog, rows) {
        fs::write(folder().join(file), text)?;
    }
    Ok(())
}

fn events_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/modelled")
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src/table/generated")
}
