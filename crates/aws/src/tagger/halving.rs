//! One call for many resources, with one result for each: a call that fails because of one of them is
//! halved. Nothing is tried again here: the SDK has done so, and what must come again comes later.

use aws_tags::ports::Failure;
use aws_tags::table::Route;

use crate::error::Error;

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
            vec![Err(error.into()); items.len()]
        }
    }
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
    use std::cell::Cell;

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
        let results = run(whole_or_halves(&items, &async |part: &[usize]| {
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
}
