//! A finding: something that is wrong, and what to do about it.

use serde::Serialize;

use super::checks::MayUse;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Severity {
    /// Resources stay without tags, or without all of them.
    Error,
    /// It works, but something may be lost or done twice.
    Warning,
    /// It could not be checked.
    Unchecked,
    /// Nothing is wrong, and whoever runs the account should know it.
    Note,
}

/// Something that is wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) severity: Severity,
    pub(super) check: &'static str,
    pub(super) region: String,
    pub(super) found: String,
    pub(super) todo: String,
    /// Of a door: who may use it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) principals: Vec<MayUse>,
}

impl Finding {
    pub(super) fn new(severity: Severity, found: impl Into<String>, todo: impl Into<String>) -> Self {
        let (check, region) = ("", String::new());
        Self { severity, check, region, found: found.into(), todo: todo.into(), principals: Vec::new() }
    }

    /// Resources stay without tags.
    pub(super) fn error(found: impl Into<String>, todo: impl Into<String>) -> Self {
        Self::new(Severity::Error, found, todo)
    }

    /// Nothing is wrong.
    pub(super) fn note(found: impl Into<String>, todo: impl Into<String>) -> Self {
        Self::new(Severity::Note, found, todo)
    }

    /// Something may be lost or done twice.
    pub(super) fn warning(found: impl Into<String>, todo: impl Into<String>) -> Self {
        Self::new(Severity::Warning, found, todo)
    }
}
