//! Endings: what the record of a call of an ending's name says of a resource whose records are known.

use super::claim::Claim;
use super::plan::Origin;
use crate::history::endings::{named_by, names};
use crate::history::lives::Did;
use crate::identity::Principal;
use crate::record::{Arn, Event};

/// Texts of a request longer than this name nothing: ARNs have 2,048 characters at most.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>
const LONGEST_NAME: usize = 2048;

/// Whether a text of a request may name a resource.
pub const fn may_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST_NAME
}

/// A text by which a call of an ending's name may name what it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    pub text: String,
    pub source: String,
    pub account: String,
    pub region: String,
    pub event: Origin,
}

impl Ending {
    /// One for each text that a request holds.
    pub fn all(event: &Event) -> impl Iterator<Item = Self> {
        let principal = Principal::of(event);
        let origin = Origin::of(event, principal.arn.or(principal.invoked_by).or(principal.id));
        let account = event.account().unwrap_or_default().into_owned();
        let texts = named_by(event).into_iter();
        let ending = move |text: &str| Self {
            text: text.to_owned(),
            source: event.source.clone(),
            account: account.clone(),
            region: event.region().to_owned(),
            event: origin.clone(),
        };
        texts.filter(|text| may_name(text)).map(ending)
    }

    /// What it did to what these claims are of; `None` if something else is meant. `did` says what a call of that name
    /// does to a type.
    pub fn did(&self, claims: &[Claim], arn: &Arn, did: impl Fn(&str, &str) -> Did) -> Option<Did> {
        let first = claims.first()?;
        let of_service = claims.iter().any(|claim| {
            let is_there = [&claim.region, &claim.called_in].contains(&&self.region);
            claim.source == self.source && claim.account == self.account && is_there
        });
        let did =
            (of_service && names(&self.text, arn)).then(|| did(&self.event.name, &first.resource_type))?;
        // A unique id is never given again: what may have ended only a part of it says nothing.
        (!first.unique || did == Did::Ended).then_some(did)
    }
}
