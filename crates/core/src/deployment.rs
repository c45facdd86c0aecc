//! What a deployment derives from the table, and the names that the templates give its parts.

pub mod audit_policies;
pub mod doors;
pub mod event_rules;
pub mod iam_policies;
pub mod plan_policies;
pub mod probe_policies;
pub mod resource_names;
mod tiers;

pub use tiers::{Tier, UnknownTier, tier};
