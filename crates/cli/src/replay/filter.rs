//! Which events `replay` handles and shows.

use std::cell::RefCell;
use std::collections::BTreeSet;

use aws_tags::tagging::TagResult;
use aws_tags::{Event, Outcome, Settings};
use clap::Args;
use clap::builder::PossibleValuesParser;
use wildmatch::WildMatch;

use super::Asked;

/// What `--json` calls the outcomes of events.
const OUTCOMES: [&str; 19] = [
    "tagged",
    "left-alone",
    "skipped",
    "needs-lookup",
    "not-found",
    "unresolvable",
    "late",
    "failed",
    "session",
    "skip",
    "nothing-created",
    "not-taggable",
    "update",
    "not-ours",
    "failed-call",
    "not-a-call",
    "deploy",
    "sweep",
    "not-supported",
];

/// The same word for the event in all output.
pub(super) fn outcome_of(outcome: &Outcome, asked: Asked) -> &'static str {
    match outcome.as_str() {
        // Nobody has looked.
        "not-found" if asked == Asked::Nobody => "needs-lookup",
        word => word,
    }
}

#[derive(Args)]
pub(super) struct Filter {
    /// Only resources of owners like this, with * and ?, e.g. `*assumed-role/developer/*`; may be repeated.
    #[arg(long, value_name = "PATTERN")]
    owner: Vec<String>,
    /// Only events of this service, e.g. `ec2`; may be repeated.
    #[arg(long, value_name = "SERVICE")]
    service: Vec<String>,
    /// Only events with this outcome, as `--json` names it; may be repeated.
    #[arg(long, value_name = "OUTCOME", value_parser = PossibleValuesParser::new(OUTCOMES))]
    outcome: Vec<String>,
    /// The services of `--service` that records have.
    #[arg(skip)]
    met: RefCell<BTreeSet<String>>,
}

impl Filter {
    pub(super) fn wants_service_of(&self, event: &Event) -> bool {
        let name = event.source.strip_suffix(".amazonaws.com").unwrap_or(&event.source);
        let is = |wanted: &&String| {
            wanted.eq_ignore_ascii_case(name) || wanted.eq_ignore_ascii_case(&event.source)
        };
        if self.service.is_empty() {
            return true;
        }
        let Some(met) = self.service.iter().find(is) else { return false };
        self.met.borrow_mut().insert(met.clone());
        true
    }

    /// The services of `--service` that no record has: perhaps it is a mistake in writing.
    pub(super) fn services_not_met(&self) -> impl Iterator<Item = &String> {
        self.service.iter().filter(|service| !self.met.borrow().contains(*service))
    }

    /// Whether calls that create nothing are wanted as well.
    pub(super) const fn wants_any_outcome(&self) -> bool {
        self.outcome.is_empty() && self.owner.is_empty()
    }

    /// Whether outcomes are named, of which some may create nothing.
    pub(super) const fn names_outcomes(&self) -> bool {
        !self.outcome.is_empty()
    }

    pub(super) fn wants(&self, outcome: &Outcome, asked: Asked, settings: &Settings) -> bool {
        let word = outcome_of(outcome, asked);
        let has_outcome = self.outcome.is_empty() || self.outcome.iter().any(|wanted| wanted == word);
        has_outcome && (self.owner.is_empty() || self.has_owner(outcome, settings))
    }

    fn has_owner(&self, outcome: &Outcome, settings: &Settings) -> bool {
        let tags = outcome.resources().iter().filter(|made| !matches!(made.result, TagResult::Skipped(_)));
        let owners = tags.filter_map(|made| settings.owner_of(&made.tags));
        let is_wanted = |owner: &str| {
            self.owner.iter().any(|wanted| WildMatch::new_case_insensitive(wanted).matches(owner))
        };
        owners.into_iter().any(is_wanted)
    }
}
