//! The pace of calls, by API and Region: shared by all calls of the process, halved at once when AWS
//! throttles, and raised slowly while it does not. Other processes and tools use the same quotas, so a
//! pace is found, not set.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::error::Error;

/// The pace after the first throttling.
const FIRST: Duration = Duration::from_millis(100);
/// However much AWS throttles, it is asked this often.
const SLOWEST: Duration = Duration::from_secs(4);
/// A pace this fast is none.
const NONE: Duration = Duration::from_millis(10);

/// When the next call of each API may begin.
#[derive(Debug, Default)]
pub(crate) struct Paces(RefCell<HashMap<(&'static str, String), Pace>>);

#[derive(Clone, Copy, Debug)]
struct Pace {
    /// Between two calls.
    interval: Duration,
    /// The quota of the API, which no pace is faster than.
    least: Duration,
    next: Instant,
}

impl Paces {
    /// Makes a call in its turn. `least` is the time between two calls that the quota allows; zero where
    /// it is not known.
    pub(crate) async fn call<T>(
        &self,
        api: &'static str,
        region: &str,
        least: Duration,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let key = (api, region.to_owned());
        let turn = self.turn(&key, least);
        if turn > Instant::now() {
            sleep_until(turn).await;
        }
        let answer = call.await;
        let throttled = answer.as_ref().is_err_and(Error::is_throttling);
        if let Some(pace) = self.0.borrow_mut().get_mut(&key) {
            pace.adapt(throttled);
        }
        answer
    }

    fn turn(&self, key: &(&'static str, String), least: Duration) -> Instant {
        let (now, mut paces) = (Instant::now(), self.0.borrow_mut());
        let pace = paces.entry(key.clone()).or_insert(Pace { interval: least, least, next: now });
        let turn = pace.next.max(now);
        pace.next = turn.checked_add(pace.interval).unwrap_or(turn);
        turn
    }
}

impl Pace {
    fn adapt(&mut self, throttled: bool) {
        self.interval = match throttled {
            true => self.interval.saturating_mul(2).clamp(FIRST, SLOWEST),
            false if self.interval <= NONE => self.least,
            false => (self.interval.saturating_mul(19) / 20).max(self.least),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.expect("a runtime").block_on(future)
    }

    async fn call(paces: &Paces, api: &'static str, least: Duration, code: Option<&str>) {
        let answer = async { code.map_or(Ok(()), |code| Err(Error::of_resource(code, "slow down"))) };
        assert_eq!(paces.call(api, "eu-west-1", least, answer).await.is_err(), code.is_some());
    }

    #[test]
    fn an_api_that_throttles_is_asked_more_slowly_and_others_are_not() {
        run(async {
            let (paces, start) = (Paces::default(), Instant::now());
            call(&paces, "sns", Duration::ZERO, Some("ThrottlingException")).await;
            call(&paces, "sns", Duration::ZERO, None).await;
            call(&paces, "sqs", Duration::ZERO, Some("AccessDeniedException")).await;
            call(&paces, "sqs", Duration::ZERO, None).await;
            assert!(start.elapsed() < FIRST, "{:?}", start.elapsed());
            call(&paces, "sns", Duration::ZERO, None).await;
            assert!(start.elapsed() >= FIRST, "{:?}", start.elapsed());
        });
    }

    #[test]
    fn no_pace_is_faster_than_the_quota() {
        run(async {
            let (paces, start, quota) = (Paces::default(), Instant::now(), Duration::from_millis(20));
            for _ in 0..6 {
                call(&paces, "tagging", quota, None).await;
            }
            assert!(start.elapsed() >= quota * 5, "{:?}", start.elapsed());
        });
    }

    #[test]
    fn a_pace_falls_at_once_and_recovers_slowly() {
        let mut pace = Pace { interval: Duration::ZERO, least: Duration::ZERO, next: Instant::now() };
        pace.adapt(true);
        pace.adapt(true);
        assert_eq!(pace.interval, FIRST * 2);
        (0..20).for_each(|_| pace.adapt(true));
        assert_eq!(pace.interval, SLOWEST);
        let answers = (0..1000).take_while(|_| {
            pace.adapt(false);
            pace.interval > Duration::ZERO
        });
        assert!((100..200).contains(&answers.count()));
    }
}
