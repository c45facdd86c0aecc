//! What both functions do around their own work: messages in; a log line for each event, metrics, and an
//! answer for each message out.

mod runner;
mod settings;

pub use runner::{Error, Function, run, warn};
pub use settings::{recorder_regions, session_table, sweep};
