//! `aws-tags audit`: every taggable resource of an account, and in which of four states it is.
//!
//! What exists, no inventory of AWS shows whole. Several are asked, and which, and what none of them can show, stands
//! at the head of every output.

mod compose;
mod csv;
mod history;
mod inventory;
mod report;
mod summary;
mod unseen;

use std::io::{self, Write};
use std::path::PathBuf;
use std::str::FromStr;

use aws_tags::Settings;
use aws_tags::audit::{Head, Resource, State, Tally, VERSION};
use aws_tags_aws::{Aws, AwsTagger, Inventories};
use clap::Args;
use time::OffsetDateTime;

use crate::account::AccessOptions;
use crate::console::{End, bad_input, complain, write_json};
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
    #[arg(long, value_name = "REGION", value_delimiter = ',')]
    regions: Vec<String>,
    /// Only resources of these services, by their name in ARNs, e.g. `sqs,ec2`.
    #[arg(long, value_name = "SERVICE", value_delimiter = ',')]
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

/// A percentage, in hundredths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Percent(u64);

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("expected a percentage from 0% to 100% with up to two decimals, found `{text}`");
        let number = text.strip_suffix('%').unwrap_or(text).trim_end();
        let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(whole) || !is_number(decimals) || whole.len() > 3 || decimals.len() > 2 {
            return Err(wrong());
        }
        let hundredths: u64 = format!("{whole}{decimals:0<2}").parse().map_err(|_| wrong())?;
        if hundredths > 10_000 { Err(wrong()) } else { Ok(Self(hundredths)) }
    }
}

impl Percent {
    /// Whether the coverage reaches it. Where there is nothing, nothing is missing.
    fn is_reached_by(self, tally: &Tally) -> bool {
        u128::from(tally.covered()).saturating_mul(10_000)
            >= u128::from(self.0).saturating_mul(u128::from(tally.all()))
    }

    fn text(self) -> String {
        let (whole, decimals) = (self.0 / 100, self.0 % 100);
        let decimals = if decimals == 0 {
            String::new()
        } else {
            format!(".{decimals:02}").trim_end_matches('0').to_owned()
        };
        format!("{whole}{decimals} %")
    }
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
    if let Some(service) = options.services.iter().find(|name| name.is_empty() || name.contains(':')) {
        return Ok(bad_input(&format!(
            "--services: expected a service's name in ARNs, e.g. `sqs`, found `{service}`"
        )));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(audit(options, &settings, out))
}

async fn audit(options: &Options, settings: &Settings, out: &mut impl Write) -> io::Result<End> {
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
        let coverage = tally.coverage().map(|coverage| coverage.to_string()).unwrap_or_default();
        complain(&format!("the coverage is {coverage}, expected at least {}", least.text()));
        end = End::Failed;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_has_up_to_two_decimals() {
        let percent = |text: &str| text.parse::<Percent>().map(|percent| percent.0);
        for (text, hundredths) in
            [("95%", 9_500), ("95", 9_500), ("99.5%", 9_950), ("99.95 %", 9_995), ("0%", 0), ("100%", 10_000)]
        {
            assert_eq!(percent(text), Ok(hundredths), "{text}");
        }
        for text in ["", "%", "101%", "-1%", "1e2", "99.999%", "all", "95%%", "1000"] {
            assert!(percent(text).is_err(), "{text}");
        }
        let text = |text: &str| text.parse::<Percent>().map(Percent::text);
        assert_eq!(text("99.50%").as_deref(), Ok("99.5 %"));
        assert_eq!(text("95%").as_deref(), Ok("95 %"));
    }

    #[test]
    fn coverage_is_compared_exactly() {
        let mut tally = Tally::default();
        (0..1999).for_each(|_| tally.add(State::Ours));
        tally.add(State::Incomplete);
        let reached = |text: &str| text.parse::<Percent>().map(|percent| percent.is_reached_by(&tally));
        assert_eq!((reached("99.95%"), reached("99.96%"), reached("100%")), (Ok(true), Ok(false), Ok(false)));
        assert!(Percent(10_000).is_reached_by(&Tally::default()));
    }
}
