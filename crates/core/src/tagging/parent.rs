//! Whose is it really: what a service created for another resource, its parent, belongs to the parent's owner.
//!
//! A parent counts only in the record of the service that acts, or of a role that the service was given, and only in
//! the record's own account: who else names one may name what it likes.

use std::borrow::Cow;
use std::fmt;

use super::shown::Shown;
use crate::identity::Principal;
use crate::record::{Arn, Event, Piece, pieces};
use crate::stacks::{CLOUDFORMATION, Stack};
use crate::table::{Named, PARENTS, ParentRow, Resource, STACK, of_type};
use crate::tags::{TagMap, starts_reserved};

/// What a service created others for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parent {
    /// A resource, which is asked for its tags.
    Resource {
        /// Its type in people's words.
        title: &'static str,
        resource: Box<Resource>,
    },
    /// A stack, whose deployers are remembered.
    Stack(Stack),
    /// A stack of this service role: the record does not tell which.
    StackOfRole(String),
}

impl fmt::Display for Parent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resource { title, resource } => write!(f, "{title} {}", resource.arn.id()),
            Self::Stack(stack) => stack.fmt(f),
            Self::StackOfRole(role) => {
                write!(f, "a stack of role {}", role.rsplit('/').next().unwrap_or_default())
            }
        }
    }
}

impl Parent {
    /// The parent of what an event created.
    pub fn of(event: &Event, principal: &Principal) -> Option<Self> {
        Self::all(event, principal).into_iter().next()
    }

    /// All that may be it, the surest first: who has no owner says nothing.
    pub(super) fn all(event: &Event, principal: &Principal) -> Vec<Self> {
        let user_agent = event.text("userAgent").unwrap_or_default();
        let Some(service) = principal.acting_service(&user_agent) else { return Vec::new() };
        let mut rows = PARENTS.iter().filter(|row| row.service == service).peekable();
        if rows.peek().is_none() {
            return Vec::new();
        }
        let shown = Shown::by(event);
        let mut all: Vec<Self> = rows.filter_map(|row| Self::named(row, event, &shown, principal)).collect();
        if all.is_empty() && service == CLOUDFORMATION {
            let role = principal.issuer.as_ref().and_then(|issuer| issuer.arn.clone());
            all.extend(role.map(Self::StackOfRole));
        }
        all
    }

    /// The parent of a parent, by the tags on it that only AWS can set.
    pub(super) fn behind(tags: &TagMap, event: &Event) -> Option<Self> {
        PARENTS.iter().find_map(|row| match row.named {
            Named::Tag(key) if starts_reserved(key) => Self::located(row, event, tags.get(key)?.clone()),
            _ => None,
        })
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
        Self::located(row, event, name)
    }

    fn located(row: &ParentRow, event: &Event, name: String) -> Option<Self> {
        let text = match row.arn {
            // Requests take ARNs in place of names.
            Some(format) if !name.starts_with("arn:") => filled(format, event, &name)?,
            _ => name,
        };
        let arn = Arn::parse(&text)?;
        let own = event.account()?;
        if arn.account() != own || arn.partition() != event.partition() {
            return None;
        }
        if row.resource_type == STACK {
            return Stack::of_arn(&arn).map(Self::Stack);
        }
        let resource = of_type(row.resource_type, arn, event.region())?;
        Some(Self::Resource { title: row.title, resource: Box::new(resource) })
    }
}

/// The one value that all have.
fn only(mut texts: Vec<Cow<'_, str>>) -> Option<String> {
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
