//! Which creation events have arrived, by the hour of the call.

use std::collections::BTreeSet;
use std::fmt;

use time::OffsetDateTime;

use crate::effect::Effect;
use crate::record::{Event, timestamp};

/// Ids of events.
pub type Ids = BTreeSet<String>;

/// An hour: `2026-05-04T10`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(OffsetDateTime);

impl Hour {
    pub fn of(at: OffsetDateTime) -> Self {
        Self(at.truncate_to_hour())
    }

    pub const fn begins(self) -> OffsetDateTime {
        self.0
    }
}

impl fmt::Display for Hour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(timestamp::format(self.0).split(':').next().unwrap_or_default())
    }
}

/// The id and hour of an event that a sweep would look for: of a creation, or of who deploys a stack.
pub(super) fn of_interest(event: &Event) -> Option<(Hour, String)> {
    let effect = Effect::of(event);
    let is_wanted =
        matches!(effect, Effect::Created(_) | Effect::Deployed(_)) || effect.unresolvable().is_some();
    is_wanted.then(|| Some((Hour::of(event.time()?), event.id()?.into_owned())))?
}
