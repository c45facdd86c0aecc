//! `aws-tags replay`: runs events through the code of the functions, with stand-ins for AWS; with `--live`, with what AWS
//! says; with `--apply`, with AWS itself.

mod filter;
#[cfg(feature = "aws")]
mod live;
mod report;
mod spool;
mod summary;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use aws_tags::identity::IamIdentity;
use aws_tags::ports::offline::{CountingTagger, GivenIamTags, GivenLookups, MemorySessions};
use aws_tags::ports::{Failure, IamEntity, Lookups, Ports, PrincipalTags, SessionStore, Tagger};
use aws_tags::stacks;
use aws_tags::tagging::{Scope, remember};
use aws_tags::tags::TagMap;
use aws_tags::{Effect, Event, Principal, Settings, record_session, tag_resources};
use clap::Args;
use futures_util::FutureExt;
use time::{Duration, OffsetDateTime};

#[cfg(feature = "aws")]
use crate::account::AccessOptions;
use crate::console::{End, Progress, bad_input, complain};
use crate::input::Input;
use filter::Filter;
use report::{Detail, Report};
pub(crate) use spool::Spool;

/// Events that are tagged together, so that resources with the same tags share calls.
const TOGETHER: usize = 100;

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    input: Input,
    /// One JSON object per event.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    detail: Detail,
    #[command(flatten)]
    filter: Filter,
    /// IAM tags of roles and users: {"role/developer": {"Team": "payments"}, "user/ann": {…}}.
    #[arg(long, value_name = "FILE")]
    #[cfg_attr(feature = "aws", arg(conflicts_with_all = ["live", "apply"]))]
    iam_tags: Option<PathBuf>,
    /// Ask AWS for IAM tags, sessions, lookups and present tags, and tag nothing.
    #[cfg(feature = "aws")]
    #[arg(long)]
    live: bool,
    /// The same, and tag the resources. Only records of the credentials' account are acted on.
    #[cfg(feature = "aws")]
    #[arg(long, conflicts_with_all = ["live", "owner", "outcome"])]
    apply: bool,
    #[cfg(feature = "aws")]
    #[command(flatten)]
    access: AccessOptions,
}

/// Replays everything that the paths hold, in order of time.
pub(crate) fn run(options: &Options, out: &mut impl Write) -> io::Result<End> {
    let settings = match Settings::read(|name| std::env::var_os(name)) {
        Ok(settings) => settings,
        Err(wrong) => return Ok(bad_input(&wrong.to_string())),
    };
    let iam_tags = match options.iam_tags.as_deref().map(read_iam_tags).transpose() {
        Ok(tags) => tags,
        Err(reason) => return Ok(bad_input(&reason)),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    #[cfg(feature = "aws")]
    if options.live || options.apply {
        return runtime.block_on(live::replay(options, &settings, out));
    } else if options.access.is_given() {
        return Ok(bad_input(
            "--profile, --region and --endpoint-url say which AWS to ask: add --live or --apply",
        ));
    }
    let sessions = MemorySessions::default();
    let iam_tags = Noted { given: iam_tags.unwrap_or_default(), asked: RefCell::default() };
    let ports = Ports {
        sessions: &sessions,
        principal_tags: &iam_tags,
        lookups: GivenLookups::default(),
        tagger: CountingTagger::default(),
    };
    let report = Report::new(out, options.json, options.detail, Asked::Nobody, &settings);
    let end = runtime.block_on(replay(
        options,
        &sessions,
        &ports,
        &settings,
        &Scope::default(),
        day_after,
        report,
    ))?;
    if let Some(path) = &options.iam_tags {
        let names: Vec<_> = iam_tags.not_asked().collect();
        if let Some((first, more)) = names.split_first() {
            let more =
                if more.is_empty() { String::new() } else { format!(", nor by {} others in it", more.len()) };
            complain(&format!("{}: no creation is by `{first}`{more}", path.display()));
        }
    }
    Ok(end)
}

/// When an event is handled offline: late enough that a session that is not recorded counts as unknown, not as pending.
fn day_after(event: &Event) -> OffsetDateTime {
    event.time().unwrap_or(OffsetDateTime::UNIX_EPOCH).saturating_add(Duration::DAY)
}

/// IAM tags of a file, and whose of them are asked for: a name in the file that nobody bears may be a mistake.
struct Noted {
    given: GivenIamTags,
    asked: RefCell<BTreeSet<String>>,
}

impl Noted {
    fn not_asked(&self) -> impl Iterator<Item = &String> {
        self.given.tags.keys().filter(|name| !self.asked.borrow().contains(*name))
    }
}

impl PrincipalTags for &Noted {
    async fn entity(&self, identity: &IamIdentity) -> Result<Option<IamEntity>, Failure> {
        self.asked.borrow_mut().insert(GivenIamTags::key(identity));
        self.given.entity(identity).await
    }
}

/// What `replay` writes about some records, without a summary.
#[cfg(test)]
pub(crate) fn offline(records: &[crate::input::Record], out: &mut impl Write) -> io::Result<()> {
    let settings = Settings::read(|_| None::<String>).map_err(io::Error::other)?;
    let ports = Ports {
        sessions: MemorySessions::default(),
        principal_tags: GivenIamTags::default(),
        lookups: GivenLookups::default(),
        tagger: CountingTagger::default(),
    };
    let mut report = Report::new(out, false, Detail::default(), Asked::Nobody, &settings);
    for record in records {
        let recorded = record_session(&ports.sessions, None, &record.event).now_or_never();
        recorded.transpose().map_err(|failure| io::Error::other(failure.to_string()))?;
        let outcomes =
            tag_resources(&ports, &settings, &Scope::default(), day_after, &[&record.event]).now_or_never();
        outcomes.unwrap_or_default().iter().try_for_each(|outcome| report.add(record, outcome))?;
    }
    Ok(())
}

/// Who is asked, and whether anything is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Nobody,
    #[cfg(feature = "aws")]
    Aws,
    #[cfg(feature = "aws")]
    AwsAndWritten,
}

/// Reads all records, then handles them in order of time.
async fn replay<S, P, L, T, W>(
    options: &Options,
    sessions: &MemorySessions,
    ports: &Ports<S, P, L, T>,
    settings: &Settings,
    scope: &Scope,
    now: impl Fn(&Event) -> OffsetDateTime,
    mut report: Report<'_, W>,
) -> io::Result<End>
where
    S: SessionStore,
    P: PrincipalTags,
    L: Lookups,
    T: Tagger,
    W: Write,
{
    let (mut spool, mut deploys) = (Spool::new(), Spool::new());
    let reading = options.input.read(&mut |record| {
        let event = &record.event;
        // A call belongs to the session that began at its creation date: the order of recording does not matter.
        // Memory answers at once.
        let recorded = record_session(sessions, None, event).now_or_never();
        recorded.transpose().map_err(|failure| io::Error::other(failure.to_string()))?;
        if stacks::is_deploy(event) {
            deploys.keep(&record)?;
        }
        if !options.filter.wants_service_of(event) {
            return Ok(());
        }
        let effect = Effect::of(event);
        match report.shows(&effect) || options.filter.names_outcomes() {
            true => return spool.keep(&record),
            false if options.filter.wants_any_outcome() => report.count_unshown(&effect),
            false => {}
        }
        Ok(())
    })?;
    for service in options.filter.services_not_met() {
        complain(&format!("--service {service}: no record is of this service"));
    }
    // Who deployed a stack is remembered before anything is handled that it made, whatever is shown.
    for records in deploys.in_order(1) {
        for record in records? {
            let (now, caller) = (now(&record.event), Principal::of(&record.event));
            remember(ports, settings, scope, now, &record.event, &caller).await;
        }
    }
    let mut progress = Progress::new("events handled");
    let mut handled = 0;
    // Where nothing is asked, each record stands for itself.
    let together = if report.asked() == Asked::Nobody { 1 } else { TOGETHER };
    for records in spool.in_order(together) {
        let mut records = records?;
        for record in &mut records {
            // Nobody is asked what bears a name today: the records are taken as if they had just been written.
            record.event.is_last_of_its_name = report.asked() == Asked::Nobody;
        }
        let events: Vec<&Event> = records.iter().map(|record| &record.event).collect();
        let outcomes = tag_resources(ports, settings, scope, &now, &events).await;
        progress.hide();
        for (record, outcome) in records.iter().zip(outcomes) {
            let outcomes = match outcome.waits_its_turn() {
                true => tag_resources(ports, settings, scope, &now, &[&record.event]).await,
                false => vec![outcome],
            };
            let asked = report.asked();
            for outcome in outcomes.iter().filter(|outcome| options.filter.wants(outcome, asked, settings)) {
                report.add(record, outcome)?;
            }
            handled += 1;
            progress.set(handled);
        }
    }
    progress.end();
    let is_all_good = report.end(&reading)?;
    Ok(match (reading.is_all_good(), is_all_good) {
        (false, _) => End::BadInput,
        (true, true) => End::Done,
        (true, false) => End::Failed,
    })
}

/// Reads `{"role/developer": {"Team": "payments"}}`; the error names file and position.
fn read_iam_tags(path: &Path) -> Result<GivenIamTags, String> {
    let named = |reason: String| format!("{}: {reason}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| named(error.to_string()))?;
    let tags: BTreeMap<String, TagMap> =
        serde_json::from_str(&text).map_err(|error| named(format!("not a map of tags: {error}")))?;
    match tags.keys().find(|key| !key.starts_with("role/") && !key.starts_with("user/")) {
        Some(key) => Err(named(format!("`{key}` is neither `role/NAME` nor `user/NAME`"))),
        None => Ok(GivenIamTags { tags, failure: None }),
    }
}
