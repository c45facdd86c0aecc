//! The history of an account by `LookupEvents`: no trail is needed, and 90 days are kept.
//!
//! Read are all writing calls of each Region, and of sessions those that what was created leads to, each by one
//! look-up of its id: most records of an account are of sessions, and few of those created anything.

mod sessions;
mod store;
mod walk;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_tags::history::KEPT_FOR;
use aws_tags::record::{partition_of, timestamp};
use aws_tags_aws::{Asked, Aws, Error, LookupEvents, Page};
use futures_util::future::join_all;
use time::{Date, Duration, OffsetDateTime};

use super::reduce::{self, Counts, Reduced, Request};
use super::stop::Stop;
use crate::account::{AccessOptions, HISTORY_ATTEMPTS};
use crate::console::{End, INTERRUPTED, Progress, bad_input, complain};
use crate::interruption::Interruption;
use store::{Head, Store};

/// Where the global endpoint of STS is logged, and IAM.
const GLOBAL_REGION: &str = "us-east-1";

/// Which history is read.
pub(super) struct Wanted<'a> {
    pub(super) access: &'a AccessOptions,
    /// Empty for the Region of the configuration; `all` for all that are enabled.
    pub(super) regions: &'a [String],
    pub(super) last: Option<Duration>,
    pub(super) since: Option<OffsetDateTime>,
    pub(super) until: Option<OffsetDateTime>,
}

/// Why reading stopped before its end.
enum Stopped {
    /// Ctrl-C was pressed.
    Interrupted,
    /// A Region's history does not answer.
    Aws(String, Error),
    /// What was read cannot be kept.
    Files(io::Error),
}

/// A history that is being read.
struct Run<'a> {
    history: &'a LookupEvents,
    store: &'a RefCell<Store>,
    regions: Vec<String>,
    since: OffsetDateTime,
    until: OffsetDateTime,
    requests: Cell<u64>,
    /// The day at which each Region is.
    days: RefCell<BTreeMap<String, Date>>,
    bar: RefCell<Progress>,
    interrupted: &'a Cell<bool>,
}

/// What became of reading a history.
pub(super) enum Read {
    Whole(Counts, u64),
    /// It was said why. The same command goes on.
    Unfinished(End),
}

/// Reads a history into a reduction.
pub(super) fn reduce(wanted: &Wanted<'_>, file: &Path) -> io::Result<Read> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (aws, home, account) = match wanted.access.connect_to_account().await {
            Ok(found) => found,
            Err(reason) => return Ok(Read::Unfinished(bad_input(&reason))),
        };
        let regions = match regions(wanted.regions, &aws, &home).await {
            Ok(regions) => regions,
            Err(error) => {
                let reason = wanted.access.cannot("list the account's Regions", &aws, &error);
                return Ok(Read::Unfinished(bad_input(&reason)));
            }
        };
        let head = wanted.head(&account, &regions);
        let (store, head) = match Store::open(&folder_of(file), head) {
            Ok(opened) => opened,
            Err(reason) => return Ok(Read::Unfinished(bad_input(&reason))),
        };
        let (store, interrupted) = (RefCell::new(store), Cell::new(false));
        let history = LookupEvents::new(&aws, HISTORY_ATTEMPTS);
        let run = Run::new(&history, &store, &head, regions, &interrupted);
        let stops = {
            let (read, mut interruption) = (run.read(), Interruption::new()?);
            tokio::pin!(read);
            loop {
                tokio::select! {
                    stops = &mut read => break stops,
                    () = interruption.comes() => match interrupted.replace(true) {
                        false => complain("stopping after the calls under way; press Ctrl-C again to stop at once"),
                        true => std::process::exit(i32::from(INTERRUPTED)),
                    },
                }
            }
        };
        run.bar.borrow_mut().end();
        let requests = run.requests.get();
        if let Some(end) = say(&stops, file) {
            return Ok(Read::Unfinished(end));
        }
        let counts = write(&store.borrow(), wanted, file)?;
        store.into_inner().delete()?;
        Ok(Read::Whole(counts, requests))
    })
}

/// The folder of a reduction that is not whole.
fn folder_of(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".parts");
    file.with_file_name(name)
}

async fn regions(asked: &[String], aws: &Aws, home: &str) -> Result<Vec<String>, Error> {
    let regions: BTreeSet<String> = match asked {
        [] => BTreeSet::from([home.to_owned()]),
        [all] if all == "all" => {
            let enabled = aws_sdk_ec2::Client::new(aws.config()).describe_regions().send().await?;
            enabled.regions.unwrap_or_default().into_iter().filter_map(|region| region.region_name).collect()
        }
        some => some.iter().cloned().collect(),
    };
    Ok(regions.into_iter().collect())
}

/// Says why reading stopped, once for each reason; nothing if it did not.
fn say(stops: &[Stopped], file: &Path) -> Option<End> {
    let mut regions: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for stopped in stops {
        match stopped {
            Stopped::Interrupted => {}
            Stopped::Aws(region, error) => {
                let hint = match error.is_denied() {
                    true => "; allow yourself cloudtrail:LookupEvents",
                    false => AccessOptions::hint(error),
                };
                regions.entry(format!("{error}{hint}")).or_default().insert(region);
            }
            Stopped::Files(error) => drop(regions.entry(error.to_string()).or_default()),
        }
    }
    for (why, regions) in &regions {
        let regions = regions.iter().copied().collect::<Vec<_>>().join(", ");
        match regions.is_empty() {
            true => complain(why),
            false => complain(&format!("{regions}: cannot ask CloudTrail's history: {why}")),
        }
    }
    let is_interrupted = stops.iter().any(|stopped| matches!(stopped, Stopped::Interrupted));
    stops.first()?;
    complain(&format!("what was read is kept in {}", folder_of(file).display()));
    Some(if is_interrupted { End::Interrupted } else { End::Failed })
}

/// Makes a reduction of what the store has.
fn write(store: &Store, wanted: &Wanted<'_>, file: &Path) -> io::Result<Counts> {
    let sources: Vec<String> = store.files().iter().map(|path| path.display().to_string()).collect();
    let request =
        Request { sources: &sources, filter: Arc::default(), threads: Some(1), access: wanted.access };
    match reduce::to_file(&request, file, &Stop::default(), &Arc::default()) {
        Reduced::Kept(counts, report) if report.not_read() == 0 => Ok(counts),
        Reduced::Kept(..) => Err(io::Error::other("what was read of the history cannot be read again")),
        Reduced::Failed(reason) => Err(io::Error::other(reason)),
        Reduced::Interrupted => Err(io::Error::from(io::ErrorKind::Interrupted)),
    }
}

impl Wanted<'_> {
    fn head(&self, account: &str, regions: &[String]) -> Head {
        let now = OffsetDateTime::now_utc();
        let until = self.until.unwrap_or(now).min(now);
        let earliest = now.saturating_sub(KEPT_FOR);
        let ago = self.last.map(|last| now.saturating_sub(last));
        let since = self.since.or(ago).unwrap_or(earliest).max(earliest);
        // Not the times themselves: the same command is given later.
        let from = self
            .since
            .map(timestamp::format)
            .or_else(|| Some(format!("the last {} h", self.last?.whole_hours())));
        let from = from.unwrap_or_else(|| "90 days".to_owned());
        let to = self.until.map_or_else(|| "now".to_owned(), timestamp::format);
        let asked = format!("account {account}, {}, {from} until {to}", regions.join(", "));
        Head { asked, since: since.unix_timestamp(), until: until.unix_timestamp() }
    }
}

impl<'a> Run<'a> {
    fn new(
        history: &'a LookupEvents,
        store: &'a RefCell<Store>,
        head: &Head,
        regions: Vec<String>,
        interrupted: &'a Cell<bool>,
    ) -> Self {
        let at = |seconds| OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let (since, until) = (at(head.since), at(head.until));
        let days = days_between(since.date(), until.date()).saturating_mul(regions.len());
        Self {
            history,
            store,
            regions,
            since,
            until,
            requests: Cell::default(),
            days: RefCell::default(),
            bar: RefCell::new(Progress::of(days, "days of Regions")),
            interrupted,
        }
    }

    /// Everything that is left. Gives why it is not all, if it is not.
    async fn read(&self) -> Vec<Stopped> {
        let read = join_all(self.regions.iter().map(|region| walk::region(self, region))).await;
        let stops: Vec<Stopped> = read.into_iter().filter_map(Result::err).collect();
        if !stops.is_empty() {
            return stops;
        }
        sessions::find(self).await
    }

    /// A page, unless Ctrl-C was pressed.
    async fn page(&self, region: &str, asked: &Asked, next: Option<&str>) -> Result<Page, Stopped> {
        if self.interrupted.get() {
            return Err(Stopped::Interrupted);
        }
        self.requests.set(self.requests.get().saturating_add(1));
        self.history.page(region, asked, next).await.map_err(|error| Stopped::Aws(region.to_owned(), error))
    }

    /// A Region is read down to that day.
    fn progress(&self, region: &str, day: Date) {
        let mut days = self.days.borrow_mut();
        days.insert(region.to_owned(), day);
        let done = days.values().map(|day| days_between(*day, self.until.date())).sum::<usize>();
        self.bar.borrow_mut().set(u64::try_from(done).unwrap_or_default());
    }

    /// The Regions in which sessions may have begun: those that are read, and that of the global endpoint.
    fn regions_of_sessions(&self) -> Vec<String> {
        let is_global = self.regions.iter().any(|region| partition_of(region) == "aws");
        let global =
            Some(GLOBAL_REGION.to_owned()).filter(|global| is_global && !self.regions.contains(global));
        self.regions.iter().cloned().chain(global).collect()
    }
}

fn days_between(from: Date, to: Date) -> usize {
    let days = to.to_julian_day().saturating_sub(from.to_julian_day());
    usize::try_from(days).unwrap_or_default()
}
