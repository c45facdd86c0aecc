//! Who deployed which stack, by a history: as the functions remember it, but without tags where those are not certain.
//! What such a deploy made stays unsure.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use time::OffsetDateTime;

use super::claim::is_certain;
use super::sessions::{Wanted, wanted};
use crate::effect::Effect;
use crate::identity::Principal;
use crate::record::Event;
use crate::stacks::{
    Act, CLOUDFORMATION, Deploy, LONGEST_DEPLOY, MOST_OF_ACCOUNT, MOST_OF_STACK, REMEMBERED, Shelf, last,
    with_role,
};
use crate::tagging::{Handling, Parent};

/// The deploy that an event is, by what the functions would do about it. One by somebody who is left alone counts, too:
/// what it made is not the one's who deployed before.
pub fn deploy(event: &Event, handling: &Handling) -> Option<Deploy> {
    match handling {
        Handling::Tagging(tagging) => {
            let deploy = tagging.deploy.clone()?;
            Some(if is_certain(tagging) { deploy } else { Deploy { tags: Vec::new(), ..deploy } })
        }
        Handling::Skipped(_) => Deploy::of(event, &Principal::of(event)),
        _ => None,
    }
}

/// Whether CloudFormation itself deployed, for a stack within a stack: whose that is depends on other deploys.
pub fn is_within_another(event: &Event) -> bool {
    !Parent::all(event, &Principal::of(event)).is_empty()
}

/// Of the deploys of one change set, those that name nothing else, with the stack that it was prepared for.
pub fn of_change_set(deploys: &[Deploy]) -> Vec<Deploy> {
    let Some(prepared) = deploys.iter().find(|one| one.stack.is_some()) else { return Vec::new() };
    let executed = deploys.iter().filter(|one| one.stack.is_none());
    executed.map(|one| one.clone().of_prepared(prepared)).collect()
}

/// Whether a stack of any Region may have made what an event created: what is recorded in one Region for all.
pub fn may_be_of_any_region(event: &Event) -> bool {
    let user_agent = event.text("userAgent").unwrap_or_default();
    // Most calls are nobody's but their callers'.
    if Principal::of(event).acting_service(&user_agent) != Some(CLOUDFORMATION) {
        return false;
    }
    let Effect::Created(creation) = Effect::of(event) else { return false };
    // A bucket is where its record is.
    event.source != "s3.amazonaws.com" && creation.resources.iter().any(|one| one.arn.region().is_empty())
}

/// The deploys of a history, to tell whose sessions matter: of those that made something that is asked for.
#[derive(Debug, Default)]
pub struct Deployers {
    deploys: BTreeMap<String, Called>,
    made: Vec<(Parent, OffsetDateTime)>,
}

#[derive(Debug)]
struct Called {
    deploy: Deploy,
    parents: Vec<Parent>,
    session: Option<Wanted>,
}

impl Deployers {
    /// Takes a record: a deploy, or what a stack made.
    pub fn take(&mut self, event: &Event) {
        let (principal, Some(at)) = (Principal::of(event), event.time()) else { return };
        let is_stack = |parent: &Parent| matches!(parent, Parent::Stack(_) | Parent::StackOfRole(_));
        let mut parents = Parent::all(event, &principal);
        parents.retain(is_stack);
        match Deploy::of(event, &principal) {
            Some(deploy) => {
                let called = Called { parents, session: wanted(event), deploy };
                self.deploys.insert(called.deploy.event_id.clone(), called);
            }
            None => self.made.extend(parents.into_iter().map(|parent| (parent, at))),
        }
    }

    /// The sessions of who deployed last before something was made, and of who created stacks: what stands behind a
    /// parent is theirs.
    pub fn wanted(mut self) -> Vec<Wanted> {
        let shelves = self.shelves();
        let creates = |called: &&Called| matches!(called.deploy.act, Act::Creates | Act::Announces);
        let creators = self.deploys.values().filter(creates).map(|called| called.deploy.event_id.clone());
        let mut found: BTreeSet<String> = creators.collect();
        let parents = |called: &Called| {
            let at = called.deploy.at;
            called.parents.iter().map(move |parent| (parent.clone(), at)).collect::<Vec<_>>()
        };
        let mut open: VecDeque<_> = std::mem::take(&mut self.made).into();
        open.extend(found.iter().filter_map(|id| self.deploys.get(id)).flat_map(parents));
        while let Some((parent, at)) = open.pop_front() {
            for id in deployers(&shelves, &parent, at) {
                let called = self.deploys.get(&id).filter(|_| found.insert(id));
                open.extend(called.into_iter().flat_map(parents));
            }
        }
        found.iter().filter_map(|id| self.deploys.get(id)?.session.clone()).collect()
    }

    fn shelves(&self) -> BTreeMap<Shelf, Vec<Deploy>> {
        let mut shelves: BTreeMap<Shelf, Vec<Deploy>> = BTreeMap::new();
        let all = self.deploys.values().map(|called| called.deploy.clone());
        let put = |shelves: &mut BTreeMap<Shelf, Vec<Deploy>>, deploy: Deploy| {
            for shelf in deploy.shelves() {
                shelves.entry(shelf).or_default().push(deploy.clone());
            }
        };
        all.for_each(|deploy| put(&mut shelves, deploy));
        let change_sets = shelves.iter().filter(|(shelf, _)| matches!(shelf, Shelf::OfChangeSet(_)));
        let named: Vec<Deploy> = change_sets.flat_map(|(_, deploys)| of_change_set(deploys)).collect();
        named.into_iter().for_each(|deploy| put(&mut shelves, deploy));
        shelves.values_mut().for_each(|deploys| deploys.sort_by_key(|deploy| deploy.at));
        shelves
    }
}

/// Who may have made what was made at that time, as [`crate::tagging`] asks for it.
fn deployers(shelves: &BTreeMap<Shelf, Vec<Deploy>>, parent: &Parent, at: OffsetDateTime) -> Vec<String> {
    let within = |shelf: &Shelf, time, most: usize| {
        let all = shelves.get(shelf).map(Vec::as_slice).unwrap_or_default();
        let from = all.partition_point(|one| one.at < at.saturating_sub(time));
        let to = all.partition_point(|one| one.at <= at);
        all.get(to.saturating_sub(most).max(from)..to).unwrap_or_default()
    };
    let ids = |found: Vec<&Deploy>| found.into_iter().map(|one| one.event_id.clone()).collect();
    match parent {
        Parent::Stack(stack) => {
            let deploys = within(&Shelf::of(stack), REMEMBERED, MOST_OF_STACK);
            ids(last(deploys, stack).into_iter().collect())
        }
        Parent::StackOfRole(role) => {
            let account = role.split(':').nth(4).unwrap_or_default().to_owned();
            let deploys = within(&Shelf::OfAccount(account), LONGEST_DEPLOY, MOST_OF_ACCOUNT);
            if deploys.len() < MOST_OF_ACCOUNT { ids(with_role(deploys, role)) } else { Vec::new() }
        }
        Parent::Resource { .. } | Parent::Launcher(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use futures_executor::block_on;
    use serde_json::{Value, json};

    use super::*;
    use crate::ports::offline::{CountingTagger, GivenIamTags, GivenLookups, MemorySessions};
    use crate::ports::{Failure, Ports};
    use crate::settings::Settings;
    use crate::tagging::{Scope, remember};

    const ACCOUNT: &str = "111122223333";
    const STACK: &str = "arn:aws:cloudformation:eu-west-1:111122223333:stack/web/7f59";

    fn record(name: &str, minute: u8, by: &str, request: Value, response: Value) -> Event {
        let identity = match by {
            "" => {
                json!({"type": "AssumedRole", "principalId": "AROAEXEC:AWSCloudFormation", "accountId": ACCOUNT,
                "invokedBy": "cloudformation.amazonaws.com", "arn": "arn:aws:sts::111122223333:assumed-role/exec/AWSCloudFormation",
                "sessionContext": {"sessionIssuer": {"type": "Role", "arn": "arn:aws:iam::111122223333:role/exec"}}})
            }
            by => json!({"type": "AssumedRole", "principalId": format!("AROADEV:{by}"), "accountId": ACCOUNT,
                "accessKeyId": format!("ASIA{by}"), "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/dev/{by}"),
                "sessionContext": {"attributes": {"creationDate": "2026-05-04T09:00:00Z"}, "sessionIssuer": {
                    "type": "Role", "principalId": "AROADEV", "arn": "arn:aws:iam::111122223333:role/dev"}}}),
        };
        let source = if name == "CreateQueue" { "sqs" } else { "cloudformation" };
        Event::from_json(
            json!({"eventSource": format!("{source}.amazonaws.com"), "eventName": name, "awsRegion": "eu-west-1",
            "eventTime": format!("2026-05-04T10:{minute:02}:00Z"), "eventID": format!("{name} {minute}"),
            "recipientAccountId": ACCOUNT, "userIdentity": identity, "requestParameters": request,
            "responseElements": response}),
        )
        .expect("a record")
    }

    fn update(minute: u8, by: &str) -> Event {
        record("UpdateStack", minute, by, json!({"stackName": "web"}), json!({"stackId": STACK}))
    }

    fn queue(minute: u8) -> Event {
        let tags = json!({"aws:cloudformation:stack-id": STACK});
        record("CreateQueue", minute, "", json!({"queueName": "q", "tags": tags}), Value::Null)
    }

    fn remembered(event: &Event, iam: GivenIamTags, vars: &[(&str, &str)]) -> Option<Deploy> {
        let settings = Settings::read(|name| {
            vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        });
        let ports = Ports {
            sessions: MemorySessions::default(),
            principal_tags: iam,
            lookups: GivenLookups::default(),
            tagger: CountingTagger::default(),
        };
        let now = event.time().expect("a time").saturating_add(time::Duration::WEEK);
        let (settings, caller) = (settings.expect("sound"), Principal::of(event));
        let handling = block_on(remember(&ports, &settings, &Scope::default(), now, event, &caller));
        deploy(event, &handling)
    }

    #[test]
    fn a_deploy_has_tags_only_if_they_are_certain() {
        let owners = |found: Option<Deploy>| {
            let deploy = found.expect("a deploy");
            deploy.tags.into_iter().find(|tag| tag.key == "Owner").map(|tag| tag.value)
        };
        let ann = update(1, "ann");
        let owner = owners(remembered(&ann, GivenIamTags::default(), &[]));
        assert_eq!(owner.as_deref(), Some("arn:aws:sts::111122223333:assumed-role/dev/ann"));
        let failing = GivenIamTags { failure: Some(Failure::other("denied")), ..GivenIamTags::default() };
        assert_eq!(owners(remembered(&ann, failing, &[])), None);
        let excluded = [("EXCLUDED_PRINCIPALS", "arn:aws:sts::*:assumed-role/dev/*")];
        assert_eq!(owners(remembered(&ann, GivenIamTags::default(), &excluded)), None);
        let within = record(
            "CreateStack",
            1,
            "",
            json!({"stackName": "web-db", "tags": [{"key": "aws:cloudformation:stack-id", "value": STACK}]}),
            json!({"stackId": STACK.replace("web", "web-db")}),
        );
        assert!(is_within_another(&within) && !is_within_another(&ann));
        assert_eq!(
            owners(remembered(&within, GivenIamTags::default(), &[])),
            None,
            "nobody deployed the outer one"
        );
    }

    #[test]
    fn sessions_matter_of_who_deployed_last_and_of_who_created_a_stack() {
        let change_set = "arn:aws:cloudformation:eu-west-1:111122223333:changeSet/next/1a2b";
        let mut deployers = Deployers::default();
        let request = json!({"stackName": "web", "changeSetName": "next", "changeSetType": "CREATE"});
        deployers.take(&record(
            "CreateChangeSet",
            1,
            "ann",
            request,
            json!({"id": change_set, "stackId": STACK}),
        ));
        deployers.take(&record(
            "ExecuteChangeSet",
            2,
            "bob",
            json!({"changeSetName": change_set}),
            Value::Null,
        ));
        deployers.take(&queue(4));
        deployers.take(&update(5, "cyd"));
        let mut ids: Vec<_> = deployers.wanted().into_iter().map(|one| one.key.id).collect();
        ids.sort();
        assert_eq!(ids, ["AROADEV:ann", "AROADEV:bob"]);
    }

    #[test]
    fn what_all_regions_share_may_be_of_a_stack_of_any() {
        assert!(!may_be_of_any_region(&queue(1)) && !may_be_of_any_region(&update(1, "ann")));
        let by = queue(1).to_json()["userIdentity"].clone();
        let role = json!({"eventSource": "iam.amazonaws.com", "eventName": "CreateRole", "awsRegion": "us-east-1",
            "userIdentity": by, "recipientAccountId": ACCOUNT, "responseElements": {"role": {"arn": "arn:aws:iam::111122223333:role/x"}}});
        assert!(may_be_of_any_region(&Event::from_json(role).expect("a record")));
    }
}
