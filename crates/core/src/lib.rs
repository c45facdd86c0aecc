//! An event names a principal and the resources it created; the principal's IAM tags and session
//! tags merge into one tag set; a tagger applies it.
//!
//! ```text
//! STS event ──► record_session ──► SessionStore
//!
//! creation event ──► tag_resources ──► Effect: which resources
//!                         │        ──► Principal, PrincipalTags, SessionStore: whose tags
//!                         └──────────► Tagger: applied, one result for each resource
//! ```
//!
//! This crate does no I/O: it knows no SDK, clock, environment or log. [`record_session`] and
//! [`tag_resources`] are the two verbs; [`Effect::of`] says what a call did from its record alone.
//! Every event can be handled twice, late and in any order, with the same result.
//!
//! The modules, from the ground up: [`tags`] and [`record`] hold what AWS writes, [`identity`] says who
//! made a call, [`table`] which calls create what, [`probing`] what AWS is asked about that, [`mod@effect`] what one call did, [`history`] whether
//! it is still what has the name, [`stacks`] who deployed which stack. [`ports`] are the
//! traits through which [`recording`] and [`tagging`] reach AWS, as [`settings`] say. [`delivery`]
//! brings events and takes failures, [`telemetry`] reports what happened, [`deployment`] derives
//! rules and permissions from the table. [`sweep`] finds what no event brought. [`audit`] is the form in which an audit is kept, [`backfill`] reads the past.

pub mod audit;
pub mod backfill;
pub mod delivery;
pub mod deployment;
pub mod effect;
pub mod history;
pub mod identity;
pub mod ports;
pub mod probing;
pub mod record;
pub mod recording;
pub mod settings;
pub mod stacks;
pub mod sweep;
pub mod table;
pub mod tagging;
pub mod tags;
pub mod telemetry;

pub use effect::Effect;
pub use identity::{Principal, Session, SessionMatch};
pub use record::{Arn, Event};
pub use recording::{Recorded, record_session};
pub use settings::Settings;
pub use tagging::{Outcome, tag_each, tag_resources};
