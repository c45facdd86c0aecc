//! The calls that make CloudFormation work on a stack, and what their records say.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{CLOUDFORMATION, Shelf, Stack};
use crate::identity::Principal;
use crate::record::{Arn, Event, timestamp};
use crate::tags::Tag;

/// A call that deploys a stack, and whose tags belong on what that makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deploy {
    pub account: String,
    /// `None` where the record names only the change set.
    pub stack: Option<Stack>,
    /// `eventTime` and `eventID` of the record.
    #[serde(with = "timestamp::required")]
    pub at: OffsetDateTime,
    pub event_id: String,
    pub act: Act,
    /// The ARN or name of the change set.
    pub change_set: Option<String>,
    /// ARN of the service role that the request names.
    pub role: Option<String>,
    /// Whether CloudFormation made the call with a service role, for a stack within a stack.
    pub is_inner: bool,
    /// The tags of who made the call, the most important first.
    pub tags: Vec<Tag>,
    /// Whether they are certain: the caller's session is known.
    pub is_settled: bool,
}

/// What a call does to a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// It says what would change, and changes nothing.
    Prepares,
    /// The same, for a new stack: that is there now, with nothing in it.
    Announces,
    /// It creates the stack.
    Creates,
    /// It creates, changes or deletes what is in the stack.
    Deploys,
}

impl Act {
    pub const ALL: [Self; 4] = [Self::Prepares, Self::Announces, Self::Creates, Self::Deploys];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prepares => "prepares",
            Self::Announces => "announces",
            Self::Creates => "creates",
            Self::Deploys => "deploys",
        }
    }
}

/// Calls that make CloudFormation work on a stack. Deletions may leave snapshots.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Operations.html>
const CALLS: &[(&str, Act)] = &[
    ("CancelUpdateStack", Act::Deploys),
    ("ContinueUpdateRollback", Act::Deploys),
    ("CreateChangeSet", Act::Prepares),
    ("CreateStack", Act::Creates),
    ("DeleteStack", Act::Deploys),
    ("ExecuteChangeSet", Act::Deploys),
    ("RollbackStack", Act::Deploys),
    ("UpdateStack", Act::Deploys),
];

/// The types of change sets that create a stack.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html>
const NEW: &[&str] = &["CREATE", "IMPORT"];

/// The names of these calls, sorted.
pub(crate) fn calls() -> impl Iterator<Item = &'static str> {
    CALLS.iter().map(|(call, _)| *call)
}

impl Deploy {
    /// What a record says of a deploy, without tags; `None` for any other call.
    pub fn of(event: &Event, caller: &Principal) -> Option<Self> {
        if event.source != CLOUDFORMATION {
            return None;
        }
        let (_, act) = CALLS.iter().find(|(call, _)| *call == event.name)?;
        let text = |path: &str| event.text(path).map(std::borrow::Cow::into_owned);
        let is_new =
            || text("requestParameters.changeSetType").is_some_and(|one| NEW.contains(&one.as_str()));
        let user_agent = text("userAgent").unwrap_or_default();
        let deploy = Self {
            account: event.account()?.into_owned(),
            stack: stack(event),
            at: event.time()?,
            event_id: event.id().or_else(|| event.text("requestID"))?.into_owned(),
            act: if *act == Act::Prepares && is_new() { Act::Announces } else { *act },
            // An ARN where there is one: that of a new change set is in the response.
            change_set: text("responseElements.id").or_else(|| text("requestParameters.changeSetName")),
            role: text("requestParameters.roleARN"),
            is_inner: caller.acting_service(&user_agent) == Some(CLOUDFORMATION),
            tags: Vec::new(),
            is_settled: false,
        };
        (deploy.stack.is_some() || deploy.unnamed_change_set().is_some()).then_some(deploy)
    }

    /// The order of deploys, also of those of one second.
    pub(super) fn order(&self) -> (OffsetDateTime, Act, &str) {
        (self.at, self.act, &self.event_id)
    }

    /// The shelves on which it is found again.
    pub fn shelves(&self) -> Vec<Shelf> {
        let of_stack = self.stack.as_ref().map(Shelf::of);
        let of_account = Shelf::OfAccount(self.account.clone());
        [of_stack, self.change_set_shelf(), Some(of_account)].into_iter().flatten().collect()
    }

    /// The shelf on which a change set and those who execute it by its ARN alone find each other.
    pub(crate) fn change_set_shelf(&self) -> Option<Shelf> {
        let prepares = matches!(self.act, Act::Prepares | Act::Announces);
        let arn = self.change_set.clone().filter(|text| text.starts_with("arn:"));
        arn.filter(|_| prepares || self.stack.is_none()).map(Shelf::OfChangeSet)
    }

    /// The same, of a change set whose stack is known now.
    pub(crate) fn of_prepared(self, prepared: &Self) -> Self {
        let role = self.role.or_else(|| prepared.role.clone());
        Self { stack: prepared.stack.clone(), role, ..self }
    }

    /// The ARN of the change set that alone tells which stack it is.
    pub(crate) fn unnamed_change_set(&self) -> Option<&str> {
        self.change_set.as_deref().filter(|text| self.stack.is_none() && text.starts_with("arn:"))
    }

    /// The role that the request names, or that of its change set.
    pub(super) fn role_among<'a>(&'a self, deploys: &'a [Self]) -> Option<&'a str> {
        let name = self.change_set.as_deref().map(name);
        let prepared_it = |other: &&Self| {
            matches!(other.act, Act::Prepares | Act::Announces)
                && other.at <= self.at
                && other.change_set.as_deref().map(self::name) == name
                && other.stack.as_ref().zip(self.stack.as_ref()).is_some_and(|(one, two)| one.may_be(two))
        };
        let prepared = || {
            name?;
            deploys.iter().filter(prepared_it).max_by_key(|one| one.order())?.role.as_deref()
        };
        self.role.as_deref().or_else(prepared)
    }
}

/// The stack that a record names: by its ARN in the response, else by name or ARN in the request.
fn stack(event: &Event) -> Option<Stack> {
    let account = event.account()?;
    let is_ours = |stack: &Stack| stack.account == account && stack.region == event.region();
    let of_arn = |text: &str| Stack::of_arn(&Arn::parse(text)?).filter(is_ours);
    if let Some(text) = event.text("responseElements.stackId") {
        return of_arn(&text);
    }
    let named = event.text("requestParameters.stackName")?;
    match named.starts_with("arn:") {
        true => of_arn(&named),
        false => Some(Stack {
            account: account.clone().into_owned(),
            region: event.region().to_owned(),
            name: named.into_owned(),
            id: None,
        }),
    }
}

/// The name of a change set: `next` of `arn:…:changeSet/next/id`.
fn name(text: &str) -> &str {
    text.split_once(":changeSet/").and_then(|(_, rest)| rest.split('/').next()).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const STACK: &str = "arn:aws:cloudformation:eu-west-1:111122223333:stack/web/7f59c3cf";
    const CHANGE_SET: &str = "arn:aws:cloudformation:eu-west-1:111122223333:changeSet/next/1a2b";

    fn deploy(name: &str, request: Value, response: Value) -> Option<Deploy> {
        let event = Event::from_json(json!({"eventSource": CLOUDFORMATION, "eventName": name,
            "awsRegion": "eu-west-1", "eventTime": "2026-05-04T10:00:00Z", "eventID": "e-1",
            "recipientAccountId": "111122223333", "requestParameters": request, "responseElements": response}));
        let event = event.expect("a record");
        Deploy::of(&event, &Principal::of(&event))
    }

    #[test]
    fn a_record_names_the_stack_by_name_or_arn_or_only_its_change_set() {
        let id = |found: &Deploy| found.stack.clone().and_then(|stack| stack.id);
        let created = deploy("CreateStack", json!({"stackName": "web"}), json!({"stackId": STACK}));
        let created = created.expect("a deploy");
        assert_eq!((created.act, id(&created).as_deref()), (Act::Creates, Some("7f59c3cf")));
        let request = json!({"stackName": "web", "changeSetName": "next"});
        let executed = deploy("ExecuteChangeSet", request, json!(null)).expect("a deploy");
        assert_eq!((executed.act, id(&executed)), (Act::Deploys, None));
        assert_eq!(executed.shelves().len(), 2);
        let unnamed = deploy("ExecuteChangeSet", json!({"changeSetName": CHANGE_SET}), json!(null));
        assert_eq!(unnamed.expect("a deploy").unnamed_change_set(), Some(CHANGE_SET));
        for (kind, act) in [("CREATE", Act::Announces), ("IMPORT", Act::Announces), ("UPDATE", Act::Prepares)]
        {
            let request =
                json!({"stackName": "web", "changeSetName": "next", "changeSetType": kind, "roleARN": "R"});
            let response = json!({"id": CHANGE_SET, "stackId": STACK});
            let prepared = deploy("CreateChangeSet", request, response).expect("a deploy");
            assert_eq!((prepared.act, prepared.role.as_deref()), (act, Some("R")), "{kind}");
            assert_eq!(prepared.shelves().len(), 3);
        }
    }

    #[test]
    fn other_calls_and_stacks_of_other_accounts_are_nothing_to_remember() {
        assert_eq!(deploy("DetectStackDrift", json!({"stackName": "web"}), json!(null)), None);
        assert_eq!(deploy("ExecuteChangeSet", json!({"changeSetName": "next"}), json!(null)), None);
        let other = STACK.replace("111122223333", "444455556666");
        assert_eq!(deploy("UpdateStack", json!({"stackName": other}), json!(null)), None);
        assert!(CALLS.is_sorted());
    }
}
