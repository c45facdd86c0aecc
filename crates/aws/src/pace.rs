//! The pace of calls, by operation and Region, shared by all calls of a process: its share of AWS's quota,
//! halved at once when AWS throttles, and raised slowly while it does not.
//!
//! A quota is an account's. All processes of a function together stay within it; other tools use it as
//! well, which only throttling tells.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::budget::Budget;
use crate::error::Error;

/// Calls a second that AWS allows an account in a Region, where it says so; `*` is every operation with this
/// beginning.
/// <https://docs.aws.amazon.com/tag-editor/latest/userguide/reference.html>
/// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>
/// <https://docs.aws.amazon.com/resource-explorer/latest/userguide/quotas.html>
const QUOTAS: &[(&str, &str, u32)] = &[
    ("Resource Groups Tagging API", "TagResources", 5),
    ("Resource Groups Tagging API", "UntagResources", 5),
    ("EC2", "Describe*", 20),
    ("Resource Explorer 2", "*", 3),
];

/// Calls a second where AWS says nothing. Published ones, such as SNS's for tags, are often these.
/// <https://docs.aws.amazon.com/general/latest/gr/sns.html>
const UNKNOWN: u32 = 10;

/// Calls a second to begin with, where AWS says nothing, thousands of calls are to come, and others call it, too.
const CAREFUL: &[(&str, &str, u32)] = &[("Resource Groups Tagging API", "GetResources", 5)];

/// The pace after the first throttling.
const FIRST: Duration = Duration::from_millis(100);
/// However much AWS throttles, it is asked this often.
const SLOWEST: Duration = Duration::from_secs(4);

/// Answers in a row that only say that AWS is asked too often, before one is given up: each makes the next
/// call come later, up to 4 seconds.
const MOST_THROTTLED: usize = 60;

/// An operation of an API, by the service's name in SDKs.
pub(crate) type OperationName = (&'static str, &'static str);

/// When the next call of each operation may begin. All clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Paces {
    budget: Budget,
    /// Processes that share the quotas.
    processes: u32,
    paces: Rc<RefCell<HashMap<(OperationName, String), Pace>>>,
}

#[derive(Clone, Copy, Debug)]
struct Pace {
    /// Between two calls.
    interval: Duration,
    /// What the quota leaves this process: no pace is faster.
    least: Duration,
    next: Instant,
}

impl Paces {
    pub(crate) fn new(budget: Budget, processes: u32) -> Self {
        Self { budget, processes: processes.max(1), paces: Rc::default() }
    }

    /// Makes a call in its turn. Where that is not in this invocation, the call is as good as throttled.
    pub(crate) async fn call<T, E>(
        &self,
        operation: OperationName,
        region: &str,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Error>
    where
        Error: From<E>,
    {
        let key = (operation, region.to_owned());
        let turn = self.turn(&key)?;
        if turn > Instant::now() {
            sleep_until(turn).await;
        }
        let answer = call.await.map_err(Error::from);
        let throttled = answer.as_ref().is_err_and(Error::is_throttling);
        if let Some(pace) = self.paces.borrow_mut().get_mut(&key) {
            pace.adapt(throttled);
        }
        answer
    }

    fn turn(&self, key: &(OperationName, String)) -> Result<Instant, Error> {
        let (now, mut paces) = (Instant::now(), self.paces.borrow_mut());
        let pace = paces.entry(key.clone()).or_insert_with(|| {
            let each = |calls: u32| Duration::from_secs(1).saturating_mul(self.processes) / calls.max(1);
            let least = each(quota(key.0));
            let first = named(CAREFUL, key.0).map_or(least, each);
            Pace { interval: first, least, next: now }
        });
        let turn = pace.next.max(now);
        if !self.budget.has_room_at(turn) {
            return Err(Error::no_turn(key.0.1));
        }
        pace.next = turn.checked_add(pace.interval).unwrap_or(turn);
        Ok(turn)
    }
}

/// Calls a second of an operation.
fn quota(operation: OperationName) -> u32 {
    named(QUOTAS, operation).unwrap_or(UNKNOWN)
}

/// What a list says of an operation.
fn named(list: &[(&str, &str, u32)], (service, operation): OperationName) -> Option<u32> {
    let matches = |name: &str| match name.strip_suffix('*') {
        Some(start) => operation.starts_with(start),
        None => operation == name,
    };
    list.iter().find(|(of, name, _)| *of == service && matches(name)).map(|(.., calls)| *calls)
}

/// Asks until AWS does not say that it is asked too often. The pace makes each attempt come later.
pub(crate) async fn until_not_throttled<T>(ask: impl AsyncFn() -> Result<T, Error>) -> Result<T, Error> {
    for _ in 1..MOST_THROTTLED {
        match ask().await {
            Err(error) if error.is_throttling() => {}
            answer => return answer,
        }
    }
    ask().await
}

impl Pace {
    fn adapt(&mut self, throttled: bool) {
        self.interval = match throttled {
            true => self.interval.saturating_mul(2).clamp(FIRST, SLOWEST.max(self.least)),
            false => (self.interval.saturating_mul(19) / 20).max(self.least),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SNS: OperationName = ("SNS", "TagResource");

    fn paces(processes: u32) -> Paces {
        Paces::new(Budget::default(), processes)
    }

    fn key(operation: OperationName) -> (OperationName, String) {
        (operation, "eu-west-1".to_owned())
    }

    /// When the next calls may begin, in milliseconds after the first.
    fn turns(paces: &Paces, operation: OperationName) -> Vec<u128> {
        let turns: Vec<Instant> =
            (0..3).map(|_| paces.turn(&key(operation)).expect("there is time")).collect();
        turns.iter().map(|turn| turn.duration_since(turns[0]).as_millis()).collect()
    }

    #[test]
    fn a_process_takes_its_share_of_the_quota() {
        let share = |processes, operation| turns(&paces(processes), operation);
        assert_eq!(share(1, SNS), [0, 100, 200]);
        assert_eq!(share(5, SNS), [0, 500, 1000]);
        assert_eq!(share(5, ("Resource Groups Tagging API", "TagResources")), [0, 1000, 2000]);
        assert_eq!(share(5, ("EC2", "DescribeTags")), [0, 250, 500]);
        assert_eq!(share(5, ("EC2", "CreateTags")), [0, 500, 1000]);
        assert_eq!(share(1, ("Resource Explorer 2", "ListResources"))[1], 333);
    }

    #[test]
    fn an_operation_that_throttles_is_asked_more_slowly_and_others_are_not() {
        let (paces, other) = (paces(1), ("SQS", "TagQueue"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(async {
            let throttled = async { Err::<(), _>(Error::of_resource("ThrottlingException", "slow down")) };
            paces.call(SNS, "eu-west-1", throttled).await.expect_err("throttled");
            let denied = async { Err::<(), _>(Error::of_resource("AccessDeniedException", "no")) };
            paces.call(other, "eu-west-1", denied).await.expect_err("denied");
        });
        assert_eq!(turns(&paces, SNS), [0, 200, 400]);
        assert_eq!(turns(&paces, other), [0, 100, 200]);
    }

    #[test]
    fn calls_wait_for_their_turn() {
        let (paces, start) = (paces(1), Instant::now());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(async {
            for _ in 0..3 {
                paces.call(SNS, "eu-west-1", async { Ok::<_, Error>(()) }).await.expect("its turn");
            }
        });
        assert!(start.elapsed() >= Duration::from_millis(200), "{:?}", start.elapsed());
    }

    #[test]
    fn a_pace_falls_at_once_and_recovers_slowly() {
        let least = Duration::from_millis(500);
        let mut pace = Pace { interval: least, least, next: Instant::now() };
        pace.adapt(true);
        assert_eq!(pace.interval, least * 2);
        (0..20).for_each(|_| pace.adapt(true));
        assert_eq!(pace.interval, SLOWEST);
        let answers = (0..1000).take_while(|_| {
            pace.adapt(false);
            pace.interval > least
        });
        assert!((30..60).contains(&answers.count()));
    }

    #[test]
    fn an_unknown_rate_is_approached_from_below() {
        let paces = paces(1);
        let get_resources = ("Resource Groups Tagging API", "GetResources");
        assert_eq!(turns(&paces, get_resources), [0, 200, 400]);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let mut all = paces.paces.borrow_mut();
        let pace = all.get_mut(&key(get_resources)).expect("a pace");
        runtime.block_on(async { (0..20).for_each(|_| pace.adapt(false)) });
        assert_eq!(pace.interval, Duration::from_millis(100));
    }

    #[test]
    fn what_has_no_turn_in_the_invocation_is_not_asked() {
        let paces = paces(5);
        paces.budget.begin(Some(Instant::now() + Duration::from_secs(2)));
        let turns = (0..8).map(|_| paces.turn(&key(SNS)));
        let (in_time, late): (Vec<_>, Vec<_>) = turns.partition(Result::is_ok);
        assert_eq!((in_time.len(), late.len()), (4, 4), "at 0, 500, 1,000 and 1,500 ms");
        assert!(late.iter().all(|turn| turn.as_ref().is_err_and(Error::is_throttling)));
    }
}
