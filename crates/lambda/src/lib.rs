//! What both functions do around their own work: messages in; a log line for each event, metrics, and an
//! answer for each message out.

mod runner;

pub use runner::{Error, Function, run, session_table};
