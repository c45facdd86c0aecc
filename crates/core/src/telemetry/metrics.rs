//! Counts of what became of events, in lines that CloudWatch reads as metrics: counting costs a
//! function no call.
//!
//! The lines are in the embedded metric format.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::effect::Effect;
use crate::identity::{STS, SessionMatch};
use crate::ports::Failure;
use crate::record::{Event, NotAnEvent};
use crate::recording::Recorded;
use crate::table;
use crate::tagging::{DropReason, Outcome, ResourceOutcome, ResourceSkip, TagResult};

/// The namespace of all metrics.
const NAMESPACE: &str = "aws-tags";

/// The service of events that no rule asks for: a dimension must not take arbitrary values from
/// events, as each new value is a new metric on the bill.
const OTHER: &str = "other";

/// A delivered event and what became of it, or why the message is not an event.
pub type Handled<'a, T> = Result<(&'a Event, T), &'a NotAnEvent>;

/// A metric's name, and what one delivered message adds to it. All are counts.
pub type Metric<T> = (&'static str, fn(&Handled<'_, T>) -> usize);

/// What the tag-handler counts.
pub const TAG_HANDLER: &[Metric<Outcome>] = &[
    ("Events", |_| 1),
    ("ResourcesTagged", |handled| resources(handled, |result| matches!(result, TagResult::Tagged))),
    ("ResourcesFailed", |handled| resources(handled, |result| matches!(result, TagResult::Failed(_)))),
    ("Retried", |handled| count_if(handled, |outcome| !outcome.retry_reasons().is_empty(), true)),
    ("SessionsFound", |handled| session(handled, |found| matches!(found, SessionMatch::Found(_)))),
    ("SessionsPending", |handled| session(handled, |found| *found == SessionMatch::Pending)),
    ("SessionsAmbiguous", |handled| session(handled, |found| *found == SessionMatch::Ambiguous)),
    ("SessionsUnknown", |handled| session(handled, |found| *found == SessionMatch::Unknown)),
    ("UnsupportedEvents", |handled| {
        count_if(handled, |outcome| outcome.effect == Effect::NotSupported, false)
    }),
    ("RefusedByTaggingApi", |handled| {
        count(handled, |outcome| {
            outcome.resources().iter().filter(|made| made.refused_by_tagging_api).count()
        })
    }),
    ("ResourcesNotOurs", |handled| {
        resources(handled, |result| {
            matches!(result, TagResult::Skipped(ResourceSkip::NotOurs(_) | ResourceSkip::MayBeOlder))
        }) + count_if(handled, |outcome| matches!(outcome.effect, Effect::NotOurs(_)), false)
    }),
    ("ResourcesLate", |handled| resources(handled, |result| *result == TagResult::Late)),
    ("TagsKept", |handled| tags(handled, |reason| *reason == DropReason::Present)),
    ("TagsRefused", |handled| tags(handled, |reason| matches!(reason, DropReason::Refused(_)))),
    ("TagsDropped", |handled| {
        tags(handled, |reason| !matches!(reason, DropReason::Present | DropReason::Refused(_)))
    }),
];

/// The session-recorder's metrics. A failure is that of the table.
pub const SESSION_RECORDER: &[Metric<Result<Recorded, Failure>>] = &[
    ("Events", |_| 1),
    ("SessionsRecorded", |handled| {
        count_if(handled, |stored| matches!(stored, Ok(Recorded::Stored(_))), false)
    }),
    ("Retried", |handled| count_if(handled, Result::is_err, true)),
];

fn count<T>(handled: &Handled<'_, T>, count: impl Fn(&T) -> usize) -> usize {
    handled.as_ref().map_or(0, |(_, outcome)| count(outcome))
}

fn count_if<T>(handled: &Handled<'_, T>, matches: impl Fn(&T) -> bool, unreadable: bool) -> usize {
    handled.as_ref().map_or(unreadable, |(_, outcome)| matches(outcome)).into()
}

fn resources(handled: &Handled<'_, Outcome>, matches: impl Fn(&TagResult) -> bool) -> usize {
    count(handled, |outcome| outcome.resources().iter().filter(|made| matches(&made.result)).count())
}

fn tags(handled: &Handled<'_, Outcome>, matches: impl Fn(&DropReason) -> bool) -> usize {
    let of_one = |made: &ResourceOutcome| made.dropped.iter().filter(|one| matches(&one.reason)).count();
    count(handled, |outcome| outcome.resources().iter().map(of_one).sum())
}

fn session(handled: &Handled<'_, Outcome>, matches: impl Fn(&SessionMatch) -> bool) -> usize {
    count_if(handled, |outcome| outcome.tagging().is_some_and(|tagging| matches(&tagging.session)), false)
}

/// The metrics of one invocation: a document for each service, most often one.
///
/// The function's own metrics are always there, zeros included, so that alarms have data; those
/// by service only where they are not zero, as each is paid for.
pub fn documents<T>(
    function: &str,
    metrics: &[Metric<T>],
    now: OffsetDateTime,
    handled: &[Handled<'_, T>],
) -> Vec<Value> {
    let mut services: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for handled in handled {
        let counts = services.entry(service_of(handled)).or_insert_with(|| vec![0; metrics.len()]);
        for (count, (_, of)) in counts.iter_mut().zip(metrics) {
            *count += of(handled);
        }
    }
    let names = || metrics.iter().map(|(name, _)| *name);
    services
        .into_iter()
        .map(|(service, counts)| {
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
        })
        .collect()
}

fn service_of<T>(handled: &Handled<'_, T>) -> &'static str {
    match handled {
        Ok((event, _)) if event.source == STS => "sts",
        Ok((event, _)) => table::service(&event.source).map_or(OTHER, |service| service.name),
        Err(_) => OTHER,
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
    use crate::identity::Principal;
    use crate::tagging::{Handling, Tagging};

    fn event(source: &str, name: &str) -> Event {
        Event::from_json(json!({"eventSource": source, "eventName": name})).expect("a record")
    }

    fn not_an_event() -> NotAnEvent {
        serde_json::from_str::<Value>("no").expect_err("not JSON").into()
    }

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
        let unreadable = not_an_event();
        let pending = outcome(&volume, SessionMatch::Pending);
        let none = |event| outcome(event, SessionMatch::NoSession);
        let handled = [
            Ok((&volume, pending)),
            Ok((&unknown, none(&unknown))),
            Ok((&made_up, none(&made_up))),
            Err(&unreadable),
        ];
        let now = OffsetDateTime::UNIX_EPOCH + time::Duration::milliseconds(1_574_109_732_004);
        let documents = documents("tag-handler", TAG_HANDLER, now, &handled);
        let [ec2, other] = documents.as_slice() else { panic!("{documents:?}") };
        assert_eq!(ec2["_aws"]["Timestamp"], 1_574_109_732_004_i64);
        assert_eq!((&ec2["Function"], &ec2["Service"]), (&json!("tag-handler"), &json!("ec2")));
        assert_eq!((&ec2["Events"], &ec2["SessionsPending"]), (&json!(2), &json!(1)));
        assert_eq!(ec2["UnsupportedEvents"], 1);
        assert_eq!(other["Service"], "other");
        assert_eq!((&other["Events"], &other["Retried"]), (&json!(2), &json!(1)), "the unreadable one");
    }

    #[test]
    fn zeros_are_counted_for_the_function_and_not_for_each_service() {
        let topic = event("sns.amazonaws.com", "CreateTopic");
        let handled = [Ok((&topic, outcome(&topic, SessionMatch::Unknown)))];
        let documents = documents("tag-handler", TAG_HANDLER, OffsetDateTime::UNIX_EPOCH, &handled);
        assert_eq!(names(&documents[0], 0).len(), TAG_HANDLER.len());
        assert_eq!(names(&documents[0], 1), ["Events", "SessionsUnknown"]);
        for name in names(&documents[0], 0) {
            assert!(documents[0][name].is_u64(), "{name}");
        }
    }

    #[test]
    fn nothing_delivered_makes_no_document() {
        assert!(documents("tag-handler", TAG_HANDLER, OffsetDateTime::UNIX_EPOCH, &[]).is_empty());
    }

    #[test]
    fn the_recorder_counts_sessions_and_retries() {
        let (sts, unreadable) = (event(STS, "AssumeRole"), not_an_event());
        let handled = [
            Ok((&sts, Ok(Recorded::Unmatchable))),
            Ok((&sts, Err(Failure::other("throttled")))),
            Err(&unreadable),
        ];
        let documents = documents("session-recorder", SESSION_RECORDER, OffsetDateTime::UNIX_EPOCH, &handled);
        let counts = |n: usize| (&documents[n]["Service"], &documents[n]["Events"], &documents[n]["Retried"]);
        assert_eq!(counts(0), (&json!("other"), &json!(1), &json!(1)));
        assert_eq!(counts(1), (&json!("sts"), &json!(2), &json!(1)));
        assert_eq!(documents[1]["SessionsRecorded"], 0);
    }
}
