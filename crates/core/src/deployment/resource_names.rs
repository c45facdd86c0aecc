//! The parts of a deployment, by the names that the templates give them.

use crate::identity::STS;
use crate::record::Event;

/// The function that tags.
pub const TAG_HANDLER: &str = "aws-tags-tag-handler";
/// The function that records sessions.
pub const SESSION_RECORDER: &str = "aws-tags-session-recorder";
/// The session table, and its key: partition and sort.
pub const SESSION_TABLE: (&str, [&str; 2]) = ("aws-tags-sessions", ["caller", "issued"]);
/// The session table's attribute after whose time DynamoDB deletes an item.
pub const TTL_ATTRIBUTE: &str = "forget_after";
/// How the names of functions, rules and queues begin.
pub const PREFIX: &str = "aws-tags-";
/// The rule for STS events. Rules for creation events are `aws-tags-creations-<n>`.
pub const SESSION_RULE: &str = "aws-tags-sessions";
/// How the names of the rules for creation events begin.
pub const CREATION_RULES: &str = "aws-tags-creations-";
/// What the session recorder reads.
pub const SESSION_QUEUE: &str = "aws-tags-sessions";
/// What the tag handler reads.
pub const CREATION_QUEUE: &str = "aws-tags-creations";
/// How the names of dead-letter queues end.
pub const DEAD_LETTERS: &str = "-dead-letters";

/// The queue that the function reads which handles such events.
pub fn queue_of(event: &Event) -> &'static str {
    if event.source == STS { SESSION_QUEUE } else { CREATION_QUEUE }
}
