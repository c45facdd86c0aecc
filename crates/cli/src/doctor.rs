//! `aws-tags doctor`: what a deployment lacks, and what to do about it.

mod checks;
mod doors;
mod finding;
pub(crate) mod pattern;
mod report;

use std::collections::BTreeMap;
use std::io::{self, Write};

use aws_tags::deployment::iam_policies;
use aws_tags::deployment::resource_names::{
    DEAD_LETTERS, PREFIX, SESSION_RECORDER, SESSION_TABLE, SWEEP_RULE, TAG_HANDLER,
};
use aws_tags::record::partition_of;
use aws_tags::table::Service;
use aws_tags_aws::{Aws, Error, LookupEvents};
use clap::Args;
use futures_util::future::{join, join_all};

use crate::account::{
    AccessOptions, Function, HISTORY_ATTEMPTS, Queue, RegionalClients, Removal, Rule, rule_counts,
};
use crate::console::{End, bad_input};
use checks::{Part, Place};
use report::{Check, Report};

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    access: AccessOptions,
    /// Further Regions whose trails and rules are checked. Those with a session-recorder always are.
    #[arg(long, value_name = "REGION", value_delimiter = ',')]
    regions: Vec<String>,
    /// Names who may use each door: a way to feed the functions, or to change what they do, past the rules. Takes minutes
    /// where there are many roles.
    #[arg(long)]
    doors: bool,
    /// ARNs of roles and users who are meant to use doors, such as the pipeline's. Patterns with * and ?.
    #[arg(long, value_name = "PATTERN", value_delimiter = ',', requires = "doors")]
    trusted: Vec<String>,
    /// One JSON object per finding.
    #[arg(long)]
    json: bool,
}

/// The checks, and the permissions that they need.
const CHECKS: &[Check] = &[
    ("trails", "cloudtrail:DescribeTrails, cloudtrail:GetTrailStatus, cloudtrail:GetEventSelectors"),
    ("rules", "events:ListRules, events:ListTargetsByRule"),
    ("delivery", "cloudwatch:GetMetricData"),
    (
        "functions",
        "lambda:GetFunctionConfiguration, lambda:GetFunctionConcurrency, lambda:ListEventSourceMappings",
    ),
    ("concurrency", "lambda:GetAccountSettings"),
    ("table", "dynamodb:DescribeTable, dynamodb:DescribeTimeToLive, dynamodb:DescribeContinuousBackups"),
    ("queues", "sqs:ListQueues, sqs:GetQueueAttributes; for reasons of dead letters, what redrive needs"),
    ("permissions", "iam:SimulatePrincipalPolicy"),
    ("recorders", "iam:ListRoles"),
    ("removals", "cloudtrail:LookupEvents"),
    (
        "doors",
        "iam:GetAccountAuthorizationDetails, iam:SimulatePrincipalPolicy, lambda:GetPolicy, dynamodb:GetResourcePolicy, \
         kms:GetKeyPolicy, and what the checks of queues and functions need",
    ),
];

/// The check that only `--doors` makes.
const DOORS: &str = "doors";

/// Checks everything; a check that fails does not stop the rest.
pub(crate) fn run(options: &Options, out: &mut impl Write) -> io::Result<End> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (aws, home, account) = match options.access.connect_to_account().await {
            Ok(found) => found,
            Err(reason) => return Ok(bad_input(&reason)),
        };
        let handler = RegionalClients::new(&aws, &home).function(TAG_HANDLER).await;
        let recorders = recorders(handler.as_ref().ok().and_then(Option::as_ref), &home);
        let regions = all([&recorders, &options.regions].into_iter().flatten());
        if !options.json {
            writeln!(out, "Account {account}, home Region {home}, Regions {}\n", regions.join(", "))?;
        }
        let checks = CHECKS.iter().copied().filter(|(name, _)| options.doors || *name != DOORS).collect();
        let report = Report::new(out, options.json, checks);
        let mut doctor =
            Doctor { aws: &aws, account, home, report, delivered: Vec::new(), recorder: None, sweep: None };
        let keys = checks::stated_keys(handler.as_ref().ok().and_then(Option::as_ref));
        // The history takes its time: it is asked while everything else is checked.
        let (checked, removals) =
            join(doctor.all(handler, &recorders, &regions), removals(&aws, &regions)).await;
        checked?;
        doctor.removals(removals, &keys)?;
        if options.doors {
            doctor.doors(&recorders, &regions, &options.trusted).await?;
        }
        doctor.report.end()
    })
}

/// The Regions in which a session-recorder should stand, the home Region first: those that the tag-handler
/// waits for, or would wait for by default.
pub(crate) fn recorders(handler: Option<&Function>, home: &str) -> Vec<String> {
    let named = handler.and_then(|handler| handler.environment.get("RECORDER_REGIONS"));
    let global = if partition_of(home) == "aws" { "us-east-1" } else { "" };
    let others = named.map_or(global, String::as_str);
    let names = [home].into_iter().chain(others.split(',').map(str::trim));
    all(names.filter(|name| !name.is_empty()).map(str::to_owned).collect::<Vec<_>>().iter())
}

/// Each text once, in the order of their first places.
pub(crate) fn all<'a>(texts: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut once: Vec<String> = Vec::new();
    for text in texts {
        if !once.contains(text) {
            once.push(text.clone());
        }
    }
    once
}

/// Whom it asks, and whom it tells.
struct Doctor<'a, W> {
    aws: &'a Aws,
    account: String,
    home: String,
    report: Report<'a, W>,
    /// The services whose creations the rules of the home Region deliver.
    delivered: Vec<&'static Service>,
    /// The session-recorder of the home Region.
    recorder: Option<Function>,
    /// The schedule of the sweep.
    sweep: Option<Rule>,
}

impl<W: Write> Doctor<'_, W> {
    /// All checks that are made of a deployment, but for those that ask a history or everybody's permissions.
    async fn all(
        &mut self,
        handler: Result<Option<Function>, Error>,
        recorders: &[String],
        regions: &[String],
    ) -> io::Result<()> {
        for region in regions {
            self.everywhere(region, recorders.contains(region)).await?;
        }
        self.at_home(handler, recorders, regions).await
    }

    /// Whether something removes our tags again.
    fn removals(
        &mut self,
        asked: Vec<(String, Result<Vec<Removal>, Error>)>,
        keys: &[String],
    ) -> io::Result<()> {
        let mut removals = Vec::new();
        for (region, asked) in asked {
            self.report.region.clone_from(&region);
            self.report.check("removals", asked, |found| {
                removals.push((region, found));
                Vec::new()
            })?;
        }
        self.report.region.clone_from(&self.home);
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        self.report.check("removals", Ok(removals), |removals| checks::removals(&removals, &keys))
    }

    /// Trails, rules and dead letters, wherever calls are made; and the recorder where one stands.
    async fn everywhere(&mut self, region: &str, has_recorder: bool) -> io::Result<()> {
        self.report.region = region.to_owned();
        let here = RegionalClients::new(self.aws, region);
        let place = match has_recorder {
            _ if region == self.home => Place::Home,
            true => Place::Recorder,
            false => Place::Forwarder,
        };
        let trails = here.trails(&self.account).await;
        let wanted = |name: &str, pattern: &str| name.starts_with(PREFIX) || pattern.contains("CloudTrail");
        let rules = here.rules(wanted).await;
        if let (Place::Home, Ok(rules)) = (place, &rules) {
            self.delivered = checks::services_of(rules);
            self.sweep = rules.iter().find(|rule| rule.name == SWEEP_RULE).cloned();
        }
        let ours = rules.iter().flatten().map(|rule| &rule.name).filter(|name| name.starts_with(PREFIX));
        let counts = rule_counts(self.aws, region, &ours.cloned().collect::<Vec<_>>()).await;
        let sessions = counts.as_ref().ok().map(checks::sessions_began);
        self.report
            .check("trails", trails, |trails| checks::trails(&trails, place, sessions.unwrap_or_default()))?;
        self.report.check("rules", rules, |rules| checks::rules(&rules, place))?;
        self.report.check("delivery", counts, |counts| checks::delivery(&counts))?;
        if has_recorder {
            let recorder = here.function(SESSION_RECORDER).await;
            let found = recorder.as_ref().ok().cloned().flatten();
            self.function(&here, Part::Recorder, recorder, place == Place::Home).await?;
            match place {
                // Beside the tag-handler.
                Place::Home => self.recorder = found,
                _ => self.concurrency(&here, &[(SESSION_RECORDER, found.as_ref())]).await?,
            }
        }
        let account = self.account.clone();
        self.report.check("queues", queues(&here).await, |queues| checks::queues(&queues, place, &account))
    }

    /// The tag-handler and the table, and whether recorders stand where they should.
    async fn at_home(
        &mut self,
        handler: Result<Option<Function>, Error>,
        recorders: &[String],
        regions: &[String],
    ) -> io::Result<()> {
        self.report.region.clone_from(&self.home);
        let here = RegionalClients::new(self.aws, &self.home);
        let (found, recorder) = (handler.as_ref().ok().cloned().flatten(), self.recorder.take());
        self.function(&here, Part::Handler, handler, true).await?;
        self.concurrency(&here, &[(TAG_HANDLER, found.as_ref()), (SESSION_RECORDER, recorder.as_ref())])
            .await?;
        let (swept, rule) = (checks::swept(found.as_ref()), self.sweep.take());
        self.report.check("rules", Ok(()), |()| checks::sweep(&swept, rule.as_ref(), regions))?;
        let table = here.table(SESSION_TABLE.0).await;
        self.report.check("table", table, |table| checks::table(table.as_ref()))?;
        let centers = here.identity_centers().await;
        self.report.check("recorders", centers, |centers| {
            checks::identity_centers(&centers, recorders, regions, partition_of(&self.home))
        })
    }

    /// Whether the functions of a Region get the concurrency that they are set to.
    async fn concurrency(
        &mut self,
        here: &RegionalClients,
        functions: &[(&str, Option<&Function>)],
    ) -> io::Result<()> {
        let there: Vec<_> =
            functions.iter().filter_map(|(name, function)| Some((*name, (*function)?))).collect();
        let quota = here.concurrency().await;
        self.report.check("concurrency", quota, |quota| checks::concurrency(&there, quota))
    }

    /// A function, and whether its role may do what it needs.
    async fn function(
        &mut self,
        here: &RegionalClients,
        part: Part,
        asked: Result<Option<Function>, Error>,
        is_home: bool,
    ) -> io::Result<()> {
        let found = asked.as_ref().ok().cloned().flatten();
        let table_region = (!is_home).then_some(self.home.as_str());
        self.report
            .check("functions", asked, |function| checks::function(part, function.as_ref(), table_region))?;
        let Some(function) = found else { return Ok(()) };
        let actions = checks::needed_actions(part, &function, &self.delivered);
        let denied = denied(here, &function.role, &actions, &self.home, &self.account).await;
        self.report.check("permissions", denied, |denied| {
            checks::permissions(part.function_name(), &function.role, &denied)
        })
    }
}

/// Who removed tags, in each Region. Each has a quota of its own.
async fn removals(aws: &Aws, regions: &[String]) -> Vec<(String, Result<Vec<Removal>, Error>)> {
    let history = &LookupEvents::new(aws, HISTORY_ATTEMPTS);
    let of = async |region: &String| (region.clone(), Removal::all(history, region).await);
    join_all(regions.iter().map(of)).await
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorders_stand_where_the_tag_handler_waits_for_them() {
        let handler = |regions: &str| Function {
            environment: [("RECORDER_REGIONS".to_owned(), regions.to_owned())].into(),
            ..Function::default()
        };
        assert_eq!(recorders(None, "eu-west-1"), ["eu-west-1", "us-east-1"]);
        assert_eq!(recorders(None, "us-east-1"), ["us-east-1"]);
        assert_eq!(recorders(None, "cn-north-1"), ["cn-north-1"]);
        let named = handler("eu-west-1,us-east-1,");
        assert_eq!(recorders(Some(&named), "eu-west-1"), ["eu-west-1", "us-east-1"]);
        let more = handler("eu-west-1, us-east-1,eu-central-1");
        assert_eq!(recorders(Some(&more), "eu-west-1"), ["eu-west-1", "us-east-1", "eu-central-1"]);
    }
}
