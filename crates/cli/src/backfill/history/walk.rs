//! What a Region's history has of writing calls: once through it, the latest first, a day at a time.
//!
//! One question takes the fewest calls: 50 records to each, across days. That a day is whole shows by a record of an
//! earlier one.

use std::collections::HashSet;

use aws_tags::Event;
use aws_tags::backfill::relevance::kind_of;
use aws_tags_aws::{Asked, Page};
use time::{Date, Duration, OffsetDateTime, Time};

use super::{Run, Stopped};
use crate::backfill::line;

/// The unit of a Region that is whole.
const WHOLE: &str = "whole";
/// Pages after which a Region is asked once more about its last hour: records may have come meanwhile, and one more
/// call is not many.
const LONG_WALK: u32 = 20;
/// Records come within minutes, as a rule.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html>
const RECORDED_WITHIN: Duration = Duration::HOUR;
/// How often in a row a page's mark may grow old without a page in between.
const MOST_OLD_TOKENS: u32 = 5;

/// How far a Region is read.
struct Walk<'a> {
    run: &'a Run<'a>,
    region: &'a str,
    /// What is asked begins there.
    to: OffsetDateTime,
    /// The day that is being read, and what of it matters so far.
    day: Date,
    lines: Vec<String>,
    /// Ids of the records of the last hour.
    recent: HashSet<String>,
    pages: u32,
}

/// Reads what is left of a Region.
pub(super) async fn region(run: &Run<'_>, region: &str) -> Result<(), Stopped> {
    let Some(to) = left(run, region) else { return Ok(()) };
    let (lines, recent) = (Vec::new(), HashSet::new());
    let mut walk = Walk { run, region, to, day: to.date(), lines, recent, pages: 0 };
    walk.through().await?;
    if walk.pages >= LONG_WALK && to == run.until {
        walk.look_for_late_ones().await?;
    }
    walk.keep(WHOLE)
}

/// From when on backwards the Region is not read yet; `None` if it is.
fn left(run: &Run<'_>, region: &str) -> Option<OffsetDateTime> {
    let units = run.store.borrow().units(region);
    if units.contains(WHOLE) {
        return None;
    }
    let until = run.until;
    let is_day = |unit: &&String| unit.as_str() != WHOLE;
    match units.iter().find(is_day) {
        None => Some(until),
        // Days are named so that the first one in order is the earliest.
        Some(earliest) => {
            let mut day = until.date();
            while name(day) > *earliest {
                day = day.previous_day()?;
            }
            Some(day.with_time(Time::MIDNIGHT).assume_utc().saturating_sub(Duration::SECOND))
        }
    }
}

fn name(day: Date) -> String {
    format!("{:04}-{:02}-{:02}", day.year(), u8::from(day.month()), day.day())
}

impl Walk<'_> {
    async fn through(&mut self) -> Result<(), Stopped> {
        let (mut next, mut oldest, mut old_tokens) = (None::<String>, self.to, 0);
        loop {
            let page = match self.page(next.as_deref()).await {
                Ok(page) => page,
                // Its mark is no longer taken: on from the last record, which comes once more.
                Err(Stopped::Aws(_, error)) if error.is_old_token() && old_tokens < MOST_OLD_TOKENS => {
                    old_tokens = if oldest < self.to { 0 } else { old_tokens.saturating_add(1) };
                    (self.to, next) = (oldest, None);
                    continue;
                }
                Err(stopped) => return Err(stopped),
            };
            for record in &page.records {
                let Ok(event) = Event::from_text(record) else { continue };
                let at = event.time().unwrap_or(oldest);
                oldest = oldest.min(at);
                self.take(&event, record, at)?;
            }
            next = page.next;
            if next.is_none() {
                return Ok(());
            }
        }
    }

    fn asked(&self) -> Asked {
        Asked { attribute: "ReadOnly", value: "false".to_owned(), from: self.run.since, to: self.to }
    }

    async fn page(&mut self, next: Option<&str>) -> Result<Page, Stopped> {
        self.pages = self.pages.saturating_add(1);
        self.run.page(self.region, &self.asked(), next).await
    }

    fn take(&mut self, event: &Event, record: &str, at: OffsetDateTime) -> Result<(), Stopped> {
        while at.date() < self.day {
            self.keep(&name(self.day))?;
            self.day = self.day.previous_day().unwrap_or(Date::MIN);
            self.run.progress(self.region, self.day);
        }
        if self.run.until.saturating_sub(RECORDED_WITHIN) <= at {
            self.recent.extend(event.id().map(std::borrow::Cow::into_owned));
        }
        // Sessions, too: `GetFederationToken` is a writing call.
        if kind_of(event).is_some() {
            self.lines.push(line::of(record));
        }
        Ok(())
    }

    fn keep(&mut self, unit: &str) -> Result<(), Stopped> {
        let lines = std::mem::take(&mut self.lines);
        self.run.store.borrow_mut().keep(self.region, unit, &lines).map_err(Stopped::Files)
    }

    /// Records of the last hour that came while the rest was read: until a page has none.
    async fn look_for_late_ones(&mut self) -> Result<(), Stopped> {
        self.to = self.run.until;
        let asked = Asked { from: self.run.until.saturating_sub(RECORDED_WITHIN), ..self.asked() };
        let mut next = None::<String>;
        loop {
            let page = self.run.page(self.region, &asked, next.as_deref()).await?;
            let mut any = false;
            for record in &page.records {
                let Ok(event) = Event::from_text(record) else { continue };
                let is_new = event.id().is_some_and(|id| self.recent.insert(id.into_owned()));
                if is_new && kind_of(&event).is_some() {
                    self.lines.push(line::of(record));
                }
                any |= is_new;
            }
            next = page.next;
            if !any || next.is_none() {
                return Ok(());
            }
        }
    }
}
