//! How often a Region is written to: as often as the operator lets, half as often where AWS throttles, and slowly more
//! often again.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// However much AWS throttles, it is asked this often.
const SLOWEST: Duration = Duration::from_secs(8);

/// The rate of calls in one Region.
#[derive(Debug)]
pub(super) struct Rate {
    interval: Duration,
    least: Duration,
    next: Instant,
}

impl Rate {
    pub(super) fn new(calls_a_second: f64) -> Self {
        let least = Duration::from_secs_f64(1.0 / calls_a_second.clamp(0.01, 1000.0));
        Self { interval: least, least, next: Instant::now() }
    }

    /// Waits until the next call may begin.
    pub(super) async fn turn(&mut self) {
        let turn = self.next.max(Instant::now());
        sleep_until(turn).await;
        self.next = turn.checked_add(self.interval).unwrap_or(turn);
    }

    /// So many calls were made besides, in the same turn.
    pub(super) fn charge(&mut self, calls: u32) {
        self.next = self.next.checked_add(self.interval.saturating_mul(calls)).unwrap_or(self.next);
    }

    /// What came of the last call.
    pub(super) fn adapt(&mut self, throttled: bool) {
        self.interval = match throttled {
            true => {
                self.interval.saturating_mul(2).clamp(Duration::from_millis(200), SLOWEST.max(self.least))
            }
            false => (self.interval.saturating_mul(19) / 20).max(self.least),
        };
        if throttled {
            self.next = self.next.max(Instant::now().checked_add(self.interval).unwrap_or(self.next));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_halves_when_throttled_and_recovers_to_what_was_asked_for() {
        let mut rate = Rate::new(5.0);
        assert_eq!(rate.interval, Duration::from_millis(200));
        rate.adapt(true);
        assert_eq!(rate.interval, Duration::from_millis(400));
        (0..9).for_each(|_| rate.adapt(true));
        assert_eq!(rate.interval, SLOWEST);
        (0..200).for_each(|_| rate.adapt(false));
        assert_eq!(rate.interval, Duration::from_millis(200));
    }

    #[test]
    fn calls_wait_for_their_turn() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(async {
            let (mut rate, began) = (Rate::new(20.0), Instant::now());
            for _ in 0..5 {
                rate.turn().await;
            }
            assert!(began.elapsed() >= Duration::from_millis(200), "{:?}", began.elapsed());
        });
    }
}
