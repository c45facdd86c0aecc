//! Decides about single records: by their own fields, as `serde_json` and the core would.

use aws_tags::Event;
use aws_tags::backfill::relevance::{Call, Kind, kind, kind_of};
use aws_tags::record::NotAnEvent;
use serde_json::Value;

use crate::filter::time_of;
use crate::found::{Found, Kept, without_tokens};
use crate::record::{self, Head, Odd};
use crate::trail::{LONGEST_RECORD, Scanner, TOO_LONG};

/// Values in a record that is read in the slow way: parsed, each takes up to a hundred times the memory of its text.
const MOST_VALUES: usize = LONGEST_RECORD / 32;
/// What is said of one that has more.
pub const TOO_MANY_VALUES: &str = "more values than any record has";

/// Whether a text may have more values than that: each comes after a comma or a bracket.
pub fn has_too_many_values(text: &[u8], most: usize) -> bool {
    text.len() > most && text.iter().filter(|byte| matches!(byte, b',' | b'[' | b'{')).count() > most
}

impl Scanner {
    /// Whether an object is a record of CloudTrail's: not a message, a notification or an insight. Of one that is too
    /// large to be read, nobody knows.
    pub(crate) fn may_be_record(&mut self, object: &[u8]) -> bool {
        if object.len() > self.longest {
            return true;
        }
        let Ok(text) = str::from_utf8(object) else { return false };
        self.scratch.clear();
        match record::read(text, &mut self.scratch) {
            Ok(head) => !is_of_trigger(head.source),
            Err(Odd) if has_too_many_values(object, MOST_VALUES) => true,
            Err(Odd) => Event::from_text(text).is_ok_and(|event| !is_of_trigger(&event.source)),
        }
    }

    /// Decides about a record in which a name may matter.
    pub(crate) fn take(&self, object: &[u8], found: &mut Found) {
        if object.len() > self.longest {
            return found.flaw(TOO_LONG.to_owned());
        }
        let Ok(text) = str::from_utf8(object) else { return found.flaw("not UTF-8".to_owned()) };
        let start = found.lines.len();
        let read = record::read(text, &mut found.lines).and_then(|head| Ok((self.decide(&head)?, head.id)));
        match read {
            Ok((Some(kind), id)) => {
                found.lines.push(b'\n');
                let id = id.map(|id| self.ids.name(id));
                found.kept.push(Kept { kind, id, line: start..found.lines.len() });
            }
            Ok((None, _)) => found.lines.truncate(start),
            Err(Odd) => {
                found.lines.truncate(start);
                if has_too_many_values(object, MOST_VALUES) {
                    return found.flaw(TOO_MANY_VALUES.to_owned());
                }
                match Event::from_text(text) {
                    Ok(event) => self.take_event(&event, found),
                    // A name in an object of what is no record.
                    Err(NotAnEvent::NotARecord(_)) => {}
                    Err(error) => found.flaw(error.to_string()),
                }
            }
        }
    }

    /// Why a record is kept, if it is. What the filter needs and the record does not tell as CloudTrail would is odd.
    fn decide(&self, head: &Head<'_>) -> Result<Option<Kind>, Odd> {
        let Head { source, name, category, failed, reads, .. } = *head;
        let Some(kind) = kind(&Call { source, name, category, failed, reads }) else { return Ok(None) };
        let time = if self.filter.asks_for_times() { time_of(head.time) } else { None };
        if !self.filter.accounts.is_empty() && !head.account.is_some_and(is_account) {
            return Err(Odd);
        }
        Ok(self.filter.asks_for(kind, source, time, head.region, head.account).then_some(kind))
    }

    /// Adds a record that was read in another way, if it matters.
    pub fn take_event(&self, event: &Event, found: &mut Found) {
        let Some(kind) = kind_of(event) else { return };
        let region = Some(event.region()).filter(|region| !region.is_empty());
        if !self.filter.asks_for(kind, &event.source, event.time(), region, event.account().as_deref()) {
            return;
        }
        let (start, id) = (found.lines.len(), event.id().map(|id| self.ids.name(&id)));
        let mut record = Value::Object(event.record().clone());
        without_tokens(&mut record);
        found.lines.extend_from_slice(record.to_string().as_bytes());
        found.lines.push(b'\n');
        found.kept.push(Kept { kind, id, line: start..found.lines.len() });
    }
}

/// Messages and notifications that Lambda gets have sources such as `aws:sqs`.
fn is_of_trigger(source: &str) -> bool {
    source.starts_with("aws:")
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}
