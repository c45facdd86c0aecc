//! The second verb: tags everything that a batch of events created, with one result per resource.

use std::collections::BTreeMap;
use std::fmt;

use futures_util::{StreamExt, stream};
use time::{Duration, OffsetDateTime};

use crate::event::Event;
use crate::meaning::Meaning;
use crate::merge::{Dropped, Merged, merge};
use crate::principal::{Caller, IamIdentity, Principal};
use crate::requested::requested_tags;
use crate::services::{Question, Resource, Route};
use crate::session::{Session, SessionMatch, choose, window};
use crate::settings::Settings;
use crate::tags::TagMap;

/// `TagResources` takes 20 ARNs a call.
/// <https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_TagResources.html>
pub const ARNS_PER_CALL: usize = 20;
/// `CreateTags` takes 1,000 ids a call.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTags.html>
pub const IDS_PER_CALL: usize = 1000;
/// A resource that is not found may not be there yet; after this it is gone.
const APPEARS_WITHIN: Duration = Duration::minutes(10);
/// Events and calls under way at once: enough to hide latency, few enough not to be throttled.
const AT_ONCE: usize = 8;

/// Sessions, by who was given them and when.
#[expect(async_fn_in_trait, reason = "only our own, single-threaded callers await these")]
pub trait SessionStore {
    /// What can go wrong.
    type Error: fmt::Display;
    /// Stores a session; storing it again changes nothing.
    async fn put(&self, session: &Session) -> Result<(), Self::Error>;
    /// The sessions of the caller's account and id that began between the two instants.
    async fn find(
        &self,
        caller: &Caller,
        window: (OffsetDateTime, OffsetDateTime),
    ) -> Result<Vec<Session>, Self::Error>;
}

/// Tags of IAM roles and users.
#[expect(async_fn_in_trait, reason = "only our own, single-threaded callers await these")]
pub trait PrincipalTags {
    /// What can go wrong.
    type Error: fmt::Display;
    /// The tags; `None` where no role or user of this name has this id any more.
    async fn tags(&self, identity: &IamIdentity) -> Result<Option<TagMap>, Self::Error>;
}

/// Resources that records do not name.
#[expect(async_fn_in_trait, reason = "only our own, single-threaded callers await these")]
pub trait LookUps {
    /// Ids or ARNs that answer the question. An error says what is not known yet, and why.
    async fn look_up(&self, question: &Question, at: Option<OffsetDateTime>) -> Result<Vec<String>, Failure>;
}

/// Applies tags.
#[expect(async_fn_in_trait, reason = "only our own, single-threaded callers await these")]
pub trait Tagger {
    /// Adds the tags to each resource; other tags stay. One result per resource, in their order.
    async fn tag(&self, batch: &Batch) -> Vec<Result<(), Failure>>;
}

/// The outside world.
#[derive(Debug)]
pub struct Cloud<S, P, L, T> {
    /// Recorded sessions.
    pub sessions: S,
    /// IAM.
    pub principals: P,
    /// Look-ups.
    pub look_ups: L,
    /// The tagging APIs.
    pub tagger: T,
}

/// Resources of one route and Region that get the same tags; fits into one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Which API.
    pub route: Route,
    /// Which Region.
    pub region: String,
    /// What they get.
    pub tags: TagMap,
    /// What is tagged.
    pub resources: Vec<Resource>,
}

/// Why a resource could not be tagged, or found, this time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What AWS said.
    pub reason: String,
    /// Whether AWS says that there is no such resource.
    pub not_found: bool,
}

impl Failure {
    /// A failure that is worth another try.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), not_found: false }
    }
}

/// Whose events are served.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// The account whose resources are tagged; `None` serves any (offline).
    pub account: Option<String>,
    /// How the session ARNs of this program's own role begin, up to the last slash: its calls are
    /// never acted on.
    pub own_sessions: Option<String>,
}

/// Why a creation is left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Skip {
    /// The record tells nothing about the caller.
    NoPrincipal,
    /// Neither the record nor its envelope says whose resources these are.
    NoAccount,
    /// The record, or its envelope, belongs to another account.
    OtherAccount(String),
    /// The envelope says that AWS did not send it.
    NotFromAws(String),
    /// Excluded by the settings, or our own role.
    ExcludedPrincipal,
    /// Made by an AWS service on its own, which the settings skip.
    ServiceCreated(String),
    /// Not a creation to tag: see [`Meaning`].
    Nothing,
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPrincipal => f.write_str("the record names no principal"),
            Self::NoAccount => f.write_str("the record names no account"),
            Self::OtherAccount(account) => write!(f, "account {account} is not served"),
            Self::NotFromAws(source) => write!(f, "the event's source is `{source}`, not `aws.…`"),
            Self::ExcludedPrincipal => f.write_str("the principal is excluded"),
            Self::ServiceCreated(service) => write!(f, "{service} made it on its own"),
            Self::Nothing => f.write_str("nothing to tag"),
        }
    }
}

/// One resource and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tagged {
    /// The resource.
    pub resource: Resource,
    /// The tags that it got, or should have got.
    pub tags: TagMap,
    /// Tags that it could not take, and why.
    pub dropped: Vec<Dropped>,
    /// Why it is left alone for good, e.g. because it is gone.
    pub skipped: Option<String>,
    /// Why it must be tried again.
    pub failed: Option<String>,
}

/// One event and what became of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What the record means.
    pub meaning: Meaning,
    /// Who made the call.
    pub principal: Principal,
    /// Why nothing was done, if so.
    pub skipped: Option<Skip>,
    /// The principal's session.
    pub session: SessionMatch,
    /// The tags of the principal, with their sources.
    pub merged: Merged,
    /// Every resource, in the record's order, then the looked-up ones.
    pub resources: Vec<Tagged>,
    /// Why the event as a whole must come again: a young session, an unanswered look-up, …
    pub unfinished: Vec<String>,
}

impl Outcome {
    /// Every reason to see the event again; none when all is done.
    pub fn retry_reasons(&self) -> Vec<String> {
        let failed = self.resources.iter().filter_map(|tagged| {
            let reason = tagged.failed.as_ref()?;
            Some(format!("{}: {reason}", tagged.resource.arn))
        });
        self.unfinished.iter().cloned().chain(failed).collect()
    }
}

/// Tags what the events created. Nothing waits for what is not known yet: resources are tagged
/// with what is, and [`Outcome::retry_reasons`] says why the event should come again.
///
/// Resources that get the same tags share calls, over all events.
pub async fn tag_resources<S, P, L, T>(
    cloud: &Cloud<S, P, L, T>,
    settings: &Settings,
    served: &Served,
    now: impl Fn(&Event) -> OffsetDateTime,
    events: &[Event],
) -> Vec<Outcome>
where
    S: SessionStore,
    P: PrincipalTags,
    L: LookUps,
    T: Tagger,
{
    let plans = events.iter().map(|event| plan(cloud, settings, served, now(event), event));
    let mut outcomes: Vec<Outcome> = stream::iter(plans).buffered(AT_ONCE).collect().await;
    let (places, batches) = batches(&outcomes);
    let calls = batches.iter().map(|batch| cloud.tagger.tag(batch));
    let results: Vec<_> = stream::iter(calls).buffered(AT_ONCE).collect().await;
    for (places, results) in places.iter().zip(results) {
        for ((event, nth), result) in places.iter().zip(results) {
            let Err(failure) = result else { continue };
            let too_late = gone(&failure, &events[*event], now(&events[*event]));
            let tagged = &mut outcomes[*event].resources[*nth];
            match too_late {
                true => tagged.skipped = Some(format!("gone: {}", failure.reason)),
                false => tagged.failed = Some(failure.reason),
            }
        }
    }
    outcomes
}

/// "Not found" just after creation means "not yet"; later it means that somebody deleted it.
fn gone(failure: &Failure, event: &Event, now: OffsetDateTime) -> bool {
    failure.not_found && event.time().is_some_and(|at| at.saturating_add(APPEARS_WITHIN) < now)
}

async fn plan<S, P, L, T>(
    cloud: &Cloud<S, P, L, T>,
    settings: &Settings,
    served: &Served,
    now: OffsetDateTime,
    event: &Event,
) -> Outcome
where
    S: SessionStore,
    P: PrincipalTags,
    L: LookUps,
{
    let mut outcome = Outcome {
        meaning: Meaning::of(event),
        principal: Principal::of(event),
        skipped: None,
        session: SessionMatch::NotASession,
        merged: Merged::default(),
        resources: Vec::new(),
        unfinished: Vec::new(),
    };
    outcome.skipped = skip(settings, served, event, &outcome);
    if outcome.skipped.is_some() {
        return outcome;
    }
    let Meaning::Created(creation) = outcome.meaning.clone() else {
        // A creation that cannot be resolved is kept for redrive, never dropped.
        if let Meaning::Unresolvable(reason) = &outcome.meaning {
            outcome.unfinished.push(format!("unresolvable: {reason}"));
        }
        return outcome;
    };
    outcome.unfinished.extend(creation.missing);
    let account = event.account().unwrap_or_default().into_owned();
    let iam = outcome.iam_tags(&cloud.principals, &account).await;
    outcome.find_session(&cloud.sessions, &account, event, now).await;
    let session = match &outcome.session {
        SessionMatch::Found(session) => session.tags.clone(),
        _ => TagMap::new(),
    };
    outcome.merged = merge(settings, event, &outcome.principal, &iam, &session);
    let mut resources = creation.resources;
    for question in &creation.questions {
        match cloud.look_ups.look_up(question, event.time()).await {
            Ok(answers) => resources.extend(answers.iter().filter_map(|answer| question.answered(answer))),
            Err(failure) if gone(&failure, event, now) => {}
            Err(failure) => outcome.unfinished.push(format!("{}: {}", question.kind(), failure.reason)),
        }
    }
    outcome.resources =
        resources.into_iter().map(|resource| tagged(settings, event, &outcome, resource)).collect();
    outcome
}

fn skip(settings: &Settings, served: &Served, event: &Event, outcome: &Outcome) -> Option<Skip> {
    if !matches!(outcome.meaning, Meaning::Created(_) | Meaning::Unresolvable(_)) {
        return Some(Skip::Nothing);
    }
    if let Some(source) = &event.envelope_source
        && !source.starts_with("aws.")
    {
        return Some(Skip::NotFromAws(source.clone()));
    }
    let Some(account) = event.account() else {
        return Some(Skip::NoAccount);
    };
    let other = |expected: &Option<String>| expected.as_ref().is_some_and(|own| *own != account);
    if other(&served.account) || other(&event.envelope_account) {
        return Some(Skip::OtherAccount(account.into_owned()));
    }
    let principal = &outcome.principal;
    if principal.is_unknown() {
        return Some(Skip::NoPrincipal);
    }
    let issuer = principal.issuer.as_ref().and_then(|issuer| issuer.arn.as_deref());
    let own = |arn: &str| served.own_sessions.as_ref().is_some_and(|start| arn.starts_with(start));
    let mut arns = [principal.arn.as_deref(), issuer].into_iter().flatten();
    if arns.any(|arn| settings.excludes(arn) || own(arn)) {
        return Some(Skip::ExcludedPrincipal);
    }
    let service = principal.service().filter(|_| !settings.tag_service_created)?;
    Some(Skip::ServiceCreated(service.to_owned()))
}

impl Outcome {
    /// The IAM tags; where IAM cannot be asked, none for now.
    async fn iam_tags<P: PrincipalTags>(&mut self, principals: &P, account: &str) -> TagMap {
        let Some(identity) = self.principal.iam_identity(account) else {
            return TagMap::new();
        };
        match principals.tags(&identity).await {
            Ok(tags) => tags.unwrap_or_default(),
            Err(error) => {
                self.unfinished.push(format!("IAM tags of {}: {error}", identity.name));
                TagMap::new()
            }
        }
    }

    async fn find_session<S: SessionStore>(
        &mut self,
        sessions: &S,
        account: &str,
        event: &Event,
        now: OffsetDateTime,
    ) {
        let Some(caller) = self.principal.caller(account) else {
            return;
        };
        match sessions.find(&caller, window(&caller)).await {
            Ok(recorded) => self.session = choose(&caller, event.time().unwrap_or(now), now, recorded),
            Err(error) => self.unfinished.push(format!("session of {}: {error}", caller.id)),
        }
        if self.session == SessionMatch::Pending {
            self.unfinished.push(format!("session of {} is not recorded yet", caller.id));
        }
    }
}

fn tagged(settings: &Settings, event: &Event, outcome: &Outcome, resource: Resource) -> Tagged {
    let requested = requested_tags(event, &resource);
    let (tags, dropped) = outcome.merged.for_resource(settings, resource.limit, &requested);
    let of_service = resource.opt_in_of_services.filter(|_| outcome.principal.service().is_some());
    let left_alone = resource.opt_in.or(of_service).filter(|_| !settings.also_tags(resource.kind));
    let skipped = if let Some(why) = left_alone {
        Some(format!("left alone by default: {why}"))
    } else if tags.is_empty() {
        Some("the request set all the tags itself".to_owned())
    } else {
        None
    };
    Tagged { resource, tags, dropped, skipped, failed: None }
}

/// An event's and a resource's number, for each resource of a batch.
type Places = Vec<(usize, usize)>;

/// Packs what is to be tagged into as few calls as the APIs allow.
fn batches(outcomes: &[Outcome]) -> (Vec<Places>, Vec<Batch>) {
    let mut alike: BTreeMap<(Route, &str, &TagMap), Places> = BTreeMap::new();
    for (event, outcome) in outcomes.iter().enumerate() {
        for (nth, tagged) in outcome.resources.iter().enumerate() {
            if tagged.skipped.is_none() {
                let key = (tagged.resource.route, tagged.resource.region.as_str(), &tagged.tags);
                alike.entry(key).or_default().push((event, nth));
            }
        }
    }
    let mut places = Vec::new();
    let mut batches = Vec::new();
    for ((route, region, tags), all) in alike {
        for some in all.chunks(per_call(route)) {
            let resource = |(event, nth): &(usize, usize)| outcomes[*event].resources[*nth].resource.clone();
            places.push(some.to_vec());
            batches.push(Batch {
                route,
                region: region.to_owned(),
                tags: tags.clone(),
                resources: some.iter().map(resource).collect(),
            });
        }
    }
    (places, batches)
}

const fn per_call(route: Route) -> usize {
    match route {
        Route::Ec2CreateTags => IDS_PER_CALL,
        Route::TaggingApi => ARNS_PER_CALL,
        Route::S3Object | Route::Native(_) => 1,
    }
}
