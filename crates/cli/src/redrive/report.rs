//! What `redrive` says: rows of facts about events, never their bodies.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use aws_tags::Principal;
use aws_tags::dead_letter::{DeadLetter, Lost};
use aws_tags::installation::queue_of;
use aws_tags_aws::operations::Queue;
use serde_json::json;

use crate::End;

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is a dead letter; nothing was done.
    Found,
    /// It was sent, and its letter deleted.
    Sent,
    /// The function took it, and it did not come back.
    Handled,
    /// It is still in the function's queue: it waits its turn, or failed and will be tried again.
    UnderWay,
    /// It is a dead letter again.
    CameBack,
    /// It could not be sent; its letter stays.
    NotSent(String),
    /// It was sent, but its letter stays, so that it will be sent again.
    NotDeleted(String),
    /// It is no event; its letter stays.
    Unreadable(String),
}

impl Fate {
    fn word(&self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Sent => "sent",
            Self::Handled => "handled",
            Self::UnderWay => "under way",
            Self::CameBack => "came back",
            Self::NotSent(_) => "not sent",
            Self::NotDeleted(_) => "sent, not deleted",
            Self::Unreadable(_) => "unreadable",
        }
    }

    /// Why, where it is not as it should be.
    fn reason(&self) -> Option<&str> {
        match self {
            Self::NotSent(why) | Self::NotDeleted(why) | Self::Unreadable(why) => Some(why),
            Self::CameBack => Some("see the log of the function for its event id"),
            Self::Found | Self::Sent | Self::Handled | Self::UnderWay => None,
        }
    }
}

/// An event, without anything secret.
pub struct Row {
    /// `eventID`.
    pub event_id: Option<String>,
    /// What became of it.
    pub fate: Fate,
    queue: String,
    to: Option<&'static str>,
    call: String,
    principal: Option<String>,
    given_up_by: &'static str,
    because: Option<String>,
}

impl Row {
    /// What is told of an event in a letter of `queue`.
    pub fn new(queue: &Queue, letter: &DeadLetter, lost: &Lost, fate: Fate) -> Self {
        let event = lost.event.as_ref().ok();
        let call =
            event.map(|event| format!("{}:{}", event.source.trim_end_matches(".amazonaws.com"), event.name));
        Self {
            event_id: event.and_then(|event| event.id()).map(|id| id.into_owned()),
            fate,
            queue: queue.name.clone(),
            to: event.map(queue_of),
            call: call.unwrap_or_else(|| "no event".to_owned()),
            principal: event.and_then(|event| Principal::of(event).arn),
            given_up_by: letter.origin.word(),
            because: letter.reason.clone(),
        }
    }
}

/// On a terminal, how far it is; the next words overwrite it.
pub fn progress(count: usize, send: bool) {
    if io::stderr().is_terminal() && count > 0 {
        let doing = if send { "sent" } else { "looked at" };
        let _ = write!(anstream::stderr(), "\r{count} events {doing} … ");
    }
}

/// Writes rows: one a line as JSON, or grouped for people.
pub struct Report<'a, W> {
    out: &'a mut W,
    json: bool,
}

impl<'a, W: Write> Report<'a, W> {
    /// Writes to `out`.
    pub fn new(out: &'a mut W, json: bool) -> Self {
        Self { out, json }
    }

    /// What is there, before anything is done.
    pub fn found(&mut self, rows: &[Row]) -> io::Result<()> {
        self.rows(rows)?;
        match rows.len() {
            _ if self.json => Ok(()),
            0 => writeln!(self.out, "No dead letters."),
            count => writeln!(self.out, "{count} events"),
        }
    }

    /// What became of everything.
    pub fn done(&mut self, rows: &[Row], interrupted: bool) -> io::Result<End> {
        self.rows(rows)?;
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for row in rows {
            *counts.entry(row.fate.word()).or_default() += 1;
        }
        if !self.json {
            let counts: Vec<String> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
            let stopped = if interrupted { "; interrupted, the rest is where it was" } else { "" };
            let none = if rows.is_empty() { "No dead letters." } else { "" };
            writeln!(self.out, "{none}{}{stopped}", counts.join(", "))?;
        }
        let good = |row: &Row| row.fate.reason().is_none();
        Ok(if rows.iter().all(good) && !interrupted { End::Done } else { End::Failed })
    }

    fn rows(&mut self, rows: &[Row]) -> io::Result<()> {
        if self.json {
            return rows.iter().try_for_each(|row| self.line(row));
        }
        let mut groups: BTreeMap<(&str, &str, &str, &str, &str), usize> = BTreeMap::new();
        for row in rows {
            let because = row.because.as_deref().unwrap_or("tried too often");
            let key = (row.fate.word(), row.fate.reason().unwrap_or_default(), row.call.as_str());
            *groups.entry((key.0, key.1, key.2, row.given_up_by, because)).or_default() += 1;
        }
        let dim = Style::new().dimmed();
        for ((word, reason, call, given_up_by, because), count) in groups {
            let color = match word {
                "handled" => AnsiColor::Green.on_default(),
                "found" | "sent" | "under way" => Style::new(),
                _ => AnsiColor::Red.on_default(),
            };
            writeln!(
                self.out,
                "{count:>6} {color}{word}{color:#} {call} {dim}given up by the {given_up_by}: {because}{dim:#}"
            )?;
            if !reason.is_empty() {
                writeln!(self.out, "       {reason}")?;
            }
        }
        Ok(())
    }

    fn line(&mut self, row: &Row) -> io::Result<()> {
        let line = json!({
            "eventID": row.event_id, "call": row.call, "principal": row.principal, "queue": row.queue, "to": row.to,
            "givenUpBy": row.given_up_by, "because": row.because, "outcome": row.fate.word(), "reason": row.fate.reason(),
        });
        writeln!(self.out, "{line}")
    }
}
