//! In which state a resource is: a pure function of its tags, what is required, and what is known of its past.

use super::State;
use crate::tags::TagMap;

/// What a resource should have, and how its tags are compared.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// Keys of the tags that each resource should have.
    pub required: &'a [String],
    /// Key of the owner tag.
    pub owner: &'a str,
    /// Key of the tag that holds the id of the principal, if there is one.
    pub principal_id: Option<&'a str>,
}

/// What the past says of a resource, and of its tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The tags that the event which created it gives it.
    pub planned: TagMap,
    /// The tags that a run of ours wrote, by its journal.
    pub written: TagMap,
}

/// The value of a tag of a resource. IAM takes keys that differ only in case for one.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html>
pub fn value<'a>(resource_type: &str, tags: &'a TagMap, key: &str) -> Option<&'a str> {
    let same = |other: &str| match resource_type.starts_with("iam:") {
        true => other.eq_ignore_ascii_case(key),
        false => other == key,
    };
    tags.iter().find(|(other, _)| same(other)).map(|(_, value)| value.as_str())
}

impl Rules<'_> {
    /// The required keys that a resource lacks. A tag without a value is there, and says nothing.
    pub fn missing(&self, resource_type: &str, tags: &TagMap) -> Vec<String> {
        let lacks = |key: &&String| value(resource_type, tags, key).is_none_or(str::is_empty);
        self.required.iter().filter(lacks).cloned().collect()
    }

    /// The state of a resource; `known` is what the past says, if anything.
    pub fn state(&self, resource_type: &str, tags: &TagMap, known: Option<&Known>) -> State {
        let of = |tags, key| value(resource_type, tags, key).filter(|value| !value.is_empty());
        let is_complete = self.missing(resource_type, tags).is_empty();
        let has_owner = of(tags, self.owner).is_some();
        match is_complete {
            true if self.is_ours(resource_type, tags, known) => State::Ours,
            true => State::TaggedOtherwise,
            // The planned tags are those of a creator that is known.
            false if has_owner || known.is_some_and(|known| of(&known.planned, self.owner).is_some()) => {
                State::Incomplete
            }
            false => State::OwnerUnknown,
        }
    }

    /// Whether its owner is what we wrote. The id of the principal is our mark: nobody else sets it, unless the past
    /// names another one. Without that, the owner must be the one that the past names.
    fn is_ours(&self, resource_type: &str, tags: &TagMap, known: Option<&Known>) -> bool {
        let of = |tags, key| value(resource_type, tags, key).filter(|value| !value.is_empty());
        let owner = of(tags, self.owner);
        let mark = self.principal_id.and_then(|key| of(tags, key));
        let Some(known) = known else { return mark.is_some() };
        let planned = self.principal_id.and_then(|key| of(&known.planned, key));
        let is_same = |one: Option<&str>, other: Option<&str>| one.is_some() && one == other;
        let is_marked = mark.is_some() && planned.is_none_or(|planned| mark == Some(planned));
        let is_written = is_same(owner, of(&known.written, self.owner));
        is_marked || is_written || is_same(owner, of(&known.planned, self.owner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: &[&str] = &["Owner"];
    const BOTH: &[&str] = &["Owner", "Team"];

    fn map(pairs: &[(&str, &str)]) -> TagMap {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn state(
        required: &[&str],
        tags: &[(&str, &str)],
        planned: &[(&str, &str)],
        written: &[(&str, &str)],
    ) -> State {
        let required: Vec<String> = required.iter().map(|key| (*key).to_owned()).collect();
        let rules = Rules { required: &required, owner: "Owner", principal_id: Some("PrincipalId") };
        let known = Known { planned: map(planned), written: map(written) };
        let known = (!planned.is_empty() || !written.is_empty()).then_some(known);
        rules.state("sqs:queue", &map(tags), known.as_ref())
    }

    #[test]
    fn each_mix_of_tags_and_past_has_its_state() {
        let (ann, bo, mark, other_mark) =
            (("Owner", "ann"), ("Owner", "bo"), ("PrincipalId", "AIDA1"), ("PrincipalId", "AIDA2"));
        let team = ("Team", "payments");
        use State::{Incomplete, Ours, OwnerUnknown, TaggedOtherwise};
        type Tags<'a> = &'a [(&'a str, &'a str)];
        let table: &[(&[&str], Tags<'_>, Tags<'_>, Tags<'_>, State)] = &[
            // Required, tags, planned by the history, written by a run.
            (OWNER, &[ann, mark], &[], &[], Ours),
            (OWNER, &[ann, mark], &[ann, mark], &[], Ours),
            (OWNER, &[ann], &[ann, mark], &[], Ours),
            (OWNER, &[ann], &[bo, mark], &[ann], Ours),
            (OWNER, &[ann], &[], &[ann], Ours),
            (BOTH, &[ann, mark, team], &[], &[], Ours),
            (OWNER, &[ann], &[], &[], TaggedOtherwise),
            (OWNER, &[bo], &[ann, mark], &[], TaggedOtherwise),
            (OWNER, &[bo, other_mark], &[ann, mark], &[], TaggedOtherwise),
            (OWNER, &[bo], &[], &[ann], TaggedOtherwise),
            (BOTH, &[ann, team], &[], &[], TaggedOtherwise),
            (BOTH, &[ann, mark], &[], &[], Incomplete),
            (BOTH, &[ann], &[], &[], Incomplete),
            (OWNER, &[team], &[ann, mark], &[], Incomplete),
            (OWNER, &[], &[ann], &[], Incomplete),
            (BOTH, &[team], &[ann], &[], Incomplete),
            (BOTH, &[team], &[], &[], OwnerUnknown),
            (OWNER, &[], &[], &[], OwnerUnknown),
            (OWNER, &[("Owner", "")], &[], &[], OwnerUnknown),
            (OWNER, &[("owner", "ann")], &[], &[], OwnerUnknown),
            (OWNER, &[mark], &[], &[], OwnerUnknown),
            (OWNER, &[], &[mark], &[], OwnerUnknown),
            (&[], &[], &[], &[], TaggedOtherwise),
        ];
        for (required, tags, planned, written, expected) in table {
            assert_eq!(
                state(required, tags, planned, written),
                *expected,
                "{required:?} {tags:?} {planned:?} {written:?}"
            );
        }
    }

    /// Whatever the past says: all required keys with values are covered, and nothing else is.
    #[test]
    fn coverage_depends_on_the_tags_alone() {
        let values = [None, Some(""), Some("ann"), Some("bo")];
        let tags = |owner: Option<&str>, team: Option<&str>, mark: Option<&str>| {
            let pairs = [("Owner", owner), ("Team", team), ("PrincipalId", mark)];
            pairs
                .into_iter()
                .filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned())))
                .collect::<TagMap>()
        };
        let required: Vec<String> = BOTH.iter().map(|key| (*key).to_owned()).collect();
        let rules = Rules { required: &required, owner: "Owner", principal_id: Some("PrincipalId") };
        let mut tried = 0;
        for (owner, team) in values.iter().flat_map(|owner| values.iter().map(move |team| (*owner, *team))) {
            for (mark, planned) in
                values.iter().flat_map(|mark| values.iter().map(move |planned| (*mark, *planned)))
            {
                let known = Known { planned: tags(planned, None, mark), written: TagMap::new() };
                for known in [None, Some(&known)] {
                    let state = rules.state("sqs:queue", &tags(owner, team, mark), known);
                    let has = |value: Option<&str>| value.is_some_and(|value| !value.is_empty());
                    assert_eq!(
                        state.is_covered(),
                        has(owner) && has(team),
                        "{owner:?} {team:?} {mark:?} {planned:?}"
                    );
                    tried += 1;
                }
            }
        }
        assert_eq!(tried, 512);
    }

    #[test]
    fn iam_takes_keys_in_any_case() {
        let required = ["Owner".to_owned()];
        let rules = Rules { required: &required, owner: "Owner", principal_id: None };
        let tags = map(&[("OWNER", "ann")]);
        assert_eq!(rules.state("iam:role", &tags, None), State::TaggedOtherwise);
        assert_eq!(rules.state("sqs:queue", &tags, None), State::OwnerUnknown);
    }
}
