//! `aws-tags services` and `aws-tags settings`: the tables, as they are compiled in.

use std::io::{self, Write};

use aws_tags::services::{self, Ending, Evidence, Found, Row, Service, tier};
use aws_tags::settings::Setting;
use aws_tags::{SETTINGS, Settings};
use serde::Serialize;
use serde_json::json;

use crate::{End, EvidenceChoice, Services, SettingsList, complain};

/// One line of `--json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    event_source: String,
    call: &'static str,
    resource: Option<&'static str>,
    found: &'static str,
    tagged_by: Option<&'static str>,
    /// IAM actions that tagging it needs.
    actions: Vec<&'static str>,
    /// Why it is left alone unless `ALSO_TAG` names it.
    left_alone: Option<&'static str>,
    reason: Option<&'static str>,
    tier: &'static str,
    evidence: &'static str,
    title: &'static str,
}

/// Lists the rows that the filters let through.
pub fn run(options: &Services, out: &mut impl Write) -> io::Result<End> {
    let mut end = End::Done;
    for name in &options.names {
        if !services::all().any(|service| service.name == *name) {
            complain(&format!("`{name}` is not a supported service; {}", known(name)));
            end = End::BadInput;
        }
    }
    let named = |service: &&Service| {
        options.names.is_empty() || options.names.iter().any(|name| name == service.name)
    };
    let in_tier = |service: &&Service| tier(service.name) <= options.tier;
    let mut heading = "";
    for service in services::all().filter(named).filter(in_tier) {
        for row in service.rows {
            let line = line(service, row);
            if !options.wants(&line) {
                continue;
            }
            if options.json {
                serde_json::to_writer(&mut *out, &line)?;
                writeln!(out)?;
                continue;
            }
            if heading != service.name {
                writeln!(out, "{} ({}.amazonaws.com)", service.title, service.name)?;
                heading = service.name;
            }
            let what = line.resource.or(line.reason).unwrap_or_default();
            let how = line.tagged_by.unwrap_or(line.found);
            let left_alone = line.left_alone.map(|why| format!("; left alone by default: {why}"));
            let left_alone = left_alone.unwrap_or_default();
            writeln!(out, "  {:<42} {what:<40} {how}{left_alone}", line.call)?;
        }
    }
    Ok(end)
}

/// What a mistaken name may have meant; else where all names are.
fn known(name: &str) -> String {
    let like: Vec<_> = services::all()
        .map(|service| service.name)
        .filter(|known| known.contains(name) || name.contains(known))
        .collect();
    if like.is_empty() {
        "`aws-tags services` lists all".to_owned()
    } else {
        format!("there are {}", like.join(", "))
    }
}

impl Services {
    fn wants(&self, line: &Line) -> bool {
        let has = |wanted: &Option<String>, found: Option<&str>| match wanted {
            Some(wanted) => found.is_some_and(|found| found.contains(wanted.as_str())),
            None => true,
        };
        has(&self.kind, line.resource)
            && has(&self.route, line.tagged_by)
            && self.evidence.is_none_or(|wanted| Evidence::from(wanted).word() == line.evidence)
    }
}

impl From<EvidenceChoice> for Evidence {
    fn from(choice: EvidenceChoice) -> Self {
        match choice {
            EvidenceChoice::Recorded => Self::Recorded,
            EvidenceChoice::Modelled => Self::Modelled,
        }
    }
}

fn line(service: &Service, row: &Row) -> Line {
    let route = row.route.unwrap_or(service.route);
    let (found, reason) = match row.found {
        Found::InRecord(_) | Found::Custom(_) => ("in the record", None),
        Found::LookUp { .. } => ("by look-up", None),
        Found::Nothing(Ending::NotTaggable(why)) => ("not taggable", Some(why)),
        Found::Nothing(Ending::NothingCreated(why)) => ("nothing created", Some(why)),
        Found::Nothing(Ending::Update(why)) => ("update", Some(why)),
        Found::Nothing(Ending::Unresolvable(why)) => ("unresolvable", Some(why)),
    };
    let created = reason.is_none();
    Line {
        event_source: format!("{}.amazonaws.com", service.name),
        call: row.call,
        resource: created.then_some(row.kind),
        found,
        tagged_by: created.then(|| route.call()),
        actions: if created { row.needed_actions(service) } else { Vec::new() },
        left_alone: row.opt_in,
        reason,
        tier: tier(service.name).word(),
        evidence: row.evidence.word(),
        title: service.title,
    }
}

/// Lists the settings with their values, and says what is wrong with them.
pub fn settings(options: &SettingsList, out: &mut impl Write) -> io::Result<End> {
    for Setting { name, default, allowed, effect } in SETTINGS {
        if options.json {
            let line = json!({"name": name, "default": default, "allowed": allowed, "effect": effect});
            writeln!(out, "{line}")?;
        } else {
            let value = std::env::var(name);
            let value = value.as_deref().unwrap_or(default);
            writeln!(out, "{name}={value}\n    {effect}\n    Allowed: {allowed}.")?;
        }
    }
    match Settings::read(|name| std::env::var(name).ok()) {
        Ok(_) => Ok(End::Done),
        Err(wrong) => {
            complain(&wrong.to_string());
            Ok(End::BadInput)
        }
    }
}
