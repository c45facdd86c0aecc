//! AWS behind the ports of `aws-tags`: session table, IAM tags, lookups, taggers, and the functions' queues.
//!
//! Clients are made when they are first used, one per Region, and kept: a warm invocation with a
//! known principal and session makes only the tagging call.

mod budget;
mod cache;
mod client;
mod error;
mod error_response;
mod iam_tags;
mod inventory;
mod lookup_events;
mod lookups;
mod operation;
mod pace;
mod prober;
mod queue;
mod retry;
mod session_table;
mod sweeper;
mod tagger;

pub use budget::{Bounded, Budget};
pub use client::{Access, Aws};
pub use error::Error;
pub use iam_tags::IamTags;
pub use inventory::{Index, Inventories, Seen, View};
pub use lookup_events::{Asked, EVENTS_PER_PAGE, LookupEvents, Page};
pub use lookups::AwsLookups;
pub use prober::{ARNS_PER_CALL, OwnReply, Prober, TaggingApiReply};
pub use queue::Queue;
pub use session_table::{SessionTable, TableAddress};
pub use sweeper::Sweeper;
pub use tagger::{AwsTagger, Removal};
