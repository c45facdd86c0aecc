//! What was found, each record once, for whoever keeps it.

use std::fmt;
use std::io;

use aws_tags::backfill::relevance::Kind;
use aws_tags_scan::{Found, Kept, Seen, Spilled};
use indicatif::HumanCount;

use super::Keeper;

/// How many records were kept.
#[derive(Default)]
pub(in crate::backfill) struct Counts {
    pub(in crate::backfill) creations: u64,
    pub(in crate::backfill) sessions: u64,
    pub(in crate::backfill) endings: u64,
    pub(in crate::backfill) deploys: u64,
    /// Records that came again, and were left out.
    pub(in crate::backfill) again: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [creations, sessions, endings, deploys] =
            [self.creations, self.sessions, self.endings, self.deploys].map(HumanCount);
        write!(f, "{creations} creations, {sessions} sessions, {endings} endings, {deploys} deploys")
    }
}

pub(super) struct Output {
    keeper: Box<dyn Keeper>,
    seen: Spilled,
    counts: Counts,
}

impl Output {
    pub(super) fn new(keeper: Box<dyn Keeper>) -> Self {
        Self { keeper, seen: Spilled::default(), counts: Counts::default() }
    }

    /// Takes what was found in a file, without what came before.
    pub(super) fn take(&mut self, found: &Found) -> io::Result<()> {
        for Kept { kind, id, line } in &found.kept {
            let line = found.lines.get(line.clone()).unwrap_or_default();
            match id.map(|id| (id, self.seen.see(id))) {
                None | Some((_, Seen::Never)) => self.line(*kind, line)?,
                Some((_, Seen::Before)) => self.counts.again = self.counts.again.saturating_add(1),
                Some((id, Seen::Unsure)) => self.seen.put_off(id, *kind, line)?,
            }
        }
        Ok(())
    }

    fn line(&mut self, kind: Kind, line: &[u8]) -> io::Result<()> {
        let count = match kind {
            Kind::Creation => &mut self.counts.creations,
            Kind::Session => &mut self.counts.sessions,
            Kind::Ending => &mut self.counts.endings,
            Kind::Deploy => &mut self.counts.deploys,
        };
        *count = count.saturating_add(1);
        self.keeper.keep(kind, line)
    }

    /// Hands over the rest.
    pub(super) fn finish(mut self) -> io::Result<Counts> {
        let mut all = 0_u64;
        let put_off = std::mem::take(&mut self.seen);
        let count = u64::try_from(put_off.put_off_count()).unwrap_or(u64::MAX);
        put_off.finish(&mut |kind, line| {
            all = all.saturating_add(1);
            self.line(kind, line)
        })?;
        self.counts.again = self.counts.again.saturating_add(count.saturating_sub(all));
        self.keeper.end()?;
        Ok(self.counts)
    }
}
