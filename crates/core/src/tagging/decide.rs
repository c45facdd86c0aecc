//! What is written to a resource, given what it should get and what it has.

use super::merge::{DropReason, Dropped};
use crate::settings::Settings;
use crate::table::Resource;
use crate::tags::{Tag, TagMap};

/// The planned tags that the resource lacks and has room for, the most important first; and those that
/// it does not get. No tag that is present changes, unless the settings let it.
pub(super) fn decide(
    settings: &Settings,
    resource: &Resource,
    planned: &[Tag],
    present: &TagMap,
) -> (Vec<Tag>, Vec<Dropped>) {
    let (mut write, mut dropped) = (Vec::new(), Vec::new());
    let mut room = resource.max_tags.saturating_sub(present.len());
    for tag in planned {
        let is_present = present.keys().any(|key| resource.same_key(key, &tag.key));
        let reason = match (is_present, settings.keep_existing) {
            (true, true) => DropReason::Present,
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
    use crate::table::{Answered, Read, Route};
    use crate::tags::TagSource;

    fn settings(existing: &'static str) -> Settings {
        Settings::read(|name| (name == "EXISTING_TAGS").then_some(existing)).expect("sound settings")
    }

    fn resource(resource_type: &'static str, max_tags: usize) -> Resource {
        Resource {
            arn: Arn::parse("arn:aws:ec2:eu-west-1:111122223333:volume/vol-1").expect("an ARN"),
            resource_type,
            route: Route::TaggingApi(None),
            read: Read::Never,
            unique: true,
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
        assert_eq!((dropped[0].key.as_str(), dropped[0].reason), ("Team", DropReason::Present));
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
