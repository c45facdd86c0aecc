//! All resources as the page's script reads them: columns of numbers with the texts that they stand for, as JSON, packed
//! with gzip, in Base64, which cannot end a script or hold a tag.

use std::io::Write as _;

use aws_tags::audit::{State, TagOrigin};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;

use super::rows::{Row, Rows, Texts};
use super::{Hidden, words};

/// What the script takes for no number.
const NONE: i64 = -1;

/// Packs all resources into a JSON string.
pub(super) fn pack(rows: &Rows, hidden: Hidden) -> std::io::Result<String> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    serde_json::to_writer(&mut gzip, &Data::of(rows, hidden))?;
    gzip.flush()?;
    Ok(format!("\"{}\"", STANDARD.encode(gzip.finish()?)))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    /// Whether an empty value is one that is not told.
    values_hidden: bool,
    states: Vec<Word>,
    origins: Vec<Word>,
    texts: AllTexts<'a>,
    columns: Columns<'a>,
}

/// A word of an audit, and what it means.
#[derive(Serialize)]
struct Word {
    id: &'static str,
    label: &'static str,
    meaning: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AllTexts<'a> {
    prefixes: Vec<&'a str>,
    types: Vec<&'a str>,
    accounts: Vec<&'a str>,
    regions: Vec<&'a str>,
    owners: Vec<&'a str>,
    reasons: Vec<&'a str>,
    event_names: Vec<&'a str>,
    principals: Vec<&'a str>,
    files: Vec<&'a str>,
    keys: Vec<&'a str>,
    values: Vec<&'a str>,
    runs: Vec<&'a str>,
    /// Numbers of key, value, origin and run.
    tags: Vec<[i64; 4]>,
    tag_sets: Vec<&'a [usize]>,
    key_sets: Vec<&'a [usize]>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Columns<'a> {
    prefix: Vec<usize>,
    rest: Vec<&'a str>,
    #[serde(rename = "type")]
    resource_type: Vec<usize>,
    account: Vec<usize>,
    region: Vec<usize>,
    state: Vec<usize>,
    owner: Vec<i64>,
    guess: Vec<i64>,
    reason: Vec<i64>,
    missing: Vec<usize>,
    tags: Vec<usize>,
    created: Vec<i64>,
    event: Vec<&'a str>,
    event_name: Vec<i64>,
    principal: Vec<i64>,
    file: Vec<i64>,
}

impl<'a> Data<'a> {
    fn of(rows: &'a Rows, hidden: Hidden) -> Self {
        let state = |state: State| Word {
            id: state.as_str(),
            label: words::state(state),
            meaning: words::meaning(state),
        };
        let origin =
            |origin: TagOrigin| Word { id: origin.as_str(), label: words::origin(origin), meaning: "" };
        Self {
            values_hidden: hidden.hide_values,
            states: State::ALL.map(state).into(),
            origins: TagOrigin::ALL.map(origin).into(),
            texts: AllTexts::of(rows),
            columns: Columns::of(&rows.rows),
        }
    }
}

impl<'a> AllTexts<'a> {
    fn of(rows: &'a Rows) -> Self {
        let tags = rows.tags.iter();
        Self {
            prefixes: list(&rows.prefixes),
            types: list(&rows.types),
            accounts: list(&rows.accounts),
            regions: list(&rows.regions),
            owners: list(&rows.owners),
            reasons: list(&rows.reasons),
            event_names: list(&rows.event_names),
            principals: list(&rows.principals),
            files: list(&rows.files),
            keys: list(&rows.keys),
            values: list(&rows.values),
            runs: list(&rows.runs),
            tags: tags
                .map(|tag| [signed(tag.key), signed(tag.value), tag.from as i64, optional(tag.run)])
                .collect(),
            tag_sets: rows.tag_sets.iter().map(Vec::as_slice).collect(),
            key_sets: rows.key_sets.iter().map(Vec::as_slice).collect(),
        }
    }
}

impl<'a> Columns<'a> {
    fn of(rows: &'a [Row]) -> Self {
        let creation = |row: &'a Row| row.creation.as_ref();
        let guess = |row: &'a Row| row.guess.as_ref();
        Self {
            prefix: column(rows, |row| row.prefix),
            rest: column(rows, |row| row.rest.as_str()),
            resource_type: column(rows, |row| row.resource_type),
            account: column(rows, |row| row.account),
            region: column(rows, |row| row.region),
            state: column(rows, |row| row.state as usize),
            owner: column(rows, |row| optional(row.owner)),
            guess: column(rows, |row| optional(guess(row).map(|guess| guess.owner))),
            reason: column(rows, |row| optional(guess(row).map(|guess| guess.reason))),
            missing: column(rows, |row| row.missing),
            tags: column(rows, |row| row.tags),
            created: column(rows, |row| creation(row).map_or(NONE, |creation| creation.at)),
            event: column(rows, |row| creation(row).map_or("", |creation| creation.event.as_str())),
            event_name: column(rows, |row| optional(creation(row).map(|creation| creation.event_name))),
            principal: column(rows, |row| optional(creation(row).map(|creation| creation.principal))),
            file: column(rows, |row| optional(creation(row).and_then(|creation| creation.file))),
        }
    }
}

fn column<'a, T>(rows: &'a [Row], of: impl Fn(&'a Row) -> T) -> Vec<T> {
    rows.iter().map(of).collect()
}

fn list(texts: &Texts) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

fn optional(number: Option<usize>) -> i64 {
    number.map_or(NONE, signed)
}

fn signed(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
