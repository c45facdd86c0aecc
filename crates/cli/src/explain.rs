//! `aws-tags explain`: what each call did, from its record and the skip mark alone.

use std::borrow::Cow;
use std::io::{self, Write};

use aws_tags::record::timestamp;
use aws_tags::tagging::{Carrier, EventSkip, Parent, marked_request};
use aws_tags::tags::SkipMark;
use aws_tags::{Effect, Event, Principal, Session};
use clap::Args;
use serde::Serialize;

use crate::console::{End, bad_input, visible, write_json};
use crate::describe::{self, SessionFields};
use crate::input::{Input, Record};

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    input: Input,
    /// One JSON object per record.
    #[arg(long)]
    json: bool,
}

/// One line of `--json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Explanation<'a> {
    file: &'a str,
    event_source: &'a str,
    event_name: &'a str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<String>,
    resources: Vec<&'a str>,
    lookups: Vec<String>,
    reason: Option<String>,
    session: Option<SessionFields<'a>>,
}

/// Explains every record.
pub(crate) fn run(options: &Options, out: &mut impl Write) -> io::Result<End> {
    let mark = match SkipMark::read(|name| std::env::var_os(name)) {
        Ok(mark) => mark,
        Err(wrong) => return Ok(bad_input(&wrong.to_string())),
    };
    let mut is_first = true;
    let reading = options.input.read(&mut |record| {
        if !options.json && !std::mem::take(&mut is_first) {
            writeln!(out)?;
        }
        write(out, options.json, mark.as_ref(), &record)
    })?;
    Ok(if reading.is_all_good() { End::Done } else { End::BadInput })
}

/// Explains one record.
pub(crate) fn write(
    out: &mut impl Write,
    json: bool,
    mark: Option<&SkipMark>,
    Record { file, event }: &Record,
) -> io::Result<()> {
    let effect = Effect::of(event);
    let is_creation = matches!(effect, Effect::Created(_)) || effect.unresolvable().is_some();
    let is_marked = is_creation && mark.is_some_and(|mark| marked_request(mark, event));
    let (outcome, reason) = match is_marked {
        true => ("skipped", Some(EventSkip::SkipMark(Carrier::Request).to_string().into())),
        false => (effect.as_str(), effect.reason()),
    };
    match json {
        true => write_json(out, &as_json(file, event, &effect, outcome, reason)),
        false => write_text(out, file, event, &effect, outcome, reason),
    }
}

fn as_json<'a>(
    file: &'a str,
    event: &'a Event,
    effect: &'a Effect,
    outcome: &'static str,
    reason: Option<Cow<'_, str>>,
) -> Explanation<'a> {
    let mut line = Explanation {
        file,
        event_source: &event.source,
        event_name: &event.name,
        outcome,
        parent: parent(event, effect).map(|parent| parent.to_string()),
        resources: Vec::new(),
        lookups: Vec::new(),
        reason: reason.map(Cow::into_owned),
        session: None,
    };
    match effect {
        Effect::Created(creation) => {
            line.resources = creation.resources.iter().map(|resource| resource.arn.as_str()).collect();
            line.lookups = creation.lookups.iter().map(ToString::to_string).collect();
        }
        Effect::Session(session) => line.session = Some(session.as_ref().into()),
        _ => {}
    }
    line
}

/// The resource for which a service created others.
fn parent(event: &Event, effect: &Effect) -> Option<Parent> {
    matches!(effect, Effect::Created(_)).then(|| Parent::of(event, &Principal::of(event)))?
}

fn write_text(
    out: &mut impl Write,
    file: &str,
    event: &Event,
    effect: &Effect,
    outcome: &str,
    reason: Option<Cow<'_, str>>,
) -> io::Result<()> {
    writeln!(out, "{}", visible(file))?;
    writeln!(out, "  call      {} of {}", visible(&event.name), visible(&event.source))?;
    writeln!(out, "  by        {}", visible(describe::principal(&Principal::of(event))))?;
    let at = event.time().map_or_else(|| "an unknown time".to_owned(), timestamp::format);
    let account = event.account().unwrap_or("an unknown account".into());
    writeln!(out, "  when      {at} in {}, {}", visible(event.region()), visible(account))?;
    if let Some(parent) = parent(event, effect) {
        writeln!(out, "  for       {}", visible(parent))?;
    }
    writeln!(out, "  outcome   {outcome}")?;
    if let Some(reason) = reason {
        writeln!(out, "  reason    {}", visible(reason))?;
    }
    match effect {
        Effect::Created(creation) => {
            for resource in &creation.resources {
                writeln!(out, "  resource  {}  {}", visible(&resource.arn), resource.route.as_str())?;
            }
            for lookup in &creation.lookups {
                writeln!(out, "  lookup    {}", visible(lookup))?;
            }
        }
        Effect::Session(session) => write_session(out, session)?,
        _ => {}
    }
    Ok(())
}

fn write_session(out: &mut impl Write, session: &Session) -> io::Result<()> {
    let name = session.arn.as_deref().or(session.id.as_deref()).unwrap_or("of no known id");
    writeln!(out, "  session   {} in {}", visible(name), visible(&session.account))?;
    writeln!(out, "  until     {}", timestamp::format(session.expires_at))?;
    if let Some(identity) = &session.source_identity {
        writeln!(out, "  identity  {}", visible(identity))?;
    }
    for (key, value) in &session.tags {
        let transitive = session.transitive_tag_keys.iter().any(|other| other.eq_ignore_ascii_case(key));
        writeln!(
            out,
            "  tag       {}{}",
            visible(format_args!("{key}={value}")),
            if transitive { "  transitive" } else { "" }
        )?;
    }
    Ok(())
}
