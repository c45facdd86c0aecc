//! Who may use which door.

use std::collections::{BTreeMap, BTreeSet};

use aws_tags::deployment::doors::{DOORS, Door, Part, USE_OF_KEY};
use serde::Serialize;

use super::Finding;
use crate::account::Decision;

/// A resource of the deployment that has doors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::doctor) struct Guarded {
    pub(in crate::doctor) part: Part,
    pub(in crate::doctor) region: String,
    pub(in crate::doctor) arn: String,
    /// The key of a queue that has one.
    pub(in crate::doctor) key: Option<String>,
}

/// A principal that may use a door.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::doctor) struct MayUse {
    principal: String,
    actions: BTreeSet<&'static str>,
    resources: BTreeSet<String>,
    /// Keys of conditions that decide in the end; empty where it may in any case.
    depends_on: BTreeSet<String>,
}

/// The doors that our own roles need: actions, on what.
const NEEDED: &[(&str, Part)] = &[("sqs:SendMessage", Part::DeadLetters), ("dynamodb:PutItem", Part::Table)];

/// As many principals stand in a line.
const SHOWN: usize = 20;

/// Names who may use each door, and, in one line, who may use all: they administer the account. `own` are the roles
/// of the functions.
pub(in crate::doctor) fn doors(
    guarded: &[Guarded],
    decisions: &BTreeMap<String, Vec<Decision>>,
    own: &[String],
) -> Vec<Finding> {
    let may: BTreeMap<&str, Allowed> =
        decisions.iter().map(|(principal, all)| (principal.as_str(), Allowed::of(all))).collect();
    let (administrators, others): (Vec<_>, Vec<_>) =
        may.iter().partition(|(_, allowed)| DOORS.iter().all(|door| allowed.everything(door, guarded)));
    let mut findings = Vec::new();
    if !administrators.is_empty() {
        let names = shown(administrators.iter().map(|(principal, _)| short(principal).to_owned()));
        let found = format!("administrators, who may use every door ({}): {names}", administrators.len());
        let todo = "whoever administers the account can change all of it: only an SCP keeps them out";
        findings.push(Finding::note(found, todo));
    }
    for door in DOORS {
        let users: Vec<MayUse> = others
            .iter()
            .filter_map(|(principal, allowed)| {
                allowed.use_of(door, guarded, principal, own.iter().any(|role| role == *principal))
            })
            .collect();
        if !users.is_empty() {
            findings.push(finding(door, guarded, users));
        }
    }
    findings
}

fn finding(door: &Door, guarded: &[Guarded], users: Vec<MayUse>) -> Finding {
    let actions: BTreeSet<&str> = users.iter().flat_map(|user| user.actions.iter().copied()).collect();
    let actions = actions.into_iter().collect::<Vec<_>>().join(", ");
    let who = shown(users.iter().map(|user| user.shown(door, guarded)));
    let found = format!("{actions} on {}: {who}", door.on.name());
    let todo = format!(
        "it lets them {}; take it away, deny it by an SCP, or name those who need it in --trusted",
        door.lets
    );
    Finding { principals: users, ..Finding::warning(found, todo) }
}

/// What a principal may do, by action and resource; with the keys of conditions that decide.
struct Allowed<'a>(BTreeMap<(&'a str, &'a str), BTreeSet<&'a str>>);

impl<'a> Allowed<'a> {
    fn of(decisions: &'a [Decision]) -> Self {
        let may = decisions.iter().filter(|decision| decision.allowed || !decision.depends_on.is_empty());
        let entry = |decision: &'a Decision| {
            let keys = if decision.allowed { &[][..] } else { &decision.depends_on[..] };
            let keys = keys.iter().map(String::as_str).collect();
            ((decision.action.as_str(), decision.resource.as_str()), keys)
        };
        Self(may.map(entry).collect())
    }

    /// The conditions on which an action is allowed; `None` where it is not.
    fn conditions(&self, action: &'a str, resource: &'a str) -> Option<&BTreeSet<&'a str>> {
        self.0.get(&(action, resource))
    }

    /// Whether a door is open on all that it leads to, without conditions.
    fn everything(&self, door: &Door, guarded: &'a [Guarded]) -> bool {
        let mut led_to = guarded.iter().filter(|one| door.leads_to(one.part));
        led_to.all(|one| {
            door.actions
                .iter()
                .all(|action| self.conditions(action, &one.arn).is_some_and(BTreeSet::is_empty))
        })
    }

    /// How a principal may use a door; `None` where it may not. `is_own` says that it is a role of ours, which needs some.
    fn use_of(&self, door: &Door, guarded: &'a [Guarded], principal: &str, is_own: bool) -> Option<MayUse> {
        let mut user = MayUse {
            principal: principal.to_owned(),
            actions: BTreeSet::new(),
            resources: BTreeSet::new(),
            depends_on: BTreeSet::new(),
        };
        let mut in_any_case = false;
        for one in guarded.iter().filter(|one| door.leads_to(one.part)) {
            let Some(with_key) = self.key(door, one) else { continue };
            for action in door.actions {
                if is_own && NEEDED.contains(&(*action, one.part)) {
                    continue;
                }
                let Some(conditions) = self.conditions(action, &one.arn) else { continue };
                user.actions.insert(action);
                user.resources.insert(one.arn.clone());
                in_any_case |= conditions.is_empty() && with_key.is_empty();
                user.depends_on.extend(conditions.iter().chain(&with_key).map(|key| (*key).to_owned()));
            }
        }
        if in_any_case {
            user.depends_on.clear();
        }
        (!user.actions.is_empty()).then_some(user)
    }

    /// The conditions on which the key of a queue may be used, where that takes a key; `None` where it may not.
    fn key(&self, door: &Door, queue: &'a Guarded) -> Option<BTreeSet<&'a str>> {
        match queue.key.as_deref().filter(|_| door.with_key) {
            Some(key) => self.conditions(USE_OF_KEY, key).cloned(),
            None => Some(BTreeSet::new()),
        }
    }
}

impl MayUse {
    /// The principal, with its Regions where they are not all, and what it depends on.
    fn shown(&self, door: &Door, guarded: &[Guarded]) -> String {
        let led_to: Vec<&Guarded> = guarded.iter().filter(|one| door.leads_to(one.part)).collect();
        let all: BTreeSet<&str> = led_to.iter().map(|one| one.region.as_str()).collect();
        let there = led_to.iter().filter(|one| self.resources.contains(&one.arn));
        let regions: BTreeSet<&str> = there.map(|one| one.region.as_str()).collect();
        let mut remarks = Vec::new();
        if regions != all {
            remarks.push(regions.into_iter().collect::<Vec<_>>().join(", "));
        }
        if !self.depends_on.is_empty() {
            let keys = self.depends_on.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            remarks.push(format!("depending on {keys}"));
        }
        match remarks.is_empty() {
            true => short(&self.principal).to_owned(),
            false => format!("{} ({})", short(&self.principal), remarks.join("; ")),
        }
    }
}

/// The first of a list, and how many more there are.
fn shown(names: impl ExactSizeIterator<Item = String>) -> String {
    let more = names.len().saturating_sub(SHOWN);
    let mut text = names.take(SHOWN).collect::<Vec<_>>().join(", ");
    if more > 0 {
        text.push_str(&format!(", and {more} more, whom --json names"));
    }
    text
}

/// `role/path/name` of an ARN.
fn short(arn: &str) -> &str {
    arn.splitn(6, ':').nth(5).unwrap_or(arn)
}

#[cfg(test)]
mod tests {
    use super::super::severities;
    use super::*;
    use crate::doctor::finding::Severity;

    const QUEUE: &str = "arn:aws:sqs:eu-west-1:111122223333:aws-tags-creations";
    const DEAD: &str = "arn:aws:sqs:eu-west-1:111122223333:aws-tags-creations-dead-letters";
    const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1";
    const TABLE: &str = "arn:aws:dynamodb:eu-west-1:111122223333:table/aws-tags-sessions";

    fn guarded() -> Vec<Guarded> {
        let key = |part| matches!(part, Part::CreationQueue | Part::DeadLetters).then(|| KEY.to_owned());
        let one =
            |part, arn: &str| Guarded { part, region: "eu-west-1".into(), arn: arn.into(), key: key(part) };
        [(Part::CreationQueue, QUEUE), (Part::DeadLetters, DEAD), (Part::Key, KEY), (Part::Table, TABLE)]
            .map(|(part, arn)| one(part, arn))
            .into()
    }

    fn decision(action: &str, resource: &str, allowed: bool, depends_on: &[&str]) -> Decision {
        let depends_on = depends_on.iter().map(|key| (*key).to_owned()).collect();
        Decision { action: action.into(), resource: resource.into(), allowed, depends_on }
    }

    fn found(principal: &str, decisions: Vec<Decision>) -> Vec<Finding> {
        let own = ["arn:aws:iam::111122223333:role/own".to_owned()];
        doors(&guarded(), &[(principal.to_owned(), decisions)].into(), &own)
    }

    const CI: &str = "arn:aws:iam::111122223333:role/ci";

    #[test]
    fn whoever_may_write_to_a_queue_and_use_its_key_is_named() {
        let send = decision("sqs:SendMessage", QUEUE, true, &[]);
        assert_eq!(found(CI, vec![send.clone()]), [], "the key is missing");
        let [finding] = &found(CI, vec![send.clone(), decision(USE_OF_KEY, KEY, true, &[])])[..] else {
            panic!("one finding")
        };
        assert!(finding.found.ends_with("sqs:SendMessage on the queue `aws-tags-creations`: role/ci"));
        assert!(finding.todo.contains("tagged with the owner"), "{finding:?}");
        let on_condition = decision(USE_OF_KEY, KEY, false, &["aws:CalledVia"]);
        let [finding] = &found(CI, vec![send, on_condition])[..] else { panic!("one finding") };
        assert!(finding.found.ends_with("role/ci (depending on aws:CalledVia)"), "{finding:?}");
    }

    #[test]
    fn what_conditions_decide_is_no_use_in_any_case() {
        let put = |allowed, keys: &[&str]| vec![decision("dynamodb:PutItem", TABLE, allowed, keys)];
        assert_eq!(found(CI, put(false, &[])), []);
        let text = |decisions| found(CI, decisions).remove(0).found;
        assert!(text(put(true, &["aws:SourceIp"])).ends_with(": role/ci"));
        assert!(text(put(false, &["aws:SourceIp"])).ends_with(": role/ci (depending on aws:SourceIp)"));
    }

    #[test]
    fn our_own_roles_may_do_what_they_need_and_nothing_else() {
        let own = "arn:aws:iam::111122223333:role/own";
        let needed = vec![
            decision("sqs:SendMessage", DEAD, true, &[]),
            decision(USE_OF_KEY, KEY, true, &[]),
            decision("dynamodb:PutItem", TABLE, true, &[]),
        ];
        assert_eq!(found(own, needed.clone()), []);
        let more = [needed, vec![decision("dynamodb:UpdateItem", TABLE, true, &[])]].concat();
        assert_eq!(severities(&found(own, more)), [Severity::Warning]);
    }

    #[test]
    fn administrators_stand_in_one_line() {
        let mut all = vec![decision(USE_OF_KEY, KEY, true, &[])];
        for door in DOORS {
            for one in guarded().iter().filter(|one| door.leads_to(one.part)) {
                all.extend(door.actions.iter().map(|action| decision(action, &one.arn, true, &[])));
            }
        }
        let findings = found("arn:aws:iam::111122223333:role/Admin", all.clone());
        assert_eq!(severities(&findings), [Severity::Note]);
        assert_eq!(findings[0].found, "administrators, who may use every door (1): role/Admin");
        all.pop();
        assert!(found(CI, all).len() > 3, "all but one action is no administration");
    }
}
