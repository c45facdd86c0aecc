//! Tags that a service refuses, for their value, their alphabet, their number or by a policy: the most
//! important ones are written alone and the rest by halves, so that one bad tag does not keep a resource
//! without an owner.

use crate::ports::{Batch, Failure, FailureKind, Tagger};
use crate::table::Route;
use crate::tags::{Tag, TagSource};

/// What became of one resource of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tagged {
    pub result: Result<Route, Failure>,
    /// Keys that were refused, with AWS's reason.
    pub refused: Vec<(String, String)>,
}

/// Tags a batch: one result for each resource, in their order. `mark` is the key of the tag with the
/// principal's id, which goes first with the owner.
pub async fn tag_batch<T: Tagger>(tagger: &T, batch: &Batch, mark: Option<&str>) -> Vec<Tagged> {
    let mut tagged: Vec<Tagged> = tagger.tag(batch).await.into_iter().map(Tagged::from).collect();
    let mut open: Vec<usize> = (0..tagged.len()).filter(|nth| is_refusal(&tagged[*nth].result)).collect();
    let is_first = |tag: &Tag| tag.source == TagSource::Owner || Some(tag.key.as_str()) == mark;
    let (first, others): (Vec<Tag>, Vec<Tag>) = batch.tags.iter().cloned().partition(is_first);
    if open.is_empty() || others.is_empty() || batch.tags.len() == 1 {
        return tagged;
    }
    let calls = Calls { tagger, batch };
    if !first.is_empty() {
        let results = calls.tag(&first, &open).await;
        // Where even these are refused, it is not about the others.
        let (taken, routes): (Vec<_>, Vec<_>) =
            open.into_iter().zip(results).filter_map(|(nth, result)| Some((nth, result.ok()?))).unzip();
        for (nth, route) in taken.iter().zip(routes) {
            tagged[*nth].result = Ok(route);
        }
        open = taken;
    }
    calls.by_halves(&others, &open, &mut tagged).await;
    tagged
}

/// Whether AWS refuses the call for good, be it for its tags.
fn is_refusal(result: &Result<Route, Failure>) -> bool {
    result.as_ref().is_err_and(|failure| matches!(failure.kind, FailureKind::Denied | FailureKind::Refused))
}

impl From<Result<Route, Failure>> for Tagged {
    fn from(result: Result<Route, Failure>) -> Self {
        Self { result, refused: Vec::new() }
    }
}

/// Calls for some of the tags and some of the resources of a batch.
struct Calls<'a, T> {
    tagger: &'a T,
    batch: &'a Batch,
}

impl<T: Tagger> Calls<'_, T> {
    async fn tag(&self, tags: &[Tag], open: &[usize]) -> Vec<Result<Route, Failure>> {
        let resources = open.iter().map(|nth| self.batch.resources[*nth].clone()).collect();
        let Batch { route, region, .. } = self.batch;
        let part = Batch { route: *route, region: region.clone(), tags: tags.to_vec(), resources };
        self.tagger.tag(&part).await
    }

    /// Writes what is not refused; a refusal stays only where nothing could be written.
    async fn by_halves(&self, tags: &[Tag], open: &[usize], tagged: &mut [Tagged]) {
        if tags.is_empty() || open.is_empty() {
            return;
        }
        let mut again = Vec::new();
        for (nth, result) in open.iter().zip(self.tag(tags, open).await) {
            let of = &mut tagged[*nth];
            match (result, tags) {
                (Err(failure), [tag]) if is_refusal(&Err(failure.clone())) => {
                    of.refused.push((tag.key.clone(), failure.message));
                }
                (result, _) if is_refusal(&result) => again.push(*nth),
                (Ok(route), _) if is_refusal(&of.result) => of.result = Ok(route),
                (Ok(_), _) => {}
                // It must come again, whatever else was written.
                (Err(failure), _) => of.result = Err(failure),
            }
        }
        let (left, right) = tags.split_at(tags.len() / 2);
        Box::pin(self.by_halves(left, &again, tagged)).await;
        Box::pin(self.by_halves(right, &again, tagged)).await;
    }
}
