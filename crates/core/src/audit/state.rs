//! In which state a resource is: a pure function of its tags, what is required, and what is known of its past.

use super::State;
use crate::record::Arn;
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
    /// ARN of the principal that created it.
    pub creator: Option<String>,
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

    /// Whether the value of its owner tag is what we wrote, or what the past names. What the past does not tell, the id of
    /// the principal may.
    fn is_ours(&self, resource_type: &str, tags: &TagMap, known: Option<&Known>) -> bool {
        let of = |tags, key| value(resource_type, tags, key).filter(|value| !value.is_empty());
        let Some(owner) = of(tags, self.owner) else { return false };
        let written = known.and_then(|known| of(&known.written, self.owner));
        let planned = known.and_then(|known| of(&known.planned, self.owner));
        let creator = known.and_then(|known| known.creator.as_deref());
        match [written, planned] {
            [None, None] => creator == Some(owner) || self.fits_mark(resource_type, tags),
            named => named.contains(&Some(owner)),
        }
    }

    /// Whether the owner tag names the principal whose id stands beside it. That id alone says that we were here, not that
    /// the owner is ours: a tag that was there stays, and anybody can change it.
    pub fn fits_mark(&self, resource_type: &str, tags: &TagMap) -> bool {
        let of = |key| value(resource_type, tags, key).filter(|value| !value.is_empty());
        let mark = self.principal_id.and_then(of);
        mark.zip(of(self.owner)).is_some_and(|(mark, owner)| names_principal(owner, mark))
    }
}

/// Whether an owner is the ARN or the name of the session that an id such as `AROA…:ann` is of, or the ARN of the root user,
/// whose id is its account. The id of an IAM user does not tell its name.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#principaltable>
fn names_principal(owner: &str, id: &str) -> bool {
    let arn = Arn::parse(owner);
    match (id.split_once(':'), arn) {
        (Some((_, session)), Some(arn)) => arn.service() == "sts" && arn.id() == session,
        (Some((_, session)), None) => owner == session,
        (None, Some(arn)) => arn.account() == id && arn.resource() == "root",
        (None, None) => false,
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
        let known = Known { planned: map(planned), written: map(written), creator: None };
        let known = (!planned.is_empty() || !written.is_empty()).then_some(known);
        rules.state("sqs:queue", &map(tags), known.as_ref())
    }

    #[test]
    fn each_mix_of_tags_and_past_has_its_state() {
        let (ann, bo, mark, other_mark) =
            (("Owner", "ann"), ("Owner", "bo"), ("PrincipalId", "AROA1:ann"), ("PrincipalId", "AROA2:cy"));
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
            // The value of the owner tag decides, not that our mark stands beside it.
            (OWNER, &[bo, mark], &[], &[], TaggedOtherwise),
            (OWNER, &[bo, mark], &[ann, mark], &[], TaggedOtherwise),
            (OWNER, &[bo, mark], &[], &[ann, mark], TaggedOtherwise),
            (OWNER, &[ann, other_mark], &[ann, mark], &[], Ours),
            (OWNER, &[ann, mark], &[mark], &[], Ours),
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
                let known = Known { planned: tags(planned, None, mark), ..Known::default() };
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
    fn an_owner_is_ours_without_a_history_if_it_names_the_principal_of_the_mark() {
        let session = "arn:aws:sts::111122223333:assumed-role/dev/ann";
        let (user, root) = ("arn:aws:iam::111122223333:user/ann", "arn:aws:iam::111122223333:root");
        for (owner, id, is_named) in [
            (session, "AROA1:ann", true),
            ("ann", "AROA1:ann", true),
            ("arn:aws:sts::111122223333:federated-user/ann", "111122223333:ann", true),
            (root, "111122223333", true),
            (session, "AROA1:bo", false),
            (user, "AROA1:ann", false),
            ("someone-else", "AROA1:ann", false),
            // Nothing tells whose id it is.
            (user, "AIDA1", false),
            ("someone-else", "AIDA1", false),
            (root, "444455556666", false),
            ("", "AROA1:", false),
        ] {
            let state = state(OWNER, &[("Owner", owner), ("PrincipalId", id)], &[], &[]);
            assert_eq!(state == State::Ours, is_named, "{owner} {id}");
        }
    }

    #[test]
    fn whoever_created_it_is_an_owner_that_the_past_names() {
        let required = ["Owner".to_owned()];
        let rules = Rules { required: &required, owner: "Owner", principal_id: Some("PrincipalId") };
        let ann = "arn:aws:iam::111122223333:user/ann";
        let known = Known { creator: Some(ann.to_owned()), ..Known::default() };
        let state = |owner| {
            rules.state("sqs:queue", &map(&[("Owner", owner), ("PrincipalId", "AIDA1")]), Some(&known))
        };
        assert_eq!((state(ann), state("someone-else")), (State::Ours, State::TaggedOtherwise));
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
