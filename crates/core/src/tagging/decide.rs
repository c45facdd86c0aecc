//! What may be written to a resource, given what is known of it: the rules by which nobody's tags are
//! harmed. Two pure functions: whether to write at all, and which tags.
//!
//! An ARN that ends in an id of AWS's making names one resource for ever. One that ends in a name may
//! name another resource by now, whose owner is somebody else: what is written there needs a sign that
//! it is still the one that the event created.

use super::merge::{DropReason, Dropped};
use crate::settings::Settings;
use crate::table::{Answered, Resource};
use crate::tags::{Tag, TagMap, TagSource};

/// What is known of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Signs {
    /// Its ARN ends in an id that AWS never gives twice.
    pub(super) unique: bool,
    /// Whether the call says that it created it.
    pub(super) answered: Answered,
    /// Whose mark it has.
    pub(super) mark: Mark,
    /// Whether the request set every tag that it has, but for AWS's own.
    pub(super) explained: bool,
    /// Whether the event is older than an hour: time enough to delete it and create another.
    pub(super) late: bool,
    pub(super) proof: Proof,
}

/// The tag that tells who created a resource: `PrincipalId`, or `Owner` where that is switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// It is what this event would write.
    Own,
    /// It is another.
    Foreign,
    /// There is none, or the creating request set it, or a copy brought it.
    None,
}

/// Whether a resource is the one that the event created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    NotAsked,
    /// Its creation time fits the event, or the history has no other creation of its name.
    Given,
    /// It is older than the event.
    Older,
    /// There is no proof to be had.
    None,
}

/// Whether a resource may be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Write,
    /// It cannot be said without proof.
    AskForProof,
    /// It is older than the event.
    Older,
    /// Somebody else created it since.
    OthersMark,
    /// It may be older than the event, and has tags that the request does not explain.
    MayBeOlder,
    /// Only the history can tell whether it is still the same.
    Late,
}

/// Whether a resource may be written to.
pub(super) const fn may_write(signs: Signs) -> Decision {
    let surely_new = matches!(signs.answered, Answered::New);
    let late = signs.late && !signs.unique;
    let may_be_older = !surely_new && !signs.explained;
    match (signs.answered, signs.proof, signs.mark) {
        (Answered::Old, _, _) | (_, Proof::Older, _) => Decision::Older,
        _ if signs.unique && surely_new => Decision::Write,
        (_, Proof::Given, _) | (_, _, Mark::Own) => Decision::Write,
        (_, _, Mark::Foreign) => Decision::OthersMark,
        (_, Proof::NotAsked, Mark::None) if late || may_be_older => Decision::AskForProof,
        _ if late => Decision::Late,
        _ if may_be_older => Decision::MayBeOlder,
        _ => Decision::Write,
    }
}

/// Whose mark a resource has. `brought` is whether a copy or template may have brought it along.
pub(crate) fn mark(
    settings: &Settings,
    resource: &Resource,
    planned: &[Tag],
    present: &TagMap,
    shown: &TagMap,
    brought: bool,
) -> Mark {
    let value = |tags: &TagMap, key: &str| {
        tags.iter().find(|(other, _)| resource.same_key(other, key)).map(|(_, value)| value.clone())
    };
    // What the request set says nothing of who was here.
    let found = |key: &str| value(present, key).filter(|_| value(shown, key).is_none());
    let would_write = |key: &str| planned.iter().find(|tag| tag.key == key).map(|tag| tag.value.clone());
    let foreign = if brought { Mark::None } else { Mark::Foreign };
    let owner = settings.owner_tag.as_str();
    let Some(id) = settings.principal_id_tag.as_deref() else {
        return match found(owner) {
            None => Mark::None,
            same if same == would_write(owner) => Mark::Own,
            Some(_) => foreign,
        };
    };
    match (found(id), would_write(id)) {
        (Some(found), Some(planned)) if found == planned => Mark::Own,
        (Some(_), _) => foreign,
        // A service leaves no id but its name. Whoever else has set an owner is not known to have made it.
        (None, None) if found(owner).is_some() && found(owner) == would_write(owner) => Mark::Own,
        (None, _) => Mark::None,
    }
}

/// Whether the request set every tag that a resource has.
pub(super) fn is_explained(resource: &Resource, present: &TagMap, shown: &TagMap) -> bool {
    let is_shown = |(key, value): (&String, &String)| {
        shown.iter().any(|(other, says)| resource.same_key(other, key) && says == value)
    };
    present.iter().all(is_shown)
}

/// The planned tags that the resource lacks and has room for, the most important first; and those that
/// it does not get. No tag that is present changes, unless the settings let it.
pub(super) fn decide(
    settings: &Settings,
    resource: &Resource,
    planned: &[Tag],
    present: &TagMap,
) -> (Vec<Tag>, Vec<Dropped>) {
    chosen(settings.keep_existing, resource, planned, present)
}

/// The same, whatever the settings let: nothing that is present changes.
pub(crate) fn absent(resource: &Resource, planned: &[Tag], present: &TagMap) -> (Vec<Tag>, Vec<Dropped>) {
    chosen(true, resource, planned, present)
}

fn chosen(
    keep_existing: bool,
    resource: &Resource,
    planned: &[Tag],
    present: &TagMap,
) -> (Vec<Tag>, Vec<Dropped>) {
    let (mut write, mut dropped) = (Vec::new(), Vec::new());
    let mut room = resource.max_tags.saturating_sub(present.len());
    for tag in planned {
        let is_present = present.keys().any(|key| resource.same_key(key, &tag.key));
        // What we state ourselves is ASCII as a rule; otherwise the service says so.
        let inherited = matches!(tag.source, TagSource::Iam | TagSource::Session);
        let takes = resource.route.takes(&tag.key) && resource.route.takes(&tag.value);
        let reason = match (is_present, keep_existing) {
            (true, true) => DropReason::Present,
            _ if inherited && !takes => DropReason::Alphabet,
            (false, _) if room == 0 => DropReason::OverLimit,
            _ => {
                room -= usize::from(!is_present);
                write.push(tag.clone());
                continue;
            }
        };
        dropped.push(Dropped { key: tag.key.clone(), source: tag.source, reason });
    }
    (write, dropped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Arn;
    use crate::table::{CreationTime, Read, Route};

    /// The rules of the table in infra/README.md, top to bottom, for every mix of signs.
    #[test]
    fn the_table_of_rules_holds_for_every_mix_of_signs() {
        let rule = |signs: Signs| {
            let Signs { unique, answered, mark, explained, late, proof } = signs;
            let (named, new) = (!unique, answered == Answered::New);
            let rows = [
                (answered == Answered::Old || proof == Proof::Older, Decision::Older),
                (unique && new, Decision::Write),
                (proof == Proof::Given, Decision::Write),
                (mark == Mark::Own, Decision::Write),
                (mark == Mark::Foreign, Decision::OthersMark),
                (proof == Proof::NotAsked && named && late, Decision::AskForProof),
                (proof == Proof::NotAsked && !new && !explained, Decision::AskForProof),
                (named && late, Decision::Late),
                (!new && !explained, Decision::MayBeOlder),
                (true, Decision::Write),
            ];
            rows.into_iter().find(|(applies, _)| *applies).map(|(_, decision)| decision)
        };
        let mut tried = 0;
        for unique in [false, true] {
            for answered in [Answered::New, Answered::NewOrOld, Answered::Old] {
                for mark in [Mark::Own, Mark::Foreign, Mark::None] {
                    for (explained, late) in [(false, false), (false, true), (true, false), (true, true)] {
                        for proof in [Proof::NotAsked, Proof::Given, Proof::Older, Proof::None] {
                            let signs = Signs { unique, answered, mark, explained, late, proof };
                            assert_eq!(Some(may_write(signs)), rule(signs), "{signs:?}");
                            tried += 1;
                        }
                    }
                }
            }
        }
        assert_eq!(tried, 2 * 3 * 3 * 4 * 4);
    }

    /// What no mix of signs may lead to, whatever the rules say.
    #[test]
    fn nothing_is_written_over_the_mark_of_another_without_proof() {
        let base = Signs {
            unique: false,
            answered: Answered::New,
            mark: Mark::Foreign,
            explained: true,
            late: false,
            proof: Proof::None,
        };
        for answered in [Answered::New, Answered::NewOrOld, Answered::Old] {
            for (late, explained) in [(false, false), (false, true), (true, false), (true, true)] {
                assert_ne!(may_write(Signs { answered, late, explained, ..base }), Decision::Write);
            }
        }
        let late = Signs { mark: Mark::None, late: true, ..base };
        assert_eq!(may_write(late), Decision::Late, "nor to a name after an hour");
    }

    #[test]
    fn a_mark_is_the_principal_id_or_where_there_is_none_the_owner() {
        let owned = |owner: &str, id: &str| {
            [("Owner", owner), ("PrincipalId", id), ("Name", "x")]
                .into_iter()
                .filter(|(_, value)| !value.is_empty())
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect::<TagMap>()
        };
        let plan = |id: bool| {
            let mut plan = planned(&["Owner", "PrincipalId"]);
            plan.truncate(if id { 2 } else { 1 });
            plan
        };
        let (keep, topic) = (settings("keep"), resource("sns:topic", 50));
        let of = |plan: &[Tag], present: &TagMap, shown: &TagMap, brought| {
            mark(&keep, &topic, plan, present, shown, brought)
        };
        let none = TagMap::new();
        assert_eq!(of(&plan(true), &owned("ours", "ours"), &none, false), Mark::Own);
        assert_eq!(of(&plan(true), &owned("edited", "ours"), &none, false), Mark::Own);
        assert_eq!(of(&plan(true), &owned("ours", "theirs"), &none, false), Mark::Foreign);
        assert_eq!(of(&plan(false), &owned("ours", "theirs"), &none, false), Mark::Foreign);
        assert_eq!(of(&plan(false), &owned("ours", ""), &none, false), Mark::Own);
        assert_eq!(of(&plan(true), &owned("theirs", ""), &none, false), Mark::None);
        assert_eq!(of(&plan(true), &owned("ours", ""), &none, false), Mark::None);
        assert_eq!(of(&plan(false), &owned("theirs", ""), &none, false), Mark::None);
        assert_eq!(of(&plan(true), &owned("", ""), &none, false), Mark::None);
        let shown = owned("theirs", "theirs");
        assert_eq!(of(&plan(true), &shown, &shown, false), Mark::None, "the request set them");
        assert_eq!(of(&plan(true), &shown, &none, true), Mark::None, "a copy brought them");
        let vars = [("PRINCIPAL_ID_TAG", "")];
        let without_id = Settings::read(|name| {
            vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        });
        let by_owner = |owner: &str| {
            let without_id = without_id.as_ref().expect("sound settings");
            mark(without_id, &topic, &plan(false), &owned(owner, "theirs"), &none, false)
        };
        assert_eq!(
            (by_owner("ours"), by_owner("theirs"), by_owner("")),
            (Mark::Own, Mark::Foreign, Mark::None)
        );
    }

    fn settings(existing: &'static str) -> Settings {
        Settings::read(|name| (name == "EXISTING_TAGS").then_some(existing)).expect("sound settings")
    }

    fn resource(resource_type: &'static str, max_tags: usize) -> Resource {
        Resource {
            arn: Arn::parse("arn:aws:ec2:eu-west-1:111122223333:volume/vol-1").expect("an ARN"),
            resource_type,
            route: Route::TaggingApi(None),
            read: Read::Never,
            told: None,
            unique: true,
            creation_time: CreationTime::Never,
            answered: Answered::New,
            region: "eu-west-1".into(),
            max_tags,
            opt_in: None,
            opt_in_if_service_created: None,
        }
    }

    fn planned(keys: &[&str]) -> Vec<Tag> {
        let tag = |key: &&str| Tag { key: (*key).into(), value: "ours".into(), source: TagSource::Iam };
        keys.iter().map(tag).collect()
    }

    fn present(keys: &[&str]) -> TagMap {
        keys.iter().map(|key| ((*key).to_owned(), "theirs".to_owned())).collect()
    }

    fn keys(tags: &[Tag]) -> Vec<&str> {
        tags.iter().map(|tag| tag.key.as_str()).collect()
    }

    #[test]
    fn present_tags_stay_unless_the_settings_say_otherwise() {
        let (volume, plan, there) =
            (resource("ec2:volume", 50), planned(&["Owner", "Team"]), present(&["Team"]));
        let (write, dropped) = decide(&settings("keep"), &volume, &plan, &there);
        assert_eq!(keys(&write), ["Owner"]);
        assert_eq!((dropped[0].key.as_str(), &dropped[0].reason), ("Team", &DropReason::Present));
        assert_eq!(keys(&decide(&settings("overwrite"), &volume, &plan, &there).0), ["Owner", "Team"]);
    }

    #[test]
    fn keys_are_compared_as_the_service_compares_them() {
        let (plan, there) = (planned(&["Owner", "Team"]), present(&["owner", "team"]));
        assert_eq!(
            keys(&decide(&settings("keep"), &resource("ec2:volume", 50), &plan, &there).0),
            ["Owner", "Team"]
        );
        assert!(decide(&settings("keep"), &resource("iam:role", 50), &plan, &there).0.is_empty());
    }

    /// Every mix of planned and present keys, limits and settings, by brute force: what is absent is
    /// written up to the limit, the first ones first; what is present only to overwrite it.
    #[test]
    fn nothing_present_changes_and_the_limit_holds() {
        const KEYS: [&str; 4] = ["Owner", "a", "A", "b"];
        let some = |bits: usize| {
            KEYS.iter().enumerate().filter(move |(n, _)| bits >> n & 1 == 1).map(|(_, key)| *key)
        };
        for (plan, there, max_tags) in
            (0..16).flat_map(|plan| (0..16).flat_map(move |there| (0..6).map(move |max| (plan, there, max))))
        {
            for resource_type in ["ec2:volume", "iam:role"] {
                let resource = resource(resource_type, max_tags);
                let plan = planned(&some(plan).collect::<Vec<_>>());
                let there = present(&some(there).collect::<Vec<_>>());
                let (present, absent): (Vec<&Tag>, Vec<&Tag>) =
                    plan.iter().partition(|tag| there.keys().any(|key| resource.same_key(key, &tag.key)));
                let fit = &absent[..absent.len().min(max_tags.saturating_sub(there.len()))];
                for (existing, allowed) in [("keep", fit.to_vec()), ("overwrite", [&present, fit].concat())] {
                    let (write, dropped) = decide(&settings(existing), &resource, &plan, &there);
                    let expected: Vec<_> = plan.iter().filter(|tag| allowed.contains(tag)).collect();
                    assert_eq!(write.iter().collect::<Vec<_>>(), expected, "{existing}, {max_tags}");
                    assert_eq!(write.len() + dropped.len(), plan.len());
                }
            }
        }
    }

    #[test]
    fn characters_that_the_service_does_not_take_are_not_sent() {
        let (service, row) = crate::table::all()
            .find_map(|service| {
                let ascii = service.rows.iter().find(|row| !row.route(service).takes("ä"))?;
                Some((service, ascii))
            })
            .expect("a service that takes ASCII only");
        let resource = Resource { route: row.route(service), ..resource(row.resource_type, 50) };
        let plan = planned(&["Team", "Größe", "a;b"]);
        let (write, dropped) = decide(&settings("keep"), &resource, &plan, &TagMap::new());
        assert_eq!(keys(&write), ["Team"]);
        assert!(dropped.len() == 2 && dropped.iter().all(|tag| tag.reason == DropReason::Alphabet));
    }

    #[test]
    fn over_the_limit_the_least_important_tags_go_and_are_named() {
        let plan: Vec<String> = (0..60).map(|n| format!("k{n:02}")).collect();
        let plan = planned(&plan.iter().map(String::as_str).collect::<Vec<_>>());
        let (write, dropped) =
            decide(&settings("keep"), &resource("s3:object", 10), &plan, &present(&["Name"]));
        assert_eq!((write.len(), dropped.len()), (9, 51));
        assert_eq!(keys(&write)[0], "k00");
        assert!(dropped.iter().all(|tag| tag.reason == DropReason::OverLimit));
    }
}
