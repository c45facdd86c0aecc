//! Who deployed which CloudFormation stack. What a stack's service role makes is that one's, and no record of it says
//! so: the calls that deploy stacks are remembered.
//!
//! Stacks take no tags by default, as tagging one updates it with all that is in it.

mod deploy;

use std::fmt;

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

pub(crate) use deploy::calls;
pub use deploy::{Act, Deploy};

use crate::identity::Principal;
use crate::record::{Arn, Event};

/// The service that deploys stacks.
pub const CLOUDFORMATION: &str = "cloudformation.amazonaws.com";

/// How long a deploy is remembered: no stack is being deployed for so long, and late events and dead letters are over.
pub const REMEMBERED: Duration = Duration::days(31);

/// As many deploys of one stack, and of all stacks of an account, are looked at. More leave the question open.
pub const MOST_OF_STACK: usize = 50;
pub const MOST_OF_ACCOUNT: usize = 200;

/// A deploy that began longer ago is over.
pub const LONGEST_DEPLOY: Duration = Duration::DAY;

/// CloudFormation takes a role up as soon as it deploys with it, and no stack is deployed twice in so short a time.
const TAKES_ROLE_WITHIN: Duration = Duration::seconds(10);

/// A stack. No two that live at a time have the same name in one account and Region.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html>
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Stack {
    pub account: String,
    pub region: String,
    pub name: String,
    /// The last part of its ARN, where that is known.
    pub id: Option<String>,
}

impl fmt::Display for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stack {}", self.name)
    }
}

impl Stack {
    /// The stack of an ARN: `arn:…:cloudformation:region:account:stack/name/id`.
    pub fn of_arn(arn: &Arn) -> Option<Self> {
        let (name, id) = arn.resource().strip_prefix("stack/")?.split_once('/')?;
        (arn.service() == "cloudformation" && !name.is_empty() && !id.is_empty()).then(|| Self {
            account: arn.account().to_owned(),
            region: arn.region().to_owned(),
            name: name.to_owned(),
            id: Some(id.to_owned()),
        })
    }

    /// Whether two may be the same one: records that name no id mean the one that has the name.
    fn may_be(&self, other: &Self) -> bool {
        let differ = |id: &Option<String>| self.id.is_some() && id.is_some() && self.id != *id;
        (&self.account, &self.region, &self.name) == (&other.account, &other.region, &other.name)
            && !differ(&other.id)
    }
}

/// Where deploys are kept together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shelf {
    /// Those of the stacks that had this name.
    OfStack { account: String, region: String, name: String },
    /// Those of one change set, by its ARN.
    OfChangeSet(String),
    /// All of an account.
    OfAccount(String),
}

impl Shelf {
    pub fn of(stack: &Stack) -> Self {
        let Stack { account, region, name, .. } = stack.clone();
        Self::OfStack { account, region, name }
    }
}

impl fmt::Display for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OfStack { account, region, name } => write!(f, "#stack#{account}#{region}#{name}"),
            Self::OfChangeSet(arn) => write!(f, "#change-set#{arn}"),
            Self::OfAccount(account) => write!(f, "#deploys#{account}"),
        }
    }
}

/// Whether a call deploys a stack, and did not fail.
pub fn is_deploy(event: &Event) -> bool {
    let deploys = || Deploy::of(event, &Principal::of(event)).is_some();
    event.source == CLOUDFORMATION && event.error_code().is_none() && deploys()
}

/// Who deployed a stack last, of deploys before an event.
pub(crate) fn last<'a>(deploys: &'a [Deploy], stack: &Stack) -> Option<&'a Deploy> {
    let of_it = |deploy: &&Deploy| deploy.stack.as_ref().is_some_and(|other| stack.may_be(other));
    deploys.iter().filter(of_it).filter(|deploy| deploy.act != Act::Prepares).max_by_key(|one| one.order())
}

/// Who created a stack.
pub(crate) fn creator<'a>(deploys: &'a [Deploy], stack: &Stack) -> Option<&'a Deploy> {
    let of_it = |deploy: &&Deploy| {
        deploy.stack.as_ref().is_some_and(|other| stack.may_be(other) && other.id == stack.id)
    };
    let creates = |deploy: &&Deploy| matches!(deploy.act, Act::Creates | Act::Announces);
    deploys.iter().filter(of_it).filter(creates).min_by_key(|one| one.order())
}

/// The deploys that may have used a service role. One that CloudFormation itself began, for a stack within a stack,
/// is part of another.
pub(crate) fn with_role<'a>(deploys: &'a [Deploy], role: &str) -> Vec<&'a Deploy> {
    let may_use = |deploy: &&Deploy| match deploy.role_among(deploys) {
        Some(known) => known == role,
        // A stack keeps the role that it was given; a new one has none.
        None => deploy.act != Act::Creates,
    };
    let makes = |deploy: &&Deploy| matches!(deploy.act, Act::Creates | Act::Deploys) && !deploy.is_inner;
    deploys.iter().filter(makes).filter(may_use).collect()
}

/// Whether CloudFormation began the session of a service role for a deploy: then no other one can have come between.
pub(crate) fn began_with(session: Option<OffsetDateTime>, deploy: &Deploy) -> bool {
    let until = deploy.at.saturating_add(TAKES_ROLE_WITHIN);
    let makes = matches!(deploy.act, Act::Creates | Act::Deploys);
    makes && session.is_some_and(|began| (deploy.at..=until).contains(&began))
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const AT: OffsetDateTime = datetime!(2026-05-04 10:00:00 UTC);

    fn stack(id: Option<&str>) -> Stack {
        Stack {
            account: "111122223333".into(),
            region: "eu-west-1".into(),
            name: "web".into(),
            id: id.map(str::to_owned),
        }
    }

    fn deploy(minute: i64, act: Act, id: Option<&str>) -> Deploy {
        Deploy {
            account: "111122223333".into(),
            stack: Some(stack(id)),
            at: AT.saturating_add(Duration::minutes(minute)),
            event_id: format!("e{minute}"),
            act,
            change_set: None,
            role: None,
            is_inner: false,
            tags: Vec::new(),
            is_settled: true,
        }
    }

    #[test]
    fn a_stack_is_known_by_its_arn() {
        let of = |text: &str| Stack::of_arn(&Arn::parse(text).expect("an ARN"));
        let arn = "arn:aws:cloudformation:eu-west-1:111122223333:stack/web/7f59c3cf";
        assert_eq!(of(arn), Some(stack(Some("7f59c3cf"))));
        assert_eq!(stack(None).to_string(), "stack web");
        for wrong in
            ["cloudformation:eu-west-1:111122223333:stack/web", "sns:eu-west-1:111122223333:stack/web/7"]
        {
            assert_eq!(of(&format!("arn:aws:{wrong}")), None, "{wrong}");
        }
    }

    #[test]
    fn the_last_deploy_of_a_stack_is_not_one_of_its_namesakes_nor_one_that_only_prepares() {
        let deploys = [
            deploy(0, Act::Creates, Some("old")),
            deploy(1, Act::Announces, Some("new")),
            deploy(3, Act::Prepares, Some("new")),
            deploy(2, Act::Deploys, None),
        ];
        let minute = |found: Option<&Deploy>| found.map(|deploy| (deploy.at - AT).whole_minutes());
        assert_eq!(minute(last(&deploys, &stack(Some("new")))), Some(2));
        assert_eq!(minute(last(&deploys[..2], &stack(Some("old")))), Some(0));
        assert_eq!(minute(last(&deploys[..1], &stack(Some("new")))), None);
        assert_eq!(minute(creator(&deploys, &stack(Some("new")))), Some(1));
        assert_eq!(minute(creator(&deploys, &stack(Some("gone")))), None);
    }

    #[test]
    fn a_change_set_is_deployed_with_the_role_that_it_was_prepared_with() {
        let role = |act, minute, role: Option<&str>| Deploy {
            role: role.map(str::to_owned),
            change_set: Some("arn:aws:cloudformation:eu-west-1:111122223333:changeSet/next/1".into()),
            ..deploy(minute, act, None)
        };
        let named = |minute, name: &str| Deploy {
            change_set: Some(name.to_owned()),
            ..deploy(minute, Act::Deploys, None)
        };
        let prepared = [role(Act::Prepares, 0, Some("R")), named(1, "next"), named(2, "other")];
        let found =
            |wanted| with_role(&prepared, wanted).iter().map(|one| one.event_id.as_str()).collect::<Vec<_>>();
        assert_eq!(found("R"), ["e1", "e2"], "the second may use any role");
        assert_eq!(found("S"), ["e2"]);
        let new = [
            deploy(0, Act::Creates, Some("x")),
            Deploy { is_inner: true, ..role(Act::Deploys, 1, Some("R")) },
        ];
        assert!(with_role(&new, "R").is_empty());
    }

    #[test]
    fn a_session_that_began_with_a_deploy_is_that_deploys() {
        let one = deploy(0, Act::Creates, None);
        let began = |seconds| began_with(Some(AT.saturating_add(Duration::seconds(seconds))), &one);
        assert!(began(0) && began(10) && !began(11) && !began(-1) && !began_with(None, &one));
    }
}
