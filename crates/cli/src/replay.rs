//! `aws-tags replay`: runs events through the code of the functions, with stand-ins for AWS or, with
//! `--apply`, with AWS itself.

mod report;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use aws_tags::ports::offline::{CountingTagger, GivenIamTags, GivenLookups, MemorySessions};
use aws_tags::ports::{Lookups, Ports, PrincipalTags, SessionStore, Tagger};
use aws_tags::tagging::Scope;
use aws_tags::tags::TagMap;
use aws_tags::{Event, Settings, record_session, tag_resources};
use clap::Args;
use time::{Duration, OffsetDateTime};

use crate::console::{End, bad_input};
use crate::input::{Input, Record, Records};
use report::Report;

/// Events that are tagged together, so that resources with the same tags share calls.
const TOGETHER: usize = 100;

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    input: Input,
    /// One JSON object per event.
    #[arg(long)]
    json: bool,
    /// IAM tags of roles and users: {"role/developer": {"Team": "payments"}, "user/ann": {…}}.
    #[arg(long, value_name = "FILE")]
    iam_tags: Option<PathBuf>,
    /// Tag the resources in AWS, with the credentials of the environment. Only records of the
    /// credentials' account are acted on.
    #[cfg(feature = "aws")]
    #[arg(long)]
    apply: bool,
    /// Send all calls to this address, e.g. to a local AWS.
    #[cfg(feature = "aws")]
    #[arg(long, value_name = "URL", requires = "apply")]
    endpoint_url: Option<String>,
}

impl Options {
    /// Whether AWS is asked and resources are tagged.
    const fn applies(&self) -> bool {
        #[cfg(feature = "aws")]
        let applies = self.apply;
        #[cfg(not(feature = "aws"))]
        let applies = false;
        applies
    }
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
    let mut input = Records::read(&options.input.paths);
    if !options.applies() {
        // Nobody is asked what bears a name today: the records are taken as if they had just been written.
        for record in &mut input.records {
            record.event.is_last_of_its_name = true;
        }
    }
    // Stable, so that records without a time keep their order, after those with one.
    input.records.sort_by_key(|record| (record.event.time().is_none(), record.event.time()));
    let mut report = Report::new(out, options.json, options.applies());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(replay(options, iam_tags, &settings, &mut report, &input.records))?;
    let failed = report.end()?;
    Ok(match (input.all_good, failed) {
        (false, _) => End::BadInput,
        (true, 0) => End::Done,
        (true, _) => End::Failed,
    })
}

async fn replay<W: Write>(
    options: &Options,
    iam_tags: Option<GivenIamTags>,
    settings: &Settings,
    report: &mut Report<'_, W>,
    records: &[Record],
) -> io::Result<()> {
    #[cfg(feature = "aws")]
    if options.apply {
        return apply(options, iam_tags, settings, report, records).await;
    }
    #[cfg(not(feature = "aws"))]
    let _ = options;
    let ports = Ports {
        sessions: MemorySessions::default(),
        principal_tags: iam_tags.unwrap_or_default(),
        lookups: GivenLookups::default(),
        tagger: CountingTagger::default(),
    };
    // Late enough that a session that is not recorded counts as unknown, not as pending.
    let now =
        |event: &Event| event.time().unwrap_or(OffsetDateTime::UNIX_EPOCH).saturating_add(Duration::DAY);
    handle_all(&ports, settings, &Scope::default(), now, report, records, false).await
}

/// With AWS: sessions are those of the records, everything else is asked and done there.
#[cfg(feature = "aws")]
async fn apply<W: Write>(
    options: &Options,
    iam_tags: Option<GivenIamTags>,
    settings: &Settings,
    report: &mut Report<'_, W>,
    records: &[Record],
) -> io::Result<()> {
    use aws_tags_aws::{Access, Aws, AwsLookups, AwsTagger, IamTags};

    let access = Access { endpoint_url: options.endpoint_url.clone(), ..Access::default() };
    let aws = Aws::connect(&access).await;
    let scope = aws.scope().await.map_err(io::Error::other)?;
    let now = |_: &Event| OffsetDateTime::now_utc();
    let sessions = MemorySessions::default();
    let (lookups, tagger) = (AwsLookups::new(&aws), AwsTagger::new(&aws));
    match iam_tags {
        Some(principal_tags) => {
            let ports = Ports { sessions, principal_tags, lookups, tagger };
            handle_all(&ports, settings, scope, now, report, records, true).await
        }
        None => {
            let principal_tags = IamTags::new(&aws);
            let ports = Ports { sessions, principal_tags, lookups, tagger };
            handle_all(&ports, settings, scope, now, report, records, true).await
        }
    }
}

async fn handle_all<S, P, L, T, W>(
    ports: &Ports<S, P, L, T>,
    settings: &Settings,
    scope: &Scope,
    now: impl Fn(&Event) -> OffsetDateTime,
    report: &mut Report<'_, W>,
    records: &[Record],
    applies: bool,
) -> io::Result<()>
where
    S: SessionStore,
    P: PrincipalTags,
    L: Lookups,
    T: Tagger,
    W: Write,
{
    // A call belongs to the session that began at its creation date: the order of recording does
    // not matter.
    for Record { event, .. } in records {
        let recorded = record_session(&ports.sessions, None, event).await;
        recorded.map_err(|error| io::Error::other(error.to_string()))?;
    }
    // Where nothing is asked, each record stands for itself.
    for chunk in records.chunks(if applies { TOGETHER } else { 1 }) {
        let events: Vec<&Event> = chunk.iter().map(|record| &record.event).collect();
        let outcomes = tag_resources(ports, settings, scope, &now, &events).await;
        for (record, outcome) in chunk.iter().zip(outcomes) {
            let outcomes = match outcome.waits_its_turn() {
                true => tag_resources(ports, settings, scope, &now, &[&record.event]).await,
                false => vec![outcome],
            };
            outcomes.iter().try_for_each(|outcome| report.add(record, outcome))?;
        }
    }
    Ok(())
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
