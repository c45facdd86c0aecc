//! What of a history is read so far, in a folder beside the reduction: the same command goes on with it.
//!
//! A unit (a day of a Region, the look-up of a session) counts once its line is in `units.jsonl`. Its records are
//! written before; what an interrupted run wrote of a unit that did not become whole is cut off.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The folder of a history that is being read.
pub(super) struct Store {
    folder: PathBuf,
    units: File,
    parts: BTreeMap<String, Part>,
}

/// The units of a Region, or of sessions, and the file with their records.
#[derive(Default)]
struct Part {
    file: Option<File>,
    bytes: u64,
    units: BTreeSet<String>,
}

/// The first line of `units.jsonl`: of what the folder is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    /// What was asked for, in words: account, Regions, time.
    pub(super) asked: String,
    /// Seconds since 1970, both included.
    pub(super) since: i64,
    pub(super) until: i64,
}

/// Another line of it.
#[derive(Serialize, Deserialize)]
struct Unit {
    part: String,
    unit: String,
    /// Length of the part's file with it.
    bytes: u64,
}

const UNITS: &str = "units.jsonl";

impl Store {
    /// Opens the folder, or makes it. Gives its head, too: that of the run which made it.
    pub(super) fn open(folder: &Path, head: Head) -> Result<(Self, Head), String> {
        let said = |error: io::Error| format!("{}: {error}", folder.display());
        fs::create_dir_all(folder).map_err(said)?;
        let path = folder.join(UNITS);
        let (known, parts, good) = read(&path).map_err(said)?;
        if let Some(other) = known.as_ref().filter(|known| known.asked != head.asked) {
            return Err(format!(
                "{} is of another history ({}): finish that, or delete the folder",
                folder.display(),
                other.asked
            ));
        }
        let mut units = OpenOptions::new().create(true).append(true).read(true).open(&path).map_err(said)?;
        units.set_len(good).map_err(said)?;
        if known.is_none() {
            write_line(&mut units, &head).map_err(said)?;
        }
        let mut store = Self { folder: folder.to_owned(), units, parts };
        store.cut().map_err(said)?;
        Ok((store, known.unwrap_or(head)))
    }

    /// Cuts off what does not belong to whole units.
    fn cut(&mut self) -> io::Result<()> {
        for (name, part) in &mut self.parts {
            let file = open_part(&self.folder, name)?;
            if file.metadata()?.len() < part.bytes {
                let reason = format!("{name}.jsonl is shorter than {UNITS} says: delete the folder");
                return Err(io::Error::other(reason));
            }
            file.set_len(part.bytes)?;
            part.file = Some(file);
        }
        Ok(())
    }

    /// The whole units of a part.
    pub(super) fn units(&self, part: &str) -> BTreeSet<String> {
        self.parts.get(part).map(|part| part.units.clone()).unwrap_or_default()
    }

    /// A unit is whole: these are its records.
    pub(super) fn keep(&mut self, name: &str, unit: &str, lines: &[String]) -> io::Result<()> {
        let part = self.parts.entry(name.to_owned()).or_default();
        let file = match &mut part.file {
            Some(file) => file,
            none => none.insert(open_part(&self.folder, name)?),
        };
        let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        file.write_all(text.as_bytes())?;
        file.sync_data()?;
        part.bytes = part.bytes.saturating_add(u64::try_from(text.len()).unwrap_or(u64::MAX));
        part.units.insert(unit.to_owned());
        write_line(&mut self.units, &Unit { part: name.to_owned(), unit: unit.to_owned(), bytes: part.bytes })
    }

    /// Gives every record so far.
    pub(super) fn records(&self, mut take: impl FnMut(&str) -> io::Result<()>) -> io::Result<()> {
        for path in self.files() {
            for line in BufReader::new(File::open(path)?).lines() {
                take(&line?)?;
            }
        }
        Ok(())
    }

    /// The files that have records.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let parts = self.parts.iter().filter(|(_, part)| part.bytes > 0);
        parts.map(|(name, _)| part_path(&self.folder, name)).collect()
    }

    /// Deletes the folder.
    pub(super) fn delete(self) -> io::Result<()> {
        fs::remove_dir_all(&self.folder)
    }
}

/// Head and parts, and the bytes up to the last good line: an interrupted run may have cut the last one.
fn read(path: &Path) -> io::Result<(Option<Head>, BTreeMap<String, Part>, u64)> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    let (mut head, mut parts, mut good) = (None, BTreeMap::<String, Part>::new(), 0_usize);
    for (nth, line) in text.split_inclusive('\n').enumerate() {
        let is_whole = line.ends_with('\n');
        if !is_whole {
            break;
        }
        let bad = |error| io::Error::other(format!("line {} of {UNITS}: {error}", nth.saturating_add(1)));
        match nth {
            0 => head = Some(serde_json::from_str(line).map_err(bad)?),
            _ => {
                let Unit { part, unit, bytes } = serde_json::from_str(line).map_err(bad)?;
                let part = parts.entry(part).or_default();
                part.bytes = bytes;
                part.units.insert(unit);
            }
        }
        good = good.saturating_add(line.len());
    }
    Ok((head, parts, u64::try_from(good).unwrap_or(u64::MAX)))
}

fn part_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.jsonl"))
}

fn open_part(folder: &Path, name: &str) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(part_path(folder, name))
}

fn write_line(file: &mut File, value: &impl Serialize) -> io::Result<()> {
    let line = serde_json::to_string(value)?;
    file.write_all(format!("{line}\n").as_bytes())?;
    file.sync_data()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(asked: &str) -> Head {
        Head { asked: asked.into(), since: 0, until: 86_400 }
    }

    fn records(store: &Store) -> Vec<String> {
        let mut all = Vec::new();
        let mut take = |line: &str| {
            all.push(line.to_owned());
            Ok(())
        };
        store.records(&mut take).expect("readable");
        all
    }

    #[test]
    fn only_whole_units_are_there_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("parts");
        let (mut store, _) = Store::open(&path, head("all")).expect("a store");
        store.keep("eu-west-1", "2026-05-04", &["a".into(), "b".into()]).expect("writable");
        store.keep("sessions", "AROAX:ann", &[]).expect("writable");
        drop(store);
        // As an interruption leaves them: records without their unit, and half a line.
        let append = |name: &str, text: &str| {
            let file = OpenOptions::new().append(true).open(path.join(name));
            file.and_then(|mut file| file.write_all(text.as_bytes())).expect("writable");
        };
        append("eu-west-1.jsonl", "c\n");
        append(UNITS, r#"{"part":"eu-west-1","un"#);
        let (mut store, _) = Store::open(&path, head("all")).expect("a store");
        assert_eq!(records(&store), ["a", "b"]);
        store.keep("eu-west-1", "2026-05-03", &["d".into()]).expect("writable");
        let (store, _) = Store::open(&path, head("all")).expect("a store");
        assert_eq!(records(&store), ["a", "b", "d"]);
        assert_eq!(store.units("eu-west-1").len(), 2);
        store.delete().expect("deletable");
        assert!(!path.exists());
    }

    #[test]
    fn a_run_goes_on_with_its_own_time_and_with_no_other_history() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = head("90d of eu-west-1");
        Store::open(folder.path(), first.clone()).expect("a store");
        let later = Head { until: 90_000, ..first.clone() };
        let (_, known) = Store::open(folder.path(), later).expect("a store");
        assert_eq!(known, first);
        let error = Store::open(folder.path(), head("30d")).err().expect("another history");
        assert!(error.contains("90d of eu-west-1"), "{error}");
    }
}
