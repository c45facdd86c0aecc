//! `aws-tags audit`: every taggable resource of an account, and in which of four states it is.
//!
//! What exists, no inventory of AWS shows whole. Several are asked, and which, and what none of them can show, stands
//! at the head of every output.

mod arguments;
mod compose;
mod csv;
mod history;
mod inventory;
mod report;
mod summary;
mod unseen;

use std::io::{self, Write};
use std::path::PathBuf;

use aws_tags::Settings;
use aws_tags::audit::{Head, Resource, State, VERSION};
use aws_tags_aws::{Aws, AwsTagger, Inventories};
use clap::Args;
use time::OffsetDateTime;

use crate::account::AccessOptions;
use crate::console::{End, bad_input, complain, write_json};
use arguments::{Percent, region, service};
use history::History;
use inventory::Place;
use report::Report;
use summary::By;

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    access: AccessOptions,
    /// The Regions to audit, or `all` that the account has enabled; without, the one of the configuration. What no Region has, as
    /// roles, is always there.
    #[arg(long, value_name = "REGION", value_delimiter = ',', value_parser = region)]
    regions: Vec<String>,
    /// Only resources of these services, by their name in ARNs, e.g. `sqs,ec2`.
    #[arg(long, value_name = "SERVICE", value_delimiter = ',', value_parser = service)]
    services: Vec<String>,
    /// Keys of the tags that each resource should have. Without, the owner tag.
    #[arg(long, value_name = "KEY", value_delimiter = ',')]
    require: Vec<String>,
    /// What the past says of resources: files or folders of a trail, a plan of a backfill, or the folder of a run. Names creators,
    /// and finds what no inventory shows.
    #[arg(long, value_name = "PATH")]
    history: Vec<PathBuf>,
    /// The view of Resource Explorer to ask. Without, one that includes tags is looked for.
    #[arg(long, value_name = "ARN")]
    view: Option<String>,
    /// What the summary counts by.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [By::Service, By::Owner])]
    by: Vec<By>,
    /// Fail if fewer resources have all required tags, e.g. `95%`. Refuses a partial inventory.
    #[arg(long, value_name = "PERCENT")]
    min_coverage: Option<Percent>,
    /// Let --min-coverage go by a partial inventory.
    #[arg(long, requires = "min_coverage")]
    accept_partial: bool,
    /// Fail if there is any such resource.
    #[arg(long, value_enum, value_delimiter = ',')]
    fail_on: Vec<FailOn>,
    /// JSON: the head, then one object per resource.
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// A table for spreadsheets.
    #[arg(long)]
    csv: bool,
    /// Print the IAM policies that it needs, and ask nothing.
    #[arg(long, conflicts_with = "csv")]
    policy: bool,
}

/// What a pipeline fails on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum FailOn {
    /// A resource of which neither a tag nor the past names an owner.
    Unowned,
    /// A resource that lacks a required tag.
    Incomplete,
}

/// Audits the account.
pub(crate) fn run(options: &Options, out: &mut impl Write) -> io::Result<End> {
    if options.policy {
        return report::policies(options.json, out);
    }
    let settings = match Settings::read(|name| std::env::var_os(name)) {
        Ok(settings) => settings,
        Err(wrong) => return Ok(bad_input(&wrong.to_string())),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(audit(options, &settings, out))
}

async fn audit(options: &Options, settings: &Settings, out: &mut impl Write) -> io::Result<End> {
    if let Some(why) = options.history.iter().find_map(|path| history::unreadable(path)) {
        return Ok(bad_input(&format!("--history: {why}")));
    }
    let (aws, home, account) = match options.access.connect_to_account().await {
        Ok(found) => found,
        Err(reason) => return Ok(bad_input(&reason)),
    };
    let history = match History::read(&options.history, settings, &account).await {
        Ok(history) => history,
        Err(error) => return Ok(bad_input(&format!("--history: {error}"))),
    };
    let inventories = Inventories::new(&aws);
    let regions = match regions(options, &inventories, &aws, &home).await {
        Ok(regions) => regions,
        Err(reason) => return Ok(bad_input(&reason)),
    };
    let (services, view) = (options.services.clone(), options.view.clone());
    let place = Place { account, home, regions, services, view };
    let mut collected = inventory::collect(&inventories, &place).await?;
    let past = history.spelt(&place);
    let tagger = AwsTagger::new(&aws, settings.at_launch);
    unseen::read(&tagger, &place, &past, history.others, &mut collected).await;
    if collected.found.is_empty() && collected.failures > 0 {
        return Ok(bad_input("no inventory answers"));
    }
    let required =
        if options.require.is_empty() { vec![settings.owner_tag.clone()] } else { options.require.clone() };
    let resources = compose::resources(&place, settings, &required, &past, &collected);
    let head = Head {
        version: VERSION,
        at: OffsetDateTime::now_utc(),
        accounts: vec![place.account],
        regions: place.regions,
        required,
        inventory: collected.inventory,
        resources: u64::try_from(resources.len()).ok(),
        partial: collected.partial,
    };
    write(options, &head, &resources, out)?;
    let end = verdict(options, &head, &resources);
    let has_failed = collected.failures > 0 || history.unread > 0;
    Ok(end.max(if has_failed { End::Failed } else { End::Done }))
}

/// The Regions to audit, each once.
async fn regions(
    options: &Options,
    inventories: &Inventories,
    aws: &Aws,
    home: &str,
) -> Result<Vec<String>, String> {
    if options.regions.iter().any(|region| region == "all") {
        let regions = inventories.regions(home).await;
        return regions
            .map_err(|error| options.access.cannot("list the Regions (ec2:DescribeRegions)", aws, &error));
    }
    let mut regions = options.regions.clone();
    if regions.is_empty() {
        regions.push(home.to_owned());
    }
    regions.sort_unstable();
    regions.dedup();
    Ok(regions)
}

fn write(options: &Options, head: &Head, resources: &[Resource], out: &mut impl Write) -> io::Result<()> {
    if options.csv {
        return csv::write(head, resources, out);
    }
    if !options.json {
        return Report { head, resources, by: &options.by }.write(out);
    }
    write_json(out, &report::Titled { audit: head })?;
    resources.iter().try_for_each(|resource| write_json(out, resource))
}

/// How the audit ends, by what the pipeline asks.
fn verdict(options: &Options, head: &Head, resources: &[Resource]) -> End {
    let tally = summary::total(resources);
    let mut end = End::Done;
    for fail_on in &options.fail_on {
        let (count, what) = match fail_on {
            FailOn::Unowned => (tally.of(State::OwnerUnknown), "whose owner nothing names"),
            FailOn::Incomplete => (tally.all().saturating_sub(tally.covered()), "that lack a required tag"),
        };
        if count > 0 {
            complain(&format!("there are {count} resources {what}"));
            end = End::Failed;
        }
    }
    let Some(least) = options.min_coverage else { return end };
    if head.partial && !options.accept_partial {
        return bad_input(
            "the inventory is partial, so that the coverage may be less than it seems: see its head, or add --accept-partial",
        );
    }
    if !least.is_reached_by(&tally) {
        let found = match tally.coverage() {
            Some(coverage) => format!("the coverage is {coverage}"),
            None => "no resource was found, so that there is no coverage".to_owned(),
        };
        complain(&format!("{found}, expected at least {}", least.text()));
        end = End::Failed;
    }
    end
}
