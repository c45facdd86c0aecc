//! Counts of what became of events, in lines that CloudWatch reads as metrics: counting costs a
//! function no call.
//!
//! The lines are in the embedded metric format.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::delivery::Fate;
use crate::effect::Effect;
use crate::identity::SessionMatch;
use crate::ports::Failure;
use crate::record::Event;
use crate::recording::{HEARTBEAT, Recorded};
use crate::table;
use crate::tagging::{DropReason, Outcome, ResourceOutcome, ResourceSkip, TagResult};

/// The namespace of all metrics.
const NAMESPACE: &str = "aws-tags";

/// The service of events that no rule asks for: a dimension must not take arbitrary values from
/// events, as each new value is a new metric on the bill.
const OTHER: &str = "other";

/// A delivered message, and what becomes of it.
pub struct Handled<'a, T> {
    /// The event and its outcome; `None` where the message is not an event.
    pub event: Option<(&'a Event, &'a T)>,
    pub fate: &'a Fate,
}

/// A metric's name, and what one delivered message adds to it. All are counts.
pub type Metric<T> = (&'static str, fn(&Handled<'_, T>) -> usize);

/// What a function counts, and how it names the service of an event. The session-recorder, which has only one,
/// does without the table.
pub struct Metrics<T: 'static> {
    list: &'static [Metric<T>],
    service: fn(&Event) -> &'static str,
}

/// What the tag-handler counts.
pub const TAG_HANDLER: &Metrics<Outcome> = &Metrics {
    list: TAG_HANDLER_LIST,
    service: |event| table::service(&event.source).map_or(OTHER, |service| service.name),
};

/// What the session-recorder counts. A failure is that of the table.
pub const SESSION_RECORDER: &Metrics<Result<Recorded, Failure>> =
    &Metrics { list: SESSION_RECORDER_LIST, service: |_| "sts" };

const TAG_HANDLER_LIST: &[Metric<Outcome>] = &[
    ("Events", |_| 1),
    ("ResourcesTagged", |handled| resources(handled, |result| matches!(result, TagResult::Tagged))),
    ("ResourcesFailed", |handled| resources(handled, |result| matches!(result, TagResult::Failed(_)))),
    ("Retried", retried),
    ("GivenUp", given_up),
    ("SessionsFound", |handled| session(handled, |found| matches!(found, SessionMatch::Found(_)))),
    ("SessionsPending", |handled| session(handled, |found| matches!(found, SessionMatch::Pending { .. }))),
    ("SessionsAmbiguous", |handled| session(handled, |found| *found == SessionMatch::Ambiguous)),
    ("SessionsUnknown", |handled| session(handled, |found| *found == SessionMatch::Unknown)),
    ("UnsupportedEvents", |handled| count_if(handled, |outcome| outcome.effect == Effect::NotSupported)),
    ("RefusedByTaggingApi", |handled| {
        count(handled, |outcome| {
            outcome.resources().iter().filter(|made| made.refused_by_tagging_api).count()
        })
    }),
    ("ResourcesNotOurs", |handled| {
        resources(handled, |result| {
            matches!(result, TagResult::Skipped(ResourceSkip::NotOurs(_) | ResourceSkip::MayBeOlder))
        }) + count_if(handled, |outcome| matches!(outcome.effect, Effect::NotOurs(_)))
    }),
    ("ResourcesLate", |handled| resources(handled, |result| *result == TagResult::Late)),
    ("TagsKept", |handled| tags(handled, |reason| *reason == DropReason::Present)),
    ("TagsRefused", |handled| tags(handled, |reason| matches!(reason, DropReason::Refused(_)))),
    ("TagsDropped", |handled| {
        tags(handled, |reason| !matches!(reason, DropReason::Present | DropReason::Refused(_)))
    }),
];

const SESSION_RECORDER_LIST: &[Metric<Result<Recorded, Failure>>] = &[
    ("Events", |handled| handled.event.is_none_or(|(event, _)| event.source != HEARTBEAT).into()),
    ("Heartbeats", |handled| count_if(handled, |stored| matches!(stored, Ok(Recorded::Heartbeat)))),
    ("SessionsRecorded", |handled| count_if(handled, |stored| matches!(stored, Ok(Recorded::Stored(_))))),
    ("Retried", retried),
    ("GivenUp", given_up),
];

fn retried<T>(handled: &Handled<'_, T>) -> usize {
    matches!(handled.fate, Fate::Again(_)).into()
}

fn given_up<T>(handled: &Handled<'_, T>) -> usize {
    matches!(handled.fate, Fate::GivenUp(_)).into()
}

fn count<T>(handled: &Handled<'_, T>, count: impl Fn(&T) -> usize) -> usize {
    handled.event.map_or(0, |(_, outcome)| count(outcome))
}

fn count_if<T>(handled: &Handled<'_, T>, matches: impl Fn(&T) -> bool) -> usize {
    count(handled, |outcome| matches(outcome).into())
}

fn resources(handled: &Handled<'_, Outcome>, matches: impl Fn(&TagResult) -> bool) -> usize {
    count(handled, |outcome| outcome.resources().iter().filter(|made| matches(&made.result)).count())
}

fn tags(handled: &Handled<'_, Outcome>, matches: impl Fn(&DropReason) -> bool) -> usize {
    let of_one = |made: &ResourceOutcome| made.dropped.iter().filter(|one| matches(&one.reason)).count();
    count(handled, |outcome| outcome.resources().iter().map(of_one).sum())
}

fn session(handled: &Handled<'_, Outcome>, matches: impl Fn(&SessionMatch) -> bool) -> usize {
    count_if(handled, |outcome| outcome.tagging().is_some_and(|tagging| matches(&tagging.session)))
}

/// The counts of one invocation, by service.
pub struct Counts<T: 'static> {
    metrics: &'static Metrics<T>,
    services: BTreeMap<&'static str, Vec<usize>>,
}

impl<T> Counts<T> {
    pub const fn new(metrics: &'static Metrics<T>) -> Self {
        Self { metrics, services: BTreeMap::new() }
    }

    pub fn add(&mut self, handled: &Handled<'_, T>) {
        let Metrics { list, service } = self.metrics;
        let service = handled.event.map_or(OTHER, |(event, _)| service(event));
        let counts = self.services.entry(service).or_insert_with(|| vec![0; list.len()]);
        for (count, (_, of)) in counts.iter_mut().zip(*list) {
            *count = count.saturating_add(of(handled));
        }
    }

    /// A document for each service, most often one.
    ///
    /// The function's own metrics are always there, zeros included, so that alarms have data; those
    /// by service only where they are not zero, as each is paid for.
    pub fn documents(&self, function: &str, now: OffsetDateTime) -> Vec<Value> {
        let names = || self.metrics.list.iter().map(|(name, _)| *name);
        let document = |(service, counts): (&&str, &Vec<usize>)| {
            let counted = || names().zip(counts.iter().copied());
            let seen = counted().filter(|(_, count)| *count > 0).map(|(name, _)| name);
            let mut document = json!({
                "_aws": {
                    "Timestamp": now.unix_timestamp() * 1000 + i64::from(now.millisecond()),
                    "CloudWatchMetrics": [
                        directive(&["Function"], names()),
                        directive(&["Function", "Service"], seen),
                    ],
                },
                "Function": function,
                "Service": service,
            });
            if let Value::Object(fields) = &mut document {
                fields.extend(counted().map(|(name, count)| (name.to_owned(), count.into())));
            }
            document
        };
        self.services.iter().map(document).collect()
    }
}

fn directive<'a>(dimensions: &[&str], metrics: impl Iterator<Item = &'a str>) -> Value {
    let metric = |name| Value::Object(Map::from_iter([("Name", name), ("Unit", "Count")].map(text)));
    json!({
        "Namespace": NAMESPACE,
        "Dimensions": [dimensions],
        "Metrics": metrics.map(metric).collect::<Vec<_>>(),
    })
}

fn text((key, value): (&str, &str)) -> (String, Value) {
    (key.to_owned(), value.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Reason;
    use crate::identity::{Principal, STS};
    use crate::tagging::{Handling, Tagging};

    fn event(source: &str, name: &str) -> Event {
        Event::from_json(json!({"eventSource": source, "eventName": name})).expect("a record")
    }

    const DONE: Fate = Fate::Done;
    const AGAIN: Fate = Fate::Again(None);
    const NO_EVENT: Fate = Fate::GivenUp(Reason::NotAnEvent);

    fn outcome(event: &Event, session: SessionMatch) -> Outcome {
        let tagging = Tagging { session, ..Tagging::default() };
        Outcome {
            effect: Effect::of(event),
            principal: Principal::of(event),
            handling: Handling::Tagging(Box::new(tagging)),
        }
    }

    fn names(document: &Value, directive: usize) -> Vec<&str> {
        let metrics = &document["_aws"]["CloudWatchMetrics"][directive]["Metrics"];
        metrics.as_array().expect("a list").iter().filter_map(|metric| metric["Name"].as_str()).collect()
    }

    #[test]
    fn a_batch_makes_one_document_for_each_service() {
        let (volume, unknown, made_up) = (
            event("ec2.amazonaws.com", "CreateVolume"),
            event("ec2.amazonaws.com", "CreateMoon"),
            event("made.up", "X"),
        );
        let mut counts = Counts::new(TAG_HANDLER);
        let (pending, none) = (
            outcome(&volume, SessionMatch::Pending { until: OffsetDateTime::UNIX_EPOCH, missing: true }),
            |event| outcome(event, SessionMatch::NoSession),
        );
        counts.add(&Handled { event: Some((&volume, &pending)), fate: &AGAIN });
        for event in [&unknown, &made_up] {
            counts.add(&Handled { event: Some((event, &none(event))), fate: &DONE });
        }
        counts.add(&Handled { event: None, fate: &NO_EVENT });
        let now = OffsetDateTime::UNIX_EPOCH + time::Duration::milliseconds(1_574_109_732_004);
        let documents = counts.documents("tag-handler", now);
        let [ec2, other] = documents.as_slice() else { panic!("{documents:?}") };
        assert_eq!(ec2["_aws"]["Timestamp"], 1_574_109_732_004_i64);
        assert_eq!((&ec2["Function"], &ec2["Service"]), (&json!("tag-handler"), &json!("ec2")));
        assert_eq!(
            (&ec2["Events"], &ec2["SessionsPending"], &ec2["Retried"]),
            (&json!(2), &json!(1), &json!(1))
        );
        assert_eq!(ec2["UnsupportedEvents"], 1);
        assert_eq!(other["Service"], "other");
        assert_eq!((&other["Events"], &other["GivenUp"]), (&json!(2), &json!(1)), "the unreadable one");
    }

    #[test]
    fn zeros_are_counted_for_the_function_and_not_for_each_service() {
        let topic = event("sns.amazonaws.com", "CreateTopic");
        let mut counts = Counts::new(TAG_HANDLER);
        counts.add(&Handled { event: Some((&topic, &outcome(&topic, SessionMatch::Unknown))), fate: &DONE });
        let documents = counts.documents("tag-handler", OffsetDateTime::UNIX_EPOCH);
        assert_eq!(names(&documents[0], 0).len(), TAG_HANDLER_LIST.len());
        assert_eq!(names(&documents[0], 1), ["Events", "SessionsUnknown"]);
        for name in names(&documents[0], 0) {
            assert!(documents[0][name].is_u64(), "{name}");
        }
    }

    #[test]
    fn nothing_delivered_makes_no_document() {
        assert!(Counts::new(TAG_HANDLER).documents("tag-handler", OffsetDateTime::UNIX_EPOCH).is_empty());
    }

    #[test]
    fn the_recorder_counts_sessions_and_retries() {
        let sts = event(STS, "AssumeRole");
        let mut counts = Counts::new(SESSION_RECORDER);
        counts.add(&Handled { event: Some((&sts, &Ok(Recorded::Unmatchable))), fate: &DONE });
        counts.add(&Handled { event: Some((&sts, &Err(Failure::other("throttled")))), fate: &AGAIN });
        counts.add(&Handled { event: None, fate: &NO_EVENT });
        let documents = counts.documents("session-recorder", OffsetDateTime::UNIX_EPOCH);
        let counts =
            |n: usize| ["Service", "Events", "Retried", "GivenUp"].map(|name| documents[n][name].clone());
        assert_eq!(counts(0), [json!("other"), json!(1), json!(0), json!(1)]);
        assert_eq!(counts(1), [json!("sts"), json!(2), json!(1), json!(0)]);
        assert_eq!(documents[1]["SessionsRecorded"], 0);
    }
}
