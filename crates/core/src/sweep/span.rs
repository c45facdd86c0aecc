//! Which span of time a sweep looks up.

use time::{Duration, OffsetDateTime};

/// Where a sweep ends: what is younger may still be on its way, or not in the history yet.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html>
const ON_ITS_WAY: Duration = Duration::hours(1);
/// How far a sweep goes back behind the end of the last one, for records that came into the history late.
const OVERLAP: Duration = Duration::hours(2);
/// For longer than this between two sweeps, the schedule has not just left one out: the sweep was switched off, and no
/// arrivals were noted.
const INTERRUPTED_AFTER: Duration = Duration::hours(50);

/// How far the history was swept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Since when arrivals are noted.
    pub since: OffsetDateTime,
    /// Until when creations were looked up.
    pub until: OffsetDateTime,
}

/// What to look up at a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// Nothing: nobody knows what arrived before.
    Begin(Mark),
    /// This span; and the mark once its parts are sent.
    LookUp { from: OffsetDateTime, to: OffsetDateTime, mark: Mark },
}

impl Plan {
    pub(super) fn of(mark: Option<Mark>, now: OffsetDateTime) -> Self {
        let goes_on = |mark: &Mark| now <= mark.until.saturating_add(INTERRUPTED_AFTER);
        let Some(Mark { since, until }) = mark.filter(goes_on) else {
            return Self::Begin(Mark { since: now, until: now });
        };
        let to = now.saturating_sub(ON_ITS_WAY).max(since);
        let from = until.saturating_sub(OVERLAP).max(since).min(to);
        Self::LookUp { from, to, mark: Mark { since, until: to } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const FIRST: OffsetDateTime = datetime!(2026-05-04 10:00 UTC);

    fn span(mark: Option<Mark>, now: OffsetDateTime) -> (Option<(OffsetDateTime, OffsetDateTime)>, Mark) {
        match Plan::of(mark, now) {
            Plan::Begin(mark) => (None, mark),
            Plan::LookUp { from, to, mark } => (Some((from, to)), mark),
        }
    }

    #[test]
    fn each_sweep_goes_on_where_the_last_one_ended() {
        let (looked_up, mark) = span(None, FIRST);
        assert_eq!((looked_up, mark), (None, Mark { since: FIRST, until: FIRST }));
        let (looked_up, mark) = span(Some(mark), datetime!(2026-05-05 10:00 UTC));
        assert_eq!(
            looked_up,
            Some((FIRST, datetime!(2026-05-05 09:00 UTC))),
            "nothing before arrivals are noted"
        );
        let (looked_up, mark) = span(Some(mark), datetime!(2026-05-06 10:00 UTC));
        assert_eq!(looked_up, Some((datetime!(2026-05-05 07:00 UTC), datetime!(2026-05-06 09:00 UTC))));
        assert_eq!(mark, Mark { since: FIRST, until: datetime!(2026-05-06 09:00 UTC) });
        let (looked_up, _) = span(Some(mark), datetime!(2026-05-08 10:00 UTC));
        let left_out = Some((datetime!(2026-05-06 07:00 UTC), datetime!(2026-05-08 09:00 UTC)));
        assert_eq!(looked_up, left_out, "a schedule that was left out");
    }

    #[test]
    fn after_an_interruption_it_begins_anew() {
        let mark = Mark { since: FIRST, until: FIRST };
        let now = datetime!(2026-05-06 12:01 UTC);
        assert_eq!(span(Some(mark), now), (None, Mark { since: now, until: now }));
    }

    #[test]
    fn a_sweep_right_after_another_never_ends_before_it_begins() {
        let mark = Mark { since: FIRST, until: FIRST };
        assert_eq!(span(Some(mark), datetime!(2026-05-04 10:05 UTC)).0, Some((FIRST, FIRST)));
    }
}
