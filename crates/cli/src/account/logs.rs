//! What the functions log.

use aws_tags_aws::Error;
use serde_json::Value;
use time::{Duration, OffsetDateTime};

use super::regional_clients::RegionalClients;

/// Pages of one question that are read: each holds up to 10,000 lines, or what was searched in a moment.
const MOST_PAGES: usize = 20;

impl RegionalClients {
    /// The lines of a function's log since then that hold this text, oldest first; none where it has no log.
    pub(crate) async fn log_lines(
        &self,
        function: &str,
        text: &str,
        since: OffsetDateTime,
    ) -> Result<Vec<Value>, Error> {
        // The clocks of the two may differ.
        let since = since.saturating_sub(Duration::MINUTE).unix_timestamp().saturating_mul(1000);
        let call = self.logs.filter_log_events().log_group_name(format!("/aws/lambda/{function}"));
        let call = call.filter_pattern(format!("\"{text}\"")).start_time(since);
        let mut pages = call.into_paginator().send();
        let mut lines = Vec::new();
        for _ in 0..MOST_PAGES {
            match pages.next().await.map(|page| page.map_err(Error::from)) {
                None => break,
                Some(Err(error)) if error.is_not_found() => break,
                Some(page) => {
                    let messages =
                        page?.events.unwrap_or_default().into_iter().filter_map(|event| event.message);
                    lines.extend(messages.filter_map(|message| serde_json::from_str(&message).ok()));
                }
            }
        }
        Ok(lines)
    }
}
