//! What `backfill` asks AWS for: its history, the tags of today, and to write.

use std::io::{self, Write};
use std::path::Path;

use tokio::runtime::Runtime;

use super::filter::Filter;
use super::plan::{self, Access, Asked};
use super::run::{self, About, HISTORY, Run};
use super::{NO_IAM_TAGS, Options, apply, folder, history, reduce, whole};
use crate::console::{End, bad_input, complain};

impl Options {
    pub(super) fn wanted<'a>(&'a self, filter: &'a Filter) -> history::Wanted<'a> {
        history::Wanted {
            access: &self.access,
            regions: &filter.regions,
            last: filter.last,
            since: filter.since,
            until: filter.until,
        }
    }

    pub(super) fn history_only(&self, file: &Path, out: &mut impl Write) -> io::Result<End> {
        match history::reduce(&self.wanted(&self.filter), file)? {
            history::Read::Unfinished(end) => {
                complain("the same command goes on from there");
                Ok(end)
            }
            history::Read::Whole(counts, requests) => {
                let said = format!("{}: {counts}\n{requests} calls of LookupEvents", file.display());
                match file == Path::new("-") {
                    true => writeln!(anstream::stderr(), "{said}")?,
                    false => writeln!(out, "{said}")?,
                }
                Ok(End::Done)
            }
        }
    }

    pub(super) fn read_history(&self, run: &mut Run, filter: &Filter) -> io::Result<End> {
        // What ended a resource came later than what is asked for.
        let wanted = history::Wanted { until: None, ..self.wanted(filter) };
        match history::reduce(&wanted, &run.reduction())? {
            history::Read::Unfinished(end) => {
                complain(&plan::saved(&self.again(run, self.apply)));
                Ok(end)
            }
            history::Read::Whole(reduce::Counts { creations, sessions, endings, deploys, .. }, _) => {
                let records = [creations, sessions, endings, deploys].iter().sum();
                run.about.counts =
                    run::Counts { records, creations, sessions, endings, deploys, ..run::Counts::default() };
                Ok(End::Done)
            }
        }
    }

    /// Which lines of a finished plan are to be written, if not all that are left. What the plan follows from is given
    /// no more.
    pub(super) fn chosen(&self, folder: &Path) -> Result<Option<&Filter>, String> {
        let given = self.filter.given();
        let Some(About { run, given: was, .. }) = run::about(folder) else {
            return Ok((!given.is_empty()).then_some(&self.filter));
        };
        let sources: Vec<String> = self.sources.iter().map(whole).collect::<Result<_, _>>()?;
        if !sources.is_empty() && sources != was.sources {
            return Err(format!("run {run} is planned, by {}: leave out the source", was.sources.join(" ")));
        }
        if self.no_iam_tags && !was.filters.contains_key(NO_IAM_TAGS) {
            return Err(format!("run {run} is planned, with the tags of IAM: leave out {NO_IAM_TAGS}"));
        }
        let is_as_planned = given.iter().all(|(flag, value)| was.filters.get(flag) == Some(value));
        Ok((!is_as_planned).then_some(&self.filter))
    }

    pub(super) fn apply(
        &self,
        folder: &Path,
        chosen: Option<&Filter>,
        runtime: &Runtime,
        out: &mut impl Write,
    ) -> io::Result<End> {
        let folder = match folder::RunFolder::of(folder) {
            Ok(folder) => folder,
            Err(reason) => return Ok(bad_input(&reason)),
        };
        let again = self.command(&folder.name, true, chosen);
        if let Some(About { run, given, counts, .. }) = run::about(&folder.path) {
            let changed = given.changed_settings();
            if !changed.is_empty() {
                return Ok(bad_input(&format!("run {run} cannot go on: {}", changed.join("; "))));
            }
            if counts.unread > 0 && !self.accept_partial {
                return Ok(bad_input(&format!(
                    "run {run}: {} files or records of the history could not be read, so that a later creator or an ending \
                     may be missing. Make them readable and plan anew; or, to write all the same: {again} --accept-partial",
                    counts.unread
                )));
            }
        }
        runtime.block_on(apply::apply(&folder, &self.access, &self.write, chosen, &again, out))
    }

    pub(super) async fn asked(&self, begun: Option<&About>) -> Result<Asked, String> {
        let was_offline = begun.is_some_and(|about| about.given.account.is_none());
        if self.offline || was_offline {
            let needs_access = |source: &String| source == HISTORY || source.starts_with("s3://");
            let sources = begun.map_or(&self.sources, |about| &about.given.sources);
            return match self.access.is_given() && !sources.iter().any(needs_access) {
                true if self.offline => {
                    Err("--profile, --region and --endpoint-url say which AWS to ask: leave out --offline"
                        .to_owned())
                }
                true => {
                    Err("this run is planned offline, and asks no AWS: leave out --profile, --region and \
                             --endpoint-url"
                        .to_owned())
                }
                false => Ok(Asked::Nobody),
            };
        }
        let (aws, _, account) = self
            .access
            .connect_to_account()
            .await
            .map_err(|reason| format!("{reason}; --offline plans by the history alone"))?;
        let ignored_iam = begun.is_some_and(|about| about.given.filters.contains_key(NO_IAM_TAGS));
        Ok(Asked::Aws(Box::new(Access::new(aws, account, !self.no_iam_tags && !ignored_iam))))
    }
}
