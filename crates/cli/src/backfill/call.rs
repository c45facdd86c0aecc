//! One call that writes: begun in the journal, made, ended in the journal. Where it is not clear what came of it, AWS is
//! read.

use std::cell::Cell;
use std::collections::BTreeMap;

use aws_tags::backfill::journal::{Act, Begun, Ended, Entry, LeftBecause};
use aws_tags::backfill::ledger::Book;
use aws_tags::backfill::writing::resource;
use aws_tags::ports::{Batch, Failure, FailureKind, Tagger};
use aws_tags::table::{Read, Resource, Route};
use aws_tags::tagging::{Tagged, tag_batch};
use aws_tags::tags::{Tag, TagMap};
use aws_tags_aws::{AwsTagger, Removal};
use futures_util::{StreamExt, stream};
use time::OffsetDateTime;

use super::books::{BookError, Books};

/// Reads under way at once in a Region.
const AT_ONCE: usize = 8;

/// What writes, and remembers it.
#[derive(Debug)]
pub(crate) struct Hand<'a> {
    pub(crate) tagger: &'a AwsTagger,
    pub(crate) books: &'a Books,
    pub(crate) book: Book,
    /// The key of the tag with the principal's id, which goes first with the owner.
    pub(crate) mark: Option<&'a str>,
}

/// A call for resources of one account, Region and route that get, or lose, the same tags.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) act: Act,
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) tags: Vec<Tag>,
    pub(crate) resources: Vec<Resource>,
    /// All tags that they have, in their order.
    pub(crate) before: Vec<TagMap>,
}

/// What became of one resource of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Done, but for keys that AWS refused.
    Done {
        lacking: BTreeMap<String, String>,
    },
    Gone(String),
    /// AWS is asked too often; part of it may be done.
    Throttled {
        failure: String,
        lacking: BTreeMap<String, String>,
    },
    /// It failed; part of it may be done.
    Failed {
        failure: String,
        lacking: BTreeMap<String, String>,
    },
    /// AWS does not tell either what came of it: the journal leaves it open.
    Unknown(String),
}

impl Hand<'_> {
    /// Makes a call. One fate for each resource, in their order, and how often AWS was asked.
    pub(crate) async fn make(&self, call: &Call) -> Result<(Vec<Fate>, u32), BookError> {
        let tags: TagMap = call.tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect();
        let n = self.books.next();
        self.books.write(self.book, Entry::Begun(call.begun(n, &tags)))?;
        let (results, calls) = match call.act {
            Act::Tag => self.tag(call).await,
            Act::Untag => self.untag(call, &tags).await,
        };
        let mut fates = Vec::with_capacity(results.len());
        for (resource, Tagged { result, refused }) in call.resources.iter().zip(results) {
            fates.push(match result {
                Ok(_) => Fate::Done { lacking: refused.into_iter().collect() },
                Err(failure) => self.fate(call.act, &tags, resource, failure).await,
            });
        }
        let arns = call.resources.iter().map(|resource| resource.arn.as_str());
        if let Some(ended) = ended(n, arns.zip(&fates)) {
            self.books.write(self.book, Entry::Ended(ended))?;
        }
        Ok((fates, calls))
    }

    async fn tag(&self, call: &Call) -> (Vec<Tagged>, u32) {
        let batch = Batch {
            route: route_of(&call.resources),
            region: call.region.clone(),
            tags: call.tags.clone(),
            resources: call.resources.clone(),
        };
        let metered = Metered { tagger: self.tagger, calls: Cell::new(0) };
        (tag_batch(&metered, &batch, self.mark).await, metered.calls.get())
    }

    async fn untag(&self, call: &Call, tags: &TagMap) -> (Vec<Tagged>, u32) {
        let removal = Removal {
            route: route_of(&call.resources),
            region: call.region.clone(),
            tags: tags.clone(),
            resources: call.resources.clone(),
        };
        let results = self.tagger.untag(&removal).await;
        let calls = calls_for(removal.route, &results);
        (results.into_iter().map(|result| Tagged { result, refused: Vec::new() }).collect(), calls)
    }

    /// What a failure means. One that is neither about the resource nor about the request leaves open what was done.
    async fn fate(&self, act: Act, tags: &TagMap, resource: &Resource, failure: Failure) -> Fate {
        let message = failure.message;
        match failure.kind {
            FailureKind::NotFound => Fate::Gone(message),
            FailureKind::Denied | FailureKind::Refused => {
                let lacking = tags.keys().map(|key| (key.clone(), message.clone())).collect();
                Fate::Failed { failure: message, lacking }
            }
            FailureKind::Throttled | FailureKind::Transient | FailureKind::InTurn | FailureKind::Other => {
                let throttled = failure.kind == FailureKind::Throttled;
                self.told(act, tags, resource, message, throttled).await
            }
        }
    }

    /// What AWS itself says came of a call.
    async fn told(
        &self,
        act: Act,
        tags: &TagMap,
        resource: &Resource,
        failure: String,
        throttled: bool,
    ) -> Fate {
        let read = self.tagger.read(resource.read, &resource.region, std::slice::from_ref(resource)).await;
        let present = match read.into_iter().next() {
            Some(Ok(present)) => present,
            Some(Err(error)) if error.kind == FailureKind::NotFound => return Fate::Gone(error.message),
            _ => return Fate::Unknown(failure),
        };
        let is_done = |key: &String, value: &String| match act {
            Act::Tag => present.get(key) == Some(value),
            Act::Untag => present.get(key) != Some(value),
        };
        let lacking: BTreeMap<String, String> = tags
            .iter()
            .filter(|(key, value)| !is_done(key, value))
            .map(|(key, _)| (key.clone(), failure.clone()))
            .collect();
        match (lacking.is_empty(), throttled) {
            (true, _) => Fate::Done { lacking },
            (false, true) => Fate::Throttled { failure, lacking },
            (false, false) => Fate::Failed { failure, lacking },
        }
    }

    /// The tags of resources of one Region, in their order.
    pub(crate) async fn read(&self, resources: &[Resource]) -> Vec<Result<TagMap, Failure>> {
        let Some(first) = resources.first() else { return Vec::new() };
        if first.read == Read::Ec2DescribeTags {
            return self.tagger.read(first.read, &first.region, resources).await;
        }
        let reads = resources.iter().map(|one| async move {
            let read = self.tagger.read(one.read, &one.region, std::slice::from_ref(one)).await;
            read.into_iter().next().unwrap_or_else(|| Err(Failure::other("AWS gives no answer")))
        });
        stream::iter(reads).buffered(AT_ONCE).collect().await
    }

    /// Asks AWS what came of the calls that were under way when a program ended. Gives what cannot be told, either.
    pub(crate) async fn settle_open(&self) -> Result<Vec<(String, String)>, BookError> {
        let open: Vec<_> = self.books.ledger().open().cloned().collect();
        let mut unknown = Vec::new();
        for (book, begun) in open {
            let tags = match begun.act {
                Act::Tag => &begun.add,
                Act::Untag => &begun.remove,
            };
            let mut fates = Vec::with_capacity(begun.arns.len());
            for (arn, resource_type) in begun.arns.iter().zip(&begun.types) {
                fates.push(match resource(arn, resource_type, &begun.region) {
                    Ok(resource) => {
                        let failure = "interrupted".to_owned();
                        self.told(begun.act, tags, &resource, failure, false).await
                    }
                    Err(error) => Fate::Unknown(error.to_string()),
                });
            }
            let fates = begun.arns.iter().map(String::as_str).zip(&fates);
            unknown.extend(fates.clone().filter_map(|(arn, fate)| match fate {
                Fate::Unknown(why) => Some((arn.to_owned(), why.clone())),
                _ => None,
            }));
            if let Some(ended) = ended(begun.n, fates) {
                self.books.write(book, Entry::Ended(ended))?;
            }
        }
        Ok(unknown)
    }
}

/// Counts calls: what is refused takes several.
struct Metered<'a> {
    tagger: &'a AwsTagger,
    calls: Cell<u32>,
}

impl Tagger for Metered<'_> {
    async fn tag(&self, batch: &Batch) -> Vec<Result<Route, Failure>> {
        let results = self.tagger.tag(batch).await;
        self.calls.set(self.calls.get().saturating_add(calls_for(batch.route, &results)));
        results
    }

    async fn read(&self, read: Read, region: &str, resources: &[Resource]) -> Vec<Result<TagMap, Failure>> {
        self.tagger.read(read, region, resources).await
    }

    async fn creation_time(&self, resource: &Resource) -> Result<Option<OffsetDateTime>, Failure> {
        self.tagger.creation_time(resource).await
    }
}

/// One call for all, and one for each that went another way.
fn calls_for(route: Route, results: &[Result<Route, Failure>]) -> u32 {
    let others = results.iter().filter(|result| matches!(result, Ok(took) if *took != route));
    u32::try_from(others.count()).unwrap_or(u32::MAX).saturating_add(1)
}

impl Call {
    fn begun(&self, n: u64, tags: &TagMap) -> Begun {
        let (add, remove) = match self.act {
            Act::Tag => (tags.clone(), TagMap::new()),
            Act::Untag => (TagMap::new(), tags.clone()),
        };
        Begun {
            n,
            at: OffsetDateTime::now_utc(),
            act: self.act,
            account: self.account.clone(),
            region: self.region.clone(),
            arns: self.resources.iter().map(|resource| resource.arn.to_string()).collect(),
            types: self.resources.iter().map(|resource| resource.resource_type.to_owned()).collect(),
            add,
            remove,
            before: self.before.clone(),
        }
    }
}

/// The route that resources share: services share the tagging API.
fn route_of(resources: &[Resource]) -> Route {
    match resources.first().map(|resource| resource.route) {
        Some(Route::TaggingApi(_)) | None => Route::TaggingApi(None),
        Some(route) => route,
    }
}

/// What the journal says of the fates; nothing if none is known.
fn ended<'a>(n: u64, fates: impl Iterator<Item = (&'a str, &'a Fate)>) -> Option<Ended> {
    let mut ended = Ended { n, ..Ended::default() };
    for (arn, fate) in fates {
        let arn = arn.to_owned();
        match fate {
            Fate::Done { lacking } => {
                if !lacking.is_empty() {
                    ended.lacking.insert(arn.clone(), lacking.clone());
                }
                ended.done.push(arn);
            }
            Fate::Gone(why) => drop(ended.left.insert(arn, LeftBecause::Gone(why.clone()))),
            Fate::Throttled { failure, lacking } | Fate::Failed { failure, lacking } => {
                ended.lacking.insert(arn.clone(), lacking.clone());
                ended.failed.insert(arn, failure.clone());
            }
            Fate::Unknown(_) => {}
        }
    }
    (!ended.done.is_empty() || !ended.failed.is_empty() || !ended.left.is_empty()).then_some(ended)
}
