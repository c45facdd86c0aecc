//! Whose is it really: what a service created for another resource, its parent, belongs to the parent's owner.
//!
//! A parent counts only in the record of the service that acts, or of a role that the service was given, and only in
//! the record's own account: who else names one may name what it likes.

use std::fmt;

use time::{Duration, OffsetDateTime};

use super::merge::{Merged, not_inherited_because};
use super::outcome::Unfinished;
use super::shown::Shown;
use crate::identity::Principal;
use crate::ports::{FailureKind, Tagger};
use crate::record::{Arn, Event, Piece, pieces};
use crate::settings::Settings;
use crate::table::{Named, PARENTS, ParentRow, Resource, of_type};
use crate::tags::{Tag, TagMap, TagSource};

/// A parent whose own event is under way is tagged within so long.
const TAGGED_WITHIN: Duration = Duration::minutes(15);

/// The resource for which a service created others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parent {
    /// Its type in people's words.
    title: &'static str,
    pub resource: Resource,
}

impl fmt::Display for Parent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.title, self.resource.arn.id())
    }
}

impl Parent {
    /// The parent of what an event created.
    pub fn of(event: &Event, principal: &Principal) -> Option<Self> {
        let user_agent = event.text("userAgent").unwrap_or_default();
        let service = principal.acting_service(&user_agent)?;
        let mut rows = PARENTS.iter().filter(|row| row.service == service).peekable();
        rows.peek()?;
        let shown = Shown::by(event);
        rows.find_map(|row| Self::named(row, event, &shown, principal))
    }

    fn named(row: &ParentRow, event: &Event, shown: &Shown<'_>, principal: &Principal) -> Option<Self> {
        let after = |path: &str, start: &str| {
            let text = event.text(path)?;
            let (_, rest) = text.split_once(start)?;
            rest.split_whitespace().next().map(str::to_owned)
        };
        let name = match row.named {
            Named::Tag(key) => shown.requested(key)?,
            Named::At(path) => only(event.texts(path))?,
            Named::After(path, start) => after(path, start)?,
            Named::SessionAfter(path, start) => {
                after(path, start).filter(|name| principal.session_name() == Some(name.as_str()))?
            }
        };
        let text = match row.arn {
            // Requests take ARNs in place of names.
            Some(format) if !name.starts_with("arn:") => filled(format, event, &name)?,
            _ => name,
        };
        let arn = Arn::parse(&text)?;
        let is_ours =
            event.account().is_some_and(|own| arn.account() == own) && arn.partition() == event.partition();
        let resource = is_ours.then(|| of_type(row.resource_type, arn, event.region()))??;
        Some(Self { title: row.title, resource })
    }
}

/// The one value that all have.
fn only(mut texts: Vec<std::borrow::Cow<'_, str>>) -> Option<String> {
    texts.dedup();
    match texts.as_slice() {
        [one] => Some(one.clone().into_owned()),
        _ => None,
    }
}

fn filled(format: &str, event: &Event, name: &str) -> Option<String> {
    let mut arn = String::with_capacity(format.len());
    for piece in pieces(format) {
        match piece {
            Piece::Text(text) => arn.push_str(text),
            Piece::Variable("Partition") => arn.push_str(event.partition()),
            Piece::Variable("Region") => arn.push_str(event.region()),
            Piece::Variable("Account") => arn.push_str(&event.account()?),
            Piece::Variable(_) => arn.push_str(name),
        }
    }
    Some(arn)
}

/// What a parent says of the tags of its children.
pub(super) enum FromParent {
    /// These, and no others.
    Tags(Merged),
    /// Nothing: it is gone, has no owner, or nobody is asked.
    Nothing,
    /// It may say something later.
    NotYet(Unfinished),
}

/// Asks a parent.
pub(super) async fn ask(
    tagger: &impl Tagger,
    settings: &Settings,
    parent: &Parent,
    event: &Event,
    now: OffsetDateTime,
) -> FromParent {
    let until = event.time().unwrap_or(now).saturating_add(TAGGED_WITHIN);
    // Types that are left alone by default may never get an owner.
    let is_awaited = until > now
        && parent.resource.opt_in.is_none_or(|_| settings.also_tags(parent.resource.resource_type));
    let wait = || FromParent::NotYet(Unfinished::ParentPending { parent: parent.to_string(), until });
    match tagger.parent_tags(&parent.resource).await {
        Ok(None) => FromParent::Nothing,
        Ok(Some(tags)) => match inherited(settings, &tags) {
            Some(merged) => FromParent::Tags(merged),
            None if is_awaited => wait(),
            None => FromParent::Nothing,
        },
        Err(failure) if failure.kind == FailureKind::NotFound => match is_awaited {
            true => wait(),
            false => FromParent::Nothing,
        },
        Err(failure) => FromParent::NotYet(Unfinished::Parent { parent: parent.to_string(), failure }),
    }
}

/// The tags that come from a parent: those that we state, and of others only those that `INHERIT` names, not those that
/// `*` stands for: a parent has tags that steer schedulers and clusters. `None` where it has no owner.
fn inherited(settings: &Settings, parent: &TagMap) -> Option<Merged> {
    parent.get(&settings.owner_tag)?;
    let stated = settings.stated_keys();
    let is_stated = |key: &str| stated.contains(&key);
    let is_named = |key: &str, value: &str| {
        settings.inherits_by_name(key) && not_inherited_because(settings, key, value).is_none()
    };
    let wanted = parent.iter().filter(|(key, value)| is_stated(key) || is_named(key, value));
    let tag = |(key, value): (&String, &String)| Tag {
        key: key.clone(),
        value: value.clone(),
        source: TagSource::Parent,
    };
    let mut tags: Vec<Tag> = wanted.map(tag).collect();
    // The owner first: what is over a limit goes from the end.
    tags.sort_by_key(|tag| tag.key != settings.owner_tag);
    Some(Merged { tags, dropped: Vec::new() })
}
