//! How many resources are in which state, and the coverage that follows.

use std::fmt;

use super::State;

/// Resources by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    counts: [u64; State::ALL.len()],
}

/// The share of resources that have every required tag. Shown rounded down: only all are 100 %.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coverage {
    covered: u64,
    all: u64,
}

impl Tally {
    pub fn add(&mut self, state: State) {
        if let Some(count) = self.counts.get_mut(state as usize) {
            *count += 1;
        }
    }

    pub fn of(&self, state: State) -> u64 {
        self.counts.get(state as usize).copied().unwrap_or_default()
    }

    pub fn all(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Those with every required tag.
    pub fn covered(&self) -> u64 {
        State::ALL.into_iter().filter(|state| state.is_covered()).map(|state| self.of(state)).sum()
    }

    /// `None` if there are no resources.
    pub fn coverage(&self) -> Option<Coverage> {
        let coverage = Coverage { covered: self.covered(), all: self.all() };
        (coverage.all > 0).then_some(coverage)
    }
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
    }
}

impl Coverage {
    /// From 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "no account has 2^52 resources")]
    pub fn share(self) -> f64 {
        self.covered as f64 / self.all as f64
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = self.covered.saturating_mul(1000) / self.all;
        match (tenths / 10, tenths % 10) {
            (percent, 0) => write!(f, "{percent} %"),
            (percent, tenth) => write!(f, "{percent}.{tenth} %"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(covered: usize, missing: usize) -> Tally {
        let mut tally = Tally::default();
        (0..covered).for_each(|n| tally.add(if n % 2 == 0 { State::Ours } else { State::TaggedOtherwise }));
        (0..missing)
            .for_each(|n| tally.add(if n % 2 == 0 { State::Incomplete } else { State::OwnerUnknown }));
        tally
    }

    #[test]
    fn coverage_counts_whatever_has_every_required_tag() {
        let shown =
            |covered, missing| tally(covered, missing).coverage().map(|coverage| coverage.to_string());
        assert_eq!(shown(0, 0), None);
        assert_eq!(shown(0, 3).as_deref(), Some("0 %"));
        assert_eq!(shown(1, 1).as_deref(), Some("50 %"));
        assert_eq!(shown(2, 1).as_deref(), Some("66.6 %"));
        assert_eq!(shown(3, 0).as_deref(), Some("100 %"));
    }

    #[test]
    fn one_that_is_missing_is_never_rounded_away() {
        let coverage = tally(99_999, 1).coverage().expect("resources");
        assert_eq!(coverage.to_string(), "99.9 %");
    }
}
