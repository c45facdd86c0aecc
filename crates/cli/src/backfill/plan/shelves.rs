//! The deploys of a run by what they are found by, and how far its history goes: who deployed at a time is only known of
//! a time that it covers.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use aws_tags::Event;
use aws_tags::backfill::deploys::may_be_of_any_region;
use aws_tags::record::timestamp;
use aws_tags::stacks::{Deploy, Shelf};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::super::run::replace;
use super::shards::{self, Shards, shard_of};

/// The parts of deploys.
const NAME: &str = "shelves";
/// Lines of parts in memory at once.
const IN_MEMORY: usize = 8 << 20;

/// A deploy in its part.
#[derive(Clone, Serialize, Deserialize)]
struct OnShelf {
    shelf: String,
    deploy: Deploy,
}

/// By time and event: what is known of one later replaces what was.
type ByTime = BTreeMap<(OffsetDateTime, String), Deploy>;

struct Part {
    shard: usize,
    bytes: usize,
    shelves: BTreeMap<String, ByTime>,
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

    /// A call of the history. Sessions are none: they are looked for beyond it.
    pub(super) fn take(&mut self, event: &Event) {
        let (Some(account), Some(at)) = (event.account(), event.time()) else { return };
        let new = || Covered { since: at, regions: BTreeSet::new() };
        let covered = self.accounts.entry(account.into_owned()).or_insert_with(new);
        covered.since = covered.since.min(at);
        if !covered.regions.contains(event.region()) {
            covered.regions.insert(event.region().to_owned());
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
    folder: PathBuf,
    cover: Cover,
    /// While they are put there.
    new: RefCell<Option<Shards>>,
    /// The latest used last.
    parts: RefCell<Vec<Part>>,
    /// Whether what is being planned may be of a stack of any Region.
    of_any_region: Cell<bool>,
}

impl Shelves {
    pub(super) fn of(folder: &Path) -> Self {
        let (new, parts, of_any_region) = (RefCell::default(), RefCell::default(), Cell::default());
        Self { folder: folder.to_owned(), cover: Cover::of(folder), new, parts, of_any_region }
    }

    /// Those of this run, begun anew.
    pub(super) fn begin(&self) -> io::Result<()> {
        *self.new.borrow_mut() = Some(Shards::open(&self.folder, NAME, &[])?);
        Ok(())
    }

    pub(super) fn end(&self) -> io::Result<()> {
        self.new.take().map_or(Ok(()), |mut new| new.settle().map(drop))
    }

    /// The event that is planned next.
    pub(super) fn turn_to(&self, event: &Event) {
        self.of_any_region.set(may_be_of_any_region(event));
    }

    pub(super) fn put(&self, deploy: &Deploy) -> io::Result<()> {
        let mut new = self.new.borrow_mut();
        let Some(new) = new.as_mut() else { return Ok(()) };
        for shelf in deploy.shelves() {
            let shelf = name(&shelf, deploy.at);
            let shard = shard_of(&shelf);
            let on_shelf = OnShelf { shelf, deploy: deploy.clone() };
            new.add(shard, &[&serde_json::to_vec(&on_shelf)?])?;
            if let Some(part) = self.parts.borrow_mut().iter_mut().find(|part| part.shard == shard) {
                part.put(on_shelf);
            }
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
        let mut found = Vec::new();
        let mut names: Vec<String> =
            days(from, to).map(|day| name(shelf, day)).chain([name(shelf, to)]).collect();
        names.dedup();
        for name in names.into_iter().rev() {
            self.load(shard_of(&name))?;
            let parts = self.parts.borrow();
            let of_shelf = parts.last().and_then(|part| part.shelves.get(&name));
            let of_shelf = of_shelf.into_iter().flat_map(BTreeMap::values).rev();
            let within = of_shelf.filter(|deploy| (from..=to).contains(&deploy.at));
            found.extend(within.take(most.saturating_sub(found.len())).cloned());
        }
        Ok(found)
    }

    /// Has a part in memory, as the last one.
    fn load(&self, shard: usize) -> io::Result<()> {
        let known = self.parts.borrow().iter().position(|part| part.shard == shard);
        let mut parts = self.parts.borrow_mut();
        if let Some(nth) = known {
            parts.get_mut(nth..).unwrap_or_default().rotate_left(1);
            return Ok(());
        }
        if let Some(new) = self.new.borrow_mut().as_mut() {
            new.flush(shard)?;
        }
        let part = self.part(shard)?;
        let bytes = |parts: &[Part]| parts.iter().map(|part| part.bytes).sum::<usize>();
        while !parts.is_empty() && bytes(&parts).saturating_add(part.bytes) > IN_MEMORY {
            parts.remove(0);
        }
        parts.push(part);
        Ok(())
    }

    fn part(&self, shard: usize) -> io::Result<Part> {
        let mut part = Part { shard, bytes: 0, shelves: BTreeMap::new() };
        shards::lines(&shards::path(&self.folder, NAME, shard), &mut |line| {
            part.bytes = part.bytes.saturating_add(line.len());
            part.put(serde_json::from_slice(line)?);
            Ok(())
        })?;
        Ok(part)
    }

    /// The deploys of each change set, a part at a time.
    pub(super) fn change_sets(&self, mut take: impl FnMut(&[Deploy]) -> io::Result<()>) -> io::Result<()> {
        for shard in 0..shards::SHARDS {
            if let Some(new) = self.new.borrow_mut().as_mut() {
                new.flush(shard)?;
            }
            let part = self.part(shard)?;
            let is_of_one = |name: &&String| name.starts_with(CHANGE_SET);
            for name in part.shelves.keys().filter(is_of_one) {
                let deploys: Vec<Deploy> =
                    part.shelves.get(name).into_iter().flatten().map(|(_, one)| one.clone()).collect();
                take(&deploys)?;
            }
        }
        Ok(())
    }
}

impl Part {
    fn put(&mut self, OnShelf { shelf, deploy }: OnShelf) {
        self.shelves.entry(shelf).or_default().insert((deploy.at, deploy.event_id.clone()), deploy);
    }
}

/// How the names of the shelves of change sets begin.
const CHANGE_SET: &str = "#change-set#";

/// The name of a shelf in its part. All of an account are too many for one.
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
