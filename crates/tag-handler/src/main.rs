//! Tags the resources that creation events name with their creator's tags.

use std::pin::pin;
use std::process::ExitCode;

use aws_tags::delivery::Obstacle;
use aws_tags::effect::SWEEP;
use aws_tags::ports::{Failure, Ports};
use aws_tags::sweep::{self, Sweep, Swept};
use aws_tags::tagging::Scope;
use aws_tags::telemetry::event_log;
use aws_tags::telemetry::metrics::{Metrics, TAG_HANDLER};
use aws_tags::{Event, Outcome, Settings, tag_each};
use aws_tags_aws::{Aws, AwsLookups, AwsTagger, Bounded, IamTags, SessionTable, Sweeper};
use aws_tags_lambda::{Function, recorder_regions, run, session_table, warn};
use futures_util::{StreamExt, future, stream};
use serde_json::{Map, Value};
use time::OffsetDateTime;

/// Messages of sweeps that are handled at once.
const SWEEPS_AT_ONCE: usize = 10;

struct TagHandler {
    ports: Ports<Bounded<SessionTable>, Bounded<IamTags>, Bounded<AwsLookups>, Bounded<AwsTagger>>,
    settings: Settings,
    /// What is swept, if anything is.
    sweep: Option<(Sweep, Sweeper)>,
}

fn main() -> ExitCode {
    run(|aws| {
        let settings = Settings::read(|name| std::env::var_os(name))?;
        let budget = aws.budget();
        let ports = Ports {
            sessions: Bounded::new(
                SessionTable::new(aws, session_table()?).watching(recorder_regions()),
                budget,
            ),
            principal_tags: Bounded::new(IamTags::new(aws), budget),
            lookups: Bounded::new(AwsLookups::new(aws), budget),
            tagger: Bounded::new(AwsTagger::new(aws, settings.at_launch), budget),
        };
        let sweep = match aws_tags_lambda::sweep()? {
            Some((sweep, queue)) => Some((sweep, Sweeper::new(aws, session_table()?, queue))),
            None => None,
        };
        Ok(TagHandler { ports, settings, sweep })
    })
}

impl TagHandler {
    /// Does what a message of a sweep asks for.
    async fn swept(&self, event: &Event) -> Outcome {
        let (Some((sweep, sweeper)), now) = (&self.sweep, OffsetDateTime::now_utc()) else {
            return Outcome::swept(event, Swept::Off);
        };
        Outcome::swept(event, sweep::sweep(sweeper, sweep, &self.settings, now, event).await)
    }

    /// Notes what has arrived, so that a sweep does not take it for missed. What could not be noted is handled once more
    /// then.
    async fn note(&self, events: &[&Event]) {
        let Some((_, sweeper)) = &self.sweep else { return };
        if let Err(failure) = sweep::note(sweeper, events).await {
            warn(&format!("cannot note what has arrived, a sweep may handle it once more: {failure}"));
        }
    }
}

impl Function for TagHandler {
    type Outcome = Outcome;
    const NAME: &'static str = "tag-handler";

    fn metrics() -> &'static Metrics<Outcome> {
        TAG_HANDLER
    }

    async fn handle(
        &self,
        aws: &Aws,
        events: &[&Event],
        ended: &mut dyn FnMut(usize, Outcome),
    ) -> Result<(), Failure> {
        let now = |_: &Event| OffsetDateTime::now_utc();
        let (sweeps, creations): (Vec<usize>, Vec<usize>) =
            (0..events.len()).partition(|place| events[*place].source == SWEEP);
        let swept = stream::iter(sweeps).map(async |place| (place, self.swept(events[place]).await));
        let swept = swept.buffer_unordered(SWEEPS_AT_ONCE);
        let handled = async {
            // Nothing else needs to be known to sweep.
            let scope = match creations.is_empty() {
                true => &Scope::default(),
                false => aws.budget().ask(async { Ok(aws.scope().await?) }).await?,
            };
            let created: Vec<&Event> = creations.iter().map(|place| events[*place]).collect();
            let tagged = tag_each(&self.ports, &self.settings, scope, &now, &created);
            let tagged = tagged.map(|(nth, outcome)| (creations[nth], outcome));
            let mut outcomes = pin!(stream::select(tagged, swept));
            while let Some((place, outcome)) = outcomes.next().await {
                ended(place, outcome);
            }
            Ok(())
        };
        future::join(handled, self.note(events)).await.0
    }

    fn log_line(&self, now: OffsetDateTime, event: &Event, outcome: &Outcome) -> Map<String, Value> {
        event_log::tagged(&self.settings, now, event, outcome)
    }

    fn obstacles(&self, outcome: &Outcome) -> Vec<Obstacle> {
        outcome.unfinished().iter().map(Obstacle::from).collect()
    }
}
