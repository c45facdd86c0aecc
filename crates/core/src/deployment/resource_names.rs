//! The parts of a deployment, by the names that the templates give them.

use crate::identity::STS;
use crate::record::Event;

/// The function that tags.
pub const TAG_HANDLER: &str = "aws-tags-tag-handler";
/// The function that records sessions.
pub const SESSION_RECORDER: &str = "aws-tags-session-recorder";
/// The session table, and its key: partition and sort.
pub const SESSION_TABLE: (&str, [&str; 2]) = ("aws-tags-sessions", ["caller", "issued"]);
/// The TTL attribute of the session table.
pub const TTL_ATTRIBUTE: &str = "forget_after";
/// Prefix of the names of functions, rules and queues.
pub const PREFIX: &str = "aws-tags-";
/// The rule for STS events. Rules for creation events are `aws-tags-creations-<n>`.
pub const SESSION_RULE: &str = "aws-tags-sessions";
/// The rule that forwards STS events, where no recorder stands.
pub const FORWARDED_SESSION_RULE: &str = "aws-tags-forwarded-sessions";
/// The schedule of the session-recorder's heartbeat.
pub const HEARTBEAT_RULE: &str = "aws-tags-heartbeat";
/// That of the tag-handler.
pub const HANDLER_HEARTBEAT_RULE: &str = "aws-tags-handler-heartbeat";
/// That of a forwarder, which goes to the home Region's bus.
pub const FORWARDER_HEARTBEAT_RULE: &str = "aws-tags-forwarder-heartbeat";
/// The schedule of the sweep.
pub const SWEEP_RULE: &str = "aws-tags-sweep";
/// Prefix of the names of the rules for creation events.
pub const CREATION_RULES: &str = "aws-tags-creations-";
/// The queue of the session-recorder.
pub const SESSION_QUEUE: &str = "aws-tags-sessions";
/// The queue of the tag-handler.
pub const CREATION_QUEUE: &str = "aws-tags-creations";
/// Suffix of the names of dead-letter queues.
pub const DEAD_LETTERS: &str = "-dead-letters";

/// The queue of the function that handles the event.
pub fn queue_of(event: &Event) -> &'static str {
    if event.source == STS { SESSION_QUEUE } else { CREATION_QUEUE }
}
