//! The report: findings as they come, and what they come to.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use aws_tags_aws::Error;

use super::finding::{Finding, Severity};
use crate::console::{End, visible, write_json};

/// The name of a check, and the permissions that it needs.
pub(super) type Check = (&'static str, &'static str);

/// Writes findings as they come, and counts them.
pub(super) struct Report<'a, W> {
    out: &'a mut W,
    json: bool,
    /// The checks that are made, and the permissions that they need.
    checks: Vec<Check>,
    /// By severity.
    counts: [usize; 4],
    /// The Region that is being checked.
    pub(super) region: String,
}

impl<'a, W: Write> Report<'a, W> {
    pub(super) fn new(out: &'a mut W, json: bool, checks: Vec<Check>) -> Self {
        Self { out, json, checks, counts: [0; 4], region: String::new() }
    }

    /// What is to be said of what AWS was asked: what a judge finds, or that the check could not be made.
    pub(super) fn check<T>(
        &mut self,
        check: &'static str,
        asked: Result<T, Error>,
        judge: impl FnOnce(T) -> Vec<Finding>,
    ) -> io::Result<()> {
        let findings = match asked {
            Ok(facts) => judge(facts),
            Err(error) => {
                let needed =
                    self.checks.iter().find(|(name, _)| *name == check).map_or("", |(_, needed)| needed);
                let todo = format!("allow yourself {needed}, and try again");
                vec![Finding::new(Severity::Unchecked, error.to_string(), todo)]
            }
        };
        for finding in findings {
            self.write(&Finding { check, region: self.region.clone(), ..finding })?;
        }
        Ok(())
    }

    fn write(&mut self, finding: &Finding) -> io::Result<()> {
        self.counts[finding.severity as usize] += 1;
        if self.json {
            return write_json(self.out, finding);
        }
        let (color, name) = match finding.severity {
            Severity::Error => (AnsiColor::Red.on_default(), "error"),
            Severity::Warning => (AnsiColor::Yellow.on_default(), "warning"),
            Severity::Unchecked => (AnsiColor::Magenta.on_default(), "unchecked"),
            Severity::Note => (AnsiColor::Cyan.on_default(), "note"),
        };
        let Finding { check, region, found, todo, .. } = finding;
        let dim = Style::new().dimmed();
        let (found, todo) = (visible(found), visible(todo));
        writeln!(self.out, "{color}{name:<9}{color:#} {dim}{region} {check}:{dim:#} {found}")?;
        writeln!(self.out, "          → {todo}")
    }

    /// The last line, and how the command ends.
    pub(super) fn end(self) -> io::Result<End> {
        let [errors, warnings, unchecked, notes] = self.counts;
        let is_well = [errors, warnings, unchecked] == [0; 3];
        if !self.json {
            match is_well {
                true => {
                    let names: Vec<&str> = self.checks.iter().map(|(name, _)| *name).collect();
                    let gap = if notes > 0 { "\n" } else { "" };
                    writeln!(self.out, "{gap}All is well: {}.", names.join(", "))?;
                }
                false => {
                    writeln!(self.out, "\nerrors: {errors}, warnings: {warnings}, not checked: {unchecked}")?;
                }
            }
        }
        Ok(if is_well { End::Done } else { End::Failed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_aws_says_does_nothing_to_a_terminal() {
        for json in [false, true] {
            let mut out = Vec::new();
            let mut report = Report::new(&mut out, json, Vec::new());
            let hostile =
                Finding::new(Severity::Error, "not \u{1b}]0;x\u{7} \u{9b}31m allowed", "say \u{202e}why");
            assert!(report.write(&hostile).is_ok());
            let text = String::from_utf8_lossy(&out);
            assert!(text.contains("allowed") && text.contains("why"), "{text}");
            for raw in ["\u{1b}]", "\u{7}", "\u{9b}", "\u{202e}"] {
                assert!(!text.contains(raw), "{text:?}");
            }
        }
    }
}
