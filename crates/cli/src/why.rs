//! `aws-tags why`: who made a resource, whence each of its tags, and what was there before: by the runs of `backfill`, by
//! the log of the tag-handler, and by CloudTrail's records.

mod history;
mod log;
mod records;
mod report;

use std::io::{self, Write};
use std::path::PathBuf;

use aws_tags::backfill::plan::Planned;
use aws_tags::backfill::story::{Story, story};
use aws_tags::backfill::writing::resource;
use aws_tags::ports::{FailureKind, Tagger};
use aws_tags::record::Arn;
use aws_tags::tags::TagMap;
use aws_tags_aws::AwsTagger;
use clap::Args;

use crate::account::AccessOptions;
use crate::backfill::books::Books;
use crate::backfill::folder::{RunFolder, StateOptions};
use crate::console::{End, bad_input, complain};
use history::History;
use records::{Found, Recorded};
use report::Report;

/// Among the runs, what is none.
const HISTORY: &str = "history";

#[derive(Args)]
pub(crate) struct Options {
    /// The resource.
    arn: String,
    #[command(flatten)]
    state: StateOptions,
    /// Only this run, by name or path to its folder; `history` for CloudTrail's own of the last 90 days, which asks AWS;
    /// may be repeated. By default, all runs.
    #[arg(long = "in", value_name = "RUN")]
    runs: Vec<String>,
    /// Lines of the tag-handler's log, as `aws logs filter-log-events … --query 'events[].[message]' --output text` prints
    /// them; may be repeated.
    #[arg(long = "log", value_name = "FILE")]
    logs: Vec<PathBuf>,
    /// CloudTrail records, as `explain` takes them; may be repeated.
    #[arg(long, value_name = "PATH")]
    history: Vec<PathBuf>,
    /// Read the tags that it has now, and say which are still so. Asks AWS.
    #[arg(long)]
    now: bool,
    #[command(flatten)]
    access: AccessOptions,
    /// One JSON object per run, log line and record.
    #[arg(long)]
    json: bool,
}

/// What one run says of it.
pub(crate) struct Told {
    run: String,
    planned: Option<Planned>,
    story: Story,
}

/// Says everything that is known.
pub(crate) fn run(options: &Options, out: &mut impl Write) -> io::Result<End> {
    let Some(arn) = Arn::parse(&options.arn) else {
        return Ok(bad_input(&format!("`{}` is not an ARN", options.arn)));
    };
    if options.access.is_given() && !options.now && !options.asks_history() {
        return Ok(bad_input(
            "--profile, --region and --endpoint-url say which AWS to ask: add --now or --in history",
        ));
    }
    let told = match options.told() {
        Ok(told) => told,
        Err(reason) => return Ok(bad_input(&reason)),
    };
    let logged = match log::lines_about(&options.logs, &options.arn) {
        Ok(lines) => lines,
        Err(reason) => return Ok(bad_input(&reason)),
    };
    let recorded = match options.recorded(&arn)? {
        Ok(recorded) => recorded,
        Err(reason) => return Ok(bad_input(&reason)),
    };
    if told.is_empty() && logged.is_empty() && recorded.is_empty() {
        complain(&format!("{arn}: nothing is known of it by {}", options.asked()));
        return Ok(End::Failed);
    }
    // What is known is said all the same.
    let (now, end) = match options.now.then(|| options.tags_now(&told)).transpose() {
        Ok(now) => (now, End::Done),
        Err(NotNow::Gone) => {
            complain(&format!("{arn}: AWS does not find it: it is gone now"));
            (None, End::Done)
        }
        Err(NotNow::Unasked(reason)) => (None, bad_input(&reason)),
    };
    let report = Report { arn: &options.arn, told: &told, logged: &logged, recorded: &recorded, now };
    if options.json {
        report.write_json(out)?
    } else {
        report.write(out)?
    }
    Ok(end)
}

/// Why the tags that something has now are not known.
enum NotNow {
    Gone,
    Unasked(String),
}

impl From<String> for NotNow {
    fn from(reason: String) -> Self {
        Self::Unasked(reason)
    }
}

impl Options {
    /// What was looked through.
    fn asked(&self) -> String {
        let runs = match self.runs.is_empty() {
            true => "any run".to_owned(),
            false => self.runs.join(", "),
        };
        let others = [
            (self.logs.is_empty(), "--log"),
            (self.history.is_empty(), "--history"),
            (!self.asks_history(), "--in history"),
        ];
        let others: Vec<&str> =
            others.iter().filter(|(unasked, _)| *unasked).map(|(_, name)| *name).collect();
        match others.is_empty() {
            true => format!("{runs}, log or record"),
            false => format!("{runs}; {} may know more", others.join(" or ")),
        }
    }

    fn told(&self) -> Result<Vec<Told>, String> {
        let named = self.runs.iter().filter(|name| *name != HISTORY);
        let folders: Vec<RunFolder> = match self.runs.is_empty() {
            true => self.state.runs()?,
            false => named.map(|name| self.state.run(name)).collect::<Result<_, _>>()?,
        };
        let mut all = Vec::new();
        for folder in folders {
            let planned = folder.planned(&self.arn)?;
            let (entries, torn) =
                Books::entries_about(&folder.path, &self.arn).map_err(|error| error.to_string())?;
            for name in torn {
                complain(&format!(
                    "run {}: the last line of {name} is torn off, and is left out",
                    folder.name
                ));
            }
            let entries = entries.iter().map(|(book, _, entry)| (*book, entry));
            let story = story(&self.arn, planned.as_ref(), entries);
            if planned.is_some() || story.is_in_journal {
                all.push(Told { run: folder.name, planned, story });
            }
        }
        Ok(all)
    }

    fn asks_history(&self) -> bool {
        self.runs.iter().any(|name| name == HISTORY)
    }

    /// What records say, of files and of CloudTrail's own history.
    fn recorded(&self, arn: &Arn) -> io::Result<Result<Vec<Recorded>, String>> {
        let mut found = Found::of(arn);
        found.read(&self.history)?;
        if !self.asks_history() {
            return Ok(Ok(found.all()));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(runtime.block_on(async {
            let history = History::ask(&self.access, arn, &mut found).await?;
            let mut all = found.all();
            history.find_session(&mut all).await?;
            Ok(all)
        }))
    }

    /// The tags that it has now.
    fn tags_now(&self, told: &[Told]) -> Result<TagMap, NotNow> {
        let Some(planned) = told.iter().find_map(|told| told.planned.as_ref()) else {
            let why = "--now: only of resources that a plan names is it known how their tags are read";
            return Err(why.to_owned().into());
        };
        let resource = resource(&self.arn, &planned.resource_type, &planned.region);
        let resource = resource.map_err(|error| error.to_string())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(|error| error.to_string())?.block_on(async {
            let (aws, _, account) = self.access.connect_to_account().await?;
            if account != planned.account {
                let why =
                    format!("these credentials are of account {account}, and it is of {}", planned.account);
                return Err(why.into());
            }
            let tagger = AwsTagger::new(&aws, Default::default());
            let read = tagger.read(resource.read, &resource.region, std::slice::from_ref(&resource)).await;
            match read.into_iter().next() {
                Some(Ok(tags)) => Ok(tags),
                Some(Err(failure)) if failure.kind == FailureKind::NotFound => Err(NotNow::Gone),
                Some(Err(failure)) => Err(format!("{}: {failure}", self.arn).into()),
                None => Err("AWS gives no answer".to_owned().into()),
            }
        })
    }
}
