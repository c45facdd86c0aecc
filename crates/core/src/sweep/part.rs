//! A part of a sweep: a span of one Region's history, as a message of the handler to itself.

use std::fmt;

use serde_json::json;
use time::OffsetDateTime;

use crate::effect::SWEEP;
use crate::record::{Event, timestamp};

/// What the schedule's message is called, and a part's.
pub(super) const SCHEDULED: &str = "Sweep";
pub(super) const PART: &str = "SweepPart";

/// A span of one Region's history that is still to look up, both ends included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub region: String,
    pub from: OffsetDateTime,
    pub to: OffsetDateTime,
    /// With what the history is asked for the next page; `None` for the first.
    pub token: Option<String>,
    /// The time of the last record that was looked up: the history is told from its end back.
    reached: Option<OffsetDateTime>,
}

impl Part {
    pub(super) fn of(region: &str, from: OffsetDateTime, to: OffsetDateTime) -> Self {
        Self { region: region.to_owned(), from, to, token: None, reached: None }
    }

    /// The part that a message asks for.
    pub(crate) fn read(event: &Event) -> Option<Self> {
        let text = |name: &str| event.text(&format!("requestParameters.{name}"));
        let time = |name: &str| timestamp::parse(&text(name)?);
        let (from, to) = (time("from")?, time("to")?);
        let token = text("nextToken").map(|token| token.into_owned());
        let part = Self { region: event.region().to_owned(), from, to, token, reached: time("reached") };
        (from <= to).then_some(part)
    }

    /// The message that asks for it.
    pub(super) fn message(&self, now: OffsetDateTime) -> String {
        let mut asked = json!({"from": timestamp::format(self.from), "to": timestamp::format(self.to)});
        if let Some(token) = &self.token {
            asked["nextToken"] = json!(token);
        }
        if let Some(reached) = self.reached {
            asked["reached"] = json!(timestamp::format(reached));
        }
        json!({"eventSource": SWEEP, "eventName": PART, "eventTime": timestamp::format(now), "awsRegion": self.region,
               "requestParameters": asked})
        .to_string()
    }

    /// What is left after a page whose earliest record is of that time.
    pub(super) fn after(&self, earliest: Option<OffsetDateTime>, next: Option<String>) -> Option<Self> {
        let reached = earliest.or(self.reached);
        next.map(|next| Self { token: Some(next), reached, ..self.clone() })
    }

    /// The same, asked for anew: records of the last second come again.
    pub(super) fn without_token(self) -> Self {
        let to = self.reached.unwrap_or(self.to).clamp(self.from, self.to);
        Self { to, token: None, reached: None, ..self }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = (timestamp::format(self.from), timestamp::format(self.reached.unwrap_or(self.to)));
        write!(f, "{} from {from} to {to}", self.region)
    }
}
