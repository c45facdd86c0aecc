//! The output of `redrive`: facts about events, never their bodies.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use aws_tags::delivery::{DeadLetter, LostEvent};
use aws_tags::deployment::resource_names::queue_of;
use aws_tags::history::{Question, unsettled};
use aws_tags::record::timestamp;
use aws_tags::{Arn, Event, Principal};
use serde_json::json;
use time::OffsetDateTime;

use crate::account::Queue;
use crate::console::{End, visible};

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// It is a dead letter; nothing was done.
    Found,
    /// It was sent, and its message deleted.
    Sent,
    /// The function took it, and it did not fail again.
    Handled,
    /// It is still in the function's queue: it waits its turn, or failed and will be tried again.
    InProgress,
    /// It is a dead letter again.
    FailedAgain,
    /// By CloudTrail's history, what it created is gone, and another has its name: its message is deleted.
    NotOurs(String),
    /// It could not be sent; its message stays.
    NotSent(String),
    /// It was sent, but its message stays, so that it will be sent again.
    NotDeleted(String),
    /// It is not an event; its message stays.
    Unreadable(String),
}

impl Status {
    fn as_str(&self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Sent => "sent",
            Self::Handled => "handled",
            Self::InProgress => "in progress",
            Self::FailedAgain => "failed again",
            Self::NotOurs(_) => "not ours",
            Self::NotSent(_) => "not sent",
            Self::NotDeleted(_) => "sent, not deleted",
            Self::Unreadable(_) => "unreadable",
        }
    }

    /// Whether its message may be deleted.
    pub(super) const fn is_settled(&self) -> bool {
        matches!(self, Self::Sent | Self::NotOurs(_))
    }

    /// Whether something went wrong.
    const fn is_fault(&self) -> bool {
        matches!(self, Self::FailedAgain | Self::NotSent(_) | Self::NotDeleted(_) | Self::Unreadable(_))
    }

    /// Why, where the word does not say it.
    fn reason(&self) -> Option<&str> {
        match self {
            Self::NotOurs(why) | Self::NotSent(why) | Self::NotDeleted(why) | Self::Unreadable(why) => {
                Some(why)
            }
            Self::FailedAgain => Some("see the log of the function for its event id"),
            Self::Found | Self::Sent | Self::Handled | Self::InProgress => None,
        }
    }
}

/// Why a queue has given up an event of a name, whatever it was before: only the history helps now.
const LATE: &str = "late: another resource may have its name by now";

/// An event, without anything secret.
pub(super) struct ReportRow {
    /// `eventID`.
    pub(super) event_id: Option<String>,
    pub(super) status: Status,
    queue: String,
    to: Option<&'static str>,
    call: String,
    principal: Option<String>,
    given_up_by: &'static str,
    because: Option<String>,
    /// The reason in full, where a function gave it up.
    message: Option<String>,
}

impl ReportRow {
    /// Why it was given up.
    fn reason(&self) -> &str {
        self.because.as_deref().unwrap_or("tried too often")
    }

    /// The row of an event in a message of `queue`.
    pub(super) fn new(
        queue: &Queue,
        dead_letter: &DeadLetter,
        lost: &LostEvent,
        status: Status,
        now: OffsetDateTime,
    ) -> Self {
        let late = |event: &Event| !unsettled(event, now).is_empty();
        let event = lost.event.as_ref().ok();
        let call =
            event.map(|event| format!("{}:{}", event.source.trim_end_matches(".amazonaws.com"), event.name));
        Self {
            event_id: event.and_then(|event| event.id()).map(|id| id.into_owned()),
            status,
            queue: queue.name.clone(),
            to: event.map(queue_of),
            call: call.unwrap_or_else(|| "no event".to_owned()),
            principal: event.and_then(|event| Principal::of(event).arn),
            given_up_by: dead_letter.given_up_by.as_str(),
            because: dead_letter.reason.clone().or_else(|| event.is_some_and(late).then(|| LATE.to_owned())),
            message: dead_letter.message.clone(),
        }
    }
}

/// `3 denied, 1 late`: how often each word is there.
pub(crate) fn counts<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for word in words {
        *counts.entry(word).or_default() += 1;
    }
    counts.iter().map(|(word, count)| format!("{count} {}", visible(word))).collect::<Vec<_>>().join(", ")
}

/// On a terminal, the progress; the next output overwrites it.
pub(super) fn progress(count: usize, send: bool) {
    if io::stderr().is_terminal() && count > 0 {
        let doing = if send { "sent" } else { "looked at" };
        let _ = write!(anstream::stderr(), "\r{count} events {doing} … ");
    }
}

/// On a terminal, what the history is asked for.
pub(super) fn asking(question: &Question, found: usize) {
    if io::stderr().is_terminal() {
        let Question { region, event_name, .. } = question;
        let _ = write!(
            anstream::stderr(),
            "\rasking CloudTrail's history: {event_name} in {region}, {found} found … "
        );
    }
}

/// The event that created what has an ARN, for people.
pub(super) fn another(arn: &Arn, event: &Event) -> String {
    let by = Principal::of(event).arn.unwrap_or_else(|| "somebody".to_owned());
    let at = event.time().map_or_else(|| "an unknown time".to_owned(), timestamp::format);
    let id = event.id().unwrap_or_default();
    format!("{arn} is what {by} created by {} at {at}, event {id}", event.name)
}

/// Writes rows: each as a line of JSON, or grouped for people.
pub(super) struct Report<'a, W> {
    out: &'a mut W,
    json: bool,
}

impl<'a, W: Write> Report<'a, W> {
    pub(super) fn new(out: &'a mut W, json: bool) -> Self {
        Self { out, json }
    }

    /// The dead letters, before anything is sent.
    pub(super) fn found(&mut self, rows: &[ReportRow]) -> io::Result<()> {
        self.rows(rows)?;
        match rows.len() {
            _ if self.json => Ok(()),
            0 => writeln!(self.out, "No dead letters."),
            count => writeln!(self.out, "{count} events: {}", counts(rows.iter().map(ReportRow::reason))),
        }
    }

    /// What became of the events.
    pub(super) fn done(&mut self, rows: &[ReportRow], interrupted: bool) -> io::Result<End> {
        self.rows(rows)?;
        if !self.json {
            let counts = counts(rows.iter().map(|row| row.status.as_str()));
            let stopped = if interrupted { "; interrupted, the rest is still in its queue" } else { "" };
            let none = if rows.is_empty() { "No dead letters." } else { "" };
            writeln!(self.out, "{none}{counts}{stopped}")?;
        }
        let good = |row: &ReportRow| !row.status.is_fault();
        Ok(match interrupted {
            true => End::Interrupted,
            false if rows.iter().all(good) => End::Done,
            false => End::Failed,
        })
    }

    fn rows(&mut self, rows: &[ReportRow]) -> io::Result<()> {
        if self.json {
            return rows.iter().try_for_each(|row| self.line(row));
        }
        let mut groups: BTreeMap<_, Vec<&ReportRow>> = BTreeMap::new();
        for row in rows {
            let status = (row.status.as_str(), row.status.reason().unwrap_or_default());
            groups.entry((status, row.call.as_str(), row.given_up_by, row.reason())).or_default().push(row);
        }
        let dim = Style::new().dimmed();
        for (((word, reason), call, given_up_by, because), rows) in groups {
            let count = rows.len();
            let color = match word {
                "handled" => AnsiColor::Green.on_default(),
                "found" | "sent" | "in progress" | "not ours" => Style::new(),
                _ => AnsiColor::Red.on_default(),
            };
            writeln!(
                self.out,
                "{count:>6} {color}{word}{color:#} {} {dim}given up by the {given_up_by}: {}{dim:#}",
                visible(call),
                visible(because)
            )?;
            if let Some(message) = rows.iter().find_map(|row| row.message.as_deref()) {
                let example = if count > 1 { "e.g. " } else { "" };
                writeln!(self.out, "       {dim}{example}{}{dim:#}", visible(message))?;
            }
            if !reason.is_empty() {
                writeln!(self.out, "       {}", visible(reason))?;
            }
        }
        Ok(())
    }

    fn line(&mut self, row: &ReportRow) -> io::Result<()> {
        let line = json!({
            "eventID": row.event_id, "call": row.call, "principal": row.principal, "queue": row.queue, "to": row.to,
            "givenUpBy": row.given_up_by, "because": row.because, "message": row.message, "outcome": row.status.as_str(), "reason": row.status.reason(),
        });
        writeln!(self.out, "{line}")
    }
}
