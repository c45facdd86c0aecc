//! The verb of the tag-handler: tags the resources that a batch of events created, with one result
//! for each resource.
//!
//! [`tag_each`] plans the events of each caller, packs their resources into batches, and tags those.

mod batch;
mod decide;
mod group;
mod inherit;
mod memory;
mod merge;
mod outcome;
mod parent;
mod plan;
mod present;
mod refused;
mod shown;

pub(crate) use decide::{Mark, absent, mark};
pub use merge::{DropReason, Dropped, Merged, not_inherited_because};
pub use outcome::{
    Carrier, EventSkip, Handling, NotOurs, Outcome, Recorders, ResourceOutcome, ResourceSkip, TagResult,
    Tagging, Unfinished,
};
pub use parent::Parent;
pub use plan::{Scope, plan_only, remember, tag_each, tag_resources};
pub(crate) use present::{brings_tags, is_marked, without_reserved};
pub use refused::{Tagged, tag_batch};
pub use shown::marked_request;
