//! `aws-tags doctor`: what a deployment lacks, and what to do about it.

mod checks;
mod finding;
mod pattern;

use std::collections::BTreeMap;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use aws_tags::deployment::iam_policies;
use aws_tags::deployment::resource_names::{
    DEAD_LETTERS, PREFIX, SESSION_RECORDER, SESSION_TABLE, TAG_HANDLER,
};
use aws_tags_aws::Error;
use clap::Args;

use crate::account::{AccessOptions, Queue, RegionalClients, region};
use crate::console::{End, bad_input};
use checks::Part;
use finding::{Finding, Severity};

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    access: AccessOptions,
    /// Further Regions whose trails and rules are checked; by default us-east-1, where calls of the
    /// global STS endpoint are logged.
    #[arg(long, value_name = "REGION", value_delimiter = ',')]
    regions: Vec<String>,
    /// One JSON object per finding.
    #[arg(long)]
    json: bool,
}

/// The checks, and the permissions that they need.
const CHECKS: &[(&str, &str)] = &[
    ("trails", "cloudtrail:DescribeTrails, cloudtrail:GetTrailStatus, cloudtrail:GetEventSelectors"),
    ("rules", "events:ListRules, events:ListTargetsByRule"),
    (
        "functions",
        "lambda:GetFunctionConfiguration, lambda:GetFunctionConcurrency, lambda:ListEventSourceMappings",
    ),
    ("table", "dynamodb:DescribeTable, dynamodb:DescribeTimeToLive, dynamodb:DescribeContinuousBackups"),
    ("queues", "sqs:ListQueues, sqs:GetQueueAttributes; for reasons of dead letters, what redrive needs"),
    ("permissions", "iam:SimulatePrincipalPolicy"),
];

/// Checks everything; a check that fails does not stop the rest.
pub(crate) fn run(options: &Options, out: &mut impl Write) -> io::Result<End> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let aws = options.access.connect().await;
        let Some(home) = region(&aws).map(str::to_owned) else {
            return Ok(bad_input("no Region: give one with --region, AWS_REGION, or a profile"));
        };
        let account = match aws.scope().await {
            Ok(scope) => scope.account.clone().unwrap_or_default(),
            Err(error) => {
                return Ok(bad_input(&format!("cannot ask AWS whose credentials these are: {error}")));
            }
        };
        let regions = regions(&options.regions, &home);
        if !options.json {
            writeln!(out, "Account {account}, home Region {home}, Regions {}\n", regions.join(", "))?;
        }
        let mut report = Report { out, json: options.json, counts: [0; 3], region: String::new() };
        for region in &regions {
            report.region.clone_from(region);
            everywhere(&mut report, &RegionalClients::new(&aws, region), *region == home).await?;
        }
        report.region.clone_from(&home);
        at_home(&mut report, &RegionalClients::new(&aws, &home), &account).await?;
        report.end()
    })
}

/// The Regions to check: those that are given, else the one in which the global endpoint of STS
/// is logged; and always the home Region, first.
fn regions(given: &[String], home: &str) -> Vec<String> {
    let global = match aws_tags::record::partition_of(home) {
        "aws" => vec!["us-east-1".to_owned()],
        _ => Vec::new(),
    };
    let mut regions = vec![home.to_owned()];
    for region in if given.is_empty() { &global } else { given } {
        if !regions.contains(region) {
            regions.push(region.clone());
        }
    }
    regions
}

/// Trails, rules and their dead letters: wherever calls are made.
async fn everywhere<W: Write>(
    report: &mut Report<'_, W>,
    here: &RegionalClients,
    home: bool,
) -> io::Result<()> {
    report.check("trails", here.trails().await, |trails| checks::trails(&trails))?;
    let wanted = |name: &str, pattern: &str| name.starts_with(PREFIX) || pattern.contains("CloudTrail");
    let rules = here.rules(wanted).await;
    report.check("rules", rules, |rules| checks::rules(&rules, home))?;
    if home {
        return Ok(());
    }
    report.check("queues", queues(here).await, |queues| checks::dead_letters(&queues))
}

/// The queues, and why there are dead letters.
async fn queues(here: &RegionalClients) -> Result<Vec<Queue>, Error> {
    let mut queues = here.queues(PREFIX).await?;
    let is_dead = |queue: &&mut Queue| queue.name.ends_with(DEAD_LETTERS) && queue.waiting > 0;
    for queue in queues.iter_mut().filter(is_dead) {
        // To read messages takes permissions that the rest does without.
        let _ = here.look_at_reasons(queue).await;
    }
    Ok(queues)
}

/// Functions, table and queues: in the home Region only.
async fn at_home<W: Write>(
    report: &mut Report<'_, W>,
    here: &RegionalClients,
    account: &str,
) -> io::Result<()> {
    for part in [Part::Recorder, Part::Handler] {
        let name = if part == Part::Handler { TAG_HANDLER } else { SESSION_RECORDER };
        let asked = here.function(name).await;
        let found = asked.as_ref().ok().cloned().flatten();
        report.check("functions", asked, |function| checks::function(part, function.as_ref()))?;
        if let Some(function) = found {
            let actions = checks::needed_actions(part, &function);
            let denied = denied(here, &function.role, &actions, &report.region, account).await;
            report
                .check("permissions", denied, |denied| checks::permissions(name, &function.role, &denied))?;
        }
    }
    let table = here.table(SESSION_TABLE.0).await;
    report.check("table", table, |table| checks::table(table.as_ref()))?;
    report.check("queues", queues(here).await, |queues| checks::queues(&queues, account))
}

/// The actions that a role may not use on what it needs them for.
async fn denied(
    here: &RegionalClients,
    role: &str,
    actions: &[&str],
    region: &str,
    account: &str,
) -> Result<Vec<String>, Error> {
    let partition = role.split(':').nth(1).unwrap_or("aws");
    let mut by_resource: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for action in actions {
        by_resource
            .entry(iam_policies::example(action, partition, region, account))
            .or_default()
            .push(action);
    }
    let mut denied = Vec::new();
    for (resource, actions) in &by_resource {
        denied.extend(here.denied(role, resource, actions).await?);
    }
    denied.sort();
    Ok(denied)
}

/// Writes findings as they come, and counts them.
struct Report<'a, W> {
    out: &'a mut W,
    json: bool,
    /// By severity.
    counts: [usize; 3],
    region: String,
}

impl<W: Write> Report<'_, W> {
    fn check<T>(
        &mut self,
        check: &'static str,
        asked: Result<T, Error>,
        judge: impl FnOnce(T) -> Vec<Finding>,
    ) -> io::Result<()> {
        let findings = match asked {
            Ok(facts) => judge(facts),
            Err(error) => {
                let needed = CHECKS.iter().find(|(name, _)| *name == check).map_or("", |(_, needed)| needed);
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
            serde_json::to_writer(&mut *self.out, finding)?;
            return writeln!(self.out);
        }
        let (color, name) = match finding.severity {
            Severity::Error => (AnsiColor::Red.on_default(), "error"),
            Severity::Warning => (AnsiColor::Yellow.on_default(), "warning"),
            Severity::Unchecked => (AnsiColor::Magenta.on_default(), "unchecked"),
        };
        let Finding { check, region, found, todo, .. } = finding;
        let dim = Style::new().dimmed();
        writeln!(self.out, "{color}{name:<9}{color:#} {dim}{region} {check}:{dim:#} {found}")?;
        writeln!(self.out, "          → {todo}")
    }

    fn end(self) -> io::Result<End> {
        let [errors, warnings, unchecked] = self.counts;
        if !self.json {
            match self.counts {
                [0, 0, 0] => {
                    let names: Vec<_> = CHECKS.iter().map(|(name, _)| *name).collect();
                    writeln!(self.out, "All is well: {}.", names.join(", "))?;
                }
                _ => {
                    writeln!(self.out, "\nerrors: {errors}, warnings: {warnings}, not checked: {unchecked}")?;
                }
            }
        }
        Ok(if self.counts == [0; 3] { End::Done } else { End::Failed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_global_sts_endpoint_is_checked_unless_regions_are_given() {
        assert_eq!(regions(&[], "eu-west-1"), ["eu-west-1", "us-east-1"]);
        assert_eq!(regions(&[], "us-east-1"), ["us-east-1"]);
        assert_eq!(regions(&[], "cn-north-1"), ["cn-north-1"]);
        assert_eq!(regions(&["eu-north-1".to_owned()], "eu-west-1"), ["eu-west-1", "eu-north-1"]);
    }
}
