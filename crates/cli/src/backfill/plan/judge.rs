//! The third stage: of all that is said of a resource, which creation counts.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::io::{self, Write};
use std::path::Path;

use aws_tags::Event;
use aws_tags::backfill::claim::Claim;
use aws_tags::backfill::ended::Ending;
use aws_tags::backfill::verdict::{Verdict, verdict};
use aws_tags::history::endings::{self, last_part};
use aws_tags::history::lives::Did;

use super::super::disk::replace;
use super::super::filter::Filter;
use super::Stop;
use super::shards::{self, SHARDS, filed, hash_of};

/// Judges each part that is not yet.
pub(super) fn judge(folder: &Path, filter: &Filter, stop: &Stop) -> io::Result<()> {
    let did = Remembered::default();
    for shard in 0..SHARDS {
        let path = shards::path(folder, "verdicts", shard);
        if path.exists() {
            continue;
        }
        stop.check()?;
        let mut found = verdicts(folder, shard, &did)?;
        found.retain(|verdict| filter.wants(&verdict.planned));
        found.sort_by_cached_key(order);
        replace(&path, |file| {
            for verdict in &found {
                serde_json::to_writer(&mut *file, verdict)?;
                file.write_all(b"\n")?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// Lines of a plan that get the same tags by the same calls stand together.
pub(super) fn order(verdict: &Verdict) -> [String; 5] {
    let planned = &verdict.planned;
    let tags = planned.add.iter().map(|tag| format!("{}={}", tag.key, tag.value));
    let tags = tags.collect::<Vec<_>>().join("\n");
    let [account, region] = [planned.account.clone(), planned.region.clone()];
    [account, region, planned.resource_type.clone(), tags, planned.arn.clone()]
}

fn verdicts(folder: &Path, shard: usize, did: &Remembered) -> io::Result<Vec<Verdict>> {
    let mut claims: HashMap<String, Vec<Claim>> = HashMap::new();
    shards::lines(&shards::path(folder, "claims", shard), &mut |line| {
        let claim: Claim = serde_json::from_slice(line)?;
        claims.entry(claim.arn.clone()).or_default().push(claim);
        Ok(())
    })?;
    let named: HashSet<u64> = claims.keys().map(|arn| hash_of(last_part(arn))).collect();
    let mut ended: HashMap<String, Vec<Ending>> = HashMap::new();
    // Most endings are of what was there before all records.
    shards::lines(&shards::path(folder, "endings", shard), &mut |line| {
        let ([name], record) = filed(line)?;
        if named.contains(&name) {
            let event = Event::from_text(record).map_err(io::Error::other)?;
            for ending in Ending::all(&event).filter(|ending| hash_of(last_part(&ending.text)) == name) {
                ended.entry(last_part(&ending.text).to_owned()).or_default().push(ending);
            }
        }
        Ok(())
    })?;
    let judged = claims.iter().filter_map(|(arn, claims)| {
        let endings = ended.get(last_part(arn)).map_or(&[][..], Vec::as_slice);
        verdict(claims, endings, |name, resource_type| did.of(name, resource_type))
    });
    Ok(judged.collect())
}

/// What calls of a name do to a type, which takes a walk through the table to find.
#[derive(Default)]
struct Remembered(RefCell<HashMap<(String, String), Did>>);

impl Remembered {
    fn of(&self, name: &str, resource_type: &str) -> Did {
        let mut known = self.0.borrow_mut();
        let call = (name.to_owned(), resource_type.to_owned());
        *known.entry(call).or_insert_with(|| endings::did(name, resource_type))
    }
}
