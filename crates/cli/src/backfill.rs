//! `aws-tags backfill`: who created what is there already, by the history; a plan first, and nothing without it.

mod plan;
mod run;

use std::io::{self, Write};
use std::path::PathBuf;

use aws_tags::Settings;
use clap::Args;

#[cfg(feature = "aws")]
use crate::account::AccessOptions;
use crate::console::{End, bad_input, complain};
use plan::{Asked, Stop};
use run::{About, Given, Run, default_state};

#[cfg(feature = "aws")]
use plan::Access;

/// The exit code of what was stopped, and can go on.
/// <https://www.gnu.org/software/bash/manual/html_node/Exit-Status.html>
pub(crate) const INTERRUPTED: u8 = 130;

/// As a run remembers it.
#[cfg(feature = "aws")]
const NO_IAM_TAGS: &str = "--no-iam-tags";

#[derive(Args)]
pub(crate) struct Options {
    /// The history: files and folders with records in any form that `replay` takes, reductions among them, or `-`.
    #[arg(value_name = "SOURCE", required_unless_present = "resume")]
    sources: Vec<PathBuf>,
    #[command(flatten)]
    filters: plan::filter::FilterOptions,
    /// Go on with a run, in whichever stage it is.
    #[arg(long, value_name = "RUN")]
    resume: Option<String>,
    /// Where runs are kept [default: $XDG_STATE_HOME/aws-tags, or ~/.local/state/aws-tags].
    #[arg(long, value_name = "FOLDER")]
    state: Option<PathBuf>,
    /// One JSON object with the counts of the plan.
    #[arg(long)]
    json: bool,
    /// Ask nobody: plan by the history alone. Present tags are unknown then, and what is gone unseen.
    #[arg(long)]
    offline: bool,
    /// Do not ask IAM for the tags that roles and users have today.
    #[cfg(feature = "aws")]
    #[arg(long)]
    no_iam_tags: bool,
    #[cfg(feature = "aws")]
    #[command(flatten)]
    access: AccessOptions,
}

/// Plans a run, or goes on with one.
pub(crate) fn run(options: &Options, out: &mut impl Write) -> io::Result<End> {
    let settings = match Settings::read(|name| std::env::var_os(name)) {
        Ok(settings) => settings,
        Err(wrong) => return Ok(bad_input(&wrong.to_string())),
    };
    let Some(state) = options.state.clone().or_else(default_state) else {
        return Ok(bad_input("no home folder: say with --state where runs are kept"));
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let begun = options.resume.as_deref().and_then(|id| Run::about(&state, id));
        let asked = match asked(options, begun.as_ref()).await {
            Ok(asked) => asked,
            Err(reason) => return Ok(bad_input(&reason)),
        };
        let mut given = match given(options, &asked) {
            Ok(given) => given,
            Err(reason) => return Ok(bad_input(&reason)),
        };
        let run = match &options.resume {
            Some(id) => Run::resume(&state, id, &mut given),
            None => Run::begin(&state, given),
        };
        let mut run = match run {
            Ok(run) => run,
            Err(reason) => return Ok(bad_input(&reason)),
        };
        let stop = Stop::listen()?;
        match plan::plan(&mut run, &settings, &asked, &stop, options.json, out).await {
            Ok(true) => Ok(End::Done),
            Ok(false) => Ok(End::Failed),
            Err(_) if stop.is_asked_for() => {
                complain(&plan::saved(&run));
                Ok(End::Interrupted)
            }
            Err(error) => Err(error),
        }
    })
}

fn given(options: &Options, asked: &Asked) -> Result<Given, String> {
    let filters = options.filters.given();
    plan::check(&filters)?;
    #[cfg(feature = "aws")]
    let filters = {
        let ignored = options.no_iam_tags.then(|| (NO_IAM_TAGS.to_owned(), "yes".to_owned()));
        filters.into_iter().chain(ignored).collect()
    };
    let source = |path: &PathBuf| {
        let is_there = path.as_os_str() == "-" || path.exists();
        let whole = std::path::absolute(path).ok().filter(|_| path.as_os_str() != "-");
        let source = whole.unwrap_or_else(|| path.clone()).display().to_string();
        if is_there {
            Ok(source)
        } else {
            Err(format!("{}: there is no such file or folder", path.display()))
        }
    };
    Ok(Given {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        sources: options.sources.iter().map(source).collect::<Result<_, _>>()?,
        settings: Given::settings(),
        filters,
        account: asked.account(),
    })
}

#[cfg(not(feature = "aws"))]
async fn asked(_: &Options, _: Option<&About>) -> Result<Asked, String> {
    Ok(Asked::Nobody)
}

#[cfg(feature = "aws")]
async fn asked(options: &Options, begun: Option<&About>) -> Result<Asked, String> {
    let was_offline = begun.is_some_and(|about| about.given.account.is_none());
    if options.offline || was_offline {
        return match options.access.is_given() {
            true => {
                Err("--profile, --region and --endpoint-url say which AWS to ask: leave out --offline"
                    .to_owned())
            }
            false => Ok(Asked::Nobody),
        };
    }
    let (aws, _, account) = options
        .access
        .connect_to_account()
        .await
        .map_err(|reason| format!("{reason}; --offline plans by the history alone"))?;
    let ignored_iam = begun.is_some_and(|about| about.given.filters.contains_key(NO_IAM_TAGS));
    Ok(Asked::Aws(Box::new(Access::new(aws, account, !options.no_iam_tags && !ignored_iam))))
}
