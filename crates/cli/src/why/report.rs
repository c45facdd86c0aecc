//! What `aws-tags why` prints.

use std::io::{self, Write};

use aws_tags::Principal;
use aws_tags::backfill::plan::{Origin, Planned};
use aws_tags::backfill::story::{TagFate, TagStory};
use aws_tags::record::timestamp;
use aws_tags::tags::TagMap;
use serde_json::{Value, json};

use super::Told;
use super::log::Logged;
use super::records::Recorded;
use crate::console::{visible, write_json};

pub(super) struct Report<'a> {
    pub(super) arn: &'a str,
    pub(super) told: &'a [Told],
    pub(super) logged: &'a [Logged],
    pub(super) recorded: &'a [Recorded],
    /// The tags that it has now, where AWS was asked.
    pub(super) now: Option<TagMap>,
}

impl Report<'_> {
    pub(super) fn write_json(&self, out: &mut impl Write) -> io::Result<()> {
        for told in self.told {
            let mut line = json!({"from": "run", "run": told.run, "arn": self.arn});
            if let Some(planned) = &told.planned {
                for (name, value) in [
                    ("type", json!(planned.resource_type)),
                    ("state", json!(planned.state)),
                    ("why", json!(planned.why)),
                    ("event", json!(planned.event)),
                    ("by", json!(planned.by)),
                    ("session", json!(planned.session)),
                    ("guess", json!(planned.guess)),
                    ("before", json!(planned.before)),
                ] {
                    if value != Value::Null && value != json!([]) {
                        line[name] = value;
                    }
                }
            }
            let tags = told.story.tags.iter().map(|tag| {
                let mut value = json!(tag);
                if let Some(now) = &self.now {
                    value["isThereNow"] = json!(now.get(&tag.key) == Some(&tag.value));
                }
                value
            });
            line["tags"] = tags.collect();
            if let Some(left) = &told.story.left {
                line["left"] = json!(left);
            }
            write_json(out, &line)?;
        }
        for Logged { line, .. } in self.logged {
            write_json(out, &json!({"from": "log", "arn": self.arn, "line": line}))?;
        }
        for Recorded { file, event, did, session } in self.recorded {
            let origin = json!({
                "id": event.id(), "time": event.time().map(timestamp::format), "name": event.name,
                "by": by(event), "file": file,
            });
            let mut line = json!({"from": "history", "arn": self.arn, "did": did.as_str(), "event": origin});
            if let Some(session) = session {
                line["session"] = json!(Origin::of(session, by(session)));
            }
            write_json(out, &line)?;
        }
        match &self.now {
            Some(now) => write_json(out, &json!({"from": "aws", "arn": self.arn, "tags": now})),
            None => Ok(()),
        }
    }

    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{}", visible(self.arn))?;
        for told in self.told {
            writeln!(out, "\nRun {}", visible(&told.run))?;
            if let Some(planned) = &told.planned {
                planned_lines(planned, out)?;
            }
            if let Some(left) = &told.story.left {
                row(out, "left alone", left.as_str())?;
            }
            self.tags(&told.story.tags, out)?;
        }
        for logged in self.logged {
            log_lines(logged, out)?;
        }
        if !self.recorded.is_empty() {
            writeln!(out, "\nRecords")?;
        }
        for Recorded { file, event, did, session } in self.recorded {
            let time = event.time().map(timestamp::format).unwrap_or_default();
            let id = event.id().map(|id| format!(", event {id}")).unwrap_or_default();
            let by = by(event).map(|by| format!(", by {by}")).unwrap_or_default();
            row(out, did.as_str(), &format!("{time}  {}{id}{by}  ({file})", event.name))?;
            if let Some(session) = session {
                row(out, "session", &origin(&Origin::of(session, self::by(session))))?;
            }
        }
        Ok(())
    }

    fn tags(&self, tags: &[TagStory], out: &mut impl Write) -> io::Result<()> {
        let width =
            |of: fn(&TagStory) -> &String| tags.iter().map(|tag| visible(of(tag)).chars().count()).max();
        let (keys, values) = (width(|tag| &tag.key).unwrap_or(0), width(|tag| &tag.value).unwrap_or(0));
        for tag in tags {
            let source = tag.source.as_deref().unwrap_or("");
            let now = match &self.now {
                None => String::new(),
                Some(now) => match now.get(&tag.key) {
                    Some(value) if *value == tag.value => "; so it is now".to_owned(),
                    Some(value) => format!("; now `{value}`"),
                    None => "; not there now".to_owned(),
                },
            };
            let (key, value) = (visible(&tag.key), visible(&tag.value));
            let said = visible(format!("{}{now}", fate(&tag.fate)));
            writeln!(out, "  {key:<keys$}  {value:<values$}  {source:<7}  {said}")?;
        }
        Ok(())
    }
}

/// Who made the call.
fn by(event: &aws_tags::Event) -> Option<String> {
    let principal = Principal::of(event);
    principal.arn.clone().or_else(|| principal.id.clone()).or_else(|| principal.service().map(str::to_owned))
}

fn fate(fate: &TagFate) -> String {
    let at = |at| timestamp::format(at);
    match fate {
        TagFate::Planned => "planned, not written".to_owned(),
        TagFate::Written { at: when } => format!("written {}", at(*when)),
        TagFate::TakenBack { at: when } => format!("taken back {}", at(*when)),
        TagFate::UnderWay { at: when } => {
            format!("under way since {}: not known whether it was done", at(*when))
        }
        TagFate::NotWritten { why } => format!("not written: {why}"),
        TagFate::Kept => "set by somebody else after the plan, kept".to_owned(),
        TagFate::Changed { now: Some(now) } => format!("written, then `{now}` by somebody else, kept"),
        TagFate::Changed { now: None } => "written, then taken away by somebody else".to_owned(),
        TagFate::There => "there before us, kept".to_owned(),
    }
}

fn row(out: &mut impl Write, name: &str, text: &str) -> io::Result<()> {
    writeln!(out, "  {name:<10}  {}", visible(text))
}

fn planned_lines(planned: &Planned, out: &mut impl Write) -> io::Result<()> {
    row(out, "made", &origin(&planned.event))?;
    if let Some(by) = &planned.by {
        row(out, "by", by)?;
    }
    if let Some(session) = &planned.session {
        row(out, "session", &origin(session))?;
    }
    for before in &planned.before {
        row(out, "before", &origin(before))?;
    }
    let why = planned.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    row(out, "plan", &format!("{}{why}", planned.state.as_str()))?;
    match &planned.guess {
        Some(guess) => row(out, "guess", &format!("{}: {}", guess.owner, guess.why)),
        None => Ok(()),
    }
}

/// `2025-03-04T10:12:55Z  CreateQueue, event 6bb45355, by …`
fn origin(origin: &Origin) -> String {
    let time = origin.time.map(|at| format!("{}  ", timestamp::format(at))).unwrap_or_default();
    let part = |before: &str, text: &Option<String>| {
        text.as_ref().map(|text| format!("{before}{text}")).unwrap_or_default()
    };
    format!("{time}{}{}{}", origin.name, part(", event ", &origin.id), part(", by ", &origin.by))
}

/// What the tag-handler logged: an event, and what became of this resource of it.
fn log_lines(Logged { line, resource }: &Logged, out: &mut impl Write) -> io::Result<()> {
    let text = |of: &Value, name: &str| of.get(name).and_then(Value::as_str).map(str::to_owned);
    writeln!(out, "\nLog {}", visible(text(line, "timestamp").unwrap_or_default()))?;
    let event = [text(line, "eventName"), text(line, "eventID").map(|id| format!("event {id}"))];
    row(out, "made", &event.into_iter().flatten().collect::<Vec<_>>().join(", "))?;
    for (name, value) in [("by", "principal"), ("session", "session"), ("parent", "parent")] {
        if let Some(value) = text(line, value) {
            row(out, name, &value)?;
        }
    }
    let reason = text(resource, "reason").map(|why| format!(": {why}")).unwrap_or_default();
    row(out, "result", &format!("{}{reason}", text(resource, "result").unwrap_or_default()))?;
    for (key, source) in resource.get("tags").and_then(Value::as_object).into_iter().flatten() {
        let value = resource.get("values").and_then(|values| values.get(key)).and_then(Value::as_str);
        let value = value.map(|value| format!("{value}  ")).unwrap_or_default();
        writeln!(out, "  {}", visible(format!("{key}  {value}{}", source.as_str().unwrap_or_default())))?;
    }
    for (key, why) in resource.get("dropped").and_then(Value::as_object).into_iter().flatten() {
        writeln!(out, "  {}", visible(format!("{key}  not written: {}", why.as_str().unwrap_or_default())))?;
    }
    Ok(())
}
