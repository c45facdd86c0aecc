//! Which events `replay` handles and shows.

use aws_tags::tagging::TagResult;
use aws_tags::{Event, Outcome, Settings};
use clap::Args;
use wildmatch::WildMatch;

#[derive(Args)]
pub(super) struct Filter {
    /// Only resources of owners like this, with * and ?, e.g. `*assumed-role/developer/*`; may be repeated.
    #[arg(long, value_name = "PATTERN")]
    owner: Vec<String>,
    /// Only events of this service, e.g. `ec2`; may be repeated.
    #[arg(long, value_name = "SERVICE")]
    service: Vec<String>,
    /// Only events with this outcome, as `--json` names it, e.g. `tagged`, `unresolvable`, `left-alone`; may be repeated.
    #[arg(long, value_name = "OUTCOME")]
    outcome: Vec<String>,
}

impl Filter {
    pub(super) fn wants_service_of(&self, event: &Event) -> bool {
        let name = event.source.strip_suffix(".amazonaws.com").unwrap_or(&event.source);
        let is =
            |wanted: &String| wanted.eq_ignore_ascii_case(name) || wanted.eq_ignore_ascii_case(&event.source);
        self.service.is_empty() || self.service.iter().any(is)
    }

    pub(super) fn wants(&self, outcome: &Outcome, settings: &Settings) -> bool {
        let has_outcome =
            self.outcome.is_empty() || self.outcome.iter().any(|wanted| wanted == outcome.as_str());
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
