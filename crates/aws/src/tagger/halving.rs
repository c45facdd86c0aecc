//! One call for many resources, with one result for each: a call that fails because of one of them is
//! halved.

use std::time::Duration;

use aws_tags::ports::{Failure, FailureKind};
use aws_tags::table::Route;

use crate::error::Error;

/// Pauses before resources that failed for a transient reason are retried.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(800)];

/// The code of an answer about a resource that was not asked for.
pub(super) const UNCLEAR: &str = "UnclearAnswer";

pub(super) type Results = Vec<Result<Route, Failure>>;

/// One call for all items; where it fails because of one of them, one call for each half.
pub(super) async fn whole_or_halves<T>(
    items: &[T],
    call: &impl AsyncFn(&[T]) -> Result<Results, Error>,
) -> Results {
    match call(items).await {
        Ok(results) => results,
        Err(error) if items.len() > 1 && blames_one(&error) => {
            let (left, right) = items.split_at(items.len() / 2);
            let mut results = Box::pin(whole_or_halves(left, call)).await;
            results.extend(Box::pin(whole_or_halves(right, call)).await);
            results
        }
        Err(error) => {
            let mut failure = Failure::from(error);
            // The SDK has tried it again already.
            if failure.kind == FailureKind::Transient {
                failure.kind = FailureKind::Other;
            }
            vec![Err(failure); items.len()]
        }
    }
}

/// The same; resources that an answer says have failed for a transient reason are tried again after a
/// pause, without the rest.
pub(super) async fn with_retries<T: Clone>(
    items: &[T],
    call: impl AsyncFn(&[T]) -> Result<Results, Error>,
) -> Results {
    let mut results = whole_or_halves(items, &call).await;
    for pause in PAUSES {
        let transient =
            |nth: &usize| results[*nth].as_ref().is_err_and(|failure| failure.kind == FailureKind::Transient);
        let failed: Vec<usize> = (0..results.len()).filter(transient).collect();
        if failed.is_empty() {
            break;
        }
        tokio::time::sleep(pause).await;
        let retried: Vec<T> = failed.iter().map(|nth| items[*nth].clone()).collect();
        for (nth, result) in failed.into_iter().zip(whole_or_halves(&retried, &call).await) {
            results[nth] = result;
        }
    }
    results
}

/// Whether a single bad resource may have failed the call for all.
fn blames_one(error: &Error) -> bool {
    let code = error.code.as_deref().unwrap_or_default();
    error.is_not_found()
        || code.starts_with("Invalid")
        || code == UNCLEAR
        || code == "TagLimitExceeded"
        || code == "UnauthorizedOperation"
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::{Cell, RefCell};

    fn run<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.expect("a runtime").block_on(future)
    }

    fn error(code: &str) -> Error {
        Error::of_resource(code, "no")
    }

    /// Tags items 1 to `count` with calls that fail for any `bad` item: the results, and how many calls.
    fn tagged(count: usize, bad: &[usize], code: &str) -> (Results, usize) {
        let (items, calls): (Vec<usize>, _) = ((1..=count).collect(), Cell::new(0));
        let results = run(with_retries(&items, async |part: &[usize]| {
            calls.set(calls.get() + 1);
            match part.iter().any(|item| bad.contains(item)) {
                true => Err(error(code)),
                false => Ok(vec![Ok(Route::Ec2CreateTags); part.len()]),
            }
        }));
        (results, calls.get())
    }

    #[test]
    fn one_bad_resource_fails_alone() {
        let (results, calls) = tagged(8, &[3], "InvalidVolume.NotFound");
        let failed: Vec<usize> = (1..=8).filter(|item| results[item - 1].is_err()).collect();
        assert_eq!(failed, [3]);
        assert_eq!(calls, 7, "1, 2 halves, 2 quarters, 2 eighths");
    }

    #[test]
    fn an_answer_about_another_resource_leaves_no_resource_counted_as_tagged() {
        let (results, _) = tagged(4, &[2], UNCLEAR);
        let failed: Vec<usize> = (1..=4).filter(|item| results[item - 1].is_err()).collect();
        assert_eq!(failed, [2]);
    }

    #[test]
    fn an_error_that_blames_no_resource_is_not_halved() {
        let (results, calls) = tagged(8, &[3], "AccessDenied");
        assert!(results.iter().all(Result::is_err));
        assert_eq!(calls, 1);
    }

    #[test]
    fn a_transient_failure_is_retried_alone_and_at_most_twice() {
        let calls = RefCell::new(Vec::new());
        let results = run(with_retries(&["a", "b"], async |part: &[&str]| {
            calls.borrow_mut().push(part.to_vec());
            let result = |item: &&str| match *item {
                "a" => Ok(Route::Ec2CreateTags),
                _ => Err(Failure { kind: FailureKind::Transient, message: "slow down".into() }),
            };
            Ok(part.iter().map(result).collect())
        }));
        assert!(results[0].is_ok() && results[1].is_err());
        assert_eq!(*calls.borrow(), [vec!["a", "b"], vec!["b"], vec!["b"]]);
    }

    #[test]
    fn a_lasting_failure_is_left_to_the_queue() {
        let calls = Cell::new(0);
        let results = run(with_retries(&[1], async |_: &[i32]| {
            calls.set(calls.get() + 1);
            Ok(vec![Err(Failure::not_found("not yet"))])
        }));
        assert_eq!((results.len(), calls.get()), (1, 1));
    }
}
