//! Puts together what a resource is: its tags and where they came from, its state, and whose it is.

use aws_tags::Settings;
use aws_tags::audit::{FoundTag, Guesses, Known, Resource, Rules, State, TagOrigin, value};
use aws_tags::tags::TagMap;

use super::history::Past;
use super::inventory::{Collected, Found, Place};

/// Every resource that was found, sorted by ARN.
pub(super) fn resources(
    place: &Place,
    settings: &Settings,
    required: &[String],
    past: &std::collections::BTreeMap<String, Past>,
    collected: &Collected,
) -> Vec<Resource> {
    let rules =
        Rules { required, owner: &settings.owner_tag, principal_id: settings.principal_id_tag.as_deref() };
    let found = collected.found.iter();
    let mut resources: Vec<Resource> =
        found.filter_map(|(arn, found)| resource(place, &rules, found, past.get(arn))).collect();
    let guesses = Guesses::of(&resources);
    for resource in &mut resources {
        let by_past = past.get(&resource.arn).and_then(|past| past.guess.clone());
        let by_past = by_past.filter(|_| resource.state == State::OwnerUnknown);
        resource.guess = by_past.or_else(|| guesses.about(resource));
    }
    resources
}

fn resource(place: &Place, rules: &Rules<'_>, found: &Found, past: Option<&Past>) -> Option<Resource> {
    let Found { arn, tags, region, kind } = found;
    let tags = tags.as_ref()?;
    let planned =
        |past: &Past| past.planned.iter().map(|(key, (value, _))| (key.clone(), value.clone())).collect();
    let creator = |past: &Past| past.created.as_ref().map(|created| created.by.clone());
    let known = past.map(|past| Known {
        planned: planned(past),
        written: past.written.clone(),
        creator: creator(past),
    });
    let owner_of =
        |tags: &TagMap| value(kind, tags, rules.owner).filter(|owner| !owner.is_empty()).map(str::to_owned);
    let owner = owner_of(tags).or_else(|| owner_of(&known.as_ref()?.planned));
    // Only we set the id of a principal; the owner beside it may be another's.
    let fits_mark = rules.fits_mark(kind, tags);
    let is_by_mark = |key: &str| Some(key) == rules.principal_id || key == rules.owner && fits_mark;
    let tag = |(key, value): (&String, &String)| {
        let by_past = past.and_then(|past| origin(past, key, value));
        let by_mark = (past.is_none_or(|past| past.planned.is_empty()) && is_by_mark(key))
            .then_some(TagOrigin::Principal);
        let is_written = past.is_some_and(|past| past.written.get(key) == Some(value));
        FoundTag {
            key: key.clone(),
            value: value.clone(),
            from: by_past.or(by_mark).unwrap_or(TagOrigin::Other),
            run: past.and_then(|past| past.run.clone()).filter(|_| is_written),
        }
    };
    Some(Resource {
        arn: arn.to_string(),
        resource_type: kind.clone(),
        account: place.account.clone(),
        region: region.clone(),
        state: rules.state(kind, tags, known.as_ref()),
        created: past.and_then(|past| past.created.clone()),
        owner,
        missing: rules.missing(kind, tags),
        tags: tags.iter().map(tag).collect(),
        guess: None,
    })
}

/// Where a tag came from, by the past: the request, if it set this value, else what was planned.
fn origin(past: &Past, key: &str, value: &str) -> Option<TagOrigin> {
    if past.requested.get(key).is_some_and(|requested| requested == value) {
        return Some(TagOrigin::Request);
    }
    past.planned.get(key).filter(|(planned, _)| planned == value).map(|(_, origin)| *origin)
}
