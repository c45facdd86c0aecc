//! Remembers who deploys a stack, with the tags that belong on what its service role makes.

use super::inherit::Child;
use super::merge::Merged;
use super::outcome::Unfinished;
use crate::ports::{Failure, SessionStore};
use crate::settings::{ServiceCreated, Settings};
use crate::stacks::{Deploy, MOST_OF_STACK, REMEMBERED};
use crate::tags::TAGS_PER_RESOURCE;

/// Remembers the deploy that an event is, at once: what it makes waits where the tags are not certain yet.
pub(super) async fn keep(
    sessions: &impl SessionStore,
    settings: &Settings,
    caller: &Child<'_>,
    merged: &Merged,
    unfinished: &mut Vec<Unfinished>,
) -> Option<Deploy> {
    if settings.service_created != ServiceCreated::Parent {
        return None;
    }
    let mut deploy = Deploy::of(caller.event, caller.principal)?;
    // No resource takes more.
    deploy.tags = merged.tags.iter().take(TAGS_PER_RESOURCE).cloned().collect();
    deploy.is_settled = unfinished.iter().all(|reason| matches!(reason, Unfinished::Missing(_)));
    let change_set = deploy.unnamed_change_set().map(str::to_owned);
    if let Err(failure) = store(sessions, &mut deploy).await {
        let stack = || deploy.stack.as_ref().map(ToString::to_string);
        let what = change_set.or_else(stack).unwrap_or_default();
        unfinished.push(Unfinished::Memory { what, failure });
    } else if let Some(change_set) = change_set.filter(|_| deploy.stack.is_none() && caller.is_young()) {
        unfinished.push(Unfinished::ParentPending { parent: change_set, until: caller.until() });
    }
    Some(deploy)
}

/// Stores it first and looks then: of two that need each other, the later one finds the earlier.
async fn store(sessions: &impl SessionStore, deploy: &mut Deploy) -> Result<(), Failure> {
    sessions.remember(deploy).await?;
    let Some(shelf) = deploy.change_set_shelf() else { return Ok(()) };
    let window = (deploy.at.saturating_sub(REMEMBERED), deploy.at.saturating_add(REMEMBERED));
    let of_change_set = sessions.deploys(&shelf, window, MOST_OF_STACK).await?;
    if deploy.stack.is_some() {
        // It was executed by its ARN alone.
        for executed in of_change_set.into_iter().filter(|other| other.stack.is_none()) {
            sessions.remember(&executed.of_prepared(deploy)).await?;
        }
    } else if let Some(prepared) = of_change_set.into_iter().find(|other| other.stack.is_some()) {
        *deploy = deploy.clone().of_prepared(&prepared);
        sessions.remember(deploy).await?;
    }
    Ok(())
}
