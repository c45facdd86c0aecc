//! Watches records on their way: table, tags and log every few seconds, CloudTrail's history and the parts of the
//! deployment now and then.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use aws_tags::deployment::resource_names::{SESSION_RECORDER, SESSION_TABLE, TAG_HANDLER};
use aws_tags::ports::SessionStore;
use aws_tags::tagging::not_inherited_because;
use aws_tags::tags::TagMap;
use aws_tags::{Event, Settings};
use aws_tags_aws::{Asked, Aws, LookupEvents, SessionTable, TableAddress};
use futures_util::future::join_all;
use serde_json::Value;
use time::OffsetDateTime;

use super::diagnosis;
use super::facts::{Deployment, Facts};
use super::report::Report;
use super::resources;
use super::session::SESSION_TAG;
use super::trace::{Ended, Hop, Said, Trace, What};
use crate::account::RegionalClients;

/// Between looks at tables, tags and logs.
const PAUSE: Duration = Duration::from_secs(2);
/// Between looks at the history, which takes two calls a second, and at the parts of the deployment.
const LONG_PAUSE: Duration = Duration::from_secs(15);
/// What is broken by all appearances has so long to arrive all the same.
const GRACE: Duration = Duration::from_secs(45);

/// The tags that every resource should get.
pub(super) struct Expected {
    /// Key of the owner tag, with any value.
    owner: String,
    /// Key of the tag with the session's id.
    principal_id: Option<String>,
    inherited: TagMap,
}

impl Expected {
    /// What the settings make of the tags of the role and of the run's sessions.
    pub(super) fn of(settings: &Settings, role: TagMap, run: &str) -> Self {
        // The session's tag wins; security groups have a tag `Name` already.
        let is_other = |key: &str| ![SESSION_TAG, "Name"].iter().any(|own| key.eq_ignore_ascii_case(own));
        let all = role.into_iter().filter(|(key, _)| is_other(key));
        let all = all.chain([(SESSION_TAG.to_owned(), run.to_owned())]);
        let inherited =
            all.filter(|(key, value)| not_inherited_because(settings, key, value).is_none()).collect();
        Self { owner: settings.owner_tag.clone(), principal_id: settings.principal_id_tag.clone(), inherited }
    }

    /// The keys that a resource lacks, or that have another value.
    fn missing(&self, tags: &TagMap, session_id: &str) -> Vec<String> {
        let id = self.principal_id.iter().map(|key| (key, session_id));
        let inherited = self.inherited.iter().map(|(key, value)| (key, value.as_str()));
        let wrong =
            id.chain(inherited).filter(|(key, value)| tags.get(*key).map(String::as_str) != Some(value));
        let owner = Some(&self.owner).filter(|key| !tags.contains_key(*key));
        owner.into_iter().chain(wrong.map(|(key, _)| key)).cloned().collect()
    }
}

/// Watches the records of a run.
pub(super) struct Watch<'a> {
    pub(super) aws: &'a Aws,
    pub(super) deployment: &'a Deployment,
    /// What all names of the run hold.
    pub(super) name: &'a str,
    pub(super) expected: &'a Expected,
    pub(super) history: &'a LookupEvents,
    /// How long at most.
    pub(super) wait: Duration,
}

impl Watch<'_> {
    /// Until every record has arrived, has stopped for good, or the time is over.
    pub(super) async fn until_all_ended(
        &self,
        traces: &mut [Trace],
        report: &mut Report<'_, impl Write>,
    ) -> io::Result<()> {
        let (began, since) = (Instant::now(), OffsetDateTime::now_utc());
        let mut looked_long = None::<Instant>;
        loop {
            report.wait(traces);
            let is_over = began.elapsed() >= self.wait;
            let is_time = looked_long.is_none_or(|at| at.elapsed() >= LONG_PAUSE);
            self.look(traces, since, is_over || is_time).await;
            let mut facts = Facts::default();
            if is_over || is_time {
                looked_long = Some(Instant::now());
                facts = Facts::read(self.aws, self.deployment, self.name).await;
            }
            self.judge(traces, &facts, is_over);
            for trace in traces.iter_mut().filter(|trace| !trace.is_under_way() && !trace.is_shown) {
                report.ended(trace)?;
                trace.is_shown = true;
            }
            if is_over {
                facts
                    .unasked
                    .iter()
                    .try_for_each(|unasked| report.say(&format!("not checked: {unasked}")))?;
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Looks for the records where they should come by.
    async fn look(&self, traces: &mut [Trace], since: OffsetDateTime, in_history: bool) {
        let table = TableAddress {
            name: SESSION_TABLE.0.to_owned(),
            home: Some((self.deployment.home.clone(), String::new())),
        };
        let table = &SessionTable::new(self.aws, table);
        join_all(traces.iter_mut().filter(|trace| trace.is_under_way()).map(|trace| async move {
            match trace.what {
                What::Session => self.look_into_table(table, trace).await,
                What::Resource(kind) => self.look_at_tags(kind, trace).await,
            }
        }))
        .await;
        self.look_into_logs(traces, since).await;
        if in_history {
            // One after another: the history has few calls to give.
            for trace in traces.iter_mut().filter(|trace| trace.is_under_way()) {
                self.look_into_history(trace).await;
            }
        }
    }

    async fn look_into_table(&self, table: &SessionTable, trace: &mut Trace) {
        let key = &trace.session.key;
        let found = table.find(key, trace.window()).await.unwrap_or_default();
        let session =
            found.into_iter().find(|session| Some(&session.access_key_id) == key.access_key_id.as_ref());
        let Some(session) = session else { return };
        trace.reach(Hop::Table);
        if session.tag(SESSION_TAG) == Some(self.name) {
            trace.arrive(Hop::Table);
        }
    }

    async fn look_at_tags(&self, kind: resources::Kind, trace: &mut Trace) {
        let config =
            self.aws.config().to_builder().region(aws_config::Region::new(trace.region.clone())).build();
        let Some(id) = &trace.id else { return };
        let Ok(tags) = resources::tags(kind, &config, id).await else { return };
        trace.missing = self.expected.missing(&tags, &trace.session.key.id);
        if trace.missing.is_empty() {
            trace.arrive(Hop::Tags);
        }
    }

    /// What the functions say of the records.
    async fn look_into_logs(&self, traces: &mut [Trace], since: OffsetDateTime) {
        let Deployment { home, recorders, .. } = self.deployment;
        let recorders = recorders.iter().map(|region| (region.as_str(), SESSION_RECORDER));
        let functions = [(home.as_str(), TAG_HANDLER)].into_iter().chain(recorders);
        let logs = join_all(functions.map(|(region, function)| async move {
            let here = RegionalClients::new(self.aws, region);
            here.log_lines(function, self.name, since).await.unwrap_or_default()
        }));
        for line in logs.await.into_iter().flatten() {
            let about =
                traces.iter_mut().filter(|trace| trace.is_under_way()).find(|trace| is_about(&line, trace));
            if let Some(trace) = about {
                trace.reach(Hop::Function);
                trace.said = Some(said(&line));
            }
        }
    }

    async fn look_into_history(&self, trace: &mut Trace) {
        if trace.reached.contains_key(&Hop::CloudTrail) {
            return;
        }
        let key = trace.session.key.access_key_id.clone().unwrap_or_default();
        let (_, call) = trace.what.call();
        let (attribute, text) = match trace.what {
            What::Session => (("EventName", call), &key),
            What::Resource(_) => (("AccessKeyId", key.as_str()), &trace.name),
        };
        let ((attribute, value), (from, to)) = (attribute, trace.window());
        let asked = Asked { attribute, value: value.to_owned(), from, to };
        let records = self.history.all(&trace.region, &asked, |_| {}).await.unwrap_or_default();
        let is_meant = |record: &String| {
            record.contains(text) && Event::from_text(record).is_ok_and(|event| event.name == call)
        };
        if records.iter().any(is_meant) {
            trace.reach(Hop::CloudTrail);
        }
    }

    /// Ends what can come no further, or has had its time.
    fn judge(&self, traces: &mut [Trace], facts: &Facts, is_over: bool) {
        // Sessions first: resources wait for theirs.
        for kind in [true, false] {
            for nth in 0..traces.len() {
                let Some(trace) = traces.get(nth) else { continue };
                if !trace.is_under_way() || (trace.what == What::Session) != kind {
                    continue;
                }
                let session = traces.iter().find(|other| {
                    other.what == What::Session && other.region == trace.region && other.name == trace.name
                });
                let stop = match is_over {
                    true => Some(diagnosis::waiting(trace, session, facts)),
                    false => diagnosis::broken(trace, facts).filter(|_| trace.age() >= GRACE.min(self.wait)),
                };
                if let (Some(stop), Some(trace)) = (stop, traces.get_mut(nth)) {
                    trace.ended = Some(Ended::Stopped(stop));
                }
            }
        }
    }
}

/// Whether a line of a log is about that record. A session's has its id; that of a creation, its principal's ARN.
fn is_about(line: &Value, trace: &Trace) -> bool {
    let text = |key: &str| line.get(key).and_then(Value::as_str).unwrap_or_default();
    let named = if trace.what == What::Session { text("session") } else { text("principal") };
    text("eventName") == trace.what.call().1 && named.ends_with(&trace.name)
}

/// The outcome in a line of a log, and why it is not done.
fn said(line: &Value) -> Said {
    let outcome = line.get("outcome").and_then(Value::as_str).unwrap_or_default().to_owned();
    let texts = |key: &str| line.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut reasons: Vec<String> = ["because", "reason"]
        .iter()
        .filter_map(|key| line.get(*key)?.as_str().map(str::to_owned))
        .chain(texts("unfinished").iter().filter_map(|text| text.as_str().map(str::to_owned)))
        .collect();
    let resources = texts("resources");
    reasons.extend(resources.iter().filter_map(|made| made.get("reason")?.as_str().map(str::to_owned)));
    reasons.dedup();
    Said { outcome, reasons }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> TagMap {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_the_settings_do_not_inherit_is_not_expected() {
        let role =
            tags(&[("Team", "a"), ("aws:cloudformation:stack-name", "x"), ("Owner", "me"), ("Name", "n")]);
        let keys = |variables: &[(&str, &str)]| {
            let variables = tags(variables);
            let settings = Settings::read(|name| variables.get(name).cloned()).expect("valid");
            let expected = Expected::of(&settings, role.clone(), "run");
            expected.missing(&TagMap::new(), "AROA:x")
        };
        assert_eq!(keys(&[]), ["Owner", "PrincipalId", "Team", SESSION_TAG]);
        assert_eq!(keys(&[("INHERIT", "team"), ("PRINCIPAL_ID_TAG", "")]), ["Owner", "Team"]);
        assert_eq!(keys(&[("OWNER_TAG", "By"), ("DO_NOT_INHERIT", "*")]), ["By", "PrincipalId"]);
    }

    #[test]
    fn another_value_is_missing_too() {
        let settings = Settings::read(|_| None::<String>).expect("valid");
        let expected = Expected::of(&settings, TagMap::new(), "run");
        let good = [("Owner", "x"), ("PrincipalId", "AROA:x"), (SESSION_TAG, "run")];
        assert_eq!(expected.missing(&tags(&good), "AROA:x"), [""; 0]);
        assert_eq!(expected.missing(&tags(&good), "AROA:y"), ["PrincipalId"]);
        let other_run = [good[0], good[1], (SESSION_TAG, "other")];
        assert_eq!(expected.missing(&tags(&other_run), "AROA:x"), [SESSION_TAG]);
    }

    #[test]
    fn a_log_says_what_became_of_a_record_and_why() {
        let line = json!({"outcome": "given-up", "because": "denied", "unfinished": ["AccessDenied: no"],
                          "resources": [{"reason": "AccessDenied: no"}]});
        let reasons = vec!["denied".to_owned(), "AccessDenied: no".to_owned()];
        assert_eq!(said(&line), Said { outcome: "given-up".to_owned(), reasons });
        assert_eq!(said(&json!({})), Said::default());
    }
}
