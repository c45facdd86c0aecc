//! The session table.

use aws_tags::deployment::resource_names::{SESSION_TABLE, TTL_ATTRIBUTE};

use super::{DEPLOY, Finding};
use crate::account::Table;

/// The session table.
pub(in crate::doctor) fn table(table: Option<&Table>) -> Vec<Finding> {
    let (name, key) = SESSION_TABLE;
    let Some(table) = table else {
        return vec![Finding::error(format!("no table `{name}`"), DEPLOY)];
    };
    let mut findings = Vec::new();
    if !matches!(table.status.as_str(), "ACTIVE" | "UPDATING") {
        findings.push(Finding::error(format!("table `{name}` is {}", table.status), "wait, or restore it"));
    }
    if table.key != key {
        let found = format!("the key of table `{name}` is {}, not {}", table.key.join(", "), key.join(", "));
        findings.push(Finding::error(found, format!("move it away and {DEPLOY}")));
    }
    if table.ttl.as_deref() != Some(TTL_ATTRIBUTE) {
        let found = format!("table `{name}` never deletes sessions: TTL is not on for `{TTL_ATTRIBUTE}`");
        findings.push(Finding::warning(found, DEPLOY));
    }
    if !table.point_in_time_recovery {
        let found = format!("table `{name}` has no point-in-time recovery");
        findings.push(Finding::warning(found, DEPLOY));
    }
    findings
}
