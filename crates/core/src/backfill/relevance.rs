//! Which records a *reduction* keeps: creations, sessions, endings and deploys. All else of a trail, nineteen records in
//! twenty, says nothing about whose a resource is.
//!
//! Whoever reads a trail asks here: a scan by the bytes of names and then by [`kind`], a query engine by SQL that is
//! generated from [`creating_calls`], [`sessions`], [`deploys`] and [`ENDINGS`].

use std::collections::BTreeSet;

use serde_json::Value;

use crate::effect::CALLS;
use crate::identity::{STS, matchable_starts};
use crate::record::Event;
use crate::stacks::{self, CLOUDFORMATION};
use crate::table::{Row, all, hash_of_name, rows, service, without_date};

/// How the names of calls begin that end a resource, of sources that are in the table. Generic on purpose: a call that
/// ends nothing only makes a later reader silent about what it names.
pub const ENDINGS: &[&str] = &[
    "AdminDelete",
    "BatchDelete",
    "Cancel",
    "Close",
    "Delete",
    "Deprovision",
    "Deregister",
    "DetachAndDelete",
    "Dispose",
    "Expire",
    "Purge",
    "Release",
    "Remove",
    "Retire",
    // KMS deletes a key days after `ScheduleKeyDeletion`, and writes no record of a call then.
    "ScheduleKeyDeletion",
    "Terminate",
    "Undeploy",
    "Unregister",
    "Unsubscribe",
];

/// Why a record is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A call that the table knows to create something.
    Creation,
    /// The start of a session that may carry tags.
    Session,
    /// A call that may end a resource.
    Ending,
    /// A call that deploys a stack, and does none of these: what the stack's role makes is its caller's.
    Deploy,
}

/// The fields of a record that decide.
#[derive(Clone, Copy, Debug, Default)]
pub struct Call<'a> {
    /// `eventSource`
    pub source: &'a str,
    /// `eventName`
    pub name: &'a str,
    /// `eventCategory`: through a VPC endpoint, a call has a second record that is none of a call.
    pub category: Option<&'a str>,
    /// Whether there is an `errorCode`.
    pub failed: bool,
    /// Whether `readOnly` says so.
    pub reads: bool,
}

/// Why the record of such a call is kept; `None` if it is not.
pub fn kind(call: &Call<'_>) -> Option<Kind> {
    if call.failed || call.category.is_some_and(|category| !CALLS.contains(&category)) {
        return None;
    }
    if call.source == STS {
        return sessions().any(|name| name == call.name).then_some(Kind::Session);
    }
    if creates(call.source, call.name) {
        return Some(Kind::Creation);
    }
    let ends = !call.reads && ENDINGS.iter().any(|start| call.name.starts_with(start));
    if ends && service(call.source).is_some() {
        return Some(Kind::Ending);
    }
    (call.source == CLOUDFORMATION && deploys().any(|name| name == call.name)).then_some(Kind::Deploy)
}

/// Why a record is kept. One that somebody else than AWS put on an event bus never is.
pub fn kind_of(event: &Event) -> Option<Kind> {
    if event.source_other_than_aws().is_some() {
        return None;
    }
    let category = event.text("eventCategory");
    let reads = |value: &&Value| value.as_bool() == Some(true) || value.as_str() == Some("true");
    kind(&Call {
        source: &event.source,
        name: &event.name,
        category: category.as_deref(),
        failed: event.error_code().is_some(),
        reads: event.values("readOnly").iter().any(reads),
    })
}

/// Event source without its domain, and event name, of all calls that create something, sorted. The date that some
/// services append to names is not in them.
pub fn creating_calls() -> impl Iterator<Item = (&'static str, &'static str)> {
    let calls = all().flat_map(|service| service.rows.iter().map(|row| (service.name, row.event_name)));
    // A row by hand may say that a call creates nothing, where a generated one says otherwise.
    let creates = |(source, name): &(&str, &str)| creates(&format!("{source}.amazonaws.com"), name);
    calls.filter(creates).collect::<BTreeSet<_>>().into_iter()
}

fn creates(source: &str, name: &str) -> bool {
    rows(source, name).is_some_and(|(_, rows)| rows.iter().any(Row::creates))
}

/// The calls of STS that start sessions which may carry tags.
pub fn sessions() -> impl Iterator<Item = &'static str> {
    matchable_starts()
}

/// The calls of CloudFormation that deploy stacks; some of them create or end what they are called with, too.
pub fn deploys() -> impl Iterator<Item = &'static str> {
    stacks::calls()
}

/// Names of calls, to see at a glance that a name is not one of a call that matters, whatever its source.
pub struct Names {
    /// By hash; empty where there is none.
    slots: Box<[&'static str]>,
    /// The first bytes of [`ENDINGS`], each once.
    starts: Vec<[u8; START]>,
}

/// Bytes by which most names are told from those of endings.
const START: usize = 4;
/// Slots for some 1,600 names: most lookups end at the first.
const SLOTS: usize = 8192;

impl Names {
    /// Those of the table, of sessions, of deploys and of endings.
    pub fn of_table() -> Self {
        let mut slots = vec![""; SLOTS].into_boxed_slice();
        for name in creating_calls().map(|(_, name)| name).chain(sessions()).chain(deploys()) {
            let slot = slots_of(name.as_bytes()).find(|slot| slots[*slot].is_empty() || slots[*slot] == name);
            if let Some(slot) = slot {
                slots[slot] = name;
            }
        }
        let mut starts: Vec<_> =
            ENDINGS.iter().filter_map(|name| name.as_bytes().first_chunk().copied()).collect();
        starts.dedup();
        Self { slots, starts }
    }

    /// Whether a call of that name may matter.
    #[inline]
    pub fn may_matter(&self, name: &[u8]) -> bool {
        self.has(name) || self.is_ending(name) || self.is_dated(name)
    }

    #[inline]
    fn has(&self, name: &[u8]) -> bool {
        let mut found = slots_of(name).map(|slot| self.slots[slot]);
        found
            .find(|known| known.is_empty() || known.as_bytes() == name)
            .is_some_and(|known| !known.is_empty())
    }

    #[inline]
    fn is_ending(&self, name: &[u8]) -> bool {
        let start = name.first_chunk::<START>();
        start.is_some_and(|start| self.starts.contains(start))
            && ENDINGS.iter().any(|ending| name.starts_with(ending.as_bytes()))
    }

    fn is_dated(&self, name: &[u8]) -> bool {
        if !name.last().is_some_and(u8::is_ascii_digit) {
            return false;
        }
        let dateless = str::from_utf8(name).map(without_date);
        dateless.is_ok_and(|dateless| self.has(dateless.as_bytes()))
    }
}

/// The slots of a name, in the order in which they are looked at. They are never all taken.
#[inline]
fn slots_of(name: &[u8]) -> impl Iterator<Item = usize> {
    let first = hash_of_name(name);
    (0..SLOTS).map(move |nth| first.wrapping_add(nth) % SLOTS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn kind_of_record(fields: Value) -> Option<Kind> {
        kind_of(&Event::from_json(fields).expect("a record"))
    }

    #[test]
    fn creations_sessions_endings_and_deploys_are_kept_and_nothing_else() {
        for (expected, source, name) in [
            (Some(Kind::Creation), "ec2.amazonaws.com", "RunInstances"),
            (Some(Kind::Creation), "lambda.amazonaws.com", "CreateFunction20150331v2"),
            (Some(Kind::Session), "sts.amazonaws.com", "AssumeRoleWithSAML"),
            (Some(Kind::Session), "sts.amazonaws.com", "GetFederationToken"),
            (Some(Kind::Ending), "ec2.amazonaws.com", "TerminateInstances"),
            (Some(Kind::Ending), "kms.amazonaws.com", "ScheduleKeyDeletion"),
            (Some(Kind::Deploy), "cloudformation.amazonaws.com", "ExecuteChangeSet"),
            (Some(Kind::Creation), "cloudformation.amazonaws.com", "CreateStack"),
            (Some(Kind::Ending), "cloudformation.amazonaws.com", "DeleteStack"),
            (None, "example.amazonaws.com", "ExecuteChangeSet"),
            // No row, a row of what takes no tags, no session that can be matched, no source of the table.
            (None, "ec2.amazonaws.com", "DescribeInstances"),
            (None, "logs.amazonaws.com", "CreateLogStream"),
            (None, "dynamodb.amazonaws.com", "CreateBackup"),
            (None, "sts.amazonaws.com", "AssumeRoot"),
            (None, "sts.amazonaws.com", "GetCallerIdentity"),
            (None, "example.amazonaws.com", "RunInstances"),
            (None, "unheard.amazonaws.com", "DeleteThing"),
        ] {
            let record = json!({"eventSource": source, "eventName": name});
            assert_eq!(kind_of_record(record), expected, "{source} {name}");
        }
    }

    #[test]
    fn what_failed_read_or_was_no_call_is_not_kept() {
        let ending = json!({"eventSource": "ec2.amazonaws.com", "eventName": "DeleteVolume"});
        for (field, value, kept) in [
            ("errorCode", json!("AccessDenied"), false),
            ("errorCode", json!(null), true),
            ("errorCode", json!(""), true),
            ("readOnly", json!(true), false),
            ("readOnly", json!("true"), false),
            ("readOnly", json!(false), true),
            ("eventCategory", json!("NetworkActivity"), false),
            ("eventCategory", json!("Management"), true),
        ] {
            let mut record = ending.clone();
            record[field] = value.clone();
            assert_eq!(kind_of_record(record).is_some(), kept, "{field} {value}");
        }
        let forged = json!({"source": "my.app", "account": "111122223333", "detail": ending});
        assert_eq!(kind_of_record(forged), None);
    }

    /// A session's record reads, for STS, and so do some that create.
    #[test]
    fn reading_matters_for_endings_only() {
        let record = json!({"eventSource": "sts.amazonaws.com", "eventName": "AssumeRole", "readOnly": true});
        assert_eq!(kind_of_record(record), Some(Kind::Session));
    }

    #[test]
    fn names_let_through_whatever_may_be_kept() {
        let names = Names::of_table();
        for (source, name) in creating_calls() {
            let ends: &[&str] = match name.ends_with(|c: char| c.is_ascii_digit()) {
                true => &[""],
                false => &["", "20150331", "20150331v2", "2020_05_31"],
            };
            for end in ends {
                let dated = format!("{name}{end}");
                assert!(names.may_matter(dated.as_bytes()), "{dated}");
                let source = format!("{source}.amazonaws.com");
                let call = Call { source: &source, name: &dated, ..Call::default() };
                assert_eq!(kind(&call), Some(Kind::Creation), "{source} {dated}");
            }
        }
        assert!(sessions().count() == 4 && sessions().all(|name| names.may_matter(name.as_bytes())));
        assert!(deploys().count() == 8 && deploys().all(|name| names.may_matter(name.as_bytes())));
        assert!(ENDINGS.iter().all(|start| names.may_matter(format!("{start}Thing").as_bytes())));
        for name in [
            "",
            "D",
            "Dele",
            "DescribeInstances",
            "RunInstance",
            "GetFunction20150331v2",
            "Decrypt",
            "\u{ff}",
        ] {
            assert!(!names.may_matter(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn endings_are_sorted_and_long_enough_to_be_told_by_their_start() {
        assert!(ENDINGS.is_sorted() && ENDINGS.iter().all(|start| start.len() > START));
    }
}
