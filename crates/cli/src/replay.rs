//! `aws-tags replay`: events through the code of the Lambdas, with stand-ins for AWS or, with
//! `--apply`, with AWS itself.

use std::collections::BTreeMap;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use aws_tags::merge::Source;
use aws_tags::{
    Cloud, Event, LookUps, Meaning, Outcome, PrincipalTags, Served, SessionMatch, SessionStore, Settings,
    Tagged, Tagger, record_session, tag_resources, timestamp,
};
use serde::Serialize;
use time::{Duration, OffsetDateTime};

use crate::explain::{SessionFields, caller};
use crate::input::{Record, Records};
use crate::stand_in::{Agreeing, IamTags, NoLookUps, Sessions};
use crate::{End, Replay, complain};

/// Events that are tagged together, so that resources with the same tags share calls.
const TOGETHER: usize = 100;

/// Replays everything that the paths hold, in order of time.
pub fn run(options: &Replay, out: &mut impl Write) -> io::Result<End> {
    let settings = match Settings::read(|name| std::env::var(name).ok()) {
        Ok(settings) => settings,
        Err(wrong) => return bad(&wrong.to_string()),
    };
    let iam_tags = match options.iam_tags.as_deref().map(IamTags::read).transpose() {
        Ok(tags) => tags,
        Err(reason) => return bad(&reason),
    };
    let mut input = Records::read(&options.input.paths);
    // Stable, so that records without a time keep their place behind the others.
    input.records.sort_by_key(|record| (record.event.time().is_none(), record.event.time()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let replaying = async {
        let mut replayed = Replayed { out, json: options.json, counts: Counts::default() };
        match options.apply {
            false => {
                let cloud = Cloud {
                    sessions: Sessions::default(),
                    principals: iam_tags.unwrap_or_default(),
                    look_ups: NoLookUps,
                    tagger: Agreeing,
                };
                // Late enough that an unrecorded session is no session.
                let now = |event: &Event| {
                    event.time().unwrap_or(OffsetDateTime::UNIX_EPOCH).saturating_add(Duration::DAY)
                };
                replayed.all(&cloud, &settings, &Served::default(), now, &input.records).await?;
            }
            true => apply::run(options, iam_tags, &settings, &mut replayed, &input.records).await?,
        }
        replayed.summary()?;
        io::Result::Ok(replayed.counts.failed)
    };
    match runtime.block_on(replaying) {
        Ok(_) if !input.sound => Ok(End::BadInput),
        Ok(0) => Ok(End::Done),
        Ok(_) => Ok(End::Failed),
        Err(error) => Err(error),
    }
}

fn bad(reason: &str) -> io::Result<End> {
    complain(reason);
    Ok(End::BadInput)
}

#[cfg(feature = "aws")]
mod apply {
    use aws_tags_aws::{Access, Aws};

    use super::{Cloud, OffsetDateTime, Record, Replay, Replayed, Sessions, Settings, Write, io};
    use crate::stand_in::IamTags;

    /// Replays with AWS: what the records started are the sessions, all else is asked and done there.
    pub async fn run<W: Write>(
        options: &Replay,
        iam_tags: Option<IamTags>,
        settings: &Settings,
        replayed: &mut Replayed<'_, W>,
        records: &[Record],
    ) -> io::Result<()> {
        let aws =
            Aws::connect(&Access { endpoint_url: options.endpoint_url.clone(), ..Access::default() }).await;
        let served = aws.served().await.map_err(io::Error::other)?;
        let now = |_: &_| OffsetDateTime::now_utc();
        let (sessions, look_ups, tagger) = (Sessions::default(), aws.look_ups(), aws.tagger());
        match iam_tags {
            Some(principals) => {
                let cloud = Cloud { sessions, principals, look_ups, tagger };
                replayed.all(&cloud, settings, served, now, records).await
            }
            None => {
                let cloud = Cloud { sessions, principals: aws.principal_tags(), look_ups, tagger };
                replayed.all(&cloud, settings, served, now, records).await
            }
        }
    }
}

#[cfg(not(feature = "aws"))]
mod apply {
    use super::{Record, Replay, Replayed, Settings, Write, io};
    use crate::stand_in::IamTags;

    /// Says how to get what this build lacks.
    pub async fn run<W: Write>(
        _: &Replay,
        _: Option<IamTags>,
        _: &Settings,
        _: &mut Replayed<'_, W>,
        _: &[Record],
    ) -> io::Result<()> {
        Err(io::Error::other(crate::NO_AWS))
    }
}

/// Writes what happens, and counts it.
struct Replayed<'a, W> {
    out: &'a mut W,
    json: bool,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    events: usize,
    sessions: usize,
    tagged: usize,
    failed: usize,
    left_alone: BTreeMap<String, usize>,
}

impl<W: Write> Replayed<'_, W> {
    async fn all<S, P, L, T>(
        &mut self,
        cloud: &Cloud<S, P, L, T>,
        settings: &Settings,
        served: &Served,
        now: impl Fn(&Event) -> OffsetDateTime,
        records: &[Record],
    ) -> io::Result<()>
    where
        S: SessionStore,
        P: PrincipalTags,
        L: LookUps,
        T: Tagger,
    {
        // A call belongs to the session that began at its creation date: the order of recording
        // does not matter.
        for Record { event, .. } in records {
            record_session(&cloud.sessions, event)
                .await
                .map_err(|error| io::Error::other(error.to_string()))?;
        }
        for some in records.chunks(TOGETHER) {
            let events: Vec<Event> = some.iter().map(|record| record.event.clone()).collect();
            let outcomes = tag_resources(cloud, settings, served, &now, &events).await;
            for (record, outcome) in some.iter().zip(&outcomes) {
                self.counts.count(outcome);
                match self.json {
                    true => self.write_json(record, outcome)?,
                    false => self.write_text(record, outcome)?,
                }
            }
        }
        Ok(())
    }

    fn write_json(&mut self, record: &Record, outcome: &Outcome) -> io::Result<()> {
        serde_json::to_writer(&mut *self.out, &Line::new(record, outcome))?;
        writeln!(self.out)
    }

    fn write_text(&mut self, Record { event, .. }: &Record, outcome: &Outcome) -> io::Result<()> {
        let at = event.time().map_or_else(String::new, timestamp::format);
        let (bold, dim) = (Style::new().bold(), Style::new().dimmed());
        writeln!(
            self.out,
            "{dim}{at:<20}{dim:#} {bold}{}{bold:#} by {}",
            event.name,
            caller(&outcome.principal)
        )?;
        if let Meaning::Session(session) = &outcome.meaning {
            let tags: Vec<_> = session.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let tags = if tags.is_empty() { "no tags".to_owned() } else { tags.join(" ") };
            let name = session.arn.as_deref().unwrap_or(&session.account);
            return writeln!(self.out, "  session {name}: {tags}");
        }
        if let Some(why) = left_alone(outcome) {
            return writeln!(self.out, "  {dim}{why}{dim:#}");
        }
        match outcome.session {
            SessionMatch::Unknown => writeln!(self.out, "  {dim}session not in the replayed records{dim:#}")?,
            SessionMatch::Ambiguous => writeln!(self.out, "  session ambiguous: its tags are left out")?,
            _ => {}
        }
        for tagged in &outcome.resources {
            self.write_resource(outcome, tagged)?;
        }
        if let Meaning::Created(creation) = &outcome.meaning {
            for question in &creation.questions {
                writeln!(self.out, "  {dim}looked up in AWS: {question}{dim:#}")?;
            }
        }
        for dropped in &outcome.merged.dropped {
            writeln!(
                self.out,
                "  {dim}not used: {} ({}): {}{dim:#}",
                dropped.key, dropped.source, dropped.reason
            )?;
        }
        for reason in &outcome.unfinished {
            writeln!(self.out, "  unfinished: {reason}")?;
        }
        Ok(())
    }

    fn write_resource(&mut self, outcome: &Outcome, tagged: &Tagged) -> io::Result<()> {
        let (green, red) = (AnsiColor::Green.on_default(), AnsiColor::Red.on_default());
        let arn = &tagged.resource.arn;
        if let Some(why) = &tagged.skipped {
            return writeln!(self.out, "  {arn} is left alone: {why}");
        }
        match &tagged.failed {
            Some(why) => writeln!(self.out, "  {red}{arn}{red:#} failed: {why}")?,
            None => writeln!(self.out, "  {green}{arn}{green:#}")?,
        }
        for tag in outcome.merged.tags.iter().filter(|tag| tagged.tags.contains_key(&tag.key)) {
            writeln!(self.out, "    {:<8} {}={}", tag.source, tag.key, tag.value)?;
        }
        for dropped in &tagged.dropped {
            writeln!(self.out, "    {:<8} {} stays out: {}", dropped.source, dropped.key, dropped.reason)?;
        }
        Ok(())
    }

    fn summary(&mut self) -> io::Result<()> {
        if self.json {
            return Ok(());
        }
        let Counts { events, sessions, tagged, failed, left_alone } = &self.counts;
        write!(
            self.out,
            "\n{events} events: {tagged} resources tagged, {failed} failed, {sessions} sessions"
        )?;
        for (why, count) in left_alone {
            write!(self.out, ", {count} {why}")?;
        }
        writeln!(self.out)
    }
}

impl Counts {
    fn count(&mut self, outcome: &Outcome) {
        self.events += 1;
        if let Meaning::Session(_) = outcome.meaning {
            self.sessions += 1;
        } else if outcome.skipped.is_some() || outcome.resources.is_empty() {
            let word = match &outcome.skipped {
                Some(aws_tags::Skip::Nothing) | None => outcome.meaning.word().to_owned(),
                Some(_) => "left alone".to_owned(),
            };
            *self.left_alone.entry(word).or_default() += 1;
        }
        let done = |tagged: &&Tagged| tagged.skipped.is_none() && tagged.failed.is_none();
        self.tagged += outcome.resources.iter().filter(done).count();
        self.failed += outcome.resources.iter().filter(|tagged| tagged.failed.is_some()).count();
    }
}

/// Why nothing was done, in words.
fn left_alone(outcome: &Outcome) -> Option<String> {
    let skipped = outcome.skipped.as_ref()?;
    let meaning = &outcome.meaning;
    Some(match skipped {
        aws_tags::Skip::Nothing if meaning.reason().is_empty() => meaning.word().to_owned(),
        aws_tags::Skip::Nothing => format!("{}: {}", meaning.word(), meaning.reason()),
        other => format!("left alone: {other}"),
    })
}

/// One line of `--json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    file: &'a str,
    event_time: Option<String>,
    event_source: &'a str,
    event_name: &'a str,
    principal: String,
    outcome: &'static str,
    reason: Option<String>,
    session_match: &'static str,
    session: Option<SessionFields<'a>>,
    resources: Vec<ResourceFields<'a>>,
    look_ups: Vec<String>,
    unfinished: &'a [String],
}

#[derive(Serialize)]
struct ResourceFields<'a> {
    arn: &'a str,
    tags: BTreeMap<&'a str, TagFields<'a>>,
    dropped: BTreeMap<&'a str, &'static str>,
    skipped: Option<&'a str>,
    failed: Option<&'a str>,
}

#[derive(Serialize)]
struct TagFields<'a> {
    value: &'a str,
    source: String,
}

impl<'a> Line<'a> {
    fn new(record: &'a Record, outcome: &'a Outcome) -> Self {
        let event = &record.event;
        let source = |key: &str| {
            let tag = outcome.merged.tags.iter().find(|tag| tag.key == key);
            tag.map_or(Source::Extra, |tag| tag.source).to_string()
        };
        let resource = |tagged: &'a Tagged| ResourceFields {
            arn: tagged.resource.arn.as_str(),
            tags: tagged
                .tags
                .iter()
                .map(|(key, value)| (key.as_str(), TagFields { value, source: source(key) }))
                .collect(),
            dropped: tagged.dropped.iter().map(|dropped| (dropped.key.as_str(), dropped.reason)).collect(),
            skipped: tagged.skipped.as_deref(),
            failed: tagged.failed.as_deref(),
        };
        let (session, look_ups) = match (&outcome.meaning, &outcome.session) {
            (Meaning::Session(session), _) => (Some(session.as_ref().into()), Vec::new()),
            (Meaning::Created(creation), SessionMatch::Found(session)) => {
                (Some(session.as_ref().into()), creation.questions.iter().map(ToString::to_string).collect())
            }
            (Meaning::Created(creation), _) => {
                (None, creation.questions.iter().map(ToString::to_string).collect())
            }
            _ => (None, Vec::new()),
        };
        Self {
            file: &record.file,
            event_time: event.time().map(timestamp::format),
            event_source: &event.source,
            event_name: &event.name,
            principal: caller(&outcome.principal),
            outcome: outcome.meaning.word(),
            reason: left_alone(outcome),
            session_match: outcome.session.word(),
            session,
            resources: outcome.resources.iter().map(resource).collect(),
            look_ups,
            unfinished: &outcome.unfinished,
        }
    }
}
