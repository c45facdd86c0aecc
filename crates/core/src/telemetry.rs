//! What the functions say of what became of events: a log line each, and counts.

pub mod event_log;
pub mod metrics;
