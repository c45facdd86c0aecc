//! The first stages of a run: its history becomes the parts that are planned by.

use std::io;
use std::sync::Arc;

use super::Options;
use super::filter::Filter;
use super::plan::{self, Intake};
use super::reduce::{self, Progress, Reduced};
use super::run::{Counts, Run, Stage};
use super::stop::Stop;
use crate::console::{End, bad_input, complain};

impl Options {
    /// Reads the history of a run. CloudTrail's own becomes a file first: what it answered is not asked again.
    pub(super) fn gather(&self, run: &mut Run) -> io::Result<End> {
        let filter = match Filter::of_given(&run.about.given.filters) {
            Ok(filter) => filter,
            Err(reason) => return Ok(bad_input(&reason)),
        };
        if run.about.stage == Stage::Reducing {
            match self.read_history(run, &filter)? {
                End::Done => run.reach(Stage::Reading)?,
                end => return Ok(end),
            }
        }
        if run.about.stage == Stage::Reading {
            match self.read(run, &filter)? {
                End::Done => run.reach(Stage::Remembering)?,
                end => return Ok(end),
            }
        }
        Ok(End::Done)
    }

    /// Reads trails, files, or what was kept of CloudTrail's own history. A run that is stopped here reads them again.
    fn read(&self, run: &mut Run, filter: &Filter) -> io::Result<End> {
        let in_part = filter.is_of_some_regions();
        let reduction = [run.reduction().display().to_string()];
        let (sources, filter) = match run.about.given.is_of_history() {
            false => (run.about.given.sources.as_slice(), filter.of_records_for_plan()),
            true if run.about.counts.records == 0 => (&[][..], aws_tags_scan::Filter::default()),
            true => (&reduction[..], aws_tags_scan::Filter::default()),
        };
        let (request, intake) =
            (self.request(sources, filter), Box::new(Intake::open(&run.folder, in_part)?));
        match reduce::reduce(&request, intake, &run.folder, &Stop::listen()?, &Arc::new(Progress::default()))
        {
            Reduced::Kept(kept, report) => {
                run.about.counts = Counts {
                    records: report.records_read(),
                    unread: report.not_read() as u64,
                    creations: kept.creations,
                    sessions: kept.sessions,
                    endings: kept.endings,
                    deploys: kept.deploys,
                    ..Counts::default()
                };
                if kept.creations > 0 && kept.sessions == 0 {
                    complain("no AssumeRole record in the history: session tags will be missing");
                }
                Ok(End::Done)
            }
            Reduced::Interrupted => {
                complain(&plan::saved(&self.again(run, self.applies())));
                Ok(End::Interrupted)
            }
            Reduced::Failed(reason) => Ok(bad_input(&reason)),
        }
    }

    pub(super) fn request<'a>(
        &'a self,
        sources: &'a [String],
        filter: aws_tags_scan::Filter,
    ) -> reduce::Request<'a> {
        reduce::Request {
            sources,
            filter: Arc::new(filter),
            threads: self.jobs.map(usize::from),
            #[cfg(feature = "aws")]
            access: &self.access,
        }
    }
}
