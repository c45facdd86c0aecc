//! `aws-tags services`: the table, as it is compiled in.

use std::collections::BTreeSet;
use std::io::{self, Write};

use aws_tags::deployment::{Tier, tier};
use aws_tags::table::{self, Ending, Evidence, Locator, Row, Service};
use clap::Args;
use serde::Serialize;

use crate::console::{End, complain, write_json};

#[derive(Args)]
pub(crate) struct Options {
    /// Only these services, e.g. `ec2` or `ec2.amazonaws.com`.
    #[arg(value_name = "SERVICE")]
    names: Vec<String>,
    /// Only resource types that contain this, e.g. `volume` or `ec2:`.
    #[arg(long = "type", value_name = "TEXT")]
    resource_type: Option<String>,
    /// Only types that are tagged by an API call whose name contains this, e.g. `tag:TagResources`.
    #[arg(long, value_name = "TEXT")]
    route: Option<String>,
    /// Only services of this tier, which includes the tiers below it.
    #[arg(long, value_name = "WHICH", default_value = "all")]
    tier: Tier,
    /// Only rows with this evidence.
    #[arg(long, value_enum)]
    evidence: Option<EvidenceChoice>,
    /// One JSON object per row.
    #[arg(long)]
    json: bool,
}

/// The evidence for a row.
#[derive(Clone, Copy, clap::ValueEnum)]
enum EvidenceChoice {
    /// A published record.
    Recorded,
    /// The model of the API, and AWS's own answer which API tags the type.
    Probed,
    /// A record that AWS's guide prints.
    Documented,
    /// The model of the API.
    Modelled,
}

/// One line of `--json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    event_source: String,
    event_name: &'static str,
    resource_type: Option<&'static str>,
    found: &'static str,
    tagged_by: Option<&'static str>,
    /// The API call that reads its tags before.
    read_by: Option<&'static str>,
    /// `id` or `name`: what its ARN ends in. An id is never given twice.
    named_by: Option<&'static str>,
    /// Whether the call also answers for what is there already.
    idempotent: bool,
    /// IAM actions that reading and tagging it need.
    actions: Vec<&'static str>,
    /// Why it is tagged only where `ALSO_TAG` names its type.
    opt_in: Option<&'static str>,
    reason: Option<&'static str>,
    tier: &'static str,
    evidence: &'static str,
    title: &'static str,
}

/// Lists the rows that the filters let through.
pub(crate) fn run(options: &Options, out: &mut impl Write) -> io::Result<End> {
    let mut end = End::Done;
    let names: Vec<String> = options.names.iter().map(|name| service_name(name)).collect();
    for name in &names {
        if !table::all().any(|service| service.name == *name) {
            complain(&format!("`{name}` is not a supported service; {}", known(name)));
            end = End::BadInput;
        }
    }
    let named = |service: &&Service| names.is_empty() || names.iter().any(|name| name == service.name);
    let mut has_rows = false;
    let in_tier = |service: &&Service| tier(service.name) <= options.tier;
    let mut heading = "";
    for service in table::all().filter(named).filter(in_tier) {
        for row in service.rows {
            let line = line(service, row);
            if !options.wants(&line) {
                continue;
            }
            has_rows = true;
            if options.json {
                write_json(out, &line)?;
                continue;
            }
            if heading != service.name {
                writeln!(out, "{} ({}.amazonaws.com)", service.title, service.name)?;
                heading = service.name;
            }
            let what = line.resource_type.or(line.reason).unwrap_or_default();
            let how = line.tagged_by.unwrap_or(line.found);
            let left_alone = line.opt_in.map(|why| format!("; left alone by default: {why}"));
            let left_alone = left_alone.unwrap_or_default();
            writeln!(out, "  {:<42} {what:<40} {how}{left_alone}", line.event_name)?;
        }
    }
    if !has_rows && end == End::Done {
        complain("no row is like that; `aws-tags services` lists all");
        end = End::BadInput;
    }
    Ok(end)
}

/// The name of a service's event source, however it is written.
fn service_name(text: &str) -> String {
    let name = text.to_ascii_lowercase();
    name.strip_suffix(".amazonaws.com").unwrap_or(&name).to_owned()
}

/// Services that an unknown name may have meant; otherwise how to list all.
fn known(name: &str) -> String {
    let is_like = |known: &&str| known.contains(name) || name.contains(known);
    let like: BTreeSet<&str> = table::all().map(|service| service.name).filter(is_like).collect();
    match like.is_empty() {
        true => "`aws-tags services` lists all".to_owned(),
        false => format!("there are {}", like.into_iter().collect::<Vec<_>>().join(", ")),
    }
}

impl Options {
    fn wants(&self, line: &Line) -> bool {
        let has = |wanted: &Option<String>, found: Option<&str>| match wanted {
            Some(wanted) => found.is_some_and(|found| found.contains(wanted.as_str())),
            None => true,
        };
        has(&self.resource_type, line.resource_type)
            && has(&self.route, line.tagged_by)
            && self.evidence.is_none_or(|wanted| Evidence::from(wanted).as_str() == line.evidence)
    }
}

impl From<EvidenceChoice> for Evidence {
    fn from(choice: EvidenceChoice) -> Self {
        match choice {
            EvidenceChoice::Recorded => Self::Recorded,
            EvidenceChoice::Probed => Self::Probed,
            EvidenceChoice::Documented => Self::Documented,
            EvidenceChoice::Modelled => Self::Modelled,
        }
    }
}

fn line(service: &Service, row: &Row) -> Line {
    let (found, reason) = match row.locator {
        Locator::Place(_) | Locator::Places(_) | Locator::Custom(_) => ("in the record", None),
        Locator::Lookup { .. } => ("by lookup", None),
        Locator::None(ending) => (ending_name(ending), Some(ending.reason())),
    };
    let created = reason.is_none();
    Line {
        event_source: format!("{}.amazonaws.com", service.name),
        event_name: row.event_name,
        resource_type: created.then_some(row.resource_type),
        found,
        tagged_by: created.then(|| row.route(service).as_str()),
        read_by: created.then(|| row.read_by(service).as_str()),
        named_by: created.then_some(if row.unique { "id" } else { "name" }),
        idempotent: row.idempotent,
        actions: if created { row.needed_actions(service) } else { Vec::new() },
        opt_in: row.opt_in,
        reason,
        tier: tier(service.name).as_str(),
        evidence: table::evidence(service, row).as_str(),
        title: service.title,
    }
}

const fn ending_name(ending: Ending) -> &'static str {
    match ending {
        Ending::NotTaggable(_) => "not taggable",
        Ending::NothingCreated(_) => "nothing created",
        Ending::Update(_) => "update",
        Ending::Unresolvable(_) => "unresolvable",
    }
}
