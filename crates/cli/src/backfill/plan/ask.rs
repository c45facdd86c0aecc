//! The stage that asks AWS: what is there, with which tags, and since when.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::rc::Rc;

use aws_tags::backfill::asked::{Asking, asking, is_readable, leave, resource, settle};
use aws_tags::backfill::plan::State;
use aws_tags::backfill::verdict::Verdict;
use aws_tags::identity::IamIdentity;
use aws_tags::ports::{Batch, Failure, IamEntity, Lookups, Ports, PrincipalTags, Tagger};
use aws_tags::table::operation::Found;
use aws_tags::table::{Lookup, Read, Resource, Route};
use aws_tags::tags::TagMap;
use aws_tags::{Event, Settings};
use aws_tags_aws::{Aws, AwsLookups, AwsTagger, IamTags};
use futures_util::{StreamExt, stream};
use time::OffsetDateTime;

use super::super::disk::replace;
use super::Stop;
use super::judge::order;
use super::sessions::RunSessions;
use super::shards::{self, SHARDS};
use crate::console::Progress;

/// Resources that are asked about together.
const TOGETHER: usize = 100;
/// Questions under way at once. How often AWS is asked, its client decides.
const AT_ONCE: usize = 8;

/// The account that is asked.
pub(crate) struct Access {
    aws: Aws,
    pub(super) account: String,
    asks_iam: bool,
    /// Whether what is asked about now is of that account.
    is_own: Rc<Cell<bool>>,
}

/// A port that answers for its own account only: names mean other things in another.
pub(super) struct Own<T> {
    port: T,
    asks: bool,
    is_own: Rc<Cell<bool>>,
}

impl Access {
    pub(crate) fn new(aws: Aws, account: String, asks_iam: bool) -> Self {
        Self { aws, account, asks_iam, is_own: Rc::default() }
    }

    /// The ports for an event of whichever account.
    pub(super) fn ports(
        &self,
        sessions: RunSessions,
        settings: &Settings,
    ) -> Ports<RunSessions, Own<IamTags>, Own<AwsLookups>, Own<AwsTagger>> {
        Ports {
            sessions,
            principal_tags: self.own(IamTags::new(&self.aws), self.asks_iam),
            lookups: self.own(AwsLookups::new(&self.aws), true),
            tagger: self.own(AwsTagger::new(&self.aws, settings.at_launch), true),
        }
    }

    /// From now on, it is about this event.
    pub(super) fn turn_to(&self, event: &Event) {
        self.is_own.set(event.account().is_some_and(|account| account == self.account));
    }

    fn own<T>(&self, port: T, asks: bool) -> Own<T> {
        Own { port, asks, is_own: self.is_own.clone() }
    }
}

impl<T> Own<T> {
    fn asks(&self) -> Result<&T, Failure> {
        match self.asks && self.is_own.get() {
            true => Ok(&self.port),
            false => Err(Failure::not_found("nobody is asked")),
        }
    }
}

impl PrincipalTags for Own<IamTags> {
    async fn entity(&self, identity: &IamIdentity) -> Result<Option<IamEntity>, Failure> {
        self.asks()?.entity(identity).await
    }
}

impl Lookups for Own<AwsLookups> {
    async fn look_up(&self, lookup: &Lookup, created: Option<OffsetDateTime>) -> Result<Vec<Found>, Failure> {
        self.asks()?.look_up(lookup, created).await
    }
}

impl Tagger for Own<AwsTagger> {
    /// A plan writes nothing.
    async fn tag(&self, batch: &Batch) -> Vec<Result<Route, Failure>> {
        vec![Err(Failure::other("a plan writes nothing")); batch.resources.len()]
    }

    async fn read(&self, read: Read, region: &str, resources: &[Resource]) -> Vec<Result<TagMap, Failure>> {
        self.port.read(read, region, resources).await
    }

    async fn parent_tags(&self, parent: &Resource) -> Result<Option<TagMap>, Failure> {
        match self.asks() {
            Ok(port) => port.parent_tags(parent).await,
            Err(_) => Ok(None),
        }
    }

    async fn creation_time(&self, resource: &Resource) -> Result<Option<OffsetDateTime>, Failure> {
        self.port.creation_time(resource).await
    }
}

/// Asks about each part that is not asked about yet.
pub(super) async fn ask(folder: &Path, settings: &Settings, access: &Access, stop: &Stop) -> io::Result<()> {
    let tagger = AwsTagger::new(&access.aws, settings.at_launch);
    let mut progress = Progress::of(count(folder)?, "resources asked about");
    let mut done = 0_u64;
    for shard in 0..SHARDS {
        let mut verdicts = Vec::new();
        shards::lines(&shards::path(folder, "verdicts", shard), &mut |line| {
            verdicts.push(serde_json::from_slice::<Verdict>(line)?);
            Ok(())
        })?;
        done = done.saturating_add(verdicts.len() as u64);
        let path = shards::path(folder, "asked", shard);
        if !path.exists() {
            let mut answered = answers(&tagger, settings, &access.account, verdicts, stop).await?;
            answered.sort_by_cached_key(order);
            replace(&path, |file| {
                for verdict in &answered {
                    serde_json::to_writer(&mut *file, verdict)?;
                    file.write_all(b"\n")?;
                }
                Ok(())
            })?;
        }
        progress.set(done);
    }
    progress.end();
    Ok(())
}

fn count(folder: &Path) -> io::Result<usize> {
    let mut count = 0_usize;
    for shard in 0..SHARDS {
        shards::lines(&shards::path(folder, "verdicts", shard), &mut |_| {
            count = count.saturating_add(1);
            Ok(())
        })?;
    }
    Ok(count)
}

/// Settles each verdict by what AWS answers.
async fn answers(
    tagger: &AwsTagger,
    settings: &Settings,
    account: &str,
    verdicts: Vec<Verdict>,
    stop: &Stop,
) -> io::Result<Vec<Verdict>> {
    let mut settled = Vec::with_capacity(verdicts.len());
    let mut groups: BTreeMap<(String, Read), Vec<(Verdict, Resource)>> = BTreeMap::new();
    for verdict in verdicts {
        let found = resource(&verdict).filter(|resource| asking(&verdict, resource) != Asking::Nothing);
        match found {
            _ if verdict.planned.account != account => {
                let why = format!("its account was not asked: the credentials are of {account}");
                settled.push(leave(verdict, State::Unreadable, why));
            }
            None => settled.push(verdict),
            Some(resource) if !is_readable(&resource) => {
                let why = "nothing reads the tags of its kind".to_owned();
                settled.push(leave(verdict, State::Unreadable, why));
            }
            Some(resource) => {
                let group = (resource.region.clone(), resource.read);
                groups.entry(group).or_default().push((verdict, resource));
            }
        }
    }
    for ((region, read), group) in groups {
        for chunk in group.chunks(TOGETHER) {
            stop.check()?;
            let resources: Vec<Resource> = chunk.iter().map(|(_, resource)| resource.clone()).collect();
            let present = tagger.read(read, &region, &resources).await;
            let answered = chunk.iter().zip(present).map(async |((verdict, resource), present)| {
                settled_by(tagger, settings, verdict.clone(), resource, present).await
            });
            settled.extend(stream::iter(answered).buffered(AT_ONCE).collect::<Vec<_>>().await);
        }
    }
    Ok(settled)
}

/// Asks when a resource was created, where that says something, and settles it.
async fn settled_by(
    tagger: &AwsTagger,
    settings: &Settings,
    verdict: Verdict,
    resource: &Resource,
    present: Result<TagMap, Failure>,
) -> Verdict {
    let asks = present.is_ok() && asking(&verdict, resource) == Asking::TagsAndAge;
    let created = match asks {
        true => tagger.creation_time(resource).await,
        false => Ok(None),
    };
    match (present, created) {
        (Ok(present), Ok(created)) => settle(settings, verdict, resource, Ok(present), created),
        (Err(failure), _) | (_, Err(failure)) => settle(settings, verdict, resource, Err(failure), None),
    }
}
