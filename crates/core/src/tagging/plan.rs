//! Events become plans: which resources get which tags. Then all plans are carried out together.

use futures_util::{Stream, StreamExt, stream};
use time::{Duration, OffsetDateTime};

use super::batch::{AT_ONCE, GROUPS_AT_ONCE, batches};
use super::decide::decide;
use super::group::{Read, groups};
use super::inherit::{Child, FromParent, ask};
use super::memory;
use super::merge::{Inherited, Merged, merge};
use super::outcome::{
    Carrier, EventSkip, Handling, NotOurs, Outcome, Recorders, ResourceOutcome, ResourceSkip, TagResult,
    Tagging, Unfinished,
};
use super::parent::Parent;
use super::present::{is_gone, is_marked, keep_present, write_once};
use super::refused::{Tagged, tag_batch};
use super::shown::{Shown, marked_request};
use crate::effect::Effect;
use crate::identity::{IamKind, LONGEST_CHAIN, Principal, Session, SessionKey, SessionMatch, choose, head};
use crate::ports::{Failure, FailureKind, IamEntity, Lookups, Ports, PrincipalTags, SessionStore, Tagger};
use crate::record::Event;
use crate::settings::{ServiceCreated, Settings};
use crate::table::operation::Found;
use crate::table::{Answered, Creation, Lookup, Resource, Route};
use crate::tags::TagMap;

/// Whose events are acted on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The account whose resources are tagged; `None` is any (offline).
    pub account: Option<String>,
    /// Prefix of the session ARNs of this program's own role, up to the last slash: its calls are
    /// never acted on.
    pub own_role_sessions: Option<String>,
}

/// Tags what the events created: one outcome for each event, in their order. Nothing waits for tags that
/// are not known yet: resources get those that are, and [`Outcome::unfinished`] says why the event must
/// be handled again.
pub async fn tag_resources<S, P, L, T>(
    ports: &Ports<S, P, L, T>,
    settings: &Settings,
    scope: &Scope,
    now: impl Fn(&Event) -> OffsetDateTime,
    events: &[&Event],
) -> Vec<Outcome>
where
    S: SessionStore,
    P: PrincipalTags,
    L: Lookups,
    T: Tagger,
{
    let mut outcomes: Vec<(usize, Outcome)> = tag_each(ports, settings, scope, &now, events).collect().await;
    outcomes.sort_by_key(|(place, _)| *place);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

/// The same as a stream: each outcome comes when it is known, with the place of its event.
pub fn tag_each<'a, S, P, L, T>(
    ports: &'a Ports<S, P, L, T>,
    settings: &'a Settings,
    scope: &'a Scope,
    now: &'a impl Fn(&Event) -> OffsetDateTime,
    events: &[&'a Event],
) -> impl Stream<Item = (usize, Outcome)>
where
    S: SessionStore,
    P: PrincipalTags,
    L: Lookups,
    T: Tagger,
{
    let tagged = groups(events).into_iter().map(async move |group| {
        let places: Vec<usize> = group.iter().map(|read| read.place).collect();
        let outcomes = tag_group(ports, settings, scope, now, group).await;
        stream::iter(places.into_iter().zip(outcomes))
    });
    stream::iter(tagged).buffer_unordered(GROUPS_AT_ONCE).flatten()
}

/// Tags what the events of one group created.
async fn tag_group<S, P, L, T>(
    ports: &Ports<S, P, L, T>,
    settings: &Settings,
    scope: &Scope,
    now: &impl Fn(&Event) -> OffsetDateTime,
    group: Vec<Read<'_>>,
) -> Vec<Outcome>
where
    S: SessionStore,
    P: PrincipalTags,
    L: Lookups,
    T: Tagger,
{
    let events: Vec<&Event> = group.iter().map(|read| read.event).collect();
    let plans = group.into_iter().map(|read| plan(ports, settings, scope, now(read.event), read));
    let mut outcomes: Vec<Outcome> = stream::iter(plans).buffered(AT_ONCE).collect().await;
    keep_present(&ports.tagger, settings, now, &events, &mut outcomes).await;
    write_once(&events, &mut outcomes);
    let (batches, mark) = (batches(&outcomes), settings.principal_id_tag.as_deref());
    let calls = batches.iter().map(|(_, batch)| tag_batch(&ports.tagger, batch, mark));
    let results: Vec<_> = stream::iter(calls).buffered(AT_ONCE).collect().await;
    for ((slots, batch), results) in batches.iter().zip(results) {
        for ((event, nth), Tagged { result, refused }) in slots.iter().zip(results) {
            let Handling::Tagging(tagging) = &mut outcomes[*event].handling else { continue };
            let made = &mut tagging.resources[*nth];
            made.drop_refused(refused);
            match result {
                Ok(route) => {
                    made.by = Some(route);
                    made.refused_by_tagging_api =
                        matches!((batch.route, route), (Route::TaggingApi(_), Route::TagOperation(_)));
                }
                Err(failure) if is_gone(&failure, events[*event], now(events[*event])) => {
                    made.result = TagResult::Skipped(ResourceSkip::Gone(failure));
                }
                Err(failure) => made.result = TagResult::Failed(failure),
            }
        }
    }
    outcomes
}

/// What the resources of an event should get, as the functions would give it. Nothing is read of them, and nothing is
/// written.
pub async fn plan_only<S, P, L, T>(
    ports: &Ports<S, P, L, T>,
    settings: &Settings,
    scope: &Scope,
    now: OffsetDateTime,
    event: &Event,
) -> Outcome
where
    S: SessionStore,
    P: PrincipalTags,
    L: Lookups,
    T: Tagger,
{
    let (effect, principal) = (Effect::of(event), Principal::of(event));
    plan(ports, settings, scope, now, Read { place: 0, event, effect, principal }).await
}

async fn plan<S, P, L, T>(
    ports: &Ports<S, P, L, T>,
    settings: &Settings,
    scope: &Scope,
    now: OffsetDateTime,
    Read { event, effect, principal, .. }: Read<'_>,
) -> Outcome
where
    S: SessionStore,
    P: PrincipalTags,
    L: Lookups,
    T: Tagger,
{
    let handling = match &effect {
        Effect::Created(creation) => match skip(settings, scope, event, &principal) {
            Some(skip) => Handling::Skipped(skip),
            None => match tagging(ports, settings, now, event, &principal, creation).await {
                Ok(tagging) => Handling::Tagging(Box::new(tagging)),
                Err(skip) => Handling::Skipped(skip),
            },
        },
        Effect::Deployed(_) if settings.service_created == ServiceCreated::Parent => {
            remember(ports, settings, scope, now, event, &principal).await
        }
        effect if effect.unresolvable().is_some() => match skip(settings, scope, event, &principal) {
            Some(skip) => Handling::Skipped(skip),
            None => Handling::Unresolvable,
        },
        Effect::Heartbeat => Handling::LookedAfter(look_after(&ports.sessions, now).await),
        _ => Handling::NotACreation,
    };
    Outcome { effect, principal, handling }
}

/// Remembers who deploys a stack, whatever the call creates.
pub async fn remember<S, P, L, T>(
    ports: &Ports<S, P, L, T>,
    settings: &Settings,
    scope: &Scope,
    now: OffsetDateTime,
    event: &Event,
    principal: &Principal,
) -> Handling
where
    S: SessionStore,
    P: PrincipalTags,
    L: Lookups,
    T: Tagger,
{
    if let Some(skip) = skip(settings, scope, event, principal) {
        return Handling::Skipped(skip);
    }
    match tagging(ports, settings, now, event, principal, &Creation::default()).await {
        Ok(tagging) => Handling::Tagging(Box::new(tagging)),
        Err(skip) => Handling::Skipped(skip),
    }
}

/// A recorder without a heartbeat for so long is behind. Its schedule sends one a minute.
const BEHIND: Duration = Duration::minutes(10);

/// Whether the session-recorders keep up.
async fn look_after(sessions: &impl SessionStore, now: OffsetDateTime) -> Recorders {
    match sessions.recorded_until().await {
        Err(failure) => Recorders::Unknown(failure),
        Ok(Some(until)) if until < now.saturating_sub(BEHIND) => Recorders::Behind(until),
        Ok(_) => Recorders::KeepUp,
    }
}

fn skip(settings: &Settings, scope: &Scope, event: &Event, principal: &Principal) -> Option<EventSkip> {
    if let Some(source) = event.source_other_than_aws() {
        return Some(EventSkip::NotFromAws(source.to_owned()));
    }
    let Some(account) = event.account() else {
        return Some(EventSkip::NoAccount);
    };
    if scope.account.as_ref().is_some_and(|own| *own != account) {
        return Some(EventSkip::OtherAccount(account.into_owned()));
    }
    if let Some(other) = event.envelope_account.as_ref().filter(|other| **other != account) {
        return Some(EventSkip::OtherAccount(other.clone()));
    }
    if principal.is_unknown() {
        return Some(EventSkip::NoPrincipal);
    }
    let issuer = principal.issuer.as_ref().and_then(|issuer| issuer.arn.as_deref());
    let own = |arn: &str| scope.own_role_sessions.as_ref().is_some_and(|start| arn.starts_with(start));
    let mut arns = [principal.arn.as_deref(), issuer].into_iter().flatten();
    if arns.any(|arn| settings.excludes(arn) || own(arn)) {
        return Some(EventSkip::ExcludedPrincipal);
    }
    if settings.skip_mark.as_ref().is_some_and(|mark| marked_request(mark, event)) {
        return Some(EventSkip::SkipMark(Carrier::Request));
    }
    let skips = settings.service_created == ServiceCreated::Skip;
    let service = principal.service().filter(|_| skips)?;
    Some(EventSkip::ServiceCreated(service.to_owned()))
}

/// Plans what the resources get, or says that the caller carries the skip mark.
async fn tagging<S, P, L, T>(
    ports: &Ports<S, P, L, T>,
    settings: &Settings,
    now: OffsetDateTime,
    event: &Event,
    principal: &Principal,
    creation: &Creation,
) -> Result<Tagging, EventSkip>
where
    S: SessionStore,
    P: PrincipalTags,
    L: Lookups,
    T: Tagger,
{
    let mut unfinished: Vec<_> = creation.missing.iter().cloned().map(Unfinished::Missing).collect();
    let account = event.account().unwrap_or_default();
    let iam = iam_entity(&ports.principal_tags, principal, &account, event, now, &mut unfinished).await;
    if iam.as_ref().is_some_and(|entity| is_caller_marked(settings, &entity.tags)) {
        let is_user = principal.iam_identity(&account).is_some_and(|identity| identity.kind == IamKind::User);
        return Err(EventSkip::SkipMark(if is_user { Carrier::User } else { Carrier::Role }));
    }
    let parents = match settings.service_created {
        ServiceCreated::Parent => Parent::all(event, principal),
        ServiceCreated::Service | ServiceCreated::Skip => Vec::new(),
    };
    let child = Child { event, principal, now };
    let mut parent = parents.first().cloned();
    let (session, merged) = match ask(&ports.sessions, &ports.tagger, settings, &parents, &child).await {
        FromParent::Tags(merged, whose) => {
            parent = Some(whose);
            (SessionMatch::NoSession, merged)
        }
        FromParent::Nothing => callers(ports, settings, now, event, principal, iam, &mut unfinished).await?,
        FromParent::NotYet(reason) => {
            unfinished.push(reason);
            (SessionMatch::NoSession, Merged::default())
        }
    };
    let deploy = memory::keep(&ports.sessions, settings, &child, &merged, &mut unfinished).await;
    let mut resources = creation.resources.clone();
    let is_wanted =
        |lookup: &&Lookup| lookup.opt_in().is_none() || settings.also_tags(lookup.resource_type());
    let lookups: Vec<Lookup> = creation.lookups.iter().filter(is_wanted).cloned().collect();
    for lookup in &lookups {
        resources.extend(looked_up(&ports.lookups, lookup, event, now, &mut unfinished).await);
    }
    let (service_created, shown) = (principal.service().is_some(), Shown::by(event));
    let planned = |resource: Resource| {
        let shown = shown.on(&resource);
        let (tags, dropped) = decide(settings, &resource, &merged.tags, &shown);
        let if_service_created = resource.opt_in_if_service_created.filter(|_| service_created);
        let opt_in = resource.opt_in.or(if_service_created);
        let result = match opt_in.filter(|_| !settings.also_tags(resource.resource_type)) {
            Some(why) => TagResult::Skipped(ResourceSkip::OptIn(why)),
            None if resource.answered == Answered::Old => {
                TagResult::Skipped(ResourceSkip::NotOurs(NotOurs::Older))
            }
            None if is_marked(settings, &resource, &shown) => TagResult::Skipped(ResourceSkip::SkipMark),
            None if tags.is_empty() => TagResult::Skipped(ResourceSkip::NothingToAdd),
            None => TagResult::Tagged,
        };
        ResourceOutcome { resource, tags, dropped, shown, by: None, refused_by_tagging_api: false, result }
    };
    let resources = resources.into_iter().map(planned).collect();
    Ok(Tagging { session, parent, deploy, merged, resources, lookups, unfinished })
}

/// The tags of the caller, and its session; or says that the session carries the skip mark.
async fn callers<S, P, L, T>(
    ports: &Ports<S, P, L, T>,
    settings: &Settings,
    now: OffsetDateTime,
    event: &Event,
    principal: &Principal,
    iam: Option<IamEntity>,
    unfinished: &mut Vec<Unfinished>,
) -> Result<(SessionMatch, Merged), EventSkip>
where
    S: SessionStore,
    P: PrincipalTags,
{
    let account = event.account().unwrap_or_default();
    let may_have_tags = iam.as_ref().is_none_or(|entity| !entity.takes_no_session_tags);
    let (key, at) = (principal.session_key(&account), event.time().unwrap_or(now));
    let session = find_session(&ports.sessions, key, at, now, may_have_tags, unfinished).await;
    if matches!(&session, SessionMatch::Found(session) if is_caller_marked(settings, &session.tags)) {
        return Err(EventSkip::SkipMark(Carrier::Session));
    }
    let origin = match &session {
        _ if !settings.asks_for_origin() => Some(None),
        SessionMatch::NoSession => Some(principal.arn.clone()),
        SessionMatch::Found(session) => origin(&ports.sessions, session, now, unfinished).await,
        _ => Some(None),
    };
    // Inherited tags are written once, when they are certain: what is written stays.
    let inherited = match (&iam, &session, &origin) {
        (None, ..) | (_, SessionMatch::Pending { .. }, _) | (_, _, None) => None,
        (Some(iam), session, Some(origin)) => {
            let session = match session {
                SessionMatch::Found(session) => Some(session.as_ref()),
                _ => None,
            };
            Some(Inherited { iam: &iam.tags, session, origin: origin.as_deref() })
        }
    };
    let mut merged = merge(settings, event, principal, inherited);
    if session == SessionMatch::Unknown && !ports.sessions.is_whole() && may_have_tags {
        merged.withhold_iam_tags();
    }
    Ok((session, merged))
}

/// Whether the tags of a caller have the skip mark.
fn is_caller_marked(settings: &Settings, tags: &TagMap) -> bool {
    settings.skip_mark.as_ref().is_some_and(|mark| mark.is_on_caller(tags))
}

/// What IAM says of the role or user; `None` while it cannot be asked.
async fn iam_entity<P: PrincipalTags>(
    principal_tags: &P,
    principal: &Principal,
    account: &str,
    event: &Event,
    now: OffsetDateTime,
    unfinished: &mut Vec<Unfinished>,
) -> Option<IamEntity> {
    let Some(identity) = principal.iam_identity(account) else {
        return Some(IamEntity::default());
    };
    match principal_tags.entity(&identity).await {
        Ok(entity) => Some(entity.unwrap_or_default()),
        Err(failure) if is_gone(&failure, event, now) => Some(IamEntity::default()),
        Err(failure) => {
            unfinished.push(Unfinished::IamTags { name: identity.name, failure });
            None
        }
    }
}

/// The session that made a call at that time. `soon` says whether it is worth asking again before it is
/// certain anyway: the record of a session with tags should not wait.
async fn find_session<S: SessionStore>(
    sessions: &S,
    key: Option<SessionKey>,
    at: OffsetDateTime,
    now: OffsetDateTime,
    soon: bool,
    unfinished: &mut Vec<Unfinished>,
) -> SessionMatch {
    let Some(key) = key else {
        return SessionMatch::NoSession;
    };
    match found(sessions, &key, at, now).await {
        Ok(SessionMatch::Pending { until, missing }) => {
            unfinished.push(match until <= now {
                true => Unfinished::SessionUnknown(key.id),
                false => Unfinished::SessionPending { until, id: key.id, soon: missing && soon },
            });
            SessionMatch::Pending { until, missing }
        }
        Ok(found) => found,
        Err(failure) => {
            unfinished.push(Unfinished::Session { id: key.id, failure });
            SessionMatch::Pending { until: now, missing: true }
        }
    }
}

/// Who stands at the head of a session's chain, and `Some(None)` if that was not recorded; `None` while it is
/// not certain.
async fn origin<S: SessionStore>(
    sessions: &S,
    session: &Session,
    now: OffsetDateTime,
    unfinished: &mut Vec<Unfinished>,
) -> Option<Option<String>> {
    let mut link = session.clone();
    for _ in 0..LONGEST_CHAIN {
        let key = link.started_by.clone();
        link = match find_session(sessions, key, link.issued_at, now, true, unfinished).await {
            SessionMatch::NoSession => return Some(head(&link).map(str::to_owned)),
            SessionMatch::Found(before) => *before,
            SessionMatch::Pending { .. } => return None,
            SessionMatch::Unknown | SessionMatch::Ambiguous => break,
        };
    }
    Some(None)
}

/// The session of a call. What does not rest on the caller's own key is certain only as far as every
/// recorder has kept up: the record may be missing because one was down.
async fn found<S: SessionStore>(
    sessions: &S,
    key: &SessionKey,
    at: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<SessionMatch, Failure> {
    let recorded = sessions.find(key, key.window(at)).await?;
    let found = choose(key, at, now, recorded.clone());
    let is_certain = match &found {
        SessionMatch::Found(session) => key.names(session),
        SessionMatch::Pending { .. } | SessionMatch::NoSession => true,
        SessionMatch::Unknown | SessionMatch::Ambiguous => false,
    };
    if is_certain {
        return Ok(found);
    }
    Ok(match sessions.recorded_until().await? {
        Some(until) if until < now => choose(key, at, until, recorded),
        _ => found,
    })
}

async fn looked_up<L: Lookups>(
    lookups: &L,
    lookup: &Lookup,
    event: &Event,
    now: OffsetDateTime,
    unfinished: &mut Vec<Unfinished>,
) -> Vec<Resource> {
    let answers = lookups.look_up(lookup, event.time()).await.and_then(|answers| {
        // Names are given again: what bears it now is another's, and what the call created is gone.
        match answers.iter().find(|found| lookup.is_younger(found)) {
            Some(other) => Err(Failure::not_found(format!("{} was created since", other.name))),
            None => Ok(answers),
        }
    });
    let resources = answers.and_then(|answers| {
        let resource = |found: &Found| {
            let what = lookup.resource_type();
            let not_one = || Failure {
                kind: FailureKind::Refused,
                message: format!("`{}` is no {what} of this account and Region", found.name),
            };
            lookup.resource_for(found).ok_or_else(not_one)
        };
        answers.iter().map(resource).collect::<Result<Vec<_>, _>>()
    });
    match resources {
        Ok(resources) => resources,
        Err(failure) if is_gone(&failure, event, now) => Vec::new(),
        Err(failure) => {
            unfinished.push(Unfinished::Lookup { resource_type: lookup.resource_type(), failure });
            Vec::new()
        }
    }
}
