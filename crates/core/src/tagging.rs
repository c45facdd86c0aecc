//! The verb of the tag-handler: tags the resources that a batch of events created, with one result
//! for each resource.
//!
//! [`tag_resources`] plans each event, packs their resources into batches, and tags those.

mod batch;
mod decide;
mod merge;
mod outcome;
mod plan;
mod present;
mod refused;
mod shown;

pub use merge::{DropReason, Dropped, Merged};
pub use outcome::{
    EventSkip, Handling, NotOurs, Outcome, ResourceOutcome, ResourceSkip, RetryReason, TagResult, Tagging,
};
pub use plan::{Scope, tag_resources};
