//! Finds and reads records, in every form that CloudTrail, EventBridge and their tools give them.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use aws_tags::Event;
use clap::Args;
use flate2::read::MultiGzDecoder;
use serde_json::Value;

use crate::console::complain;

/// Where records come from.
#[derive(Args)]
pub(crate) struct Input {
    /// Files, folders (every .json and .json.gz inside), or `-` for standard input. Records may
    /// be bare, in EventBridge events, in `{"Records": […]}`, in the answer of `aws cloudtrail
    /// lookup-events`, one or many in a file, gzipped or not.
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
}

/// A record and its file, as the user named it.
pub(crate) struct Record {
    /// Path, or `-`.
    pub(crate) file: String,
    pub(crate) event: Event,
}

/// The records of all paths. Input that cannot be read is reported on standard error, one line each,
/// and does not stop the rest.
pub(crate) struct Records {
    /// In the order of paths, sorted by name within folders.
    pub(crate) records: Vec<Record>,
    /// Whether all input was good.
    pub(crate) all_good: bool,
}

impl Records {
    pub(crate) fn read(paths: &[PathBuf]) -> Self {
        let mut all = Self { records: Vec::new(), all_good: true };
        for path in paths {
            if path.is_dir() {
                all.add_folder(path);
            } else {
                all.add_file(path);
            }
        }
        all
    }

    fn add_folder(&mut self, folder: &Path) {
        let before = self.records.len();
        let was_all_good = self.all_good;
        for entry in walkdir::WalkDir::new(folder).sort_by_file_name() {
            match entry {
                Ok(entry) if entry.file_type().is_file() && may_hold_records(entry.path()) => {
                    self.add_file(entry.path());
                }
                Ok(_) => {}
                Err(error) => {
                    let path = error.path().unwrap_or(folder).display().to_string();
                    let reason = error.io_error().map_or_else(|| error.to_string(), io::Error::to_string);
                    self.reject(&path, &reason);
                }
            }
        }
        if self.records.len() == before && self.all_good == was_all_good {
            self.reject(
                &folder.display().to_string(),
                "no .json or .json.gz file with CloudTrail records inside",
            );
        }
    }

    fn add_file(&mut self, path: &Path) {
        let file = path.display().to_string();
        let text = match read(path) {
            Ok(text) => text,
            Err(error) => return self.reject(&file, &error.to_string()),
        };
        let mut values = serde_json::Deserializer::from_slice(&text).into_iter::<Value>();
        let mut found = 0;
        for value in &mut values {
            match value {
                Ok(value) => found += self.add_value(&file, value),
                Err(error) => {
                    let what = if error.is_eof() { "JSON ends too early" } else { "not JSON" };
                    return self.reject(&file, &format!("{what}: {error}"));
                }
            }
        }
        if found == 0 {
            self.reject(&file, "no CloudTrail record: the file is empty");
        }
    }

    /// Adds the records in a JSON value, and returns how many there are, good or bad.
    fn add_value(&mut self, file: &str, value: Value) -> usize {
        match unpacked(value) {
            Ok(values) => {
                let count = values.len();
                for (nth, value) in values.into_iter().enumerate() {
                    match Event::from_json(value) {
                        Ok(event) => self.records.push(Record { file: file.to_owned(), event }),
                        Err(error) if count == 1 => self.reject(file, &error.to_string()),
                        Err(error) => self.reject(file, &format!("record {}: {error}", nth + 1)),
                    }
                }
                // An empty list of records is good input: CloudTrail delivers such files.
                count.max(1)
            }
            Err(reason) => {
                self.reject(file, &reason);
                1
            }
        }
    }

    fn reject(&mut self, file: &str, reason: &str) {
        self.all_good = false;
        complain(&format!("{file}: {reason}"));
    }
}

fn may_hold_records(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.ends_with(".json") || name.ends_with(".json.gz")
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        io::stdin().lock().read_to_end(&mut bytes)?;
    } else {
        File::open(path)?.read_to_end(&mut bytes)?;
    }
    if !bytes.starts_with(&GZIP) {
        return Ok(bytes);
    }
    let mut text = Vec::new();
    MultiGzDecoder::new(bytes.as_slice())
        .read_to_end(&mut text)
        .map_err(|error| io::Error::new(error.kind(), format!("broken gzip: {error}")))?;
    Ok(text)
}

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The records in a JSON value: a list of them, `{"Records": […]}` of a trail's files, the
/// `{"Events": [{"CloudTrailEvent": "…"}]}` of `lookup-events`, or one.
fn unpacked(value: Value) -> Result<Vec<Value>, String> {
    let Value::Object(mut fields) = value else {
        return match value {
            Value::Array(values) => Ok(values),
            other => Ok(vec![other]),
        };
    };
    if let Some(Value::Array(records)) = fields.remove("Records") {
        return records.into_iter().map(unquoted).collect();
    }
    match fields.remove("Events") {
        Some(Value::Array(events)) => events.into_iter().map(unquoted).collect(),
        _ => Ok(vec![unquoted(Value::Object(fields))?]),
    }
}

/// Tools put records into strings: `CloudTrailEvent` of `lookup-events`, `body` of SQS messages.
fn unquoted(value: Value) -> Result<Value, String> {
    for key in ["CloudTrailEvent", "body"] {
        if let Some(text) = value.get(key).and_then(Value::as_str) {
            return serde_json::from_str(text).map_err(|error| format!("`{key}` is not JSON: {error}"));
        }
    }
    Ok(value)
}
