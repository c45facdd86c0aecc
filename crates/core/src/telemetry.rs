//! What the functions report about events: a log line for each, and counts.

pub mod event_log;
pub mod metrics;
