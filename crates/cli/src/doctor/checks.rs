//! The checks: facts in, findings out.

mod concurrency;
mod delivery;
mod doors;
mod functions;
mod queues;
mod recorders;
mod removals;
mod resource_policies;
mod rules;
mod sweep;
mod table;
mod trails;

pub(super) use concurrency::concurrency;
pub(super) use delivery::delivery;
pub(super) use doors::{Guarded, MayUse, doors};
pub(super) use functions::{function, needed_actions, permissions, stated_keys};
pub(super) use queues::queues;
pub(super) use recorders::identity_centers;
pub(super) use removals::removals;
pub(super) use resource_policies::{ResourcePolicy, resource_policies};
pub(super) use rules::{rules, services_of};
pub(super) use sweep::{sweep, swept};
pub(super) use table::table;
pub(super) use trails::{sessions_began, trails};

use aws_tags::deployment::resource_names::{SESSION_RECORDER, TAG_HANDLER};

use super::finding::Finding;
#[cfg(test)]
use super::finding::Severity;

const DEPLOY: &str = "deploy again (`make deploy`)";

/// One of the two functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Recorder,
    Handler,
}

impl Part {
    pub(super) const fn function_name(self) -> &'static str {
        match self {
            Self::Recorder => SESSION_RECORDER,
            Self::Handler => TAG_HANDLER,
        }
    }
}

/// What stands in a Region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Both functions.
    Home,
    /// A session-recorder, and a forwarder of creation events.
    Recorder,
    /// A forwarder of creation and STS events.
    Forwarder,
}

#[cfg(test)]
fn severities(findings: &[Finding]) -> Vec<Severity> {
    findings.iter().map(|finding| finding.severity).collect()
}
