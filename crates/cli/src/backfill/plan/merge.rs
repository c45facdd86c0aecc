//! The last stage: the judged parts become one plan, in the order in which calls are made.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::io::{self, Write};
use std::path::Path;

use aws_tags::backfill::plan::{Guess, State};
use aws_tags::backfill::verdict::Verdict;
use aws_tags::tags::TagSource;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::super::disk::replace;
use super::judge::order;
use super::shards::{self, Lines, SHARDS};
use super::summary::Summary;

/// Writes the plan, and counts what is in it.
pub(super) fn merge(folder: &Path, from: &str, plan: &Path) -> io::Result<Summary> {
    let owners = owners_of_parents(folder, from)?;
    let mut summary = Summary::default();
    replace(plan, |out| {
        let mut parts = Vec::with_capacity(SHARDS);
        let mut next = BinaryHeap::with_capacity(SHARDS);
        for shard in 0..SHARDS {
            let mut part = Part { lines: Lines::of(&shards::path(folder, from, shard))?, head: None };
            if let Some(order) = part.advance()? {
                next.push(Reverse((order, shard)));
            }
            parts.push(part);
        }
        while let Some(Reverse((_, shard))) = next.pop() {
            let Some(part) = parts.get_mut(shard) else { continue };
            let Some(mut verdict) = part.head.take() else { continue };
            if let Some(order) = part.advance()? {
                next.push(Reverse((order, shard)));
            }
            guess(&mut verdict, &owners);
            summary.count(&verdict);
            serde_json::to_writer(&mut *out, &verdict.line())?;
            out.write_all(b"\n")?;
        }
        Ok(())
    })?;
    Ok(summary)
}

/// A part, and the line of it that comes next.
struct Part {
    lines: Lines,
    head: Option<Verdict>,
}

impl Part {
    fn advance(&mut self) -> io::Result<Option<[String; 5]>> {
        let Some(line) = self.lines.next()? else { return Ok(None) };
        let verdict: Verdict = serde_json::from_slice(line)?;
        let order = order(&verdict);
        self.head = Some(verdict);
        Ok(Some(order))
    }
}

/// What a service created for a parent may be its owner's, but that is only known once the parent has its tags.
pub(super) fn guess(verdict: &mut Verdict, owners: &HashMap<String, String>) {
    let Some(parent) = &verdict.parent else { return };
    let Some(owner) = owners.get(parent).filter(|_| verdict.planned.state == State::Unsure) else { return };
    let why = format!("the plan gives {parent} this owner: plan again once it has");
    verdict.planned.guess = Some(Guess { owner: owner.clone(), why });
}

/// The owners that the plan gives to what services created others for.
pub(super) fn owners_of_parents(folder: &Path, from: &str) -> io::Result<HashMap<String, String>> {
    let mut parents = HashSet::new();
    each(folder, from, |child: Child| {
        parents.extend(child.parent);
    })?;
    let mut owners = HashMap::new();
    if parents.is_empty() {
        return Ok(owners);
    }
    each(folder, from, |verdict: Verdict| {
        let owner = verdict.planned.add.iter().find(|tag| tag.source == TagSource::Owner.as_str());
        if let (Some(owner), true) = (owner, parents.contains(&verdict.planned.arn)) {
            owners.insert(verdict.planned.arn.clone(), owner.value.clone());
        }
    })?;
    Ok(owners)
}

/// What a verdict says of a parent.
#[derive(Deserialize)]
struct Child {
    parent: Option<String>,
}

pub(super) fn each<T: DeserializeOwned>(
    folder: &Path,
    from: &str,
    mut take: impl FnMut(T),
) -> io::Result<()> {
    for shard in 0..SHARDS {
        shards::lines(&shards::path(folder, from, shard), &mut |line| {
            take(serde_json::from_slice(line)?);
            Ok(())
        })?;
    }
    Ok(())
}
