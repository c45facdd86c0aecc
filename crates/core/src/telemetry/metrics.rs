//! Counts of what became of events, in lines that CloudWatch reads as metrics: counting costs a
//! function no call.
//!
//! The lines are in the embedded metric format.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::delivery::{Fate, Obstacle, Reason};
use crate::effect::{Effect, HEARTBEAT, SWEEP};
use crate::identity::SessionMatch;
use crate::ports::Failure;
use crate::record::Event;
use crate::recording::Recorded;
use crate::settings::Monitoring::{self, Full, Minimal};
use crate::table;
use crate::tagging::{
    DropReason, EventSkip, Handling, Outcome, Recorders, ResourceOutcome, ResourceSkip, TagResult,
};

/// The namespace of all metrics.
const NAMESPACE: &str = "aws-tags";

/// The service of events that no rule asks for: a dimension must not take arbitrary values from
/// events, as each new value is a new metric on the bill.
const OTHER: &str = "other";

/// A delivered message, and what becomes of it.
pub struct Handled<'a, T> {
    /// The event and its outcome; `None` where the message is not an event.
    pub event: Option<(&'a Event, &'a T)>,
    /// Why it is not done.
    pub obstacles: &'a [Obstacle],
    pub fate: &'a Fate,
}

/// What one delivered message adds to a metric. All are counts.
type Count<T> = fn(&Handled<'_, T>) -> usize;

/// A metric's name, the least monitoring that has it, and what it counts.
pub type Metric<T> = (&'static str, Monitoring, Count<T>);

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
    ("Events", Minimal, events),
    ("ResourcesTagged", Full, |handled| resources(handled, |result| matches!(result, TagResult::Tagged))),
    ("ResourcesFailed", Full, |handled| resources(handled, |result| matches!(result, TagResult::Failed(_)))),
    ("Retried", Full, retried),
    ("Throttled", Minimal, throttled),
    ("GivenUp", Full, given_up),
    ("SessionsFound", Full, |handled| session(handled, |found| matches!(found, SessionMatch::Found(_)))),
    ("SessionsPending", Full, |handled| {
        session(handled, |found| matches!(found, SessionMatch::Pending { .. }))
    }),
    ("SessionsAmbiguous", Full, |handled| session(handled, |found| *found == SessionMatch::Ambiguous)),
    ("SessionsUnknown", Minimal, |handled| session(handled, |found| *found == SessionMatch::Unknown)),
    ("RecordersBehind", Minimal, |handled| {
        count_if(
            handled,
            |outcome| matches!(&outcome.handling, Handling::LookedAfter(recorders) if *recorders != Recorders::KeepUp),
        )
    }),
    ("CreationsMissed", Minimal, missed),
    ("UnsupportedEvents", Full, |handled| {
        count_if(handled, |outcome| outcome.effect == Effect::NotSupported)
    }),
    ("RefusedByTaggingApi", Minimal, |handled| {
        count(handled, |outcome| {
            outcome.resources().iter().filter(|made| made.refused_by_tagging_api).count()
        })
    }),
    ("ResourcesNotOurs", Full, |handled| {
        resources(handled, |result| {
            matches!(result, TagResult::Skipped(ResourceSkip::NotOurs(_) | ResourceSkip::MayBeOlder))
        }) + count_if(handled, |outcome| matches!(outcome.effect, Effect::NotOurs(_)))
    }),
    ("SkipMarks", Full, |handled| {
        resources(handled, |result| *result == TagResult::Skipped(ResourceSkip::SkipMark))
            + count_if(handled, |outcome| {
                matches!(outcome.handling, Handling::Skipped(EventSkip::SkipMark(_)))
            })
    }),
    ("ResourcesLate", Full, |handled| resources(handled, |result| *result == TagResult::Late)),
    ("TagsKept", Full, |handled| tags(handled, |reason| *reason == DropReason::Present)),
    ("TagsRefused", Minimal, |handled| tags(handled, |reason| matches!(reason, DropReason::Refused(_)))),
    ("TagsDropped", Full, |handled| {
        tags(handled, |reason| !matches!(reason, DropReason::Present | DropReason::Refused(_)))
    }),
];

const SESSION_RECORDER_LIST: &[Metric<Result<Recorded, Failure>>] = &[
    ("Events", Full, events),
    ("Heartbeats", Full, |handled| count_if(handled, |stored| matches!(stored, Ok(Recorded::Heartbeat)))),
    ("SessionsRecorded", Full, |handled| {
        count_if(handled, |stored| matches!(stored, Ok(Recorded::Stored(_))))
    }),
    ("Retried", Full, retried),
    ("Throttled", Full, throttled),
    ("GivenUp", Full, given_up),
];

/// What AWS sent: every message but those of our schedules, and of the tag-handler to itself.
fn events<T>(handled: &Handled<'_, T>) -> usize {
    handled.event.is_none_or(|(event, _)| ![HEARTBEAT, SWEEP].contains(&event.source.as_str())).into()
}

fn throttled<T>(handled: &Handled<'_, T>) -> usize {
    handled.obstacles.iter().any(|obstacle| obstacle.reason == Reason::Throttled).into()
}

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

fn missed(handled: &Handled<'_, Outcome>) -> usize {
    count(handled, |outcome| match &outcome.handling {
        Handling::Swept(swept) => swept.tally().missed,
        _ => 0,
    })
}

fn session(handled: &Handled<'_, Outcome>, matches: impl Fn(&SessionMatch) -> bool) -> usize {
    count_if(handled, |outcome| outcome.tagging().is_some_and(|tagging| matches(&tagging.session)))
}

impl<T> Metrics<T> {
    /// The names of all metrics, each with the least monitoring that has it.
    pub fn names(&self) -> impl Iterator<Item = (&'static str, Monitoring)> {
        self.list.iter().map(|(name, least, _)| (*name, *least))
    }
}

/// The counts of one invocation, by service.
pub struct Counts<T: 'static> {
    metrics: &'static Metrics<T>,
    monitoring: Monitoring,
    services: BTreeMap<&'static str, Vec<usize>>,
}

impl<T> Counts<T> {
    pub const fn new(metrics: &'static Metrics<T>, monitoring: Monitoring) -> Self {
        Self { metrics, monitoring, services: BTreeMap::new() }
    }

    pub fn add(&mut self, handled: &Handled<'_, T>) {
        let Metrics { list, service } = self.metrics;
        let service = handled.event.map_or(OTHER, |(event, _)| service(event));
        let counts = self.services.entry(service).or_insert_with(|| vec![0; list.len()]);
        for (count, (.., of)) in counts.iter_mut().zip(*list) {
            *count = count.saturating_add(of(handled));
        }
    }

    /// A document for each service, most often one: as much as is paid for, in every hour in which a metric
    /// is reported.
    pub fn documents(&self, function: &str, now: OffsetDateTime) -> Vec<Value> {
        let document = |(service, counts): (&&str, &Vec<usize>)| {
            let counted = self.metrics.names().zip(counts.iter().copied());
            let shown = counted.filter(|((_, least), count)| match self.monitoring {
                Full => true,
                Minimal => *least == Minimal && *count > 0,
            });
            let counted: Vec<(&str, usize)> = shown.map(|((name, _), count)| (name, count)).collect();
            let names = || counted.iter().map(|(name, _)| *name);
            // Zeros only under the function: of each service they would be many.
            let seen = counted.iter().filter(|(_, count)| *count > 0).map(|(name, _)| *name);
            let by_service = match self.monitoring {
                Full => Some(directive(&["Function", "Service"], seen)),
                Minimal => None,
            };
            let directives: Vec<Value> =
                [directive(&["Function"], names())].into_iter().chain(by_service).collect();
            let mut document = json!({
                "_aws": {
                    "Timestamp": now.unix_timestamp() * 1000 + i64::from(now.millisecond()),
                    "CloudWatchMetrics": directives,
                },
                "Function": function,
                "Service": service,
            });
            if let Value::Object(fields) = &mut document {
                fields.extend(counted.iter().map(|(name, count)| ((*name).to_owned(), (*count).into())));
            }
            (!counted.is_empty()).then_some(document)
        };
        self.services.iter().filter_map(document).collect()
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
    use crate::identity::{Principal, STS};
    use crate::ports::FailureKind;
    use crate::sweep::{Part, Swept, Tally};
    use crate::tagging::Tagging;

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
        let mut counts = Counts::new(TAG_HANDLER, Full);
        let (pending, none) = (
            outcome(&volume, SessionMatch::Pending { until: OffsetDateTime::UNIX_EPOCH, missing: true }),
            |event| outcome(event, SessionMatch::NoSession),
        );
        counts.add(&Handled { event: Some((&volume, &pending)), obstacles: &[], fate: &AGAIN });
        for event in [&unknown, &made_up] {
            counts.add(&Handled { event: Some((event, &none(event))), obstacles: &[], fate: &DONE });
        }
        counts.add(&Handled { event: None, obstacles: &[], fate: &NO_EVENT });
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
        let mut counts = Counts::new(TAG_HANDLER, Full);
        counts.add(&Handled {
            event: Some((&topic, &outcome(&topic, SessionMatch::Unknown))),
            obstacles: &[],
            fate: &DONE,
        });
        let documents = counts.documents("tag-handler", OffsetDateTime::UNIX_EPOCH);
        assert_eq!(names(&documents[0], 0).len(), TAG_HANDLER_LIST.len());
        assert_eq!(names(&documents[0], 1), ["Events", "SessionsUnknown"]);
        for name in names(&documents[0], 0) {
            assert!(documents[0][name].is_u64(), "{name}");
        }
    }

    #[test]
    fn minimal_monitoring_has_only_what_alarms_watch_and_is_not_zero() {
        let topic = event("sns.amazonaws.com", "CreateTopic");
        let mut counts = Counts::new(TAG_HANDLER, Minimal);
        let throttled = [Obstacle::from(&Failure { kind: FailureKind::Throttled, message: String::new() })];
        counts.add(&Handled {
            event: Some((&topic, &outcome(&topic, SessionMatch::Unknown))),
            obstacles: &throttled,
            fate: &AGAIN,
        });
        let documents = counts.documents("tag-handler", OffsetDateTime::UNIX_EPOCH);
        assert_eq!(names(&documents[0], 0), ["Events", "Throttled", "SessionsUnknown"]);
        let directives = documents[0]["_aws"]["CloudWatchMetrics"].as_array().map(Vec::len);
        assert_eq!((directives, &documents[0]["Retried"]), (Some(1), &Value::Null));
    }

    #[test]
    fn a_sweep_is_no_event_and_says_what_events_missed() {
        let message = json!({"eventSource": SWEEP, "eventName": "SweepPart", "awsRegion": "eu-west-1",
            "requestParameters": {"from": "2026-05-04T10:00:00Z", "to": "2026-05-04T11:00:00Z"}});
        let message = Event::from_json(message).expect("a message");
        for missed in [0, 2] {
            let tally = Tally { creations: 9, missed, superseded: 1 };
            let part = Part::read(&message).expect("a part");
            let outcome = Outcome::swept(&message, Swept::LookedUp { part, tally, rest: None });
            let mut counts = Counts::new(TAG_HANDLER, Minimal);
            counts.add(&Handled { event: Some((&message, &outcome)), obstacles: &[], fate: &DONE });
            let documents = counts.documents("tag-handler", OffsetDateTime::UNIX_EPOCH);
            let counts: Vec<_> =
                documents.iter().map(|document| document["CreationsMissed"].as_u64()).collect();
            assert_eq!(counts, if missed > 0 { vec![Some(2)] } else { vec![] });
            assert!(documents.iter().all(|document| document["Events"].is_null()));
        }
    }

    #[test]
    fn a_heartbeat_is_no_event_and_says_whether_recorders_are_behind() {
        let beat = event(HEARTBEAT, "Heartbeat");
        let behind = Recorders::Behind(OffsetDateTime::UNIX_EPOCH);
        for (recorders, expected) in [
            (Recorders::KeepUp, vec![]),
            (behind, vec![1]),
            (Recorders::Unknown(Failure::other("no")), vec![1]),
        ] {
            let outcome = Outcome {
                handling: Handling::LookedAfter(recorders),
                ..outcome(&beat, SessionMatch::NoSession)
            };
            let mut counts = Counts::new(TAG_HANDLER, Minimal);
            counts.add(&Handled { event: Some((&beat, &outcome)), obstacles: &[], fate: &DONE });
            let documents = counts.documents("tag-handler", OffsetDateTime::UNIX_EPOCH);
            let counts: Vec<&Value> = documents.iter().map(|document| &document["RecordersBehind"]).collect();
            assert_eq!(counts, expected);
            assert!(documents.iter().all(|document| document["Events"].is_null()));
        }
    }

    #[test]
    fn nothing_delivered_makes_no_document() {
        assert!(
            Counts::new(TAG_HANDLER, Full).documents("tag-handler", OffsetDateTime::UNIX_EPOCH).is_empty()
        );
    }

    #[test]
    fn the_recorder_counts_sessions_and_retries() {
        let sts = event(STS, "AssumeRole");
        let mut counts = Counts::new(SESSION_RECORDER, Full);
        counts.add(&Handled { event: Some((&sts, &Ok(Recorded::Unmatchable))), obstacles: &[], fate: &DONE });
        counts.add(&Handled {
            event: Some((&sts, &Err(Failure::other("throttled")))),
            obstacles: &[],
            fate: &AGAIN,
        });
        counts.add(&Handled { event: None, obstacles: &[], fate: &NO_EVENT });
        let documents = counts.documents("session-recorder", OffsetDateTime::UNIX_EPOCH);
        let counts =
            |n: usize| ["Service", "Events", "Retried", "GivenUp"].map(|name| documents[n][name].clone());
        assert_eq!(counts(0), [json!("other"), json!(1), json!(0), json!(1)]);
        assert_eq!(counts(1), [json!("sts"), json!(2), json!(1), json!(0)]);
        assert_eq!(documents[1]["SessionsRecorded"], 0);
    }
}
