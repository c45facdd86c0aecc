//! `aws-tags probe`: asks AWS which types of resources the tagging API takes, and whether the services' own
//! operations on tags answer as their models say.
//!
//! It asks about resources that do not exist, so nothing is changed. What it finds goes into one file that
//! says nothing of the account, after every 20 types: whatever ends the command, the next one goes on.

mod ask;
mod file;
mod inquiry;
mod live;
mod report;

use std::io::{self, Write};
use std::path::PathBuf;
use std::pin::pin;

use aws_tags_aws::{ARNS_PER_CALL, Error, Prober};
use clap::Args;
use futures_util::future::{Either, select};

use crate::account::AccessOptions;
use crate::console::{End, bad_input, complain};
use crate::interruption::Interruption;
use ask::Asker;
use file::{ProbeFile, is_answered};
use inquiry::{Inquiry, inquiries, unknown_service};
use report::Report;

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    access: AccessOptions,
    /// Only types of these services, e.g. `sns,lex`.
    #[arg(long, value_name = "SERVICE", value_delimiter = ',')]
    services: Vec<String>,
    /// Where the answers go. What the file has is not asked again.
    #[arg(long, value_name = "FILE", default_value = "probed.jsonl")]
    out: PathBuf,
    /// Show what would be asked, and ask nothing.
    #[arg(long)]
    dry_run: bool,
    /// Instead, measure with a queue and a bucket that are made and deleted again: the rate of TagResources, and how long after
    /// it tags are shown. Asks first.
    #[arg(long, conflicts_with_all = ["dry_run", "policy", "services", "out"])]
    live: bool,
    /// Make them without asking.
    #[arg(long, requires = "live")]
    yes: bool,
    /// Print the IAM policies that it needs, and ask nothing.
    #[arg(long, conflicts_with = "dry_run")]
    policy: bool,
    /// One JSON object per type, as in the file, or per policy.
    #[arg(long)]
    json: bool,
}

/// Asks about every type that the file does not have.
pub(crate) fn run(options: &Options, out: &mut impl Write) -> io::Result<End> {
    if let Some(unknown) = unknown_service(&options.services) {
        return Ok(bad_input(&format!(
            "`{unknown}` is not a supported service; `aws-tags services` lists all"
        )));
    }
    if options.policy {
        return report::policies(options.json, out);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (aws, region, account) = match options.access.connect_to_account().await {
            Ok(found) => found,
            Err(reason) => return Ok(bad_input(&reason)),
        };
        if options.live {
            return live::measure(&aws, &account, &region, options.yes, options.json, out).await;
        }
        let file = match ProbeFile::open(&options.out, &region) {
            Ok(file) => file,
            Err(reason) => return Ok(bad_input(&format!("{}: {reason}", options.out.display()))),
        };
        let asker = Asker { prober: Prober::new(&aws), account, region };
        let (left, known): (Vec<_>, Vec<_>) =
            inquiries(&options.services).into_iter().partition(|one| !file.has(one.resource_type));
        if options.dry_run {
            return report::show(&asker, &left, options.json, out);
        }
        let mut report = Report::new(out, options.json, left.len());
        match ask_all(&asker, left, file, &mut report).await? {
            Asked::All => report.end(&options.out, known.len()),
            Asked::Some(end) => {
                report.end(&options.out, known.len())?;
                complain("stopped; the same command goes on with what is left");
                Ok(end)
            }
            Asked::InVain(error) => {
                report.hide();
                let hint = match error.is_denied() {
                    true => {
                        "; allow yourself tag:TagResources, and what else `aws-tags probe --policy` prints"
                    }
                    false => "",
                };
                Ok(bad_input(&format!(
                    "{}{hint}",
                    options.access.cannot("ask tag:TagResources", &aws, &error)
                )))
            }
        }
    })
}

/// How far the questions came.
enum Asked {
    All,
    /// A signal came, or AWS throttles all the time: it ends so.
    Some(End),
    /// It is not about the types: a permission, credentials, the connection.
    InVain(Error),
}

/// Asks about 20 types at a time, and keeps what it finds.
async fn ask_all<W: Write>(
    asker: &Asker,
    left: Vec<Inquiry>,
    mut file: ProbeFile,
    report: &mut Report<'_, W>,
) -> io::Result<Asked> {
    let mut interruption = Interruption::new()?;
    let mut interrupted = pin!(interruption.comes());
    let (global, regional): (Vec<_>, Vec<_>) = left.into_iter().partition(Inquiry::is_global);
    let mut all = true;
    for chunk in regional.chunks(ARNS_PER_CALL).chain(global.chunks(ARNS_PER_CALL)) {
        let found = match select(pin!(asker.ask(chunk)), &mut interrupted).await {
            Either::Left((Ok(found), _)) => found,
            Either::Left((Err(error), _)) => return Ok(Asked::InVain(error)),
            Either::Right(_) => return Ok(Asked::Some(End::Interrupted)),
        };
        all &= found.iter().all(|one| is_answered(&one.probed));
        for one in &found {
            report.write(one)?;
        }
        file.keep(found.into_iter().map(|one| one.probed))?;
    }
    Ok(if all { Asked::All } else { Asked::Some(End::Failed) })
}
