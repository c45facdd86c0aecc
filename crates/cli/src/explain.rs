//! `aws-tags explain`: what a record means, told from the record alone.

use std::io::{self, Write};

use aws_tags::{Event, Meaning, Principal, Session, timestamp};
use serde::Serialize;

use crate::input::{Record, Records};
use crate::{End, Explain};

/// One line of `--json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Explanation<'a> {
    file: &'a str,
    event_source: &'a str,
    event_name: &'a str,
    outcome: &'static str,
    resources: Vec<&'a str>,
    look_ups: Vec<String>,
    reason: Option<String>,
    session: Option<SessionFields<'a>>,
}

/// A session without what nobody should see.
#[derive(Serialize)]
pub struct SessionFields<'a> {
    account: &'a str,
    id: Option<&'a str>,
    arn: Option<&'a str>,
    access_key_id: &'a str,
    issued_at: String,
    expires_at: String,
    tags: &'a aws_tags::tags::TagMap,
    transitive_tag_keys: &'a [String],
    source_identity: Option<&'a str>,
}

impl<'a> From<&'a Session> for SessionFields<'a> {
    fn from(session: &'a Session) -> Self {
        Self {
            account: &session.account,
            id: session.id.as_deref(),
            arn: session.arn.as_deref(),
            access_key_id: &session.access_key_id,
            issued_at: timestamp::format(session.issued_at),
            expires_at: timestamp::format(session.expires_at),
            tags: &session.tags,
            transitive_tag_keys: &session.transitive_tag_keys,
            source_identity: session.source_identity.as_deref(),
        }
    }
}

/// Explains every record.
pub fn run(options: &Explain, out: &mut impl Write) -> io::Result<End> {
    let input = Records::read(&options.input.paths);
    for (nth, Record { file, event }) in input.records.iter().enumerate() {
        let meaning = Meaning::of(event);
        if options.json {
            let line = as_json(file, event, &meaning);
            serde_json::to_writer(&mut *out, &line)?;
            writeln!(out)?;
        } else {
            if nth > 0 {
                writeln!(out)?;
            }
            write_text(out, file, event, &meaning)?;
        }
    }
    Ok(if input.sound { End::Done } else { End::BadInput })
}

fn as_json<'a>(file: &'a str, event: &'a Event, meaning: &'a Meaning) -> Explanation<'a> {
    let mut line = Explanation {
        file,
        event_source: &event.source,
        event_name: &event.name,
        outcome: meaning.word(),
        resources: Vec::new(),
        look_ups: Vec::new(),
        reason: Some(meaning.reason()).filter(|reason| !reason.is_empty()),
        session: None,
    };
    match meaning {
        Meaning::Created(creation) => {
            line.resources = creation.resources.iter().map(|resource| resource.arn.as_str()).collect();
            line.look_ups = creation.questions.iter().map(ToString::to_string).collect();
        }
        Meaning::Session(session) => line.session = Some(session.as_ref().into()),
        _ => {}
    }
    line
}

fn write_text(out: &mut impl Write, file: &str, event: &Event, meaning: &Meaning) -> io::Result<()> {
    writeln!(out, "{file}")?;
    writeln!(out, "  call      {} of {}", event.name, event.source)?;
    let principal = Principal::of(event);
    writeln!(out, "  by        {}", caller(&principal))?;
    let at = event.time().map_or_else(|| "an unknown time".to_owned(), timestamp::format);
    let account = event.account().unwrap_or("an unknown account".into());
    writeln!(out, "  when      {at} in {}, {account}", event.region())?;
    writeln!(out, "  outcome   {}", meaning.word())?;
    let reason = meaning.reason();
    if !reason.is_empty() {
        writeln!(out, "  reason    {reason}")?;
    }
    match meaning {
        Meaning::Created(creation) => {
            for resource in &creation.resources {
                writeln!(out, "  resource  {}  {}", resource.arn, resource.route.call())?;
            }
            for question in &creation.questions {
                writeln!(out, "  look up   {question}")?;
            }
        }
        Meaning::Session(session) => write_session(out, session)?,
        _ => {}
    }
    Ok(())
}

/// The principal, as short as it can be told.
pub fn caller(principal: &Principal) -> String {
    let service = principal.service();
    let name =
        service.or(principal.arn.as_deref()).or(principal.id.as_deref()).or(principal.account.as_deref());
    let kind = if principal.kind.is_empty() { "Unknown" } else { &principal.kind };
    match name {
        Some(name) => format!("{name} ({kind})"),
        None => kind.to_owned(),
    }
}

fn write_session(out: &mut impl Write, session: &Session) -> io::Result<()> {
    let name = session.arn.as_deref().or(session.id.as_deref()).unwrap_or("of no known id");
    writeln!(out, "  session   {name} in {}", session.account)?;
    writeln!(out, "  until     {}", timestamp::format(session.expires_at))?;
    if let Some(identity) = &session.source_identity {
        writeln!(out, "  identity  {identity}")?;
    }
    for (key, value) in &session.tags {
        let transitive = session.transitive_tag_keys.iter().any(|other| other.eq_ignore_ascii_case(key));
        writeln!(out, "  tag       {key}={value}{}", if transitive { "  transitive" } else { "" })?;
    }
    Ok(())
}
