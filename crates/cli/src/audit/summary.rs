//! Resources by service, owner, key or account, and how many are in which state.

use std::collections::BTreeMap;

use aws_tags::audit::{Resource, State, Tally};

/// What resources are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum By {
    Service,
    Owner,
    /// Each required key, and each other that resources have.
    Key,
    Account,
}

impl By {
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Owner => "owner",
            Self::Key => "key",
            Self::Account => "account",
        }
    }
}

/// The counts of all.
pub(super) fn total(resources: &[Resource]) -> Tally {
    let mut tally = Tally::default();
    resources.iter().for_each(|resource| tally.add(resource.state));
    tally
}

/// The counts of each group, those with most resources first.
pub(super) fn groups(resources: &[Resource], by: By) -> Vec<(String, Tally)> {
    let mut groups: BTreeMap<String, Tally> = BTreeMap::new();
    for resource in resources {
        groups.entry(name(resource, by)).or_default().add(resource.state);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by(|(one, of_one), (other, of_other)| {
        of_other.all().cmp(&of_one.all()).then_with(|| one.cmp(other))
    });
    groups
}

fn name(resource: &Resource, by: By) -> String {
    match by {
        By::Service | By::Key => resource.resource_type.split(':').next().unwrap_or_default().to_owned(),
        By::Owner => resource.owner.clone().unwrap_or_else(|| NOBODY.to_owned()),
        By::Account => resource.account.clone(),
    }
}

/// Who owns what has no owner. No tag has such a value: brackets are not in the alphabet of tags.
const NOBODY: &str = "(nobody)";

/// How many resources have each key: the required ones first, then by number.
pub(super) fn keys(resources: &[Resource], required: &[String]) -> Vec<(String, u64)> {
    let mut keys: BTreeMap<&str, u64> = required.iter().map(|key| (key.as_str(), 0)).collect();
    for resource in resources {
        let lacks = |key: &str| resource.missing.iter().any(|missing| missing == key);
        let has = required.iter().map(String::as_str).filter(|key| !lacks(key));
        let others = resource.tags.iter().map(|tag| tag.key.as_str());
        for key in has.chain(others.filter(|key| !required.iter().any(|required| required == key))) {
            let count = keys.entry(key).or_default();
            *count = count.saturating_add(1);
        }
    }
    let mut keys: Vec<(String, u64)> = keys.into_iter().map(|(key, count)| (key.to_owned(), count)).collect();
    let is_required = |key: &String| required.contains(key);
    keys.sort_by(|(one, of_one), (other, of_other)| {
        (is_required(other), of_other, one).cmp(&(is_required(one), of_one, other))
    });
    keys
}

/// The states in the order in which they are shown, with their words.
pub(super) const STATES: [(State, &str); 4] = [
    (State::Ours, "ours"),
    (State::TaggedOtherwise, "tagged otherwise"),
    (State::Incomplete, "incomplete"),
    (State::OwnerUnknown, "owner unknown"),
];
