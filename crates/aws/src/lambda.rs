//! What both functions need at the start.

use std::io::{self, Write};

use serde_json::Value;
use tracing_subscriber::fmt::format::FmtSpan;

/// What the runtime itself logs goes as JSON lines on standard output, where Lambda collects them.
pub fn init_log() {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false)
        .with_span_events(FmtSpan::NONE)
        .with_max_level(tracing::Level::INFO)
        .init();
}

/// Writes one line for each on standard output, all at once.
pub fn write(lines: impl Iterator<Item = Value>) -> io::Result<()> {
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    io::stdout().lock().write_all(text.as_bytes())
}

/// The name of the session table, which has no default.
pub fn session_table() -> Result<String, String> {
    let name = std::env::var("SESSION_TABLE").unwrap_or_default();
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    match (3..=255).contains(&name.len()) && name.chars().all(allowed) {
        true => Ok(name),
        false => Err(format!(
            "SESSION_TABLE is `{name}`, allowed: the name of a DynamoDB table, 3 to 255 letters, digits, `_`, `.`, `-`"
        )),
    }
}
