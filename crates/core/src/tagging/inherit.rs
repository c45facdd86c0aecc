//! What parents say of the tags of their children. A parent without owner may have a parent itself.

use time::{Duration, OffsetDateTime};

use super::merge::{Inherited, Merged, merge, not_inherited_because};
use super::outcome::Unfinished;
use super::parent::Parent;
use crate::identity::Principal;
use crate::ports::{Failure, FailureKind, SessionStore, Tagger};
use crate::record::{Arn, Event};
use crate::settings::Settings;
use crate::stacks::{
    Deploy, LONGEST_DEPLOY, MOST_OF_ACCOUNT, MOST_OF_STACK, REMEMBERED, Shelf, Stack, began_with, creator,
    last, with_role,
};
use crate::table::Resource;
use crate::tags::{Tag, TagMap, TagSource};

/// A parent whose own event is under way is tagged, or remembered, within so long.
const WITHIN: Duration = Duration::minutes(15);

/// A deploy whose caller's session is not known yet is waited for so long after the call: a session is certain after
/// a quarter of an hour and two minutes.
const SETTLED_WITHIN: Duration = Duration::HOUR;

/// An instance, its group, its stack, the stack around that.
const LONGEST_LINE: usize = 4;

/// What parents say of the tags of their children.
pub(super) enum FromParent {
    /// These, and no others, and whose they are.
    Tags(Merged, Parent),
    /// Nothing: they are gone, have no owner, or nobody is asked.
    Nothing,
    /// They may say something later.
    NotYet(Unfinished),
}

/// What one parent says.
enum Said {
    Tags(Merged),
    /// The same, of a parent that is found only now.
    TagsOf(Merged, Parent),
    /// Nothing, but its tags may name its own parent.
    Nothing(Option<TagMap>),
    NotYet(Unfinished),
}

/// Who asks.
pub(super) struct Child<'a> {
    pub(super) event: &'a Event,
    pub(super) principal: &'a Principal,
    pub(super) now: OffsetDateTime,
}

impl Child<'_> {
    fn at(&self) -> OffsetDateTime {
        self.event.time().unwrap_or(self.now)
    }

    pub(super) fn until(&self) -> OffsetDateTime {
        self.at().saturating_add(WITHIN)
    }

    /// Whether a record that has not come yet may still come.
    pub(super) fn is_young(&self) -> bool {
        self.now < self.until()
    }

    fn wait_for(&self, parent: &Parent) -> Said {
        Said::NotYet(Unfinished::ParentPending { parent: parent.to_string(), until: self.until() })
    }
}

/// Asks parents, the surest first, and those behind them.
pub(super) async fn ask(
    sessions: &impl SessionStore,
    tagger: &impl Tagger,
    settings: &Settings,
    parents: &[Parent],
    child: &Child<'_>,
) -> FromParent {
    for parent in parents {
        let mut line = vec![parent.clone()];
        while let Some(one) = line.last().cloned() {
            let said = match &one {
                Parent::Resource { resource, .. } => {
                    of_resource(tagger, settings, &one, resource, child).await
                }
                Parent::Stack(stack) => {
                    of_stack(sessions, settings, &one, stack, line.len() > 1, child).await
                }
                Parent::Launcher(arn) => of_launcher(settings, arn, child),
                Parent::StackOfRole(role) => of_role(sessions, settings, &one, role, child).await,
            };
            let tags = match said {
                Said::Tags(merged) => return FromParent::Tags(merged, one),
                Said::TagsOf(merged, found) => return FromParent::Tags(merged, found),
                Said::NotYet(reason) => return FromParent::NotYet(reason),
                Said::Nothing(tags) => tags,
            };
            let behind = tags.and_then(|tags| Parent::behind(&tags, child.event));
            match behind.filter(|next| line.len() < LONGEST_LINE && !line.contains(next)) {
                Some(next) => line.push(next),
                None => break,
            }
        }
    }
    FromParent::Nothing
}

async fn of_resource(
    tagger: &impl Tagger,
    settings: &Settings,
    parent: &Parent,
    resource: &Resource,
    child: &Child<'_>,
) -> Said {
    // Types that are left alone by default may never get an owner.
    let is_tagged = resource.opt_in.is_none() || settings.also_tags(resource.resource_type);
    let is_awaited = child.is_young() && is_tagged;
    match tagger.parent_tags(resource).await {
        Ok(None) => Said::Nothing(None),
        Ok(Some(tags)) => match inherited(settings, &tags) {
            Some(merged) => Said::Tags(merged),
            None if is_awaited => child.wait_for(parent),
            None => Said::Nothing(Some(tags)),
        },
        Err(failure) if failure.kind == FailureKind::NotFound => match is_awaited {
            true => child.wait_for(parent),
            false => Said::Nothing(None),
        },
        Err(failure) => not_now(parent, failure),
    }
}

fn not_now(parent: &Parent, failure: Failure) -> Said {
    Said::NotYet(Unfinished::Parent { parent: parent.to_string(), failure })
}

/// Who deployed the stack last before the child was made. Another deploy may have come between, and its record may
/// still come: only a session of the service role that began with the deploy is certain at once. Of what stands
/// behind a parent, nobody knows when that was made: it is its creator's.
async fn of_stack(
    sessions: &impl SessionStore,
    settings: &Settings,
    parent: &Parent,
    stack: &Stack,
    is_behind: bool,
    child: &Child<'_>,
) -> Said {
    let window = (child.at().saturating_sub(REMEMBERED), child.at());
    let deploys = match sessions.deploys(&Shelf::of(stack), window, MOST_OF_STACK).await {
        Ok(deploys) => deploys,
        Err(failure) => return not_now(parent, failure),
    };
    let deploy = if is_behind { creator(&deploys, stack) } else { last(&deploys, stack) };
    match deploy {
        Some(deploy) if began_with(child.principal.session_created, deploy) => {
            of_deploy(settings, parent, deploy, child)
        }
        _ if child.is_young() => child.wait_for(parent),
        Some(deploy) => of_deploy(settings, parent, deploy, child),
        None => Said::Nothing(None),
    }
}

fn of_deploy(settings: &Settings, parent: &Parent, deploy: &Deploy, child: &Child<'_>) -> Said {
    let until = deploy.at.saturating_add(SETTLED_WITHIN);
    if !deploy.is_settled && child.now < until {
        return Said::NotYet(Unfinished::ParentPending { parent: parent.to_string(), until });
    }
    remembered(settings, &deploy.tags).map_or(Said::Nothing(None), Said::Tags)
}

/// Whoever deploys stacks with this role, if at this time there is exactly one: otherwise nobody knows whose it is.
async fn of_role(
    sessions: &impl SessionStore,
    settings: &Settings,
    parent: &Parent,
    role: &str,
    child: &Child<'_>,
) -> Said {
    if child.is_young() {
        return child.wait_for(parent);
    }
    let account = child.event.account().unwrap_or_default().into_owned();
    let window = (child.at().saturating_sub(LONGEST_DEPLOY), child.at());
    let deploys = match sessions.deploys(&Shelf::OfAccount(account), window, MOST_OF_ACCOUNT).await {
        Ok(deploys) if deploys.len() < MOST_OF_ACCOUNT => deploys,
        Ok(_) => return Said::Nothing(None),
        Err(failure) => return not_now(parent, failure),
    };
    let all = with_role(&deploys, role);
    let Some((first, others)) = all.split_first() else { return Said::Nothing(None) };
    if let Some(open) = all.iter().find(|deploy| !deploy.is_settled) {
        let said = of_deploy(settings, parent, open, child);
        if matches!(said, Said::NotYet(_)) {
            return said;
        }
    }
    if others.iter().any(|other| other.tags != first.tags) {
        return Said::Nothing(None);
    }
    let is_one = others.iter().all(|other| other.stack == first.stack);
    let stack = first.stack.clone().filter(|_| is_one).map(Parent::Stack);
    match remembered(settings, &first.tags) {
        Some(merged) => Said::TagsOf(merged, stack.unwrap_or_else(|| parent.clone())),
        None => Said::Nothing(None),
    }
}

/// The owner that a principal is, as far as its ARN tells. Its other tags are not known: roles and sessions have names
/// that others had before.
fn of_launcher(settings: &Settings, arn: &Arn, child: &Child<'_>) -> Said {
    let launcher = Principal::of_arn(arn);
    let no_tags = TagMap::new();
    let known = Inherited { iam: &no_tags, session: None, origin: Some(arn.as_str()) };
    let mut merged = merge(settings, child.event, &launcher, Some(known));
    merged.tags.retain(|tag| tag.key == settings.owner_tag);
    for tag in &mut merged.tags {
        tag.source = TagSource::Parent;
    }
    Said::Tags(merged)
}

/// The tags that come from a parent: those that we state, and of others only those that `INHERIT` names, not those that
/// `*` stands for: a parent has tags that steer schedulers and clusters. `None` where it has no owner.
fn inherited(settings: &Settings, parent: &TagMap) -> Option<Merged> {
    let tags = parent.iter().filter(|(key, value)| {
        settings.inherits_by_name(key) && not_inherited_because(settings, key, value).is_none()
    });
    merged(settings, parent.iter().filter(|(key, _)| is_stated(settings, key)).chain(tags))
}

/// The tags of who deployed a stack, as the settings are now: those that we would give what it creates itself.
fn remembered(settings: &Settings, deployer: &[Tag]) -> Option<Merged> {
    let is_wanted = |tag: &&Tag| {
        is_stated(settings, &tag.key) || not_inherited_because(settings, &tag.key, &tag.value).is_none()
    };
    merged(settings, deployer.iter().filter(is_wanted).map(|tag| (&tag.key, &tag.value)))
}

fn is_stated(settings: &Settings, key: &str) -> bool {
    settings.stated_keys().contains(&key)
}

fn merged<'a>(settings: &Settings, tags: impl Iterator<Item = (&'a String, &'a String)>) -> Option<Merged> {
    let tag = |(key, value): (&String, &String)| Tag {
        key: key.clone(),
        value: value.clone(),
        source: TagSource::Parent,
    };
    let mut tags: Vec<Tag> = tags.map(tag).collect();
    // The owner first: what is over a limit goes from the end.
    tags.sort_by_key(|tag| tag.key != settings.owner_tag);
    let has_owner = tags.first().is_some_and(|tag| tag.key == settings.owner_tag);
    has_owner.then(|| Merged { tags, dropped: Vec::new() })
}
