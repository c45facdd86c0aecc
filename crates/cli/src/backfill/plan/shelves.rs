//! The deploys of a run by what they are found by, and how far its history goes: who deployed at a time is only known of
//! a time that it covers.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use aws_tags::Event;
use aws_tags::backfill::deploys::may_be_of_any_region;
use aws_tags::record::timestamp;
use aws_tags::stacks::{Deploy, Shelf};
use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, PrimitiveDateTime};

use super::super::disk::{private_file, replace};
use super::glance::Call;
use super::shards::lines;

/// The file of all deploys: by line the hash of the shelf, seconds, and JSON.
const NAME: &str = "deploys.log";
/// What stands before the JSON of a line, but for the seconds.
const HASH_DIGITS: usize = 16;

/// A deploy in the file.
#[derive(Clone, Serialize, Deserialize)]
struct OnShelf {
    shelf: String,
    deploy: Deploy,
}

/// Where a deploy is in the file.
#[derive(Clone, Copy)]
struct Place {
    /// Seconds.
    at: i64,
    offset: u64,
    length: usize,
}

/// The file, and where in it each shelf is: all of it that is in memory, 24 bytes for each deploy on a shelf. By the hash
/// of the shelf; by time, then as they were put there.
#[derive(Default)]
struct Log {
    out: Option<BufWriter<File>>,
    file: Option<File>,
    end: u64,
    places: HashMap<u64, Vec<Place>>,
    /// Change sets that were executed by their ARN alone.
    unnamed: BTreeSet<String>,
}

/// What a history has of an account.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Covered {
    #[serde(with = "timestamp::required")]
    since: OffsetDateTime,
    regions: BTreeSet<String>,
}

/// How far a history goes, by account: surely since its first call, in the Regions that it has calls of.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Cover {
    /// Whether Regions were left out.
    in_part: bool,
    accounts: BTreeMap<String, Covered>,
}

impl Cover {
    pub(super) fn new(in_part: bool) -> Self {
        Self { in_part, ..Self::default() }
    }

    /// A creation or deploy of the history. Sessions are looked for beyond it.
    pub(super) fn take(&mut self, call: &Call<'_>) {
        let Some(at) = call.at.filter(|_| !call.account.is_empty()) else { return };
        let new = || Covered { since: at, regions: BTreeSet::new() };
        if !self.accounts.contains_key(&*call.account) {
            self.accounts.insert(call.account.to_string(), new());
        }
        let Some(covered) = self.accounts.get_mut(&*call.account) else { return };
        covered.since = covered.since.min(at);
        if !covered.regions.contains(&*call.region) {
            covered.regions.insert(call.region.to_string());
        }
    }

    pub(super) fn save(&self, folder: &Path) -> io::Result<()> {
        replace(&path(folder), |file| serde_json::to_writer(file, self).map_err(io::Error::from))
    }

    fn of(folder: &Path) -> Self {
        let text = std::fs::read(path(folder)).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Whether all deploys of an account since that time are in it, of each Region if need be.
    fn has_all(&self, account: &str, since: OffsetDateTime, of_any_region: bool) -> bool {
        let Some(covered) = self.accounts.get(account) else { return false };
        let has_others = !self.in_part && covered.regions.len() > 1;
        covered.since <= since && (has_others || !of_any_region)
    }
}

fn path(folder: &Path) -> PathBuf {
    folder.join("cover.json")
}

/// Deploys by shelf, from the disk when they are asked for.
pub(super) struct Shelves {
    path: PathBuf,
    cover: Cover,
    /// Open once something is put there or asked.
    log: RefCell<Option<Log>>,
    /// Whether what is being planned may be of a stack of any Region.
    of_any_region: Cell<bool>,
}

impl Shelves {
    pub(super) fn of(folder: &Path) -> Self {
        let (path, cover) = (folder.join(NAME), Cover::of(folder));
        Self { path, cover, log: RefCell::default(), of_any_region: Cell::default() }
    }

    /// Those of this run, begun anew.
    pub(super) fn begin(&self) -> io::Result<()> {
        let out = BufWriter::new(private_file(&self.path, true)?);
        *self.log.borrow_mut() = Some(Log { out: Some(out), ..Log::open(&self.path)? });
        Ok(())
    }

    pub(super) fn end(&self) -> io::Result<()> {
        let out = self.log.borrow_mut().as_mut().and_then(|log| log.out.take());
        out.map_or(Ok(()), |out| out.into_inner()?.sync_all())
    }

    /// The event that is planned next.
    pub(super) fn turn_to(&self, event: &Event) {
        self.of_any_region.set(may_be_of_any_region(event));
    }

    pub(super) fn put(&self, deploy: &Deploy) -> io::Result<()> {
        let mut log = self.log.borrow_mut();
        let Some(log) = log.as_mut() else { return Ok(()) };
        for shelf in deploy.shelves() {
            let name = name(&shelf, deploy.at);
            if deploy.stack.is_none() && matches!(shelf, Shelf::OfChangeSet(_)) {
                log.unnamed.insert(name.clone());
            }
            log.put(OnShelf { shelf: name, deploy: deploy.clone() })?;
        }
        Ok(())
    }

    /// The latest of a shelf, and no more than that many. None where others may be missing among them.
    pub(super) fn find(
        &self,
        shelf: &Shelf,
        (from, to): (OffsetDateTime, OffsetDateTime),
        most: usize,
    ) -> io::Result<Vec<Deploy>> {
        // Change sets find each other once all are here.
        if matches!(shelf, Shelf::OfChangeSet(_)) {
            return Ok(Vec::new());
        }
        if let Shelf::OfAccount(account) = shelf
            && !self.cover.has_all(account, from, self.of_any_region.get())
        {
            return Ok(Vec::new());
        }
        let mut log = self.log.borrow_mut();
        let log = match log.as_mut() {
            Some(log) => log,
            None => log.insert(Log::open(&self.path)?),
        };
        let mut names: Vec<String> =
            days(from, to).map(|day| name(shelf, day)).chain([name(shelf, to)]).collect();
        names.dedup();
        let mut found = Vec::new();
        for name in names.iter().rev() {
            log.find(name, (from, to), most, &mut found)?;
        }
        Ok(found)
    }

    /// The deploys of each change set that was executed by its ARN alone.
    pub(super) fn change_sets(&self) -> io::Result<Vec<Vec<Deploy>>> {
        let mut log = self.log.borrow_mut();
        let Some(log) = log.as_mut() else { return Ok(Vec::new()) };
        let always = (PrimitiveDateTime::MIN.assume_utc(), PrimitiveDateTime::MAX.assume_utc());
        let unnamed = std::mem::take(&mut log.unnamed);
        let of = |name: String| {
            let mut deploys = Vec::new();
            log.find(&name, always, usize::MAX, &mut deploys).map(|()| deploys)
        };
        unnamed.into_iter().map(of).collect()
    }
}

impl Log {
    /// What is there, if anything is.
    fn open(path: &Path) -> io::Result<Self> {
        let mut log = Self::default();
        lines(path, &mut |line| {
            let text = str::from_utf8(line).map_err(io::Error::other)?;
            let (hash, rest) = text.split_at_checked(HASH_DIGITS).unwrap_or_default();
            let at = rest.trim_start().split(' ').next().and_then(|at| at.parse().ok());
            if let (Ok(hash), Some(at)) = (u64::from_str_radix(hash, 16), at) {
                log.add(hash, at, line.len());
            }
            Ok(())
        })?;
        log.file = File::open(path).map(Some).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Ok(None),
            _ => Err(error),
        })?;
        Ok(log)
    }

    /// A line at the end.
    fn add(&mut self, hash: u64, at: i64, length: usize) {
        let offset = self.end;
        let places = self.places.entry(hash).or_default();
        let nth = places.partition_point(|place| place.at <= at);
        places.insert(nth, Place { at, offset, length });
        self.end = offset.saturating_add(u64::try_from(length).unwrap_or(u64::MAX)).saturating_add(1);
    }

    fn put(&mut self, on_shelf: OnShelf) -> io::Result<()> {
        let (hash, at) = (hash(&on_shelf.shelf), on_shelf.deploy.at.unix_timestamp());
        let line = format!("{hash:016x} {at} {}", serde_json::to_string(&on_shelf)?);
        let Some(out) = self.out.as_mut() else { return Ok(()) };
        writeln!(out, "{line}")?;
        self.add(hash, at, line.len());
        Ok(())
    }

    /// Adds the latest of a shelf, until there are so many. Of an event counts what was put there last.
    fn find(
        &mut self,
        name: &str,
        (from, to): (OffsetDateTime, OffsetDateTime),
        most: usize,
        found: &mut Vec<Deploy>,
    ) -> io::Result<()> {
        let places = self.places.get(&hash(name)).map(Vec::as_slice).unwrap_or_default();
        let (from, to) = (from.unix_timestamp(), to.unix_timestamp());
        let start = places.partition_point(|place| place.at < from);
        let end = places.partition_point(|place| place.at <= to);
        let Some(file) = self.file.as_mut().filter(|_| start < end) else { return Ok(()) };
        self.out.as_mut().map_or(Ok(()), Write::flush)?;
        let mut seen = HashSet::new();
        for place in places.get(start..end).unwrap_or_default().iter().rev() {
            if found.len() >= most {
                break;
            }
            let mut line = vec![0; place.length];
            file.seek(SeekFrom::Start(place.offset))?;
            file.read_exact(&mut line)?;
            let json = line.splitn(3, |byte| *byte == b' ').nth(2).unwrap_or_default();
            let OnShelf { shelf, deploy } = serde_json::from_slice(json)?;
            if shelf == name && seen.insert(deploy.event_id.clone()) {
                found.push(deploy);
            }
        }
        Ok(())
    }
}

/// Takes the deploys away that nobody needs any more.
pub(super) fn remove(folder: &Path) -> io::Result<()> {
    match std::fs::remove_file(folder.join(NAME)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn hash(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

/// The name of a shelf in the file. All of an account are too many for one.
fn name(shelf: &Shelf, at: OffsetDateTime) -> String {
    match shelf {
        Shelf::OfAccount(_) => format!("{shelf}#{}", at.date()),
        _ => shelf.to_string(),
    }
}

fn days(from: OffsetDateTime, to: OffsetDateTime) -> impl Iterator<Item = OffsetDateTime> {
    std::iter::successors(Some(from), |day| day.checked_add(time::Duration::DAY))
        .take_while(move |day| *day < to)
}
