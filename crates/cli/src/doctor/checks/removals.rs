//! Whether something removes our tags again.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use crate::account::Removal;

/// Parts of user agents of tools that remove what they do not know, and what to do about each.
/// <https://registry.terraform.io/providers/hashicorp/aws/latest/docs/guides/resource-tagging>
const TOOLS: &[(&str, Remedy)] =
    &[("OpenTofu", Remedy::IgnoreTags), ("Terraform", Remedy::IgnoreTags), ("Pulumi", Remedy::IgnoreChanges)];

/// Fewer removals of a tool that is not known are somebody's work by hand.
const REPEATED: usize = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Remedy {
    IgnoreTags,
    IgnoreChanges,
    Unknown,
}

/// What one principal removed with one tool.
#[derive(Default)]
struct Removed<'a> {
    calls: usize,
    keys: BTreeSet<&'a str>,
    regions: BTreeSet<&'a str>,
}

/// Who removed tags of the keys that this deployment states, with what, and how to make it stop. `removals` are those of
/// each Region.
pub(in crate::doctor) fn removals(removals: &[(String, Vec<Removal>)], keys: &[&str]) -> Vec<Finding> {
    let mut by: BTreeMap<(&str, &str), Removed> = BTreeMap::new();
    for (region, removal) in
        removals.iter().flat_map(|(region, all)| all.iter().map(move |one| (region, one)))
    {
        let removed: Vec<&str> = keys.iter().copied().filter(|key| removal.texts.contains(*key)).collect();
        if removed.is_empty() {
            continue;
        }
        let entry = by.entry((&removal.by, tool(&removal.user_agent).0)).or_default();
        entry.calls += 1;
        entry.keys.extend(removed);
        entry.regions.insert(region);
    }
    by.into_iter().filter_map(|((who, tool), removed)| finding(who, tool, &removed, keys)).collect()
}

fn finding(who: &str, with: &str, removed: &Removed, keys: &[&str]) -> Option<Finding> {
    let remedy = tool(with).1;
    if remedy == Remedy::Unknown && removed.calls < REPEATED {
        return None;
    }
    let with = if with.is_empty() { String::new() } else { format!(" with {with}") };
    let found = format!(
        "{who} removed {} again{with}: {} calls in the last day, in {}",
        listed(&removed.keys, "`"),
        removed.calls,
        listed(&removed.regions, "")
    );
    let all = listed(&keys.iter().copied().collect(), "\"");
    let todo = match remedy {
        Remedy::IgnoreTags => format!(
            "let it ignore them: provider \"aws\" {{ ignore_tags {{ keys = [{all}] }} }}, with the keys that are inherited"
        ),
        Remedy::IgnoreChanges => {
            format!("let it ignore them: ignoreChanges on the tags {all}, and those that are inherited")
        }
        Remedy::Unknown => {
            "let it leave these keys alone, or choose others: OwnerTag, PrincipalIdTag, ExtraTags".to_owned()
        }
    };
    Some(Finding::warning(found, todo))
}

/// The tool of a user agent, and the remedy; an empty name for all others.
fn tool(user_agent: &str) -> (&'static str, Remedy) {
    let found = TOOLS.iter().find(|(name, _)| user_agent.contains(name));
    found.copied().unwrap_or(("", Remedy::Unknown))
}

fn listed(texts: &BTreeSet<&str>, quote: &str) -> String {
    texts.iter().map(|text| format!("{quote}{text}{quote}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERRAFORM: &str =
        "APN/1.0 HashiCorp/1.0 Terraform/1.9.8 (+https://www.terraform.io) terraform-provider-aws/5.80.0";
    const ROLE: &str = "arn:aws:iam::111122223333:role/ci";

    fn found(user_agent: &str, key: &str, calls: usize) -> Vec<Finding> {
        let one = Removal {
            by: ROLE.to_owned(),
            user_agent: user_agent.to_owned(),
            texts: [key.to_owned(), "arn:aws:sns:eu-west-1:111122223333:x".to_owned()].into(),
        };
        removals(&[("eu-west-1".to_owned(), vec![one; calls])], &["Owner", "PrincipalId"])
    }

    #[test]
    fn a_tool_that_removes_what_it_does_not_know_is_named_with_what_to_add() {
        let [finding] = &found(TERRAFORM, "Owner", 2)[..] else { panic!("one finding") };
        assert_eq!(
            finding.found,
            format!("{ROLE} removed `Owner` again with Terraform: 2 calls in the last day, in eu-west-1")
        );
        assert!(finding.todo.contains(r#"ignore_tags { keys = ["Owner", "PrincipalId"] }"#), "{finding:?}");
        assert_eq!(found(TERRAFORM, "Team", 9), [], "that key is not ours");
    }

    #[test]
    fn what_somebody_removes_by_hand_is_no_finding_until_it_is_repeated() {
        assert_eq!(found("AWS Internal", "Owner", REPEATED - 1), []);
        assert_eq!(found("AWS Internal", "Owner", REPEATED).len(), 1);
    }
}
