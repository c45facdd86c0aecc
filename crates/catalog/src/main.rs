//! `catalog`: generates the table of creating calls from pinned packages. A developer's tool.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use aws_tags::settings::Monitoring;
use aws_tags::telemetry::metrics::{SESSION_RECORDER, TAG_HANDLER};
use aws_tags_catalog::sources::Unfetched;
use aws_tags_catalog::table::{Catalog, Row};
use aws_tags_catalog::{coverage, emit, probed, requests, sample, stale};
use clap::{Parser, Subcommand};
use serde_json::json;

/// Generates the table of creating calls, and what is derived from the same packages.
#[derive(Parser)]
#[command(name = "catalog")]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// The repository.
    #[arg(long, global = true, value_name = "FOLDER", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))]
    root: PathBuf,
    /// Other answers of AWS than those of probed.jsonl, e.g. to see what a new probe changes.
    #[arg(long, global = true, value_name = "FILE")]
    probed: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Writes the table, the tag operations, the coverage page and the event files of generated rows.
    Generate,
    /// Fails if one of these differs from what the packages give, if the models or AWS's own answers
    /// contradict a row, or if an override overrides nothing.
    Check,
    /// Lists all rows, those written by hand too.
    List,
    /// Prints how much of what calls create can be tagged and read, and what cannot, with the reasons.
    Reach,
    /// Prints a request of each tag operation of the compiled table.
    Requests,
    /// Reads answers of read operations from standard input, as the compiled table says.
    Answers,
    /// Prints the metrics of each function, and which there are with minimal monitoring.
    Metrics,
}

fn main() -> Result<()> {
    let Cli { command, root, probed } = Cli::parse();
    match command {
        // From the table that is compiled in: no package is needed.
        Command::Requests => {
            requests::print();
            return Ok(());
        }
        Command::Answers => return requests::read_answers(),
        Command::Metrics => {
            print_metrics();
            return Ok(());
        }
        Command::Generate | Command::Check | Command::List | Command::Reach => {}
    }
    let catalog = match Catalog::read(probed::probed(probed.as_deref())?) {
        Err(error) if matches!(command, Command::Check) && error.is::<Unfetched>() => {
            eprintln!("catalog: skipped: cannot fetch the packages: {error}");
            return Ok(());
        }
        read => read?,
    };
    match command {
        Command::Generate => generate(&catalog, &root),
        Command::Check => check(&catalog, &root),
        Command::List => print(&list(&catalog)),
        Command::Reach => print(&coverage::reach(&catalog, &catalog.all_rows())),
        Command::Requests | Command::Answers | Command::Metrics => Ok(()),
    }
}

/// One JSON object a line: what the templates' alarms and the costs are checked against.
fn print_metrics() {
    let line = |function: &str, (name, least): (&str, Monitoring)| {
        println!("{}", json!({"function": function, "name": name, "minimal": least == Monitoring::Minimal}));
    };
    TAG_HANDLER.names().for_each(|metric| line("tag-handler", metric));
    SESSION_RECORDER.names().for_each(|metric| line("session-recorder", metric));
}

/// Every row, a line each.
fn list(catalog: &Catalog) -> String {
    let line = |row: Row| {
        let format = row.formats.first().map_or("-", String::as_str);
        format!(
            "{}\t{}\t{}\t{format}\t{:?}\t{}\t{}\t{}\t{}\n",
            row.source,
            row.event_name,
            row.resource_type,
            row.because,
            row.registered.as_deref().unwrap_or("-"),
            row.upsert,
            row.from.0,
            row.places.join(" | ")
        )
    };
    catalog.all_rows().into_iter().map(line).collect()
}

/// Whoever reads only the first lines wants no more.
fn print(text: &str) -> Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// The event files of generated rows.
const EVENTS: &str = "events/modelled";

/// Every derived file, by its path below the repository.
fn derived(catalog: &Catalog, rows: &[Row]) -> BTreeMap<PathBuf, String> {
    let mut files = BTreeMap::from([
        (PathBuf::from("crates/core/src/table/generated/services.rs"), emit::rust(catalog, rows)),
        (PathBuf::from("crates/core/src/table/generated/operations.rs"), emit::operations(catalog, rows)),
        (PathBuf::from("crates/core/src/table/generated/arn_formats.rs"), emit::arn_formats(catalog)),
        (PathBuf::from("crates/core/src/table/generated/evidence.rs"), emit::evidence()),
        (PathBuf::from("crates/catalog/COVERAGE.md"), coverage::page(catalog, &catalog.all_rows())),
    ]);
    let events = events(catalog, rows).into_iter();
    files.extend(events.map(|(source, text)| (Path::new(EVENTS).join(format!("{source}.json")), text)));
    files
}

fn generate(catalog: &Catalog, root: &Path) -> Result<()> {
    let files = derived(catalog, &catalog.rows());
    for left in left_over(root, &files)? {
        fs::remove_file(root.join(left))?;
    }
    for (path, text) in files {
        let path = root.join(path);
        // What does not change is not built again.
        if fs::read_to_string(&path).ok().as_deref() != Some(&text) {
            fs::write(&path, text).with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}

/// Names everything that is wrong, not only the first.
fn check(catalog: &Catalog, root: &Path) -> Result<()> {
    let rows = catalog.rows();
    let files = derived(catalog, &rows);
    let mut wrong: Vec<String> = left_over(root, &files)?
        .iter()
        .map(|path| format!("{} is left over", path.display()))
        .chain(files.iter().filter_map(|(path, text)| {
            let differs = fs::read_to_string(root.join(path)).ok().as_ref() != Some(text);
            differs.then(|| format!("{} differs from what the packages give", path.display()))
        }))
        .collect();
    if !wrong.is_empty() {
        wrong.push("run `make generate`".to_owned());
    }
    let faults =
        rows.iter().filter(|row| sample::is_tried(row)).filter_map(|row| sample::fault(catalog, row));
    wrong.extend(faults.map(|fault| format!("the models contradict a row: {fault}")));
    let stale = stale::stale_overrides(catalog, &catalog.all_rows());
    wrong.extend(stale.iter().map(|one| format!("an override overrides nothing: {one}")));
    let contradictions = probed::contradictions(&catalog.probed, &catalog.all_rows());
    wrong.extend(contradictions.iter().map(|one| format!("a probe of AWS contradicts: {one}")));
    match wrong.is_empty() {
        true => Ok(()),
        false => bail!("{}", wrong.join("\n")),
    }
}

/// Event files of sources that have no generated row any more.
fn left_over(root: &Path, files: &BTreeMap<PathBuf, String>) -> Result<BTreeSet<PathBuf>> {
    let folder = root.join(EVENTS);
    let there = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    let mut left = BTreeSet::new();
    for file in there {
        let path = Path::new(EVENTS).join(file?.file_name());
        if !files.contains_key(&path) {
            left.insert(path);
        }
    }
    Ok(left)
}

/// The files of `events/modelled`: one record per line, like CloudTrail's own files.
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
